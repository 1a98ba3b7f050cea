//! Connections: the one that writes, and the few that read.
//!
//! Owns: how a connection is set up, how long a question may take. Never holds: SQL of any subject.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::failure::Failure;
use super::merge::WRITER_MERGES_AT;
use super::{migrate, outbox};
use crate::StoreError;

/// How long SQLite itself waits for a lock; only another program that looks into the file can have it.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a question may take before it is stopped.
pub(super) const QUESTION_LIMIT: Duration = Duration::from_secs(10);

/// How many questions are answered at once.
const READERS: usize = 4;

/// How long a question waits for one of the readers.
const READER_WAIT: Duration = Duration::from_secs(5);

/// How many steps of SQLite's machine pass between two looks at the time.
const STEPS_BETWEEN_LOOKS: i32 = 100_000;

/// Enough for every statement of the store.
const STATEMENT_CACHE: usize = 64;

/// The connection that writes, with what it remembers between transactions.
pub(super) struct Writer {
    pub(super) connection: Connection,
    /// The numbers of rules that were seen, with the title they have there.
    pub(super) rules: HashMap<String, (i64, String)>,
}

impl Writer {
    /// Opens the file for writing and brings it up to date.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = open(path, flags)?;
        if migrate::recognise(&connection)? == 0 {
            // Both only work in an empty file, before it is switched to the write-ahead log. Larger
            // pages hold several documents each.
            connection.pragma_update(None, "page_size", 8192)?;
            connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        }
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", WRITER_MERGES_AT)?;
        connection.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))?;
        connection.pragma_update(None, "cache_size", -32_000)?;
        migrate::migrate(&mut connection)?;
        // What says whether the last run ended well must be on the disk before anything else is.
        outbox::renew_epochs_after_crash(&mut connection, &boot_id())?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        Ok(Self {
            connection,
            rules: HashMap::new(),
        })
    }

    /// Runs a transaction that publishes nothing.
    pub(super) fn transact<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let answer = work(&transaction)?;
        transaction.commit()?;
        Ok(answer)
    }

    /// Writes a commit through to the disk, and with it all before it.
    pub(super) fn write_through(&self) -> Result<(), Failure> {
        self.connection.pragma_update(None, "synchronous", "FULL")?;
        let written = self.touch();
        self.connection
            .pragma_update(None, "synchronous", "NORMAL")?;
        written
    }

    /// Writes something that means nothing.
    pub(super) fn touch(&self) -> Result<(), Failure> {
        let sql = "UPDATE meta SET value = CAST(value AS INTEGER) + 1 WHERE key = 'checked'";
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Err(error) = outbox::close_well(&self.connection) {
            tracing::warn!(%error, "the store was not closed well: after a failure of the machine, clients start anew");
        }
    }
}

/// What tells one start of the machine from the next; empty where there is no such thing.
fn boot_id() -> String {
    fs_err::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

/// The connections that read.
pub(super) struct Readers {
    idle: Mutex<Vec<Reader>>,
    returned: Condvar,
}

struct Reader {
    connection: Connection,
    deadline: Arc<Mutex<Instant>>,
}

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let idle = (0..READERS)
            .map(|_| Reader::open(path))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            idle: Mutex::new(idle),
            returned: Condvar::new(),
        })
    }

    /// Runs over one moment's state; stops it when it takes too long.
    pub(super) fn run<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.run_within(QUESTION_LIMIT, work)
    }

    pub(super) fn run_within<T>(
        &self,
        limit: Duration,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut lent = Lent {
            reader: Some(self.take()?),
            to: self,
        };
        let Some(reader) = &mut lent.reader else {
            return Err(busy());
        };
        *reader.deadline.lock() = Instant::now() + limit;
        work(&reader.connection.transaction()?)
    }

    fn take(&self) -> Result<Reader, Failure> {
        let until = Instant::now() + READER_WAIT;
        let mut idle = self.idle.lock();
        loop {
            if let Some(reader) = idle.pop() {
                return Ok(reader);
            }
            if self.returned.wait_until(&mut idle, until).timed_out() {
                return idle.pop().ok_or_else(busy);
            }
        }
    }
}

fn busy() -> Failure {
    Failure::Store(StoreError::Busy {
        waited_ms: READER_WAIT.as_millis() as u64,
    })
}

/// A reader that goes back to the others, whatever happens.
struct Lent<'a> {
    reader: Option<Reader>,
    to: &'a Readers,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.to.idle.lock().extend(self.reader.take());
        self.to.returned.notify_one();
    }
}

impl Reader {
    fn open(path: &Path) -> Result<Self, Failure> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = open(path, flags)?;
        connection.pragma_update(None, "cache_size", -8_000)?;
        let deadline = Arc::new(Mutex::new(Instant::now()));
        let limit = Arc::clone(&deadline);
        connection.progress_handler(
            STEPS_BETWEEN_LOOKS,
            Some(move || Instant::now() >= *limit.lock()),
        )?;
        Ok(Self {
            connection,
            deadline,
        })
    }
}

/// Opens the file.
pub(super) fn open(path: &Path, flags: OpenFlags) -> Result<Connection, Failure> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    Ok(connection)
}
