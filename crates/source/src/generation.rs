//! One generation of a log file: an open file, from its first byte to where it was rewritten,
//! or to its end.
//!
//! Owns: the position, the identity, and the proof that the file is still the one that was read.
//! Never holds: names (a file is renamed while it is read), what comes before or after it.

mod proof;

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;

use memchr::{memchr, memrchr};
use rustix::fs::{Mode, OFlags};
use vigil_event::Record;

use crate::TailOptions;
use crate::checkpoint::{Digest, Mark};
use crate::line::{Unfinished, split};

/// An unfinished line that is longer than this is not read again before its end is there.
const SEARCH_BYTES: u64 = 4096;

/// What tells two files apart that exist at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileId {
    device: u64,
    pub(crate) inode: u64,
}

impl FileId {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

/// When the file was last written to, in nanoseconds since the epoch.
pub(crate) fn modified_ns(metadata: &Metadata) -> i64 {
    metadata
        .mtime()
        .saturating_mul(1_000_000_000)
        .saturating_add(metadata.mtime_nsec())
}

/// Records read at once.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub(crate) bytes: Vec<u8>,
    pub(crate) records: Vec<Record>,
    /// Bytes of the file that are done with.
    pub(crate) consumed: u64,
    pub(crate) truncated: u64,
}

/// What an attempt to read gave.
#[derive(Debug)]
pub(crate) enum Step {
    /// No further line is complete.
    Nothing,
    /// Reading got on; without records if only empty or skipped lines were there.
    Read(Chunk),
    /// What was read before is not in the file any more, nor these bytes that were known to follow.
    Rewritten {
        /// Bytes that had been seen, but not been read as lines.
        unread: u64,
    },
}

/// An open file and how far it is read.
#[derive(Debug)]
pub(crate) struct Generation {
    file: File,
    pub(crate) id: FileId,
    /// The inode of the identity; another than `id`'s when a copy is read in its place.
    inode: u64,
    number: u64,
    pub(crate) offset: u64,
    skipping: bool,
    /// Bytes after the offset that are known to hold no line end.
    searched: u64,
    fingerprint: Option<Digest>,
    stream: Option<Arc<str>>,
    tail: Digest,
    /// As of the last look.
    pub(crate) size: u64,
    pub(crate) modified_ns: i64,
    pub(crate) deleted: bool,
    /// Nothing is written to it any more: an unfinished last line is a line.
    pub(crate) sealed: bool,
    /// How many timed looks found nothing new.
    pub(crate) idle_looks: u32,
}

impl Generation {
    /// Opens a regular file for reading, without ever blocking on something else.
    pub(crate) fn open_file(path: &Path) -> io::Result<(File, Metadata)> {
        let regular = |metadata: &Metadata| {
            if metadata.is_file() {
                Ok(())
            } else {
                Err(io::Error::other(
                    "it is not a regular file; name a log file",
                ))
            }
        };
        regular(&std::fs::metadata(path)?)?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
        let metadata = file.metadata()?;
        regular(&metadata)?;
        Ok((file, metadata))
    }

    /// The file from its first byte.
    pub(crate) fn new(file: File, metadata: &Metadata, number: u64) -> io::Result<Self> {
        let id = FileId::of(metadata);
        let mut generation = Self {
            file,
            id,
            inode: id.inode,
            number,
            offset: 0,
            skipping: false,
            searched: 0,
            fingerprint: None,
            stream: None,
            tail: Digest::of(b""),
            size: metadata.len(),
            modified_ns: modified_ns(metadata),
            deleted: metadata.nlink() == 0,
            sealed: false,
            idle_looks: 0,
        };
        generation.identify(Unfinished::Keep)?;
        Ok(generation)
    }

    /// The file from where a mark stands, if what the mark says of its content is so. The
    /// identity is the mark's, also when the file is a copy with another inode.
    pub(crate) fn resume(file: File, metadata: &Metadata, mark: &Mark) -> io::Result<Option<Self>> {
        let mut generation = Self::new(file, metadata, mark.generation)?;
        if !generation.holds(mark)? {
            return Ok(None);
        }
        generation.inode = mark.inode;
        generation.offset = mark.offset;
        generation.skipping = mark.skipping;
        generation.tail = mark.tail;
        generation.stream = generation
            .fingerprint
            .map(|print| generation.stream_of(print));
        Ok(Some(generation))
    }

    /// The same file after it was rewritten: another stream, from its first byte.
    pub(crate) fn rewritten(&self) -> io::Result<Self> {
        Self::new(
            self.file.try_clone()?,
            &self.file.metadata()?,
            self.number + 1,
        )
    }

    /// Goes to where the line begins that stands at `size` bytes, or, where that line is too long
    /// to be read, to its end.
    pub(crate) fn skip_to(&mut self, size: u64, max_line_bytes: usize) -> io::Result<()> {
        let mut buffer = [0; 4096];
        let mut end = size.min(self.size);
        self.offset = end;
        let lowest = end.saturating_sub(max_line_bytes as u64);
        self.skipping = lowest > 0;
        while end > lowest {
            let start = end.saturating_sub(buffer.len() as u64).max(lowest);
            let part = buffer.get_mut(..(end - start) as usize).unwrap_or_default();
            self.file.read_exact_at(part, start)?;
            if let Some(newline) = memrchr(b'\n', part) {
                self.offset = start + newline as u64 + 1;
                self.skipping = false;
                break;
            }
            end = start;
        }
        if end == 0 {
            self.offset = 0;
        }
        self.tail = self.tail_at(self.offset)?.unwrap_or(self.tail);
        Ok(())
    }

