//! One request through the rules.
//!
//! Owns: the order of rules, chains, skips, what matches set and take out. Never holds: what lasts
//! beyond the request.

use std::borrow::Cow;
use std::ops::Range;

use vigil_event::Event;

use super::collection::Collection;
use super::draft::{Change, names_of};
use super::memory::Memory;
use super::operator::{Operator, number};
use super::plan::written;
use super::program::{Compiled, Deed, Link, Program};
use super::read::{Pick, Read};
use super::reads::Reader;
use super::repeat::write_matters;
use super::syntax::Variable;
use super::text::Text;
use super::texts::{TextId, Texts, has, words};
use super::transform::Transform;
use super::verdicts::Verdicts;

/// At most so many values are kept of what matched in a chain.
const MAX_MATCHED: usize = 256;
/// At most so many variables are set for one request.
pub(super) const MAX_VARIABLES: usize = 1_024;

/// A value that matched.
#[derive(Clone, Debug)]
pub(super) struct Matched {
    pub(super) collection: Collection,
    pub(super) name: Vec<u8>,
    /// The text that the operator saw.
    pub(super) text: TextId,
    pub(super) range: Range<usize>,
    /// The place of the link's transformations, for people.
    pub(super) chain: Vec<Transform>,
}

/// What an evaluation writes on. Made once for each thread.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) texts: Texts,
    /// The only things that outlast a request; they change no answer.
    memory: Memory,
    verdicts: Verdicts,
    /// The gates that one value opens.
    opened: Vec<u64>,
    /// What matched in the rule at hand: values and reads.
    tried: Vec<(u32, usize)>,
    /// Variables set by this request's matches; none for one that was taken away.
    pub(super) set: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    removed: Vec<u32>,
    /// Rule and link whose deeds took variables out of rules.
    removed_targets: Vec<(usize, usize)>,
    off: bool,
    /// What of the request can matter: see [`super::repeat`].
    pub(super) matters: Vec<u8>,
    /// What matched in the chain that is being looked at.
    pub(super) matched: Vec<Matched>,
}

impl Work {
    fn clear(&mut self, program: &Program) {
        self.memory.begin(program.number);
        self.texts.clear();
        self.set.clear();
        self.removed.clear();
        self.removed_targets.clear();
        self.off = false;
        self.matters.clear();
        self.matched.clear();
    }
}

impl Program {
    /// Reads a request, and writes what of it can matter; false if it surely did not come before in that.
    pub(super) fn read(&self, event: &Event, work: &mut Work) -> bool {
        work.clear(self);
        for reader in &self.reads.readers {
            let members = work.texts.members(reader.collection, event);
            work.memory.recall(reader, members, &work.texts.values);
            for value in members.start..members.end {
                if work.memory.is_new(value) {
                    self.look(reader, value, work);
                }
            }
        }
        work.memory.find_alive(self);
        let Work {
            texts,
            memory,
            matters,
            ..
        } = work;
        self.reads.readers.iter().all(|reader| {
            let members = texts.members(reader.collection, event);
            write_matters(reader, members, &texts.values, memory, matters)
        })
    }

    /// Runs every rule on the request that was [read](Self::read) last; `hit` is told of each that
    /// matched, with what matched in `Work::matched`.
    pub(super) fn run(
        &self,
        event: &Event,
        work: &mut Work,
        mut hit: impl FnMut(&Compiled, &Work),
    ) {
        let mut next = 0;
        while let Some(place) = work.memory.next_alive(next)
            && let Some(rule) = self.rules.get(place)
        {
            next = place + 1;
            if work.removed.contains(&(place as u32)) {
                continue;
            }
            work.matched.clear();
            if self.matches(place, rule, event, work) {
                hit(rule, work);
                if work.off {
                    break;
                }
                next = rule.skip_to.unwrap_or(next);
            }
        }
        work.memory.keep(&self.reads.readers, &work.texts);
    }

    /// Finds out what follows from a value alone: from its bytes, and from the literals in it.
    fn look(&self, reader: &Reader, value: u32, work: &mut Work) {
        let text = work.texts.of_value(value);
        let kinds = work.texts.kinds(text);
        work.memory.learn_bytes(value, kinds, reader, &self.rules);
        if reader.is_closed(work.memory.row(value, reader)) {
            return;
        }
        for look in &reader.looks {
            if look.is_closed(work.memory.row(value, reader)) {
                continue;
            }
            work.opened.clear();
            work.opened.resize(words(self.gates), 0);
            for (chain, needs) in &look.chains {
                let made = if needs.are_any_of(kinds) {
                    work.texts.transformed(text, chain)
                } else {
                    text
                };
                self.open(made, work);
            }
            let Work { memory, opened, .. } = &mut *work;
            look.close(opened, memory.row_mut(value, reader));
        }
    }

    fn open(&self, text: TextId, work: &mut Work) {
        let opened = work
            .texts
            .opened(text, &self.finder, &self.opens, self.gates);
        for (word, opened) in work.opened.iter_mut().zip(opened) {
            *word |= opened;
        }
    }

