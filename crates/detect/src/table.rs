//! A bounded table by key. When it is full, what is worth least of a few makes room.
//!
//! Worth least is first what has expired: nothing was heard of it for as long as it means anything.
//! Then comes what was seen seldom, in steps of a doubling, and among the equally seldom the coldest.
//! So keys that come once, however many, make room for one another and never for one that keeps
//! coming: a flood from made-up addresses does not push out who is at work. Who was seen often and
//! then goes away expires.

use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};

mod pass;

use pass::Pass;

/// How many are looked at to find the one that is worth least, as Redis samples for its LRU.
const SAMPLE: usize = 8;

#[derive(Debug)]
struct Slot<K, V> {
    key: K,
    value: V,
    visits: Visits,
}

/// When a key was seen last and how often, in the eight bytes of a time: two further numbers would cost
/// each key eight more.
#[derive(Clone, Copy, Debug)]
struct Visits(i64);

impl Visits {
    /// So many bits say how often; the others are a time in milliseconds, 70,000 years either way.
    const OFTEN_BITS: u32 = 12;
    const MOST_OFTEN: i64 = (1 << Self::OFTEN_BITS) - 1;
    const LAST: i64 = i64::MAX >> Self::OFTEN_BITS;

    /// Seen for the first time.
    fn first(at: i64) -> Self {
        Self(at.clamp(-Self::LAST, Self::LAST) << Self::OFTEN_BITS | 1)
    }

    const fn last(self) -> i64 {
        self.0 >> Self::OFTEN_BITS
    }

    /// How often, up to a few thousand times.
    const fn often(self) -> u32 {
        (self.0 & Self::MOST_OFTEN) as u32
    }

    fn once_more(self, at: i64) -> Self {
        let last = at.clamp(-Self::LAST, Self::LAST).max(self.last());
        let often = (i64::from(self.often()) + 1).min(Self::MOST_OFTEN);
        Self(last << Self::OFTEN_BITS | often)
    }
}

#[derive(Debug)]
pub(crate) struct Table<K, V> {
    /// Where each key stands in `slots`.
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
    slots: Vec<Slot<K, V>>,
    limit: usize,
    /// How long after it was last seen a key means anything.
    lifetime: i64,
    newest: i64,
    hand: u64,
    evicted: u64,
    /// While it is written down.
    pass: Option<Box<Pass<K, V>>>,
}

/// A key's value, as [`Table::entry`] finds it.
#[derive(Debug)]
pub(crate) struct Found<'a, V> {
    pub(crate) value: &'a mut V,
    /// When it was seen before; none if it is new.
    pub(crate) before: Option<i64>,
    /// What made room for it.
    pub(crate) evicted: Option<V>,
}

impl<K: Copy + Eq + Hash, V> Table<K, V> {
    /// An empty table of at most so many keys, but no fewer than are looked at to evict one. What was
    /// not seen for longer than `lifetime` means nothing any more.
    pub(crate) fn new(limit: usize, lifetime: i64) -> Self {
        Self {
            places: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            slots: Vec::new(),
            limit: limit.clamp(SAMPLE, u32::MAX as usize),
            lifetime,
            newest: i64::MIN,
            hand: 0,
            evicted: 0,
            pass: None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// How many keys made room before they had expired.
    pub(crate) const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// The bytes that the table itself takes, without what its values hold elsewhere.
    pub(crate) fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot<K, V>>() + self.places.allocation_size()
    }

    /// The value of a key, a fresh one if it is new.
    pub(crate) fn entry(&mut self, key: K, at: i64, fresh: impl FnOnce() -> V) -> Found<'_, V> {
        self.newest = self.newest.max(at);
        let hash = self.hasher.hash_one(key);
        let (place, before, evicted) = if let Some(place) = self.place(hash, &key) {
            self.preserve(place);
            let visits = &mut self.slots[place].visits;
            let before = visits.last();
            *visits = visits.once_more(at);
            (place, Some(before), None)
        } else {
            let slot = Slot {
                key,
                value: fresh(),
                visits: Visits::first(at),
            };
            let (place, evicted) = self.take_place(hash, slot);
            (place, None, evicted)
        };
        Found {
            value: &mut self.slots[place].value,
            before,
            evicted,
        }
    }

