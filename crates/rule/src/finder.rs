//! Finds which of many literals occur in a text, in one walk whose tables stay in the nearest cache.
//!
//! *What*: of each literal one window of up to four bytes is kept, the one that ordinary requests
//! have least; the walk asks three small bitmaps whether the last two, three or four bytes may be
//! such a window, and compares whole literals only then (after Wu and Manber, "A fast algorithm for
//! multi-pattern searching", 1994). Whether a letter stands before and after the window is part of
//! what the bitmaps are asked, so that short words are not found inside longer ones. *Input*:
//! literals in lower case; texts. *Output*: every place of every literal, ignoring the case of ASCII
//! letters, overlapping ones too; and which kinds of bytes the text has. *Limits*: the time is
//! linear in the text, times the literals that share a window, of which there are few.
//!
//! An automaton over the same literals needs megabytes, and a cache miss for most bytes.

use std::ops::Range;

use crate::bytes::ByteSet;
use crate::literal::{self, Literal};

/// Bits of the hashes of two, three and four bytes, and how many numbers of 64 bits a set of such
/// hashes takes.
const PAIR_BITS: u32 = 16;
const TRIPLE_BITS: u32 = 17;
const QUAD_BITS: u32 = 19;
const PAIRS: usize = 1 << (PAIR_BITS - 6);
const TRIPLES: usize = 1 << (TRIPLE_BITS - 6);
const QUADS: usize = 1 << (QUAD_BITS - 6);
/// Bits of the places in the table of windows.
const TABLE_BITS: u32 = 15;

/// The literals, ready to be found.
#[derive(Debug)]
pub(crate) struct Finder {
    /// What each byte is, and whether it is a literal.
    bytes_known: ByteTable,
    pairs: Bits<PAIRS>,
    triples: Bits<TRIPLES>,
    quads: Bits<QUADS>,
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
    starts_word: bool,
    ends_word: bool,
}

/// The bytes of a window and how many they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    bytes: u32,
    len: u8,
}

/// A set of small numbers. Its size is known when compiling, so that nothing is checked where a hash
/// is too short to go beyond it.
#[derive(Debug)]
struct Bits<const WORDS: usize>(Box<[u64; WORDS]>);

/// The last bytes of a text up to a place.
#[derive(Clone, Copy, Debug)]
struct Last {
    /// The last four, in lower case.
    bytes: u32,
    /// For each byte whether it is of a word: the one that follows in bit 0, the last in bit 1.
    words: u32,
    /// What is known of the last.
    known: u8,
}

impl Last {
    /// Before a text: bytes that hardly any literal has, other than null bytes.
    const NONE: Self = Self {
        bytes: u32::MAX,
        words: 0,
        known: 0,
    };

    /// Knowing what follows.
    #[inline]
    fn before(self, next: u8) -> Self {
        let words = (self.words << 1) | u32::from(next & WORD);
        Self { words, ..self }
    }

    /// With what follows, in lower case, of which this is known.
    #[inline]
    fn then(self, byte: u8, known: u8) -> Self {
        Self {
            bytes: (self.bytes << 8) | u32::from(byte),
            known,
            ..self
        }
    }

    /// In bit 0 whether the last is a literal, with what stands around it.
    #[inline]
    fn is_single(self) -> u64 {
        let around = ((self.words >> 1) & 2) | (self.words & 1);
        u64::from(self.known >> SINGLE >> around) & 1
    }
}

/// Each byte in lower case, and what is to be known of it: [`WORD`], and from bit [`SINGLE`] on for
/// each [`Around`] whether it is a literal there.
#[derive(Debug)]
struct ByteTable([(u8, u8); 256]);

/// The byte is of a word.
const WORD: u8 = 1;
const SINGLE: u32 = 1;

impl ByteTable {
    fn words() -> Self {
        let mut byte = 0_u8;
        Self([(); 256].map(|()| {
            let is_word = literal::is_word(byte);
            let lower = byte.to_ascii_lowercase();
            byte = byte.wrapping_add(1);
            (lower, if is_word { WORD } else { 0 })
        }))
    }

    /// Something is to be known of a byte in lower case, and of its capital.
    fn insert(&mut self, byte: u8, what: u8) {
        for (_, known) in self.0.iter_mut().filter(|(lower, _)| *lower == byte) {
            *known |= what;
        }
    }

    #[inline]
    fn get(&self, byte: u8) -> (u8, u8) {
        self.0.get(usize::from(byte)).copied().unwrap_or_default()
    }
}

impl<const WORDS: usize> Bits<WORDS> {
    fn new() -> Self {
        Self(Box::new([0; WORDS]))
    }

    fn insert(&mut self, place: u32) {
        if let Some(word) = self.0.get_mut(place as usize >> 6) {
            *word |= 1 << (place & 63);
        }
    }

