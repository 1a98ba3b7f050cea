//! The bus within one process: a bounded log for each channel, and a wake-up.
//!
//! Owns: the channels and their locks. Never holds: a queue for a listener, anything on disk.
//!
//! Lock order: whoever makes rooms smaller, the table of channels, then one log. Wake-ups of a channel happen outside both.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use vigil_event::{Clock, Publication, Timestamp};

use crate::level::{Sum, share_of};
use crate::log::Log;
use crate::table::Table;
use crate::{Bus, ChannelStatus, LogLimits, Position, Read, Touched};

/// How long a full bus is taken to stay full.
const LOOK_EVERY_MS: i64 = 1_000;

/// A bus within one process.
pub struct MemoryBus {
    limits: LogLimits,
    /// Other limits than the usual ones, by channel or namespace.
    special: HashMap<Box<str>, LogLimits>,
    /// Channels and namespaces that somebody writes down, who is told through the last.
    written_down: HashSet<Box<str>>,
    touched: Arc<Touched>,
    clock: Arc<dyn Clock>,
    channels: RwLock<Table<Arc<Channel>>>,
    refused: AtomicU64,
    /// What all rooms hold.
    rooms: Sum,
    /// Held by whoever makes rooms smaller.
    leveling: Mutex<()>,
    /// Until then nobody looks again for a channel that makes room: that takes a look at all of them.
    full_until: AtomicI64,
    /// The same for whoever has too many of them.
    owner_full_until: AtomicI64,
    /// What channels that are not restored are named apart by from those of an earlier process.
    epoch: Arc<str>,
    /// How many channels were opened. Two logs never share an epoch, even of one name.
    opened: watch::Sender<u64>,
}

/// What becomes of a channel that somebody whose rooms are counted wants to publish in.
enum Claim {
    Open(Arc<Channel>),
    /// There is no room for one more channel.
    Refused,
    /// They have as many rooms as they may.
    TooMany,
}

struct Channel {
    limits: LogLimits,
    /// One of those that share what there is for rooms.
    is_room: bool,
    /// Its name, where it is told when it goes on.
    told_as: Option<Arc<str>>,
    log: RwLock<Log>,
    head: watch::Sender<u64>,
}

impl MemoryBus {
    /// An empty bus. The clock tells what is older than [`LogLimits::max_age_ms`].
    pub fn new(limits: LogLimits, clock: Arc<dyn Clock>) -> Self {
        // The standard library's hasher is seeded at random; an epoch only has to be another one
        // after a restart, it is no secret.
        let random = RandomState::new().hash_one(clock.now().as_millis());
        Self {
            limits,
            special: HashMap::new(),
            written_down: HashSet::new(),
            touched: Arc::default(),
            clock,
            channels: RwLock::default(),
            refused: AtomicU64::new(0),
            rooms: Sum::new(limits.max_bytes_of_rooms),
            leveling: Mutex::new(()),
            full_until: AtomicI64::new(0),
            owner_full_until: AtomicI64::new(0),
            epoch: Arc::from(format!("{:010x}", random >> 24)),
            opened: watch::Sender::new(0),
        }
    }

    /// Keeps other limits for a channel, or for all channels of a namespace such as `chat`. Their
    /// `max_channels`, `max_rooms_of_owner` and `max_bytes_of_rooms` have no meaning.
    #[must_use]
    pub fn keeping(mut self, name: &str, limits: LogLimits) -> Self {
        self.special.insert(name.into(), limits);
        self
    }

    /// Tells through [`touched`](Self::touched) when this channel, or one of this namespace, goes on.
    /// Whoever writes it down can restore it, so one of which nothing is left makes room all the same.
    #[must_use]
    pub fn telling(mut self, name: &str) -> Self {
        self.written_down.insert(name.into());
        self
    }

    /// The channels that went on, of those that are told.
    pub fn touched(&self) -> &Arc<Touched> {
        &self.touched
    }

    fn is_written_down(&self, channel: &str) -> bool {
        let namespace = channel.split(':').next().unwrap_or_default();
        self.written_down.contains(channel) || self.written_down.contains(namespace)
    }

