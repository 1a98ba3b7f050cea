//! Messages as syslog writes them into files.
//!
//! What: `/var/log/auth.log` and the like, with traditional or RFC 3339 times, with or without the
//! priority in front, and as RFC 5424 writes them.
//! Input: one line.
//! Output: time, program and message; of sshd's messages the client's address and the user.
//! Example: `Nov 20 12:00:00 web sshd[7]: Failed password for root from 192.0.2.1 port 5 ssh2`.
//! Limits: a traditional time has no year and no zone: it is in UTC, in the last year before it was
//! read. A client chooses its user's name, which may look like an address: the last one counts.

use memchr::memmem;
use vigil_event::{LogKind, TimePart, Timestamp};

use super::{Fields, ParseError, time};
use crate::client_address::address;
use crate::span::Span;

/// How far a time may lie ahead of when it was read, for clocks that differ, in milliseconds.
const AHEAD_MS: i64 = 86_400_000;

/// The byte order mark in UTF-8.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// Parses the message that stands from `start` to the end of `text`.
pub(super) fn parse(text: &[u8], start: usize, read_at: Timestamp) -> Result<Fields, ParseError> {
    let at = behind_priority(text, start);
    let (time, program, message) = structured(text, at)
        .or_else(|| traditional(text, at, read_at))
        .ok_or(ParseError::NotSyslog)?;
    // sshd splits its work over `sshd-session` and `sshd-auth`.
    let service = if program.of(text).starts_with(b"sshd-") {
        program.part(0, 4)
    } else {
        program
    };
    if service.is_empty() {
        return Err(ParseError::NotSyslog);
    }
    let mut fields = Fields {
        log: LogKind::Syslog,
        service,
        message,
        time: Some(time),
        ..Fields::default()
    };
    if fields.service.of(text) == b"sshd" {
        set_client(&mut fields, text);
    }
    Ok(fields)
}

/// The place behind `<34>`.
fn behind_priority(text: &[u8], start: usize) -> usize {
    let line = text.get(start..).unwrap_or_default();
    let Some(rest) = line.strip_prefix(b"<") else {
        return start;
    };
    let digits = rest.iter().take(4).position(|byte| *byte == b'>');
    digits.map_or(start, |digits| start + digits + 2)
}

/// `TIME HOST PROGRAM[PROCESS]: MESSAGE`: the time, the program and the message.
fn traditional(text: &[u8], at: usize, read_at: Timestamp) -> Option<(Timestamp, Span, Span)> {
    let (time, at) = moment(text, at, read_at)?;
    let host = word(text, at);
    let tag = word(text, host.end() + 1);
    let name = tag.of(text).strip_suffix(b":")?;
    let length = memchr::memchr(b'[', name).unwrap_or(name.len());
    let message = Span::new((tag.end() + 1).min(text.len()), text.len());
    (!host.is_empty()).then_some((time, tag.part(0, length), message))
}

/// RFC 5424's `1 TIME HOST PROGRAM PROCESS KIND DATA MESSAGE`, with `-` for what is not there.
fn structured(text: &[u8], at: usize) -> Option<(Timestamp, Span, Span)> {
    let mut at = at;
    let [version, time, _host, program, _process, kind] = [(); 6].map(|()| {
        let word = word(text, at);
        at = word.end() + 1;
        word
    });
    if version.of(text) != b"1" {
        return None;
    }
    let time = time::any(time.of(text))?;
    let data = text.get(kind.end() + 1..)?;
    let start = kind.end() + 1 + data_length(data)?;
    let message = text.get(start..).unwrap_or_default();
    let spaces = message.iter().take_while(|byte| **byte == b' ').count();
    // The byte order mark says that the message is UTF-8.
    let behind = message.get(spaces..).unwrap_or_default();
    let mark = if behind.starts_with(MARK) {
        MARK.len()
    } else {
        0
    };
    let message = Span::new(start.min(text.len()) + spaces + mark, text.len());
    Some((time, program, message))
}

/// How long `-` or `[id name="value"]…` is, in which `\` stands before a quote or a bracket of a value.
fn data_length(data: &[u8]) -> Option<usize> {
    if data.first() == Some(&b'-') {
        return Some(1);
    }
    let (mut escaped, mut quoted, mut open) = (false, false, false);
    for (place, byte) in data.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b'[' if !quoted => open = true,
            b']' if !quoted => open = false,
            _ if !quoted && !open => return (place > 0).then_some(place),
            _ => {}
        }
    }
    (!open && !quoted && !data.is_empty()).then_some(data.len())
}

/// The time and the place behind it.
fn moment(text: &[u8], at: usize, read_at: Timestamp) -> Option<(Timestamp, usize)> {
    let first = word(text, at);
    if first.of(text).first()?.is_ascii_digit() {
        return Some((time::any(first.of(text))?, first.end() + 1));
    }
    let year = read_at.part(TimePart::Year);
    let written = text.get(at..at + 15)?;
    let this_year = time::without_year(written, year)?;
    let time = if this_year.millis_since(read_at) > AHEAD_MS {
        time::without_year(written, year - 1)?
    } else {
        this_year
    };
    (text.get(at + 15) == Some(&b' ')).then_some((time, at + 16))
}

fn word(text: &[u8], at: usize) -> Span {
    let rest = text.get(at..).unwrap_or_default();
    let length = memchr::memchr(b' ', rest).unwrap_or(rest.len());
    Span::new(at.min(text.len()), (at + length).min(text.len()))
}

