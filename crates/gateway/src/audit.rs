//! Who connected, heard, was refused and left: told on channel `audit`, for those who manage.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use vigil_auth::Principal;
use vigil_bus::Bus;
use vigil_event::{Clock, Id, IdSource, Kind, Publication, Severity, Timestamp, channel};
use vigil_protocol::{ErrorBody, ErrorCode};

use crate::Gateway;

/// Of one kind of thing one user's are told so many at once, and then one as often. Neither strangers
/// nor those who came in may push out of the audit what else it has to tell.
#[derive(Clone, Copy, Debug)]
struct Ration {
    at_once: u32,
    every_ms: i64,
}

/// Somebody is not let in, or asks for what they may not have.
const REFUSALS: Ration = Ration {
    at_once: 1,
    every_ms: 1_000,
};

/// Somebody subscribes: all that ten connections may at once.
const SUBSCRIPTIONS: Ration = Ration {
    at_once: 1_000,
    every_ms: 1_000,
};

/// Somebody comes or goes: all connections of a user ten times over. Behind a proxy no address is counted
/// that would hold them up.
const CONNECTIONS: Ration = Ration {
    at_once: 100,
    every_ms: 1_000,
};

/// What is counted of somebody who comes, goes, and subscribes.
const CONNECTED: &str = "connected";
const DISCONNECTED: &str = "disconnected";
const SUBSCRIBED: &str = "subscribed";

/// What is counted of a user. What was not told is, when one of their connections ends.
const OF_A_USER: [&str; 4] = [
    CONNECTED,
    SUBSCRIBED,
    ErrorCode::Forbidden.name(),
    ErrorCode::Unauthenticated.name(),
];

/// Of so many users and things it is remembered when they were told.
const MAX_REMEMBERED: usize = 1_000;

