//! What is known of values: which reads of which rules do not match them. Most headers of a request
//! have been seen before, and so have most paths; of others their names tell, and their bytes.
//!
//! Owns: a bounded table of values with their names, and the places in it of the request at hand.
//! Never holds: an answer that depends on more than the value, such as on what rules set or took out.

use std::ops::Range;

use super::program::{Compiled, Link, Program};
use super::reads::{Reader, Reads};
use super::texts::{Texts, has, insert, numbers, words};
use super::transform::Bytes;
use super::values::{Members, Value, Values};
use vigil_event::familiar::{Familiar, Place, Recall};

/// How many values are kept.
const SLOTS: u16 = 1 << 13;
/// Longer ones with their names are not, in bytes.
const MAX_BYTES: u16 = 512;
/// How many names are kept, and how long they may be.
const NAME_SLOTS: u16 = 1 << 10;
const MAX_NAME_BYTES: u16 = 64;
/// How many sets of bytes are kept.
const KIND_SLOTS: u16 = 1 << 10;

/// The values that are known. Its memory is taken when it is first used.
#[derive(Debug)]
pub(super) struct Memory {
    /// Whose rules it knows of.
    program: u64,
    table: Familiar<Known>,
    /// For each name the reads that do not take its values.
    names: Familiar<Vec<u64>>,
    /// For each set of bytes the reads that match no text of them.
    kinds: Familiar<Vec<u64>>,
    /// For each value of the request what is known of it.
    states: Vec<State>,
    /// For each value of the request the reads of its collection that do not match it, a bit each.
    misses: Vec<u64>,
    /// The values of each reader's collection.
    members: Vec<Range<usize>>,
    /// The reads that are known to match nothing in the request.
    dismissed: Vec<u64>,
    /// The links that are not known to match nothing in the request.
    open: Vec<u64>,
    key: Vec<u8>,
    /// The rules that may match, and their reads.
    alive: Vec<u64>,
    alive_reads: Vec<u64>,
}

/// A value of the request.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    place: Option<Place>,
    /// Where its words stand among the misses, and the first word of its collection among those of all
    /// reads.
    row: usize,
    first: usize,
    kept: Kept,
    /// Among its misses are all that do not take values of its name.
    named: bool,
    /// It did not come lately.
    is_stranger: bool,
}

/// How much of what was found out about a value is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kept {
    #[default]
    Nothing,
    /// What was found out before, which is among its misses.
    Some,
    All,
}

/// What is known of a value; it grows with each request.
#[derive(Clone, Debug, Default)]
struct Known {
    /// The reads that do not match it, once some were found out.
    misses: Vec<u64>,
    is_found: bool,
    /// See [`State::named`].
    named: bool,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            program: 0,
            table: Familiar::new(0, 0),
            names: Familiar::new(0, 0),
            kinds: Familiar::new(0, 0),
            states: Vec::new(),
            misses: Vec::new(),
            members: Vec::new(),
            dismissed: Vec::new(),
            open: Vec::new(),
            key: Vec::new(),
            alive: Vec::new(),
            alive_reads: Vec::new(),
        }
    }
}

impl Memory {
    /// Another request comes, for the program of that number.
    pub(super) fn begin(&mut self, program: u64) {
        if self.program != program {
            *self = Self {
                program,
                table: Familiar::new(SLOTS, MAX_BYTES),
                names: Familiar::new(NAME_SLOTS, MAX_NAME_BYTES),
                kinds: Familiar::new(KIND_SLOTS, size_of::<Bytes>() as u16),
                ..Self::default()
            };
        }
        self.table.begin();
        self.names.begin();
        self.kinds.begin();
        self.states.clear();
        self.misses.clear();
        self.members.clear();
    }

