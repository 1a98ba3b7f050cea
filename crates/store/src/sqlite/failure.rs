//! What goes wrong inside the SQLite store, and how it is told outside.

use std::path::Path;

use rusqlite::ErrorCode;
use vigil_event::Id;

use super::connection::{BUSY_TIMEOUT, QUESTION_LIMIT};
use crate::StoreError;

/// A failure that does not know its database's path yet.
#[derive(Debug)]
pub(super) enum Failure {
    Sql(rusqlite::Error),
    Store(StoreError),
    Newer { found: i64, known: i64 },
    Foreign,
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure {
    /// A stored document that is not what was stored.
    pub(super) fn bad_row(what: &'static str, detail: &dyn ToString) -> Self {
        Self::Store(StoreError::BadRow {
            what,
            detail: detail.to_string(),
        })
    }

    pub(super) const fn not_found(id: Id) -> Self {
        Self::Store(StoreError::NotFound(id))
    }

    /// The failure of the database at that path.
    pub(super) fn at(self, path: &Path) -> StoreError {
        let path = path.to_owned();
        let error = match self {
            Self::Store(error) => return error,
            Self::Newer { found, known } => return StoreError::Newer { path, found, known },
            Self::Foreign => return StoreError::Foreign { path },
            Self::Sql(error) => error,
        };
        let detail = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full { path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                StoreError::ReadOnly { path }
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Corrupt { path, detail }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy {
                waited_ms: BUSY_TIMEOUT.as_millis() as u64,
            },
            Some(ErrorCode::OperationInterrupted) => StoreError::TooSlow {
                limit_ms: QUESTION_LIMIT.as_millis() as u64,
            },
            _ => StoreError::Engine { path, detail },
        }
    }
}
