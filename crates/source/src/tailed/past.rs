//! What became of a tailed name's files: rotated ones that were never seen, copies, rewritten and
//! finished ones.
//!
//! Owns: the decision which file beside the name is unread. Never holds: where a start goes on.

use std::fs;
use std::io;

use super::{Shared, Tailed};
use crate::checkpoint::Mark;
use crate::generation::{FileId, Generation};
use crate::ledger::Ledger;
use crate::rotation::{self, MAX_SIBLINGS};

const NS_PER_S: i64 = 1_000_000_000;

impl Tailed {
    /// When the newest file that was read was last written to.
    pub(super) fn newest_ns(&self) -> i64 {
        self.files
            .back()
            .map_or(self.since_ns, |file| file.modified_ns)
    }

    /// Queues rotated files that were written to since then and were never read; gives the number
    /// of those that are compressed.
    pub(super) fn queue_siblings(
        &mut self,
        since: i64,
        current: Option<FileId>,
        shared: &mut Shared,
    ) -> u64 {
        let mut compressed = 0;
        let mut queued = 0;
        for sibling in rotation::siblings(&self.places, since) {
            if Some(sibling.id) == current || shared.ledger.owner(sibling.id).is_some() {
                continue;
            }
            if sibling.compressed {
                // Compressing keeps the time, at least its seconds.
                compressed += u64::from(sibling.modified_ns / NS_PER_S > since / NS_PER_S);
                continue;
            }
            let opened = Generation::open_file(&sibling.path).and_then(|(file, metadata)| {
                let next = adopt(file, &metadata, &shared.ledger)?;
                Ok((!self.is_known(&next, &shared.ledger)?).then_some(next))
            });
            match opened {
                Ok(Some(next)) if queued < MAX_SIBLINGS => {
                    queued += 1;
                    shared.telemetry.rotations.inc();
                    self.push(next, shared);
                }
                Ok(None) => {}
                Ok(Some(_)) => self.lose(1, "there were too many rotated files at once", shared),
                Err(error) => {
                    self.lose(
                        1,
                        &format!("{} cannot be read: {error}", sibling.path.display()),
                        shared,
                    );
                }
            }
        }
        compressed
    }

    /// Whether a rotated file has nothing to read, or is a copy of what was read.
    pub(super) fn is_known(&self, next: &Generation, ledger: &Ledger) -> io::Result<bool> {
        if next.unread() == 0 {
            return Ok(true);
        }
        for mark in ledger.past(self.id) {
            if next.is_copy_of(mark)? {
                return Ok(true);
            }
        }
        for file in &self.files {
            if next.is_copy_of_open(file)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Notices rewritten files before their copies can be taken for rotated ones.
    pub(super) fn restart_rewritten(&mut self, shared: &mut Shared) {
        for index in (0..self.files.len()).rev() {
            let file = self.files.get_mut(index);
            // One that cannot be looked at is told about when it is read.
            if let Some(unread) = file.and_then(|file| file.find_rewritten().ok().flatten()) {
                self.restart(index, unread, shared);
            }
        }
    }

    /// Goes on with a file that was rewritten; first with what its copy has of the old content.
    pub(super) fn restart(&mut self, index: usize, unread: u64, shared: &mut Shared) {
        shared.telemetry.truncations.inc();
        let Some(old) = self.files.get_mut(index) else {
            return;
        };
        let mark = old.mark();
        let next = if old.is_copy() {
            None
        } else {
            old.rewritten().ok()
        };
        let copy = rotation::find_copy(&self.places, &mark, |id| shared.ledger.owner(id).is_some());
        match next {
            Some(next) => *old = next,
            None => self.retire(index, shared),
        }
        match copy {
            Some(mut copy) if copy.unread() > 0 => {
                copy.sealed = true;
                shared.ledger.claim(copy.id, self.id);
                self.files.insert(index, copy);
            }
            Some(copy) => {
                shared.ledger.remember(
                    self.id,
                    Mark {
                        inode: copy.id.inode,
                        ..copy.mark()
                    },
                );
            }
            None if unread > 0 => {
                self.lose(
                    1,
                    &format!("a file was truncated with {unread} bytes unread"),
                    shared,
                );
            }
            None => {}
        }
    }

    /// Closes a file that is done with.
    pub(super) fn retire(&mut self, index: usize, shared: &mut Shared) {
        let Some(file) = self.files.remove(index) else {
            return;
        };
        shared.ledger.release(file.id);
        self.since_ns = self.since_ns.max(file.modified_ns);
        let mark = Mark {
            inode: file.id.inode,
            deleted: file.deleted,
            ..file.mark()
        };
        shared.ledger.remember(self.id, mark);
    }
}

/// A file that comes to a name: new, or known from before and gone on with; another generation if
/// its inode had other content before. Nothing was read from a file without a first line, so its
/// generation is free: a restart from before its end cannot know that it ended.
pub(super) fn adopt(
    file: fs::File,
    metadata: &fs::Metadata,
    ledger: &Ledger,
) -> io::Result<Generation> {
    let Some(mark) = ledger.seen(FileId::of(metadata).inode) else {
        return Generation::new(file, metadata, 0);
    };
    if !mark.deleted
        && let Some(known) = Generation::resume(file.try_clone()?, metadata, mark)?
    {
        return Ok(known);
    }
    let had_content = u64::from(mark.fingerprint.is_some());
    Generation::new(file, metadata, mark.generation + had_content)
}