    fn limits_of(&self, channel: &str) -> LogLimits {
        let namespace = channel.split(':').next().unwrap_or_default();
        let special = self
            .special
            .get(channel)
            .or_else(|| self.special.get(namespace));
        *special.unwrap_or(&self.limits)
    }

    fn find(&self, channel: &str) -> Option<Arc<Channel>> {
        self.channels.read().get(channel).cloned()
    }

    /// The channel, opened if there is room for it.
    fn open(&self, channel: &str) -> Option<Arc<Channel>> {
        if let Some(found) = self.find(channel) {
            return Some(found);
        }
        self.open_in(&mut self.channels.write(), channel)
    }

    fn open_in(&self, channels: &mut Table<Arc<Channel>>, channel: &str) -> Option<Arc<Channel>> {
        if let Some(found) = channels.get(channel) {
            return Some(Arc::clone(found));
        }
        let is_full = |channels: &Table<_>| channels.len() >= self.limits.max_channels;
        if !self.make_room(channels, &self.full_until, is_full) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        // Told while the table is held: whoever wakes up finds the channel in it.
        self.opened.send_modify(|count| *count += 1);
        let number = *self.opened.borrow();
        let epoch = Arc::from(format!("{}-{number:x}", self.epoch));
        let name: Arc<str> = Arc::from(channel);
        let opened = Arc::new(Channel {
            limits: self.limits_of(channel),
            is_room: is_room(channel),
            told_as: self.is_written_down(channel).then(|| Arc::clone(&name)),
            log: RwLock::new(Log::new(epoch)),
            head: watch::Sender::new(0),
        });
        channels.insert(name, number, Arc::clone(&opened));
        Some(opened)
    }

    /// The channel, opened and theirs if it is a room in which nothing that lasts was said and that is
    /// nobody's. Whoever holds what this gives holds the room: it is not let go of before they published.
    fn claim(&self, channel: &str, owner: &str) -> Claim {
        if !is_room(channel) {
            return self.open(channel).map_or(Claim::Refused, Claim::Open);
        }
        let found = self.channels.read().with_owner(channel);
        if let Some((room, is_somebodys)) = found
            && (is_somebodys || self.with_log(&room, |log| log.lasting() > 0))
        {
            return Claim::Open(room);
        }
        let mut channels = self.channels.write();
        let most = self.limits.max_rooms_of_owner;
        let is_full = |channels: &Table<_>| channels.owned_by(owner) >= most;
        let is_taken = channels.owner(channel).is_some();
        // Before it is opened: who has too many of them opens none for others to listen to.
        if !is_taken && !self.make_room(&mut channels, &self.owner_full_until, is_full) {
            return Claim::TooMany;
        }
        let Some(room) = self.open_in(&mut channels, channel) else {
            return Claim::Refused;
        };
        if !is_taken {
            channels.give(channel, owner);
        }
        Claim::Open(room)
    }

    /// Lets go of what nobody would miss, if it is full. False if it still is, or was a moment ago.
    fn make_room(
        &self,
        channels: &mut Table<Arc<Channel>>,
        full_until: &AtomicI64,
        is_full: impl Fn(&Table<Arc<Channel>>) -> bool,
    ) -> bool {
        if !is_full(channels) {
            return true;
        }
        let now_ms = self.clock.now().as_millis();
        let full_for_ms = full_until.load(Ordering::Relaxed) - now_ms;
        // More can't be left: the clock was put back.
        if (1..=LOOK_EVERY_MS).contains(&full_for_ms) {
            return false;
        }
        // Whoever has the channel in hand counts as one more owner, so that what is about to be
        // published or watched does not go with it.
        channels.retain(|channel| {
            let stays = Arc::strong_count(channel) > 1
                || channel.head.receiver_count() > 0
                || !self.with_log(channel, |log| {
                    log.is_spent() || (channel.told_as.is_some() && log.lasting() == 0)
                });
            if !stays {
                self.count(channel, channel.log.read().bytes(), 0);
            }
            stays
        });
        let has_room = !is_full(channels);
        if !has_room {
            full_until.store(now_ms + LOOK_EVERY_MS, Ordering::Relaxed);
        }
        has_room
    }

