//! A table written down as it stood at one moment, while it goes on, and taken back.
//!
//! What is about to change is written before it does; the others are written in their order, a slice at a
//! time. *Limits.* Beside the slices a bit for each key; where nobody takes slices, what changes waits in
//! them.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, Hash};

use super::{Slot, Table, Visits};
use crate::entity::Client;
use crate::secret::{lane_of, told_lane};
use crate::state::code::write_fixed;
use crate::state::{Input, Kept, SLICE_BYTES, Saved};

/// A key that can be written down.
pub(crate) trait SavedKey: Copy + Eq + Hash {
    fn write(self, out: &mut Vec<u8>);
    fn read(input: &mut Input<'_>) -> Option<Self>;
    /// The lane of whom it is about, where it is about a client.
    fn lane(self) -> u16;
}

impl SavedKey for u64 {
    fn write(self, out: &mut Vec<u8>) {
        write_fixed(self, out);
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        input.fixed()
    }

    fn lane(self) -> u16 {
        told_lane(self)
    }
}

impl SavedKey for Client {
    fn write(self, out: &mut Vec<u8>) {
        for half in self {
            write_fixed(half, out);
        }
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        Some([input.fixed()?, input.fixed()?])
    }

    fn lane(self) -> u16 {
        lane_of(self)
    }
}

/// A table that is being written down.
#[derive(Debug)]
pub(super) struct Pass<K, V> {
    write: fn(&Slot<K, V>, &mut Vec<u8>),
    /// A bit for each place that there was: what stood there is written.
    written: Vec<u64>,
    /// How many places there were.
    places: usize,
    /// Before this place all is written.
    at: usize,
    keys: u64,
    bytes: Vec<u8>,
    /// Slices that wait to be taken.
    full: VecDeque<(u64, Vec<u8>)>,
}

impl<K, V> Pass<K, V> {
    /// Writes what stands at a place, unless it is written or came since.
    pub(super) fn write_once(&mut self, place: usize, slot: &Slot<K, V>) {
        let bit = 1 << (place % 64);
        let Some(word) = self.written.get_mut(place / 64) else {
            return;
        };
        if place >= self.places || *word & bit != 0 {
            return;
        }
        *word |= bit;
        (self.write)(slot, &mut self.bytes);
        self.keys += 1;
        if self.bytes.len() >= SLICE_BYTES {
            let full = self.take();
            self.full.push_back(full);
        }
    }

    fn take(&mut self) -> (u64, Vec<u8>) {
        (
            std::mem::take(&mut self.keys),
            std::mem::take(&mut self.bytes),
        )
    }

    /// Passes over places that are written, up to one that is not.
    fn skip_written(&mut self) {
        while let Some(word) = self.written.get(self.at / 64) {
            let ahead = (!*word >> (self.at % 64)).trailing_zeros() as usize;
            if ahead < 64 {
                self.at += ahead;
                return;
            }
            self.at = (self.at / 64 + 1) * 64;
        }
    }
}

fn write<K: SavedKey, V: Kept>(slot: &Slot<K, V>, out: &mut Vec<u8>) {
    slot.key.write(out);
    slot.visits.0.write(out);
    slot.value.write(out);
}

impl<K: SavedKey, V: Kept> Saved for Table<K, V> {
    fn begin(&mut self) {
        let places = self.slots.len();
        self.pass = (places > 0).then(|| {
            Box::new(Pass {
                write,
                written: vec![0; places.div_ceil(64)],
                places,
                at: 0,
                keys: 0,
                bytes: Vec::new(),
                full: VecDeque::new(),
            })
        });
    }

    fn next(&mut self) -> Option<(u64, Vec<u8>)> {
        let pass = self.pass.as_mut()?;
        while pass.full.is_empty() {
            pass.skip_written();
            // A place that is gone was written before it went.
            let slot = self.slots.get(pass.at).filter(|_| pass.at < pass.places);
            let Some(slot) = slot else {
                let rest = pass.take();
                self.pass = None;
                return (rest.0 > 0).then_some(rest);
            };
            pass.write_once(pass.at, slot);
        }
        pass.full.pop_front()
    }

