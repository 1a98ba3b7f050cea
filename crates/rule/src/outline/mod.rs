//! A quick look at a text that tells of most that an expression cannot match them.
//!
//! An expression's automaton takes a step for each byte, and what a step touches depends on the step
//! before: where hundreds of expressions share a processor's cache, each step waits for memory. An
//! outline is a few short sequences of kinds of bytes, one of which stands in every text that the
//! expression matches; all of them together are looked for in one number, with tables of half a
//! kilobyte or twice that, and what is touched depends on the text alone. A number of 64 bits halves
//! the work and the table: a number of twice as many is taken only where it tells more.
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

use std::ops::{BitAnd, BitOr, Shl};

use regex_syntax::hir::Hir;

use crate::outline::kind::Kind;
use crate::outline::piece::Piece;
use crate::seen::alike::Alike;

/// How many steps of sequences a number holds, and one of twice as many.
const NARROW: usize = u64::BITS as usize;
const WIDE: usize = u128::BITS as usize;
/// What narrow sequences may let through beside wide ones.
const NARROW_COST: f64 = 1.25;
/// An outline that would let through more of ordinary texts is of no use: how often it stands at a
/// place of them.
const MAX_COST: f64 = 0.2;

/// Sequences of kinds of bytes, of which a text must have one.
#[derive(Clone, Debug)]
pub(crate) enum Outline {
    Narrow(Steps<u64>),
    Wide(Steps<u128>),
}

/// The steps of some sequences as bits of a number.
#[derive(Clone, Debug)]
pub(crate) struct Steps<N> {
    /// For each kind of byte the steps that it takes.
    takes: Box<[N; Kind::COUNT]>,
    /// The first and the last step of each sequence.
    first: N,
    last: N,
    /// How far into a text any of them can stand, in bytes: all of them may be tied to its start.
    reach: usize,
}

impl Outline {
    /// Of an expression; none where it would tell too little.
    pub(crate) fn of(hir: &Hir) -> Option<Self> {
        let pieces = derive::pieces(hir);
        let [narrow, wide] = [NARROW, WIDE].map(|steps| piece::fit(&pieces, steps));
        let cost = piece::cost(&wide);
        let tells = !wide.is_empty() && cost <= MAX_COST;
        tells.then(|| {
            if !narrow.is_empty() && piece::cost(&narrow) <= NARROW_COST * cost {
                Self::Narrow(Steps::new(&narrow, 1))
            } else {
                Self::Wide(Steps::new(&wide, 1))
            }
        })
    }

    /// Whether the expression may match the text.
    #[inline]
    pub(crate) fn may_match(&self, text: &[u8]) -> bool {
        match self {
            Self::Narrow(steps) => steps.meet(text),
            Self::Wide(steps) => steps.meet(text),
        }
    }

    /// Whether the expression may match any of the texts that are alike.
    pub(crate) fn may_match_alike(&self, texts: Alike<'_>) -> bool {
        match self {
            Self::Narrow(steps) => steps.meet_alike(texts),
            Self::Wide(steps) => steps.meet_alike(texts),
        }
    }
}

impl<N> Steps<N>
where
    N: Copy + Default + Eq + BitAnd<Output = N> + BitOr<Output = N> + Shl<u32, Output = N>,
{
    /// Of pieces that are not empty, of at most as many steps together as a number has bits.
    fn new(pieces: &[Piece], one: N) -> Self {
        let mut outline = Self {
            takes: Box::new([N::default(); Kind::COUNT]),
            first: N::default(),
            last: N::default(),
            reach: usize::MAX,
        };
        let mut bits = (0..u32::MAX).map(|place| one << place);
        for piece in pieces {
            let mut last = N::default();
            for (step, (kinds, bit)) in piece.steps().iter().zip(&mut bits).enumerate() {
                for (kind, takes) in outline.takes.iter_mut().enumerate() {
                    if kinds.has(Kind::at(kind)) {
                        *takes = *takes | bit;
                    }
                }
                if step == 0 {
                    outline.first = outline.first | bit;
                }
                last = bit;
            }
            outline.last = outline.last | last;
        }
        let mut takes = outline.takes.iter().enumerate();
        let is_tied = takes.all(|(kind, takes)| {
            Kind::at(kind) == Kind::START || *takes & outline.first == N::default()
        });
        if is_tied {
            outline.reach = piece::MAX_STEPS;
        }
        outline
    }

    /// Whether one of the sequences stands in the text.
    #[inline]
    fn meet(&self, text: &[u8]) -> bool {
        let mut reached = self.step(N::default(), Kind::START);
        let mut found = reached;
        for byte in text.get(..self.reach).unwrap_or(text) {
            reached = self.step(reached, Kind::of(*byte));
            found = found | reached;
        }
        (found | self.step(reached, Kind::END)) & self.last != N::default()
    }

    /// Whether one of the sequences may stand in any of the texts.
    fn meet_alike(&self, texts: Alike<'_>) -> bool {
        let digits = (b'0'..=b'9').fold(N::default(), |takes, digit| {
            takes | self.takes(Kind::of(digit))
        });
        let mut reached = self.step(N::default(), Kind::START);
        let mut found = reached;
        for (place, byte) in texts.0.iter().enumerate().take(self.reach) {
            let takes = if texts.is_of_number(place) {
                digits
            } else {
                self.takes(Kind::of(*byte))
            };
            reached = ((reached << 1) | self.first) & takes;
            found = found | reached;
        }
        (found | self.step(reached, Kind::END)) & self.last != N::default()
    }

    #[inline]
    fn step(&self, reached: N, kind: Kind) -> N {
        ((reached << 1) | self.first) & self.takes(kind)
    }

    /// The steps that a kind of byte takes.
    #[inline]
    fn takes(&self, kind: Kind) -> N {
        // Every kind has a place.
        self.takes.get(kind.place()).copied().unwrap_or_default()
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
                "^(?:id|ls)/",
                "ls/ and so much more",
                "some words, id/, ls/",
            ),
            ("^(?:id|ls)$", "id", "id and so much more, id"),
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
            let pieces = derive::pieces(&parsed.hir);
            let [narrow, wide] = [NARROW, WIDE].map(|steps| piece::fit(&pieces, steps));
            let (Ok(regex), false) = (parsed.compile(&pattern, flags), wide.is_empty()) else {
                return Ok(());
            };
            let outlines = [
                Outline::Narrow(Steps::new(&narrow, 1)),
                Outline::Wide(Steps::new(&wide, 1)),
            ];
            for text in texts {
                let matches = regex.is_match(text.as_bytes());
                let may = outlines.iter().all(|outline| outline.may_match(text.as_bytes()));
                prop_assert!(!matches || may, "{pattern:?} {text:?}");
            }
        }
    }
}
