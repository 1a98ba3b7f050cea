//! The tailer on real files, in directories of their own.
//!
//! Nothing here sleeps: changes are told by inotify before the call that made them returns, so a
//! look without waiting sees them.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot prepare its files fails"
)]

mod lines;
mod model;
mod names;
mod restart;
mod rotation;

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use vigil_event::{Checkpoint, RecordBatch, SystemClock};
use vigil_source::{FileStatus, TailOptions, Tailer};

/// A directory of logs.
pub(crate) struct Logs {
    pub(crate) dir: TempDir,
}

impl Logs {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Appends, making the file if it is not there.
    pub(crate) fn append(&self, name: &str, text: impl AsRef<[u8]>) {
        let mut file = fs::File::options()
            .append(true)
            .create(true)
            .open(self.path(name))
            .unwrap();
        file.write_all(text.as_ref()).unwrap();
    }

    pub(crate) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    pub(crate) fn truncate(&self, name: &str) {
        fs::File::options()
            .write(true)
            .open(self.path(name))
            .unwrap()
            .set_len(0)
            .unwrap();
    }

    pub(crate) fn copy(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).unwrap();
    }

    pub(crate) fn tail(&self, patterns: &[&str]) -> Tail {
        self.tail_with(patterns, from_start(), Vec::new())
    }

    pub(crate) fn tail_with(
        &self,
        patterns: &[&str],
        options: TailOptions,
        checkpoints: Vec<Checkpoint>,
    ) -> Tail {
        let patterns: Vec<String> = patterns
            .iter()
            .map(|pattern| self.path(pattern).display().to_string())
            .collect();
        let tailer = Tailer::open(&patterns, options, checkpoints, Arc::new(SystemClock)).unwrap();
        Tail {
            tailer,
            checkpoint: None,
        }
    }
}

pub(crate) fn from_start() -> TailOptions {
    TailOptions {
        from_start: true,
        ..TailOptions::default()
    }
}

/// A record as tests compare it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) source: String,
    pub(crate) stream: String,
    pub(crate) offset: u64,
    pub(crate) text: Vec<u8>,
    pub(crate) truncated: bool,
}

/// A tailer, and the last checkpoint it gave.
pub(crate) struct Tail {
    pub(crate) tailer: Tailer,
    pub(crate) checkpoint: Option<Checkpoint>,
}

impl Tail {
    /// The next batch that is there already.
    pub(crate) fn batch(&mut self) -> Option<RecordBatch> {
        let batch = self.tailer.next_batch(Duration::ZERO).unwrap();
        if let Some(batch) = &batch {
            self.checkpoint.clone_from(&batch.checkpoint);
        }
        batch
    }

    /// The next batch with records that is there already.
    pub(crate) fn records(&mut self) -> RecordBatch {
        loop {
            let batch = self.batch().expect("there is something to read");
            if !batch.records.is_empty() {
                return batch;
            }
        }
    }

    /// All lines that are there.
    pub(crate) fn lines(&mut self) -> Vec<Line> {
        let mut lines = Vec::new();
        while let Some(batch) = self.batch() {
            lines.extend(lines_of(&batch));
        }
        lines
    }

    /// The texts of all lines that are there.
    pub(crate) fn texts(&mut self) -> Vec<String> {
        texts(&self.lines())
    }

    /// The status of the only name.
    pub(crate) fn status(&self) -> FileStatus {
        let mut status = self.tailer.status();
        assert_eq!(status.len(), 1, "{status:?}");
        status.remove(0)
    }

    /// The last checkpoint, as the store would give it back.
    pub(crate) fn stored(&self) -> Vec<Checkpoint> {
        self.checkpoint.clone().into_iter().collect()
    }
}

pub(crate) fn lines_of(batch: &RecordBatch) -> Vec<Line> {
    let line = |record| Line {
        source: batch.source.to_string(),
        stream: batch.stream.to_string(),
        offset: batch.key(record).offset,
        text: batch.text(record).to_vec(),
        truncated: record.truncated,
    };
    batch.records.iter().map(line).collect()
}

pub(crate) fn texts(lines: &[Line]) -> Vec<String> {
    lines
        .iter()
        .map(|line| String::from_utf8_lossy(&line.text).into_owned())
        .collect()
}
