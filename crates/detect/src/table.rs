//! A bounded table by key that evicts the coldest of a few when it is full.

use std::hash::Hash;

use hashbrown::HashMap;

/// How many neighbours are looked at to find a cold one, as Redis samples for its LRU.
const SAMPLE: usize = 8;

#[derive(Debug)]
struct Slot<K, V> {
    key: K,
    last_seen: i64,
    value: V,
}

#[derive(Debug)]
pub(crate) struct Table<K, V> {
    places: HashMap<K, u32>,
    slots: Vec<Slot<K, V>>,
    limit: usize,
    hand: usize,
    evicted: u64,
}

impl<K: Copy + Eq + Hash, V> Table<K, V> {
    /// An empty table of at most so many keys, but no fewer than are looked at to evict one.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            places: HashMap::new(),
            slots: Vec::new(),
            limit: limit.max(SAMPLE),
            hand: 0,
            evicted: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(crate) const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// The value of a key, a fresh one if it is new, and what was evicted to make room for it.
    pub(crate) fn entry(
        &mut self,
        key: K,
        at: i64,
        fresh: impl FnOnce() -> V,
    ) -> (&mut V, Option<V>) {
        let (place, evicted) = match self.places.get(&key) {
            Some(place) => (*place as usize, None),
            None => self.take_place(key, fresh()),
        };
        let slot = &mut self.slots[place];
        slot.last_seen = slot.last_seen.max(at);
        (&mut slot.value, evicted)
    }

    /// The value of a key that is there.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let place = *self.places.get(key)? as usize;
        self.slots.get_mut(place).map(|slot| &mut slot.value)
    }

    /// Removes the coldest of a few.
    pub(crate) fn evict(&mut self) -> Option<V> {
        if self.slots.is_empty() {
            return None;
        }
        let place = self.coldest();
        let slot = self.slots.swap_remove(place);
        self.places.remove(&slot.key);
        if let Some(moved) = self.slots.get(place) {
            self.places.insert(moved.key, place as u32);
        }
        self.evicted += 1;
        Some(slot.value)
    }

    fn take_place(&mut self, key: K, value: V) -> (usize, Option<V>) {
        let slot = Slot {
            key,
            last_seen: i64::MIN,
            value,
        };
        let (place, evicted) = if self.slots.len() < self.limit {
            self.slots.push(slot);
            (self.slots.len() - 1, None)
        } else {
            let place = self.coldest();
            let old = std::mem::replace(&mut self.slots[place], slot);
            self.places.remove(&old.key);
            self.evicted += 1;
            (place, Some(old.value))
        };
        self.places.insert(key, place as u32);
        (place, evicted)
    }

    fn coldest(&mut self) -> usize {
        let size = self.slots.len();
        let start = self.hand % size;
        self.hand = (start + SAMPLE) % size;
        (0..SAMPLE)
            .map(|step| (start + step) % size)
            .min_by_key(|place| self.slots[*place].last_seen)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eviction_keeps_every_other_key_in_its_place() {
        let mut table = Table::new(100);
        for key in 0..50_u32 {
            *table.entry(key, i64::from(key), || 0).0 = key;
        }
        for left in (0..50).rev() {
            assert!(table.evict().is_some());
            assert_eq!(table.len(), left);
            for key in 0..50 {
                assert!(table.get_mut(&key).is_none_or(|value| *value == key));
            }
        }
        assert_eq!((table.evict(), table.evicted()), (None, 50));
    }
}
