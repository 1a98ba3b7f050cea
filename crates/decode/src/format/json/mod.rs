//! One JSON object a line.
//!
//! What: access logs as nginx writes them with `escape=json`, and any with the field names of the
//! Elastic Common Schema, flat (`"url.path"`) or nested (`{"url":{"path":…}}`).
//! Input: an object; numbers may stand as text. Of a list, the first element counts.
//! Output: the places of the fields; text that had escapes is appended unescaped to the batch.
//! Example: `{"remote_addr":"192.0.2.1","request":"GET / HTTP/1.1","status":200}`.
//! OpenCanary's, Zeek's and Suricata's records are told by their fields, or by the format that is
//! configured.
//! Limits: names of up to 64 bytes and eight levels are looked at, deeper ones are skipped. The
//! first field of a name counts. Bytes that are no UTF-8 are kept as they are.

mod key;
mod label;
mod scan;
mod suricata;
mod text;

use vigil_event::LogKind;

use self::key::Key;
pub(crate) use self::label::set_labels;
use self::scan::Found;
use super::{Fields, Format, ParseError, time};
use crate::client_address::address;
use crate::request::{RequestLine, split_line};
use crate::span::Span;

/// Parses the object that stands from `start` to `end`.
pub(super) fn parse(
    bytes: &mut Vec<u8>,
    start: usize,
    end: usize,
    format: Format,
    truncated: bool,
) -> Result<Fields, ParseError> {
    let mut found = Found::default();
    let whole = scan::scan(bytes.get(..end).unwrap_or_default(), start, &mut found);
    if whole.is_err() && !truncated {
        return Err(ParseError::BadJson);
    }
    let mut values = Values {
        bytes,
        found: &found,
    };
    match found.log(format) {
        LogKind::OpenCanary => return Ok(values.canary()),
        LogKind::Zeek => return Ok(values.zeek()),
        LogKind::Suricata => return Ok(values.suricata()),
        _ => {}
    }
    let mut fields = Fields::default();
    values.request(&mut fields)?;
    let peer = values.take(Key::Peer);
    fields.peer = address(peer.of(values.bytes));
    let time = values.take(Key::Time);
    fields.time = time::any(time.of(values.bytes));
    fields.status = u16::try_from(values.number(Key::Status)).unwrap_or(0);
    fields.body_bytes = values.number(Key::BodyBytes);
    fields.user = values.take(Key::User);
    fields.host = values.first_of(Key::Host, Key::ServerName);
    fields.referrer = values.take(Key::Referrer);
    fields.user_agent = values.take(Key::UserAgent);
    fields.cookie = values.take(Key::Cookie);
    fields.forwarded = values.take(Key::Forwarded);
    Ok(fields)
}

impl Found {
    /// Whose record it is.
    fn log(&self, format: Format) -> LogKind {
        let has = |key| self.get(key).is_some();
        match format {
            Format::OpenCanary => LogKind::OpenCanary,
            Format::Zeek => LogKind::Zeek,
            Format::Suricata => LogKind::Suricata,
            Format::Auto if has(Key::CanaryNode) && has(Key::CanaryType) => LogKind::OpenCanary,
            Format::Auto if has(Key::ZeekPeer) && has(Key::ZeekUid) => LogKind::Zeek,
            Format::Auto if has(Key::ZeekLog) && has(Key::Time) => LogKind::Zeek,
            Format::Auto if self.is_suricata() => LogKind::Suricata,
            _ => LogKind::Web,
        }
    }
}

struct Values<'a> {
    bytes: &'a mut Vec<u8>,
    found: &'a Found,
}

impl Values<'_> {
    /// Where the value stands without escapes; empty where the object has none.
    fn take(&mut self, key: Key) -> Span {
        match self.found.get(key) {
            Some(value) if value.escaped => text::unescape(self.bytes, value.span),
            Some(value) => value.span,
            None => Span::EMPTY,
        }
    }

    fn first_of(&mut self, key: Key, otherwise: Key) -> Span {
        let span = self.take(key);
        if span.unless_dash(self.bytes).is_empty() {
            self.take(otherwise)
        } else {
            span
        }
    }

    fn number(&mut self, key: Key) -> u64 {
        let span = self.take(key);
        let text = std::str::from_utf8(span.of(self.bytes)).unwrap_or_default();
        text.parse().unwrap_or(0)
    }

    /// What a honeypot saw.
    fn canary(&mut self) -> Fields {
        let (peer, time) = (self.take(Key::CanaryPeer), self.take(Key::CanaryTime));
        Fields {
            log: LogKind::OpenCanary,
            peer: address(peer.of(self.bytes)),
            time: time::any(time.of(self.bytes)),
            user: self.take(Key::CanaryUser),
            ..Fields::default()
        }
    }

    /// What was seen on the network; of a request the same as of a web server's.
    fn zeek(&mut self) -> Fields {
        let (peer, time) = (self.take(Key::ZeekPeer), self.take(Key::Time));
        let mut fields = Fields {
            log: LogKind::Zeek,
            service: self.take(Key::ZeekLog),
            peer: address(peer.of(self.bytes)),
            time: time::any(time.of(self.bytes)),
            ..Fields::default()
        };
        let (method, target) = (self.take(Key::Method), self.take(Key::Path));
        if !method.is_empty() && !target.is_empty() {
            fields.target = target;
            fields.line = Some(RequestLine {
                method,
                target,
                version: Span::EMPTY,
            });
            fields.status = u16::try_from(self.number(Key::Status)).unwrap_or(0);
            fields.body_bytes = self.number(Key::BodyBytes);
            fields.host = self.take(Key::Host);
            fields.referrer = self.take(Key::Referrer);
            fields.user_agent = self.take(Key::UserAgent);
        }
        fields
    }

    /// The request: its line, or its parts.
    fn request(&mut self, fields: &mut Fields) -> Result<(), ParseError> {
        let has = |key| self.found.get(key).is_some();
        if has(Key::RequestLine) {
            fields.target = self.take(Key::RequestLine);
            fields.line = split_line(self.bytes, fields.target);
            if let Some(line) = fields.line {
                fields.target = line.target;
                return Ok(());
            }
        }
        if !has(Key::Target) && !has(Key::Path) {
            return if has(Key::RequestLine) {
                Ok(())
            } else {
                Err(ParseError::NoRequest)
            };
        }
        let malformed = fields.target;
        let target = self.target();
        if target.is_empty() && !malformed.is_empty() {
            // The server could not make out a target either: nginx logs `"request_uri":""` then.
            return Ok(());
        }
        let method = self.take(Key::Method).unless_dash(self.bytes);
        let protocol = self.take(Key::Protocol);
        let prefix = if protocol.of(self.bytes).starts_with(b"HTTP/") {
            5
        } else {
            0
        };
        fields.target = target;
        fields.line = Some(RequestLine {
            method,
            target,
            version: protocol.part(prefix, usize::MAX),
        });
        Ok(())
    }

    /// The target as received, or path and query put together behind the batch.
    fn target(&mut self) -> Span {
        let whole = self.take(Key::Target).unless_dash(self.bytes);
        if !whole.is_empty() {
            return whole;
        }
        let path = self.take(Key::Path).unless_dash(self.bytes);
        let query = self.take(Key::Query).unless_dash(self.bytes);
        if query.is_empty() {
            return path;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_within(path.start()..path.end());
        if !query.of(self.bytes).starts_with(b"?") {
            self.bytes.push(b'?');
        }
        self.bytes.extend_from_within(query.start()..query.end());
        Span::new(start, self.bytes.len())
    }
}
