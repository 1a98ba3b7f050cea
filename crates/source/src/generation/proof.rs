//! Proves that a file is still the one that was read, and names it.
//!
//! Owns: the fingerprint of the first line, the digest of the last bytes before the offset. Never
//! holds: positions.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use memchr::memchr;

use super::Generation;
use crate::checkpoint::{Digest, Mark};
use crate::line::Unfinished;

/// The most of a first line that its fingerprint is made of.
const HEAD_BYTES: usize = 1024;
/// How much before the offset is compared to know that the file was not rewritten.
const TAIL_BYTES: usize = 64;

impl Generation {
    /// Whether what the mark stands in begins this file, up to the mark.
    pub(super) fn holds(&self, mark: &Mark) -> io::Result<bool> {
        let same_head = match mark.fingerprint {
            Some(_) => self.fingerprint == mark.fingerprint,
            None => mark.offset == 0 && self.id.inode == mark.inode,
        };
        Ok(same_head && self.size >= mark.offset && self.tail_at(mark.offset)? == Some(mark.tail))
    }

    /// Whether this is a copy of what was read up to the mark, and no more.
    pub(crate) fn is_copy_of(&self, mark: &Mark) -> io::Result<bool> {
        Ok(mark.fingerprint.is_some() && self.size == mark.offset && self.holds(mark)?)
    }

    /// Whether this is a copy of the other file's beginning.
    pub(crate) fn is_copy_of_open(&self, other: &Self) -> io::Result<bool> {
        Ok(self.fingerprint.is_some()
            && self.fingerprint == other.fingerprint
            && self.size <= other.size
            && self.tail_at(self.size)? == other.tail_at(self.size)?)
    }

    /// Makes the fingerprint, once the first line is complete or long enough.
    pub(super) fn identify(&mut self, unfinished: Unfinished) -> io::Result<()> {
        let mut buffer = [0; HEAD_BYTES];
        let read = read_upto(&self.file, &mut buffer, 0)?;
        let head = buffer.get(..read).unwrap_or_default();
        let line = match memchr(b'\n', head) {
            Some(end) => head.get(..end),
            None if read == HEAD_BYTES || unfinished == Unfinished::Line => Some(head),
            None => None,
        };
        let fingerprint = line.map(Digest::of);
        if fingerprint != self.fingerprint {
            self.fingerprint = fingerprint;
            self.stream = fingerprint.map(|print| self.stream_of(print));
        }
        Ok(())
    }

    pub(super) fn stream_of(&self, fingerprint: Digest) -> Arc<str> {
        format!("{:x}-{:x}-{fingerprint}", self.inode, self.number).into()
    }

    /// The digest of the bytes before an offset; none where the file is shorter.
    pub(super) fn tail_at(&self, offset: u64) -> io::Result<Option<Digest>> {
        let mut buffer = [0; TAIL_BYTES];
        let length = offset.min(TAIL_BYTES as u64);
        let part = buffer.get_mut(..length as usize).unwrap_or_default();
        let read = read_upto(&self.file, part, offset - length)?;
        Ok((read == part.len()).then(|| Digest::of(part)))
    }

    /// Looks whether what was read is still there; if not, gives how many bytes had been seen
    /// behind it.
    pub(crate) fn find_rewritten(&mut self) -> io::Result<Option<u64>> {
        let known = self.offset + self.searched;
        let unread = self.size.saturating_sub(self.offset);
        self.look()?;
        // Also where nothing was appended: a file can be rewritten to the very same size.
        let rewritten =
            self.offset > 0 && (self.size < known || self.tail_at(self.offset)? != Some(self.tail));
        Ok(rewritten.then_some(unread))
    }
}

/// Reads until the buffer is full or the file ends.
fn read_upto(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
