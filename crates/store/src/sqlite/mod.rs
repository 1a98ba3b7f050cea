//! The store in one SQLite file.
//!
//! The file is in write-ahead-log mode with `synchronous = NORMAL`: a commit survives the end of the
//! process, and when the machine fails the newest commits may be undone, but for those that were written
//! through ([`Store::write_through`]). That is enough here, because
//! a lost entry takes its checkpoint with it, so that the source reads the same records again; after
//! such a failure the channels get a new epoch. One connection writes, behind a lock; a few
//! read-only ones answer; one more merges the write-ahead log into the file. The file is not mapped into memory: a disk error would then end the process
//! instead of failing a call.
//!
//! Owns: the file, its lock, its connections, its transactions. Never holds: a lock while it waits
//! for a caller; the one exception is the publish hook, whose calls must come in commit order.

mod alert;
mod connection;
mod document;
mod failure;
mod files;
mod grouping;
mod list;
mod merge;
mod migrate;
#[cfg(test)]
mod million;
mod outbox;
mod record;
mod revocation;
mod room;
mod stats;
mod suppression;
#[cfg(test)]
mod tests;
mod trim;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use vigil_event::{
    Alert, AlertChange, Checkpoint, Id, Publication, Revocation, SourceId, Suppression, Threat,
    Timestamp,
};

use crate::{
    AlertQuery, Backlog, Entry, Page, Publish, Recorded, Retention, Room, Stats, StatsQuery, Store,
    StoreError, ThreatQuery, Trimmed,
};
use connection::{Readers, Writer};
use failure::Failure;
pub use files::DataLock;
use merge::Merger;

/// How long [`Store::check`] waits for its turn to write.
const CHECK_WAIT: Duration = Duration::from_secs(2);

/// A store in one SQLite file.
///
/// Fields are dropped in this order: the others close before the writer, which then merges what is
/// left of the write-ahead log into the file, and the lock goes last.
pub struct SqliteStore {
    readers: Readers,
    _merger: Merger,
    writer: Arc<Mutex<Writer>>,
    publish: Publish,
    path: PathBuf,
    _lock: DataLock,
}

