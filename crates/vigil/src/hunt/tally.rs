//! What is counted of one rule, in tables that have a bound.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;
use std::net::IpAddr;

use vigil_event::text::{escape_invalid, truncated};

use super::report::Example;

/// The most addresses that are told apart, for each rule.
const MAX_ADDRESSES: usize = 100_000;
/// The most paths that are told apart, for each rule.
const MAX_PATHS: usize = 20_000;
/// The most days that are told apart, for each rule.
const MAX_DAYS: usize = 10_000;
/// The longest path that is kept, in bytes.
const PATH_BYTES: usize = 256;

/// A table that takes no more once it is full, and remembers that.
#[derive(Debug, Default)]
pub(super) struct Bounded<T> {
    pub(super) kept: T,
    pub(super) is_full: bool,
}

impl<T: Eq + Hash> Bounded<HashSet<T>> {
    pub(super) fn insert(&mut self, item: T, most: usize) {
        if self.kept.len() < most {
            self.kept.insert(item);
        } else if !self.kept.contains(&item) {
            self.is_full = true;
        }
    }
}

impl Bounded<HashMap<String, u64>> {
    fn count(&mut self, item: &str, most: usize) {
        if let Some(count) = self.kept.get_mut(item) {
            *count += 1;
        } else if self.kept.len() < most {
            self.kept.insert(item.to_owned(), 1);
        } else {
            self.is_full = true;
        }
    }
}

/// What is counted of one rule.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) hits: u64,
    /// Hits on events that are threats, by this rule alone or together with others.
    pub(super) on_threats: u64,
    pub(super) days: BTreeMap<i64, u64>,
    pub(super) addresses: Bounded<HashSet<IpAddr>>,
    pub(super) paths: Bounded<HashMap<String, u64>>,
    pub(super) examples: Vec<Example>,
}

impl Tally {
    pub(super) fn add(&mut self, day: i64, address: Option<IpAddr>, path: &[u8], is_threat: bool) {
        self.hits += 1;
        self.on_threats += u64::from(is_threat);
        if self.days.len() < MAX_DAYS || self.days.contains_key(&day) {
            *self.days.entry(day).or_default() += 1;
        }
        if let Some(address) = address {
            self.addresses.insert(address, MAX_ADDRESSES);
        }
        let path = escape_invalid(path);
        self.paths.count(truncated(&path, PATH_BYTES), MAX_PATHS);
    }

    pub(super) fn example(&mut self, most: usize, example: impl FnOnce() -> Example) {
        if self.examples.len() < most {
            self.examples.push(example());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_says_so_and_still_counts_what_it_knows() {
        let mut set = Bounded::<HashSet<u8>>::default();
        for item in [1, 2, 2, 1] {
            set.insert(item, 2);
        }
        assert!(!set.is_full);
        set.insert(3, 2);
        assert!(set.is_full && set.kept.len() == 2);
        let mut paths = Bounded::<HashMap<String, u64>>::default();
        for path in ["a", "b", "a"] {
            paths.count(path, 1);
        }
        assert_eq!((paths.kept.get("a"), paths.is_full), (Some(&2), true));
    }
}
