//! Texts that are alike: they differ in nothing but the digits of their numbers, where a number is two
//! or more digits in a row.
//!
//! Numbers are what requests differ by most: of articles, of pages, of visits, of versions. What a
//! comparison says seldom depends on them, and where it does not, it need be found out but once for
//! all texts that are alike. A digit that stands alone is kept: it is often what is looked for, as in
//! `1=1`, and it tells few texts apart.
//!
//! *Input*: a text. *Output*: what stands for all that are alike, with 0 for each digit of a number;
//! what a comparison says of all of them. *Example*: `/a?id=17` and `/a?id=42` are alike, `/a?id=1` is
//! not. *Why that can be told*: all digits are of a word to every expression, so that a match without
//! a number in it is one in every text that is alike.

use std::ops::Range;

/// What a comparison says of texts that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It matches none of them.
    Never,
    /// It matches each of them.
    Always,
    /// Each has to be looked at.
    Depends,
}

impl Verdict {
    /// Of a text that no other is alike.
    pub(crate) const fn sure(matches: bool) -> Self {
        if matches { Self::Always } else { Self::Never }
    }
}

/// A text, as one of all that are alike.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alike<'a>(pub(crate) &'a [u8]);

impl Alike<'_> {
    /// Whether there are others. See [`append`].
    pub(crate) fn are_many(self) -> bool {
        let pairs = self.0.windows(2);
        pairs
            .into_iter()
            .any(|pair| pair.iter().all(u8::is_ascii_digit))
    }

    /// Whether all of them are the same in a part.
    pub(crate) fn are_same_in(self, part: Range<usize>) -> bool {
        !part.into_iter().any(|place| self.is_of_number(place))
    }

    /// Whether a digit of a number stands at a place.
    pub(crate) fn is_of_number(self, place: usize) -> bool {
        let is_digit = |place: usize| self.0.get(place).is_some_and(u8::is_ascii_digit);
        is_digit(place)
            && (place.checked_sub(1).is_some_and(is_digit) || is_digit(place.saturating_add(1)))
    }
}

/// Adds what stands for all texts that are alike; says whether they are many. Eight bytes are looked at
/// together.
pub(crate) fn append(text: &[u8], common: &mut Vec<u8>) -> bool {
    const LAST: u32 = u64::BITS - 8;
    let start = common.len();
    common.extend_from_slice(text);
    let (mut before, mut are_many) = (0, false);
    let mut make_common = |eight: &mut [u8; 8], end: usize| {
        let bytes = u64::from_le_bytes(*eight);
        let digits = digits(bytes);
        if digits != 0 {
            let next = text.get(end).copied().unwrap_or_default();
            let after = self::digits(u64::from(next)) << LAST;
            let numbers = digits & (digits << 8 | before | digits >> 8 | after);
            are_many |= numbers != 0;
            // A digit is a zero but for its last four bits.
            *eight = (bytes & !((numbers >> 3) - (numbers >> 7))).to_le_bytes();
        }
        before = digits >> LAST;
    };
    let added = common.get_mut(start..).unwrap_or_default();
    let (eights, rest) = added.as_chunks_mut();
    for (place, eight) in eights.iter_mut().enumerate() {
        make_common(eight, place * 8 + 8);
    }
    let mut last = [0; 8];
    if let Some(last_bytes) = last.get_mut(..rest.len()) {
        last_bytes.copy_from_slice(rest);
    }
    make_common(&mut last, text.len());
    for (byte, made) in rest.iter_mut().zip(last) {
        *byte = made;
    }
    are_many
}

/// The highest bit of each of eight bytes that is a digit.
const fn digits(bytes: u64) -> u64 {
    const fn each(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }
    let from_zero = bytes ^ each(b'0');
    // Nine and more carries into the highest bit, which no digit has.
    let beyond_nine = (from_zero & each(0x7f)) + each(0x80 - 10);
    !(beyond_nine | from_zero) & each(0x80)
}

/// What stands for the texts of an event's views, each for all that are alike.
#[derive(Debug, Default)]
pub(crate) struct Commons {
    pub(crate) bytes: Vec<u8>,
    /// For each view, by its place, where it stands, and whether others are alike; nothing for those that
    /// were left out.
    places: Vec<(Range<usize>, bool)>,
}

impl Commons {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.places.clear();
    }

    /// Adds the next view's text, or leaves it out.
    pub(crate) fn add(&mut self, text: Option<&[u8]>) {
        let start = self.bytes.len();
        let are_many = text.is_some_and(|text| append(text, &mut self.bytes));
        self.places.push((start..self.bytes.len(), are_many));
    }

    /// What stands for a view's text, which is written into `own` if it was left out, and whether others
    /// are alike.
    pub(crate) fn of<'a>(
        &'a self,
        place: usize,
        text: &[u8],
        own: &'a mut Vec<u8>,
    ) -> (&'a [u8], bool) {
        let known = self
            .places
            .get(place)
            .filter(|(place, _)| place.len() == text.len());
        let known = known.and_then(|(place, are_many)| {
            let common = self.bytes.get(place.clone())?;
            Some((common, *are_many))
        });
        known.unwrap_or_else(|| {
            own.clear();
            let are_many = append(text, own);
            (own, are_many)
        })
    }
}

/// The text with 0 for each digit, those that stand alone too: where it has something, any text has it
/// that is alike.
pub(crate) fn without_digits(text: &[u8]) -> Vec<u8> {
    let zero = |byte: &u8| if byte.is_ascii_digit() { b'0' } else { *byte };
    text.iter().map(zero).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn common(text: &str) -> String {
        let mut common = Vec::new();
        append(text.as_bytes(), &mut common);
        String::from_utf8(common).unwrap()
    }

    #[test]
    fn numbers_do_not_count_but_digits_that_stand_alone() {
        for (text, expected) in [
            ("/a?id=17", "/a?id=00"),
            ("/a?id=1", "/a?id=1"),
            ("x1y23z456", "x1y00z000"),
            ("1=1&n=12", "1=1&n=00"),
            ("9", "9"),
            ("98", "00"),
            ("", ""),
        ] {
            assert_eq!(common(text), expected);
            let texts = Alike(text.as_bytes());
            let places = (0..text.len()).filter(|place| texts.is_of_number(*place));
            assert_eq!(texts.are_many(), places.clone().count() > 0);
            assert!(
                places
                    .clone()
                    .all(|place| expected.get(place..=place) == Some("0"))
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn neighbours_that_are_digits_become_zeros(text in "[09/:a\u{b0}\u{ff}]{0,40}|.{0,20}") {
            let texts = Alike(text.as_bytes());
            let zero = |(place, byte): (usize, &u8)| {
                if texts.is_of_number(place) { b'0' } else { *byte }
            };
            let expected: Vec<u8> = text.as_bytes().iter().enumerate().map(zero).collect();
            let mut common = b"17".to_vec();
            let are_many = append(text.as_bytes(), &mut common);
            proptest::prop_assert_eq!(common, [b"17", expected.as_slice()].concat());
            proptest::prop_assert_eq!(are_many, texts.are_many());
        }
    }

    #[test]
    fn parts_without_numbers_are_the_same() {
        let texts = Alike(b"a12b3");
        assert!(texts.are_same_in(0..1) && texts.are_same_in(3..5));
        assert!(!texts.are_same_in(0..2) && !texts.are_same_in(2..3));
    }
}