    /// Looks for the values of a reader's collection.
    pub(super) fn recall(&mut self, reader: &Reader, members: Members, values: &Values) {
        let members = members.start as usize..members.end as usize;
        self.states
            .resize(members.end.max(self.states.len()), State::default());
        let words = reader.words();
        for at in members.clone() {
            let Some(value) = values.all.get(at) else {
                break;
            };
            let name = values.text(value.name);
            let key = key(values, value, &mut self.key);
            // Where the name ends is part of what the value is.
            let tag = ((name.len() as u64) << 8) | reader.collection as u64;
            let place = known_place(&mut self.table, tag, key);
            let is_stranger = place.is_none() && !key.is_empty();
            let known = place.and_then(|place| self.table.get(place));
            let known = known.filter(|known| known.is_found);
            let row = self.misses.len();
            let named = if let Some(known) = known {
                self.misses.extend_from_slice(&known.misses);
                known.named
            } else if !reader.has_names() {
                true
            } else if let Some(misses) = of_name(&mut self.names, reader, name) {
                self.misses.extend_from_slice(misses);
                true
            } else {
                false
            };
            self.misses.resize(row + words, 0);
            if let Some(slot) = self.states.get_mut(at) {
                *slot = State {
                    place,
                    row,
                    first: reader.first,
                    kept: known.map_or(Kept::Nothing, |_| Kept::All),
                    named,
                    is_stranger,
                };
            }
        }
        self.members.push(members);
    }

    /// Finds the rules that may match, by what is known now of the values.
    pub(super) fn find_alive(&mut self, program: &Program) {
        self.dismiss(program);
        let rules = words(program.rules.len());
        let Self {
            open,
            alive,
            alive_reads,
            ..
        } = self;
        // The first links have their rules' numbers.
        let first = open.get(..rules).unwrap_or_default();
        alive.clear();
        alive.extend_from_slice(first);
        alive_reads.clear();
        alive_reads.resize(self.dismissed.len(), 0);
        for place in numbers(first) {
            let Some(rule) = program.rules.get(place) else {
                break;
            };
            if rule.needed.clone().all(|link| has(open, link)) {
                let reads = rule.links.iter().flat_map(|link| &link.places).flatten();
                reads.for_each(|read| insert(alive_reads, *read));
            } else if let Some(word) = alive.get_mut(place / 64) {
                *word &= !(1 << (place % 64));
            }
        }
    }

    /// Dismisses the reads that match none of the values; links with others are open.
    fn dismiss(&mut self, program: &Program) {
        let Reads {
            readers,
            all,
            links,
        } = &program.reads;
        self.dismissed.clear();
        self.dismissed.extend_from_slice(all);
        for (reader, members) in readers.iter().zip(&self.members) {
            let words = reader.first..reader.first + reader.words();
            let own = self.dismissed.get_mut(words).unwrap_or_default();
            for state in self.states.get(members.clone()).unwrap_or_default() {
                let row = self.misses.get(state.row..).unwrap_or_default();
                let words = own.iter_mut().zip(row);
                words.for_each(|(dismissed, misses)| *dismissed &= misses);
            }
        }
        self.open.clear();
        self.open.extend_from_slice(&program.open);
        let words = all.iter().zip(&self.dismissed).enumerate();
        for (place, (all, dismissed)) in words {
            for read in numbers(&[all & !dismissed]) {
                if let Some(link) = links.get(place * 64 + read) {
                    insert(&mut self.open, *link);
                }
            }
        }
    }

    /// The first rule from a place on that may match.
    pub(super) fn next_alive(&self, place: usize) -> Option<usize> {
        let words = self.alive.iter().enumerate().skip(place / 64);
        let mut from = u64::MAX << (place % 64);
        let mut rest = words.map(|(at, word)| (at, word & std::mem::replace(&mut from, u64::MAX)));
        let (at, word) = rest.find(|(_, word)| *word != 0)?;
        Some(at * 64 + word.trailing_zeros() as usize)
    }

    /// Whether a value did not come lately: nor did a request in which its text matters.
    pub(super) fn is_stranger(&self, value: u32) -> bool {
        self.state(value).is_stranger
    }

    /// Whether it is known of a value that no rule which may match matches it.
    pub(super) fn is_mute(&self, value: u32, reader: &Reader) -> bool {
        let alive = self.alive_reads.get(reader.first..).unwrap_or_default();
        let mut open = alive.iter().zip(self.row(value, reader));
        !reader.in_full && open.all(|(alive, misses)| alive & !misses == 0)
    }

    /// What misses a value.
    pub(super) fn row(&self, value: u32, reader: &Reader) -> &[u64] {
        let row = self.state(value).row;
        self.misses
            .get(row..row + reader.words())
            .unwrap_or_default()
    }

