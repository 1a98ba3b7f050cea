//! Bodies of several parts (RFC 7578): fields and files.
//!
//! What: each part's headers, and what it holds under which name.
//! Input: the `Content-Type` with its boundary, and the body. Output: fields, files, headers.
//! Example: a part with `name="a"` is the parameter `a`; one with `filename` is a file.
//! Limits: 1,000 parts; a body without its boundary or without its end is malformed.

use vigil_event::Whole;
use vigil_event::whole::{Pair, Upload};

use super::MAX_PARAMETERS;

pub(super) fn read(
    content_type: &[u8],
    body: &[u8],
    whole: &mut Whole,
) -> Result<(), &'static str> {
    let boundary =
        parameter(content_type, b"boundary").ok_or("a multipart body without a boundary")?;
    let mark = [b"--", boundary.as_slice()].concat();
    let start = memchr::memmem::find(body, &mark).ok_or("a multipart body without its boundary")?;
    let mut rest = body.get(start + mark.len()..).unwrap_or_default();
    let between = [b"\n", mark.as_slice()].concat();
    for _ in 0..MAX_PARAMETERS {
        if rest.starts_with(b"--") {
            return Ok(());
        }
        let end = memchr::memmem::find(rest, &between);
        part(
            rest.get(..end.unwrap_or(rest.len())).unwrap_or_default(),
            whole,
        );
        let Some(end) = end else {
            return Err("a multipart body without its end");
        };
        rest = rest.get(end + between.len()..).unwrap_or_default();
    }
    whole.unread_from = body.len() - rest.len();
    Err("more parts than are read")
}

/// A part behind its boundary, up to the line break before the next one.
fn part(text: &[u8], whole: &mut Whole) {
    let text = line_end(text);
    let mut rest = text;
    let mut lines = Vec::new();
    let content = loop {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest.get(..end).unwrap_or_default();
        rest = rest.get(end + 1..).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break rest.strip_suffix(b"\r").unwrap_or(rest);
        }
        lines.push(line);
    };
    let header = |name: &[u8]| {
        lines.iter().find_map(|line| {
            let (start, value) = line.split_at_checked(name.len())?;
            let value = value.strip_prefix(b":")?;
            start.eq_ignore_ascii_case(name).then_some(value)
        })
    };
    let disposition = header(b"content-disposition");
    let of_disposition = |name: &[u8]| parameter(disposition?, name);
    let name = of_disposition(b"name").unwrap_or_default();
    for line in lines
        .iter()
        .take(MAX_PARAMETERS.saturating_sub(whole.part_headers.len()))
    {
        whole.part_headers.push(Pair::new(&name, line));
    }
    // Who sends both names means others to read the second one (RFC 6266).
    let file_names = [&b"filename"[..], b"filename*"].into_iter();
    let mut file_names = file_names.filter_map(of_disposition).peekable();
    if file_names.peek().is_none() {
        let encoding = header(b"content-transfer-encoding").unwrap_or_default();
        let is_quoted = encoding
            .trim_ascii()
            .eq_ignore_ascii_case(b"quoted-printable");
        let value = if is_quoted {
            unquoted(content)
        } else {
            content.to_vec()
        };
        whole.parameters.push(Pair { name, value });
        return;
    }
    whole.uploads.extend(file_names.map(|file_name| Upload {
        field: name.clone(),
        file_name,
        bytes: content.len(),
    }));
}

/// What quoted-printable text says (RFC 2045, 6.7), as Go's reader undoes it by itself. What is no escape
/// stays.
fn unquoted(text: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut made = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        match after {
            [b'\r', b'\n', after @ ..] | [b'\n', after @ ..] if *byte == b'=' => rest = after,
            [high, low, after @ ..] if *byte == b'=' => match digit(*high).zip(digit(*low)) {
                Some((high, low)) => {
                    made.push((high << 4 | low) as u8);
                    rest = after;
                }
                None => made.push(*byte),
            },
            _ => made.push(*byte),
        }
    }
    made
}

/// What follows the line break at the start.
fn line_end(text: &[u8]) -> &[u8] {
    let text = text.strip_prefix(b"\r").unwrap_or(text);
    text.strip_prefix(b"\n").unwrap_or(text)
}

/// `name=value` or `name="value"` behind a `;`.
fn parameter(header: &[u8], wanted: &[u8]) -> Option<Vec<u8>> {
    let mut rest = header;
    loop {
        let at = memchr::memchr(b';', rest)?;
        rest = rest.get(at + 1..)?.trim_ascii_start();
        let sign = memchr::memchr(b'=', rest)?;
        let is_wanted = rest.get(..sign)?.trim_ascii().eq_ignore_ascii_case(wanted);
        let value = rest.get(sign + 1..)?.trim_ascii_start();
        let (value, after) = if let Some(quoted_value) = value.strip_prefix(b"\"") {
            quoted(quoted_value)
        } else {
            let end = memchr::memchr(b';', value).unwrap_or(value.len());
            let (value, after) = value.split_at_checked(end)?;
            (value.trim_ascii_end().to_vec(), after)
        };
        if is_wanted {
            return Some(value);
        }
        rest = after;
    }
}

/// The text up to the closing quote, and what follows.
fn quoted(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut value = Vec::new();
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            (b'"', _) => break,
            (b'\\', [escaped @ (b'"' | b'\\'), after @ ..]) => {
                value.push(*escaped);
                rest = after;
            }
            _ => value.push(*byte),
        }
    }
    (value, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What one part says: its fields, and the names of its files.
    fn says(headers: &str, content: &str) -> (Vec<String>, Vec<String>) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let body = format!("--X\r\n{headers}\r\n\r\n{content}\r\n--X--\r\n");
        let mut whole = Whole::default();
        read(
            b"multipart/form-data; boundary=X",
            body.as_bytes(),
            &mut whole,
        )
        .unwrap();
        (
            whole
                .parameters
                .iter()
                .map(|one| format!("{}={}", text(&one.name), text(&one.value)))
                .collect(),
            whole
                .uploads
                .iter()
                .map(|one| text(&one.file_name))
                .collect(),
        )
    }

    #[test]
    fn a_file_has_every_name_that_it_is_given() {
        let disposition = "content-disposition: form-data; name=f";
        let (fields, files) = says(
            &format!("{disposition}; filename*=UTF-8''..%2fa; filename=\"b\""),
            "x",
        );
        assert_eq!(
            (fields.len(), files),
            (0, vec!["b".into(), "UTF-8''..%2fa".into()])
        );
        let (fields, files) = says(&format!("{disposition}; filename*=UTF-8''..%2fa"), "x");
        assert_eq!((fields.len(), files), (0, vec!["UTF-8''..%2fa".to_owned()]));
    }

    #[test]
    fn quoted_printable_fields_are_read_as_what_they_say() {
        let headers =
            "Content-Disposition: form-data; name=q\r\nContent-Transfer-Encoding: Quoted-Printable";
        for (content, expected) in [
            ("=27 or=20=31=3d1", "q=' or 1=1"),
            ("a=\r\nb=\nc", "q=abc"),
            ("a=b=zz=4", "q=a=b=zz=4"),
            ("=", "q=="),
            ("", "q="),
        ] {
            assert_eq!(says(headers, content).0, [expected]);
        }
        let plain = says("Content-Disposition: form-data; name=q", "=41").0;
        assert_eq!(plain, ["q==41"]);
    }
}
