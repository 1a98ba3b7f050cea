//! What clients and admins publish: who may, how much, and once for each key.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use vigil_auth::{Principal, Role};
use vigil_event::{Id, Kind, Publication, Severity, Timestamp};
use vigil_protocol::{Chat, ErrorBody, ErrorCode, Position, Publish, PublishedSaid};

use crate::Gateway;
use crate::channel::{self, Target};
use crate::subscription::wish::{invalid, no_room};

/// How long a key is remembered.
const KEY_AGE_MS: i64 = 5 * 60_000;

/// The most keys; the oldest of whoever has most make room.
const MAX_KEYS: usize = 10_000;

/// What was published under a key.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    known: Mutex<HashMap<Box<str>, Kept>>,
}

#[derive(Clone, Debug)]
struct Kept {
    at: Timestamp,
    id: Id,
    position: Position,
}

impl Kept {
    /// What is answered to whoever says it again.
    fn again(&self) -> PublishedSaid {
        PublishedSaid {
            id: self.id.to_string(),
            position: self.position.clone(),
            duplicate: true,
        }
    }
}

/// What a chat message carries.
#[derive(Serialize)]
struct Said<'a> {
    from: &'a str,
    message: &'a str,
}

/// Who types.
#[derive(Serialize)]
struct Typing<'a> {
    user: &'a str,
    typing: bool,
}

impl Gateway {
    /// Publishes for somebody, if they may.
    pub(crate) fn publish(
        &self,
        by: &Principal,
        asked: &Publish,
    ) -> Result<PublishedSaid, ErrorBody> {
        let channel = self.may_publish(by, &asked.channel)?;
        let kind = match &asked.kind {
            None => Kind::Message,
            Some(name) => kind_of(name)?,
        };
        let severity = match &asked.severity {
            None => Severity::Informational,
            Some(name) => name
                .parse()
                .map_err(|error| invalid(format!("`severity`: {error}")))?,
        };
        self.check_length(asked.data.get())?;
        let data = if says_who(kind, &channel) {
            signed(kind, &asked.data, &by.subject)?
        } else {
            readable(&asked.data)?.get().to_owned()
        };
        let key = asked.idempotency_key.as_deref();
        self.put(by, &channel, kind, severity, data, key)
    }

    /// Says something in a chat.
    pub(crate) fn chat(&self, by: &Principal, chat: &Chat) -> Result<PublishedSaid, ErrorBody> {
        let channel = self.may_publish(by, &chat.channel)?;
        let said = Said {
            from: &by.subject,
            message: &chat.message,
        };
        let key = chat.idempotency_key.as_deref();
        let kind = Kind::ChatMessage;
        self.put(
            by,
            &channel,
            kind,
            Severity::Informational,
            json(&said),
            key,
        )
    }

    /// Says that somebody types.
    pub(crate) fn typing(
        &self,
        by: &Principal,
        channel: &str,
        typing: bool,
    ) -> Result<PublishedSaid, ErrorBody> {
        let channel = self.may_publish(by, channel)?;
        let typing = Typing {
            user: &by.subject,
            typing,
        };
        let kind = Kind::ChatTyping;
        self.put(
            by,
            &channel,
            kind,
            Severity::Informational,
            json(&typing),
            None,
        )
    }

    /// Publishes something of the server's own.
    pub(crate) fn say(&self, channel: &Arc<str>, kind: Kind, data: &Value) -> Position {
        let at = self.state.clock.now();
        let position = self.state.bus.publish(Publication {
            channel: Arc::clone(channel),
            kind,
            id: self.state.ids.next(at),
            timestamp: at,
            severity: Severity::Informational,
            data: data.to_string().into(),
        });
        said(&position)
    }

    /// The channel, if they may publish there.
    fn may_publish(&self, by: &Principal, name: &str) -> Result<Arc<str>, ErrorBody> {
        let namespaces = &self.state.namespaces;
        let channel = match namespaces.find(name) {
            Some(Target::One(channel)) => channel,
            Some(Target::Rooms(_)) => {
                return Err(invalid(
                    "publish to one room, not to a namespace".to_owned(),
                ));
            }
            None => return Err(namespaces.unknown(name)),
        };
        if channel::is_own(&channel) {
            return Err(ErrorBody::new(
                ErrorCode::Unsupported,
                format!("only Vigil itself writes channel `{channel}`"),
            ));
        }
        let by_namespace = namespaces
            .of(&channel)
            .is_none_or(|namespace| namespace.publishers.contains(&by.role));
        if by_namespace && by.may_publish(&channel) {
            return Ok(channel);
        }
        let shown = vigil_event::text::truncated(&channel, 64);
        Err(ErrorBody::new(
            ErrorCode::Forbidden,
            format!(
                "role {} may not publish to `{shown}` with this token",
                by.role
            ),
        ))
    }

