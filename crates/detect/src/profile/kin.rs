//! Pages of one kind: `/tag/red`, `/tag/blue` and their like, where each has a few visitors and all together
//! have many.
//!
//! What: whether the pages at one place of the tree take the same, and by how many they are known. Input:
//! what is trusted of each. Output: a [`Kin`]. Limits: a place has a few hundred pages.

use hashbrown::HashSet;

use super::witness::Crowd;

/// Pages beside one another that take the same: what is known of one goes for all.
#[derive(Clone, Debug, Default)]
pub(super) struct Kin {
    pub(super) crowd: Crowd,
    /// The methods that are trusted on any of them.
    pub(super) methods: u64,
    names: HashSet<Box<str>>,
    /// The most names that one of them takes.
    most_names: usize,
    pages: usize,
}

impl Kin {
    /// So many pages make a kind.
    const LEAST: usize = 4;

    /// Takes a page in that is trusted: who asked for it, and the methods and names that are trusted on it.
    pub(super) fn add<'a>(
        &mut self,
        crowd: &Crowd,
        methods: u64,
        names: impl Iterator<Item = &'a str> + Clone,
    ) {
        self.names.extend(names.clone().map(Box::from));
        self.most_names = self.most_names.max(names.count());
        self.crowd.add(crowd);
        self.methods |= methods;
        self.pages += 1;
    }

    /// Whether they are of one kind: one of them takes all that any takes.
    pub(super) fn is_one_kind(&self) -> bool {
        self.pages >= Self::LEAST && self.names.len() <= self.most_names
    }
}
