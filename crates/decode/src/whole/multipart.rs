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
    let disposition = lines.iter().find(|line| {
        let start = line.get(..b"content-disposition:".len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(b"content-disposition:"))
    });
    let of_disposition = |name: &[u8]| parameter(disposition?, name);
    let name = of_disposition(b"name").unwrap_or_default();
    for line in lines
        .iter()
        .take(MAX_PARAMETERS.saturating_sub(whole.part_headers.len()))
    {
        whole.part_headers.push(Pair::new(&name, line));
    }
    match of_disposition(b"filename") {
        Some(file_name) => whole.uploads.push(Upload {
            field: name,
            file_name,
            bytes: content.len(),
        }),
        None => whole.parameters.push(Pair {
            name,
            value: content.to_vec(),
        }),
    }
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
