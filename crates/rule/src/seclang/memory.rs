//! What is known of values that came before: which reads of which rules do not match them, and which
//! gates their literals open. Most headers of a request have been seen before, and so have most paths.
//!
//! Owns: a bounded table of values with their names, and the places in it of the request at hand.
//! Never holds: an answer that depends on more than the value, such as on what rules set or took out.

use std::ops::Range;

use super::collection::Collection;
use super::program::{Compiled, Link};
use super::reads::{Gated, Reader};
use super::texts::{has, insert, words};
use super::values::{Members, Values};
use vigil_event::familiar::{Familiar, Place, Recall};

/// How many values are kept.
const SLOTS: u16 = 1 << 13;
/// Longer ones with their names are not, in bytes.
const MAX_BYTES: u16 = 512;
/// How many names are kept, and how long they may be.
const NAME_SLOTS: u16 = 1 << 10;
const MAX_NAME_BYTES: u16 = 64;

/// The values that are known. Its memory is taken when it is first used.
#[derive(Debug)]
pub(super) struct Memory {
    /// Whose rules it knows of.
    program: u64,
    table: Familiar<Known>,
    /// For each name the reads that do not take its values.
    names: Familiar<Vec<u64>>,
    /// How many words hold a bit for each read.
    words: usize,
    /// For each value of the request its place, if it is known.
    places: Vec<Option<Place>>,
    /// For each value of the request the reads that do not match it, a bit each.
    misses: Vec<u64>,
    /// For each value whether among them are all that do not take values of its name.
    named: Vec<bool>,
    /// The values of each reader's collection.
    members: Vec<Range<usize>>,
    /// The reads that are known to match nothing in the request.
    dismissed: Vec<u64>,
    /// The reads that do not match any of a collection's values, and those whose gates are closed.
    common: Vec<u64>,
    closed: Vec<u64>,
    key: Vec<u8>,
    /// The reads of the rules that may match.
    alive: Vec<u64>,
}

