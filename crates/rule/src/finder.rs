//! Finds which of many literals occur in a text, in one walk whose tables stay in the nearest cache.
//!
//! *What*: of each literal one window of up to four bytes is kept, the one that ordinary requests
//! have least; the walk asks three small bitmaps whether the last two, three or four bytes may be
//! such a window, and compares whole literals only then (after Wu and Manber, "A fast algorithm for
//! multi-pattern searching", 1994). *Input*: literals in lower case; texts. *Output*: every place of
//! every literal, ignoring the case of ASCII letters, overlapping ones too; and which kinds of bytes
//! the text has. *Limits*: the time is linear in the text, times the literals that share a window,
//! of which there are few.
//!
//! An automaton over the same literals needs megabytes, and a cache miss for most bytes.

use std::ops::Range;

use crate::bytes::ByteSet;
use crate::ordinary;

/// Bits of the hashes of three and of four bytes.
const TRIPLE_BITS: u32 = 16;
const QUAD_BITS: u32 = 17;
/// Bits of the places in the table of windows.
const TABLE_BITS: u32 = 13;

/// The literals, ready to be found.
#[derive(Debug)]
pub(crate) struct Finder {
    pairs: Bits,
    triples: Bits,
    quads: Bits,
    /// Where each place of the table starts in `windows`; one more for the end.
    starts: Vec<u32>,
    windows: Vec<Window>,
    /// All literals, one behind the other.
    bytes: Vec<u8>,
}

/// A window of a literal.
#[derive(Clone, Copy, Debug)]
struct Window {
    key: Key,
    literal: u32,
    /// Where the literal stands in [`Finder::bytes`].
    start: u32,
    len: u32,
    /// How many bytes of the literal stand before the window's end.
    before: u32,
}

/// The bytes of a window and how many they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    bytes: u32,
    len: u8,
}

/// A set of small numbers.
#[derive(Debug)]
struct Bits(Vec<u64>);

impl Bits {
    fn new(bits: u32) -> Self {
        Self(vec![0; 1 << (bits - 6)])
    }

    fn insert(&mut self, place: u32) {
        if let Some(word) = self.0.get_mut(place as usize >> 6) {
            *word |= 1 << (place & 63);
        }
    }

    #[inline]
    fn get(&self, place: u32) -> u64 {
        self.0
            .get(place as usize >> 6)
            .map_or(0, |word| (word >> (place & 63)) & 1)
    }
}

impl Key {
    /// The last `len` of some bytes in lower case.
    const fn last(bytes: u32, len: u8) -> Self {
        let kept = match len {
            1 => bytes & 0xff,
            2 => bytes & 0xffff,
            3 => bytes & 0x00ff_ffff,
            _ => bytes,
        };
        Self { bytes: kept, len }
    }

    const fn place(self) -> usize {
        (self
            .bytes
            .wrapping_add(self.len as u32)
            .wrapping_mul(0x9e37_79b1)
            >> (32 - TABLE_BITS)) as usize
    }
}

const fn triple(bytes: u32) -> u32 {
    (bytes & 0x00ff_ffff).wrapping_mul(0x85eb_ca6b) >> (32 - TRIPLE_BITS)
}

const fn quad(bytes: u32) -> u32 {
    bytes.wrapping_mul(0xc2b2_ae35) >> (32 - QUAD_BITS)
}