    fn put(
        &self,
        by: &Principal,
        channel: &Arc<str>,
        kind: Kind,
        severity: Severity,
        data: String,
        key: Option<&str>,
    ) -> Result<PublishedSaid, ErrorBody> {
        self.check_length(&data)?;
        let at = self.state.clock.now();
        let publication = |id| Publication {
            channel: Arc::clone(channel),
            kind,
            id,
            timestamp: at,
            severity,
            data: data.into(),
        };
        let Some(key) = key else {
            return self.append(by, publication(self.state.ids.next(at)));
        };
        let full = format!("{}\n{channel}\n{key}", by.subject);
        let known = |known: &HashMap<Box<str>, Kept>| {
            let kept = known.get(&*full)?;
            (at.millis_since(kept.at) < KEY_AGE_MS).then(|| kept.again())
        };
        let keys = &self.keys.known;
        let before = known(&keys.lock());
        // Looked for while nobody waits: what was said then does not change.
        let before = before.or_else(|| self.said_before_the_start(channel, &full, at));
        if let Some(said) = before {
            return Ok(said);
        }
        // Held until it is published: two with one key at once are one.
        let mut keys = keys.lock();
        if let Some(said) = known(&keys) {
            return Ok(said);
        }
        if keys.len() >= MAX_KEYS {
            make_room(&mut keys, at);
        }
        let id = keyed(at, &full);
        let said = self.append(by, publication(id))?;
        let position = said.position.clone();
        keys.insert(full.into(), Kept { at, id, position });
        Ok(said)
    }

    /// What was published under a key by the process before this one, where its channel is kept over a
    /// restart. The message's id follows from its time and the key, so the message itself is the record of
    /// the key, and is there exactly when the message is. Looked for only while such a key may count.
    fn said_before_the_start(
        &self,
        channel: &Arc<str>,
        full: &str,
        now: Timestamp,
    ) -> Option<PublishedSaid> {
        let started_at = self.started_at;
        (now.millis_since(started_at) < KEY_AGE_MS).then_some(())?;
        let bus = &self.state.bus;
        let young = bus.since_time(channel, now.plus_millis(1 - KEY_AGE_MS));
        let mut after = young.max(bus.last(channel, MAX_KEYS as u64));
        let found = loop {
            let read = bus.read(channel, after, MAX_KEYS);
            after = read.items.last()?.offset;
            let found = read.items.into_iter().find(|item| {
                let said = &item.publication;
                said.timestamp < started_at && said.id == keyed(said.timestamp, full)
            });
            if let Some(found) = found {
                break found;
            }
        };
        Some(PublishedSaid {
            id: found.publication.id.to_string(),
            position: Position {
                epoch: found.epoch.to_string(),
                offset: found.offset,
            },
            duplicate: true,
        })
    }

    fn check_length(&self, data: &str) -> Result<(), ErrorBody> {
        let max = self.state.limits.max_publish_bytes;
        if data.len() > max {
            return Err(invalid(format!("`data` is longer than {max} bytes")));
        }
        Ok(())
    }

    /// Publishes, where there is room for it. Whoever may not manage has a bounded number of rooms, so that
    /// nobody takes all there are.
    fn append(&self, by: &Principal, publication: Publication) -> Result<PublishedSaid, ErrorBody> {
        let id = publication.id.to_string();
        let bus = &self.state.bus;
        let position = match by.role {
            Role::Viewer | Role::Analyst => bus.publish_of(&by.subject, publication),
            Role::Admin | Role::Service => Some(bus.publish(publication)),
        };
        let position = position.ok_or_else(|| {
            ErrorBody::new(
                ErrorCode::TooManyRooms,
                "you opened as many rooms as a user may: use one of them, or wait until what was said in one is forgotten",
            )
        })?;
        if position.offset == 0 {
            return Err(no_room());
        }
        Ok(PublishedSaid {
            id,
            position: said(&position),
            duplicate: false,
        })
    }
}

/// The id of what is published under a key.
fn keyed(at: Timestamp, full: &str) -> Id {
    Id::derived(at, &[b"publish", full.as_bytes()])
}

