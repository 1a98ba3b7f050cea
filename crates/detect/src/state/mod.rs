//! The state of behaviour over a restart: what tables hold, as bytes.
//!
//! *What.* A table is written down as it stood at one moment, a slice at a time, while it goes on: a value
//! that is about to change is written first. So nobody waits for a large table, and all that is written is
//! of that moment. *Input.* [`Saves::begin_saving`], and then
//! [`Saves::next_slice`] now and then. *Output.* [`Slice`]s, each of a [`Part`]: one
//! table, with the identity of what it was made by. *Back again.* What is
//! [taken back](crate::Detector::take_back) is checked; a part of another rule is refused, and what is stale falls
//! out by the tables' own rules. *Limits.* A slice has about [`SLICE_BYTES`]; a table that is taken into a
//! smaller one makes room as always.
//!
//! [`format`] is the file that slices are put together to. Never holds: where that file is and when it is
//! written.

pub(crate) mod code;
pub mod format;
#[cfg(test)]
mod tests;

use std::hash::{DefaultHasher, Hasher as _};

pub(crate) use code::{Input, Kept};

/// What is written is of this format, and nothing else is read. It stands for how each table's values are
/// written, and for how keys are made.
pub const FORMAT: u32 = 1;
/// About how many bytes a slice has.
pub const SLICE_BYTES: usize = 64 << 10;

/// A table that is saved.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Part {
    /// Which, such as `windows`, or `rule:` with the id of a correlation.
    pub name: String,
    /// What its values mean anything by: of a correlation what it asks for.
    pub identity: u64,
}

/// Some of a table.
#[derive(Clone, Debug)]
pub struct Slice {
    /// Which table.
    pub part: Part,
    /// How many keys.
    pub keys: u64,
    /// The keys and what is held of them.
    pub bytes: Vec<u8>,
}

/// What comes next of what is written down.
#[derive(Clone, Debug)]
pub enum Next {
    /// This.
    Slice(Slice),
    /// That was all.
    All,
    /// Nothing further, though not all was written: it was stopped, or never begun.
    Stopped,
}

/// Why a part is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Refused {
    /// Nothing has that name here.
    #[error("there is no such rule any more, or its groups are others")]
    Unknown,
    /// It was made by something else of that name.
    #[error("it was made by a rule or a setting that has changed since")]
    Changed,
    /// It is not what is written there.
    #[error("it is damaged")]
    Damaged,
}

/// A table that can be written down while it goes on.
pub(crate) trait Saved {
    /// Begins to write it down as it stands now.
    fn begin(&mut self);
    /// What is written next; none when all is, or none was begun.
    fn next(&mut self) -> Option<(u64, Vec<u8>)>;
    /// Writes nothing further.
    fn end(&mut self);
}

/// Tables that are saved together, by their places.
pub(crate) trait Parts {
    fn table(&mut self, place: usize) -> Option<&mut dyn Saved>;
    fn part(&self, place: usize) -> Option<Part>;
    /// The table whose turn it is; none while nothing is saved.
    fn turn(&mut self) -> &mut Option<usize>;
}

/// Who can write down what it knows while it goes on.
pub trait Saves {
    /// Begins to write down what it knows as it stands now, and no further what it was about to.
    fn begin_saving(&mut self);
    /// What is written down next.
    fn next_slice(&mut self) -> Next;
    /// Writes nothing further down. So do other rules.
    fn stop_saving(&mut self);
}

impl<T: Parts> Saves for T {
    fn begin_saving(&mut self) {
        let mut place = 0;
        while let Some(table) = self.table(place) {
            table.begin();
            place += 1;
        }
        *self.turn() = Some(0);
    }

    fn next_slice(&mut self) -> Next {
        while let Some(place) = *self.turn() {
            let Some(table) = self.table(place) else {
                *self.turn() = None;
                return Next::All;
            };
            if let Some((keys, bytes)) = table.next()
                && let Some(part) = self.part(place)
            {
                return Next::Slice(Slice { part, keys, bytes });
            }
            *self.turn() = Some(place + 1);
        }
        Next::Stopped
    }

    fn stop_saving(&mut self) {
        if self.turn().take().is_none() {
            return;
        }
        let mut place = 0;
        while let Some(table) = self.table(place) {
            table.end();
            place += 1;
        }
    }
}

/// The identity of what is described so.
pub(crate) fn identity(description: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(description.as_bytes());
    hasher.finish()
}
