//! A whole request, as [`write`](crate::whole::write) made a record of it.
//!
//! What: who sent it and when, then the request as HTTP has it.
//! Input: the record. Output: the places of its parts; the body is not looked at here.
//! Example: `203.0.113.9 1795176000000`, `GET / HTTP/1.1`, headers, an empty line, the body.
//! Limits: of a header that comes twice, the first counts.

use vigil_event::Timestamp;

use super::{Fields, ParseError};
use crate::client_address::address;
use crate::request::split_line;
use crate::span::Span;
use crate::whole;

pub(super) fn parse(text: &[u8], start: usize) -> Result<Fields, ParseError> {
    let parts = whole::parts(text, start, text.len()).ok_or(ParseError::NoRequest)?;
    let time = std::str::from_utf8(parts.time.of(text)).ok();
    let time = time.and_then(|time| time.parse().ok());
    let line = split_line(text, parts.line);
    let mut fields = Fields {
        peer: address(parts.client.of(text)),
        time: time.map(Timestamp::from_millis),
        target: line.map_or(parts.line, |line| line.target),
        line,
        head: parts.head,
        body: parts.body,
        is_whole: true,
        ..Fields::default()
    };
    for (name, value) in whole::headers(parts.head.of(text)) {
        let is = |own: &str| name.eq_ignore_ascii_case(own.as_bytes());
        let slot = if is("host") {
            &mut fields.host
        } else if is("user-agent") {
            &mut fields.user_agent
        } else if is("referer") {
            &mut fields.referrer
        } else if is("cookie") {
            &mut fields.cookie
        } else if is("x-forwarded-for") || is("forwarded") {
            &mut fields.forwarded
        } else {
            continue;
        };
        if slot.is_empty() {
            // The value is a part of the text, so the difference of the places is its own.
            let from = value.as_ptr() as usize - text.as_ptr() as usize;
            *slot = Span::new(from, from + value.len());
        }
    }
    Ok(fields)
}
