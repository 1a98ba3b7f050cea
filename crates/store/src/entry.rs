//! What is handed to a store, and what it hands back.
//!
//! Never holds: how it is stored.

use std::sync::Arc;

use vigil_event::{AlertKey, Checkpoint, Publication, SuppressionHit, Threat, Timestamp};

/// Is told what was committed, with each publication's offset in its channel.
///
/// Called once for each transaction that published something, after the commit and before the next
/// one, so that calls come in the order of commits. It runs while writers wait: it must be short, and
/// must not call the store.
pub type Publish = Box<dyn Fn(&[(u64, Publication)]) + Send + Sync>;

/// What the pipeline concluded from some records, to be stored together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entry<'a> {
    /// The threats, in the order in which they are to be published.
    pub threats: &'a [GroupedThreat],
    /// Where the sources stand once this is stored.
    pub checkpoints: &'a [Checkpoint],
    /// The present moment: the time of the publications.
    pub at: Timestamp,
    /// What suppressions took out of these records' detections.
    pub suppression_hits: &'a [SuppressionHit],
    /// The most alerts that are opened for threats of one minute; none for no limit.
    pub new_alerts_per_minute: Option<u32>,
}

/// A threat with the alert it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupedThreat {
    /// The threat.
    pub threat: Threat,
    /// What it is grouped by; none for a threat too weak for an alert.
    pub alert: Option<AlertKey>,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// How many threats were stored.
    pub stored: usize,
    /// How many were known already and ignored.
    pub already: usize,
    /// How many of the stored ones were gathered, since their own alerts would have been too many.
    pub gathered: usize,
}

/// A room's newest publications, or those of them that are new.
#[derive(Clone, Debug, PartialEq)]
pub struct Room {
    /// The channel, such as `chat:ab12`.
    pub channel: Arc<str>,
    /// Its epoch.
    pub epoch: Arc<str>,
    /// Whose it is, if it counts among somebody's rooms.
    pub owner: Option<Arc<str>>,
    /// The offset of the oldest publication that is kept; what is older is gone.
    pub first: u64,
    /// Up to this offset fleeting publications (`Kind::is_fleeting`) of no severity are gone.
    pub swept_to: u64,
    /// The offset that its next publication gets.
    pub next_offset: u64,
    /// Publications, ascending up to the offset before the next one: by one, but where fleeting ones
    /// are gone.
    pub publications: Vec<(u64, Publication)>,
}

/// A channel's newest publications.
#[derive(Clone, Debug, PartialEq)]
pub struct Backlog {
    /// The channel's epoch.
    pub epoch: Arc<str>,
    /// The offset that its next publication gets.
    pub next_offset: u64,
    /// The publications, ascending by one up to the offset before the next one.
    pub publications: Vec<(u64, Publication)>,
}
