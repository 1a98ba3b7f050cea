//! Finds which of many literals occur in a text, in one walk whose tables stay in the nearest cache.
//!
//! *What*: of each literal one window of up to four bytes is kept, the one that ordinary requests
//! have least; a [`Sieve`] tells where such a window may end, and whole literals are compared only there
//! (after Wu and Manber, "A fast algorithm for multi-pattern searching", 1994). *Input*:
//! literals in lower case; texts. *Output*: every place of every literal, ignoring the case of ASCII
//! letters, overlapping ones too; and which kinds of bytes the text has. *Limits*: the time is
//! linear in the text, times the literals that share a window, of which there are few.
//!
//! An automaton over the same literals needs megabytes, and a cache miss for most bytes.

use std::ops::Range;

use crate::prefilter::bytes::ByteSet;
use crate::prefilter::literal::{self, Literal};
use crate::prefilter::sieve::{Around, Last, Sieve};

/// Bits of the places in the table of windows.
const TABLE_BITS: u32 = 15;

/// The literals, ready to be found.
#[derive(Debug)]
pub(crate) struct Finder {
    sieve: Sieve,
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

impl Finder {
    /// A finder of these literals, none of which is empty. They are told apart by their places.
    pub(crate) fn new<'a>(literals: impl Iterator<Item = &'a Literal>) -> Self {
        let mut finder = Self {
            sieve: Sieve::new(),
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
            self.sieve.insert(key.bytes, key.len, around);
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

    /// Calls `found` with every literal that occurs, once for each place, whose window ends at one of
    /// these places (one more than the text has bytes, the last behind it); says which kinds of bytes
    /// stand at them. Writes the text into `lower` in lower case: what is compared with many literals
    /// is changed once.
    pub(crate) fn find(
        &self,
        text: &[u8],
        ends: Range<usize>,
        lower: &mut Vec<u8>,
        mut found: impl FnMut(usize),
    ) -> ByteSet {
        lower.clear();
        lower.extend_from_slice(text);
        lower.make_ascii_lowercase();
        self.sieve.each_end(text, ends, |end, last| {
            self.compare_all(lower, end, last, &mut found);
        })
    }

    /// Up to which end it is told by a text alone which literals occur in those that begin with it: what
    /// follows it does not matter to any window that ends before.
    pub(crate) fn settled(&self, head: &[u8]) -> usize {
        let lower = head.to_ascii_lowercase();
        let mut settled = head.len();
        self.sieve.each_end(head, 0..head.len(), |end, last| {
            self.windows_of(last, |_, window| {
                let literal = window.start as usize..(window.start + window.len) as usize;
                let literal = self.bytes.get(literal).unwrap_or_default();
                let start = end.checked_sub(window.before as usize);
                let part = start
                    .and_then(|start| lower.get(start..))
                    .unwrap_or_default();
                let goes_on = part.len() < literal.len() + usize::from(window.ends_word);
                if goes_on
                    && start.is_some()
                    && literal.iter().zip(part).all(|(one, two)| one == two)
                {
                    settled = settled.min(end);
                }
            });
        });
        settled
    }

    /// The literals with a window that ends with these bytes, at a place of the text, which is in
    /// lower case.
    #[inline(never)]
    fn compare_all(&self, lower: &[u8], end: usize, last: Last, found: &mut impl FnMut(usize)) {
        let is_word = |place: Option<usize>| {
            place
                .and_then(|place| lower.get(place))
                .is_some_and(|byte| literal::is_word(*byte))
        };
        self.windows_of(last, |len, window| {
            let Some(start) = end.checked_sub(window.before as usize) else {
                return;
            };
            let range = start..start + window.len as usize;
            let literal = window.start as usize..(window.start + window.len) as usize;
            // Of a short literal the window is all there is.
            let is_same = window.len == u32::from(len)
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
        });
    }

    /// Calls `each` with every window that may end with these bytes, and its length.
    #[inline]
    fn windows_of(&self, last: Last, mut each: impl FnMut(u8, &Window)) {
        self.sieve.lengths(last, |len| {
            let key = Key::last(last.bytes, len);
            let bound = |place: usize| self.starts.get(place).map_or(0, |start| *start as usize);
            let windows = self.windows.get(bound(key.place())..bound(key.place() + 1));
            for window in windows.unwrap_or_default() {
                if window.key == key {
                    each(len, window);
                }
            }
        });
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
    use proptest::sample::Index;

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
        let whole = 0..text.len() + 1;
        finder.find(text, whole, &mut Vec::new(), |literal| all.push(literal));
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

        #[test]
        fn what_a_head_settles_need_not_be_looked_at_again(
            literals in prop::collection::vec("\\|?[ab<']{1,7}\\|?", 1..12),
            head in "[abAB<']{0,6}",
            (begun, length) in any::<(Index, Index)>(),
            tail in "[abAB<']{0,12}",
        ) {
            let texts: Vec<&str> = literals.iter().map(String::as_str).collect();
            let literals: Vec<_> = texts.iter().map(|text| literal(text)).collect();
            let finder = Finder::new(literals.iter());
            // It ends in the midst of a literal, or right behind one.
            let begun = &begun.get(&literals).bytes;
            let (begun, _) = begun.split_at(length.index(begun.len() + 1));
            let head = [head.as_bytes(), begun].concat();
            let whole = [&head, tail.as_bytes()].concat();
            let settled = finder.settled(&head);
            let (mut all, mut lower) = (Vec::new(), Vec::new());
            for (text, ends) in [
                (head.as_slice(), 0..settled),
                (whole.as_slice(), settled..whole.len() + 1),
            ] {
                finder.find(text, ends, &mut lower, |literal| all.push(literal));
            }
            all.sort_unstable();
            prop_assert_eq!(all, found(&texts, &whole));
        }
    }
}
