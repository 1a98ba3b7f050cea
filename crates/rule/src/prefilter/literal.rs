//! Literals that must occur for something to match, and how much each of them tells.

use std::ops::Range;

use crate::{prefilter::ordinary, seen::alike};

/// A text in lower case that must occur, ignoring case.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Literal {
    pub(crate) bytes: Vec<u8>,
    /// No letter, digit or `_` stands before it. Of an empty literal: a word starts or ends here.
    pub(crate) starts_word: bool,
    /// No letter, digit or `_` stands after it.
    pub(crate) ends_word: bool,
}

/// Below this, a literal occurs in too many events to tell anything.
const MIN_RARITY: u32 = 4;

impl Literal {
    /// A text wherever it stands.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_ascii_lowercase(),
            ..Self::default()
        }
    }

    /// With 0 for each digit.
    pub(crate) fn alike(&self) -> Self {
        Self {
            bytes: alike::without_digits(&self.bytes),
            ..*self
        }
    }

    /// The empty text at the start or the end of a word.
    pub(crate) fn edge() -> Self {
        Self {
            starts_word: true,
            ..Self::default()
        }
    }

    /// This and then the other.
    pub(crate) fn then(&self, next: &Self) -> Self {
        let bytes = [self.bytes.as_slice(), &next.bytes].concat();
        let (starts_word, ends_word) = match (self.bytes.last(), next.bytes.first()) {
            (None, None) => (self.starts_word || next.starts_word, false),
            // An edge before a letter means that none stands before; before a sign, that one does.
            (None, Some(first)) => (
                next.starts_word || (self.starts_word && is_word(*first)),
                next.ends_word,
            ),
            (Some(last), None) => (
                self.starts_word,
                self.ends_word || (next.starts_word && is_word(*last)),
            ),
            (Some(_), Some(_)) => (self.starts_word, next.ends_word),
        };
        Self {
            bytes,
            starts_word,
            ends_word,
        }
    }

    /// Whether the other occurs wherever this does.
    pub(crate) fn implies(&self, other: &Self) -> bool {
        if other.bytes.is_empty() {
            return !other.starts_word || (self.bytes.is_empty() && self.starts_word);
        }
        let is_sign = |place: Option<usize>, is_edge: bool| {
            let byte = place.and_then(|place| self.bytes.get(place));
            byte.map_or(is_edge, |byte| !is_word(*byte))
        };
        let parts = self.bytes.windows(other.bytes.len()).enumerate();
        parts
            .filter(|(_, part)| *part == other.bytes)
            .any(|(start, _)| {
                let end = start + other.bytes.len();
                (!other.starts_word || is_sign(start.checked_sub(1), self.starts_word))
                    && (!other.ends_word || is_sign(Some(end), self.ends_word))
            })
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether it has a first byte that is of no word.
    pub(crate) fn starts_with_sign(&self) -> bool {
        self.bytes.first().is_some_and(|byte| !is_word(*byte))
    }

    /// Whether a word that stands right behind it starts there.
    pub(crate) fn ends_with_edge(&self) -> bool {
        match self.bytes.last() {
            Some(last) => self.ends_word || !is_word(*last),
            None => self.starts_word,
        }
    }

    /// How rare it is in benign requests: two for each byte that is common there, five for one that
    /// is not, and one more for two or more signs in a row and for each edge of a word.
    pub(crate) fn rarity(&self) -> u32 {
        let bytes: u32 = self
            .bytes
            .iter()
            .map(|byte| {
                if is_word(*byte) || b" %&()+,-./:;=?".contains(byte) {
                    2
                } else {
                    5
                }
            })
            .sum();
        let signs = self.bytes.len() > 1 && !self.bytes.iter().any(u8::is_ascii_alphanumeric);
        let edges = u32::from(self.starts_word) + u32::from(self.ends_word);
        if self.bytes.is_empty() {
            0
        } else {
            bytes + u32::from(signs) + edges
        }
    }

    /// The part of it that ordinary requests have least, of at most [`ordinary::MAX_LENGTH`] bytes,
    /// and how often a sample of them has it.
    pub(crate) fn rarest(&self) -> (Range<usize>, u32) {
        let whole = self.bytes.len();
        let len = whole.min(ordinary::MAX_LENGTH);
        let counted = (len..=whole).map(|end| {
            let range = end - len..end;
            let count = ordinary::count(
                self.bytes.get(range.clone()).unwrap_or_default(),
                self.starts_word && range.start == 0,
                self.ends_word && end == whole,
            );
            (range, count)
        });
        counted
            .min_by_key(|(_, count)| *count)
            .unwrap_or((0..len, 0))
    }

    /// How much it tells: its rarity, but less for what ordinary requests have, and for two letters
    /// or digits, which stand in any longer word.
    fn telling(&self) -> u32 {
        let is_part = self.bytes.len() <= 2
            && self.bytes.iter().all(u8::is_ascii_alphanumeric)
            && !(self.starts_word && self.ends_word);
        let most = match self.rarest().1 {
            _ if is_part => 4,
            0 => u32::MAX,
            1 | 2 => 6,
            _ => 4,
        };
        self.rarity().min(most)
    }

    /// Whether it is rare enough to be required by itself.
    pub(crate) fn is_rare(&self) -> bool {
        self.rarity() >= MIN_RARITY
    }
}

/// Whether the byte is of a word, as `\b` sees it.
pub(crate) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// What a set of literals tells, of which one must occur: what its most common literal does, less
/// for many literals.
pub(crate) fn worth(set: &[Literal]) -> u32 {
    let telling = set.iter().map(Literal::telling).min().unwrap_or(0);
    (telling * 2).saturating_sub(set.len().max(1).ilog2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_stay_where_they_tell_something() {
        let edged = |text: &str| {
            Literal::edge()
                .then(&Literal::of(text.as_bytes()))
                .then(&Literal::edge())
        };
        assert_eq!(
            edged("Id"),
            Literal {
                bytes: b"id".to_vec(),
                starts_word: true,
                ends_word: true
            }
        );
        assert_eq!(
            edged("=a"),
            Literal {
                bytes: b"=a".to_vec(),
                starts_word: false,
                ends_word: true
            }
        );
        assert_eq!(
            edged("").then(&Literal::of(b"a")),
            Literal {
                bytes: b"a".to_vec(),
                starts_word: true,
                ends_word: false
            }
        );
    }

    #[test]
    fn a_longer_literal_implies_its_parts_but_not_their_edges() {
        let (word, select) = (Literal::of(b"preselect"), Literal::of(b"select"));
        let edged = Literal::edge().then(&select);
        assert!(word.implies(&select) && edged.implies(&select) && edged.implies(&edged));
        assert!(!word.implies(&edged) && !select.implies(&edged) && !select.implies(&word));
    }

    #[test]
    fn everyday_words_tell_less() {
        let worth = |text: &str| worth(&[Literal::of(text.as_bytes())]);
        assert!(worth("union") > worth("windows") && worth("sleep(") > worth("mozilla"));
        assert!(worth("xyz") > worth("or"));
    }

    #[test]
    fn common_literals_tell_nothing() {
        for (text, rare) in [
            ("or", true),
            ("o", false),
            ("<", true),
            ("=", false),
            ("${", true),
            ("../", true),
            ("", false),
        ] {
            assert_eq!(Literal::of(text.as_bytes()).is_rare(), rare, "{text}");
        }
    }
}
