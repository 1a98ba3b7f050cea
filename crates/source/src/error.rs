//! What can keep a tailer from working at all.
//!
//! A file that cannot be read is not an error here: it stands in its
//! [`FileStatus`](crate::FileStatus) and is tried again.

use std::io;

/// Why a tailer cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The text is no valid glob.
    #[error("log pattern {pattern:?} is not a valid glob: {error}; write `[[]` for a literal `[`")]
    Pattern {
        /// The pattern as given.
        pattern: String,
        /// What is wrong, and at which character.
        error: glob::PatternError,
    },
    /// A relative pattern could not be made absolute.
    #[error("log pattern {pattern:?} cannot be made absolute: {error}; give an absolute path")]
    Absolute {
        /// The pattern as given.
        pattern: String,
        /// Why not.
        error: io::Error,
    },
    /// The event descriptor that a waker needs could not be made.
    #[error("cannot make an event descriptor: {error}; raise the limit of open files (ulimit -n)")]
    Waker {
        /// Why not.
        error: io::Error,
    },
    /// Waiting for changes failed.
    #[error("cannot wait for changes of the log files: {error}; restart Vigil")]
    Wait {
        /// Why not.
        error: io::Error,
    },
}
