//! Merges the write-ahead log into the file, on a thread and a connection of its own.
//!
//! Merging waits for the disk, a tenth of a second and more on a busy one. Left to the connection
//! that writes, as SQLite does by itself, it makes every threat wait that comes meanwhile. Passive
//! merging (<https://sqlite.org/pragma.html#pragma_wal_checkpoint>) blocks nobody. But the log starts
//! over only when all of it is merged, and while the disk is waited for more is written: once the log
//! is long and little of it is left, the writer is held for that little.
//!
//! Owns: the thread. Never holds: the writer for more than a few pages. If it cannot keep up, the
//! writer merges after [`WRITER_MERGES_AT`] pages, so that the log stays bounded.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, OpenFlags};

use super::connection::{self, Writer};
use super::failure::Failure;
use crate::StoreError;

/// When the log has grown by so many pages, the writer merges it itself.
pub(super) const WRITER_MERGES_AT: u32 = 16_000;

/// How often the log is merged.
const INTERVAL: Duration = Duration::from_secs(1);

/// How often in a row, to get down to a few pages that are left.
const ROUNDS: usize = 4;

/// A log of so many pages is to start over.
const LONG: i64 = 4_000;

/// For so many pages that are left the writer is held.
const FEW: i64 = 500;

/// The thread; it ends when this is dropped.
pub(super) struct Merger {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Stop {
    is_wanted: Mutex<bool>,
    changed: Condvar,
}

impl Merger {
    /// Starts to merge the log of the database at that path, which the writer has open.
    pub(super) fn start(path: &Path, writer: Arc<Mutex<Writer>>) -> Result<Self, Failure> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = connection::open(path, flags)?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let stop = Arc::new(Stop::default());
        let told = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("store-merge".to_owned())
            .spawn(move || run(&connection, &writer, &told))
            .map_err(StoreError::NoThread)?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Merger {
    fn drop(&mut self) {
        *self.stop.is_wanted.lock() = true;
        self.stop.changed.notify_all();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that merges the store's log has panicked");
        }
    }
}

fn run(connection: &Connection, writer: &Mutex<Writer>, stop: &Stop) {
    let mut has_failed = false;
    loop {
        {
            let mut is_wanted = stop.is_wanted.lock();
            if !*is_wanted {
                stop.changed.wait_for(&mut is_wanted, INTERVAL);
            }
            if *is_wanted {
                return;
            }
        }
        match merge(connection, writer) {
            Ok(()) => has_failed = false,
            Err(error) if !has_failed => {
                has_failed = true;
                tracing::warn!(%error, "the store's write-ahead log cannot be merged into its file: it grows until the writer can do it; look at the disk");
            }
            Err(_) => {}
        }
    }
}

fn merge(connection: &Connection, writer: &Mutex<Writer>) -> rusqlite::Result<()> {
    let mut merged = 0;
    for _ in 0..ROUNDS {
        let pages = merge_what_is_written(connection)?;
        if pages < LONG {
            return Ok(());
        }
        let grown = pages - merged;
        if grown <= FEW {
            // As much again has been written since.
            let _waits = writer.lock();
            merge_what_is_written(connection)?;
            return Ok(());
        }
        merged = pages;
    }
    Ok(())
}

/// Merges what the log has by now; how many pages that are, with those merged before.
fn merge_what_is_written(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_bytes(path: &Path) -> u64 {
        fs_err::metadata(path.with_extension("db-wal"))
            .unwrap()
            .len()
    }

    fn grow(writer: &Mutex<Writer>) {
        let rows = "INSERT INTO t (v) VALUES (zeroblob(1000000));";
        writer.lock().connection.execute_batch(rows).unwrap();
    }

    #[test]
    fn what_is_written_reaches_the_file_and_the_log_starts_over() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db");
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        drop(Connection::open_with_flags(&path, flags).unwrap());
        let writer = Arc::new(Mutex::new(Writer::open(&path).unwrap()));
        let create = "CREATE TABLE t (v);";
        writer.lock().connection.execute_batch(create).unwrap();
        let merging = connection::open(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();

        while log_bytes(&path) < LONG as u64 * 8_192 {
            grow(&writer);
        }
        let (file, log) = (fs_err::metadata(&path).unwrap().len(), log_bytes(&path));
        merge(&merging, &writer).unwrap();
        assert!(fs_err::metadata(&path).unwrap().len() > file + log / 2);
        grow(&writer);
        assert_eq!(log_bytes(&path), log, "the log goes on where it was");

        drop(Merger::start(&path, Arc::clone(&writer)).unwrap());
        assert_eq!(Arc::strong_count(&writer), 1);
    }
}
