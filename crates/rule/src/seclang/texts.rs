//! Each text that a rule may look at, transformed once, looked through once.
//!
//! Owns: what a text becomes under a transformation, and which literals occur in it, both found out
//! when first asked for and kept for the request. Never holds: anything from one request to the next.

use aho_corasick::AhoCorasick;
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
        chain
            .iter()
            .fold(text, |text, transform| self.step(text, *transform))
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
        let source = bytes
            .get(span.0 as usize..span.1 as usize)
            .unwrap_or_default()
            .to_vec();
        transform.apply(&source, &mut bytes);
        let same = bytes.get(start..) == Some(&source[..]);
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
        finder: &AhoCorasick,
        opens: &[Vec<usize>],
        gates: usize,
    ) -> &[u64] {
        let words = words(gates);
        let known = self
            .entries
            .get(text as usize)
            .and_then(|entry| entry.opened);
        let start = if let Some(start) = known {
            start as usize
        } else {
            let start = self.opened.len();
            self.opened.resize(start + words, 0);
            let span = self
                .entries
                .get(text as usize)
                .map_or((0, 0), |entry| entry.span);
            for found in finder.find_overlapping_iter(self.values.text(span)) {
                for gate in opens.get(found.pattern().as_usize()).into_iter().flatten() {
                    insert(self.opened.get_mut(start..).unwrap_or_default(), *gate);
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
