//! What is known of thin scans over a restart: what each network sent within the last hour, how many are
//! usual, and since when it is learned.

use super::{Spread, Watch};
use crate::state::{Input, Kept, Saved};
use crate::table::Table;

/// When the first event happened.
#[derive(Debug, Default)]
pub(crate) struct Since {
    at: Option<i64>,
    /// To be written down.
    due: Option<i64>,
}

impl Since {
    /// It happened at that moment if none happened before; the moment of the first.
    pub(super) fn or(&mut self, at: i64) -> i64 {
        *self.at.get_or_insert(at)
    }

    fn take_back(&mut self, bytes: &[u8]) -> Option<u64> {
        let mut input = Input::new(bytes);
        let at = input.moment().filter(|_| input.is_empty())?;
        self.at = Some(self.at.map_or(at, |known| known.min(at)));
        Some(1)
    }
}

impl Saved for Since {
    fn begin(&mut self) {
        self.due = self.at;
    }

    fn next(&mut self) -> Option<(u64, Vec<u8>)> {
        let mut bytes = Vec::new();
        self.due.take()?.write(&mut bytes);
        Some((1, bytes))
    }

    fn end(&mut self) {
        self.due = None;
    }
}

impl Spread {
    /// To save what is watched.
    pub(crate) const fn watches_mut(&mut self) -> &mut Table<u64, Watch> {
        &mut self.watches
    }

    /// To save since when it is learned.
    pub(crate) const fn since_mut(&mut self) -> &mut Since {
        &mut self.since
    }

    /// Takes back what was saved of what is watched: how many sites and families.
    pub(crate) fn take_back(&mut self, bytes: &[u8]) -> Option<u64> {
        self.watches.take_back(bytes, &|_| true, |_, _| {})
    }

    /// Takes back since when it is learned.
    pub(crate) fn take_back_since(&mut self, bytes: &[u8]) -> Option<u64> {
        self.since.take_back(bytes)
    }
}
