//! A quick look at a text that tells of most that an expression cannot match them.
//!
//! An expression's automaton takes a step for each byte, and what a step touches depends on the step
//! before: where hundreds of expressions share a processor's cache, each step waits for memory. An
//! outline is a few short sequences of kinds of bytes, one of which stands in every text that the
//! expression matches; all of them together are looked for in one number, with tables of about a
//! kilobyte, and what is touched depends on the text alone.
//!
//! *Input*: the expression's meaning from `regex-syntax`. *Output*: whether a text may match.
//! *Example*: of `(?i)\bor\s+\d+=` a text must have a sign, `o`, `r` and white space in a row, or a
//! digit and `=`, whichever is rarer. *Limits*: a text that may match need not. *Source*: the
//! sequences are found as `regex-automata` finds prefixes and inner literals, with sets in place of
//! bytes; they are looked for by Shift-And (Baeza-Yates and Gonnet, "A new approach to text
//! searching", 1992).

mod derive;
mod kind;
mod piece;

use regex_syntax::hir::Hir;

use crate::outline::kind::Kind;
use crate::outline::piece::Piece;

/// How many steps of sequences one number holds.
const STEPS: usize = u128::BITS as usize;
/// An outline that would let through more of ordinary texts is of no use: how often it stands at a
/// place of them.
const MAX_COST: f64 = 0.2;

/// Sequences of kinds of bytes, of which a text must have one.
#[derive(Clone, Debug)]
pub(crate) struct Outline {
    /// For each kind of byte the steps that it takes.
    takes: Box<[u128; Kind::COUNT]>,
    /// The first and the last step of each sequence.
    first: u128,
    last: u128,
}

impl Outline {
    /// Of an expression; none where it would tell too little.
    pub(crate) fn of(hir: &Hir) -> Option<Self> {
        let pieces = piece::fit(&derive::pieces(hir), STEPS);
        let tells = !pieces.is_empty() && piece::cost(&pieces) <= MAX_COST;
        tells.then(|| Self::new(&pieces))
    }

    /// Pieces that are not empty, of at most [`STEPS`] steps together.
    fn new(pieces: &[Piece]) -> Self {
        let mut outline = Self {
            takes: Box::new([0; Kind::COUNT]),
            first: 0,
            last: 0,
        };
        let mut next = 1_u128;
        for piece in pieces {
            outline.first |= next;
            let mut last = 0;
            for kinds in piece.steps() {
                for (kind, takes) in outline.takes.iter_mut().enumerate() {
                    if kinds.has(Kind::at(kind)) {
                        *takes |= next;
                    }
                }
                last = next;
                next <<= 1;
            }
            outline.last |= last;
        }
        outline
    }

    /// Whether the expression may match the text.
    #[inline]
    pub(crate) fn may_match(&self, text: &[u8]) -> bool {
        let mut reached = self.step(0, Kind::START);
        let mut found = reached;
        for byte in text {
            reached = self.step(reached, Kind::of(*byte));
            found |= reached;
        }
        (found | self.step(reached, Kind::END)) & self.last != 0
    }

    #[inline]
    fn step(&self, reached: u128, kind: Kind) -> u128 {
        let takes = self.takes.get(kind.place()).copied().unwrap_or(u128::MAX);
        ((reached << 1) | self.first) & takes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pattern::{self, Flags};

    fn outline(pattern: &str) -> Option<Outline> {
        Outline::of(&pattern::parse(pattern, Flags::default()).unwrap().hir)
    }

    #[test]
    fn most_texts_that_do_not_match_are_told() {
        for (pattern, may, cannot) in [
            (r"(?i)union\s+select", "UNION  select", "select a union"),
            (r"(?i)\bor\b\s*\d+\s*=", "x' OR 1=1", "for 1=1"),
            (r"(?:^|[=&])id;", "id;", "void;"),
            (r"(?:^|[=&])id;", "a=id;", "aid;"),
            (r"[;|]\s*(?:id|ls|cat)(?:\s|$)", "x; ls", "x; lsof; ids"),
            (r"\.php$", "/a.php", "/a.php/b"),
            (
                r"://(?:[^/@&]*@)?0x[0-9a-f]{7}",
                "://a@0x7f000001",
                "://a.b/0y",
            ),
            ("[\u{e9}\u{4e00}]';", "\u{e9}';", "e';"),
        ] {
            let outline = outline(pattern).unwrap();
            assert!(outline.may_match(may.as_bytes()), "{pattern} {may}");
            assert!(!outline.may_match(cannot.as_bytes()), "{pattern} {cannot}");
        }
    }

    #[test]
    fn what_would_tell_too_little_is_none() {
        for pattern in ["", "a*", r"\w", ".+", "(?:;x|)", r"^|\w"] {
            assert!(outline(pattern).is_none(), "{pattern}");
        }
    }

    /// Expressions of all that an outline reads, over few bytes, so that texts match often.
    fn pattern() -> impl Strategy<Value = String> {
        let atom = prop::sample::select(vec![
            "a",
            "b",
            "ab",
            "ba=",
            "=",
            "'",
            "[ab]",
            "[^a]",
            "[=']",
            r"\w",
            r"\s",
            r"\d",
            ".",
            "^",
            "$",
            r"\b",
            r"\B",
            "\\b{start}",
            "\\b{end}",
            "(?m:^)",
            "(?m:$)",
            "(?i:aB)",
            "\u{e9}",
            "[a\u{e9}]",
            "(?s:.)",
            "\\n",
            "",
        ])
        .prop_map(str::to_owned);
        atom.prop_recursive(4, 24, 5, |inner| {
            let repeat = prop::sample::select(vec![
                "?", "*", "+", "{0}", "{2}", "{1,3}", "{9,10}", "{2,}", "+?", "{0,2}",
            ]);
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..5).prop_map(|parts| parts.concat()),
                prop::collection::vec(inner.clone(), 1..5)
                    .prop_map(|parts| format!("(?:{})", parts.join("|"))),
                (inner, repeat).prop_map(|(part, repeat)| format!("(?:{part}){repeat}")),
            ]
        })
    }

    fn text() -> impl Strategy<Value = String> {
        let fragment = prop::sample::select(vec![
            "a", "b", "ab", "ba=", "=", "'", " ", "\n", "1", "A", "\u{e9}", "_",
        ]);
        prop::collection::vec(fragment, 0..12).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn no_match_is_missed(pattern in pattern(), texts in prop::collection::vec(text(), 8)) {
            let flags = Flags::default();
            let Ok(parsed) = pattern::parse(&pattern, flags) else {
                return Ok(());
            };
            let pieces = piece::fit(&derive::pieces(&parsed.hir), STEPS);
            let (Ok(regex), false) = (parsed.compile(&pattern, flags), pieces.is_empty()) else {
                return Ok(());
            };
            let outline = Outline::new(&pieces);
            for text in texts {
                let matches = regex.is_match(text.as_bytes());
                prop_assert!(!matches || outline.may_match(text.as_bytes()), "{pattern:?} {text:?}");
            }
        }
    }
}
