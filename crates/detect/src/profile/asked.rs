//! How much of what a network asked did not fit.

use serde::{Deserialize, Serialize};

/// Where one in so many of its requests does not fit that is much: behind one network may be many visitors.
const MUCH: u64 = 20;

/// What a network asked, since the first that did not fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Asked {
    pub(super) requests: u64,
    pub(super) odd: u64,
    /// The first that did not fit counts as noise.
    #[serde(default)]
    pub(super) is_noise: bool,
}

impl Asked {
    pub(super) const fn is_much_odd(&self) -> bool {
        self.odd * MUCH >= self.requests
    }
}
