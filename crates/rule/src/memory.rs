//! What is known of texts that came before: which comparisons they match.
//!
//! Most of what a site receives it has received before: what browsers call themselves, where
//! visitors come from, the paths there are. When a text comes for the second time, it is compared
//! with all that rules compare it with; when it comes again, it need be neither searched for
//! literals nor matched by an expression.
//!
//! *Input*: texts, with the views that they are. *Output*: the comparisons that match, and the
//! probes that are to be taken as seen. *Limits*: only comparisons that look at nothing but the
//! text; texts up to [`MAX_TEXT`] bytes; a table of fixed size, in which a text that comes often
//! outlasts those that come once.

use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;

use crate::field::Scope;
use crate::gate::Probe;

/// Longer texts are not kept, in bytes.
const MAX_TEXT: usize = 256;
/// How many texts are kept.
const SLOTS: usize = 1 << 10;
/// Texts that match more, or in which more is to be seen, are not kept.
const MAX_MATCHES: usize = 16;
const MAX_PROBES: usize = 48;
/// How many strangers with its place a text outlasts each time it comes, and how many at most.
const CREDIT: u8 = 4;
const MAX_CREDIT: u8 = 64;

/// The table. Its memory is taken when it is made.
#[derive(Debug)]
pub(crate) struct Memory {
    slots: Vec<Slot>,
    /// The text of each slot, at its place times [`MAX_TEXT`].
    texts: Vec<u8>,
}

/// A place in the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place(u16);

/// What is known of a text.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Recall {
    /// It came more often than twice.
    Known(Place),
    /// It comes for the second time: [`Memory::learn`] what it matches.
    Again(Place),
    /// Nothing.
    Stranger,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    hash: u64,
    view: Scope,
    /// See [`MAX_CREDIT`].
    credit: u8,
    state: State,
    lesson: Lesson,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Only the hash is known.
    #[default]
    Once,
    /// The text of so many bytes and all about it.
    Known(u16),
    /// There is too much to know.
    TooMuch,
}

/// What a text matches.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lesson {
    matches: List<u32, MAX_MATCHES>,
    probes: List<Probe, MAX_PROBES>,
    is_too_much: bool,
}

/// A short list.
#[derive(Clone, Copy, Debug)]
struct List<T, const MAX: usize> {
    items: [T; MAX],
    len: u8,
}

impl Lesson {
    /// A comparison matches, by its number.
    pub(crate) fn add_match(&mut self, comparison: u32) {
        self.is_too_much |= !self.matches.add(comparison);
    }