/// What is known of a value; it grows with each request.
#[derive(Clone, Debug, Default)]
struct Known {
    /// The reads that do not match it; empty before some were found out.
    misses: Vec<u64>,
    /// See [`Memory::named`].
    named: bool,
    /// The gates that it opens; empty before that was found out.
    opened: Vec<u64>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            program: 0,
            table: Familiar::new(0, 0),
            names: Familiar::new(0, 0),
            words: 0,
            places: Vec::new(),
            misses: Vec::new(),
            named: Vec::new(),
            members: Vec::new(),
            dismissed: Vec::new(),
            common: Vec::new(),
            closed: Vec::new(),
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
                names: Familiar::new(NAME_SLOTS, MAX_NAME_BYTES),
                words: words(reads),
                ..Self::default()
            };
        }
        self.table.begin();
        self.names.begin();
        self.places.clear();
        self.misses.clear();
        self.named.clear();
        self.members.clear();
    }

    /// Looks for the values of a reader's collection.
    pub(super) fn recall(&mut self, reader: &Reader, members: Members, values: &Values) {
        let members = members.start as usize..members.end as usize;
        if self.places.len() < members.end {
            self.places.resize(members.end, None);
            self.misses.resize(members.end * self.words, 0);
            self.named.resize(members.end, false);
        }
        for at in members.clone() {
            let Some(value) = values.all.get(at) else {
                break;
            };
            let (name, text) = (values.text(value.name), values.text(value.text));
            let place = self.place(reader.collection, name, text);
            if let Some(slot) = self.places.get_mut(at) {
                *slot = place;
            }
            let known = place.and_then(|place| self.table.get(place));
            let known = known.filter(|known| !known.misses.is_empty());
            let (misses, named) = if let Some(known) = known {
                (Some(&known.misses), known.named)
            } else {
                let misses = of_name(&mut self.names, reader, name);
                (misses, misses.is_some())
            };
            if let Some(slot) = self.named.get_mut(at) {
                *slot = named;
            }
            let row = self.misses.get_mut(at * self.words..).unwrap_or_default();
            for (word, misses) in row.iter_mut().zip(misses.into_iter().flatten()) {
                *word = *misses;
            }
        }
        self.members.push(members);
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
                self.table.learn(place, &self.key, Some(Known::default()));
                Some(place)
            }
            Recall::Stranger => None,
        }
    }

    /// Dismisses the reads that match none of the values, by what is known now.
    pub(super) fn dismiss(&mut self, readers: &[Reader]) {
        self.dismissed.clear();
        self.dismissed.resize(self.words, 0);
        for (reader, members) in readers.iter().zip(&self.members) {
            self.common.clear();
            self.common.extend_from_slice(&reader.fixed);
            for at in members.clone() {
                let misses = row(&self.misses, self.words, at);
                for (word, misses) in self.common.iter_mut().zip(misses) {
                    *word &= misses;
                }
            }
            for (word, common) in self.dismissed.iter_mut().zip(&self.common) {
                *word |= common;
            }
        }
    }

    /// Finds the rules that may match: all but those whose first link is dismissed.
    pub(super) fn find_alive(&mut self, rules: &[Compiled]) {
        self.alive.clear();
        self.alive.resize(self.words, 0);
        for rule in rules {
            let first = rule.links.first();
            if first.is_some_and(|link| self.is_dismissed(link)) {
                continue;
            }
            for link in &rule.links {
                let (word, bits) = link.bits;
                match self.alive.get_mut(word) {
                    Some(word) if bits != 0 => *word |= bits,
                    _ => link
                        .numbers()
                        .for_each(|read| insert(&mut self.alive, read)),
                }
            }
        }
    }

    /// Whether it is known of a value that no rule which may match matches it.
    pub(super) fn is_mute(&self, value: u32, reader: &Reader) -> bool {
        let misses = row(&self.misses, self.words, value as usize);
        let reads = reader.fixed.iter().zip(&self.alive);
        let mut open = reads.zip(misses);
        !reader.in_full && open.all(|((fixed, alive), misses)| fixed & alive & !misses == 0)
    }

    /// Whether all that a link reads is known to match nothing in the request.
    pub(super) fn is_dismissed(&self, link: &Link) -> bool {
        let (word, bits) = link.bits;
        let dismissed = self.dismissed.get(word).copied().unwrap_or_default();
        bits != 0 && dismissed & bits == bits
    }

    /// Whether a read is known to match nothing in the request.
    pub(super) fn is_read_dismissed(&self, read: usize) -> bool {
        has(&self.dismissed, read)
    }

    /// Whether it is known that a read takes values of the name that a value has, if it is not known
    /// that it does not match it.
    pub(super) fn is_named(&self, value: u32) -> bool {
        self.named.get(value as usize) == Some(&true)
    }

    /// Whether a read is known not to match a value.
    pub(super) fn is_miss(&self, value: u32, read: usize) -> bool {
        has(row(&self.misses, self.words, value as usize), read)
    }

    /// A read does not match a value.
    pub(super) fn learn_miss(&mut self, value: u32, read: usize) {
        let start = value as usize * self.words;
        insert(self.misses.get_mut(start..).unwrap_or_default(), read);
    }

    /// A value opens these gates, and no others.
    pub(super) fn learn_closed(&mut self, value: u32, opened: &[u64], gated: &Gated) {
        gated.closed(opened, &mut self.closed);
        let start = value as usize * self.words;
        let row = self.misses.get_mut(start..).unwrap_or_default();
        for (word, closed) in row.iter_mut().zip(&self.closed) {
            *word |= closed;
        }
    }

    /// Keeps what was found out about the values that are known.
    pub(super) fn keep(&mut self) {
        for (at, (place, named)) in self.places.iter().zip(&self.named).enumerate() {
            let known = place.and_then(|place| self.table.get_mut(place));
            if let Some(known) = known {
                known.named = *named;
                known.misses.clear();
                known
                    .misses
                    .extend_from_slice(row(&self.misses, self.words, at));
            }
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

/// The reads that do not match a value, by its place among those of the request.
fn row(misses: &[u64], words: usize, at: usize) -> &[u64] {
    misses.get(at * words..(at + 1) * words).unwrap_or_default()
}

/// The reads that do not take values of a name, if it came often enough.
fn of_name<'n>(
    names: &'n mut Familiar<Vec<u64>>,
    reader: &Reader,
    name: &[u8],
) -> Option<&'n Vec<u64>> {
    let place = match names.recall(reader.collection as u64, name) {
        Recall::Known(place) => place,
        Recall::Again(place) => {
            names.learn(place, name, Some(reader.passing_by(name)));
            place
        }
        Recall::Stranger => return None,
    };
    names.get(place)
}