/// What is too old goes; if that is nothing, the oldest of whoever has most do.
fn make_room(known: &mut HashMap<Box<str>, Kept>, now: Timestamp) {
    known.retain(|_, kept| now.millis_since(kept.at) < KEY_AGE_MS);
    if known.len() < MAX_KEYS {
        return;
    }
    let mut by_user: HashMap<&str, Vec<Timestamp>> = HashMap::new();
    for (full, kept) in &*known {
        by_user.entry(user_of(full)).or_default().push(kept.at);
    }
    let most = by_user.into_iter().max_by_key(|(_, times)| times.len());
    let Some((user, mut times)) = most.map(|(user, times)| (user.to_owned(), times)) else {
        return;
    };
    times.sort_unstable();
    if let Some(oldest) = times.get((times.len() / 2).min(MAX_KEYS / 10)) {
        known.retain(|full, kept| kept.at > *oldest || user_of(full) != user);
    }
}

/// Whose key it is.
fn user_of(full: &str) -> &str {
    full.split('\n').next().unwrap_or_default()
}

pub(crate) fn said(position: &vigil_bus::Position) -> Position {
    Position {
        epoch: position.epoch.to_string(),
        offset: position.offset,
    }
}

/// What a client may say that it publishes: not what only the server can know.
fn kind_of(name: &str) -> Result<Kind, ErrorBody> {
    let servers = ["threat.", "alert.", "status.", "presence.", "audit."];
    Kind::from_name(name)
        .filter(|_| !servers.iter().any(|prefix| name.starts_with(prefix)))
        .ok_or_else(|| {
            let shown = vigil_event::text::truncated(name, 64);
            invalid(format!(
                "`{shown}` is no type that a client publishes: leave it out for `message`"
            ))
        })
}

/// What is well formed and yet no value to a reader, as half of a surrogate pair or a number that no
/// float can hold: a filter could not judge it, nor MessagePack carry it.
fn readable(data: &RawValue) -> Result<&RawValue, ErrorBody> {
    match serde_json::from_str::<Value>(data.get()) {
        Ok(_) => Ok(data),
        Err(error) => Err(invalid(format!("`data` can't be read by all: {error}"))),
    }
}

/// Whether it is read as somebody's words: all that is said in a chat, and notifications.
fn says_who(kind: Kind, channel: &str) -> bool {
    kind == Kind::Notification || kind.name().starts_with("chat.") || channel.starts_with("chat:")
}

/// What is said carries who said it, whatever the client wrote there.
fn signed(kind: Kind, data: &RawValue, by: &str) -> Result<String, ErrorBody> {
    let data = readable(data)?;
    let Ok(mut fields) = serde_json::from_str::<serde_json::Map<String, Value>>(data.get()) else {
        if kind == Kind::Message {
            // What has no fields can't say that somebody else said it.
            return Ok(data.get().to_owned());
        }
        let message = format!("`data` of `{}` must be an object", kind.name());
        return Err(invalid(message));
    };
    let name = if kind == Kind::ChatTyping {
        "user"
    } else {
        "from"
    };
    fields.insert(name.to_owned(), Value::String(by.to_owned()));
    Ok(Value::Object(fields).to_string())
}

/// These types have only texts and truths, which JSON can always hold.
fn json(value: &impl Serialize) -> String {
    to_raw_value(value).map_or_else(|_| "null".to_owned(), |raw| raw.get().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_most_keys_makes_room() {
        let mut known = HashMap::new();
        let mut keep = |user: &str, number: usize| {
            let at = Timestamp::from_millis(number.cast_signed() as i64);
            let position = Position {
                epoch: "e".to_owned(),
                offset: 1,
            };
            let id = Id::derived(at, &[]);
            let full = format!("{user}\nchat:1\n{number}");
            known.insert(full.into_boxed_str(), Kept { at, id, position });
        };
        (0..100).for_each(|number| keep("anna", number));
        (100..MAX_KEYS).for_each(|number| keep("ben", number));
        make_room(
            &mut known,
            Timestamp::from_millis(MAX_KEYS.cast_signed() as i64),
        );
        let of = |user: &str| known.keys().filter(|full| full.starts_with(user)).count();
        assert_eq!(of("anna"), 100);
        assert!((8_000..9_000).contains(&of("ben")), "{}", of("ben"));
        let newest = format!("ben\nchat:1\n{}", MAX_KEYS - 1);
        assert!(known.contains_key(newest.as_str()));
    }
}