    /// The value of a key that is there.
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let place = self.place_of(key)?;
        self.slots.get(place).map(|slot| &slot.value)
    }

    /// The same, to change it.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let place = self.place_of(key)?;
        self.preserve(place);
        self.slots.get_mut(place).map(|slot| &mut slot.value)
    }

    /// Removes what is worth least of a few.
    pub(crate) fn evict(&mut self) -> Option<V> {
        if self.slots.is_empty() {
            return None;
        }
        let place = self.worth_least();
        self.count_eviction(place);
        let key = self.slots.get(place)?.key;
        self.forget(&key, place);
        self.preserve(place);
        self.preserve(self.slots.len() - 1);
        let slot = self.slots.swap_remove(place);
        // The last one stands in its place now.
        if let Some(moved) = self.slots.get(place) {
            let (hash, from) = (self.hasher.hash_one(moved.key), self.slots.len() as u32);
            if let Some(known) = self.places.find_mut(hash, |known| *known == from) {
                *known = place as u32;
            }
        }
        Some(slot.value)
    }

    /// What stands at a place is about to change or to go: it is written down before.
    fn preserve(&mut self, place: usize) {
        if let (Some(pass), Some(slot)) = (&mut self.pass, self.slots.get(place)) {
            pass.write_once(place, slot);
        }
    }

    fn place_of(&self, key: &K) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        self.place(self.hasher.hash_one(key), key)
    }

    /// Where a key with that hash stands.
    fn place(&self, hash: u64, key: &K) -> Option<usize> {
        let is_it = |place: &u32| {
            let slot = self.slots.get(*place as usize);
            slot.is_some_and(|slot| slot.key == *key)
        };
        let place = self.places.find(hash, is_it)?;
        Some(*place as usize)
    }

    /// Puts a new key with that hash somewhere.
    fn take_place(&mut self, hash: u64, slot: Slot<K, V>) -> (usize, Option<V>) {
        let (place, evicted) = if self.slots.len() < self.limit {
            if self.slots.len() == self.slots.capacity() {
                // A vector that doubles would take twice what the table is bounded by.
                let more = (self.slots.len() / 8).max(SAMPLE);
                self.slots
                    .reserve_exact(more.min(self.limit - self.slots.len()));
            }
            self.slots.push(slot);
            (self.slots.len() - 1, None)
        } else {
            let place = self.worth_least();
            self.count_eviction(place);
            self.preserve(place);
            let old = std::mem::replace(&mut self.slots[place], slot);
            self.forget(&old.key, place);
            (place, Some(old.value))
        };
        let (slots, hasher) = (&self.slots, &self.hasher);
        self.places.insert_unique(hash, place as u32, |place| {
            slots
                .get(*place as usize)
                .map_or(0, |slot| hasher.hash_one(slot.key))
        });
        (place, evicted)
    }

    /// Takes the key that stands at a place out of the index.
    fn forget(&mut self, key: &K, place: usize) {
        let is_it = |known: &u32| *known == place as u32;
        if let Ok(entry) = self.places.find_entry(self.hasher.hash_one(key), is_it) {
            entry.remove();
        }
    }

    fn has_expired(&self, slot: &Slot<K, V>) -> bool {
        slot.visits.last() < self.newest.saturating_sub(self.lifetime)
    }

    fn count_eviction(&mut self, place: usize) {
        let alive = self
            .slots
            .get(place)
            .is_some_and(|slot| !self.has_expired(slot));
        self.evicted += u64::from(alive);
    }

    fn worth_least(&mut self) -> usize {
        let size = self.slots.len();
        let start = self.hand;
        self.hand = start.wrapping_add(SAMPLE as u64);
        // Scattered: keys that came at one time stand beside one another.
        let scattered = |step: usize| {
            let mixed = (start.wrapping_add(step as u64)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            (mixed >> 32) as usize % size
        };
        let worth = |place: &usize| {
            let slot = &self.slots[*place];
            let often = slot.visits.often().checked_ilog2().unwrap_or_default();
            (!self.has_expired(slot), often, slot.visits.last())
        };
        (0..SAMPLE)
            .map(scattered)
            .min_by_key(worth)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eviction_keeps_every_other_key_in_its_place() {
        let mut table = Table::new(100, 1_000);
        for key in 0..50_u32 {
            *table.entry(key, i64::from(key), || 0).value = key;
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

    #[test]
    fn what_comes_once_makes_room_for_its_like_and_not_for_what_keeps_coming() {
        let mut table = Table::new(1_000, 60_000);
        let mut made_up = 1_000_000_u32;
        // Ten keys, each once in a second, in a flood of a hundred times as many as there is room for.
        for second in 0..20_i64 {
            for key in 0..10 {
                let found = table.entry(key, second * 1_000, || 0_u32);
                *found.value += 1;
                assert_eq!(i64::from(*found.value), second + 1, "{key} was pushed out");
            }
            // In the first second there is no flood yet: what is new has to come twice to be known.
            for _ in 0..if second < 2 { 0 } else { 5_000 } {
                made_up += 1;
                table.entry(made_up, second * 1_000, || 0);
            }
        }
        assert_eq!(table.len(), 1_000);
        assert!(table.evicted() > 80_000);
    }

    #[test]
    fn of_what_came_equally_often_the_coldest_makes_room() {
        let mut table = Table::new(1_000, 60_000);
        for key in 0..1_000_u32 {
            table.entry(key, i64::from(key), || key);
        }
        let evicted: Vec<u32> = (1_000..1_500)
            .filter_map(|key| table.entry(key, i64::from(key), || key).evicted)
            .collect();
        assert_eq!(evicted.len(), 500);
        let cold = evicted.iter().filter(|key| **key < 600).count();
        assert!(cold > 450, "{cold} of 500 are of the coldest");
        assert!(evicted.iter().all(|key| *key < 1_000), "new ones stay");
    }

    #[test]
    fn what_was_busy_once_does_not_stay_for_ever() {
        let mut table = Table::new(8, 1_000);
        for key in 0..8 {
            for _ in 0..1_000 {
                table.entry(key, 0, || ());
            }
        }
        for key in 100..108 {
            table.entry(key, 5_000, || ());
        }
        assert!((100..108).all(|key| table.get_mut(&key).is_some()));
        assert_eq!(table.evicted(), 0, "expired ones are no loss");
    }

    #[test]
    fn visits_are_kept_in_the_room_of_a_time() {
        let mut visits = Visits::first(-7);
        assert_eq!((visits.last(), visits.often()), (-7, 1));
        for at in 0..5_000 {
            visits = visits.once_more(at - 9);
            assert_eq!(visits.last(), (at - 9).max(-7));
        }
        assert_eq!(visits.often(), 4_095);
        assert_eq!(Visits::first(i64::MIN).last(), -Visits::LAST);
        assert_eq!(visits.once_more(i64::MAX).last(), Visits::LAST);
        assert_eq!(visits.once_more(i64::MAX).often(), 4_095);
    }

    #[test]
    fn it_never_takes_much_more_than_it_holds() {
        let mut table = Table::new(100_000, 1_000);
        for key in 0..100_000_u64 {
            table.entry(key, 0, || [0_u64; 4]);
        }
        let slot = size_of::<Slot<u64, [u64; 4]>>();
        assert!(table.bytes() <= 100_000 * (slot + 12), "{}", table.bytes());
    }
}
