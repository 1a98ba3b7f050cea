//! Whole requests: how one is handed on as a record, and what its body says.
//!
//! *Input*: [`write`] makes a record of a request; it is parsed as [`Format::Request`](crate::Format).
//! *Output*: an event's [`Whole`], and a text that may be kept, without bodies and secrets.
//! *Example*: `203.0.113.9 1795176000000`, then the request as HTTP has it, with bare line breaks.
//! *Limits*: 200 headers, [`MAX_PARAMETERS`] parameters, 32 levels of JSON, 64 KiB of XML text; from where
//! there is more on the body is looked at as text. A body is cut by whoever takes it in, and one that was sent
//! compressed is inflated to no more than that.

mod form;
mod inflate;
mod masked;
mod multipart;
mod shown;
mod xml;

use std::io::Write as _;
use std::net::IpAddr;

use vigil_event::whole::{BodyKind, Pair};
use vigil_event::{Timestamp, Whole, json};

use crate::span::Span;

pub(crate) use masked::masked;
pub(crate) use shown::{shown_of_body, shown_of_headers};

/// The most headers that are looked at.
const MAX_HEADERS: usize = 200;
/// The most parameters that are read out of a body.
pub(crate) const MAX_PARAMETERS: usize = 1_000;

/// A request as somebody tells of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told<'a> {
    /// Who was at the other end of the connection.
    pub client: Option<IpAddr>,
    /// When it came.
    pub occurred_at: Option<Timestamp>,
    /// The method.
    pub method: &'a [u8],
    /// The target: path and query as received.
    pub target: &'a [u8],
    /// Such as `1.1`.
    pub version: &'a [u8],
    /// Names and values in the order they came.
    pub headers: &'a [Pair],
    /// The body, cut to what is to be looked at.
    pub body: &'a [u8],
}

/// Appends a request as a record.
pub fn write(to: &mut Vec<u8>, told: &Told<'_>) {
    match told.client {
        // Writing into memory cannot fail.
        Some(client) => _ = write!(to, "{client}"),
        None => to.push(b'-'),
    }
    match told.occurred_at {
        Some(at) => _ = writeln!(to, " {}", at.as_millis()),
        None => to.extend_from_slice(b" -\n"),
    }
    for (part, after) in [
        (told.method, b" " as &[u8]),
        (told.target, b" HTTP/"),
        (told.version, b"\n"),
    ] {
        one_line(to, part);
        to.extend_from_slice(after);
    }
    for header in told.headers.iter().take(MAX_HEADERS) {
        if header.name.is_empty() {
            continue;
        }
        // A colon in a name would part it elsewhere.
        let start = to.len();
        one_line(to, &header.name);
        for byte in to.get_mut(start..).unwrap_or_default() {
            if *byte == b':' {
                *byte = b'_';
            }
        }
        to.extend_from_slice(b": ");
        one_line(to, &header.value);
        to.push(b'\n');
    }
    to.push(b'\n');
    to.extend_from_slice(told.body);
}

/// A line break would end the line: it becomes a space.
fn one_line(to: &mut Vec<u8>, text: &[u8]) {
    to.extend(
        text.iter()
            .map(|byte| if *byte == b'\n' { b' ' } else { *byte }),
    );
}

/// Where the parts of such a record stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) client: Span,
    pub(crate) time: Span,
    pub(crate) line: Span,
    pub(crate) head: Span,
    pub(crate) body: Span,
}

/// Finds the parts of a record; none if it is not one that [`write`] made.
pub(crate) fn parts(bytes: &[u8], start: usize, end: usize) -> Option<Parts> {
    let text = bytes.get(start..end)?;
    let first = memchr::memchr(b'\n', text)?;
    let space = memchr::memchr(b' ', text.get(..first)?)?;
    let line = first + 1 + memchr::memchr(b'\n', text.get(first + 1..)?)?;
    let rest = text.get(line + 1..)?;
    let head = if rest.first() == Some(&b'\n') {
        0
    } else {
        memchr::memmem::find(rest, b"\n\n")? + 1
    };
    let span = |from: usize, to: usize| Span::new(start + from, start + to);
    Some(Parts {
        client: span(0, space),
        time: span(space + 1, first),
        line: span(first + 1, line),
        head: span(line + 1, line + 1 + head),
        body: span(line + 1 + head + 1, text.len()),
    })
}

/// The headers of a head.
pub(crate) fn headers(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = head;
    let lines = std::iter::from_fn(move || {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest.get(..end).filter(|_| !rest.is_empty());
        rest = rest.get(end + 1..).unwrap_or_default();
        line
    });
    lines.filter_map(header)
}

fn header(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    let value = line.get(colon + 1..)?;
    let value = value.strip_prefix(b" ").unwrap_or(value);
    Some((line.get(..colon)?, value))
}

