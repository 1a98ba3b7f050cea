//! The error logs of nginx and Apache.
//!
//! What: lines of `error.log`.
//! Input: one line.
//! Output: time, message, and the client's address where the line has one.
//! Example: `2026/11/20 12:00:00 [alert] 1#1: worker process 7 exited on signal 11`.
//! Limits: times have no zone and are taken for UTC. nginx repeats what a client asked for before it
//! says who did: an address from there is a hint.

use memchr::memmem;
use vigil_event::LogKind;

use super::{Fields, ParseError, time};
use crate::client_address::address;
use crate::request::without_port;
use crate::span::Span;

/// What stands before the client's address in nginx's log.
const CLIENT: &[u8] = b", client: ";

/// nginx: `2026/11/20 12:00:00 [error] 1#1: *7 message, client: 192.0.2.1, server: …`.
pub(super) fn nginx(text: &[u8], start: usize) -> Result<Fields, ParseError> {
    let written = text.get(start..start + 19);
    let time = written.and_then(time::slashed);
    let rest = text.get(start + 19..).unwrap_or_default();
    let level = rest.strip_prefix(b" [").and_then(|rest| {
        let end = memmem::find(rest.get(..16).unwrap_or(rest), b"] ")?;
        Some(end + b"] ".len())
    });
    let (Some(time), Some(level)) = (time, level) else {
        return Err(ParseError::NotAnErrorLog);
    };
    let message = Span::new(start + 19 + 2 + level, text.len());
    let said = message.of(text);
    let asked = memmem::find(said, b", request: \"").unwrap_or(said.len());
    let before = said.get(..asked).unwrap_or_default();
    let peer = memmem::rfind(before, CLIENT).and_then(|at| {
        let rest = before.get(at + CLIENT.len()..)?;
        address(rest.split(|byte| *byte == b',').next()?)
    });
    Ok(Fields {
        log: LogKind::NginxError,
        message,
        time: Some(time),
        peer,
        ..Fields::default()
    })
}

/// Apache: `[Fri Nov 20 12:00:00.123456 2026] [core:error] [pid 1:tid 2] [client 192.0.2.1:5] message`.
pub(super) fn apache(text: &[u8], start: usize) -> Result<Fields, ParseError> {
    let mut fields = Fields {
        log: LogKind::ApacheError,
        ..Fields::default()
    };
    let mut at = start;
    let mut brackets = 0;
    while let Some(rest) = text.get(at..).and_then(|rest| rest.strip_prefix(b"[")) {
        let Some(length) = memchr::memchr(b']', rest) else {
            break;
        };
        let inside = Span::new(at + 1, at + 1 + length);
        let shown = inside.of(text);
        if brackets == 0 {
            fields.time = time::apache_error(shown);
        } else if shown.starts_with(b"client ") {
            let client = inside.part(b"client ".len(), usize::MAX);
            fields.peer =
                address(client.of(text)).or_else(|| address(without_port(text, client).of(text)));
        }
        brackets += 1;
        at = inside.end() + 1;
        at += usize::from(text.get(at) == Some(&b' '));
    }
    if fields.time.is_none() || brackets < 2 {
        return Err(ParseError::NotAnErrorLog);
    }
    fields.message = Span::new(at, text.len());
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parse = fn(&[u8], usize) -> Result<Fields, ParseError>;

    #[test]
    fn reads_lines_of_both_servers() {
        for (parse, line, peer, message) in [
            (
                nginx as Parse,
                "2026/11/20 12:00:00 [alert] 1#1: worker process 7 exited on signal 11",
                None,
                "1#1: worker process 7 exited on signal 11",
            ),
            (
                nginx,
                "2026/11/20 12:00:00 [error] 1#1: *7 open() \"/x\" failed, client: 192.0.2.1, server: a, request: \"GET /, client: 1.1.1.1, HTTP/1.1\"",
                Some("192.0.2.1"),
                "",
            ),
            (
                apache,
                "[Fri Nov 20 12:00:00.123456 2026] [core:notice] [pid 1:tid 2] AH00052: child pid 7 exit signal Segmentation fault (11)",
                None,
                "AH00052: child pid 7 exit signal Segmentation fault (11)",
            ),
            (
                apache,
                "[Fri Nov 20 12:00:00 2026] [core:error] [client 192.0.2.1:5] [x] y",
                Some("192.0.2.1"),
                "y",
            ),
            (
                apache,
                "[Fri Nov 20 12:00:00 2026] [error] [client 2001:db8::1] y",
                Some("2001:db8::1"),
                "y",
            ),
        ] {
            let fields = parse(line.as_bytes(), 0).unwrap();
            assert_eq!(
                fields.time.unwrap().to_string().get(..19),
                Some("2026-11-20T12:00:00")
            );
            assert_eq!(fields.peer, peer.map(|ip| ip.parse().unwrap()), "{line}");
            let found = fields.message.of(line.as_bytes());
            assert!(message.is_empty() || found == message.as_bytes(), "{line}");
        }
    }

    #[test]
    fn refuses_other_lines() {
        for line in [
            "",
            "2026/11/20 12:00:00",
            "2026/11/20 12:00:00 error",
            "2026/11/20 25:00:00 [error] x",
            "[",
            "[x] [y] z",
            "[Fri Nov 20 12:00:00 2026] z",
        ] {
            assert!(nginx(line.as_bytes(), 0).is_err(), "{line}");
            assert!(apache(line.as_bytes(), 0).is_err(), "{line}");
        }
    }
}
