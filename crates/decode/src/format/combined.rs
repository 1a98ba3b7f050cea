//! The formats of nginx and Apache that are plain text.
//!
//! What: `common`, `combined`, either with the host in front, either with more fields behind.
//! Input: `host:port addr ident user [time] "request" status bytes "referrer" "agent" "forwarded"`.
//! Output: the places of the fields, as logged: escapes stay.
//! Example: `192.0.2.1 - - [20/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8.5"`.
//! Limits: quotes inside fields must be escaped, as both servers do (`\x22`, `\"`); what follows the
//! quoted field after the user agent is not read.

use memchr::{memchr, memchr2, memrchr};

use super::{Fields, Format, ParseError, time};
use crate::client_address::address;
use crate::request::split_line;
use crate::span::Span;

/// What a line is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    host: Host,
    /// Referrer and user agent follow.
    tail: bool,
}

#[derive(Clone, Copy, Debug)]
enum Host {
    Absent,
    Present,
    Detected,
}

impl Layout {
    pub(super) const fn of(format: Format) -> Self {
        match format {
            Format::Combined => Self {
                host: Host::Absent,
                tail: true,
            },
            Format::Common => Self {
                host: Host::Absent,
                tail: false,
            },
            Format::VhostCombined => Self {
                host: Host::Present,
                tail: true,
            },
            _ => Self {
                host: Host::Detected,
                tail: true,
            },
        }
    }
}

/// Parses the line that stands from `start` to the end of `text`; spans count from 0.
pub(super) fn parse(
    text: &[u8],
    start: usize,
    layout: Layout,
    truncated: bool,
) -> Result<Fields, ParseError> {
    let quote = opening_quote(text, start).ok_or(ParseError::NotAnAccessLog)?;
    // The quote stands right behind `] `.
    let bracket_end = quote - 2;
    let before = text.get(start..bracket_end).unwrap_or_default();
    let bracket = start + memrchr(b'[', before).ok_or(ParseError::NotAnAccessLog)?;
    let head = head(
        text,
        Span::new(start, bracket.saturating_sub(1).max(start)),
        layout.host,
    );

    let mut fields = Fields {
        time: time::any(Span::new(bracket + 1, bracket_end).of(text)),
        peer: address(head.address.of(text)),
        host: head.host,
        user: head.user,
        log_escaped: true,
        ..Fields::default()
    };
    let closing = closing_request_quote(text, quote + 1);
    set_request(
        &mut fields,
        text,
        Span::new(quote + 1, closing.unwrap_or(text.len())),
    );
    let Some(closing) = closing else {
        return if truncated {
            Ok(fields)
        } else {
            Err(ParseError::OpenRequest)
        };
    };
    let Some(after_status) = set_status(&mut fields, text, closing + 1) else {
        return if truncated {
            Ok(fields)
        } else {
            Err(ParseError::NoStatus)
        };
    };
    if layout.tail {
        set_tail(&mut fields, text, after_status);
    }
    Ok(fields)
}

/// The place of the request's opening quote: the first that follows `] `. A client cannot write
/// one into the user before it, since both servers escape quotes there.
fn opening_quote(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let quote = at + memchr(b'"', text.get(at..)?)?;
        if text
            .get(at.max(start)..quote)
            .is_some_and(|before| before.ends_with(b"] "))
        {
            return Some(quote);
        }
        at = quote + 1;
    }
}

struct Head {
    host: Span,
    address: Span,
    user: Span,
}

/// What stands before the time: `[host] address ident user`.
fn head(text: &[u8], whole: Span, host: Host) -> Head {
    let first = word(text, whole.start(), whole.end());
    let second = word(text, first.end() + 1, whole.end());
    let has_host = match host {
        Host::Absent => false,
        Host::Present => true,
        // After the client's address stands the ident, which is `-` nearly everywhere.
        Host::Detected => match second.of(text) {
            b"-" | b"" => false,
            text_of_second if address(text_of_second).is_some() => true,
            _ => {
                let third = word(text, second.end() + 1, whole.end());
                third.of(text) == b"-" && address(first.of(text)).is_none()
            }
        },
    };
    let (host, address, ident) = if has_host {
        (first, second, word(text, second.end() + 1, whole.end()))
    } else {
        (Span::EMPTY, first, second)
    };
    Head {
        host,
        address,
        user: Span::new(ident.end() + 1, whole.end()),
    }
}

/// The word from `from` to the next space; empty at the end.
fn word(text: &[u8], from: usize, end: usize) -> Span {
    let from = from.min(end);
    let rest = text.get(from..end).unwrap_or_default();
    Span::new(from, from + memchr(b' ', rest).unwrap_or(rest.len()))
}

/// The place of the first quote from `from` that no backslash escapes and that `ends` accepts by
/// what follows it.
fn closing_quote(text: &[u8], from: usize, ends: impl Fn(&[u8]) -> bool) -> Option<usize> {
    let mut at = from;
    loop {
        let place = at + memchr2(b'"', b'\\', text.get(at..)?)?;
        if text.get(place) == Some(&b'\\') {
            at = place + 2;
        } else if ends(text.get(place + 1..).unwrap_or_default()) {
            return Some(place);
        } else {
            at = place + 1;
        }
    }
}

/// A server that does not escape quotes is served as well as can be: the request ends at the quote
/// that a status follows, or else at the first.
fn closing_request_quote(text: &[u8], from: usize) -> Option<usize> {
    let before_status = |rest: &[u8]| match rest {
        [b' ', b'-'] | [b' ', b'-', b' ', ..] => true,
        [b' ', a, b, c, rest @ ..] => {
            [a, b, c].into_iter().all(u8::is_ascii_digit) && matches!(rest, [] | [b' ', ..])
        }
        _ => false,
    };
    closing_quote(text, from, before_status).or_else(|| closing_quote(text, from, |_| true))
}

/// The version may have been cut off: what is left of the target is still judged.
fn set_request(fields: &mut Fields, text: &[u8], line: Span) {
    fields.line = split_line(text, line);
    fields.target = fields.line.map_or(line, |line| line.target);
}

/// Reads ` status bytes` and returns the place behind them; none without a status.
fn set_status(fields: &mut Fields, text: &[u8], from: usize) -> Option<usize> {
    let status = word(text, from + 1, text.len());
    let digits = status.of(text);
    let is_number = digits.len() == 3 && digits.iter().all(u8::is_ascii_digit);
    if !is_number && digits != b"-" {
        return None;
    }
    fields.status = number(digits) as u16;
    let size = word(text, status.end() + 1, text.len());
    fields.body_bytes = number(size.of(text));
    Some(size.end())
}

/// A decimal number; 0 for what is none (Apache writes `-` for an empty body).
fn number(digits: &[u8]) -> u64 {
    let value = digits.iter().try_fold(0_u64, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    });
    value.unwrap_or(0)
}

/// Reads ` "referrer" "agent" "forwarded"`, as much as there is.
fn set_tail(fields: &mut Fields, text: &[u8], from: usize) {
    let mut at = from;
    for field in [
        &mut fields.referrer,
        &mut fields.user_agent,
        &mut fields.forwarded,
    ] {
        let Some(quoted) = text.get(at..).and_then(|rest| rest.strip_prefix(b" \"")) else {
            return;
        };
        let start = text.len() - quoted.len();
        let close = closing_quote(text, start, |rest| matches!(rest, [] | [b' ', ..]))
            .unwrap_or(text.len());
        *field = Span::new(start, close);
        at = close + 1;
    }
}
