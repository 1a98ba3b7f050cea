//! A table of texts that come again and again, with what was found out about each.
//!
//! *Input*: texts, each with a tag that tells apart what it is. *Output*: whether it came before, and
//! what is kept of it. *Limits*: a table of fixed size, each text having two places in it; a text that
//! comes often outlasts those that come once, so that a flood of new ones does not push it out. What
//! is known is compared byte by byte: no two texts are ever taken for one.

use std::hash::BuildHasher as _;

use foldhash::fast::FixedState;

/// How many strangers with its place a text outlasts each time it comes, and how many at most.
const CREDIT: u8 = 4;
const MAX_CREDIT: u8 = 64;

/// The table. Its memory is taken when it is made.
#[derive(Debug)]
pub struct Familiar<T> {
    slots: Vec<Slot>,
    /// What is known of the text of each slot: apart from them, since strangers touch slots alone.
    known: Vec<T>,
    /// The text of each slot, at its place times `max_text`.
    texts: Vec<u8>,
    max_text: usize,
    /// Counts the events.
    event: u32,
}

/// A place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u16);

/// What is known of a text.
#[derive(Clone, Copy, Debug)]
pub enum Recall {
    /// It came more often than twice.
    Known(Place),
    /// It comes for the second time: [`Familiar::learn`] what is to be known of it.
    Again(Place),
    /// Nothing.
    Stranger,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    hash: u64,
    tag: u64,
    /// See [`MAX_CREDIT`].
    credit: u8,
    state: State,
    /// The last event in which it was known or came again: in this event its place is its own, since
    /// others hold on to it.
    event: u32,
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

impl<T: Clone + Default> Familiar<T> {
    /// A table for so many texts, or the next power of two, of at most so many bytes.
    pub fn new(slots: u16, max_text: u16) -> Self {
        let slots = match slots {
            0 => 0,
            slots => usize::from(slots).next_power_of_two(),
        };
        Self {
            slots: vec![Slot::default(); slots],
            known: vec![T::default(); slots],
            texts: vec![0; slots * usize::from(max_text)],
            max_text: usize::from(max_text),
            event: 1,
        }
    }

    /// Another event comes: places of the one before are no longer good.
    pub const fn begin(&mut self) {
        self.event = self.event.wrapping_add(1);
    }

    /// What is known of a text with such a tag.
    pub fn recall(&mut self, tag: u64, text: &[u8]) -> Recall {
        if text.is_empty() || text.len() > self.max_text || self.slots.is_empty() {
            return Recall::Stranger;
        }
        let hash = FixedState::with_seed(tag).hash_one(text);
        let home = hash as usize & (self.slots.len() - 1);
        let is_it = |slot: &Slot| slot.hash == hash && slot.tag == tag;
        let credit = |place: usize| self.slots.get(place).map(|slot| slot.credit);
        let [one, two] = [home, home ^ 1];
        let place = if self.slots.get(one).is_some_and(is_it) {
            one
        } else if self.slots.get(two).is_some_and(is_it) {
            two
        } else {
            let is_one = credit(two).is_none_or(|two| credit(one) <= Some(two));
            self.let_in(if is_one { one } else { two }, hash, tag);
            return Recall::Stranger;
        };
        let start = place * self.max_text;
        let (Some(slot), Some(kept)) = (
            self.slots.get_mut(place),
            self.texts.get(start..start + text.len()),
        ) else {
            return Recall::Stranger;
        };
        let place = Place(place as u16);
        match slot.state {
            State::Once => {
                slot.event = self.event;
                Recall::Again(place)
            }
            State::Known(len) if usize::from(len) == text.len() && kept == text => {
                slot.credit = (slot.credit + CREDIT).min(MAX_CREDIT);
                slot.event = self.event;
                Recall::Known(place)
            }
            State::Known(_) | State::TooMuch => Recall::Stranger,
        }
    }

    /// A stranger asks for a place: it gets one that nothing is to outlast it in.
    fn let_in(&mut self, place: usize, hash: u64, tag: u64) {
        let Some(slot) = self.slots.get_mut(place) else {
            return;
        };
        if slot.credit > 0 {
            slot.credit -= 1;
        } else if slot.event != self.event {
            *slot = Slot {
                hash,
                tag,
                ..Slot::default()
            };
        }
    }