    fn matches(&self, place: usize, rule: &Compiled, event: &Event, work: &mut Work) -> bool {
        work.tried.clear();
        let matched = self.all_match(place, rule, event, work);
        // What its first link matched is known to come to nothing.
        if rule.by_value && !matched && !self.leaves_something(place, rule, work) {
            for (value, read) in &work.tried {
                work.memory.learn_miss(*value, *read);
            }
        }
        matched
    }

    fn all_match(&self, place: usize, rule: &Compiled, event: &Event, work: &mut Work) -> bool {
        rule.links.iter().enumerate().all(|(number, link)| {
            if work.memory.is_dismissed(link) {
                return false;
            }
            let mut matched = false;
            for (order, read) in link.reads.iter().enumerate() {
                matched |= self.read_matches((place, number), link, (order, read), event, work);
                if matched && !link.all {
                    return true;
                }
            }
            // A rule without variables acts on every request.
            if link.reads.is_empty() {
                self.act((place, number), link, event, work);
                matched = true;
            }
            matched
        })
    }

    fn read_matches(
        &self,
        at: (usize, usize),
        link: &Link,
        (order, read): (usize, &Read),
        event: &Event,
        work: &mut Work,
    ) -> bool {
        let place = link.places.get(order).copied().flatten();
        // Where each value decides by itself, all that match are told of if one comes to something.
        let by_value = self.rules.get(at.0).is_some_and(|rule| rule.by_value);
        let number = place.filter(|_| !by_value);
        if number.is_some_and(|number| work.memory.is_read_dismissed(number)) {
            return false;
        }
        let argument = self.argument(link, event, work);
        if read.counted {
            let count = self.count(at.0, read, event, work);
            return self.count_matches(at, link, read, &count, (&argument, event), work);
        }
        let mut matched = false;
        if !read.collection.is_of_request() {
            for (name, text) in self.made(read, work) {
                let text = work.texts.add(&text);
                let found = (read.collection, name.as_slice(), text);
                matched |= self.value_matches(at, link, found, &argument, event, work);
            }
            return matched;
        }
        let members = work.texts.members(read.collection, event);
        for value in members.start..members.end {
            if number.is_some_and(|number| work.memory.is_miss(value, number)) {
                continue;
            }
            let name = work.texts.values.name_of(value);
            let is_named = number.is_some() && work.memory.is_named(value);
            if !is_named && !read.takes(name) {
                place.inspect(|place| work.memory.learn_miss(value, *place));
                continue;
            }
            if self.is_taken_out(at.0, read.collection, name, work) {
                continue;
            }
            // Only what matched needs a copy of its name.
            let text = work.texts.of_value(value);
            let Some((text, chain, range)) = self.find(link, text, &argument, work) else {
                place.inspect(|place| work.memory.learn_miss(value, *place));
                continue;
            };
            work.tried.extend(place.map(|place| (value, place)));
            let name = work.texts.values.name_of(value).to_vec();
            self.note(
                at,
                link,
                event,
                Matched {
                    collection: read.collection,
                    name,
                    text,
                    range,
                    chain,
                },
                work,
            );
            matched = true;
            if !link.all {
                break;
            }
        }
        matched
    }

    /// Whether one text matches, and what follows from that.
    pub(super) fn value_matches(
        &self,
        at: (usize, usize),
        link: &Link,
        (collection, name, text): (Collection, &[u8], TextId),
        argument: &[u8],
        event: &Event,
        work: &mut Work,
    ) -> bool {
        let Some((text, chain, range)) = self.find(link, text, argument, work) else {
            return false;
        };
        let name = name.to_vec();
        self.note(
            at,
            link,
            event,
            Matched {
                collection,
                name,
                text,
                range,
                chain,
            },
            work,
        );
        true
    }

    /// The text under the first chain of transformations under which the operator holds.
    fn find(
        &self,
        link: &Link,
        text: TextId,
        argument: &[u8],
        work: &mut Work,
    ) -> Option<(TextId, Vec<Transform>, Range<usize>)> {
        let mut before = None;
        link.chains.iter().find_map(|chain| {
            let text = work.texts.transformed(text, chain);
            // With `multiMatch`, most chains change nothing more.
            if before.replace(text) == Some(text) {
                return None;
            }
            if let Some(gate) = link.gate {
                let opened = work
                    .texts
                    .opened(text, &self.finder, &self.opens, self.gates);
                if !has(opened, gate) {
                    return None;
                }
            }
            let bytes = work.texts.bytes(text);
            let found = match &link.operator {
                Operator::Injection(question) => {
                    let is_injection = work.verdicts.of(*question, bytes);
                    is_injection.then_some(0..bytes.len())
                }
                Operator::Pattern(one) if !one.may_match(work.texts.kinds(text), false) => None,
                // Where it matches does not matter.
                Operator::Pattern(pattern) if link.negated => {
                    pattern.is_match(bytes).then_some(0..0)
                }
                operator => operator.find(bytes, argument),
            };
            let found = if link.negated {
                found.is_none().then_some(0..bytes.len())
            } else {
                found
            };
            found.map(|range| (text, chain.clone(), range))
        })
    }

