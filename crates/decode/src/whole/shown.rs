//! What of a whole request's body and headers rules for queries are to see.

use vigil_event::Whole;
use vigil_event::whole::{BodyKind, Pair};

/// What of a request's body rules for queries are to see: names and values, and as text what was not read
/// into these.
pub(crate) fn shown_of_body(whole: &Whole) -> Vec<(&[u8], &[u8])> {
    let whole_text = || vec![(&b""[..], whole.body.as_slice())];
    match whole.kind {
        BodyKind::None => Vec::new(),
        BodyKind::Xml | BodyKind::Other => whole_text(),
        _ if whole.malformed.is_some() && whole.parameters.is_empty() => whole_text(),
        BodyKind::Form | BodyKind::Json | BodyKind::Multipart => {
            let parameters = whole.parameters.iter();
            let parameters = parameters.map(|one| (one.name.as_slice(), one.value.as_slice()));
            let uploads = whole.uploads.iter();
            let uploads = uploads.map(|one| (one.field.as_slice(), one.file_name.as_slice()));
            let unread = whole.body.get(whole.unread_from..).unwrap_or_default();
            let unread = (!unread.is_empty()).then_some((&b""[..], unread));
            parameters.chain(uploads).chain(unread).collect()
        }
    }
}

/// Headers that have a field of their own, hold secrets, or are negotiated by programs.
const NOT_SHOWN: [&str; 30] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "access-control-request-headers",
    "access-control-request-method",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "cookie",
    "date",
    "dnt",
    "expect",
    "host",
    "keep-alive",
    "origin",
    "pragma",
    "priority",
    "proxy-authorization",
    "range",
    "referer",
    "te",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "via",
    "x-requested-with",
];

/// What of a request's headers rules for queries are to see.
pub(crate) fn shown_of_headers(whole: &Whole) -> Vec<(&[u8], &[u8])> {
    let headers = whole.headers.iter();
    let is_shown = |header: &&Pair| {
        let is = |own: &str| header.name.eq_ignore_ascii_case(own.as_bytes());
        let starts_with = |start: &str| {
            let own = header.name.get(..start.len());
            own.is_some_and(|own| own.eq_ignore_ascii_case(start.as_bytes()))
        };
        !(is("content-type") && is_plain_type(&header.value)
            || starts_with("sec-")
            || starts_with("if-")
            || NOT_SHOWN.iter().any(|own| is(own)))
    };
    let shown = headers.filter(is_shown);
    shown
        .map(|header| (header.name.as_slice(), header.value.as_slice()))
        .collect()
}

/// Whether a type of content is one as programs write it, of a charset in which ASCII stands for itself.
fn is_plain_type(value: &[u8]) -> bool {
    const ODD: [&[u8]; 3] = [b"ibm", b"ebcdic", b"utf-7"];
    let value = value.to_ascii_lowercase();
    let is_odd = |odd: &[u8]| memchr::memmem::find(&value, odd).is_some();
    !value.iter().any(|byte| b"{}()<>$".contains(byte)) && !ODD.into_iter().any(is_odd)
}
