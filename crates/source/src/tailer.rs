//! Follows all files of a set of patterns on one thread.
//!
//! Owns: the tailed names, the turns they take, when to look again. Never holds: how one name's
//! files are followed, or more than one batch.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use vigil_event::{Checkpoint, Clock, RecordBatch};

use crate::ledger::{Ledger, Owner};
use crate::patterns::Patterns;
use crate::tailed::{Shared, Tailed};
use crate::watch::{Change, Watcher};
use crate::{SourceError, TailOptions, Telemetry, Waker};

/// How often everything is looked at though no change was told.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The same where changes cannot be told for every directory.
const LOOK_OFTEN: Duration = Duration::from_millis(250);
/// The most names tailed at once.
const MAX_NAMES: usize = 4096;

/// Where one tailed name stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileStatus {
    /// The tailed name.
    pub path: PathBuf,
    /// How far the file now being read has been read, in bytes.
    pub offset: u64,
    /// The size of that file, in bytes.
    pub size: u64,
    /// The bytes still to be read, those of rotated files included.
    pub lag_bytes: u64,
    /// There is no file of that name (yet).
    pub missing: bool,
    /// Why the file cannot be read; it is tried again.
    pub error: Option<String>,
    /// Files of which lines may have been lost since the start.
    pub lost_generations: u64,
    /// What was noticed last that a user should know, such as a loss.
    pub note: Option<String>,
}

/// Follows every file that a set of paths and globs matches, on the caller's thread.
///
/// *Order*: the records of a file come in its order; a rotated file is read to its end before the
/// file that took its name. *Delivery*: at least once: a batch's checkpoint, given to
/// [`open`](Self::open) later, goes on right behind the batch; a record read again has the same
/// [key](RecordBatch::key). What is lost (a file deleted or compressed before it was read) is
/// counted and told in [`status`](Self::status). *Reading ahead*: batches follow each other
/// whether or not earlier ones are stored.
///
/// A file that is rewritten in place up to exactly the same last bytes at the same offset cannot
/// be told from one that was appended to.
pub struct Tailer {
    patterns: Patterns,
    watcher: Watcher,
    shared: Shared,
    /// By owner, ascending.
    tailed: Vec<Tailed>,
    /// The paths of `tailed`.
    paths: HashSet<PathBuf>,
    /// Who is behind a file name in a directory.
    names: HashMap<PathBuf, HashMap<OsString, Vec<Owner>>>,
    errors: Vec<(PathBuf, String)>,
    next_owner: Owner,
    /// Whose turn it is.
    turn: usize,
    look_at: Instant,
}

impl std::fmt::Debug for Tailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tailer")
            .field("patterns", &self.patterns)
            .finish_non_exhaustive()
    }
}

