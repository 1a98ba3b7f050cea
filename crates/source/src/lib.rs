//! Gets bytes from the world as records, with a checkpoint.
//!
//! Today there is one source: the [`Tailer`], which follows log files through every kind of
//! rotation. It yields [`RecordBatch`](vigil_event::RecordBatch)es, each with the
//! [`Checkpoint`](vigil_event::Checkpoint) that is true once the batch is stored; given back at
//! the next start, reading goes on at exactly that byte, wherever the file has been renamed to.
//!
//! Owns: patterns, open files, the wait for changes, what a checkpoint of a file says. Never
//! holds: knowledge of what a line means, rules, a store, an async runtime.
//!
//! How a name is followed: `patterns` says which names there are, `tailed` keeps the queue of
//! files behind one name (what is left of rotated ones first), `generation` reads one of them,
//! `rotation` finds files again that were renamed, `ledger` sees to it that none is read twice,
//! `checkpoint` is what survives a restart, `stands` compares, `watch` waits.

mod checkpoint;
mod error;
mod generation;
mod ledger;
mod line;
mod options;
mod patterns;
mod rotation;
mod stands;
mod tailed;
mod tailer;
mod telemetry;
mod watch;

pub use error::SourceError;
pub use options::TailOptions;
pub use stands::{Stands, can_go_on, is_over, stands};
pub use tailer::{FileStatus, Tailer};
pub use telemetry::Telemetry;
pub use watch::Waker;
