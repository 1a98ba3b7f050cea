//! How much is kept, and what was deleted for it.

use serde::Serialize;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Threats that occurred, and alerts of any state that were last seen, more than this many
    /// milliseconds ago go; none keeps them for as long as there is room. An alert that had no new
    /// threat for that long is gone with its threats, even if nobody acknowledged or resolved it.
    pub max_age_ms: Option<i64>,
    /// The most bytes of the database, without its write-ahead log; none for no limit. While it is
    /// larger the oldest go, threats and alerts (by when they were last seen) in one order of time.
    /// Of the alerts that are about equally old the resolved ones go first.
    pub max_bytes: Option<u64>,
    /// The most publications of a channel.
    pub outbox_items: u64,
    /// Publications older than this many milliseconds go; none for no limit.
    pub outbox_age_ms: Option<i64>,
}

impl Default for Retention {
    /// 30 days, no limit of size, 10,000 publications a channel of at most 7 days.
    fn default() -> Self {
        const DAY_MS: i64 = 86_400_000;
        Self {
            max_age_ms: Some(30 * DAY_MS),
            max_bytes: None,
            outbox_items: 10_000,
            outbox_age_ms: Some(7 * DAY_MS),
        }
    }
}

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Trimmed {
    /// Threats.
    pub threats: u64,
    /// Alerts, of any state.
    pub alerts: u64,
    /// Publications of the backlog, among them those that tell of what is gone.
    pub publications: u64,
}
