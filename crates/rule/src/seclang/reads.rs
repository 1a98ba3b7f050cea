//! The reads of all rules that depend on nothing but a value: their numbers, by which it is remembered
//! what they do not match, and what they are by collection.
//!
//! Those of a collection stand in words of their own, so that a value has few of them.

use super::collection::Collection;
use super::draft::Change;
use super::program::{Compiled, Deed, Link};
use super::read::Read;
use super::text::Text;
use super::texts::{has, insert, words};
use super::transform::{Bytes, Transform};

/// What is read of a collection of the request.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) collection: Collection,
    /// The first of its words among those of all.
    pub(super) first: usize,
    /// The reads, and whose they are: the places of a rule and of a link.
    reads: Vec<(Read, (usize, usize))>,
    /// Some do not take every name.
    has_names: bool,
    /// Something else reads its values too: a text with a macro does.
    pub(super) in_full: bool,
    pub(super) looks: Vec<Look>,
}

/// Reads that look for literals in the same texts.
#[derive(Debug)]
pub(super) struct Look {
    /// The transformations, each with the bytes without any of which a text is the same under it, but
    /// for its case.
    pub(super) chains: Vec<(Vec<Transform>, Bytes)>,
    /// A bit each.
    reads: Vec<u64>,
    /// For each its gate.
    gates: Vec<(usize, usize)>,
}

impl Reader {
    fn new(collection: Collection) -> Self {
        Self {
            collection,
            first: 0,
            reads: Vec::new(),
            has_names: false,
            in_full: false,
            looks: Vec::new(),
        }
    }

    /// How many words hold a bit for each read.
    pub(super) const fn words(&self) -> usize {
        words(self.reads.len())
    }

    /// The bits of its reads in such a word.
    pub(super) fn all(&self, word: usize) -> u64 {
        let count = self.reads.len() - word * 64;
        u64::MAX >> (64 - count.min(64))
    }

    /// The rule and the link that a read is of.
    pub(super) fn link_of(&self, read: usize) -> Option<(usize, usize)> {
        self.reads.get(read).map(|(_, link)| *link)
    }

    /// Whether names tell which values are read.
    pub(super) const fn has_names(&self) -> bool {
        self.has_names
    }

    /// The reads that do not take values of a name, a bit each.
    pub(super) fn passing_by(&self, name: &[u8]) -> Vec<u64> {
        self.bits(|read, _| !read.takes(name))
    }

    /// The reads that match no text which has no other bytes than these, a bit each.
    pub(super) fn out_of(&self, bytes: Bytes, rules: &[Compiled]) -> Vec<u64> {
        self.bits(|_, (rule, link)| {
            let link = rules.get(rule).and_then(|rule| rule.links.get(link));
            link.is_some_and(|link| link.is_out_of(bytes))
        })
    }

    fn bits(&self, is_of: impl Fn(&Read, (usize, usize)) -> bool) -> Vec<u64> {
        let mut bits = vec![0; self.words()];
        for (number, (read, link)) in self.reads.iter().enumerate() {
            if is_of(read, *link) {
                insert(&mut bits, number);
            }
        }
        bits
    }

    /// Adds a read; its number.
    fn add(&mut self, read: &Read, at: (usize, usize), link: &Link) -> usize {
        let number = self.reads.len();
        self.reads.push((read.clone(), at));
        self.has_names |= !read.takes_all();
        if let Some(gate) = link.gate {
            let chains = link.chains.iter().map(|chain| looked_through(chain));
            let chains: Vec<_> = chains.collect();
            let known = self.looks.iter_mut().find(|look| look.chains == chains);
            match known {
                Some(look) => look.gates.push((gate, number)),
                None => self.looks.push(Look {
                    chains,
                    reads: Vec::new(),
                    gates: vec![(gate, number)],
                }),
            }
        }
        number
    }

    fn finish(&mut self, first: usize) {
        self.first = first;
        let words = self.words();
        for look in &mut self.looks {
            look.reads.resize(words, 0);
            let reads = look.gates.iter();
            reads.for_each(|(_, read)| insert(&mut look.reads, *read));
        }
    }
}