    /// A probe is to be taken as seen.
    pub(crate) fn add_probe(&mut self, probe: Probe) {
        self.is_too_much |= !self.probes.add(probe);
    }
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self {
            slots: vec![Slot::default(); SLOTS],
            texts: vec![0; SLOTS * MAX_TEXT],
        }
    }

    /// What is known of a text that is such a view.
    pub(crate) fn recall(&mut self, view: Scope, text: &[u8]) -> Recall {
        if text.is_empty() || text.len() > MAX_TEXT {
            return Recall::Stranger;
        }
        let hash = FixedState::with_seed(view.bits()).hash_one(text);
        let place = hash as usize % SLOTS;
        let start = place * MAX_TEXT;
        let (Some(slot), Some(kept)) = (
            self.slots.get_mut(place),
            self.texts.get(start..start + text.len()),
        ) else {
            return Recall::Stranger;
        };
        if slot.hash == hash && slot.view == view {
            let place = Place(place as u16);
            return match slot.state {
                State::Once => Recall::Again(place),
                State::Known(len) if usize::from(len) == text.len() && kept == text => {
                    slot.credit = (slot.credit + CREDIT).min(MAX_CREDIT);
                    Recall::Known(place)
                }
                State::Known(_) | State::TooMuch => Recall::Stranger,
            };
        }
        if slot.credit > 0 {
            slot.credit -= 1;
        } else {
            *slot = Slot {
                hash,
                view,
                ..Slot::default()
            };
        }
        Recall::Stranger
    }

    /// Keeps what is to be known of a text that was [`Recall::Again`].
    pub(crate) fn learn(&mut self, place: Place, text: &[u8], lesson: &Lesson) {
        let start = usize::from(place.0) * MAX_TEXT;
        let (Some(slot), Some(kept)) = (
            self.slots.get_mut(usize::from(place.0)),
            self.texts.get_mut(start..start + text.len().min(MAX_TEXT)),
        ) else {
            return;
        };
        if lesson.is_too_much || text.len() != kept.len() {
            slot.state = State::TooMuch;
            return;
        }
        kept.copy_from_slice(text);
        slot.state = State::Known(text.len() as u16);
        slot.credit = CREDIT;
        slot.lesson = *lesson;
    }

    /// The probes that are to be taken as seen in a known text; `None` past the last.
    pub(crate) fn probe(&self, place: Place, at: usize) -> Option<Probe> {
        let slot = self.slots.get(usize::from(place.0))?;
        slot.lesson.probes.items().get(at).copied()
    }

    /// Whether a comparison matches a known text.
    pub(crate) fn matches(&self, place: Place, comparison: u32) -> bool {
        self.slots
            .get(usize::from(place.0))
            .is_some_and(|slot| slot.lesson.matches.items().contains(&comparison))
    }
}

impl<T: Copy + PartialEq, const MAX: usize> List<T, MAX> {
    /// Adds what is not in the list; false if it is full.
    fn add(&mut self, item: T) -> bool {
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

    fn items(&self) -> &[T] {
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

    fn known(memory: &mut Memory, text: &[u8]) -> Option<Place> {
        match memory.recall(VIEW, text) {
            Recall::Known(place) => Some(place),
            _ => None,
        }
    }

    fn teach(memory: &mut Memory, text: &[u8], matches: impl Iterator<Item = u32>) {
        assert!(matches!(memory.recall(VIEW, text), Recall::Stranger));
        let Recall::Again(place) = memory.recall(VIEW, text) else {
            panic!("it came before");
        };
        let mut lesson = Lesson::default();
        matches.for_each(|comparison| lesson.add_match(comparison));
        memory.learn(place, text, &lesson);
    }

    #[test]
    fn a_text_is_known_from_its_third_time_on() {
        let mut memory = Memory::new();
        teach(&mut memory, b"text", [7].into_iter());
        let place = known(&mut memory, b"text").unwrap();
        assert!(memory.matches(place, 7) && !memory.matches(place, 8));
        assert!(known(&mut memory, b"other").is_none());
        let other = Scope::default();
        assert!(matches!(memory.recall(other, b"text"), Recall::Stranger));
    }

    #[test]
    fn what_is_too_long_or_matches_too_much_stays_a_stranger() {
        let mut memory = Memory::new();
        teach(&mut memory, b"text", 0..=MAX_MATCHES as u32);
        for text in [&b"text"[..], b"", &[b'x'; MAX_TEXT + 1]] {
            for _ in 0..3 {
                assert!(matches!(memory.recall(VIEW, text), Recall::Stranger));
            }
        }
        teach(&mut memory, &[b'x'; MAX_TEXT], [].into_iter());
        assert!(known(&mut memory, &[b'x'; MAX_TEXT]).is_some());
    }

    #[test]
    fn what_comes_often_outlasts_what_comes_once() {
        let mut memory = Memory::new();
        teach(&mut memory, b"often", [].into_iter());
        for stranger in 0..100_000_u32 {
            assert!(matches!(
                memory.recall(VIEW, &stranger.to_le_bytes()),
                Recall::Stranger
            ));
            if stranger % 1000 == 0 {
                assert!(known(&mut memory, b"often").is_some(), "{stranger}");
            }
        }
    }
}
