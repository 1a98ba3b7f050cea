//! Kinds of bytes, and sets of them.
//!
//! Each sign is a kind of its own, and so is each letter, whatever its case; digits are three kinds,
//! since expressions often ask for 0 and 1; control characters but for tab and the ends of lines are
//! one, and what is beyond ASCII is one. Before and after a text stands a kind of its own.

use std::sync::LazyLock;

use crate::prefilter::ordinary;

/// A kind of byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind(u8);

/// A set of kinds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kinds(u128);

/// What the place before a text and the one after it are.
const START: u8 = 67;
const END: u8 = 68;

/// The kind of each byte.
static OF_BYTES: [u8; 256] = of_bytes();

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated when compiling, where a slip is an error"
)]
const fn of_bytes() -> [u8; 256] {
    let mut kinds = [0; 256];
    let mut byte = 0_u8;
    let mut signs = 0;
    loop {
        kinds[byte as usize] = match byte {
            b'a'..=b'z' => byte - b'a',
            b'A'..=b'Z' => byte - b'A',
            b'0' | b'1' => 26 + (byte - b'0'),
            b'2'..=b'9' => 28,
            b'\t' => 29,
            b'\n' => 30,
            b'\r' => 31,
            0..0x20 | 0x7f => 32,
            0x80.. => 33,
            _ => {
                signs += 1;
                33 + signs
            }
        };
        if byte == u8::MAX {
            return kinds;
        }
        byte += 1;
    }
}

impl Kind {
    /// How many there are.
    pub(super) const COUNT: usize = 69;
    pub(super) const START: Self = Self(START);
    pub(super) const END: Self = Self(END);

    #[inline]
    pub(super) fn of(byte: u8) -> Self {
        Self(OF_BYTES.get(usize::from(byte)).copied().unwrap_or_default())
    }

    /// The kind at a place below [`Kind::COUNT`].
    pub(super) const fn at(place: usize) -> Self {
        Self(place as u8)
    }

    #[inline]
    pub(super) fn place(self) -> usize {
        usize::from(self.0)
    }
}

impl Kinds {
    pub(super) const fn only(kind: Kind) -> Self {
        Self(1 << kind.0)
    }

    /// The kinds of some bytes.
    pub(super) fn of(bytes: impl IntoIterator<Item = u8>) -> Self {
        let kinds = bytes.into_iter().map(|byte| Self::only(Kind::of(byte)));
        kinds.fold(Self::default(), Self::with)
    }

    /// Letters, digits and `_`.
    pub(super) fn word() -> Self {
        Self::of((0..0x80).filter(|byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_'))
    }

    /// What stands where a word does not.
    pub(super) fn no_word() -> Self {
        Self(((1 << Kind::COUNT) - 1) & !Self::word().0)
    }

    /// A byte beyond ASCII.
    pub(super) fn beyond() -> Self {
        Self::of([0x80])
    }

    #[must_use]
    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of both.
    #[must_use]
    pub(super) const fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) const fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind.0) != 0
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of them are of the other set.
    pub(super) const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// How often one of them stands at a place of a text.
    pub(super) fn cost(self) -> f64 {
        let mut rest = self.0;
        let mut cost = 0.0;
        while rest != 0 {
            let place = rest.trailing_zeros() as usize;
            cost += COSTS.get(place).copied().unwrap_or_default();
            rest &= rest - 1;
        }
        cost.min(1.0)
    }
}

/// How often each kind stands at a place of ordinary texts. Signs count as somewhat common even
/// where these have none: the texts that are looked at are those with signs.
static COSTS: LazyLock<[f64; Kind::COUNT]> = LazyLock::new(|| {
    const SIGN: f64 = 0.02;
    const EDGE: f64 = 0.02;
    let mut counts = [0_u32; Kind::COUNT];
    for byte in 0..=u8::MAX {
        if let Some(count) = counts.get_mut(Kind::of(byte).place()) {
            *count += ordinary::count(&[byte], false, false);
        }
    }
    let all = f64::from(counts.iter().sum::<u32>().max(1));
    let letters = Kinds::of(b'a'..=b'z').with(Kinds::of(b'0'..=b'9'));
    let mut places = 0..Kind::COUNT;
    counts.map(|count| {
        let kind = places.next().map(Kind::at);
        let often = f64::from(count) / all;
        match kind {
            Some(Kind::START | Kind::END) => EDGE,
            Some(kind) if letters.has(kind) => often.max(0.002),
            _ => often.max(SIGN),
        }
    })
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_a_kind_and_every_sign_its_own() {
        assert!((0..=u8::MAX).all(|byte| Kind::of(byte).place() < usize::from(START)));
        let signs: Vec<u8> = (0x20..0x7f)
            .filter(|byte: &u8| !byte.is_ascii_alphanumeric())
            .collect();
        for one in &signs {
            let same = signs
                .iter()
                .filter(|other| Kind::of(**other) == Kind::of(*one));
            assert_eq!(same.count(), 1);
        }
        assert_eq!(Kind::of(b'a'), Kind::of(b'A'));
        assert_ne!(Kind::of(b'0'), Kind::of(b'1'));
    }

    #[test]
    fn words_and_the_rest_are_everything() {
        assert!(Kinds::word().common(Kinds::no_word()).is_empty());
        assert!(Kinds::no_word().has(Kind::START) && Kinds::no_word().has(Kind::of(0xff)));
        assert!(Kinds::of([b'e']).cost() > Kinds::of([b'z']).cost());
    }
}
