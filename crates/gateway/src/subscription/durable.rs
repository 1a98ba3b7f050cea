//! Cursors that the server keeps for users, so that what comes while they are away waits for them.
//!
//! A cursor moves only when the client says that it is done ([`Durables::acknowledge`]): what was
//! sent and not acknowledged is sent again. It goes when the client forgets it ([`Durables::forget`]), or
//! does not use it for long. What waits is in the channel's log; a cursor is a few bytes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use vigil_event::Timestamp;
use vigil_protocol::{DurableCursor, Position};

/// The most cursors of one user.
const MAX_OF_USER: usize = 32;

/// The most cursors in all.
const MAX_IN_ALL: usize = 20_000;

/// A cursor that nobody used for so long is forgotten.
const MAX_IDLE_MS: i64 = 30 * 86_400_000;

/// A cursor as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptCursor {
    /// Whose it is.
    pub user: String,
    /// The client's name for it.
    pub name: String,
    /// The channel.
    pub channel: String,
    /// The log that the offset is of.
    pub epoch: String,
    /// Everything up to here is done with.
    pub offset: u64,
    /// When it was used last.
    pub used_at: Timestamp,
}

/// When a cursor was used is kept no more exactly than this.
const USE_KNOWN_MS: i64 = 3_600_000;

/// A user, a channel and a name.
type Place = (String, String, String);

/// Every cursor.
#[derive(Debug, Default)]
pub struct Durables {
    cursors: Mutex<BTreeMap<Place, KeptCursor>>,
    changes: AtomicU64,
}

impl Durables {
    /// With the cursors that were kept.
    pub fn new(kept: Vec<KeptCursor>) -> Self {
        let cursors = kept.into_iter().take(MAX_IN_ALL).map(|cursor| {
            let place = (
                cursor.user.clone(),
                cursor.channel.clone(),
                cursor.name.clone(),
            );
            (place, cursor)
        });
        Self {
            cursors: Mutex::new(cursors.collect()),
            changes: AtomicU64::new(0),
        }
    }

    /// Every cursor, to be kept.
    pub fn all(&self) -> Vec<KeptCursor> {
        self.cursors.lock().values().cloned().collect()
    }

    /// Counts up with every change.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// Where a user's cursor stands, put at `head` if it is new. None if there is no room for it.
    pub(crate) fn open(
        &self,
        (user, channel, name): (&str, &str, &str),
        head: &vigil_bus::Position,
        now: Timestamp,
    ) -> Option<(String, u64)> {
        let mut cursors = self.cursors.lock();
        let place = (user.to_owned(), channel.to_owned(), name.to_owned());
        if let Some(cursor) = cursors.get_mut(&place) {
            // Where nothing ever moves, use must be known after a restart, too.
            let is_news = now.millis_since(cursor.used_at) >= USE_KNOWN_MS;
            self.changes
                .fetch_add(u64::from(is_news), Ordering::Relaxed);
            cursor.used_at = now;
            return Some((cursor.epoch.clone(), cursor.offset));
        }
        let is_used = |cursor: &KeptCursor| now.millis_since(cursor.used_at) < MAX_IDLE_MS;
        cursors.retain(|_, cursor| is_used(cursor));
        if own(&cursors, user).count() >= MAX_OF_USER || cursors.len() >= MAX_IN_ALL {
            return None;
        }
        let cursor = KeptCursor {
            user: user.to_owned(),
            name: name.to_owned(),
            channel: channel.to_owned(),
            epoch: head.epoch.to_string(),
            offset: head.offset,
            used_at: now,
        };
        cursors.insert(place, cursor);
        self.changes.fetch_add(1, Ordering::Relaxed);
        Some((head.epoch.to_string(), head.offset))
    }

