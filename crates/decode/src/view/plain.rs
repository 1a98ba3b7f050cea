//! Values that came before and that no encoding and no reading changes: most of what browsers call
//! themselves, where visitors come from, the paths there are.
//!
//! *Input*: values, with how they are to be read. *Output*: whether nothing will come of it.
//! *Limits*: values up to [`MAX_VALUE`] bytes; a table of fixed size, in which a value gives way to
//! one that comes later with the same place.

use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;

/// Longer values are not kept, in bytes.
const MAX_VALUE: usize = 256;
/// How many values are kept.
const SLOTS: usize = 1 << 9;

/// The values. Their memory is taken when the table is made.
#[derive(Debug)]
pub(crate) struct PlainValues {
    slots: Vec<Slot>,
    /// The value of each slot, at its place times [`MAX_VALUE`].
    values: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    len: u16,
    reading: u8,
}

impl Default for PlainValues {
    fn default() -> Self {
        Self {
            slots: vec![Slot::default(); SLOTS],
            values: vec![0; SLOTS * MAX_VALUE],
        }
    }
}

impl PlainValues {
    /// Whether the value is known to be plain when it is read in that way.
    pub(crate) fn knows(&self, reading: u8, value: &[u8]) -> bool {
        let start = place(reading, value) * MAX_VALUE;
        let slot = self.slots.get(start / MAX_VALUE);
        slot.is_some_and(|slot| slot.reading == reading && usize::from(slot.len) == value.len())
            && self.values.get(start..start + value.len()) == Some(value)
    }

    /// Keeps a value that is plain when it is read in that way.
    pub(crate) fn keep(&mut self, reading: u8, value: &[u8]) {
        if value.len() > MAX_VALUE {
            return;
        }
        let place = place(reading, value);
        let start = place * MAX_VALUE;
        if let (Some(slot), Some(kept)) = (
            self.slots.get_mut(place),
            self.values.get_mut(start..start + value.len()),
        ) {
            kept.copy_from_slice(value);
            *slot = Slot {
                len: value.len() as u16,
                reading,
            };
        }
    }
}

fn place(reading: u8, value: &[u8]) -> usize {
    FixedState::with_seed(u64::from(reading)).hash_one(value) as usize % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_known_once_it_was_kept() {
        let mut plain = PlainValues::default();
        let long = [b'x'; MAX_VALUE];
        for value in [&b"/index.html"[..], &long] {
            assert!(!plain.knows(1, value));
            plain.keep(1, value);
            assert!(plain.knows(1, value) && !plain.knows(2, value));
        }
        assert!(!plain.knows(1, b"/index.htm") && !plain.knows(1, b""));
        plain.keep(1, &[b'x'; MAX_VALUE + 1]);
        assert!(!plain.knows(1, &[b'x'; MAX_VALUE + 1]));
    }

    #[test]
    fn a_later_value_takes_the_place_and_is_told_from_the_earlier_one() {
        let mut plain = PlainValues::default();
        for number in 0..10_000_u32 {
            plain.keep(0, &number.to_le_bytes());
            assert!(plain.knows(0, &number.to_le_bytes()));
        }
        let known = (0..10_000_u32).filter(|number| plain.knows(0, &number.to_le_bytes()));
        assert!(known.count() <= SLOTS);
    }
}