    fn append(&self, offset: Option<u64>, publication: Publication) -> Position {
        match self.open(&publication.channel) {
            Some(channel) => self.append_to(&channel, offset, publication),
            None => self.nowhere(),
        }
    }

    fn append_to(
        &self,
        channel: &Arc<Channel>,
        offset: Option<u64>,
        publication: Publication,
    ) -> Position {
        let position = {
            let mut log = channel.log.write();
            let before = log.bytes();
            let pushed = log.push(publication, offset, &channel.limits);
            if let Some(oldest) = self.oldest(channel) {
                log.expire(oldest, &channel.limits);
            }
            self.count(channel, before, log.bytes());
            match (offset, pushed) {
                (Some(offset), false) => Position {
                    offset,
                    ..log.position()
                },
                _ => log.position(),
            }
        };
        channel.wake(position.offset);
        if let Some(name) = &channel.told_as {
            self.touched.add(name);
        }
        if self.rooms.is_too_much() {
            self.level_rooms(channel);
        }
        position
    }

    /// Keeps the sum of what rooms hold. Called under the log's lock.
    fn count(&self, channel: &Channel, before: usize, after: usize) {
        if channel.is_room {
            self.rooms.changes(before, after);
        }
    }

    /// Takes what is fleeting, and then the oldest items, of those who have most: of an owner's rooms those
    /// that have most, and of the others each by itself. What somebody listens to, and what was just
    /// published to, keeps its newest item.
    fn level_rooms(&self, published_to: &Arc<Channel>) {
        let Some(_leveling) = self.leveling.try_lock() else {
            return;
        };
        let mut holders: HashMap<_, Vec<Arc<Channel>>> = HashMap::new();
        for (name, channel, owner) in self.channels.read().iter() {
            if channel.is_room {
                let holder = (owner.is_some(), Arc::clone(owner.unwrap_or(name)));
                holders.entry(holder).or_default().push(Arc::clone(channel));
            }
        }
        let sizes_of = |rooms: &[Arc<Channel>]| -> Vec<usize> {
            rooms.iter().map(|room| room.log.read().bytes()).collect()
        };
        let held = holders.into_values();
        let held: Vec<_> = held.map(|rooms| (sizes_of(&rooms), rooms)).collect();
        let sums = held.iter().map(|(sizes, _)| sizes.iter().sum());
        let share = self.rooms.share(sums.collect());
        for (sizes, rooms) in held {
            let share = share_of(share, sizes.clone());
            let have_more = rooms.iter().zip(sizes).filter(|(_, size)| *size > share);
            for (room, _) in have_more {
                self.shrink(room, share, Arc::ptr_eq(room, published_to));
            }
        }
        self.rooms.bear();
    }

    /// A room gives up what it has beyond its share.
    fn shrink(&self, room: &Arc<Channel>, share: usize, was_published_to: bool) {
        let mut log = room.log.write();
        let before = log.bytes();
        if before <= share {
            return;
        }
        let newest_stays = room.head.receiver_count() > 0 || was_published_to;
        log.shrink_to(share, newest_stays, &room.limits);
        self.count(room, before, log.bytes());
        drop(log);
        if let Some(name) = &room.told_as {
            self.touched.add(name);
        }
    }

    /// Runs over the log, without what has become too old in the meantime.
    fn with_log<T>(&self, channel: &Channel, look: impl FnOnce(&Log) -> T) -> T {
        if let Some(oldest) = self.oldest(channel)
            && channel.log.read().is_expired(oldest)
        {
            let mut log = channel.log.write();
            let before = log.bytes();
            log.expire(oldest, &channel.limits);
            self.count(channel, before, log.bytes());
        }
        look(&channel.log.read())
    }

    fn oldest(&self, channel: &Channel) -> Option<Timestamp> {
        let max_age_ms = channel.limits.max_age_ms?;
        Some(self.clock.now().plus_millis(-max_age_ms))
    }

