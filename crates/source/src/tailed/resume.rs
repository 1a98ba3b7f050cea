//! A tailed name goes on where a checkpoint says.
//!
//! Owns: finding the checkpoint's files again, and telling what is not there any more. Never
//! holds: what happens once they are found.

use std::fs;

use super::{Shared, Tailed};
use crate::checkpoint::State;
use crate::generation::{FileId, Generation};
use crate::rotation;

impl Tailed {
    /// Goes on where a checkpoint says, whatever its files are called by now.
    pub(crate) fn resume(&mut self, text: &str, shared: &mut Shared) {
        let state = match State::from_json(text) {
            Ok(state) => state,
            Err(error) => {
                self.tell(format!(
                    "the checkpoint cannot be read ({error}): read from the start"
                ));
                return;
            }
        };
        self.announce = false;
        for mark in state.past {
            shared.ledger.remember(self.id, mark);
        }
        let mut lost_last = false;
        // The newest first: of files that look the same, it is the one that still has its name.
        for (index, mark) in state.files.iter().enumerate().rev() {
            let found = rotation::find(&self.places, mark, |id| shared.ledger.owner(id).is_some());
            let is_last = index + 1 == state.files.len();
            if found.as_ref().is_none_or(Generation::is_copy) {
                // What has its inode now is another file.
                shared.ledger.remember(self.id, mark.clone());
            }
            if let Some(generation) = found {
                if is_last && mark.fingerprint.is_none() {
                    // An empty file is known by its inode only, which may have been used again
                    // since: whatever was written to since then is read, this file by its name.
                    shared.ledger.remember(self.id, mark.clone());
                    continue;
                }
                shared.ledger.claim(generation.id, self.id);
                self.files.push_front(generation);
            } else if !state
                .files
                .iter()
                .skip(index + 1)
                .any(|later| later.offset > 0)
            {
                lost_last = is_last;
                self.lose(
                    1,
                    "a file was gone, compressed or rewritten before it was read to its end",
                    shared,
                );
            }
        }
        let last = state.files.last();
        self.since_ns = last.map_or(state.since_ns, |last| last.modified_ns.max(state.since_ns));
        self.resume_past(lost_last, shared);
    }

    /// Queues the files that came and went since the checkpoint's last file.
    fn resume_past(&mut self, lost_last: bool, shared: &mut Shared) {
        let current = fs::metadata(&self.path)
            .ok()
            .map(|metadata| FileId::of(&metadata));
        let newest = self.files.back().filter(|_| !lost_last);
        if newest.is_some_and(|file| Some(file.id) == current) {
            return;
        }
        let since = newest.map_or(self.since_ns, |file| file.modified_ns);
        let compressed = self.queue_siblings(since, current, shared);
        let uncounted = compressed.saturating_sub(u64::from(lost_last));
        if uncounted > 0 {
            let why = "files were rotated and compressed before they were read";
            self.lose(uncounted, why, shared);
        }
    }
}
