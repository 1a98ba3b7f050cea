//! The bytes of which every match must contain one: the cheapest proof that something does not
//! match.
//!
//! *Input*: what `regex-syntax` says of an expression, or literals. *Output*: sets of bytes; every
//! match contains a byte of each set. *Example*: `['"]\s*or\b` gives `{' "}`. *Limits*: sets with
//! letters or digits are dropped, nearly every text has one.

use regex_syntax::hir::{Class, Hir, HirKind};

/// A set of kinds of bytes: each sign is a kind of its own; letters and digits, control characters
/// and what is beyond ASCII are one each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ByteSet(u64);

/// At most so many sets are kept, those with the rarest bytes.
const MAX_SETS: usize = 3;
/// What letters and digits count, the least of a set that is dropped.
const WORD_COST: u32 = 100;

/// The set of each byte alone.
static ALONE: [ByteSet; 256] = alone();

#[expect(
    clippy::indexing_slicing,
    reason = "evaluated when compiling, where a slip is an error"
)]
const fn alone() -> [ByteSet; 256] {
    let mut sets = [ByteSet(0); 256];
    let mut byte = 0;
    while byte < 256 {
        sets[byte] = ByteSet(ByteSet::bit(byte as u8));
        byte += 1;
    }
    sets
}

impl ByteSet {
    pub(crate) const ALL: Self = Self(u64::MAX);
    /// Bits that stand for no kind: who keeps sets as numbers can tell more by them.
    pub(crate) const SPARE: [u64; 2] = [1 << 56, 1 << 57];

    /// The kind of a byte, as a bit.
    pub(crate) const fn bit(byte: u8) -> u64 {
        let kind = match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => 63,
            0x80.. => 62,
            b'\t' => 61,
            b'\n' => 60,
            b'\r' => 59,
            0..0x20 | 0x7f => 58,
            b' '..=b'/' => byte - b' ',
            b':'..=b'@' => byte - b':' + 16,
            b'['..=b'`' => byte - b'[' + 23,
            b'{'..=b'~' => byte - b'{' + 29,
        };
        1 << kind
    }

    /// The set of these bits.
    pub(crate) const fn of_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The set with the byte alone.
    #[inline]
    pub(crate) fn alone(byte: u8) -> Self {
        ALONE.get(usize::from(byte)).copied().unwrap_or(Self::ALL)
    }

    /// All that a text has.
    pub(crate) fn of(text: &[u8]) -> Self {
        let each = text.iter().map(|byte| Self::alone(*byte));
        each.fold(Self::default(), Self::with)
    }

    #[must_use]
    #[inline]
    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are in both.
    #[must_use]
    pub(crate) const fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Some kinds by their places, each below [`ByteSet::KINDS`].
    pub(crate) fn of_kinds(kinds: impl Iterator<Item = usize>) -> Self {
        Self(kinds.fold(0, |set, kind| set | (1 << kind)))
    }

    /// The places of the kinds, each below [`ByteSet::KINDS`].
    pub(crate) fn kinds(self) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let kind = rest.trailing_zeros() as usize;
            rest &= rest.checked_sub(1)?;
            Some(kind)
        })
    }

    /// How many kinds there are.
    pub(crate) const KINDS: usize = 64;

    /// What it tells that one of these bytes occurs, on the scale of
    /// [`literal::worth`](crate::prefilter::literal::worth).
    pub(crate) fn worth(self) -> u32 {
        const RAREST: u32 = 14;
        RAREST.saturating_sub(self.cost()).max(1)
    }

    /// Whether the two have a byte in common.
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// How common these bytes are in benign requests.
    fn cost(self) -> u32 {
        let of_kind = |byte| match byte {
            b'a' => WORD_COST,
            b'/' | b'.' | b' ' => 30,
            b'=' | b'&' => 12,
            b'-' | b'_' | b'?' | b':' | b';' | b',' | b'(' | b')' | b'+' | b'%' => 8,
            _ => 1,
        };
        let signs = (0x20..0x7f).filter(|byte: &u8| !byte.is_ascii_alphanumeric());
        let kinds = signs.chain([b'a', 0x80, b'\t', b'\n', b'\r', 0]);
        kinds
            .filter(|byte| self.meets(Self::alone(*byte)))
            .map(of_kind)
            .sum()
    }
}

