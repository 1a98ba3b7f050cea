//! Each text that a rule may look at, transformed once, looked through once.
//!
//! Owns: what a text becomes under a transformation, and which literals occur in it, both found out
//! when first asked for and kept for the request. Never holds: anything from one request to the next.

use std::ops::Range;

use aho_corasick::automaton::Automaton as _;
use aho_corasick::dfa::DFA;
use aho_corasick::{Anchored, PatternID};
use vigil_event::Event;

use super::collection::Collection;
use super::transform::{Bytes, Transform};
use super::values::{Members, Span, Values};

/// A text's place among those of a request.
pub(super) type TextId = u32;

/// A transformation that was not asked for yet.
const UNKNOWN: TextId = TextId::MAX;
/// More bytes than this are not made out of one request: what follows stays as it is.
const MAX_BYTES: usize = 16 << 20;

/// How many marks of spans are told apart.
const MARKS: usize = 64;
/// In so many spans parts are looked for; what is not in one of them is looked through by itself.
const MAX_LOOKED: usize = 64;

#[derive(Clone, Copy, Debug)]
struct Entry {
    span: Span,
    bytes: Bytes,
    /// Where its gates stand in `opened`.
    opened: Option<u32>,
}

/// The texts of one request.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub(super) values: Values,
    /// The text of each value.
    of_value: Vec<TextId>,
    entries: Vec<Entry>,
    /// For each text what it becomes under each transformation.
    steps: Vec<TextId>,
    /// Bits, one for each gate.
    opened: Vec<u64>,
    /// The literals that were found, and the spans that were looked through with what was found in them.
    found: Vec<(Span, PatternID)>,
    looked: Vec<(Span, Range<usize>)>,
    /// What is being transformed.
    source: Vec<u8>,
    /// The text that was entered last of those whose spans have the same mark.
    marks: Vec<TextId>,
    /// See [`Texts::is_cut`].
    is_cut: bool,
}

/// How many words hold a bit for each gate.
pub(super) const fn words(gates: usize) -> usize {
    gates.div_ceil(64)
}

pub(super) fn has(bits: &[u64], gate: usize) -> bool {
    bits.get(gate / 64)
        .is_some_and(|word| word & (1 << (gate % 64)) != 0)
}

/// Sets the bit of a gate, or of a read.
pub(super) fn insert(bits: &mut [u64], gate: usize) {
    if let Some(word) = bits.get_mut(gate / 64) {
        *word |= 1 << (gate % 64);
    }
}

/// Whether some bit is set in both.
pub(super) fn meet(one: &[u64], other: &[u64]) -> bool {
    one.iter().zip(other).any(|(one, other)| one & other != 0)
}

/// The numbers of the bits that are set.
pub(super) fn numbers(bits: &[u64]) -> impl Iterator<Item = usize> {
    bits.iter().enumerate().flat_map(|(place, word)| {
        let mut rest = *word;
        std::iter::from_fn(move || {
            let bit = rest.trailing_zeros() as usize;
            rest &= rest.checked_sub(1)?;
            Some(place * 64 + bit)
        })
    })
}