/// A chain as literals are looked for under it, in either case.
fn looked_through(chain: &[Transform]) -> (Vec<Transform>, Bytes) {
    let chain = match chain {
        [before @ .., Transform::Lowercase] => before,
        all => all,
    };
    let others = chain.iter().filter(|one| **one != Transform::Lowercase);
    let needs = others.fold(Bytes::default(), |all, one| all.with(one.needs()));
    (chain.to_vec(), needs)
}

impl Look {
    /// Whether none of its reads may match a value that these miss.
    pub(super) fn is_closed(&self, row: &[u64]) -> bool {
        let mut words = self.reads.iter().zip(row);
        words.all(|(reads, misses)| reads & !misses == 0)
    }

    /// Adds the reads that do not match a value which opens these gates.
    pub(super) fn close(&self, opened: &[u64], row: &mut [u64]) {
        let closed = self.gates.iter().filter(|(gate, _)| !has(opened, *gate));
        closed.for_each(|(_, read)| insert(row, *read));
    }
}

impl Link {
    /// Whether it depends on nothing but a value whether the value matches.
    fn is_fixed(&self) -> bool {
        let text = self.operator.text();
        text.is_none_or(|text| text.plain().is_some())
    }

    /// The collections whose values stand in its texts.
    fn filled_in(&self) -> impl Iterator<Item = Collection> {
        let of_deeds = self.deeds.iter().flat_map(|deed| match deed {
            Deed::Set { name, change } => match change {
                Change::To(text) | Change::Plus(text) | Change::Minus(text) => {
                    [Some(name), Some(text)]
                }
                Change::Unset => [Some(name), None],
            },
            Deed::Remove(_) | Deed::RemoveTarget { .. } | Deed::Off => [None, None],
        });
        let texts = of_deeds.flatten().chain(self.operator.text());
        let variables = texts.flat_map(Text::macros);
        variables.filter_map(|variable| Collection::of_name(&variable.collection))
    }
}

/// What is read of each collection of the request that is read at all; numbers the reads.
pub(super) fn by_collection(rules: &mut [Compiled]) -> Vec<Reader> {
    let mut readers: Vec<Reader> = Vec::new();
    let mut places = Vec::new();
    for (at, rule) in rules.iter().enumerate() {
        for (number, link) in rule.links.iter().enumerate() {
            for read in &link.reads {
                let found = reader(&mut readers, read.collection);
                let place = found.filter(|_| !read.counted).and_then(|(reader, own)| {
                    own.in_full |= !link.is_fixed();
                    link.is_fixed()
                        .then(|| (reader, own.add(read, (at, number), link)))
                });
                places.push(place);
            }
            for collection in link.filled_in() {
                if let Some((_, reader)) = reader(&mut readers, collection) {
                    reader.in_full = true;
                }
            }
        }
    }
    let mut words = 0;
    for reader in &mut readers {
        reader.finish(words);
        words += reader.words();
    }
    let mut places = places.into_iter();
    let mut number = 0;
    for rule in rules {
        let end = number + rule.links.len();
        rule.needed = number..end.min(number + rule.needed.len());
        for link in &mut rule.links {
            let own = places.by_ref().take(link.reads.len());
            let global =
                |(reader, read): (usize, usize)| Some(readers.get(reader)?.first * 64 + read);
            link.places = own.map(|place| place.and_then(global)).collect();
            link.number = number;
            number += 1;
        }
    }
    readers
}

/// The reader of a collection and its place; none where it is not of the request.
fn reader(readers: &mut Vec<Reader>, collection: Collection) -> Option<(usize, &mut Reader)> {
    if !collection.is_of_request() {
        return None;
    }
    let known = readers.iter().position(|own| own.collection == collection);
    let place = known.unwrap_or_else(|| {
        readers.push(Reader::new(collection));
        readers.len() - 1
    });
    Some((place, readers.get_mut(place)?))
}