    pub(super) fn row_mut(&mut self, value: u32, reader: &Reader) -> &mut [u64] {
        let row = self.state(value).row;
        self.misses
            .get_mut(row..row + reader.words())
            .unwrap_or_default()
    }

    /// Whether all that a link reads is known to match nothing in the request.
    pub(super) fn is_dismissed(&self, link: &Link) -> bool {
        !has(&self.open, link.number)
    }

    /// Whether a read is known to match nothing in the request.
    pub(super) fn is_read_dismissed(&self, read: usize) -> bool {
        has(&self.dismissed, read)
    }

    /// Whether it is known that a read takes values of the name that a value has, if it is not known
    /// that it does not match it.
    pub(super) fn is_named(&self, value: u32) -> bool {
        self.state(value).named
    }

    /// Whether a read is known not to match a value.
    pub(super) fn is_miss(&self, value: u32, read: usize) -> bool {
        let state = self.state(value);
        has(&self.misses, read + state.row * 64 - state.first * 64)
    }

    /// A read does not match a value.
    pub(super) fn learn_miss(&mut self, value: u32, read: usize) {
        let Some(state) = self.states.get_mut(value as usize) else {
            return;
        };
        if state.kept == Kept::All {
            state.kept = Kept::Some;
        }
        insert(&mut self.misses, read + state.row * 64 - state.first * 64);
    }

    /// Whether what follows from a value alone is still to be found out.
    pub(super) fn is_new(&self, value: u32) -> bool {
        self.state(value).kept == Kept::Nothing
    }

    /// A value has no other bytes than these.
    pub(super) fn learn_bytes(
        &mut self,
        value: u32,
        bytes: Bytes,
        reader: &Reader,
        rules: &[Compiled],
    ) {
        let (key, tag) = (bytes.key(), reader.collection as u64);
        let place = match self.kinds.recall(tag, &key) {
            Recall::Known(place) => place,
            Recall::Again(place) => {
                let misses = reader.out_of(bytes, rules);
                self.kinds.learn(place, &key, Some(misses));
                place
            }
            Recall::Stranger => return,
        };
        let row = self.state(value).row;
        let misses = self.kinds.get(place).into_iter().flatten();
        for (word, misses) in self.misses.iter_mut().skip(row).zip(misses) {
            *word |= misses;
        }
    }

    /// Keeps what was found out about the values that are known, if nothing was left as it is.
    pub(super) fn keep(&mut self, readers: &[Reader], texts: &Texts) {
        if texts.is_cut() {
            return;
        }
        for (reader, members) in readers.iter().zip(&self.members) {
            for state in self.states.get(members.clone()).into_iter().flatten() {
                let place = state.place.filter(|_| state.kept != Kept::All);
                if let Some(known) = place.and_then(|place| self.table.get_mut(place)) {
                    let row = self.misses.get(state.row..state.row + reader.words());
                    known.named = state.named;
                    known.is_found = true;
                    known.misses.clear();
                    known.misses.extend_from_slice(row.unwrap_or_default());
                }
            }
        }
    }

    fn state(&self, value: u32) -> State {
        self.states.get(value as usize).copied().unwrap_or_default()
    }
}

/// The name and the text of a value, one after the other; once where they are the same bytes.
fn key<'k>(values: &'k Values, value: &Value, to: &'k mut Vec<u8>) -> &'k [u8] {
    let (name, text) = (value.name, value.text);
    if name == text || name.0 == name.1 {
        return values.text(text);
    }
    // Mostly they stand so already.
    if name.1 == text.0 {
        return values.text((name.0, text.1));
    }
    to.clear();
    to.extend_from_slice(values.text(name));
    to.extend_from_slice(values.text(text));
    to
}

/// The place of a value in the table, if it came before.
fn known_place(table: &mut Familiar<Known>, tag: u64, key: &[u8]) -> Option<Place> {
    match table.recall(tag, key) {
        Recall::Known(place) => Some(place),
        Recall::Again(place) => {
            table.learn(place, key, Some(Known::default()));
            Some(place)
        }
        Recall::Stranger => None,
    }
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
