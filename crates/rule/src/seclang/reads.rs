//! The reads of all rules: their numbers, by which it is remembered what they do not match.

use super::collection::Collection;
use super::program::{Compiled, Link};
use super::texts::words;

impl Link {
    /// Whether it depends on nothing but a value whether the value matches.
    pub(super) fn is_fixed(&self) -> bool {
        let text = self.operator.text();
        text.is_none_or(|text| text.plain().is_some())
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

/// For each collection of the request the reads that depend on nothing but its values, a bit each.
pub(super) fn by_collection(rules: &[Compiled], reads: usize) -> Vec<(Collection, Vec<u64>)> {
    let mut readers: Vec<(Collection, Vec<u64>)> = Vec::new();
    for link in rules.iter().flat_map(|rule| &rule.links) {
        for (number, read) in (link.first_read..).zip(&link.reads) {
            if !read.collection.is_of_request() {
                continue;
            }
            let known = readers.iter().position(|(own, _)| *own == read.collection);
            let place = known.unwrap_or_else(|| {
                readers.push((read.collection, vec![0; words(reads)]));
                readers.len() - 1
            });
            let bits = readers.get_mut(place).map(|(_, bits)| bits);
            let word = bits.and_then(|bits| bits.get_mut(number / 64));
            if let Some(word) = word.filter(|_| link.is_fixed() && !read.counted) {
                *word |= 1 << (number % 64);
            }
        }
    }
    readers
}
