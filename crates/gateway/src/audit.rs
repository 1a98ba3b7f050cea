//! Who connected, heard, was refused and left: told on channel `audit`, for those who manage.

use std::sync::Arc;

use serde_json::{Value, json};
use vigil_auth::Principal;
use vigil_event::{Id, Kind, channel};

use crate::Gateway;

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
    pub(crate) fn audit_forbidden(&self, connection: Id, who: &Principal, message: &str) {
        let mut data = person(connection, who);
        put(&mut data, "reason", "forbidden");
        put(&mut data, "message", message);
        self.audit(Kind::AuditRefused, &data);
    }

    /// Somebody was not let in.
    pub(crate) fn audit_refused(&self, who: Option<&Principal>, reason: &str) {
        let user = who.map(|who| who.subject.as_str());
        self.audit(
            Kind::AuditRefused,
            &json!({ "user": user, "reason": reason }),
        );
    }

    pub(crate) fn audit_disconnected(&self, connection: Id, who: &Principal, reason: &str) {
        let mut data = person(connection, who);
        put(&mut data, "reason", reason);
        self.audit(Kind::AuditDisconnected, &data);
    }

    fn audit(&self, kind: Kind, data: &Value) {
        self.say(&Arc::from(channel::AUDIT), kind, data);
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
