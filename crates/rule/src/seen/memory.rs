//! What is known of texts that came before: which comparisons they match.
//!
//! Most of what a site receives it has received before: what browsers call themselves, where
//! visitors come from, the paths there are. When a text comes for the second time, it is compared
//! with all that rules compare it with; when it comes again, it need be neither searched for
//! literals nor matched by an expression. The same is kept of all texts that are [alike](crate::seen::alike),
//! but for the comparisons for which it matters which of them it is.
//!
//! *Input*: texts, with the views that they are. *Output*: the comparisons that match, and the
//! marks that are to be taken as seen. *Limits*: only comparisons that look at nothing but the
//! text; texts up to [`MAX_TEXT`] bytes; see [`Familiar`].

use crate::field::Scope;
use crate::prefilter::bytes::ByteSet;
use crate::prefilter::gate::{Mark, Probe};
use crate::seen::alike::Verdict;
use vigil_event::familiar::Familiar;
pub(crate) use vigil_event::familiar::{Place, Recall};

/// Longer texts are not kept, in bytes.
const MAX_TEXT: u16 = 256;
/// How many texts are kept.
const SLOTS: u16 = 1 << 11;
/// Texts that match more, or in which more is to be seen, are not kept.
const MAX_MATCHES: usize = 32;
const MAX_PROBES: usize = 64;
const MAX_SETS: usize = 16;
const _: () = assert!(MAX_MATCHES <= u32::BITS as usize, "a bit for each");

/// The texts that are known.
#[derive(Debug)]
pub(crate) struct Memory(Familiar<Lesson>);

/// What a text matches.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lesson {
    /// The comparisons that match, or may.
    matches: List<u32, MAX_MATCHES>,
    /// For each of these a bit: it is yet to be seen whether it matches.
    open: u32,
    probes: List<Probe, MAX_PROBES>,
    sets: List<ByteSet, MAX_SETS>,
    is_too_much: bool,
}

/// A short list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List<T, const MAX: usize> {
    items: [T; MAX],
    len: u8,
}

impl Lesson {
    /// A comparison matches, by its number.
    pub(crate) fn add_match(&mut self, comparison: u32) {
        self.is_too_much |= !self.matches.add(comparison);
    }

    /// A comparison matches some of the texts that are alike.
    pub(crate) fn add_open(&mut self, comparison: u32) {
        let place = u32::from(self.matches.len);
        self.add_match(comparison);
        self.open |= 1_u32.checked_shl(place).unwrap_or_default();
    }

    /// A mark is to be taken as seen.
    pub(crate) fn add_mark(&mut self, mark: Mark) {
        match mark {
            // Whichever it was, the one stands for both.
            Mark::Probe(probe) | Mark::Either(probe, _) => {
                self.is_too_much |= !self.probes.add(probe);
            }
            Mark::Bytes(set) => self.is_too_much |= !self.sets.add(set),
        }
    }
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self(Familiar::new(SLOTS, MAX_TEXT))
    }

    /// Another event comes: places of the one before are no longer good.
    pub(crate) const fn begin(&mut self) {
        self.0.begin();
    }

    /// What is known of a text that is such a view.
    pub(crate) fn recall(&mut self, view: Scope, text: &[u8]) -> Recall {
        self.0.recall(view.bits(), text)
    }

    /// What is known of all texts that are alike, by what stands for them.
    pub(crate) fn recall_alike(&mut self, view: Scope, common: &[u8]) -> Recall {
        // No view is all views but itself.
        self.0.recall(!view.bits(), common)
    }

    /// Keeps what is to be known of a text that was [`Recall::Again`].
    pub(crate) fn learn(&mut self, place: Place, text: &[u8], lesson: &Lesson) {
        let lesson = (!lesson.is_too_much).then_some(*lesson);
        self.0.learn(place, text, lesson);
    }

    /// The probes that are to be taken as seen in a known text; `None` past the last.
    pub(crate) fn probe(&self, place: Place, at: usize) -> Option<Probe> {
        self.0.get(place)?.probes.items().get(at).copied()
    }

    /// The sets of bytes of which one is to be taken as seen in a known text.
    pub(crate) fn sets(&self, place: Place) -> &[ByteSet] {
        let lesson = self.0.get(place);
        lesson.map_or(&[], |lesson| lesson.sets.items())
    }

    /// The comparisons that match a known text, or may.
    pub(crate) fn listed(&self, place: Place) -> &[u32] {
        let lesson = self.0.get(place);
        lesson.map_or(&[], |lesson| lesson.matches.items())
    }

    /// Whether it depends on a known text's digits what matches it.
    pub(crate) fn is_open(&self, place: Place) -> bool {
        self.0.get(place).is_some_and(|lesson| lesson.open != 0)
    }

    /// Whether a comparison matches a known text.
    pub(crate) fn matches(&self, place: Place, comparison: u32) -> Verdict {
        let lesson = self.0.get(place);
        let found = lesson.and_then(|lesson| {
            let mut matches = lesson.matches.items().iter();
            let place = matches.position(|other| *other == comparison)?;
            Some(lesson.open & (1 << place) != 0)
        });
        match found {
            None => Verdict::Never,
            Some(false) => Verdict::Always,
            Some(true) => Verdict::Depends,
        }
    }
}

impl<T: Copy + PartialEq, const MAX: usize> List<T, MAX> {
    /// Adds what is not in the list; false if it is full.
    pub(crate) fn add(&mut self, item: T) -> bool {
        if self.items().contains(&item) {
            return true;
        }
        let Some(free) = self.items.get_mut(usize::from(self.len)) else {
            return false;
        };
        *free = item;
        self.len += 1;
        true
    }

    pub(crate) fn items(&self) -> &[T] {
        self.items.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl<T: Copy + Default, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self {
            items: [T::default(); MAX],
            len: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: Scope = Scope::labels();

    fn teach(memory: &mut Memory, text: &[u8], matches: impl Iterator<Item = u32>) -> Recall {
        assert!(matches!(memory.recall(VIEW, text), Recall::Stranger));
        let Recall::Again(place) = memory.recall(VIEW, text) else {
            panic!("it came before");
        };
        let mut lesson = Lesson::default();
        matches.for_each(|comparison| lesson.add_match(comparison));
        memory.learn(place, text, &lesson);
        memory.recall(VIEW, text)
    }

    #[test]
    fn what_a_text_matches_is_known() {
        let mut memory = Memory::new();
        let Recall::Known(place) = teach(&mut memory, b"text", [7].into_iter()) else {
            panic!("it is known");
        };
        assert_eq!(memory.matches(place, 7), Verdict::Always);
        assert_eq!(memory.matches(place, 8), Verdict::Never);
        let other = Scope::default();
        assert!(matches!(memory.recall(other, b"text"), Recall::Stranger));
    }

    #[test]
    fn what_matches_too_much_stays_a_stranger() {
        let mut memory = Memory::new();
        let recall = teach(&mut memory, b"text", 0..=MAX_MATCHES as u32);
        assert!(matches!(recall, Recall::Stranger));
    }
}
