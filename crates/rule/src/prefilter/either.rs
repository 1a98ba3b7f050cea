//! What every match of an expression contains where its alternatives have nothing of one kind in
//! common: a literal in some of them, a byte in the others.
//!
//! *Input*: the expression's meaning from `regex-syntax`. *Output*: literals and bytes; every match
//! contains one of the literals or one of the bytes. *Example*: ``union\s|[!'"`|<]\s*=`` gives `union` and
//! the six signs. *Limits*: of each alternative the best that it requires by itself.

use regex_syntax::hir::{Hir, HirKind};

use crate::prefilter::bytes::{self, ByteSet};
use crate::prefilter::gate::Look;
use crate::prefilter::literal::{self, Literal};
use crate::prefilter::required;

/// One of the literals or one of the bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Either {
    pub(crate) literals: Vec<Literal>,
    pub(crate) bytes: ByteSet,
}

impl Either {
    /// What it tells, on the scale of [`literal::worth`]: what its most common half does.
    pub(crate) fn worth(&self) -> u32 {
        let literals = (!self.literals.is_empty()).then(|| literal::worth(&self.literals));
        let bytes = (self.bytes != ByteSet::default()).then(|| self.bytes.worth());
        literals.into_iter().chain(bytes).min().unwrap_or(0)
    }

    fn with(mut self, other: Self) -> Self {
        self.literals.extend(other.literals);
        self.bytes = self.bytes.with(other.bytes);
        self
    }
}

/// The best that every match contains; none for an expression that requires nothing.
pub(crate) fn of_pattern(hir: &Hir) -> Option<Either> {
    let literals = required::literals(hir).into_iter().map(|literals| Either {
        literals,
        ..Either::default()
    });
    let bytes = bytes::of_pattern(hir).into_iter().map(|bytes| Either {
        bytes,
        ..Either::default()
    });
    let whole = literals.chain(bytes).max_by_key(Either::worth);
    if whole
        .as_ref()
        .is_some_and(|one| one.worth() >= Look::STRONG)
    {
        return whole;
    }
    let parts: Vec<Either> = match hir.kind() {
        HirKind::Concat(parts) => parts.iter().filter_map(of_pattern).collect(),
        HirKind::Alternation(parts) => {
            let each: Option<Vec<Either>> = parts.iter().map(of_pattern).collect();
            let union = each.map(|each| each.into_iter().fold(Either::default(), Either::with));
            union.into_iter().collect()
        }
        HirKind::Repetition(repetition) if repetition.min > 0 => {
            of_pattern(&repetition.sub).into_iter().collect()
        }
        HirKind::Capture(capture) => of_pattern(&capture.sub).into_iter().collect(),
        _ => Vec::new(),
    };
    // What holds of the whole comes last: of several as good the last one is taken.
    parts.into_iter().chain(whole).max_by_key(Either::worth)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::{self, Flags};

    #[test]
    fn each_alternative_has_what_is_best_for_it() {
        let found = |pattern: &str| {
            let hir = pattern::parse(pattern, Flags::default()).unwrap().hir;
            of_pattern(&hir).map(|one| {
                let literals = one.literals.iter();
                let literals = literals.map(|one| String::from_utf8_lossy(&one.bytes).into_owned());
                let bytes = (0x20..0x7f).filter(|byte| one.bytes.meets(ByteSet::alone(*byte)));
                (
                    literals.collect::<Vec<_>>().join(" "),
                    bytes.map(char::from).collect::<String>(),
                )
            })
        };
        let expected = |literals: &str, bytes: &str| Some((literals.to_owned(), bytes.to_owned()));
        assert_eq!(
            found(r"union\s|[!'\x22`|<]\s*="),
            expected("union", "!\"'<`|")
        );
        assert_eq!(
            found(r"^(?:union\s|[!'\x22`|<]\s*=)+$"),
            expected("union", "!\"'<`|")
        );
        assert_eq!(found(r"union\s|\w+"), None);
        assert_eq!(found(r"select\w+"), expected("select", ""));
        assert_eq!(found("(?:'=|select)*"), None);
    }
}
