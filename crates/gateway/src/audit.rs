//! Who connected, heard, was refused and left: told on channel `audit`, for those who manage.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use vigil_auth::Principal;
use vigil_bus::Bus;
use vigil_event::{Clock, Id, IdSource, Kind, Publication, Severity, Timestamp, channel};
use vigil_protocol::ErrorBody;

use crate::Gateway;

/// One refusal, by user and reason, is told so often at most: strangers must not push out of the audit
/// what else it has to tell.
const TOLD_EVERY_MS: i64 = 1_000;

/// Of so many it is remembered when they were told.
const MAX_REMEMBERED: usize = 1_000;

/// Who was refused, and why.
type Refusal = (Option<Box<str>>, &'static str);

/// Tells channel `audit`.
pub struct Audit {
    channel: Arc<str>,
    bus: Arc<dyn Bus>,
    clock: Arc<dyn Clock>,
    ids: Arc<IdSource>,
    refusals: Refusals,
}

/// When refusals were told.
#[derive(Debug, Default)]
struct Refusals(Mutex<HashMap<Refusal, Told>>);

#[derive(Clone, Copy, Debug)]
struct Told {
    at: Timestamp,
    /// How many there were since.
    untold: u64,
}

impl Refusals {
    /// One more: how many there were since the last that was told, with this one; none if it is not
    /// told yet.
    fn to_tell(&self, user: Option<&str>, reason: &'static str, now: Timestamp) -> Option<u64> {
        let mut told = self.0.lock();
        let is_recent = |told: &Told| now.millis_since(told.at) < TOLD_EVERY_MS;
        if told.len() >= MAX_REMEMBERED {
            told.retain(|_, told| is_recent(told));
        }
        let key = (user.map(Box::from), reason);
        if let Some(known) = told.get_mut(&key) {
            known.untold += 1;
            if is_recent(known) {
                return None;
            }
            let count = known.untold;
            *known = Told { at: now, untold: 0 };
            return Some(count);
        }
        if told.len() < MAX_REMEMBERED {
            told.insert(key, Told { at: now, untold: 0 });
        }
        Some(1)
    }
}

impl Audit {
    /// One that nobody was told anything by yet.
    pub fn new(bus: Arc<dyn Bus>, clock: Arc<dyn Clock>, ids: Arc<IdSource>) -> Self {
        Self {
            channel: Arc::from(channel::AUDIT),
            bus,
            clock,
            ids,
            refusals: Refusals::default(),
        }
    }

    /// Somebody was not let in: who, if that is known, from where, and why. Of a flood one is told a
    /// second, with how many there were.
    pub fn refused(&self, user: Option<&str>, from: Option<IpAddr>, reason: &'static str) {
        let now = self.clock.now();
        if let Some(count) = self.refusals.to_tell(user, reason, now) {
            let mut data = json!({ "user": user, "reason": reason, "count": count });
            if let Some(from) = from {
                put(&mut data, "address", &from.to_canonical().to_string());
            }
            self.tell(Kind::AuditRefused, &data);
        }
    }

    fn tell(&self, kind: Kind, data: &Value) {
        let at = self.clock.now();
        self.bus.publish(Publication {
            channel: Arc::clone(&self.channel),
            kind,
            id: self.ids.next(at),
            timestamp: at,
            severity: Severity::Informational,
            data: data.to_string().into(),
        });
    }
}

impl Gateway {
    pub(crate) fn audit_connected(&self, connection: Id, who: &Principal, transport: &str) {
        let mut data = person(connection, who);
        put(&mut data, "transport", transport);
        self.audit(Kind::AuditConnected, &data);
    }

    pub(crate) fn audit_subscribed(&self, connection: Id, who: &Principal, channel: &str) {
        let mut data = person(connection, who);
        put(&mut data, "channel", channel);
        self.audit(Kind::AuditSubscribed, &data);
    }

    /// Somebody asked a connection for what they may not have.
    pub(crate) fn audit_denied(&self, connection: Id, who: &Principal, error: &ErrorBody) {
        let mut data = person(connection, who);
        put(&mut data, "reason", error.code.name());
        put(&mut data, "message", &error.message);
        self.audit(Kind::AuditRefused, &data);
    }

    /// Somebody was not let in.
    pub(crate) fn audit_refused(&self, who: Option<&Principal>, reason: &'static str) {
        let user = who.map(|who| who.subject.as_str());
        self.state.audit.refused(user, None, reason);
    }

    pub(crate) fn audit_disconnected(&self, connection: Id, who: &Principal, reason: &str) {
        let mut data = person(connection, who);
        put(&mut data, "reason", reason);
        self.audit(Kind::AuditDisconnected, &data);
    }

    fn audit(&self, kind: Kind, data: &Value) {
        self.state.audit.tell(kind, data);
    }
}

fn person(connection: Id, who: &Principal) -> Value {
    json!({
        "connection_id": connection.to_string(),
        "user": who.subject,
        "role": who.role.name(),
    })
}

fn put(data: &mut Value, name: &str, value: &str) {
    if let Value::Object(fields) = data {
        fields.insert(name.to_owned(), Value::String(value.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_told_once_a_second() {
        let refusals = Refusals::default();
        let at = Timestamp::from_millis;
        assert_eq!(refusals.to_tell(None, "origin", at(0)), Some(1));
        for _ in 0..100 {
            assert_eq!(refusals.to_tell(None, "origin", at(999)), None);
        }
        assert_eq!(refusals.to_tell(None, "stopping", at(999)), Some(1));
        assert_eq!(refusals.to_tell(Some("anna"), "origin", at(999)), Some(1));
        assert_eq!(refusals.to_tell(None, "origin", at(1_000)), Some(101));
        assert_eq!(refusals.to_tell(None, "origin", at(2_000)), Some(1));
        for number in 0..5_000 {
            let user = number.to_string();
            assert_eq!(refusals.to_tell(Some(&user), "manage", at(2_000)), Some(1));
        }
        assert!(refusals.0.lock().len() <= MAX_REMEMBERED);
    }
}