    /// Moves a cursor on, never back within one log, and says where it stands.
    pub(crate) fn acknowledge(
        &self,
        (user, channel, name): (&str, &str, &str),
        epoch: &str,
        offset: u64,
        now: Timestamp,
    ) -> Option<Position> {
        let mut cursors = self.cursors.lock();
        let cursor = cursors.get_mut(&(user.to_owned(), channel.to_owned(), name.to_owned()))?;
        if cursor.epoch != epoch || cursor.offset < offset {
            epoch.clone_into(&mut cursor.epoch);
            cursor.offset = offset;
            self.changes.fetch_add(1, Ordering::Relaxed);
        }
        cursor.used_at = now;
        Some(Position {
            epoch: cursor.epoch.clone(),
            offset: cursor.offset,
        })
    }

    /// Forgets a cursor, which makes room for another one; false if there is none.
    pub(crate) fn forget(&self, (user, channel, name): (&str, &str, &str)) -> bool {
        let place = (user.to_owned(), channel.to_owned(), name.to_owned());
        let is_gone = self.cursors.lock().remove(&place).is_some();
        self.changes
            .fetch_add(u64::from(is_gone), Ordering::Relaxed);
        is_gone
    }

    /// The cursors of a user.
    pub(crate) fn of(&self, user: &str) -> Vec<DurableCursor> {
        let cursors = self.cursors.lock();
        own(&cursors, user)
            .map(|cursor| DurableCursor {
                durable: cursor.name.clone(),
                channel: cursor.channel.clone(),
                position: Position {
                    epoch: cursor.epoch.clone(),
                    offset: cursor.offset,
                },
            })
            .collect()
    }
}

/// The cursors of a user, which stand together.
fn own<'a>(
    cursors: &'a BTreeMap<Place, KeptCursor>,
    user: &'a str,
) -> impl Iterator<Item = &'a KeptCursor> {
    let first = (user.to_owned(), String::new(), String::new());
    let from_there = cursors.range(first..).map(|(_, cursor)| cursor);
    from_there.take_while(move |cursor| cursor.user == user)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn head(offset: u64) -> vigil_bus::Position {
        vigil_bus::Position {
            epoch: Arc::from("e"),
            offset,
        }
    }

    #[test]
    fn a_cursor_moves_by_acknowledgement_only() {
        let now = Timestamp::from_millis(1);
        let durables = Durables::default();
        let place = ("anna", "alerts", "desk");
        assert_eq!(durables.open(place, &head(7), now), Some(("e".into(), 7)));
        assert_eq!(durables.open(place, &head(9), now), Some(("e".into(), 7)));
        let at = |offset| {
            durables
                .acknowledge(place, "e", offset, now)
                .unwrap()
                .offset
        };
        assert_eq!((at(9), at(8)), (9, 9), "never back");
        assert_eq!(
            durables.acknowledge(("ben", "alerts", "desk"), "e", 9, now),
            None
        );
        let again = Durables::new(durables.all());
        assert_eq!(again.of("anna"), durables.of("anna"));
        assert_eq!(again.of("ben"), []);
    }

    #[test]
    fn use_alone_is_kept_too() {
        let durables = Durables::default();
        let open = |hour: i64| {
            let now = Timestamp::from_millis(hour * 3_600_000);
            durables.open(("anna", "alerts", "desk"), &head(1), now);
            durables.changes()
        };
        assert_eq!([open(0), open(0), open(1), open(700)], [1, 1, 2, 3]);
    }

    #[test]
    fn cursors_are_bounded_and_forgotten() {
        let now = Timestamp::from_millis(1);
        let durables = Durables::default();
        let open = |name: &str, now| durables.open(("anna", "alerts", name), &head(1), now);
        for number in 0..MAX_OF_USER {
            assert!(open(&number.to_string(), now).is_some());
        }
        assert_eq!(open("more", now), None);
        let changes = durables.changes();
        assert!(durables.forget(("anna", "alerts", "7")));
        assert_eq!(durables.changes(), changes + 1);
        assert!(
            !durables.forget(("anna", "alerts", "7")) && !durables.forget(("ben", "alerts", "8"))
        );
        assert!(open("instead", now).is_some());
        assert_eq!(open("more", now), None);
        assert!(open("more", now.plus_millis(MAX_IDLE_MS)).is_some());
    }
}