/// Of each of these sets, every match of the expression contains a byte.
pub(crate) fn of_pattern(hir: &Hir) -> Vec<ByteSet> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => Vec::new(),
        HirKind::Literal(text) => best(text.0.iter().map(|byte| ByteSet::alone(*byte))),
        HirKind::Class(class) => best([of_class(class)]),
        HirKind::Repetition(repetition) if repetition.min == 0 => Vec::new(),
        HirKind::Repetition(repetition) => of_pattern(&repetition.sub),
        HirKind::Capture(capture) => of_pattern(&capture.sub),
        HirKind::Concat(parts) => best(parts.iter().flat_map(of_pattern)),
        HirKind::Alternation(parts) => any(parts.iter().map(of_pattern)),
    }
}

/// Of each of these sets, every text that contains one of the literals contains a byte.
pub(crate) fn of_literals(literals: &[Vec<u8>]) -> Vec<ByteSet> {
    any(literals
        .iter()
        .map(|text| best(text.iter().map(|byte| ByteSet::alone(*byte)))))
}

fn of_class(class: &Class) -> ByteSet {
    let mut set = ByteSet::default();
    match class {
        Class::Bytes(class) => {
            for range in class.ranges() {
                set = (range.start()..=range.end())
                    .map(ByteSet::alone)
                    .fold(set, ByteSet::with);
            }
        }
        Class::Unicode(class) => {
            // A character beyond ASCII is made of bytes from 0x80 on.
            let beyond = |character: char| u8::try_from(character).ok().filter(u8::is_ascii);
            for range in class.ranges() {
                let last = beyond(range.end()).unwrap_or(u8::MAX);
                let first = beyond(range.start()).unwrap_or(0x80);
                set = (first..=last).map(ByteSet::alone).fold(set, ByteSet::with);
            }
        }
    }
    set
}

/// The sets with the rarest bytes.
fn best(sets: impl IntoIterator<Item = ByteSet>) -> Vec<ByteSet> {
    let mut kept: Vec<ByteSet> = Vec::new();
    for set in sets {
        if set.cost() < WORD_COST && !kept.contains(&set) {
            kept.push(set);
        }
    }
    kept.sort_by_key(|set| set.cost());
    kept.truncate(MAX_SETS);
    kept
}

/// What holds of every alternative: a byte of the best set of one of them.
fn any(alternatives: impl Iterator<Item = Vec<ByteSet>>) -> Vec<ByteSet> {
    let mut union = ByteSet::default();
    for sets in alternatives {
        match sets.first() {
            Some(set) => union = union.with(*set),
            None => return Vec::new(),
        }
    }
    best((union != ByteSet::default()).then_some(union))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::{self, Flags};

    fn sets(pattern: &str) -> Vec<String> {
        let hir = pattern::parse(pattern, Flags::default()).unwrap().hir;
        let text = |set: &ByteSet| {
            (0x20..0x7f)
                .filter(|byte| set.meets(ByteSet::alone(*byte)))
                .map(char::from)
                .collect()
        };
        of_pattern(&hir).iter().map(text).collect()
    }

    #[test]
    fn bytes_that_every_match_contains() {
        for (pattern, expected) in [
            (r"['\x22]\s*or\b", &["\"'"][..]),
            ("<script>", &["<", ">"]),
            ("(?:;|[|&])id", &["&;|"]),
            ("(?:;|or)id", &[]),
            ("a<?b", &[]),
            ("(?:a<)+", &["<"]),
            ("abc", &[]),
            ("[a-z']", &[]),
            ("", &[]),
            ("x=<", &["<", "="]),
        ] {
            assert_eq!(sets(pattern), expected, "{pattern}");
        }
        let beyond = pattern::parse("[\u{e9}\u{4e00}]", Flags::default())
            .unwrap()
            .hir;
        assert!(
            of_pattern(&beyond)
                .iter()
                .all(|set| set.meets(ByteSet::alone(0xb8)))
        );
    }

    #[test]
    fn literals_share_their_rarest_bytes() {
        let texts = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| text.as_bytes().to_vec())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of_literals(&texts(&["a'b", "<c"])),
            [ByteSet::alone(b'\'').with(ByteSet::alone(b'<'))]
        );
        assert_eq!(of_literals(&texts(&["a'b", "c"])), []);
        assert_eq!(of_literals(&[]), []);
    }
}
