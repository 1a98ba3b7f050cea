//! What must be seen in a text for a comparison to match it, and which of that is looked for.
//!
//! *Input*: an expression's meaning, texts, or bytes. *Output*: a few [`Look`]s, the best first, each of
//! which every match meets. *Limits*: what is seen in many events is looked for only where there is
//! nothing better.

use regex_syntax::hir::Hir;

use crate::matcher::texts::Texts;
use crate::prefilter::bytes::{self, ByteSet};
use crate::prefilter::either::{self, Either};
use crate::prefilter::gate::Look;
use crate::prefilter::literal::Literal;
use crate::prefilter::required;

/// What every match has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Needs {
    /// See [`crate::prefilter::required`].
    literals: Vec<Vec<Literal>>,
    bytes: Vec<ByteSet>,
    /// See [`crate::prefilter::either`].
    either: Option<Either>,
}

impl Needs {
    /// More cost more than they tell.
    const MAX_LOOKS: usize = 6;

    pub(crate) fn of_pattern(hir: &Hir) -> Self {
        Self {
            literals: required::literals(hir),
            bytes: bytes::of_pattern(hir),
            either: either::of_pattern(hir),
        }
    }

    pub(crate) fn of_texts(texts: &Texts) -> Self {
        Self {
            literals: vec![texts.literals().collect()],
            bytes: bytes::of_literals(texts.all()),
            either: None,
        }
    }

    /// One of these bytes.
    pub(crate) fn of_bytes(bytes: ByteSet) -> Self {
        Self {
            bytes: vec![bytes],
            ..Self::default()
        }
    }

    /// What is to be looked for, the best first.
    pub(crate) fn best(self) -> Vec<Look> {
        let literals = self.literals.into_iter().filter_map(Look::literals);
        let mut looks: Vec<Look> = literals
            .chain(self.bytes.into_iter().map(Look::Bytes))
            .collect();
        let either = self.either.and_then(Look::either);
        let is_better = |either: &Look| looks.iter().all(|look| look.worth() < either.worth());
        looks.extend(either.filter(is_better));
        looks.sort_by_cached_key(|look| std::cmp::Reverse(look.worth()));
        let strong = looks
            .iter()
            .take_while(|look| look.worth() >= Look::STRONG)
            .count();
        // Two weak ones together tell something.
        let least = if strong == 0 { 2 } else { 1 };
        looks.truncate(strong.clamp(least, Self::MAX_LOOKS));
        looks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::{self, Flags};

    #[test]
    fn weak_ones_are_looked_for_where_there_is_no_strong_one() {
        let count = |pattern: &str| {
            let hir = pattern::parse(pattern, Flags::default()).unwrap().hir;
            Needs::of_pattern(&hir).best().len()
        };
        assert_eq!(count(r"union.*select.*\."), 2);
        assert_eq!(count(r"union.*mozilla"), 1);
        assert_eq!(count(r"mozilla.*windows.*gecko"), 2);
        assert_eq!(count(r"\w+"), 0);
    }
}