    fn end(&mut self) {
        self.pass = None;
    }
}

impl<K: SavedKey, V: Kept> Table<K, V> {
    /// Takes back what was written, as far as the keys' lanes are `mine`; `note` hears of each value that is
    /// taken, and of what made room for it. How many are taken; none, and nothing is, where something else
    /// is written there.
    pub(crate) fn take_back(
        &mut self,
        bytes: &[u8],
        mine: &dyn Fn(u16) -> bool,
        mut note: impl FnMut(&V, Option<V>),
    ) -> Option<u64> {
        let mut input = Input::new(bytes);
        let mut slots = Vec::new();
        while !input.is_empty() {
            let key = K::read(&mut input)?;
            let visits = Visits(i64::read(&mut input)?);
            let value = V::read(&mut input)?;
            if mine(key.lane()) {
                slots.push(Slot { key, value, visits });
            }
        }
        let taken = slots.len() as u64;
        for slot in slots {
            self.newest = self.newest.max(slot.visits.last());
            let hash = self.hasher.hash_one(slot.key);
            // What is there already is newer, or the same twice.
            if self.place(hash, &slot.key).is_none() {
                let (place, evicted) = self.take_place(hash, slot);
                if let Some(slot) = self.slots.get(place) {
                    note(&slot.value, evicted);
                }
            }
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// So many bytes beside its number has a value, so that a few fill a slice.
    const LARGE: usize = SLICE_BYTES / 16;

    #[derive(Debug)]
    struct Large(u64);

    impl Kept for Large {
        fn write(&self, out: &mut Vec<u8>) {
            write_fixed(self.0, out);
            out.resize(out.len() + LARGE, 0);
        }

        fn read(input: &mut Input<'_>) -> Option<Self> {
            let number = input.fixed()?;
            input.take(LARGE)?;
            Some(Self(number))
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        See(u64),
        Change(u64),
        Evict,
        TakeSlice,
    }

    fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            9 => (0..90_u64).prop_map(Step::See),
            2 => (0..90_u64).prop_map(Step::Change),
            3 => Just(Step::Evict),
            1 => Just(Step::TakeSlice),
        ];
        prop::collection::vec(step, 0..most)
    }

    fn take(
        table: &mut Table<u64, Large>,
        step: &Step,
        now: i64,
        slices: &mut Vec<(u64, Vec<u8>)>,
    ) {
        match step {
            Step::See(key) => table.entry(*key, now, || Large(0)).value.0 += 1,
            Step::Change(key) => {
                if let Some(value) = table.get_mut(key) {
                    value.0 += 1_000;
                }
            }
            Step::Evict => drop(table.evict()),
            Step::TakeSlice => slices.extend(table.next()),
        }
    }

    fn held(table: &Table<u64, Large>) -> BTreeMap<u64, (i64, u64)> {
        let slots = table.slots.iter();
        slots
            .map(|slot| (slot.key, (slot.visits.0, slot.value.0)))
            .collect()
    }

    proptest! {
        #[test]
        fn each_key_is_written_once_as_it_stood_whatever_happens_meanwhile(
            before in steps(150),
            meanwhile in steps(300),
        ) {
            let mut table = Table::new(24, 1_000);
            let mut slices = Vec::new();
            for (now, step) in (0..).zip(&before) {
                take(&mut table, step, now, &mut slices);
            }
            table.begin();
            prop_assert!(slices.is_empty(), "nothing is written before that");
            let stood = held(&table);
            for (now, step) in (1_000..).zip(&meanwhile) {
                take(&mut table, step, now, &mut slices);
                let waits = table.pass.as_ref().map_or(0, |pass| {
                    let full = pass.full.iter().map(|(_, bytes)| bytes.len());
                    full.sum::<usize>() + pass.bytes.len()
                });
                prop_assert!(waits <= stood.len() * (LARGE + 32), "each waits once at most");
            }
            slices.extend(std::iter::from_fn(|| table.next()));
            prop_assert!(table.pass.is_none());
            let mut written = BTreeMap::new();
            for (keys, bytes) in &slices {
                let mut input = Input::new(bytes);
                for _ in 0..*keys {
                    let key = <u64 as SavedKey>::read(&mut input).unwrap();
                    let visits = i64::read(&mut input).unwrap();
                    let value = Large::read(&mut input).unwrap();
                    let twice = written.insert(key, (visits, value.0));
                    prop_assert_eq!(twice, None);
                }
                prop_assert!(input.is_empty());
            }
            prop_assert_eq!(written, stood);
        }
    }
}
