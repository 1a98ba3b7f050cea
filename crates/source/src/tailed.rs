//! One tailed name: the files that were, are and will be behind it.
//!
//! Owns: the queue of its files, oldest first (what is left of rotated ones is read before the
//! file that took the name), its checkpoint, its status. Never holds: the wait for changes, other
//! names.
//!
//! A file that lost its name stays open until the next rotation, since writers go on with it until
//! they are told to open the new one; a deleted one until nothing comes any more.

mod past;
mod resume;

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use vigil_event::{Checkpoint, Clock, RecordBatch, SourceId};

use crate::checkpoint::State;
use crate::generation::{Chunk, FileId, Generation, Step};
use crate::ledger::{Ledger, Owner};
use crate::rotation;
use crate::{FileStatus, TailOptions, Telemetry};

/// A deleted file is closed after this many timed looks that found nothing new.
const IDLE_LOOKS: u32 = 10;

/// What all names of a tailer use.
pub(crate) struct Shared {
    pub(crate) options: TailOptions,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) telemetry: Telemetry,
    pub(crate) ledger: Ledger,
}

/// A name and its files.
pub(crate) struct Tailed {
    pub(crate) id: Owner,
    pub(crate) path: PathBuf,
    pub(crate) source: SourceId,
    /// Something may be there to read.
    pub(crate) dirty: bool,
    /// The name itself and what it links to.
    pub(crate) places: Vec<PathBuf>,
    files: VecDeque<Generation>,
    /// Where no file is open: rotated files that were written to since then were never read.
    since_ns: i64,
    /// What stood here at the start, and how much of it is not wanted.
    passed_over: Option<(FileId, u64)>,
    /// The place to start from is to be stored before anything is read: a restart must not start
    /// at a later end, or miss what is rotated until then.
    announce: bool,
    missing: bool,
    error: Option<String>,
    lost: u64,
    note: Option<String>,
}

impl Tailed {
    /// The identity of a name: its path, with what is not UTF-8 escaped.
    pub(crate) fn source_of(path: &Path) -> SourceId {
        match path.to_str() {
            Some(text) => SourceId::new(text),
            None => SourceId::new(
                path.as_os_str()
                    .as_encoded_bytes()
                    .escape_ascii()
                    .to_string(),
            ),
        }
    }

    /// A name whose file is read from its first byte once [`look`](Self::look) finds it.
    pub(crate) fn new(id: Owner, path: PathBuf) -> Self {
        let places = rotation::places(&path);
        Self {
            id,
            source: Self::source_of(&path),
            dirty: true,
            since_ns: rotation::newest_ns(&places),
            places,
            path,
            files: VecDeque::new(),
            passed_over: None,
            announce: true,
            missing: true,
            error: None,
            lost: 0,
            note: None,
        }
    }

    /// Passes over what stands in the file now.
    pub(crate) fn start_at_end(&mut self) {
        self.passed_over = fs::metadata(&self.path)
            .ok()
            .map(|m| (FileId::of(&m), m.len()));
    }

    /// Whether nothing is left of the name.
    pub(crate) fn is_gone(&self) -> bool {
        self.missing && self.files.is_empty()
    }

    /// Whether files without the name are open.
    pub(crate) fn has_past(&self) -> bool {
        self.missing || self.files.len() > 1
    }

    /// Looks what file has the name now. `timed` tells the periodic look from one that a change
    /// caused.
    pub(crate) fn look(&mut self, timed: bool, shared: &mut Shared) {
        self.restart_rewritten(shared);
        match fs::metadata(&self.path) {
            Ok(metadata) => {
                self.missing = false;
                let id = FileId::of(&metadata);
                let same = self.files.back().is_some_and(|file| file.id == id);
                match if same {
                    Ok(())
                } else {
                    self.take_up(id, shared)
                } {
                    Ok(()) => self.error = None,
                    Err(error) => self.fail(&error, shared),
                }
            }
            Err(error) if is_missing(&error) => {
                self.missing = true;
                self.passed_over = None;
                self.error = None;
                self.queue_siblings(self.newest_ns(), None, shared);
            }
            Err(error) => self.fail(&error, shared),
        }
        let last = self.files.len();
        for (index, file) in self.files.iter_mut().enumerate() {
            if let Err(error) = file.look() {
                tracing::debug!(path = %self.path.display(), %error, "an open log file cannot be looked at");
            }
            file.idle_looks = if file.unread() > 0 {
                0
            } else {
                file.idle_looks + u32::from(timed)
            };
            let abandoned = file.deleted && file.idle_looks >= IDLE_LOOKS;
            file.sealed = index + 2 < last || file.is_copy() || abandoned;
        }
        self.dirty |= !self.files.is_empty();
    }

