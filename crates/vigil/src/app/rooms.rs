//! Rooms that outlive a restart: filled from the store at the start, and written down a moment after
//! something was published in them.
//!
//! Owns: how far each room is written down. Never holds: what was published; that is the bus's.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus::IntCounter;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use vigil_bus::{Bus, MemoryBus, Touched};
use vigil_event::{Clock, Id, Kind, Publication, Timestamp};
use vigil_store::{Room, Store, StoreError};

use crate::config::Config;

/// How long is waited for more to write. As much may be lost with the process; rooms then have another
/// epoch.
const GATHER: Duration = Duration::from_millis(100);

/// How long is waited after the store has failed.
const PAUSE: Duration = Duration::from_secs(1);

/// How often what has become too old is deleted.
const FORGET_EVERY: Duration = Duration::from_hours(1);

/// About so many publications are written in one transaction.
const BATCH_ITEMS: usize = 512;

const HOUR_MS: i64 = 3_600_000;

/// Keeps rooms over a restart.
pub(super) struct RoomKeeper {
    bus: Arc<dyn Bus>,
    touched: Arc<Touched>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    namespaces: Vec<Kept>,
    written: Mutex<HashMap<Arc<str>, Written>>,
}

/// The leaving of those who, as far as the room tells, are still there: a process that was killed could
/// not say it.
fn gone(room: &Room, now: Timestamp) -> Vec<Publication> {
    let mut here: Vec<&Publication> = Vec::new();
    for (_, publication) in &room.publications {
        match publication.kind {
            Kind::PresenceJoin => here.push(publication),
            Kind::PresenceLeave => here.retain(|join| join.data != publication.data),
            _ => {}
        }
    }
    let leave = |join: &Publication| Publication {
        kind: Kind::PresenceLeave,
        id: Id::derived(now, &[b"gone", room.epoch.as_bytes(), &join.data]),
        timestamp: now,
        ..join.clone()
    };
    here.into_iter().map(leave).collect()
}

/// A namespace, and how long its rooms' messages are kept; none if they are not.
struct Kept {
    namespace: String,
    age_ms: Option<i64>,
}

/// How far a room is written down.
#[derive(Clone)]
struct Written {
    epoch: Arc<str>,
    after: u64,
    /// What is before this was deleted.
    first: u64,
    /// What is fleeting up to there was deleted.
    swept_to: u64,
}

impl Written {
    fn of(room: &Room) -> Self {
        Self {
            epoch: Arc::clone(&room.epoch),
            after: room.next_offset.saturating_sub(1),
            first: room.first,
            swept_to: room.swept_to,
        }
    }
}

impl RoomKeeper {
    /// Fills the bus, in which nothing was published yet, with the rooms that are kept.
    pub(super) fn open(
        config: &Config,
        bus: &Arc<MemoryBus>,
        store: &Arc<dyn Store>,
        clock: &Arc<dyn Clock>,
        reads: &IntCounter,
    ) -> Result<Self, StoreError> {
        let namespaces = config.namespaces().into_iter();
        let namespaces = namespaces.map(|(namespace, settings)| Kept {
            age_ms: settings
                .is_kept()
                .then(|| i64::from(settings.history_hours) * HOUR_MS),
            namespace,
        });
        let keeper = Self {
            bus: Arc::<MemoryBus>::clone(bus),
            touched: Arc::clone(bus.touched()),
            store: Arc::clone(store),
            clock: Arc::clone(clock),
            namespaces: namespaces.collect(),
            written: Mutex::default(),
        };
        keeper.forget()?;
        let mut written = keeper.written.lock();
        let is_kept = |room: &Room| {
            let namespace = room.channel.split(':').next();
            let mut kept = keeper.namespaces.iter();
            kept.any(|one| Some(one.namespace.as_str()) == namespace && one.age_ms.is_some())
        };
        for room in store.rooms()?.into_iter().filter(is_kept) {
            reads.inc();
            let at = Written::of(&room);
            let gone = gone(&room, clock.now());
            let (publications, owner) = (room.publications, room.owner);
            if bus.restore(&room.channel, &room.epoch, room.next_offset, publications) {
                if let Some(owner) = owner {
                    bus.give(&room.channel, &owner);
                }
                written.insert(room.channel, at);
                for leave in gone {
                    bus.publish(leave);
                }
            }
        }
        drop(written);
        Ok(keeper)
    }

