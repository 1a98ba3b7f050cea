//! What is known of thin scans over a restart: what each network sent within the last hour, and how many
//! are usual.
//!
//! What is saved is hashes with the secret that made them. What is read is checked against the bounds; what
//! is odd in it is refused as a whole.

use serde::{Deserialize, Serialize};

use super::usual::Usual;
use super::watch::{EXAMPLES, MOST_THINGS, OF_ONE_NETWORK, Watch};
use super::{SHOWN_BYTES, Spread, WATCHES};
use crate::secret::Secret;

/// What is worth keeping of thin scans.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SavedScans {
    /// The format; others are not read.
    format: u32,
    secret: Secret,
    since: Option<i64>,
    watches: Vec<SavedWatch>,
}

/// One site and one family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SavedWatch {
    key: u64,
    /// When each thing came first, and the network that alone sent it.
    things: Vec<(i64, u64, Option<u64>)>,
    examples: Vec<String>,
    usual: Usual,
    newest: i64,
    quiet_until: i64,
}

/// Why what was saved is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SavedScansError {
    /// It is of another version of the program.
    #[error("it is of format {0}, and this version reads {format}", format = SavedScans::FORMAT)]
    Format(u32),
    /// It holds more than it may.
    #[error("it holds more than it may")]
    Unbounded,
}

impl SavedScans {
    /// The format that this version writes and reads.
    pub const FORMAT: u32 = 1;
}

/// The longest example: a path and what was matched, with words between.
const MAX_EXAMPLE_BYTES: usize = 4 * SHOWN_BYTES;

impl SavedWatch {
    fn is_bounded(&self) -> bool {
        self.things.len() <= MOST_THINGS
            && self.things.is_sorted_by_key(|(at, ..)| at)
            && self.examples.len() <= EXAMPLES
            && self
                .examples
                .iter()
                .all(|one| one.len() <= MAX_EXAMPLE_BYTES)
            && self.usual.is_sound()
    }

    /// The watch; none where a network has more things than it may.
    fn watch(self) -> Option<Watch> {
        let watch = Watch::restored(
            self.things,
            self.examples,
            self.usual,
            (self.newest, self.quiet_until),
        );
        let most = watch.most_of_one_network();
        (most <= OF_ONE_NETWORK).then_some(watch)
    }
}

impl Spread {
    /// What is worth keeping over a restart.
    pub(crate) fn save(&self) -> SavedScans {
        let watches = self.watches.iter();
        SavedScans {
            format: SavedScans::FORMAT,
            secret: self.secret,
            since: self.since,
            watches: watches
                .map(|(key, watch)| SavedWatch {
                    key: *key,
                    things: watch.things().collect(),
                    examples: watch.counted().examples.iter().cloned().collect(),
                    usual: watch.usual().clone(),
                    newest: watch.newest(),
                    quiet_until: watch.quiet_until(),
                })
                .collect(),
        }
    }

    /// Goes on with what was saved.
    pub(crate) fn restore(&mut self, saved: SavedScans) -> Result<(), SavedScansError> {
        if saved.format != SavedScans::FORMAT {
            return Err(SavedScansError::Format(saved.format));
        }
        if saved.watches.len() > WATCHES || !saved.watches.iter().all(SavedWatch::is_bounded) {
            return Err(SavedScansError::Unbounded);
        }
        let mut fresh = Self::new(self.options.clone());
        fresh.secret = saved.secret;
        fresh.since = saved.since;
        for one in saved.watches {
            let (key, at) = (one.key, one.newest);
            let watch = one.watch().ok_or(SavedScansError::Unbounded)?;
            fresh.watches.entry(key, at, || watch);
        }
        *self = fresh;
        Ok(())
    }
}
