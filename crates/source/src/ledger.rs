//! Who reads which file, and which files were read before.
//!
//! Owns: the rule that a file is read once, whatever names lead to it. Never holds: open files.

use std::collections::{HashMap, VecDeque};

use crate::checkpoint::Mark;
use crate::generation::FileId;

/// How many finished files are remembered for each tailed name.
const MAX_PAST: usize = 16;

/// Names a tailed name within one tailer.
pub(crate) type Owner = u64;

/// What all tailed names know of each other.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    open: HashMap<FileId, Owner>,
    past: HashMap<Owner, VecDeque<Mark>>,
}

impl Ledger {
    /// Who reads that file now.
    pub(crate) fn owner(&self, id: FileId) -> Option<Owner> {
        self.open.get(&id).copied()
    }

    pub(crate) fn claim(&mut self, id: FileId, owner: Owner) {
        self.open.insert(id, owner);
    }

    pub(crate) fn release(&mut self, id: FileId) {
        self.open.remove(&id);
    }

    /// Remembers a finished file.
    pub(crate) fn remember(&mut self, owner: Owner, mark: Mark) {
        let past = self.past.entry(owner).or_default();
        past.retain(|other| other.inode != mark.inode);
        past.push_back(mark);
        if past.len() > MAX_PAST {
            past.pop_front();
        }
    }

    /// The finished files of one name, the longest ago first.
    pub(crate) fn past(&self, owner: Owner) -> impl Iterator<Item = &Mark> {
        self.past.get(&owner).into_iter().flatten()
    }

    /// What was last read from that inode, by whomever.
    pub(crate) fn seen(&self, inode: u64) -> Option<&Mark> {
        self.past
            .values()
            .flatten()
            .filter(|mark| mark.inode == inode)
            .max_by_key(|m| m.generation)
    }

    /// Forgets a name that is tailed no more.
    pub(crate) fn forget(&mut self, owner: Owner) {
        self.past.remove(&owner);
        self.open.retain(|_, other| *other != owner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Digest;

    fn mark(inode: u64, generation: u64) -> Mark {
        Mark {
            inode,
            generation,
            fingerprint: None,
            offset: 0,
            tail: Digest::of(b""),
            modified_ns: 0,
            skipping: false,
            deleted: false,
        }
    }

    #[test]
    fn the_past_is_bounded_and_keeps_the_latest_of_an_inode() {
        let mut ledger = Ledger::default();
        for inode in 0..100 {
            ledger.remember(1, mark(inode, 0));
        }
        assert_eq!(ledger.past(1).count(), MAX_PAST);
        assert!(ledger.seen(0).is_none() && ledger.seen(99).is_some());
        ledger.remember(1, mark(99, 4));
        ledger.remember(2, mark(99, 3));
        assert_eq!(ledger.seen(99).unwrap().generation, 4);
        ledger.forget(1);
        assert_eq!(ledger.seen(99).unwrap().generation, 3);
    }
}