    /// Writes down what comes, until the server stops; [`finish`](Self::finish) does the rest.
    pub(super) async fn keep(self: Arc<Self>, shutdown: CancellationToken) {
        let mut forget_at = Instant::now() + FORGET_EVERY;
        loop {
            let is_time = tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.touched.changed() => false,
                () = sleep_until(forget_at) => true,
            };
            let keeper = Arc::clone(&self);
            let done = if is_time {
                forget_at = Instant::now() + FORGET_EVERY;
                tokio::task::spawn_blocking(move || keeper.forget()).await
            } else {
                sleep(GATHER).await;
                tokio::task::spawn_blocking(move || keeper.write()).await
            };
            if let Ok(Err(error)) = done {
                tracing::error!(%error, "rooms can't be written down; trying again");
                sleep(PAUSE).await;
            }
        }
    }

    /// Writes down the last. `is_all` says that nothing can be published any more.
    pub(super) fn finish(&self, is_all: bool) {
        let mut done = self.write();
        if is_all && done.is_ok() {
            done = self.store.close_rooms();
        }
        if let Err(error) = done {
            tracing::error!(%error, "the last that was said in rooms could not be written down");
        }
    }

    /// Writes down what came in rooms since the last time.
    fn write(&self) -> Result<(), StoreError> {
        let names = self.touched.take();
        let written = self.write_rooms(&names);
        if written.is_err() {
            self.touched.put_back(names);
        }
        written
    }

    fn write_rooms(&self, names: &[Arc<str>]) -> Result<(), StoreError> {
        let mut written = self.written.lock();
        let mut batch: Vec<Room> = Vec::new();
        let mut items = 0;
        for name in names {
            let mut at = written.get(name).cloned();
            while let Some(room) = self.news(name, at.take()) {
                at = Some(Written::of(&room));
                items += room.publications.len();
                batch.push(room);
                if items >= BATCH_ITEMS {
                    self.flush(&mut batch, &mut written)?;
                    items = 0;
                }
            }
        }
        self.flush(&mut batch, &mut written)
    }

    fn flush(
        &self,
        batch: &mut Vec<Room>,
        written: &mut HashMap<Arc<str>, Written>,
    ) -> Result<(), StoreError> {
        if !batch.is_empty() {
            self.store.keep_rooms(batch)?;
        }
        for room in batch.drain(..) {
            let at = Written::of(&room);
            written.insert(room.channel, at);
        }
        Ok(())
    }

    /// What a room has beyond what is written down. One in which nothing was said yet that lasts is not
    /// written down: whoever may look into rooms could fill the disk with coming and going.
    fn news(&self, name: &Arc<str>, written: Option<Written>) -> Option<Room> {
        let head = self.bus.head(name);
        let written = written.filter(|at| at.epoch == head.epoch);
        let after = written.as_ref().map_or(0, |at| at.after);
        let read = self.bus.read(name, after, BATCH_ITEMS);
        if written.is_none() && read.lasting == 0 {
            return None;
        }
        // A room that was forgotten and opened again in between is looked at once more.
        let items = read.items.iter();
        let items = items.take_while(|item| item.epoch == head.epoch);
        let publications: Vec<_> = items
            .map(|item| (item.offset, item.publication.clone()))
            .collect();
        // All rooms together may have been too much, and this one gave up something.
        let gave = |at: Written| at.first < read.first || at.swept_to < read.swept_to;
        let is_smaller = written.is_some_and(gave);
        let next_offset = match publications.last() {
            Some((last, _)) => last + 1,
            None if is_smaller && read.items.is_empty() => read.head + 1,
            None => return None,
        };
        Some(Room {
            channel: Arc::clone(name),
            epoch: head.epoch,
            owner: self.bus.owner(name),
            first: read.first,
            swept_to: read.swept_to,
            next_offset,
            publications,
        })
    }

    /// Deletes what is too old, and what is no longer to be kept.
    fn forget(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        for Kept { namespace, age_ms } in &self.namespaces {
            let before = age_ms.map_or(Timestamp::from_millis(i64::MAX), |age_ms| {
                now.plus_millis(-age_ms)
            });
            self.store.forget_rooms(namespace, before)?;
        }
        let there: std::collections::HashSet<_> =
            self.bus.names("", 0..=u64::MAX).into_iter().collect();
        self.written.lock().retain(|name, _| there.contains(name));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use vigil_event::Severity;

    use super::*;

    #[test]
    fn who_did_not_leave_a_room_is_gone_after_a_crash() {
        let at = Timestamp::from_millis(1_000);
        let said = |kind, who: &str| Publication {
            channel: Arc::from("chat:1"),
            kind,
            id: Id::derived(at, &[who.as_bytes()]),
            timestamp: at,
            severity: Severity::Informational,
            data: format!(r#"{{"user":"{who}"}}"#).into(),
        };
        let said = [
            said(Kind::PresenceJoin, "anna"),
            said(Kind::PresenceJoin, "ben"),
            said(Kind::ChatMessage, "anna"),
            said(Kind::PresenceLeave, "anna"),
        ];
        let room = Room {
            channel: Arc::from("chat:1"),
            epoch: Arc::from("e"),
            owner: None,
            first: 1,
            swept_to: 0,
            next_offset: 5,
            publications: (1..).zip(said).collect(),
        };
        let gone = gone(&room, Timestamp::from_millis(2_000));
        assert_eq!(gone.len(), 1);
        assert_eq!(gone[0].kind, Kind::PresenceLeave);
        assert_eq!(&gone[0].data[..], br#"{"user":"ben"}"#);
        assert_eq!(gone[0].timestamp, Timestamp::from_millis(2_000));
    }
}