    /// Keeps what is to be known of a text that was [`Recall::Again`]; nothing is kept of one of which
    /// there is too much to know.
    pub fn learn(&mut self, place: Place, text: &[u8], what: Option<T>) {
        let start = usize::from(place.0) * self.max_text;
        let (Some(slot), Some(known), Some(kept)) = (
            self.slots.get_mut(usize::from(place.0)),
            self.known.get_mut(usize::from(place.0)),
            self.texts
                .get_mut(start..start + text.len().min(self.max_text)),
        ) else {
            return;
        };
        let Some(what) = what.filter(|_| text.len() == kept.len()) else {
            slot.state = State::TooMuch;
            return;
        };
        kept.copy_from_slice(text);
        slot.state = State::Known(text.len() as u16);
        slot.credit = CREDIT;
        slot.event = self.event;
        *known = what;
    }

    /// What is kept of a known text.
    pub fn get(&self, place: Place) -> Option<&T> {
        self.known.get(usize::from(place.0))
    }

    /// What is kept of a known text, to add to it.
    pub fn get_mut(&mut self, place: Place) -> Option<&mut T> {
        self.known.get_mut(usize::from(place.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_TEXT: u16 = 64;

    fn table() -> Familiar<u32> {
        Familiar::new(256, MAX_TEXT)
    }

    fn known(table: &mut Familiar<u32>, text: &[u8]) -> Option<u32> {
        match table.recall(1, text) {
            Recall::Known(place) => table.get(place).copied(),
            _ => None,
        }
    }

    fn teach(table: &mut Familiar<u32>, text: &[u8], what: Option<u32>) {
        assert!(matches!(table.recall(1, text), Recall::Stranger));
        let Recall::Again(place) = table.recall(1, text) else {
            panic!("it came before");
        };
        table.learn(place, text, what);
    }

    #[test]
    fn a_text_is_known_from_its_third_time_on() {
        let mut table = table();
        teach(&mut table, b"text", Some(7));
        assert_eq!(known(&mut table, b"text"), Some(7));
        assert_eq!(known(&mut table, b"other"), None);
        assert!(matches!(table.recall(2, b"text"), Recall::Stranger));
        let Recall::Known(place) = table.recall(1, b"text") else {
            panic!("it is known");
        };
        *table.get_mut(place).unwrap() = 8;
        assert_eq!(known(&mut table, b"text"), Some(8));
    }

    #[test]
    fn what_is_too_long_or_too_much_stays_a_stranger() {
        let mut table = table();
        teach(&mut table, b"text", None);
        for text in [&b"text"[..], b"", &[b'x'; MAX_TEXT as usize + 1]] {
            for _ in 0..3 {
                assert!(matches!(table.recall(1, text), Recall::Stranger));
            }
        }
        teach(&mut table, &[b'x'; MAX_TEXT as usize], Some(1));
        assert_eq!(known(&mut table, &[b'x'; MAX_TEXT as usize]), Some(1));
    }

    #[test]
    fn what_comes_often_outlasts_what_comes_once() {
        let mut table = table();
        teach(&mut table, b"often", Some(1));
        for stranger in 0..100_000_u32 {
            table.begin();
            assert!(matches!(
                table.recall(1, &stranger.to_le_bytes()),
                Recall::Stranger
            ));
            if stranger % 250 == 0 {
                assert!(known(&mut table, b"often").is_some(), "{stranger}");
            }
        }
    }

    #[test]
    fn a_place_is_good_for_the_whole_event() {
        let mut table = Familiar::new(1, MAX_TEXT);
        teach(&mut table, b"text", Some(7));
        table.begin();
        let Recall::Known(place) = table.recall(1, b"text") else {
            panic!("it is known");
        };
        for stranger in 0..1_000_u32 {
            _ = table.recall(1, &stranger.to_le_bytes());
        }
        assert_eq!(table.get(place), Some(&7));
        table.begin();
        for stranger in 0..1_000_u32 {
            _ = table.recall(1, &stranger.to_le_bytes());
        }
        assert_eq!(known(&mut table, b"text"), None);
    }
}