impl Tailer {
    /// Starts to follow what the patterns match: paths (which need not exist yet) and globs.
    /// Checkpoints of names that the patterns do not match are ignored.
    pub fn open(
        patterns: &[String],
        options: TailOptions,
        checkpoints: Vec<Checkpoint>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SourceError> {
        let shared = Shared {
            options: options.bounded(),
            clock,
            telemetry: Telemetry::new(),
            ledger: Ledger::default(),
        };
        let mut tailer = Self {
            patterns: Patterns::new(patterns)?,
            watcher: Watcher::new().map_err(|error| SourceError::Waker { error })?,
            shared,
            tailed: Vec::new(),
            paths: HashSet::new(),
            names: HashMap::new(),
            errors: Vec::new(),
            next_owner: 0,
            turn: 0,
            look_at: Instant::now(),
        };
        // Files that a checkpoint names are taken before another name can claim them.
        for checkpoint in checkpoints {
            let path = PathBuf::from(checkpoint.source.as_str());
            if tailer.patterns.matches(&path) && tailer.paths.insert(path.clone()) {
                let mut name = Tailed::new(tailer.new_owner(), path);
                name.resume(&checkpoint.state, &mut tailer.shared);
                tailer.tailed.push(name);
            }
        }
        let known = tailer.tailed.len();
        tailer.discover();
        if !options.from_start {
            for tailed in tailer.tailed.iter_mut().skip(known) {
                tailed.start_at_end();
            }
        }
        tailer.look(true);
        Ok(tailer)
    }

    /// The next records of one file. Blocks up to `wait` for something to read; none when nothing
    /// came or [`Waker::wake`] was called.
    ///
    /// A batch may be without records: then it only moves the checkpoint (past empty lines, the
    /// rest of a long line, or to where reading starts).
    pub fn next_batch(&mut self, wait: Duration) -> Result<Option<RecordBatch>, SourceError> {
        let deadline = Instant::now() + wait.min(Duration::from_hours(24));
        loop {
            self.take_changes();
            if let Some(batch) = self.read() {
                return Ok(Some(batch));
            }
            let now = Instant::now();
            if now >= deadline {
                return Ok(None);
            }
            let until = deadline.min(self.look_at).saturating_duration_since(now);
            if self
                .watcher
                .wait(until)
                .map_err(|error| SourceError::Wait { error })?
            {
                return Ok(None);
            }
        }
    }

    /// What ends a blocked [`next_batch`](Self::next_batch) from another thread.
    pub fn waker(&self) -> Waker {
        self.watcher.waker()
    }

    /// Where each name stands, and each directory that cannot be listed.
    pub fn status(&self) -> Vec<FileStatus> {
        let shown = |tailed: &&Tailed| !tailed.is_gone() || self.patterns.is_literal(&tailed.path);
        let names = self.tailed.iter().filter(shown).map(Tailed::status);
        let errors = self.errors.iter().map(|(path, error)| FileStatus {
            path: path.clone(),
            offset: 0,
            size: 0,
            lag_bytes: 0,
            missing: false,
            error: Some(error.clone()),
            lost_generations: 0,
            note: None,
        });
        names.chain(errors).collect()
    }

    /// The counters.
    pub fn telemetry(&self) -> &Telemetry {
        &self.shared.telemetry
    }

    /// Takes note of what changed and looks at names where needed.
    fn take_changes(&mut self) {
        let mut names_changed = false;
        let Self {
            watcher,
            tailed,
            names,
            ..
        } = self;
        watcher.changes(|change| match change {
            Change::Names => names_changed = true,
            Change::Written(directory, name) => mark_written(tailed, names, directory, name),
        });
        let timed = Instant::now() >= self.look_at;
        if timed || names_changed {
            self.look(timed);
        }
    }

    /// Looks at everything: new names, new directories, what file has which name.
    fn look(&mut self, timed: bool) {
        self.discover();
        self.watch();
        for tailed in &mut self.tailed {
            tailed.look(timed, &mut self.shared);
        }
        if timed {
            let every = if self.watcher.is_complete() {
                LOOK_EVERY
            } else {
                LOOK_OFTEN
            };
            self.look_at = Instant::now() + every;
        }
    }

    /// Adds the names that the patterns match now.
    fn discover(&mut self) {
        let matches = self.patterns.expand(|path| self.paths.contains(path));
        self.errors = matches.errors;
        for path in matches.names {
            if self.paths.contains(&path) {
                continue;
            }
            if self.tailed.len() >= MAX_NAMES && !self.make_room() {
                self.errors.push((
                    path,
                    format!("more than {MAX_NAMES} files match: name fewer"),
                ));
                return;
            }
            self.paths.insert(path.clone());
            let tailed = Tailed::new(self.new_owner(), path);
            self.tailed.push(tailed);
        }
    }

    /// Gives up the name that is gone the longest.
    fn make_room(&mut self) -> bool {
        let gone = self
            .tailed
            .iter()
            .position(|tailed| tailed.is_gone() && !self.patterns.is_literal(&tailed.path));
        let Some(gone) = gone else { return false };
        let gone = self.tailed.remove(gone);
        self.paths.remove(&gone.path);
        gone.close(&mut self.shared);
        true
    }

    /// Watches the directories of patterns and of files, and notes who is behind which name.
    fn watch(&mut self) {
        let mut directories: BTreeSet<PathBuf> = self.patterns.directories();
        self.names.clear();
        for tailed in &self.tailed {
            for place in &tailed.places {
                let (Some(directory), Some(name)) = (place.parent(), place.file_name()) else {
                    continue;
                };
                directories.insert(directory.to_path_buf());
                let names = self.names.entry(directory.to_path_buf()).or_default();
                names
                    .entry(name.to_os_string())
                    .or_default()
                    .push(tailed.id);
            }
        }
        self.watcher.watch(&directories);
    }

    /// Lets each name with something to read have its turn.
    fn read(&mut self) -> Option<RecordBatch> {
        for _ in 0..self.tailed.len() {
            self.turn = (self.turn + 1) % self.tailed.len();
            let tailed = self.tailed.get_mut(self.turn).filter(|tailed| tailed.dirty);
            if let Some(batch) = tailed.and_then(|tailed| tailed.next(&mut self.shared)) {
                return Some(batch);
            }
        }
        None
    }

    fn new_owner(&mut self) -> Owner {
        self.next_owner += 1;
        self.next_owner
    }
}

/// A written file is read; one that has no tailed name may be a rotated one.
fn mark_written(
    tailed: &mut [Tailed],
    names: &HashMap<PathBuf, HashMap<OsString, Vec<Owner>>>,
    directory: &Path,
    name: &OsStr,
) {
    match names.get(directory).and_then(|names| names.get(name)) {
        Some(owners) => {
            for owner in owners {
                if let Ok(index) = tailed.binary_search_by_key(owner, |tailed| tailed.id)
                    && let Some(tailed) = tailed.get_mut(index)
                {
                    tailed.dirty = true;
                }
            }
        }
        None => tailed
            .iter_mut()
            .filter(|tailed| tailed.has_past())
            .for_each(|t| t.dirty = true),
    }
}
