//! Carries publications with positions and history, in the process.
//!
//! Every channel is a log: an epoch, and an offset that counts up by one. Whoever listens reads the
//! log from a position of its own, so there is no queue for each listener and nothing to fill up: a
//! listener that is too slow finds that its position fell out of the log and is told what it missed.
//!
//! Owns: channels, positions, the history that is kept. Never holds: sockets, HTTP, what is in the
//! data of a publication.
//!
//! To add a bus: a file (or folder) beside [`memory`], the [`Bus`] trait for it, and a test that runs
//! the suite of `conformance` on it.

use std::ops::RangeInclusive;
use std::sync::Arc;

use tokio::sync::watch;
use vigil_event::{Publication, SeverityCounts, Timestamp};

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod level;
mod limits;
mod log;
pub mod memory;
pub mod position;
pub mod published;
mod table;
pub mod touched;

pub use limits::LogLimits;
pub use memory::MemoryBus;
pub use position::{Position, Resume};
pub use published::{FilterId, FormId, Published};
pub use touched::Touched;

/// Carries publications from those who make them to those who listen.
///
/// - **Order.** A channel has one order, that of its offsets, which count up by one from 1. Two
///   publishers at once come in either order, and every reader sees the same one. There is no order
///   between channels.
/// - **Delivery.** What [`read`](Bus::read) gives and what it says was missed are together every
///   offset after the position, once each. Lack of room never drops the newest item.
/// - **Who waits.** Nobody: no method blocks longer than a short lock, and a slow reader never slows
///   a publisher. Readers wait on [`watch`](Bus::watch).
/// - **Cancellation.** Nothing is held for a reader, so a reader may go at any time.
/// - **Bounds.** The items of a channel, their bytes, those of all rooms together and the number of
///   channels, in all and of one owner, are bounded. What is fleeting, as who comes and goes, makes
///   room only for its like. What falls out is counted by channel ([`ChannelStatus::dropped`]); a
///   channel that there is no room for is refused and counted ([`Bus::refused`]).
/// - **Threads.** All methods may be called from all threads.
///
/// ```
/// # use std::sync::Arc;
/// # use vigil_bus::{Bus, LogLimits, MemoryBus};
/// # use vigil_event::{Id, Publication, Severity, SystemClock, Timestamp};
/// let bus = MemoryBus::new(LogLimits::default(), Arc::new(SystemClock));
/// let at = Timestamp::from_millis(1);
/// bus.publish(Publication::status(&"fine", Severity::Informational, Id::derived(at, &[]), at));
/// let read = bus.read("status", 0, 100);
/// assert_eq!((read.items[0].offset, read.missed, read.head), (1, None, 1));
/// ```
pub trait Bus: Send + Sync {
    /// Appends to the publication's channel and gives the item's position.
    ///
    /// Offset 0 means that the bus has no room for one more channel; the publication is dropped and
    /// counted.
    fn publish(&self, publication: Publication) -> Position;

    /// As [`publish`](Bus::publish), for somebody whose rooms are counted: a room that is nobody's and in
    /// which nothing that lasts is kept is theirs from now on. None where they have as many as they may:
    /// nothing is published then, and nothing opened.
    fn publish_of(&self, owner: &str, publication: Publication) -> Option<Position>;

    /// Whose a room is, if it is somebody's whose rooms are counted.
    fn owner(&self, channel: &str) -> Option<Arc<str>>;

    /// Makes an open room somebody's again, as a store kept it, however many they have.
    fn give(&self, channel: &str, owner: &str);

    /// Appends at an offset that was given elsewhere, by a store that counts.
    ///
    /// An offset that the log already has is ignored, so that telling twice tells once. One that
    /// leaves some out makes a hole: readers before it are told that they missed it.
    fn publish_at(&self, offset: u64, publication: Publication) -> Position;

    /// Fills a channel's log with what a store kept, before the first publication after a start.
    ///
    /// `items` ascend by one up to `next_offset` − 1; of items with a hole only those after the last
    /// hole are taken. False, and no change, when the channel has publications already or there is
    /// no room for it.
    fn restore(
        &self,
        channel: &str,
        epoch: &str,
        next_offset: u64,
        items: Vec<(u64, Publication)>,
    ) -> bool;

    /// Where the channel's newest item stands. An unknown channel is opened, empty.
    fn head(&self, channel: &str) -> Position;

    /// Up to `limit` items after an offset, and what is gone of those that were asked for.
    ///
    /// The items have no holes: they end where a fleeting one was swept out, which the next read says
    /// was missed. When something was missed, the items go on after it. An offset past the head gives nothing:
    /// check a position from outside with [`Resume`] first.
    fn read(&self, channel: &str, after: u64, limit: usize) -> Read;

    /// The offset of the newest item, with a wake-up when it changes.
    ///
    /// An unknown channel is opened, empty. The receiver is closed from the start when the bus has no
    /// room for one more channel.
    fn watch(&self, channel: &str) -> watch::Receiver<u64>;

    /// The offset to read after in order to get everything since a moment that is still there.
    fn since_time(&self, channel: &str, since: Timestamp) -> u64;

    /// The offset to read after in order to get the last `count` items that are still there, and what is
    /// fleeting between them.
    fn last(&self, channel: &str, count: u64) -> u64;

    /// How many channels were opened since the start, with a wake-up when one is. It is the number of the
    /// newest.
    fn opened(&self) -> watch::Receiver<u64>;

    /// The names of the open channels that begin with that and have one of these numbers, in the order of
    /// opening. It costs no more than there are channels of these numbers, whatever their names.
    fn names(&self, prefix: &str, numbers: RangeInclusive<u64>) -> Vec<Arc<str>>;

    /// Every channel, by name.
    fn channels(&self) -> Vec<ChannelStatus>;

    /// How often a channel was refused because the bus has no room for one more.
    fn refused(&self) -> u64;
}

/// What [`Bus::read`] gives.
#[derive(Clone, Debug, Default)]
pub struct Read {
    /// The items, in order.
    pub items: Vec<Arc<Published>>,
    /// What was asked for and is gone. It comes before the items.
    pub missed: Option<Missed>,
    /// The offset of the oldest item that is kept, or of the one that comes next where none is.
    pub first: u64,
    /// The offset of the newest item at that moment; 0 for a log that never had one.
    pub head: u64,
    /// How many of the items that are kept are not fleeting.
    pub lasting: usize,
    /// Up to this offset no fleeting item is kept.
    pub swept_to: u64,
}

/// A range of offsets that is no longer in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The first missed offset.
    pub from: u64,
    /// The last missed offset.
    pub to: u64,
    /// How many of each severity. Exact, or none where the log has forgotten: see
    /// [`LogLimits::max_trail`].
    pub by_severity: Option<SeverityCounts>,
}

impl Missed {
    /// How many were missed.
    pub const fn count(&self) -> u64 {
        self.to.saturating_sub(self.from).saturating_add(1)
    }
}

/// How a channel is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelStatus {
    /// The channel.
    pub channel: Arc<str>,
    /// Its epoch and the offset of its newest item.
    pub head: Position,
    /// How many items the log keeps.
    pub items: usize,
    /// What they are counted as, in bytes.
    pub bytes: usize,
    /// How many items were published since the start.
    pub published: u64,
    /// How many fell out of the log since the start.
    pub dropped: u64,
    /// How many watch it.
    pub watchers: usize,
}
