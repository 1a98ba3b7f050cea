//! Who is in which room, for namespaces that tell it.
//!
//! Coming and going are publications of the room itself, so everybody there hears them in order with
//! what else is said. Bounded by connections and their subscriptions.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;
use vigil_event::{Id, Kind, Timestamp};
use vigil_protocol::{Member, PresenceSaid};

use crate::Gateway;

/// The most members that are named.
const MAX_NAMED: usize = 1_000;

/// Who is where.
#[derive(Debug, Default)]
pub(crate) struct Presence {
    rooms: Mutex<HashMap<Arc<str>, BTreeMap<Id, Here>>>,
}

#[derive(Debug)]
struct Here {
    user: Arc<str>,
    since: Timestamp,
}

/// Somebody is in a room for as long as this lives.
pub(crate) struct Present {
    gateway: Arc<Gateway>,
    room: Arc<str>,
    connection: Id,
    user: Arc<str>,
}

impl Presence {
    /// Who is in a room.
    pub(crate) fn of(&self, room: &str) -> PresenceSaid {
        let rooms = self.rooms.lock();
        let Some(here) = rooms.get(room) else {
            return PresenceSaid {
                members: Vec::new(),
                connections: 0,
                users: 0,
            };
        };
        let users: HashSet<&str> = here.values().map(|here| &*here.user).collect();
        PresenceSaid {
            members: here
                .iter()
                .take(MAX_NAMED)
                .map(|(connection, here)| Member {
                    connection_id: connection.to_string(),
                    user: here.user.to_string(),
                    joined_at: here.since.to_string(),
                })
                .collect(),
            connections: here.len(),
            users: users.len(),
        }
    }
}

impl Gateway {
    /// Comes into a room, if it is one that tells who is there.
    pub(crate) fn enter(
        self: &Arc<Self>,
        room: &Arc<str>,
        connection: Id,
        user: &Arc<str>,
    ) -> Option<Present> {
        self.state
            .namespaces
            .of(room)
            .filter(|namespace| namespace.presence)?;
        let here = Here {
            user: Arc::clone(user),
            since: self.state.clock.now(),
        };
        let mut rooms = self.presence.rooms.lock();
        rooms
            .entry(Arc::clone(room))
            .or_default()
            .insert(connection, here);
        drop(rooms);
        let present = Present {
            gateway: Arc::clone(self),
            room: Arc::clone(room),
            connection,
            user: Arc::clone(user),
        };
        present.tell(Kind::PresenceJoin);
        Some(present)
    }
}

impl Present {
    fn tell(&self, kind: Kind) {
        let data = serde_json::json!({
            "connection_id": self.connection.to_string(),
            "user": &*self.user,
        });
        self.gateway.say(&self.room, kind, &data);
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        let mut rooms = self.gateway.presence.rooms.lock();
        if let Some(here) = rooms.get_mut(&self.room) {
            here.remove(&self.connection);
            if here.is_empty() {
                rooms.remove(&self.room);
            }
        }
        drop(rooms);
        self.tell(Kind::PresenceLeave);
    }
}