    fn note(
        &self,
        at: (usize, usize),
        link: &Link,
        event: &Event,
        matched: Matched,
        work: &mut Work,
    ) {
        if link.capture && !link.negated {
            let bytes = work.texts.bytes(matched.text);
            let groups = link.operator.groups(bytes, &matched.range);
            for (number, group) in groups.into_iter().take(10).enumerate() {
                set(work, written(&number), Some(group));
            }
        }
        if work.matched.len() < MAX_MATCHED {
            work.matched.push(matched);
        }
        self.act(at, link, event, work);
    }

    pub(super) fn is_taken_out(
        &self,
        rule: usize,
        collection: Collection,
        name: &[u8],
        work: &Work,
    ) -> bool {
        let mut taking = work
            .removed_targets
            .iter()
            .filter_map(|(rule, link)| self.rules.get(*rule)?.links.get(*link));
        taking.any(|link| {
            link.deeds.iter().any(|deed| match deed {
                Deed::RemoveTarget {
                    rules,
                    collection: of,
                    pick,
                } => *of == collection && rules.contains(&(rule as u32)) && pick.takes(name),
                _ => false,
            })
        })
    }

    /// What the operator's text is for this request.
    fn argument<'a>(&self, link: &'a Link, event: &Event, work: &mut Work) -> Cow<'a, [u8]> {
        let Some(text) = link.operator.text() else {
            return Cow::Borrowed(b"");
        };
        match text.plain() {
            Some(plain) => Cow::Borrowed(plain),
            None => Cow::Owned(self.filled(text, event, work)),
        }
    }

    fn filled(&self, text: &Text, event: &Event, work: &mut Work) -> Vec<u8> {
        text.with(|variable, to| {
            if variable.collection == "TX" {
                // Names are kept in lower case, and so macros are read.
                let value =
                    names_of(variable).and_then(|name| self.variable(name.as_bytes(), work));
                to.extend_from_slice(value.unwrap_or_default());
            } else {
                to.extend(self.macro_value(variable, event, work).unwrap_or_default());
            }
        })
    }

    /// What a variable of the request is, or one that tells of a match.
    fn macro_value(&self, variable: &Variable, event: &Event, work: &mut Work) -> Option<Vec<u8>> {
        let collection = Collection::of_name(&variable.collection)?;
        let name = names_of(variable).map(|name| name.to_ascii_lowercase().into_bytes());
        let read = Read {
            collection,
            pick: name.map_or(Pick::All, Pick::Name),
            counted: false,
            except: Vec::new(),
            presets: Vec::new(),
        };
        if !collection.is_of_request() {
            return self
                .made(&read, work)
                .into_iter()
                .next()
                .map(|(_, text)| text);
        }
        let members = work.texts.members(collection, event);
        (members.start..members.end).find_map(|value| {
            let value = work.texts.values.all.get(value as usize)?;
            let takes = read.takes(work.texts.values.text(value.name));
            takes.then(|| work.texts.values.text(value.text).to_vec())
        })
    }

    fn act(&self, at: (usize, usize), link: &Link, event: &Event, work: &mut Work) {
        for deed in &link.deeds {
            match deed {
                Deed::Off => work.off = true,
                Deed::Remove(rules) => work.removed.extend_from_slice(rules),
                Deed::RemoveTarget { .. } => {
                    if !work.removed_targets.contains(&at) {
                        work.removed_targets.push(at);
                    }
                }
                Deed::Set { name, change } => {
                    let name = self.filled(name, event, work).to_ascii_lowercase();
                    let before = number(self.variable(&name, work).unwrap_or(b"0"));
                    let value = match change {
                        Change::Unset => None,
                        Change::To(text) => Some(self.filled(text, event, work)),
                        Change::Plus(text) => {
                            let by = number(&self.filled(text, event, work));
                            Some(written(&before.saturating_add(by)))
                        }
                        Change::Minus(text) => {
                            let by = number(&self.filled(text, event, work));
                            Some(written(&before.saturating_sub(by)))
                        }
                    };
                    set(work, name, value);
                }
            }
        }
    }
}

fn set(work: &mut Work, name: Vec<u8>, value: Option<Vec<u8>>) {
    if let Some((_, slot)) = work.set.iter_mut().find(|(own, _)| *own == name) {
        *slot = value;
    } else if work.set.len() < MAX_VARIABLES {
        work.set.push((name, value));
    }
}

/// `ARGS:id`, as SecLang names a value.
pub(super) fn full_name(collection: Collection, name: &[u8]) -> Vec<u8> {
    if name.is_empty() {
        return collection.name().as_bytes().to_vec();
    }
    [collection.name().as_bytes(), b":", name].concat()
}