/// Who did what, or was refused and why.
type Matter = (Option<Box<str>>, &'static str);

/// Tells channel `audit`.
pub struct Audit {
    channel: Arc<str>,
    bus: Arc<dyn Bus>,
    clock: Arc<dyn Clock>,
    ids: Arc<IdSource>,
    told: Told,
}

/// When things were told.
#[derive(Debug, Default)]
struct Told(Mutex<HashMap<Matter, Account>>);

#[derive(Clone, Copy, Debug)]
struct Account {
    /// When everything would be there again to be told.
    full_at: Timestamp,
    /// How many were not told.
    untold: u64,
}

impl Told {
    /// One more: how many there were since the last that was told, with this one; none if it is not
    /// told yet.
    fn to_tell(
        &self,
        user: Option<&str>,
        what: &'static str,
        ration: Ration,
        now: Timestamp,
    ) -> Option<u64> {
        let mut told = self.0.lock();
        if told.len() >= MAX_REMEMBERED {
            told.retain(|_, account| account.full_at > now);
        }
        let is_full = told.len() >= MAX_REMEMBERED;
        let key = (user.map(Box::from), what);
        let Some(account) = told.get_mut(&key) else {
            if !is_full {
                let full_at = now.plus_millis(ration.every_ms);
                told.insert(key, Account { full_at, untold: 0 });
            }
            return Some(1);
        };
        account.untold += 1;
        let owed_ms = account.full_at.millis_since(now);
        // More can't be owed: the clock was put back.
        let is_possible = (0..=ration.every_ms * i64::from(ration.at_once)).contains(&owed_ms);
        let owed_ms = if is_possible { owed_ms } else { 0 };
        if owed_ms > ration.every_ms * i64::from(ration.at_once - 1) {
            return None;
        }
        account.full_at = now.plus_millis(owed_ms + ration.every_ms);
        Some(std::mem::take(&mut account.untold))
    }

    /// How many of a user's were not told, of these things. They count as told from then on.
    fn take_untold(&self, user: &str, whats: &[&'static str]) -> u64 {
        let mut told = self.0.lock();
        let mut key: Matter = (Some(Box::from(user)), "");
        let untold = whats.iter().filter_map(|what| {
            key.1 = what;
            told.get_mut(&key)
                .map(|account| std::mem::take(&mut account.untold))
        });
        untold.sum()
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
            told: Told::default(),
        }
    }

    /// Somebody was not let in: who, if that is known, from where, and why. Of a flood one is told a
    /// second, with how many there were.
    pub fn refused(&self, user: Option<&str>, from: Option<IpAddr>, reason: &'static str) {
        let now = self.clock.now();
        if let Some(count) = self.told.to_tell(user, reason, REFUSALS, now) {
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
        if let Some(count) = self.count(who, CONNECTED, CONNECTIONS) {
            let mut data = person(connection, who);
            put(&mut data, "transport", transport);
            put_several(&mut data, count);
            self.audit(Kind::AuditConnected, &data);
        }
    }

    pub(crate) fn audit_subscribed(&self, connection: Id, who: &Principal, channel: &str) {
        if let Some(count) = self.count(who, SUBSCRIBED, SUBSCRIPTIONS) {
            let mut data = person(connection, who);
            put(&mut data, "channel", channel);
            put_count(&mut data, "count", count);
            self.audit(Kind::AuditSubscribed, &data);
        }
    }

    /// Somebody asked a connection for what they may not have. Of a flood one is told a second, with how
    /// many there were.
    pub(crate) fn audit_denied(&self, connection: Id, who: &Principal, error: &ErrorBody) {
        let reason = error.code.name();
        if let Some(count) = self.count(who, reason, REFUSALS) {
            let mut data = person(connection, who);
            put(&mut data, "reason", reason);
            put(&mut data, "message", &error.message);
            put_count(&mut data, "count", count);
            self.audit(Kind::AuditRefused, &data);
        }
    }

    /// How many of that this user did since it was told, with this one; none if it is not told yet.
    fn count(&self, who: &Principal, what: &'static str, ration: Ration) -> Option<u64> {
        let state = &self.state;
        let told = &state.audit.told;
        told.to_tell(Some(&who.subject), what, ration, state.clock.now())
    }

    /// Somebody was not let in.
    pub(crate) fn audit_refused(&self, who: Option<&Principal>, reason: &'static str) {
        let user = who.map(|who| who.subject.as_str());
        self.state.audit.refused(user, None, reason);
    }

    pub(crate) fn audit_disconnected(&self, connection: Id, who: &Principal, reason: &str) {
        let Some(count) = self.count(who, DISCONNECTED, CONNECTIONS) else {
            return;
        };
        let mut data = person(connection, who);
        put(&mut data, "reason", reason);
        put_several(&mut data, count);
        let untold = self.state.audit.told.take_untold(&who.subject, &OF_A_USER);
        if untold > 0 {
            put_count(&mut data, "untold", untold);
        }
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

/// For how many it stands, where it is not for one.
fn put_several(data: &mut Value, count: u64) {
    if count > 1 {
        put_count(data, "count", count);
    }
}

fn put_count(data: &mut Value, name: &str, count: u64) {
    if let Value::Object(fields) = data {
        fields.insert(name.to_owned(), Value::from(count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_is_told_once_a_second() {
        let told = Told::default();
        let at = Timestamp::from_millis;
        let refused =
            |user: Option<&str>, reason, now| told.to_tell(user, reason, REFUSALS, at(now));
        assert_eq!(refused(None, "origin", 0), Some(1));
        for _ in 0..100 {
            assert_eq!(refused(None, "origin", 999), None);
        }
        assert_eq!(refused(None, "stopping", 999), Some(1));
        assert_eq!(refused(Some("anna"), "origin", 999), Some(1));
        assert_eq!(refused(None, "origin", 1_000), Some(101));
        assert_eq!(refused(None, "origin", 2_000), Some(1));
        assert_eq!(refused(None, "origin", -9_000), Some(1), "a clock put back");
        assert_eq!(refused(None, "origin", -8_001), None);
        for number in 0..5_000 {
            let user = number.to_string();
            assert_eq!(refused(Some(&user), "manage", 2_000), Some(1));
        }
        assert!(told.0.lock().len() <= MAX_REMEMBERED);
    }

    #[test]
    fn a_crowd_of_subscriptions_is_told_whole_and_a_flood_is_counted() {
        let told = Told::default();
        let ration = Ration {
            at_once: 3,
            every_ms: 1_000,
        };
        let subscribed = |now| told.to_tell(Some("anna"), "s", ration, Timestamp::from_millis(now));
        assert_eq!([0, 0, 0].map(subscribed), [Some(1); 3]);
        assert_eq!([0, 500, 999].map(subscribed), [None; 3]);
        assert_eq!(subscribed(1_000), Some(4));
        assert_eq!(subscribed(1_000), None);
        assert_eq!(
            [9_000, 9_000, 9_000].map(subscribed),
            [Some(2), Some(1), Some(1)]
        );
        assert_eq!(subscribed(9_000), None);
        assert_eq!(told.take_untold("anna", &["s", "other"]), 1);
        assert_eq!(told.take_untold("anna", &["s"]), 0);
    }
}