    /// Which stream this is; none while its first line is not complete.
    pub(crate) fn stream(&self) -> Option<&Arc<str>> {
        self.stream.as_ref()
    }

    /// Where reading stands.
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            inode: self.inode,
            generation: self.number,
            fingerprint: self.fingerprint,
            offset: self.offset,
            tail: self.tail,
            modified_ns: self.modified_ns,
            skipping: self.skipping,
            deleted: false,
        }
    }

    /// Looks at the size, the time and whether it is deleted.
    pub(crate) fn look(&mut self) -> io::Result<()> {
        let metadata = self.file.metadata()?;
        self.size = metadata.len();
        self.modified_ns = modified_ns(&metadata);
        self.deleted = metadata.nlink() == 0;
        Ok(())
    }

    /// Whether a copy with another inode is read.
    pub(crate) fn is_copy(&self) -> bool {
        self.inode != self.id.inode
    }

    /// Bytes that are not read yet; an unfinished last line that was looked at is none.
    pub(crate) fn unread(&self) -> u64 {
        self.size.saturating_sub(self.offset + self.searched)
    }

    /// Bytes behind the end of the file.
    pub(crate) fn lag(&self) -> u64 {
        let size = self
            .file
            .metadata()
            .map_or(self.size, |metadata| metadata.len());
        size.saturating_sub(self.offset)
    }

    /// Reads the next complete lines.
    pub(crate) fn read(&mut self, options: &TailOptions) -> io::Result<Step> {
        if let Some(unread) = self.find_rewritten()? {
            return Ok(Step::Rewritten { unread });
        }
        let known = self.offset + self.searched;
        if self.size < known {
            self.searched = 0;
        }
        let is_short = (1..SEARCH_BYTES).contains(&self.searched);
        if self.size == known && !is_short {
            return Ok(Step::Nothing);
        }
        if self.searched >= SEARCH_BYTES && !self.search(options)? {
            return Ok(Step::Nothing);
        }
        self.cut(Unfinished::Keep, options)
    }

    /// Takes what is left as a line, in a file that nothing is written to any more.
    pub(crate) fn finish(&mut self, options: &TailOptions) -> io::Result<Step> {
        self.look()?;
        if self.size <= self.offset {
            return Ok(Step::Nothing);
        }
        self.cut(Unfinished::Line, options)
    }

    fn cut(&mut self, unfinished: Unfinished, options: &TailOptions) -> io::Result<Step> {
        let wanted = self.size - self.offset;
        let first = wanted.min(options.batch_bytes as u64) as usize;
        let mut bytes = Vec::with_capacity(first);
        let mut records = Vec::new();
        self.fill(&mut bytes, first)?;
        let at_end = |bytes: &Vec<u8>| {
            if bytes.len() as u64 >= wanted {
                unfinished
            } else {
                Unfinished::Keep
            }
        };
        let end = at_end(&bytes);
        let mut done = split(
            &bytes,
            self.offset,
            self.skipping,
            end,
            options,
            &mut records,
        );
        let whole = wanted.min(options.max_line_bytes as u64) as usize;
        if done.consumed == 0 && bytes.len() < whole {
            bytes.reserve_exact(whole - bytes.len());
            self.fill(&mut bytes, whole)?;
            let end = at_end(&bytes);
            done = split(
                &bytes,
                self.offset,
                self.skipping,
                end,
                options,
                &mut records,
            );
        }
        if done.consumed == 0 {
            self.searched = bytes.len() as u64;
            return Ok(Step::Nothing);
        }
        if self.offset == 0 {
            self.identify(unfinished)?;
            if self.fingerprint.is_none() {
                return Ok(Step::Nothing); // truncated this very moment
            }
        }
        self.offset += done.consumed as u64;
        self.skipping = done.skipping;
        self.searched = 0;
        // A file that shrank since gives no tail: the next read finds that out.
        self.tail = self.tail_at(self.offset)?.unwrap_or(self.tail);
        let consumed = done.consumed as u64;
        Ok(Step::Read(Chunk {
            bytes,
            records,
            consumed,
            truncated: done.truncated,
        }))
    }

    /// Reads from the offset until `bytes` are `upto` long or the file ends.
    fn fill(&self, bytes: &mut Vec<u8>, upto: usize) -> io::Result<()> {
        while bytes.len() < upto {
            let at = self.offset + bytes.len() as u64;
            match rustix::io::pread(&self.file, rustix::buffer::spare_capacity(bytes), at) {
                Ok(0) => break,
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whether the unfinished line has an end by now, or is too long to wait for one.
    fn search(&mut self, options: &TailOptions) -> io::Result<bool> {
        let mut buffer = [0; 8192];
        while self.searched < options.max_line_bytes as u64 {
            let read = self
                .file
                .read_at(&mut buffer, self.offset + self.searched)?;
            if read == 0 {
                return Ok(false);
            }
            if memchr(b'\n', buffer.get(..read).unwrap_or_default()).is_some() {
                return Ok(true);
            }
            self.searched += read as u64;
        }
        Ok(true)
    }
}
