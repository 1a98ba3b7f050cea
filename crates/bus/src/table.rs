//! The open channels: by name, in the order of their opening, and whose they are.
//!
//! A channel belongs to who first published in it, if that is somebody whose channels are counted.
//!
//! Owns: names and counts. Never holds: what was published.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// What is open, each with a number that counts up by one from 1.
pub(crate) struct Table<C> {
    by_name: HashMap<Arc<str>, Open<C>>,
    by_number: BTreeMap<u64, Arc<str>>,
    by_owner: HashMap<Arc<str>, usize>,
}

struct Open<C> {
    channel: C,
    number: u64,
    owner: Option<Arc<str>>,
}

impl<C> Default for Table<C> {
    fn default() -> Self {
        Self {
            by_name: HashMap::new(),
            by_number: BTreeMap::new(),
            by_owner: HashMap::new(),
        }
    }
}

impl<C> Table<C> {
    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&C> {
        Some(&self.by_name.get(name)?.channel)
    }

    /// Every channel with its name and whose it is.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &C, Option<&Arc<str>>)> {
        let all = self.by_name.iter();
        all.map(|(name, open)| (name, &open.channel, open.owner.as_ref()))
    }

    /// The names of those that begin with that and have one of these numbers, in the order of opening.
    pub(crate) fn names(&self, prefix: &str, numbers: RangeInclusive<u64>) -> Vec<Arc<str>> {
        if numbers.is_empty() {
            return Vec::new();
        }
        let opened = self.by_number.range(numbers).map(|(_, name)| name);
        let of_prefix = opened.filter(|name| name.starts_with(prefix));
        of_prefix.cloned().collect()
    }

    /// Adds one that is not there, and has a higher number than any.
    pub(crate) fn insert(&mut self, name: Arc<str>, number: u64, channel: C) {
        self.by_number.insert(number, Arc::clone(&name));
        let open = Open {
            channel,
            number,
            owner: None,
        };
        self.by_name.insert(name, open);
    }

    /// Lets go of those that do not stay.
    pub(crate) fn retain(&mut self, stays: impl Fn(&C) -> bool) {
        let (by_number, by_owner) = (&mut self.by_number, &mut self.by_owner);
        self.by_name.retain(|_, open| {
            let stays = stays(&open.channel);
            if !stays {
                by_number.remove(&open.number);
                if let Some(owner) = &open.owner {
                    let_go(by_owner, owner);
                }
            }
            stays
        });
    }

    pub(crate) fn has_owner(&self, name: &str) -> bool {
        let open = self.by_name.get(name);
        open.is_some_and(|open| open.owner.is_some())
    }

    pub(crate) fn owned_by(&self, owner: &str) -> usize {
        self.by_owner.get(owner).copied().unwrap_or_default()
    }

    /// The channel is theirs from now on.
    pub(crate) fn give(&mut self, name: &str, owner: &str) {
        let Some(open) = self.by_name.get_mut(name) else {
            return;
        };
        let known = self.by_owner.get_key_value(owner);
        let owner = known.map_or_else(|| Arc::from(owner), |(owner, _)| Arc::clone(owner));
        *self.by_owner.entry(Arc::clone(&owner)).or_default() += 1;
        if let Some(before) = open.owner.replace(owner) {
            let_go(&mut self.by_owner, &before);
        }
    }
}

fn let_go(by_owner: &mut HashMap<Arc<str>, usize>, owner: &str) {
    let left = by_owner.get_mut(owner).map_or(0, |count| {
        *count = count.saturating_sub(1);
        *count
    });
    if left == 0 {
        by_owner.remove(owner);
    }
}