impl Finder {
    /// A finder of these literals, none of which is empty. They are told apart by their places.
    pub(crate) fn new<'a>(literals: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut finder = Self {
            pairs: Bits::new(16),
            triples: Bits::new(TRIPLE_BITS),
            quads: Bits::new(QUAD_BITS),
            starts: Vec::new(),
            windows: Vec::new(),
            bytes: Vec::new(),
        };
        for (literal, text) in literals.enumerate() {
            let (end, key) = rarest(text);
            match key.len {
                1 => (0..=u32::from(u8::MAX))
                    .for_each(|before| finder.pairs.insert((before << 8) | key.bytes)),
                2 => finder.pairs.insert(key.bytes),
                3 => finder.triples.insert(triple(key.bytes)),
                _ => finder.quads.insert(quad(key.bytes)),
            }
            finder.windows.push(Window {
                key,
                literal: literal as u32,
                start: finder.bytes.len() as u32,
                len: text.len() as u32,
                before: end as u32,
            });
            finder.bytes.extend_from_slice(text);
        }
        finder.windows.sort_by_key(|window| window.key.place());
        let places = 0..=1usize << TABLE_BITS;
        finder.starts = places
            .map(|place| {
                finder
                    .windows
                    .partition_point(|window| window.key.place() < place) as u32
            })
            .collect();
        finder
    }

    /// Calls `found` with every literal and where it stands; says which kinds of bytes there are.
    pub(crate) fn find(&self, text: &[u8], mut found: impl FnMut(usize, Range<usize>)) -> ByteSet {
        let mut kinds = ByteSet::default();
        let mut last = 0_u32;
        for (place, byte) in text.iter().enumerate() {
            kinds = kinds.with(ByteSet::alone(*byte));
            last = (last << 8) | u32::from(byte.to_ascii_lowercase());
            let pair = self.pairs.get(last & 0xffff);
            let triple = self.triples.get(triple(last));
            let quad = self.quads.get(quad(last));
            if pair | triple | quad != 0 {
                let lens = [(pair, 1), (pair, 2), (triple, 3), (quad, 4)];
                for (_, len) in lens
                    .into_iter()
                    .filter(|(is_possible, _)| *is_possible != 0)
                {
                    self.compare(text, place + 1, Key::last(last, len), &mut found);
                }
            }
        }
        kinds
    }

    /// The literals with a window that ends at a place of the text.
    #[inline(never)]
    fn compare(
        &self,
        text: &[u8],
        end: usize,
        key: Key,
        found: &mut impl FnMut(usize, Range<usize>),
    ) {
        let bound = |place: usize| self.starts.get(place).map_or(0, |start| *start as usize);
        let windows = self.windows.get(bound(key.place())..bound(key.place() + 1));
        for window in windows.unwrap_or_default() {
            if window.key != key {
                continue;
            }
            let Some(start) = end.checked_sub(window.before as usize) else {
                continue;
            };
            let range = start..start + window.len as usize;
            let literal = window.start as usize..(window.start + window.len) as usize;
            let is_same = match (text.get(range.clone()), self.bytes.get(literal)) {
                (Some(part), Some(literal)) => part.eq_ignore_ascii_case(literal),
                _ => false,
            };
            if is_same {
                found(window.literal as usize, range);
            }
        }
    }
}

/// The window of a literal that ordinary requests have least, and where it ends.
fn rarest(literal: &[u8]) -> (usize, Key) {
    let len = literal.len().min(4);
    let ends = len..=literal.len();
    let window = |end: usize| literal.get(end - len..end).unwrap_or_default();
    let end = ends
        .min_by_key(|end| ordinary::count(window(*end)))
        .unwrap_or(len);
    let bytes = window(end)
        .iter()
        .fold(0, |bytes, byte| (bytes << 8) | u32::from(*byte));
    (end, Key::last(bytes, len as u8))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(literals: &[&str], text: &[u8]) -> Vec<(usize, Range<usize>)> {
        let finder = Finder::new(literals.iter().map(|literal| literal.as_bytes()));
        let mut all = Vec::new();
        finder.find(text, |literal, range| all.push((literal, range)));
        all.sort_by_key(|(literal, range)| (*literal, range.start));
        all
    }

    #[test]
    fn every_place_of_every_literal_is_found() {
        let literals = ["<", "${", "abc", "select", "elec", "../", "abc"];
        assert_eq!(
            found(&literals, b"SeLeCt<${ABCabc../"),
            [
                (0, 6..7),
                (1, 7..9),
                (2, 9..12),
                (2, 12..15),
                (3, 0..6),
                (4, 1..5),
                (5, 15..18),
                (6, 9..12),
                (6, 12..15),
            ]
        );
        assert_eq!(found(&literals, b""), []);
        assert_eq!(found(&[], b"abc"), []);
        assert_eq!(found(&["\0\0a"], b"a"), []);
    }

    proptest! {
        #[test]
        fn nothing_is_missed(
            literals in prop::collection::vec("[ab<']{1,7}", 0..12),
            text in "[abAB<']{0,30}",
        ) {
            let literals: Vec<&str> = literals.iter().map(String::as_str).collect();
            let mut expected = Vec::new();
            let lower = text.to_ascii_lowercase();
            for (place, literal) in literals.iter().enumerate() {
                for start in 0..lower.len() {
                    if lower.get(start..).is_some_and(|rest| rest.starts_with(literal)) {
                        expected.push((place, start..start + literal.len()));
                    }
                }
            }
            prop_assert_eq!(found(&literals, text.as_bytes()), expected);
        }
    }
}
