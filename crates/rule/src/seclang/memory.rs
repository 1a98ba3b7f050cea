//! What is known of values that came before: which reads of which rules do not match them, and which
//! gates their literals open. Most headers of a request have been seen before, and so have most paths.
//!
//! Owns: a bounded table of values with their names, and the places in it of the request at hand.
//! Never holds: an answer that depends on more than the value, such as on what rules set or took out.

use super::collection::Collection;
use super::program::{Compiled, Link};
use super::reads::Reader;
use super::texts::{has, insert, words};
use super::values::{Members, Values};
use vigil_event::familiar::{Familiar, Place, Recall};

/// How many values are kept.
const SLOTS: u16 = 1 << 13;
/// Longer ones with their names are not, in bytes.
const MAX_BYTES: u16 = 512;

/// The values that are known. Its memory is taken when it is first used.
#[derive(Debug)]
pub(super) struct Memory {
    /// Whose rules it knows of.
    program: u64,
    table: Familiar<Known>,
    /// How many words hold a bit for each read.
    words: usize,
    /// For each value of the request its place, if it is known.
    places: Vec<Option<Place>>,
    /// The reads that are known to match nothing in the request.
    dismissed: Vec<u64>,
    /// The reads that do not match any of a collection's values.
    misses: Vec<u64>,
    key: Vec<u8>,
    /// The reads of the rules that may match.
    alive: Vec<u64>,
}

/// What is known of a value; it grows with each request.
#[derive(Clone, Debug, Default)]
struct Known {
    /// The reads that do not match it.
    misses: Vec<u64>,
    /// The gates that it opens; empty before that was found out.
    opened: Vec<u64>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            program: 0,
            table: Familiar::new(0, 0),
            words: 0,
            places: Vec::new(),
            dismissed: Vec::new(),
            misses: Vec::new(),
            key: Vec::new(),
            alive: Vec::new(),
        }
    }
}

impl Memory {
    /// Another request comes, for the program of that number with so many reads.
    pub(super) fn begin(&mut self, program: u64, reads: usize) {
        if self.program != program {
            *self = Self {
                program,
                table: Familiar::new(SLOTS, MAX_BYTES),
                words: words(reads),
                ..Self::default()
            };
        }
        self.table.begin();
        self.places.clear();
        self.dismissed.clear();
        self.dismissed.resize(self.words, 0);
    }

    /// Looks for the values of a collection, and dismisses those of its reads that match none.
    pub(super) fn recall(&mut self, reader: &Reader, members: Members, values: &Values) {
        let end = members.end as usize;
        if self.places.len() < end {
            self.places.resize(end, None);
        }
        self.misses.clear();
        self.misses.extend_from_slice(&reader.fixed);
        for at in members.start as usize..end {
            let Some(value) = values.all.get(at) else {
                break;
            };
            let (name, text) = (values.text(value.name), values.text(value.text));
            let place = self.place(reader.collection, name, text);
            if let Some(slot) = self.places.get_mut(at) {
                *slot = place;
            }
            let known = place.and_then(|place| self.table.get(place));
            let misses = known.map_or(&[][..], |known| &known.misses);
            let misses = misses.iter().chain(std::iter::repeat(&0));
            for (word, misses) in self.misses.iter_mut().zip(misses) {
                *word &= misses;
            }
        }
        for (word, misses) in self.dismissed.iter_mut().zip(&self.misses) {
            *word |= misses;
        }
    }

    fn place(&mut self, collection: Collection, name: &[u8], text: &[u8]) -> Option<Place> {
        self.key.clear();
        self.key.extend_from_slice(name);
        self.key.extend_from_slice(text);
        // Where the name ends is part of what the value is.
        let tag = ((name.len() as u64) << 8) | collection as u64;
        match self.table.recall(tag, &self.key) {
            Recall::Known(place) => Some(place),
            Recall::Again(place) => {
                let nothing = Known {
                    misses: vec![0; self.words],
                    opened: Vec::new(),
                };
                self.table.learn(place, &self.key, Some(nothing));
                Some(place)
            }
            Recall::Stranger => None,
        }
    }

    /// Finds the rules that may match: all but those whose first link is dismissed.
    pub(super) fn find_alive(&mut self, rules: &[Compiled]) {
        self.alive.clear();
        self.alive.resize(self.words, 0);
        for rule in rules {
            if rule
                .links
                .first()
                .is_some_and(|link| self.is_dismissed(link))
            {
                continue;
            }
            let reads = rule.links.iter().flat_map(Link::numbers);
            reads.for_each(|read| insert(&mut self.alive, read));
        }
    }

    /// Whether it is known of a value that no rule which may match matches it.
    pub(super) fn is_mute(&self, value: u32, reader: &Reader) -> bool {
        let known = self.place_of(value).and_then(|place| self.table.get(place));
        known.is_some_and(|known| {
            let reads = reader.fixed.iter().zip(&self.alive);
            let mut open = reads.zip(&known.misses);
            !reader.in_full && open.all(|((fixed, alive), misses)| fixed & alive & !misses == 0)
        })
    }

    /// Whether all that a link reads is known to match nothing in the request.
    pub(super) fn is_dismissed(&self, link: &Link) -> bool {
        let mut reads = link.numbers();
        !reads.is_empty() && reads.all(|read| has(&self.dismissed, read))
    }

    /// Whether a read is known not to match a value.
    pub(super) fn is_miss(&self, value: u32, read: usize) -> bool {
        let known = self.place_of(value).and_then(|place| self.table.get(place));
        known.is_some_and(|known| has(&known.misses, read))
    }

    /// A read does not match a value.
    pub(super) fn learn_miss(&mut self, value: u32, read: usize) {
        let known = self
            .place_of(value)
            .and_then(|place| self.table.get_mut(place));
        if let Some(known) = known {
            insert(&mut known.misses, read);
        }
    }

    /// The gates that a value opens, if they are known.
    pub(super) fn opened(&self, value: u32) -> Option<&[u64]> {
        let known = self.table.get(self.place_of(value)?)?;
        (!known.opened.is_empty()).then_some(known.opened.as_slice())
    }

    /// A value opens these gates.
    pub(super) fn learn_opened(&mut self, value: u32, opened: &[u64]) {
        let place = self.place_of(value);
        if let Some(known) = place.and_then(|place| self.table.get_mut(place)) {
            known.opened = opened.to_vec();
        }
    }

    fn place_of(&self, value: u32) -> Option<Place> {
        self.places.get(value as usize).copied().flatten()
    }
}