/// Who is told of by `… NAME from ADDRESS port …` or `… NAME ADDRESS port …`. What stands in quotes
/// is what a client sent.
fn set_client(fields: &mut Fields, text: &[u8]) {
    let message = fields.message;
    let said = message.of(text);
    let said = said
        .get(..memchr::memchr(b'"', said).unwrap_or(said.len()))
        .unwrap_or_default();
    let Some(end) = memmem::rfind(said, b" port ") else {
        // Whose name it is stands before it and may be any.
        let refused = said
            .strip_prefix(b"refused connect from ")
            .and_then(|said| said.strip_suffix(b")"));
        fields.peer = refused.and_then(|said| address(said.rsplit(|byte| *byte == b'(').next()?));
        return;
    };
    let before = said.get(..end).unwrap_or_default();
    let start = memchr::memrchr(b' ', before).map_or(0, |space| space + 1);
    fields.peer = address(before.get(start..).unwrap_or_default());
    if fields.peer.is_none() {
        return;
    }
    let names = before.get(..start).unwrap_or_default();
    let names = names
        .strip_suffix(b" from ")
        .or_else(|| names.strip_suffix(b" "))
        .unwrap_or(names);
    for marker in [
        &b"for invalid user "[..],
        b"nvalid user ",
        b"authenticating user ",
        b" for ",
        b" user ",
    ] {
        if let Some(at) = memmem::find(names, marker) {
            fields.user = message.part(at + marker.len(), names.len());
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<[String; 5]> {
        let text = line.as_bytes();
        let fields = parse(text, 0, Timestamp::from_millis(1_795_176_000_000)).ok()?;
        let shown = |span: Span| String::from_utf8_lossy(span.of(text)).into_owned();
        Some([
            fields.time?.to_string(),
            shown(fields.service),
            shown(fields.message),
            fields.peer.map_or_else(String::new, |ip| ip.to_string()),
            shown(fields.user),
        ])
    }

    /// A line, and its time, program, client and user.
    const MESSAGES: &[(&str, &str, &str, &str, &str)] = &[
        (
            "Nov 20 11:00:00 web sshd[7]: Failed password for root from 192.0.2.1 port 5 ssh2",
            "2026-11-20T11:00:00.000Z",
            "sshd",
            "192.0.2.1",
            "root",
        ),
        (
            "Dec  1 11:00:00 web sshd-session[7]: Invalid user a b from 2001:db8::1 port 5",
            "2025-12-01T11:00:00.000Z",
            "sshd",
            "2001:db8::1",
            "a b",
        ),
        (
            "2026-11-20T12:00:00.5+01:00 web sshd[7]: Failed password for invalid user x from 1.1.1.1 port 1 from 192.0.2.1 port 5 ssh2",
            "2026-11-20T11:00:00.500Z",
            "sshd",
            "192.0.2.1",
            "x from 1.1.1.1 port 1",
        ),
        (
            "<38>Nov 20 11:00:00 web sshd[7]: Connection closed by authenticating user eve 192.0.2.1 port 5 [preauth]",
            "2026-11-20T11:00:00.000Z",
            "sshd",
            "192.0.2.1",
            "eve",
        ),
        (
            r#"<38>1 2026-11-20T11:00:00+00:00 web sshd 44255 - [meta a="1\"]"][x@1 b="] "] Invalid user eve from 192.0.2.1 port 5"#,
            "2026-11-20T11:00:00.000Z",
            "sshd",
            "192.0.2.1",
            "eve",
        ),
        (
            "1 2026-11-20T11:00:00Z - sshd-session - - - Invalid user eve from 192.0.2.1 port 5",
            "2026-11-20T11:00:00.000Z",
            "sshd",
            "192.0.2.1",
            "eve",
        ),
        (
            r#"Nov 20 11:00:00 web sshd[7]: error: client sent invalid protocol identifier "from 192.0.2.1 port 5""#,
            "2026-11-20T11:00:00.000Z",
            "sshd",
            "",
            "",
        ),
        (
            "Nov 20 11:00:00 web sshd[7]: refused connect from a.example (192.0.2.1)",
            "2026-11-20T11:00:00.000Z",
            "sshd",
            "192.0.2.1",
            "",
        ),
        (
            "1 2026-11-20T11:00:00Z web sshd 7 - - \u{feff}refused connect from a.example (192.0.2.1)",
            "2026-11-20T11:00:00.000Z",
            "sshd",
            "192.0.2.1",
            "",
        ),
        (
            "Nov 20 11:00:00 web sudo:  eve : COMMAND=/bin/sh",
            "2026-11-20T11:00:00.000Z",
            "sudo",
            "",
            "",
        ),
    ];

    #[test]
    fn reads_messages_and_who_they_tell_of() {
        for (line, time, service, peer, user) in MESSAGES {
            let [found_time, found_service, message, found_peer, found_user] = read(line).unwrap();
            assert_eq!(
                [found_time, found_service, found_peer, found_user],
                [*time, *service, *peer, *user],
                "{line}"
            );
            assert!(line.ends_with(&message) && !message.is_empty(), "{line}");
        }
    }

    #[test]
    fn refuses_what_is_no_message() {
        for line in [
            "",
            "Nov 20",
            "Nov 20 11:00:00",
            "Nov 20 11:00:00 web",
            "Nov 20 11:00:00 web kernel",
            "Nov 20 11:00:00 web [7]: x",
            "Foo 20 11:00:00 web sshd[7]: x",
            "<38",
            "1.2.3.4 - - x",
            "<38>1 2026-11-20T11:00:00Z web sshd 1 -",
            r#"<38>1 2026-11-20T11:00:00Z web sshd 1 - [a b="] x"#,
            "<38>2 2026-11-20T11:00:00Z web sshd 1 - - x",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
