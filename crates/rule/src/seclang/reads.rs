//! The reads of all rules that depend on nothing but a value: their numbers, by which it is remembered
//! what they do not match, and what they are by collection.
//!
//! Those of a collection stand in words of their own, so that a value has few of them.

use super::collection::Collection;
use super::draft::Change;
use super::program::{Compiled, Deed, Link};
use super::read::Read;
use super::text::Text;
use super::texts::{has, insert, meet, words};
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
    /// The reads of all looks, a bit each.
    looking: Vec<u64>,
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
    /// All these gates, a bit each.
    wanted: Vec<u64>,
}

/// What is read of the request by all rules.
#[derive(Debug)]
pub(super) struct Reads {
    pub(super) readers: Vec<Reader>,
    /// A bit for each read.
    pub(super) all: Vec<u64>,
    /// For each bit the number of the link whose read it is.
    pub(super) links: Vec<usize>,
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
            looking: Vec::new(),
        }
    }

    /// How many words hold a bit for each read.
    pub(super) const fn words(&self) -> usize {
        words(self.reads.len())
    }

    /// Whether none of the reads that look for literals may match a value that these miss.
    pub(super) fn is_closed(&self, row: &[u64]) -> bool {
        are_all_of(&self.looking, row)
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
                    wanted: Vec::new(),
                }),
            }
        }
        number
    }

    fn finish(&mut self, first: usize) {
        self.first = first;
        let own = self.words();
        self.looking.resize(own, 0);
        for look in &mut self.looks {
            look.reads.resize(own, 0);
            for (gate, read) in &look.gates {
                insert(&mut look.reads, *read);
                insert(&mut self.looking, *read);
                let length = look.wanted.len().max(words(gate + 1));
                look.wanted.resize(length, 0);
                insert(&mut look.wanted, *gate);
            }
        }
    }
}

/// Whether all of these bits are among the others.
fn are_all_of(these: &[u64], others: &[u64]) -> bool {
    let mut words = these.iter().zip(others);
    words.all(|(these, others)| these & !others == 0)
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
        are_all_of(&self.reads, row)
    }

    /// Adds the reads that do not match a value which opens these gates.
    pub(super) fn close(&self, opened: &[u64], row: &mut [u64]) {
        if meet(&self.wanted, opened) {
            let closed = self.gates.iter().filter(|(gate, _)| !has(opened, *gate));
            closed.for_each(|(_, read)| insert(row, *read));
        } else {
            let words = row.iter_mut().zip(&self.reads);
            words.for_each(|(misses, reads)| *misses |= reads);
        }
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

/// What is read of each collection of the request that is read at all; numbers the reads, and the links:
/// the first of each rule by the rule's place, the others behind these.
pub(super) fn by_collection(rules: &mut [Compiled]) -> Reads {
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
    let mut count = 0;
    for reader in &mut readers {
        reader.finish(count);
        count += reader.words();
    }
    let mut reads = Reads {
        readers,
        all: vec![0; count],
        links: vec![0; count * 64],
    };
    reads.number(rules, &mut places.into_iter());
    reads
}

impl Reads {
    /// Gives the links their numbers, and those of their reads.
    fn number(
        &mut self,
        rules: &mut [Compiled],
        places: &mut impl Iterator<Item = Option<(usize, usize)>>,
    ) {
        let mut next = words(rules.len()) * 64;
        for (at, rule) in rules.iter_mut().enumerate() {
            let others = rule.links.len().saturating_sub(1);
            rule.needed = next..next + rule.needed.len().min(others);
            let numbers = std::iter::once(at).chain(next..next + others);
            next += others;
            for (link, number) in rule.links.iter_mut().zip(numbers) {
                link.number = number;
                for own in places.by_ref().take(link.reads.len()) {
                    let read = own.and_then(|(reader, read)| {
                        Some(self.readers.get(reader)?.first * 64 + read)
                    });
                    link.places.push(read);
                    let slot = read.and_then(|read| self.links.get_mut(read));
                    if let (Some(read), Some(slot)) = (read, slot) {
                        insert(&mut self.all, read);
                        *slot = number;
                    }
                }
            }
        }
    }
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
