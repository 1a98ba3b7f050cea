//! Adding up what is known of two parameters, and how much that is.

use super::{Known, MAX_PAIRS, MAX_PATTERNS, MAX_VALUE_BYTES, MAX_VALUES, ValueProfile};
use crate::profile::sparse::Sparse;
use crate::profile::witness::Witness;

impl ValueProfile {
    pub(crate) fn add(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.crowd.add(&other.crowd);
        for (mine, theirs) in [
            (&mut self.kinds, &other.kinds),
            (&mut self.classes, &other.classes),
            (&mut self.lengths, &other.lengths),
            (&mut self.signs, &other.signs),
        ] {
            mine.add(theirs);
        }
        for (pair, seen) in &other.pairs {
            let mine = self.pairs.iter_mut().find(|(known, _)| known == pair);
            if let Some((_, mine)) = mine {
                mine.add(seen);
            } else if self.pairs.len() < MAX_PAIRS {
                self.pairs.push((*pair, *seen));
            }
        }
        self.overflow.add(&other.overflow);
        self.new_classes.add(&other.new_classes);
        self.new_pairs.add(&other.new_pairs);
        self.new_values.add(&other.new_values);
        self.new_patterns.add(&other.new_patterns);
        self.add_patterns(other);
        if other.is_open {
            self.open();
        }
        for known in &other.values {
            let mine = self.values.iter_mut().find(|one| one.hash == known.hash);
            if let Some(mine) = mine {
                mine.seen.add(&known.seen);
                mine.text = mine.text.take().or_else(|| known.text.clone());
            } else if self.is_open {
                break;
            } else if self.values.len() < MAX_VALUES {
                self.values.push(known.clone());
            } else {
                self.overflow.add(&known.seen);
            }
        }
    }

    fn add_patterns(&mut self, other: &Self) {
        for (pattern, seen) in &other.patterns {
            let mine = self.patterns.iter_mut().find(|(known, _)| known == pattern);
            if let Some((_, mine)) = mine {
                mine.add(seen);
            } else {
                self.patterns.push((*pattern, *seen));
            }
        }
        self.other_patterns.add(&other.other_patterns);
        if self.is_free || other.is_free || self.patterns.len() > MAX_PATTERNS {
            self.follow_none();
        }
    }

    /// Whether what was read from a file keeps the bounds.
    pub(crate) fn is_bounded(&self) -> bool {
        let short = |known: &Known| {
            known
                .text
                .as_ref()
                .is_none_or(|text| text.len() <= MAX_VALUE_BYTES)
        };
        self.values.len() <= MAX_VALUES
            && self.pairs.len() <= MAX_PAIRS
            && self.patterns.len() <= MAX_PATTERNS
            && self.values.iter().all(short)
    }

    /// About how many bytes it holds beside itself.
    pub(crate) fn bytes(&self) -> usize {
        let sparse = [&self.kinds, &self.classes, &self.lengths, &self.signs];
        let texts = self.values.iter().filter_map(|known| known.text.as_ref());
        sparse.into_iter().map(Sparse::bytes).sum::<usize>()
            + self.pairs.capacity() * size_of::<(u16, Witness)>()
            + self.patterns.capacity() * size_of::<(u64, Witness)>()
            + self.values.capacity() * size_of::<Known>()
            + texts.map(|text| text.len()).sum::<usize>()
    }
}
