//! Where in a text one of many short windows may end: the walk of [`crate::prefilter::finder`].
//!
//! *What*: three small bitmaps are asked whether the last two, three or four bytes may be a window, and
//! a table whether the last one is. Whether a letter stands before and after the window is part of what
//! they are asked, so that short words are not found inside longer ones. *Limits*: windows of at most
//! four bytes; where none is, one may be told.

use std::ops::Range;

use crate::prefilter::bytes::ByteSet;
use crate::prefilter::literal;

/// Bits of the hashes of two, three and four bytes, and how many numbers of 64 bits a set of such
/// hashes takes.
const PAIR_BITS: u32 = 16;
const TRIPLE_BITS: u32 = 17;
const QUAD_BITS: u32 = 19;
const PAIRS: usize = 1 << (PAIR_BITS - 6);
const TRIPLES: usize = 1 << (TRIPLE_BITS - 6);
const QUADS: usize = 1 << (QUAD_BITS - 6);
/// The windows.
#[derive(Debug)]
pub(crate) struct Sieve {
    /// What each byte is, and whether it is a window.
    bytes: ByteTable,
    pairs: Bits<PAIRS>,
    triples: Bits<TRIPLES>,
    quads: Bits<QUADS>,
}

/// A set of small numbers. Its size is known when compiling, so that nothing is checked where a hash
/// is too short to go beyond it.
#[derive(Debug)]
struct Bits<const WORDS: usize>(Box<[u64; WORDS]>);

/// The last bytes of a text up to a place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Last {
    /// The last four, in lower case.
    pub(crate) bytes: u32,
    /// For each byte whether it is of a word: the one that follows in bit 0, the last in bit 1.
    words: u32,
    /// What is known of the last.
    known: u8,
}

impl Last {
    /// How many bytes these are, with the one before a window.
    const BYTES: usize = 5;
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

/// What stands around a window: bit 1 for a byte of a word before it, bit 0 for one after it.
pub(crate) type Around = u32;

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

impl Sieve {
    pub(crate) fn new() -> Self {
        Self {
            bytes: ByteTable::words(),
            pairs: Bits::new(),
            triples: Bits::new(),
            quads: Bits::new(),
        }
    }

    /// A window of so many bytes in lower case, with what may stand around it.
    pub(crate) fn insert(&mut self, bytes: u32, len: u8, around: Around) {
        let words = words_around(around, u32::from(len));
        match len {
            1 => self.bytes.insert(bytes as u8, 1 << SINGLE << around),
            2 => self.pairs.insert(pair(bytes, words)),
            3 => self.triples.insert(triple(bytes, words)),
            _ => self.quads.insert(quad(bytes, words)),
        }
    }

    /// Calls `visit` with those of these places at which a window may end, and the bytes before it.
    #[inline]
    pub(crate) fn each_end(
        &self,
        text: &[u8],
        ends: Range<usize>,
        mut visit: impl FnMut(usize, Last),
    ) -> ByteSet {
        let mut kinds = ByteSet::default();
        let mut last = Last::NONE;
        let before = ends.start.saturating_sub(Last::BYTES)..ends.start;
        for byte in text.get(before).unwrap_or_default() {
            let (folded, known) = self.bytes.get(*byte);
            last = last.before(known).then(folded, known);
        }
        let bytes = text.get(ends.start..ends.end.min(text.len()));
        for (place, byte) in bytes.unwrap_or_default().iter().enumerate() {
            let (folded, known) = self.bytes.get(*byte);
            last = last.before(known);
            if self.may_end(last) {
                visit(ends.start + place, last);
            }
            last = last.then(folded, known);
            kinds = kinds.with(ByteSet::alone(*byte));
        }
        last = last.before(0);
        if ends.end > text.len() && self.may_end(last) {
            visit(text.len(), last);
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

    /// Calls `each` with the lengths of the windows that may end with these bytes.
    #[inline]
    pub(crate) fn lengths(&self, last: Last, mut each: impl FnMut(u8)) {
        let Last { bytes, words, .. } = last;
        let may_end = [
            last.is_single() != 0,
            self.pairs.get(pair(bytes, words)),
            self.triples.get(triple(bytes, words)),
            self.quads.get(quad(bytes, words)),
        ];
        for (len, _) in (1..).zip(may_end).filter(|(_, may_end)| *may_end) {
            each(len);
        }
    }
}
