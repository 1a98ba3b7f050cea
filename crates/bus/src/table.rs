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
    open: HashMap<Arc<str>, Open<C>>,
    in_order: BTreeMap<u64, Arc<str>>,
    rooms_of: HashMap<Arc<str>, usize>,
}

struct Open<C> {
    channel: C,
    number: u64,
    owner: Option<Arc<str>>,
}

impl<C> Default for Table<C> {
    fn default() -> Self {
        Self {
            open: HashMap::new(),
            in_order: BTreeMap::new(),
            rooms_of: HashMap::new(),
        }
    }
}

impl<C> Table<C> {
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&C> {
        Some(&self.open.get(name)?.channel)
    }

    /// A channel, and whether it is somebody's.
    pub(crate) fn with_owner(&self, name: &str) -> Option<(C, bool)>
    where
        C: Clone,
    {
        let open = self.open.get(name)?;
        Some((open.channel.clone(), open.owner.is_some()))
    }

    /// Every channel with its name and whose it is.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &C, Option<&Arc<str>>)> {
        let all = self.open.iter();
        all.map(|(name, open)| (name, &open.channel, open.owner.as_ref()))
    }

    /// The names of those that begin with that and have one of these numbers, in the order of opening.
    pub(crate) fn names(&self, prefix: &str, numbers: RangeInclusive<u64>) -> Vec<Arc<str>> {
        if numbers.is_empty() {
            return Vec::new();
        }
        let opened = self.in_order.range(numbers).map(|(_, name)| name);
        let of_prefix = opened.filter(|name| name.starts_with(prefix));
        of_prefix.cloned().collect()
    }

    /// Adds one that is not there, and has a higher number than any.
    pub(crate) fn insert(&mut self, name: Arc<str>, number: u64, channel: C) {
        self.in_order.insert(number, Arc::clone(&name));
        let open = Open {
            channel,
            number,
            owner: None,
        };
        self.open.insert(name, open);
    }

    /// Lets go of those that do not stay.
    pub(crate) fn retain(&mut self, stays: impl Fn(&C) -> bool) {
        let (in_order, rooms_of) = (&mut self.in_order, &mut self.rooms_of);
        self.open.retain(|_, open| {
            let stays = stays(&open.channel);
            if !stays {
                in_order.remove(&open.number);
                if let Some(owner) = &open.owner {
                    let_go(rooms_of, owner);
                }
            }
            stays
        });
    }

    pub(crate) fn owner(&self, name: &str) -> Option<&Arc<str>> {
        self.open.get(name)?.owner.as_ref()
    }

    pub(crate) fn owned_by(&self, owner: &str) -> usize {
        self.rooms_of.get(owner).copied().unwrap_or_default()
    }

    /// The channel is theirs from now on.
    pub(crate) fn give(&mut self, name: &str, owner: &str) {
        let Some(open) = self.open.get_mut(name) else {
            return;
        };
        let known = self.rooms_of.get_key_value(owner);
        let owner = known.map_or_else(|| Arc::from(owner), |(owner, _)| Arc::clone(owner));
        *self.rooms_of.entry(Arc::clone(&owner)).or_default() += 1;
        if let Some(before) = open.owner.replace(owner) {
            let_go(&mut self.rooms_of, &before);
        }
    }
}

fn let_go(rooms_of: &mut HashMap<Arc<str>, usize>, owner: &str) {
    let left = rooms_of.get_mut(owner).map_or(0, |count| {
        *count = count.saturating_sub(1);
        *count
    });
    if left == 0 {
        rooms_of.remove(owner);
    }
}