    /// The numbers from one on, the first in bit 0.
    #[inline]
    fn onward(&self, place: u32) -> u64 {
        let word = self.0.get(place as usize >> 6).copied();
        word.unwrap_or_default() >> (place & 63)
    }

    fn get(&self, place: u32) -> bool {
        self.onward(place) & 1 != 0
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

/// What stands around a window: bit 1 for a byte of a word before it, bit 0 for one after it.
type Around = u32;

/// What stands around a window of this length, where [`Last::words`] has it.
const fn words_around(around: Around, len: u32) -> u32 {
    (around & 1) | ((around >> 1) << (len + 1))
}

const fn pair(bytes: u32, words: u32) -> u32 {
    ((bytes << 16) | (words & words_around(3, 2))).wrapping_mul(0x9e37_79b1) >> (32 - PAIR_BITS)
}

const fn triple(bytes: u32, words: u32) -> u32 {
    ((bytes << 8) | (words & words_around(3, 3))).wrapping_mul(0x85eb_ca6b) >> (32 - TRIPLE_BITS)
}

const fn quad(bytes: u32, words: u32) -> u32 {
    let all = ((bytes as u64) << 32) | (words & words_around(3, 4)) as u64;
    (all.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - QUAD_BITS)) as u32
}

impl Finder {
    /// A finder of these literals, none of which is empty. They are told apart by their places.
    pub(crate) fn new<'a>(literals: impl Iterator<Item = &'a Literal>) -> Self {
        let mut finder = Self {
            bytes_known: ByteTable::words(),
            pairs: Bits::new(),
            triples: Bits::new(),
            quads: Bits::new(),
            starts: Vec::new(),
            windows: Vec::new(),
            bytes: Vec::new(),
        };
        for (place, literal) in literals.enumerate() {
            finder.add(place as u32, literal);
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

    fn add(&mut self, place: u32, literal: &Literal) {
        let (range, _) = literal.rarest();
        let window = literal.bytes.get(range.clone()).unwrap_or_default();
        let bytes = window
            .iter()
            .fold(0, |bytes, byte| (bytes << 8) | u32::from(*byte));
        let key = Key::last(bytes, window.len() as u8);
        for around in arounds(literal, &range) {
            let words = words_around(around, u32::from(key.len));
            match key.len {
                1 => self
                    .bytes_known
                    .insert(key.bytes as u8, 1 << SINGLE << around),
                2 => self.pairs.insert(pair(key.bytes, words)),
                3 => self.triples.insert(triple(key.bytes, words)),
                _ => self.quads.insert(quad(key.bytes, words)),
            }
        }
        self.windows.push(Window {
            key,
            literal: place,
            start: self.bytes.len() as u32,
            len: literal.bytes.len() as u32,
            before: range.end as u32,
            starts_word: literal.starts_word,
            ends_word: literal.ends_word,
        });
        self.bytes.extend_from_slice(&literal.bytes);
    }

    /// Calls `found` with every literal that occurs, once for each place; says which kinds of bytes
    /// there are. Writes the text into `lower` in lower case: what is compared with many literals is
    /// changed once.
    pub(crate) fn find(
        &self,
        text: &[u8],
        lower: &mut Vec<u8>,
        mut found: impl FnMut(usize),
    ) -> ByteSet {
        lower.clear();
        lower.extend_from_slice(text);
        lower.make_ascii_lowercase();
        let mut kinds = ByteSet::default();
        let mut last = Last::NONE;
        for (place, byte) in text.iter().enumerate() {
            let (folded, known) = self.bytes_known.get(*byte);
            last = last.before(known);
            if self.may_end(last) {
                self.compare_all(lower, place, last, &mut found);
            }
            last = last.then(folded, known);
            kinds = kinds.with(ByteSet::alone(*byte));
        }
        last = last.before(0);
        if self.may_end(last) {
            self.compare_all(lower, text.len(), last, &mut found);
        }
        kinds
    }

    /// Whether a window may end with these bytes.
    #[expect(
        clippy::inline_always,
        reason = "asked for every byte: a call would cost more than what it does"
    )]
    #[inline(always)]
    fn may_end(&self, last: Last) -> bool {
        let Last { bytes, words, .. } = last;
        let windows = self.pairs.onward(pair(bytes, words))
            | self.triples.onward(triple(bytes, words))
            | self.quads.onward(quad(bytes, words));
        (last.is_single() | windows) & 1 != 0
    }

    /// The literals with a window that ends with these bytes, at a place of the text, which is in
    /// lower case.
    #[inline(never)]
    fn compare_all(&self, lower: &[u8], end: usize, last: Last, found: &mut impl FnMut(usize)) {
        let Last { bytes, words, .. } = last;
        let mut compare = |is_possible: bool, len: u8| {
            if is_possible {
                self.compare(lower, end, Key::last(bytes, len), found);
            }
        };
        compare(last.is_single() != 0, 1);
        compare(self.pairs.get(pair(bytes, words)), 2);
        compare(self.triples.get(triple(bytes, words)), 3);
        compare(self.quads.get(quad(bytes, words)), 4);
    }