impl Texts {
    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.of_value.clear();
        self.entries.clear();
        self.steps.clear();
        self.opened.clear();
        self.found.clear();
        self.looked.clear();
        self.marks.clear();
        self.marks.resize(MARKS, UNKNOWN);
        self.is_cut = false;
    }

    /// Whether some texts stayed as they are for [`MAX_BYTES`]: what is found out by them is no more than
    /// the request's.
    pub(super) const fn is_cut(&self) -> bool {
        self.is_cut
    }

    pub(super) fn members(&mut self, collection: Collection, event: &Event) -> Members {
        self.values.members(collection, event)
    }

    /// The bytes of a text.
    pub(super) fn bytes(&self, text: TextId) -> &[u8] {
        let entry = self.entries.get(text as usize);
        entry.map_or(&[], |entry| self.values.text(entry.span))
    }

    /// The kinds of bytes that a text has.
    pub(super) fn kinds(&self, text: TextId) -> Bytes {
        let entry = self.entries.get(text as usize);
        entry.map_or_else(Bytes::default, |entry| entry.bytes)
    }

    /// The text of a value.
    pub(super) fn of_value(&mut self, value: u32) -> TextId {
        let at = value as usize;
        if let Some(text) = self.of_value.get(at).filter(|text| **text != UNKNOWN) {
            return *text;
        }
        let span = self.values.all.get(at).map_or((0, 0), |value| value.text);
        let text = self.enter(span);
        if self.of_value.len() <= at {
            self.of_value.resize(at + 1, UNKNOWN);
        }
        if let Some(slot) = self.of_value.get_mut(at) {
            *slot = text;
        }
        text
    }

    /// The text of bytes that are no value of the request.
    pub(super) fn add(&mut self, bytes: &[u8]) -> TextId {
        let start = self.values.bytes.len() as u32;
        self.values.bytes.extend_from_slice(bytes);
        self.enter((start, self.values.bytes.len() as u32))
    }

    /// The text of a span; two values of one span have one text.
    fn enter(&mut self, span: Span) -> TextId {
        let mark = (span.0 ^ span.1.rotate_left(3)) as usize % MARKS;
        let known = self.marks.get(mark).copied().unwrap_or(UNKNOWN);
        let is_it = |entry: &Entry| entry.span == span;
        if self.entries.get(known as usize).is_some_and(is_it) {
            return known;
        }
        let text = self.entries.len() as TextId;
        if let Some(slot) = self.marks.get_mut(mark) {
            *slot = text;
        }
        self.entries.push(Entry {
            span,
            bytes: Bytes::of(self.values.text(span)),
            opened: None,
        });
        self.steps
            .resize(self.steps.len() + Transform::COUNT, UNKNOWN);
        text
    }

    /// What a text becomes under transformations, one after the other.
    pub(super) fn transformed(&mut self, text: TextId, chain: &[Transform]) -> TextId {
        let kinds = self.kinds(text);
        // Most texts have none of the bytes that any of them is about.
        if !chain.iter().any(|transform| transform.concerns(kinds)) {
            return text;
        }
        let steps = chain.iter();
        steps.fold(text, |text, transform| self.step(text, *transform))
    }

    fn step(&mut self, text: TextId, transform: Transform) -> TextId {
        let Some(entry) = self.entries.get(text as usize).copied() else {
            return text;
        };
        if !transform.concerns(entry.bytes) {
            return text;
        }
        let slot = text as usize * Transform::COUNT + transform as usize;
        if let Some(known) = self.steps.get(slot).filter(|known| **known != UNKNOWN) {
            return *known;
        }
        let made = self.make(text, entry.span, transform);
        if let Some(slot) = self.steps.get_mut(slot) {
            *slot = made;
        }
        made
    }

    fn make(&mut self, text: TextId, span: Span, transform: Transform) -> TextId {
        if self.values.bytes.len() >= MAX_BYTES {
            self.is_cut = true;
            return text;
        }
        let start = self.values.bytes.len();
        // What is read and what is written stand in one buffer: the one is lent out meanwhile.
        let mut bytes = std::mem::take(&mut self.values.bytes);
        let source = bytes.get(span.0 as usize..span.1 as usize);
        self.source.clear();
        self.source.extend_from_slice(source.unwrap_or_default());
        transform.apply(&self.source, &mut bytes);
        let same = bytes.get(start..) == Some(&self.source[..]);
        if same {
            bytes.truncate(start);
        }
        let end = bytes.len();
        self.values.bytes = bytes;
        if same {
            text
        } else {
            self.enter((start as u32, end as u32))
        }
    }

    /// The gates that literals in the text open.
    pub(super) fn opened(
        &mut self,
        text: TextId,
        finder: &DFA,
        opens: &[Vec<usize>],
        gates: usize,
    ) -> &[u64] {
        let words = words(gates);
        let entry = self.entries.get(text as usize);
        let (span, known) = entry.map_or(((0, 0), None), |entry| (entry.span, entry.opened));
        let start = if let Some(start) = known {
            start as usize
        } else {
            let start = self.opened.len();
            self.opened.resize(start + words, 0);
            let opened = self.opened.get_mut(start..).unwrap_or_default();
            let around = look_through(
                span,
                &self.values,
                finder,
                &mut self.looked,
                &mut self.found,
            );
            let found = self.found.get(around).unwrap_or_default();
            // They stand in the order of their ends.
            let first = found.partition_point(|((_, to), _)| *to <= span.0);
            for ((from, to), literal) in found.get(first..).unwrap_or_default() {
                if *to > span.1 {
                    break;
                }
                if span.0 <= *from {
                    let gates = opens.get(literal.as_usize()).into_iter().flatten();
                    gates.for_each(|gate| insert(opened, *gate));
                }
            }
            if let Some(entry) = self.entries.get_mut(text as usize) {
                entry.opened = Some(start as u32);
            }
            start
        };
        self.opened.get(start..start + words).unwrap_or_default()
    }
}