    /// Queues the file that has the name now, after those that had it in between.
    fn take_up(&mut self, id: FileId, shared: &mut Shared) -> io::Result<()> {
        if let Some(owner) = shared.ledger.owner(id) {
            let index = self.files.iter().position(|file| file.id == id);
            match index.and_then(|index| self.files.remove(index)) {
                Some(file) => self.files.push_back(file),
                None if owner != self.id => {
                    self.tell("the same file is read under another name".to_owned());
                }
                None => {}
            }
            return Ok(());
        }
        let (file, metadata) = Generation::open_file(&self.path)?;
        let id = FileId::of(&metadata);
        if shared.ledger.owner(id).is_some() {
            return Ok(()); // renamed this very moment: the next look finds it
        }
        let mut next = past::adopt(file, &metadata, &shared.ledger)?;
        if let Some((_, size)) = self.passed_over.take().filter(|(passed, _)| *passed == id) {
            next.skip_to(size, shared.options.max_line_bytes)?;
        }
        if let Some(last) = self.files.back_mut() {
            last.look()?;
            shared.telemetry.rotations.inc();
        }
        self.queue_siblings(self.newest_ns(), Some(id), shared);
        self.places = rotation::places(&self.path);
        self.push(next, shared);
        Ok(())
    }

    fn push(&mut self, next: Generation, shared: &mut Shared) {
        tracing::debug!(path = %self.path.display(), offset = next.offset, "a log file is taken up");
        shared.ledger.claim(next.id, self.id);
        self.files.push_back(next);
    }

    /// Reads what comes next, if anything is there.
    pub(crate) fn next(&mut self, shared: &mut Shared) -> Option<RecordBatch> {
        if std::mem::take(&mut self.announce) {
            return Some(self.batch(None, None, shared));
        }
        let mut index = 0;
        while let Some(file) = self.files.get_mut(index) {
            let step = match file.read(&shared.options) {
                Ok(Step::Nothing) if file.sealed => file.finish(&shared.options),
                step => step,
            };
            let stream = file.stream().cloned();
            match step {
                Ok(Step::Read(chunk)) => return Some(self.batch(stream, Some(chunk), shared)),
                Ok(Step::Nothing) if file.sealed => self.retire(index, shared),
                Ok(Step::Nothing) => index += 1,
                Ok(Step::Rewritten { unread }) => self.restart(index, unread, shared),
                Err(error) if index + 1 < self.files.len() => {
                    self.lose(
                        1,
                        &format!("the rest of a rotated file cannot be read: {error}"),
                        shared,
                    );
                    self.retire(index, shared);
                }
                Err(error) => {
                    self.fail(&error, shared);
                    break;
                }
            }
        }
        self.dirty = false;
        None
    }

    fn batch(
        &self,
        stream: Option<Arc<str>>,
        chunk: Option<Chunk>,
        shared: &Shared,
    ) -> RecordBatch {
        let state = State {
            files: self.files.iter().map(Generation::mark).collect(),
            past: shared.ledger.past(self.id).cloned().collect(),
            since_ns: self.since_ns,
        };
        let (bytes, records) = chunk.map_or_else(Default::default, |chunk| {
            shared.telemetry.lines.inc_by(chunk.records.len() as u64);
            shared.telemetry.bytes.inc_by(chunk.consumed);
            shared.telemetry.truncated_lines.inc_by(chunk.truncated);
            (chunk.bytes, chunk.records)
        });
        RecordBatch {
            source: self.source.clone(),
            stream: stream.unwrap_or_default(),
            bytes,
            records,
            read_at: shared.clock.now(),
            checkpoint: Some(Checkpoint {
                source: self.source.clone(),
                state: state.to_json(),
            }),
        }
    }

    fn lose(&mut self, generations: u64, why: &str, shared: &Shared) {
        shared.telemetry.lost_generations.inc_by(generations);
        self.lost += generations;
        self.tell(format!("lines may be lost: {why}"));
    }

    fn tell(&mut self, note: String) {
        if self.note.as_ref() != Some(&note) {
            tracing::warn!(path = %self.path.display(), "{note}");
            self.note = Some(note);
        }
    }

    fn fail(&mut self, error: &io::Error, shared: &Shared) {
        shared.telemetry.read_errors.inc();
        let text = error.to_string();
        if self.error.as_ref() != Some(&text) {
            tracing::warn!(path = %self.path.display(), error = %text, "a log file cannot be read; it is tried again");
            self.error = Some(text);
        }
    }

    /// Where the name stands.
    pub(crate) fn status(&self) -> FileStatus {
        let reading = self
            .files
            .iter()
            .find(|file| file.unread() > 0)
            .or(self.files.back());
        FileStatus {
            path: self.path.clone(),
            offset: reading.map_or(0, |file| file.offset),
            size: reading.map_or(0, |file| file.offset + file.lag()),
            lag_bytes: self.files.iter().map(Generation::lag).sum(),
            missing: self.missing,
            error: self.error.clone(),
            lost_generations: self.lost,
            note: self.note.clone(),
        }
    }

    /// Gives up everything that is open.
    pub(crate) fn close(self, shared: &mut Shared) {
        shared.ledger.forget(self.id);
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
