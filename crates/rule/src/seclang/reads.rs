//! The reads of all rules: their numbers, by which it is remembered what they do not match, and what
//! they are by collection.

use std::ops::Range;

use super::collection::Collection;
use super::draft::Change;
use super::program::{Compiled, Deed, Link};
use super::read::Read;
use super::text::Text;
use super::texts::{insert, numbers, remove, words};

/// What is read of a collection of the request.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) collection: Collection,
    /// The reads that depend on nothing but a value whether they match it, a bit each.
    pub(super) fixed: Vec<u64>,
    /// The same with their numbers.
    reads: Vec<(usize, Read)>,
    /// Something else reads its values too: a text with a macro does.
    pub(super) in_full: bool,
}

impl Reader {
    /// The reads that do not take values of a name, a bit each.
    pub(super) fn passing_by(&self, name: &[u8]) -> Vec<u64> {
        let mut bits = vec![0; self.fixed.len()];
        let others = self.reads.iter().filter(|(_, read)| !read.takes(name));
        others.for_each(|(number, _)| insert(&mut bits, *number));
        bits
    }
}

/// The reads of a collection that match no value in which their literals are not.
#[derive(Debug)]
pub(super) struct Gated {
    /// A bit each.
    reads: Vec<u64>,
    /// For each gate those that it lets through.
    behind: Vec<Vec<usize>>,
}

impl Gated {
    pub(super) fn new(
        rules: &[Compiled],
        collection: Collection,
        (reads, gates): (usize, usize),
    ) -> Self {
        let mut made = Self {
            reads: vec![0; words(reads)],
            behind: vec![Vec::new(); gates],
        };
        let links = rules.iter().flat_map(|rule| &rule.links);
        for (link, gate) in links.filter_map(|link| Some((link, link.gate?))) {
            for (number, read) in link.numbers().zip(&link.reads) {
                if read.collection == collection && !read.counted {
                    insert(&mut made.reads, number);
                    if let Some(behind) = made.behind.get_mut(gate) {
                        behind.push(number);
                    }
                }
            }
        }
        made
    }

    /// Writes the reads that do not match a value which opens these gates.
    pub(super) fn closed(&self, opened: &[u64], to: &mut Vec<u64>) {
        to.clear();
        to.extend_from_slice(&self.reads);
        let open = numbers(opened).filter_map(|gate| self.behind.get(gate));
        open.flatten().for_each(|read| remove(to, *read));
    }
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

/// Numbers the reads of all rules, those of a link in one word if there is room; how many numbers
/// there are.
pub(super) fn number(rules: &mut [Compiled]) -> usize {
    const WORD: usize = u64::BITS as usize;
    let links = rules.iter_mut().flat_map(|rule| &mut rule.links);
    links.fold(0, |next, link| {
        let count = link.reads.len();
        let is_split = next % WORD + count > WORD;
        link.first_read = if is_split {
            next.next_multiple_of(WORD)
        } else {
            next
        };
        let bits = u64::MAX.checked_shr((WORD - count.min(WORD)) as u32);
        let bits = bits.filter(|_| count <= WORD).unwrap_or_default();
        link.bits = (link.first_read / WORD, bits << (link.first_read % WORD));
        link.first_read + count
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
                (false, true) => {
                    insert(&mut reader.fixed, number);
                    reader.reads.push((number, read.clone()));
                }
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
            reads: Vec::new(),
            in_full: false,
        });
        readers.len() - 1
    });
    readers.get_mut(place)
}