/// Reads a request's headers and its body, as what it says it is.
pub(crate) fn read(head: &[u8], body: &[u8]) -> Whole {
    let mut whole = Whole {
        headers: headers(head)
            .map(|(name, value)| Pair::new(name, value))
            .collect(),
        ..Whole::default()
    };
    // Several of one name are one list (RFC 9110, 5.3).
    let encodings = whole.headers.iter();
    let encodings =
        encodings.filter(|header| header.name.eq_ignore_ascii_case(b"content-encoding"));
    let encodings: Vec<&[u8]> = encodings.map(|header| &*header.value).collect();
    whole.body =
        inflate::inflated(&encodings.join(&b","[..]), body).unwrap_or_else(|| body.to_vec());
    read_body(&mut whole);
    whole
}

/// Reads the body.
fn read_body(whole: &mut Whole) {
    let body = std::mem::take(&mut whole.body);
    whole.unread_from = body.len();
    let kind = whole.header("content-type").unwrap_or_default().to_vec();
    if !kind.is_empty() || !body.is_empty() {
        whole.kind = kind_of(&kind);
    }
    if body.is_empty() {
        return;
    }
    whole.malformed = match whole.kind {
        BodyKind::Form => {
            whole.unread_from = form::read(&body, &mut whole.parameters);
            None
        }
        BodyKind::Json => {
            let to = &mut whole.parameters;
            let (read, fault) = json::flatten(&body, b"json", MAX_PARAMETERS, to);
            whole.unread_from = read;
            fault
        }
        BodyKind::Multipart => multipart::read(&kind, &body, whole).err(),
        BodyKind::Xml => xml::read(&body, whole).err(),
        BodyKind::None | BodyKind::Other => None,
    };
    whole.body = body;
}

