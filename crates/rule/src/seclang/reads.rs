//! The reads of all rules: their numbers, by which it is remembered what they do not match, and what
//! they are by collection.

use std::ops::Range;

use super::collection::Collection;
use super::draft::Change;
use super::program::{Compiled, Deed, Link};
use super::text::Text;
use super::texts::{insert, words};

/// What is read of a collection of the request.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) collection: Collection,
    /// The reads that depend on nothing but a value whether they match it, a bit each.
    pub(super) fixed: Vec<u64>,
    /// Something else reads its values too: a text with a macro does.
    pub(super) in_full: bool,
}

impl Link {
    /// Whether it depends on nothing but a value whether the value matches.
    pub(super) fn is_fixed(&self) -> bool {
        let text = self.operator.text();
        text.is_none_or(|text| text.plain().is_some())
    }

    /// The numbers of its reads.
    pub(super) const fn numbers(&self) -> Range<usize> {
        self.first_read..self.first_read + self.reads.len()
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

/// Numbers the reads of all rules; how many there are.
pub(super) fn number(rules: &mut [Compiled]) -> usize {
    let links = rules.iter_mut().flat_map(|rule| &mut rule.links);
    links.fold(0, |first, link| {
        link.first_read = first;
        first + link.reads.len()
    })
}

/// What is read of each collection of the request that is read at all.
pub(super) fn by_collection(rules: &[Compiled], reads: usize) -> Vec<Reader> {
    let mut readers: Vec<Reader> = Vec::new();
    for link in rules.iter().flat_map(|rule| &rule.links) {
        let is_fixed = link.is_fixed();
        for (number, read) in link.numbers().zip(&link.reads) {
            let Some(reader) = reader(&mut readers, read.collection, reads) else {
                continue;
            };
            match (read.counted, is_fixed) {
                (true, _) => {}
                (false, true) => insert(&mut reader.fixed, number),
                (false, false) => reader.in_full = true,
            }
        }
        for collection in link.filled_in() {
            if let Some(reader) = reader(&mut readers, collection, reads) {
                reader.in_full = true;
            }
        }
    }
    readers
}

/// The reader of a collection; none where it is not of the request.
fn reader(readers: &mut Vec<Reader>, collection: Collection, reads: usize) -> Option<&mut Reader> {
    if !collection.is_of_request() {
        return None;
    }
    let known = readers.iter().position(|own| own.collection == collection);
    let place = known.unwrap_or_else(|| {
        readers.push(Reader {
            collection,
            fixed: vec![0; words(reads)],
            in_full: false,
        });
        readers.len() - 1
    });
    readers.get_mut(place)
}

/// The reads of a collection that match no value in which their literals are not: each with its gate.
pub(super) fn gated(rules: &[Compiled], collection: Collection) -> Vec<(usize, usize)> {
    let links = rules.iter().flat_map(|rule| &rule.links);
    let gated = links.filter_map(|link| Some((link, link.gate?)));
    let reads = gated.flat_map(|(link, gate)| {
        let reads = link.numbers().zip(&link.reads);
        let reads = reads.filter(|(_, read)| read.collection == collection && !read.counted);
        reads.map(move |(number, _)| (number, gate))
    });
    reads.collect()
}
