//! What was not delivered, and why: never in silence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Why something was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The client read too slowly, and the log went on without it.
    SlowConsumer,
    /// The log no longer keeps what was asked for.
    Retention,
    /// A newer item with the same value of the chosen field took its place.
    Conflated,
    /// The position belongs to another log: nothing can be said about what lies between.
    EpochChanged,
    /// Too much waited to be written, of all clients together: bulk was left out.
    Overloaded,
}

impl GapReason {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::SlowConsumer,
        Self::Retention,
        Self::Conflated,
        Self::EpochChanged,
        Self::Overloaded,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SlowConsumer => "slow_consumer",
            Self::Retention => "retention",
            Self::Conflated => "conflated",
            Self::EpochChanged => "epoch_changed",
            Self::Overloaded => "overloaded",
        }
    }
}

/// What was not delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The channel's epoch.
    pub epoch: String,
    /// The first offset that is missing.
    pub from: u64,
    /// The last offset that is missing; one less than `from` where nothing is known.
    pub to: u64,
    /// How many items are missing of those that were asked for. Where the log has forgotten them, and
    /// with a filter, this is the most it can be.
    pub missed: u64,
    /// How many of them by severity. Empty where that is not known.
    pub by_severity: BTreeMap<String, u64>,
    /// Why.
    pub reason: GapReason,
}
