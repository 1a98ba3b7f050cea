//! Merges the write-ahead log into the file, on a thread and a connection of its own.
//!
//! Merging waits for the disk, a tenth of a second and more on a busy one. Left to the connection
//! that writes, as SQLite does by itself, it makes every threat wait that comes meanwhile. Passive
//! merging (<https://sqlite.org/pragma.html#pragma_wal_checkpoint>) blocks nobody.
//!
//! Owns: the thread. Never holds: the writer. If it cannot keep up, the writer merges after
//! [`WRITER_MERGES_AT`] pages, so that the log stays bounded.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, OpenFlags};

use super::connection;
use super::failure::Failure;
use crate::StoreError;

/// When the log has grown by so many pages, the writer merges it itself.
pub(super) const WRITER_MERGES_AT: u32 = 16_000;

/// How often the log is merged.
const INTERVAL: Duration = Duration::from_secs(1);

/// How often in a row: the log starts over only once nothing of it is left to merge, and while the
/// disk is waited for more is written.
const ROUNDS: usize = 4;

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
    /// Starts to merge the log of the database at that path, which is open already.
    pub(super) fn start(path: &Path) -> Result<Self, Failure> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = connection::open(path, flags)?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let stop = Arc::new(Stop::default());
        let told = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("store-merge".to_owned())
            .spawn(move || run(&connection, &told))
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

fn run(connection: &Connection, stop: &Stop) {
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
        match merge(connection) {
            Ok(()) => has_failed = false,
            Err(error) if !has_failed => {
                has_failed = true;
                tracing::warn!(%error, "the store's write-ahead log cannot be merged into its file: it grows until the writer can do it; look at the disk");
            }
            Err(_) => {}
        }
    }
}

fn merge(connection: &Connection) -> rusqlite::Result<()> {
    for _ in 0..ROUNDS {
        let (pages, merged) =
            connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
                Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            })?;
        if merged >= pages {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reaches_the_file_while_the_writer_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db");
        let writer = Connection::open(&path).unwrap();
        writer
            .pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
            .unwrap();
        writer.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
        writer
            .execute_batch("CREATE TABLE t (v); INSERT INTO t VALUES (zeroblob(100000));")
            .unwrap();
        let before = fs_err::metadata(&path).unwrap().len();
        merge(&Connection::open(&path).unwrap()).unwrap();
        assert!(fs_err::metadata(&path).unwrap().len() >= before + 100_000);
        let merger = Merger::start(&path).unwrap();
        drop(merger);
        let rows: i64 = writer
            .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 1);
    }
}
