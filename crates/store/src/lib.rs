//! Remembers threats, alerts, checkpoints and publications, and answers questions about them.
//!
//! Owns: what is on disk, its schema and its retention; the state of alerts. Never holds: HTTP, the
//! bus, what counts as a threat or whether anybody may ask.
//!
//! To add an engine: a folder beside [`sqlite`], the [`Store`] trait for it, and a test that runs the
//! suite of `conformance` on it.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod cursor;
pub mod entry;
pub mod error;
pub mod query;
pub mod retention;
pub mod revocation;
pub mod sqlite;
pub mod stats;
pub mod suppression;

use vigil_event::{
    Alert, AlertChange, Checkpoint, Id, Revocation, SourceId, Suppression, Threat, Timestamp,
};

pub use entry::{Backlog, Entry, GroupedThreat, Publish, Recorded, Room};
pub use error::StoreError;
pub use query::{AlertQuery, Page, Sort, ThreatQuery};
pub use retention::{Retention, Trimmed};
pub use sqlite::{DataLock, SqliteStore};
pub use stats::{Stats, StatsQuery};

/// Remembers and answers.
///
/// - **Blocking.** Every method blocks, on the disk and on other callers. From async code call it on
///   a thread that may block.
/// - **Threads.** All methods may be called from all threads. One writes at a time; readers do not
///   wait for writers nor writers for readers. A reader sees everything that was committed before it
///   asked, and one question is answered from one moment's state.
/// - **Atomicity.** A writing method does all it says or nothing. After an error nothing has changed
///   and nothing was published; the store stays usable, so that the same call can be made again.
/// - **Order.** Publications get their channel's offsets in the order of commits, and the publish
///   hook hears of them in that order, each once. If the process ends between the commit and the
///   hook, [`backlog`](Store::backlog) has them after the next start.
/// - **Durability.** What was committed survives the end of the process. When the machine itself
///   fails, the newest entries may be lost, but only together with their checkpoints, so that the
///   source reads those records again; channels then get a new epoch, since offsets may be given
///   again. [`write_through`](Store::write_through) rules that out for all before it.
/// - **Exactly once.** A threat whose id is known is not stored, counted or published again.
/// - **Who retries.** The caller. [`StoreError::is_temporary`] says whether it makes sense. Nothing
///   is retried in here.
/// - **Bounds.** A page has at most [`query::MAX_LIMIT`] items, one of threats also at most about
///   [`query::PAGE_MAX_BYTES`]. Questions that take too long end with
///   [`StoreError::TooSlow`].
pub trait Store: Send + Sync {
    /// Stores what the pipeline concluded from some records, in one transaction.
    ///
    /// Threats with unknown ids are stored and published; only they open, grow or reopen alerts. An
    /// alert is published once, with its final count, however many threats of the entry it took.
    /// Checkpoints move in the same transaction, and what suppressions took out is counted in it.
    ///
    /// All threats of one source within a window are one alert. Once they are of
    /// [`Alert::SCAN_FAMILIES`] families it is a scan; a family that is new to it opens an
    /// acknowledged alert again until then. Where an entry limits how many alerts are opened in a
    /// minute (of the threats' own time), threats whose alert would be one more are gathered in one
    /// alert of their window, until a minute has room again.
    fn record(&self, entry: &Entry<'_>) -> Result<Recorded, StoreError>;

    /// Does something to an alert and publishes it; the answer has every change.
    ///
    /// Doing again what was done changes nothing and is no error: who did it first is kept. A note
    /// given with it is kept as a note. Acknowledging a resolved alert and reopening an acknowledged
    /// one are conflicts.
    fn change_alert(&self, id: Id, change: AlertChange) -> Result<Alert, StoreError>;

    /// The threat of that id.
    fn threat(&self, id: Id) -> Result<Option<Threat>, StoreError>;

    /// A page of threats, in the order that is asked for.
    ///
    /// Following [`Page::next`] gives every threat that was there when the first page was asked for
    /// exactly once, whatever is stored meanwhile; what is trimmed meanwhile is left out.
    fn threats(&self, query: &ThreatQuery) -> Result<Page<Threat>, StoreError>;

    /// A page of alerts without their changes, in the order that is asked for; the newest are those
    /// that were opened last.
    ///
    /// An alert keeps its place in the order when it grows or is reopened, so that paging holds as
    /// for threats. Only its outcome may rise, which moves it forward in a list by outcome: then a
    /// page to come does not have it, and none has it twice.
    fn alerts(&self, query: &AlertQuery) -> Result<Page<Alert>, StoreError>;

    /// The alert of that id, with every change.
    fn alert(&self, id: Id) -> Result<Option<Alert>, StoreError>;

    /// Keeps a suppression that is new; its hits are none yet. Refused where it lacks a reason, would
    /// silence everything, or is one too many.
    fn add_suppression(&self, suppression: &Suppression) -> Result<(), StoreError>;

    /// Ends a suppression and keeps who did. Doing it again changes nothing.
    fn remove_suppression(
        &self,
        id: Id,
        by: &str,
        at: Timestamp,
    ) -> Result<Suppression, StoreError>;

    /// The suppressions, the last made first: those that are in force at that moment, or with none
    /// every one that is kept, at most [`suppression::MAX_LISTED`].
    fn suppressions(&self, active_at: Option<Timestamp>) -> Result<Vec<Suppression>, StoreError>;

    /// Keeps a revocation. Refused where it names nothing, lacks a reason, or is one too many; those
    /// that have expired make room.
    fn add_revocation(&self, revocation: &Revocation) -> Result<(), StoreError>;

    /// Forgets a revocation, and says what it was.
    fn lift_revocation(&self, id: Id) -> Result<Revocation, StoreError>;

    /// The revocations in force at that moment, the last made first, at most
    /// [`revocation::MAX_KEPT`].
    fn revocations(&self, at: Timestamp) -> Result<Vec<Revocation>, StoreError>;

    /// Counts over a range of time.
    fn stats(&self, query: &StatsQuery) -> Result<Stats, StoreError>;

    /// Where every source stands.
    fn checkpoints(&self) -> Result<Vec<Checkpoint>, StoreError>;

    /// Forgets where these sources stand, all or nothing.
    fn forget_checkpoints(&self, sources: &[SourceId]) -> Result<(), StoreError>;

    /// A channel's newest publications, at most `limit`, to fill the bus with after a start.
    fn backlog(&self, channel: &str, limit: usize) -> Result<Backlog, StoreError>;

    /// Keeps what came in rooms and forgets what they no longer have, all or nothing. Nothing is
    /// published: it was before. A room with another epoch takes the place of the one of its name.
    fn keep_rooms(&self, rooms: &[Room]) -> Result<(), StoreError>;

    /// Every room that is kept, each with all of its publications.
    ///
    /// If the last user of the store did not say that all was kept
    /// ([`close_rooms`](Self::close_rooms)), each has an epoch that it never had, since offsets may be
    /// given again.
    fn rooms(&self) -> Result<Vec<Room>, StoreError>;

    /// Forgets what came before that moment in the rooms of a namespace such as `chat`, and rooms of
    /// which nothing is left.
    fn forget_rooms(&self, namespace: &str, before: Timestamp) -> Result<(), StoreError>;

    /// Says that everything that was published in rooms is kept. It must be the last that is done.
    fn close_rooms(&self) -> Result<(), StoreError>;

    /// Deletes what is too old or too much, in small transactions that let writers in between.
    ///
    /// The oldest go first, alerts of any state like threats: an alert has the age of when it was
    /// last seen, so none goes by age before its threats. What was deleted is counted. Suppressions
    /// go by the age of their end, and while in force never.
    fn trim(&self, retention: &Retention, now: Timestamp) -> Result<Trimmed, StoreError>;

    /// Lets all that was committed outlive a failure of the machine as well: for what is kept elsewhere
    /// and must never be ahead of it.
    fn write_through(&self) -> Result<(), StoreError>;

    /// Whether it can be written, found out by writing.
    fn check(&self) -> Result<(), StoreError>;
}
