//! Suricata's EVE log.
//!
//! What: alerts and requests to web servers; of every other type of record only who and when.
//! Input: an EVE object, as `eve-log` writes it from Suricata 4 on, with any of its settings.
//! Output: as of a request, where the record has one; its type as the event's service.
//! Example: `{"event_type":"alert","flow_id":1,"src_ip":"192.0.2.1","alert":{"severity":1},…}`.
//! Limits: headers that were logged beside the usual ones, and bodies, are labels and no fields.

use vigil_event::LogKind;

use super::key::Key;
use super::scan::Found;
use super::{Fields, Values, time};
use crate::client_address::address;
use crate::request::RequestLine;
use crate::span::Span;

impl Found {
    /// Whether the record is Suricata's: all have a type and a flow, an address or statistics.
    pub(super) fn is_suricata(&self) -> bool {
        let has = |key| self.get(key).is_some();
        has(Key::EveType) && (has(Key::EveFlow) || has(Key::EvePeer) || has(Key::EveStats))
    }
}

impl Values<'_> {
    /// What the sensor says, and of a request the same as a web server's log.
    pub(super) fn suricata(&mut self) -> Fields {
        let (client, time) = (self.client(), self.take(Key::Time));
        let mut fields = Fields {
            log: LogKind::Suricata,
            service: self.take(Key::EveType),
            peer: address(client.of(self.bytes)),
            time: time::any(time.of(self.bytes)),
            ..Fields::default()
        };
        let target = self.take(Key::EveTarget);
        // Files and anomalies of a request are records of their own beside it.
        let is_request = matches!(fields.service.of(self.bytes), b"http" | b"alert");
        if !is_request || target.is_empty() {
            return fields;
        }
        let protocol = self.take(Key::EveProtocol);
        let is_named = protocol.of(self.bytes).starts_with(b"HTTP/");
        fields.target = target;
        fields.line = Some(RequestLine {
            method: self.take(Key::EveMethod),
            target,
            version: protocol.part(if is_named { 5 } else { 0 }, usize::MAX),
        });
        fields.status = u16::try_from(self.number(Key::EveStatus)).unwrap_or(0);
        fields.body_bytes = self.number(Key::EveBytes);
        fields.host = self.take(Key::EveHost);
        fields.referrer = self.take(Key::EveReferrer);
        fields.user_agent = self.take(Key::EveUserAgent);
        fields.forwarded = self.take(Key::EveForwarded);
        // Bytes that are no text are written as `\xHH`.
        fields.log_escaped = true;
        fields
    }

    /// Who began: whom the signature names as the attacker, else who opened the connection. The
    /// packet's own source is the server where it is the answer that alarmed.
    fn client(&mut self) -> Span {
        for named in [Key::EveAttacker, Key::EveClient] {
            let named = self.take(named);
            if !named.is_empty() {
                return named;
            }
        }
        let direction = self.take(Key::EveDirection);
        if direction.of(self.bytes) == b"to_client" {
            self.take(Key::EveOther)
        } else {
            self.take(Key::EvePeer)
        }
    }
}
