//! What is held of one correlation: groups that remember, or the cells of a bucket.

use vigil_rule::Correlation;
use vigil_rule::correlation::Kind;

use super::group::Group;
use super::key::Key;
use crate::bucket::Cell;
use crate::table::Table;

#[derive(Debug)]
pub(super) enum Held {
    Groups(Table<Key, Group>),
    Cells(Table<Key, Cell>),
}

impl Held {
    /// Of at most so many groups.
    pub(super) fn of(correlation: &Correlation, limit: usize) -> Self {
        let life = correlation.timespan_ms;
        match &correlation.kind {
            Kind::Bucket(bucket) => Self::Cells(Table::new(limit, life.max(bucket.blackhole_ms))),
            // A group is quiet for a timespan after it fired.
            _ => Self::Groups(Table::new(limit, life)),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Groups(groups) => groups.len(),
            Self::Cells(cells) => cells.len(),
        }
    }

    pub(super) fn evicted(&self) -> u64 {
        match self {
            Self::Groups(groups) => groups.evicted(),
            Self::Cells(cells) => cells.evicted(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Groups(groups) => groups.bytes(),
            Self::Cells(cells) => cells.bytes(),
        }
    }

    /// Evicts a group; how many entries it had.
    pub(super) fn evict(&mut self) -> Option<usize> {
        match self {
            Self::Groups(groups) => groups.evict().map(|group| group.entries()),
            Self::Cells(cells) => cells.evict().map(|cell| cell.entries()),
        }
    }

    pub(super) fn group(&mut self, key: Key) -> Option<&mut Group> {
        match self {
            Self::Groups(groups) => groups.get_mut(&key),
            Self::Cells(_) => None,
        }
    }
}