    /// The literals with a window that ends at a place of the text, which is in lower case.
    fn compare(&self, lower: &[u8], end: usize, key: Key, found: &mut impl FnMut(usize)) {
        let bound = |place: usize| self.starts.get(place).map_or(0, |start| *start as usize);
        let windows = self.windows.get(bound(key.place())..bound(key.place() + 1));
        let is_word = |place: Option<usize>| {
            place
                .and_then(|place| lower.get(place))
                .is_some_and(|byte| literal::is_word(*byte))
        };
        for window in windows.unwrap_or_default() {
            if window.key != key {
                continue;
            }
            let Some(start) = end.checked_sub(window.before as usize) else {
                continue;
            };
            let range = start..start + window.len as usize;
            let literal = window.start as usize..(window.start + window.len) as usize;
            // Of a short literal the window is all there is.
            let is_same = window.len == u32::from(key.len)
                || match (lower.get(range.clone()), self.bytes.get(literal)) {
                    (Some(part), Some(literal)) => part == literal,
                    _ => false,
                };
            if is_same
                && !(window.starts_word && is_word(range.start.checked_sub(1)))
                && !(window.ends_word && is_word(Some(range.end)))
            {
                found(window.literal as usize);
            }
        }
    }
}

/// What may stand around a window of a literal.
fn arounds(literal: &Literal, window: &Range<usize>) -> impl Iterator<Item = Around> + use<> {
    let may_be = |place: Option<usize>, is_edge: bool, is_word: bool| match place
        .and_then(|place| literal.bytes.get(place))
    {
        Some(byte) => literal::is_word(*byte) == is_word,
        None => !(is_edge && is_word),
    };
    let before = [false, true]
        .map(|is_word| may_be(window.start.checked_sub(1), literal.starts_word, is_word));
    let after = [false, true].map(|is_word| may_be(Some(window.end), literal.ends_word, is_word));
    (0..4).filter(move |around: &Around| {
        let may = |may_be: [bool; 2], bit: u32| may_be.get(bit as usize) == Some(&true);
        may(before, around >> 1) && may(after, around & 1)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A literal; `|` stands for the edge of a word.
    fn literal(text: &str) -> Literal {
        Literal {
            starts_word: text.starts_with('|'),
            ends_word: text.ends_with('|'),
            ..Literal::of(text.trim_matches('|').as_bytes())
        }
    }

    fn found(literals: &[&str], text: &[u8]) -> Vec<usize> {
        let literals: Vec<_> = literals.iter().map(|text| literal(text)).collect();
        let mut all = Vec::new();
        let finder = Finder::new(literals.iter());
        finder.find(text, &mut Vec::new(), |literal| all.push(literal));
        all.sort_unstable();
        all
    }

    const NOTHING: [usize; 0] = [];

    #[test]
    fn every_place_of_every_literal_is_found() {
        let literals = ["<", "${", "abc", "select", "elec", "../", "abc"];
        assert_eq!(
            found(&literals, b"SeLeCt<${ABCabc../"),
            [0, 1, 2, 2, 3, 4, 5, 6, 6]
        );
        assert_eq!(found(&literals, b""), NOTHING);
        assert_eq!(found(&[], b"abc"), NOTHING);
        assert_eq!(found(&["\0\0a"], b"a"), NOTHING);
    }

    #[test]
    fn words_are_found_between_signs_only() {
        let literals = ["|id|", "|ls", "ps|", "|select|"];
        assert_eq!(found(&literals, b"ID;ls x/ps"), [0, 1, 2]);
        assert_eq!(
            found(&literals, b"did idle als psx _select 2select"),
            NOTHING
        );
        assert_eq!(found(&literals, b"+select+"), [3]);
    }

    proptest! {
        #[test]
        fn nothing_is_missed(
            literals in prop::collection::vec("\\|?[ab<']{1,7}\\|?", 0..12),
            text in "[abAB<']{0,30}",
        ) {
            let texts: Vec<&str> = literals.iter().map(String::as_str).collect();
            let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| literal::is_word(*byte));
            let mut expected = Vec::new();
            let lower = text.to_ascii_lowercase().into_bytes();
            for (place, text) in texts.iter().enumerate() {
                let literal = literal(text);
                for start in 0..lower.len() {
                    let (before, rest) = lower.split_at(start);
                    let after = rest.strip_prefix(literal.bytes.as_slice());
                    expected.extend(after.filter(|after| {
                        !((literal.starts_word && is_word(before.last()))
                            || (literal.ends_word && is_word(after.first())))
                    }).map(|_| place));
                }
            }
            prop_assert_eq!(found(&texts, text.as_bytes()), expected);
        }
    }
}