/// Where the literals of a span are among those that were found, with others of a longer span that it
/// stands in: most values are parts of the request line or of a header, and what is found in a part is
/// found in the whole.
fn look_through(
    span: Span,
    values: &Values,
    finder: &DFA,
    looked: &mut Vec<(Span, Range<usize>)>,
    found: &mut Vec<(Span, PatternID)>,
) -> Range<usize> {
    let is_in = |whole: Span| whole.0 <= span.0 && span.1 <= whole.1;
    if let Some((_, known)) = looked.iter().find(|(whole, _)| is_in(*whole)) {
        return known.clone();
    }
    // Of the request line mostly more than one part is looked through.
    let has_room = looked.len() < MAX_LOOKED;
    let line = values.line.filter(|line| has_room && is_in(*line));
    let span = line.unwrap_or(span);
    let start = found.len();
    let Ok(mut state) = finder.start_state(Anchored::No) else {
        return start..start;
    };
    for (end, byte) in (span.0 + 1..).zip(values.text(span)) {
        state = finder.next_state(Anchored::No, state, *byte);
        if finder.is_match(state) {
            found.extend((0..finder.match_len(state)).map(|index| {
                let literal = finder.match_pattern(state, index);
                ((end - finder.pattern_len(literal) as u32, end), literal)
            }));
        }
    }
    if has_room {
        looked.push((span, start..found.len()));
    }
    start..found.len()
}

#[cfg(test)]
mod tests {
    use aho_corasick::{MatchKind, StartKind};
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;

    const TRANSFORMS: [Transform; 8] = [
        Transform::Lowercase,
        Transform::UrlDecodeUni,
        Transform::HtmlEntityDecode,
        Transform::JsDecode,
        Transform::RemoveNulls,
        Transform::CmdLine,
        Transform::NormalizePathWin,
        Transform::Length,
    ];
    const LITERALS: [&str; 6] = ["a", "ab", "abb", "bb", "ba", "c"];

    fn finder() -> DFA {
        DFA::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .start_kind(StartKind::Unanchored)
            .build(LITERALS)
            .unwrap()
    }

    #[test]
    fn many_spans_are_looked_through_each_by_itself() {
        let opens: Vec<Vec<usize>> = (0..LITERALS.len()).map(|gate| vec![gate]).collect();
        let (finder, mut texts) = (finder(), Texts::default());
        texts.clear();
        texts.values.append(&b"abc ".repeat(100));
        for start in (0..400).step_by(4) {
            let text = texts.enter((start, start + 2));
            let opened = texts.opened(text, &finder, &opens, LITERALS.len());
            assert!(numbers(opened).eq([0, 1]));
        }
        assert_eq!(texts.looked.len(), MAX_LOOKED);
    }

    proptest! {
        #[test]
        fn each_span_is_a_text_and_opens_the_gates_of_its_own_literals(
            texts in prop::collection::vec("[abBc ]{1,12}|[abBc ]{100,200}", 1..4),
            line in prop::option::of((any::<Index>(), any::<Index>())),
            spans in prop::collection::vec((any::<Index>(), any::<Index>()), 1..100),
        ) {
            let opens: Vec<Vec<usize>> = (0..LITERALS.len()).map(|gate| vec![gate]).collect();
            let finder = finder();
            let mut kept = Texts::default();
            // What was found in the texts before says nothing of the next.
            for text in &texts {
                let span = |(one, two): (Index, Index)| {
                    let (one, two) = (one.index(text.len() + 1), two.index(text.len() + 1));
                    (one.min(two) as u32, one.max(two) as u32)
                };
                kept.clear();
                kept.values.append(text.as_bytes());
                kept.values.line = line.map(span);
                for (start, end) in spans.iter().copied().map(span) {
                    let own = text.get(start as usize..end as usize).unwrap();
                    let lower = own.to_ascii_lowercase();
                    let places = LITERALS.iter().enumerate();
                    let expected: Vec<usize> = places
                        .filter(|(_, literal)| lower.contains(**literal))
                        .map(|(gate, _)| gate)
                        .collect();
                    let one = kept.enter((start, end));
                    prop_assert_eq!(kept.bytes(one), own.as_bytes());
                    let opened = kept.opened(one, &finder, &opens, LITERALS.len());
                    prop_assert_eq!(numbers(opened).collect::<Vec<_>>(), expected, "{:?} {}", text, own);
                }
                prop_assert!(kept.looked.len() <= MAX_LOOKED);
            }
        }

        #[test]
        fn a_chain_makes_what_each_makes_of_what_the_one_before_made(
            text in "(?:[aB%&\\\\/.* ,']|%41|&lt;|\u{0}){0,12}",
            chains in prop::collection::vec(
                prop::collection::vec(prop::sample::select(TRANSFORMS.to_vec()), 0..4),
                1..4,
            ),
        ) {
            let mut texts = Texts::default();
            texts.clear();
            let whole = texts.add(text.as_bytes());
            for chain in &chains {
                let expected = chain.iter().fold(text.clone().into_bytes(), |text, transform| {
                    let mut made = Vec::new();
                    transform.apply(&text, &mut made);
                    made
                });
                let made = texts.transformed(whole, chain);
                prop_assert_eq!(texts.bytes(made), expected, "{:?}", chain);
            }
        }
    }
}
