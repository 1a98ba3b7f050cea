//! Every value of a record under its own name, for logs whose names are no fields of ours.
//!
//! What: names and values of OpenCanary's, Zeek's and Suricata's records.
//! Input: one JSON object.
//! Output: labels of the event, nested names joined by dots; each plain element of a list is a value.
//! Example: `{"logdata":{"PORT":22}}` gives `logdata.PORT` the value `22`.
//! Limits: as many labels as an event takes; `null` is none. Zeek's log is guessed from a field that
//! only it has where the record does not name it.

use vigil_event::{Event, LogKind};

use super::scan::{self, Sink, Value};
use super::text;
use crate::span::Span;

/// Fields that only one of Zeek's logs has.
const ONLY_IN: [(&[u8], &[u8]); 12] = [
    (b"qtype_name", b"dns"),
    (b"conn_state", b"conn"),
    (b"status_msg", b"http"),
    (b"certificate.serial", b"x509"),
    (b"share_type", b"smb_mapping"),
    (b"endpoint", b"dce_rpc"),
    (b"request_type", b"kerberos"),
    (b"security_protocol", b"rdp"),
    (b"auth_success", b"ssh"),
    (b"server_name", b"ssl"),
    (b"mailfrom", b"smtp"),
    (b"note", b"notice"),
];

struct Labels<'a> {
    text: &'a [u8],
    buffer: &'a mut Vec<u8>,
    event: &'a mut Event,
    /// See [`ONLY_IN`].
    log: &'static [u8],
}

impl Sink for Labels<'_> {
    const LISTS: bool = true;

    fn take(&mut self, name: &[u8], value: Value) {
        // Empty text stands behind its quote; only `null` stands nowhere.
        if value.span == Span::EMPTY {
            return;
        }
        if let Some((_, log)) = ONLY_IN.iter().find(|(field, _)| *field == name) {
            self.log = log;
        }
        let raw = value.span.of(self.text);
        if value.escaped {
            self.buffer.clear();
            self.buffer.extend_from_slice(raw);
            let plain = text::unescape(self.buffer, Span::new(0, raw.len()));
            self.event.add_label(name, plain.of(self.buffer));
        } else {
            self.event.add_label(name, raw);
        }
    }
}

/// Adds the values of the object in `text` to the event, as far as it can be read.
pub(crate) fn set_labels(text: &[u8], buffer: &mut Vec<u8>, event: &mut Event) {
    let start = text.iter().position(|byte| *byte == b'{').unwrap_or(0);
    let mut labels = Labels {
        text,
        buffer,
        event,
        log: b"",
    };
    // What is broken has been refused, what was cut is judged as far as it goes.
    _ = scan::scan(text, start, &mut labels);
    let log = labels.log;
    if event.log == LogKind::Zeek && event.service().is_empty() {
        event.set_service(log);
    }
}