    fn nowhere(&self) -> Position {
        Position {
            epoch: Arc::clone(&self.epoch),
            offset: 0,
        }
    }
}

/// Rooms share what there is for them.
fn is_room(channel: &str) -> bool {
    channel.contains(':')
}

impl Channel {
    /// Wakes the watchers, and only forward: two publishers may come here in the other order.
    fn wake(&self, head: u64) {
        self.head.send_if_modified(|known| {
            let forward = head > *known;
            if forward {
                *known = head;
            }
            forward
        });
    }
}

impl Bus for MemoryBus {
    fn publish(&self, publication: Publication) -> Position {
        self.append(None, publication)
    }

    fn publish_of(&self, owner: &str, publication: Publication) -> Option<Position> {
        match self.claim(&publication.channel, owner) {
            Claim::Open(channel) => Some(self.append_to(&channel, None, publication)),
            Claim::Refused => Some(self.nowhere()),
            Claim::TooMany => None,
        }
    }

    fn owner(&self, channel: &str) -> Option<Arc<str>> {
        self.channels.read().owner(channel).cloned()
    }

    fn give(&self, channel: &str, owner: &str) {
        if is_room(channel) {
            self.channels.write().give(channel, owner);
        }
    }

    fn publish_at(&self, offset: u64, publication: Publication) -> Position {
        self.append(Some(offset), publication)
    }

    fn restore(
        &self,
        channel: &str,
        epoch: &str,
        next_offset: u64,
        items: Vec<(u64, Publication)>,
    ) -> bool {
        let Some(channel) = self.open(channel) else {
            return false;
        };
        let head = {
            let mut log = channel.log.write();
            if !log.is_untouched() {
                return false;
            }
            let is_swept = channel.told_as.is_some();
            log.restore(
                Arc::from(epoch),
                next_offset,
                items,
                is_swept,
                &channel.limits,
            );
            self.count(&channel, 0, log.bytes());
            log.head()
        };
        channel.wake(head);
        true
    }

    fn head(&self, channel: &str) -> Position {
        self.open(channel)
            .map_or_else(|| self.nowhere(), |channel| channel.log.read().position())
    }

    fn read(&self, channel: &str, after: u64, limit: usize) -> Read {
        self.find(channel)
            .map(|channel| self.with_log(&channel, |log| log.read(after, limit)))
            .unwrap_or_default()
    }

    fn watch(&self, channel: &str) -> watch::Receiver<u64> {
        self.open(channel).map_or_else(
            || watch::Sender::new(0).subscribe(),
            |channel| channel.head.subscribe(),
        )
    }

    fn since_time(&self, channel: &str, since: Timestamp) -> u64 {
        self.find(channel).map_or(0, |channel| {
            self.with_log(&channel, |log| log.since_time(since))
        })
    }

    fn last(&self, channel: &str, count: u64) -> u64 {
        self.find(channel)
            .map_or(0, |channel| self.with_log(&channel, |log| log.last(count)))
    }

    fn opened(&self) -> watch::Receiver<u64> {
        self.opened.subscribe()
    }

    fn names(&self, prefix: &str, numbers: RangeInclusive<u64>) -> Vec<Arc<str>> {
        self.channels.read().names(prefix, numbers)
    }

    fn channels(&self) -> Vec<ChannelStatus> {
        let channels: Vec<_> = self
            .channels
            .read()
            .iter()
            .map(|(name, channel, _)| (Arc::clone(name), Arc::clone(channel)))
            .collect();
        let mut all: Vec<_> = channels
            .into_iter()
            .map(|(name, channel)| {
                self.with_log(&channel, |log| ChannelStatus {
                    channel: name,
                    head: log.position(),
                    items: log.len(),
                    bytes: log.bytes(),
                    published: log.published(),
                    dropped: log.dropped(),
                    watchers: channel.head.receiver_count(),
                })
            })
            .collect();
        all.sort_by(|a, b| a.channel.cmp(&b.channel));
        all
    }

    fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
