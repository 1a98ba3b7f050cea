//! What can go wrong in a store, in words that say what to do.

use std::path::PathBuf;

use vigil_event::{AlertAction, AlertState, Id};

/// Why a store did not do or answer something. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such alert.
    #[error(
        "there is no alert {0}: it may have been deleted for its age; list the alerts to see which there are"
    )]
    NotFound(Id),
    /// The alert's state does not allow it.
    #[error("alert {id} is {}, so `{}` is not possible: reload it and decide again", state.name(), action.name())]
    Conflict {
        /// The alert.
        id: Id,
        /// Where it stands.
        state: AlertState,
        /// What was asked for.
        action: AlertAction,
    },
    /// The change cannot be kept as it is.
    #[error("the change of alert {id} is refused: {reason}")]
    BadChange {
        /// The alert.
        id: Id,
        /// What is wrong and what to do.
        reason: &'static str,
    },
    /// There is no such suppression.
    #[error("there is no suppression {0}: list them to see which there are")]
    NoSuppression(Id),
    /// The suppression cannot be kept as it is.
    #[error("the suppression is refused: {reason}")]
    BadSuppression {
        /// What is wrong and what to do.
        reason: &'static str,
    },
    /// There is no such revocation.
    #[error("there is no revocation {0}: list them to see which there are")]
    NoRevocation(Id),
    /// The revocation cannot be kept as it is.
    #[error("the revocation is refused: {reason}")]
    BadRevocation {
        /// What is wrong and what to do.
        reason: &'static str,
    },
    /// The cursor is not one that a page gave.
    #[error(
        "the cursor is not valid: pass on the `next` of the page before, or none to start from the newest"
    )]
    BadCursor,
    /// The text to search for is longer than any search needs.
    #[error("the text to search for may have {max_bytes} bytes: shorten it")]
    TextTooLong {
        /// The most bytes.
        max_bytes: usize,
    },
    /// The store keeps nothing of that channel.
    #[error("channel `{0}` is not kept in the store: only `threats` and `alerts` are")]
    UnknownChannel(String),
    /// The question took longer than a reader may.
    #[error(
        "the question took longer than {limit_ms} ms and was stopped: ask for a shorter range of time"
    )]
    TooSlow {
        /// How long a reader may take, in milliseconds.
        limit_ms: u64,
    },
    /// Too many ask or write at once.
    #[error("the store is busy: waited {waited_ms} ms for a turn; try again")]
    Busy {
        /// How long it was waited, in milliseconds.
        waited_ms: u64,
    },
    /// Another process has the data.
    #[error("{} is in use by another Vigil process: stop that one, or give this one another --data-dir", path.display())]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// The system has no thread to spare.
    #[error("the store cannot start its thread: {0}; raise the limit of processes and threads")]
    NoThread(std::io::Error),
    /// A later version of the program wrote it.
    #[error("{} was written by a newer Vigil (schema {found}, this one knows {known}): start that version, or restore an older copy of the data", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The last version that this program knows.
        known: i64,
    },
    /// It is not one of ours.
    #[error("{} is a database of another program: give --data-dir a directory of its own", path.display())]
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// It is damaged.
    #[error("{} is damaged ({detail}): restore a copy, or move the file away to start with an empty one", path.display())]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// What the engine says.
        detail: String,
    },
    /// There is no room left.
    #[error("no room left for {}: free some disk space or lower the retention; nothing of the last entry was stored", path.display())]
    Full {
        /// The database.
        path: PathBuf,
    },
    /// It may not be written.
    #[error("{} cannot be written: check its owner and mode and whether its disk is mounted read-only", path.display())]
    ReadOnly {
        /// The database.
        path: PathBuf,
    },
    /// A file or directory could not be made or opened. The text names it.
    #[error("the data directory cannot be used: {0}")]
    Files(#[from] std::io::Error),
    /// What is stored cannot be understood.
    #[error("{what} in the store cannot be read: {detail}; restore a copy of the data")]
    BadRow {
        /// What.
        what: &'static str,
        /// Why.
        detail: String,
    },
    /// The engine failed in another way.
    #[error("the database {} failed: {detail}", path.display())]
    Engine {
        /// The database.
        path: PathBuf,
        /// What the engine says.
        detail: String,
    },
}

impl StoreError {
    /// Whether the same call can succeed later without a change to the program or the data.
    pub const fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Full { .. }
                | Self::ReadOnly { .. }
                | Self::Busy { .. }
                | Self::TooSlow { .. }
                | Self::Engine { .. }
        )
    }
}
