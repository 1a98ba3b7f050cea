//! What a bucket counts beside how full it is, and how it answers for the tests of its rule.
//!
//! *Limits.* [`Tally::MAX_LAST`] moments of a tally.

use std::collections::VecDeque;

use vigil_rule::bucket::{Contents, Tally};

use super::Match;

/// The matches of some references.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) count: u32,
    /// When the newest were, in milliseconds, in the order in which they came.
    pub(super) moments: VecDeque<i64>,
}

impl Counted {
    /// What it costs beside itself.
    pub(super) fn entries(&self) -> usize {
        2 + self.moments.capacity()
    }
}

/// Counts a match that was poured.
pub(super) fn count(counted: &mut Box<[Counted]>, tallies: &[Tally], one: Match) {
    if counted.len() < tallies.len() {
        *counted = tallies.iter().map(|_| Counted::default()).collect();
    }
    for (counted, tally) in counted.iter_mut().zip(tallies) {
        if tally.of & one.steps == 0 {
            continue;
        }
        counted.count = counted.count.saturating_add(1);
        if tally.last == 0 {
            continue;
        }
        if counted.moments.len() >= tally.last {
            counted.moments.pop_front();
        }
        counted.moments.push_back(one.at);
    }
}

/// A bucket as its tests see it.
#[derive(Debug)]
pub(super) struct Full<'a> {
    pub(super) poured: u32,
    pub(super) held: u64,
    pub(super) last: u64,
    pub(super) counted: &'a [Counted],
}

impl Contents for Full<'_> {
    fn poured(&self) -> u32 {
        self.poured
    }

    fn held(&self) -> u64 {
        self.held
    }

    fn last(&self) -> u64 {
        self.last
    }

    fn count(&self, tally: usize) -> u32 {
        self.counted.get(tally).map_or(0, |counted| counted.count)
    }

    fn median_interval_ms(&self, tally: usize, newest: usize) -> Option<f64> {
        let moments = &self.counted.get(tally)?.moments;
        let skipped = moments.len().checked_sub(newest)?;
        let mut moments: Vec<i64> = moments.iter().skip(skipped).copied().collect();
        moments.sort_unstable();
        let mut between: Vec<i64> = moments
            .iter()
            .zip(moments.iter().skip(1))
            .map(|(one, next)| next.saturating_sub(*one))
            .collect();
        between.sort_unstable();
        let middle = between.len() / 2;
        let upper = *between.get(middle)? as f64;
        if between.len() % 2 == 1 {
            return Some(upper);
        }
        let lower = *between.get(middle.checked_sub(1)?)? as f64;
        Some(f64::midpoint(lower, upper))
    }
}