/// What a `Content-Type` says; RFC 9110 and RFC 6839.
fn kind_of(content_type: &[u8]) -> BodyKind {
    let end = content_type.iter().position(|byte| *byte == b';');
    let name = content_type.get(..end.unwrap_or(content_type.len()));
    let name = name.unwrap_or_default().trim_ascii().to_ascii_lowercase();
    match name.as_slice() {
        b"application/x-www-form-urlencoded" => BodyKind::Form,
        b"multipart/form-data" => BodyKind::Multipart,
        b"application/json" | b"text/json" => BodyKind::Json,
        b"application/xml" | b"text/xml" => BodyKind::Xml,
        name if name.ends_with(b"+json") => BodyKind::Json,
        name if name.ends_with(b"+xml") => BodyKind::Xml,
        _ => BodyKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record(told: &Told<'_>) -> (Vec<u8>, Parts) {
        let mut bytes = b"before".to_vec();
        write(&mut bytes, told);
        let parts = parts(&bytes, 6, bytes.len()).unwrap();
        (bytes, parts)
    }

    fn body(content_type: &str, body: &str) -> Whole {
        read(
            format!("Content-Type: {content_type}\n").as_bytes(),
            body.as_bytes(),
        )
    }

    fn shown(whole: &Whole) -> Vec<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let pairs = whole.parameters.iter();
        pairs
            .map(|pair| format!("{}={}", text(&pair.name), text(&pair.value)))
            .collect()
    }

    #[test]
    fn a_request_is_handed_on_whole() {
        let headers = [
            Pair::new(b"Host", b"a"),
            Pair::new(b"X: y", b"b\r\nEvil: c"),
            Pair::new(b"", b""),
        ];
        let told = Told {
            client: Some("2001:db8::1".parse().unwrap()),
            occurred_at: Some(Timestamp::from_millis(5)),
            method: b"POST",
            target: b"/a b\n?c",
            version: b"1.1",
            headers: &headers,
            body: b"x\n\ny",
        };
        let (bytes, parts) = record(&told);
        assert_eq!(parts.client.of(&bytes), b"2001:db8::1");
        assert_eq!(parts.time.of(&bytes), b"5");
        assert_eq!(parts.line.of(&bytes), b"POST /a b ?c HTTP/1.1");
        assert_eq!(parts.body.of(&bytes), b"x\n\ny");
        let found: Vec<_> = super::headers(parts.head.of(&bytes)).collect();
        assert_eq!(
            found,
            [(&b"Host"[..], &b"a"[..]), (b"X_ y", b"b\r Evil: c")]
        );
        let (bytes, parts) = record(&Told::default());
        assert_eq!(
            (parts.head.of(&bytes), parts.body.of(&bytes)),
            (&b""[..], &b""[..])
        );
    }

    #[test]
    fn bodies_are_read_as_what_they_say_they_are() {
        for (kind, text, expected) in [
            (
                "application/x-www-form-urlencoded",
                "a=1%41+2&b&=c",
                &["a=1A 2", "b=", "=c"][..],
            ),
            (
                "application/json; charset=utf-8",
                r#"{"a":{"b":[1,"x\u0041",{"c":null}]},"d":true,"":"e"}"#,
                &[
                    "json.a.b.array_0=1",
                    "json.a.b.array_1=xA",
                    "json.a.b.array_2.c=",
                    "json.d=true",
                    "json.empty-key=e",
                ],
            ),
            ("application/vnd.api+json", r#"["a"]"#, &["json.array_0=a"]),
            ("text/plain", "a=b", &[]),
        ] {
            let whole = body(kind, text);
            assert_eq!(shown(&whole), expected, "{kind}");
            assert_eq!(whole.malformed, None, "{kind}");
        }
        let whole = body("application/json", r#"{"a":"b","c":"#);
        assert_eq!(shown(&whole), ["json.a=b"]);
        assert!(whole.malformed.is_some());
        let whole = body(
            "text/xml",
            "<?xml version='1.0'?><a b=\"c&lt;\"><!-- d --><e>f&amp;</e><![CDATA[g]]></a>",
        );
        assert_eq!(
            (whole.xml_text.as_slice(), whole.xml_attributes.as_slice()),
            (&b"f&g"[..], &[b"c<".to_vec()][..])
        );
        assert_eq!(whole.malformed, None);
        let whole = body("text/xml", "<a>b<c d='e'/>f");
        assert_eq!(whole.xml_text, b"bf", "up to where it ends early");
        assert!(whole.malformed.is_some());
    }

    #[test]
    fn what_is_too_much_is_looked_at_as_text() {
        let deep = format!(
            r#"{{"a":1,"b":{}"evil"{}}}"#,
            r#"{"c":"#.repeat(40),
            "}".repeat(40)
        );
        let many = |one: &str, joint: &str| {
            let each: Vec<_> = (0..1_005)
                .map(|n| one.replace("{n}", &n.to_string()))
                .collect();
            each.join(joint)
        };
        let part = "--X\r\nContent-Disposition: form-data; name=\"p{n}\"\r\n\r\nv{n}";
        for (kind, text, expected) in [
            ("application/json", deep.as_str(), "\"evil\""),
            (
                "application/json",
                &format!("[{}]", many("\"v{n}\"", ",")),
                "\"v1003\"",
            ),
            ("application/json", r#"{"a":1} evil"#, "evil"),
            (
                "application/x-www-form-urlencoded",
                &many("p{n}=v{n}", "&"),
                "p1004=v1004",
            ),
            (
                "multipart/form-data; boundary=X",
                &many(part, "\r\n"),
                "v1004",
            ),
        ] {
            let whole = body(kind, text);
            let shown = shown_of_body(&whole);
            let (name, rest) = shown.last().unwrap();
            assert!(name.is_empty() && !whole.parameters.is_empty(), "{kind}");
            assert!(
                memchr::memmem::find(rest, expected.as_bytes()).is_some(),
                "{kind}"
            );
        }
    }

    #[test]
    fn multipart_bodies_have_fields_and_files() {
        let text = "--XX\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nval\r\nue\r\n--XX\r\nContent-Disposition: form-data; \
                    name=\"up\"; filename=\"a.php\"\r\nContent-Type: text/plain\r\n\r\n<?php x\r\n--XX--\r\n";
        let whole = body("multipart/form-data; boundary=\"XX\"", text);
        assert_eq!(shown(&whole), ["f=val\r\nue"]);
        let uploads: Vec<_> = whole
            .uploads
            .iter()
            .map(|upload| (upload.file_name.as_slice(), upload.bytes))
            .collect();
        assert_eq!(uploads, [(&b"a.php"[..], 7)]);
        assert_eq!(whole.part_headers.len(), 3);
        assert_eq!(whole.malformed, None);
        for (kind, text) in [
            ("multipart/form-data", text),
            ("multipart/form-data; boundary=YY", text),
            ("multipart/form-data; boundary=XX", "--XX\r\nabc"),
        ] {
            assert!(body(kind, text).malformed.is_some(), "{kind}");
        }
    }

    #[test]
    fn only_telling_headers_are_shown_to_rules_for_queries() {
        let whole = read(b"Accept: */*\nX-Api: ${jndi:x}\nContent-Type: text/plain\nSec-Ch-Ua: \"a\"\nAuthorization: Basic x\n", b"");
        assert_eq!(
            shown_of_headers(&whole),
            [(&b"X-Api"[..], &b"${jndi:x}"[..])]
        );
        for odd in [
            "%{(#_='x')}",
            "text/xml; charset=IBM037",
            "a/b;charset=utf-7",
        ] {
            let whole = read(format!("content-type: {odd}\n").as_bytes(), b"");
            assert_eq!(shown_of_headers(&whole).len(), 1, "{odd}");
        }
    }

    const KINDS: [&str; 4] = [
        "application/json",
        "text/xml",
        "multipart/form-data; boundary=a",
        "application/x-www-form-urlencoded",
    ];

    proptest! {
        #[test]
        fn any_body_is_read_without_a_panic(kind in prop::sample::select(KINDS.to_vec()), text in "[-{}\\[\\]\":,a-c0-9<>!/?&;=\\\\\r\n ]{0,200}") {
            let whole = body(kind, &text);
            shown_of_body(&whole);
            masked(b"GET / HTTP/1.1", &whole, &mut Vec::new());
        }

        #[test]
        fn any_bytes_are_no_record_or_one(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Some(parts) = parts(&bytes, 0, bytes.len()) {
                read(parts.head.of(&bytes), parts.body.of(&bytes));
            }
        }
    }
}