impl SqliteStore {
    /// Opens the database at that path, or makes it, and takes it for this process alone.
    ///
    /// A missing directory is made with mode 0700, the files with 0600. An older schema is brought up
    /// to date. `publish` hears of everything that is committed from now on.
    pub fn open(path: &Path, publish: Publish) -> Result<Self, StoreError> {
        let lock = files::prepare(path)?;
        let open = || -> Result<_, Failure> {
            let writer = Arc::new(Mutex::new(Writer::open(path)?));
            let merger = Merger::start(path, Arc::clone(&writer))?;
            Ok((Readers::open(path)?, merger, writer))
        };
        let (readers, merger, writer) = open().map_err(|failure| failure.at(path))?;
        Ok(Self {
            readers,
            _merger: merger,
            writer,
            publish,
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Keeps every other process from opening the database at that path, as long as what is returned
    /// lives; refused while one has it. There need not be one.
    pub fn hold(path: &Path) -> Result<DataLock, StoreError> {
        files::hold(path)
    }

    /// The suppressions in force in the database at that path, which another process may have open;
    /// nothing is changed. None where there is no database, or one from before suppressions.
    pub fn peek_suppressions(path: &Path, now: Timestamp) -> Result<Vec<Suppression>, StoreError> {
        if !path.exists() {
            return Ok(Vec::new());
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let peek = || -> Result<_, Failure> {
            let connection = Connection::open_with_flags(path, flags)?;
            connection.busy_timeout(connection::BUSY_TIMEOUT)?;
            if migrate::recognise(&connection)? < migrate::WITH_SUPPRESSIONS {
                return Ok(Vec::new());
            }
            suppression::list(&connection, Some(now))
        };
        peek().map_err(|failure| failure.at(path))
    }

    /// Runs a transaction and then tells what it published, before anybody else may write.
    fn write<T>(
        &self,
        work: impl FnOnce(&mut record::Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let mut writer = self.writer.lock();
        let (answer, published) = transact(&mut writer, work).map_err(|failure| {
            // Rules that the undone transaction numbered are not there.
            writer.rules.clear();
            failure.at(&self.path)
        })?;
        if !published.is_empty() {
            (self.publish)(&published);
        }
        Ok(answer)
    }

    /// Runs over one moment's state, on a connection that cannot write.
    fn read<T>(
        &self,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.readers
            .run(work)
            .map_err(|failure| failure.at(&self.path))
    }

    fn writer_within(&self, wait: Duration) -> Result<MutexGuard<'_, Writer>, StoreError> {
        self.writer.try_lock_for(wait).ok_or(StoreError::Busy {
            waited_ms: wait.as_millis() as u64,
        })
    }
}

/// What a transaction answered, and what it published with which offsets.
type Committed<T> = (T, Vec<(u64, Publication)>);

fn transact<T>(
    writer: &mut Writer,
    work: impl FnOnce(&mut record::Transaction<'_>) -> Result<T, Failure>,
) -> Result<Committed<T>, Failure> {
    let Writer { connection, rules } = writer;
    // Dropped before its commit, a transaction is rolled back.
    let sql = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut transaction = record::Transaction::new(&sql, rules);
    let answer = work(&mut transaction)?;
    let published = transaction.finish()?;
    sql.commit()?;
    Ok((answer, published))
}

impl Store for SqliteStore {
    fn record(&self, entry: &Entry<'_>) -> Result<Recorded, StoreError> {
        if entry.threats.is_empty()
            && entry.checkpoints.is_empty()
            && entry.suppression_hits.is_empty()
        {
            return Ok(Recorded::default());
        }
        self.write(|transaction| transaction.record(entry))
    }

    fn change_alert(&self, id: Id, change: AlertChange) -> Result<Alert, StoreError> {
        self.write(|transaction| transaction.change_alert(id, change))
    }

    fn threat(&self, id: Id) -> Result<Option<Threat>, StoreError> {
        self.read(|sql| list::threat(sql, id))
    }

    fn threats(&self, query: &ThreatQuery) -> Result<Page<Threat>, StoreError> {
        self.read(|sql| list::threats(sql, query))
    }

    fn alerts(&self, query: &AlertQuery) -> Result<Page<Alert>, StoreError> {
        self.read(|sql| list::alerts(sql, query))
    }

    fn alert(&self, id: Id) -> Result<Option<Alert>, StoreError> {
        self.read(|sql| alert::load_with_changes(sql, id))
    }

    fn add_suppression(&self, suppression: &Suppression) -> Result<(), StoreError> {
        self.write(|transaction| suppression::add(transaction.sql, suppression))
    }

    fn remove_suppression(
        &self,
        id: Id,
        by: &str,
        at: Timestamp,
    ) -> Result<Suppression, StoreError> {
        self.write(|transaction| suppression::remove(transaction.sql, id, by, at))
    }

    fn suppressions(&self, active_at: Option<Timestamp>) -> Result<Vec<Suppression>, StoreError> {
        self.read(|sql| suppression::list(sql, active_at))
    }

    fn add_revocation(&self, revocation: &Revocation) -> Result<(), StoreError> {
        self.write(|transaction| revocation::add(transaction.sql, revocation))
    }

    fn lift_revocation(&self, id: Id) -> Result<Revocation, StoreError> {
        self.write(|transaction| revocation::lift(transaction.sql, id))
    }

    fn revocations(&self, at: Timestamp) -> Result<Vec<Revocation>, StoreError> {
        self.read(|sql| revocation::list(sql, at))
    }

    fn stats(&self, query: &StatsQuery) -> Result<Stats, StoreError> {
        self.read(|sql| stats::stats(sql, query))
    }

    fn checkpoints(&self) -> Result<Vec<Checkpoint>, StoreError> {
        self.read(record::checkpoints)
    }

    fn forget_checkpoints(&self, sources: &[SourceId]) -> Result<(), StoreError> {
        self.write(|transaction| record::forget_checkpoints(transaction.sql, sources))
    }

    fn backlog(&self, channel: &str, limit: usize) -> Result<Backlog, StoreError> {
        self.read(|sql| outbox::backlog(sql, channel, limit))
    }

    fn keep_rooms(&self, rooms: &[Room]) -> Result<(), StoreError> {
        self.write(|transaction| room::keep(transaction.sql, rooms))
    }

    fn rooms(&self) -> Result<Vec<Room>, StoreError> {
        self.read(|sql| room::all(sql))
    }

    fn forget_rooms(&self, namespace: &str, before: Timestamp) -> Result<(), StoreError> {
        self.write(|transaction| room::forget(transaction.sql, namespace, before))
    }

    fn close_rooms(&self) -> Result<(), StoreError> {
        self.write(|transaction| room::close(transaction.sql))
    }

    fn trim(&self, retention: &Retention, now: Timestamp) -> Result<Trimmed, StoreError> {
        trim::trim(
            |work| {
                self.writer
                    .lock()
                    .transact(work)
                    .map_err(|failure| failure.at(&self.path))
            },
            retention,
            now,
        )
    }

    fn write_through(&self) -> Result<(), StoreError> {
        let writer = self.writer.lock();
        writer
            .write_through()
            .map_err(|failure| failure.at(&self.path))
    }

    fn check(&self) -> Result<(), StoreError> {
        let writer = self.writer_within(CHECK_WAIT)?;
        writer.touch().map_err(|failure| failure.at(&self.path))
    }
}
