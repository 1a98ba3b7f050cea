//! Where batches of lines go: asked for here, done by the binary.

use std::pin::Pin;
use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;
use vigil_event::RecordBatch;

/// Lines that somebody sent.
#[derive(Clone, Debug)]
pub struct IngestBatch {
    /// The lines. The source is `ingest:<subject>/<name>`, which no file's path can be. The stream is
    /// the sender's idempotency key or a new id, and an offset is a line's place in the batch: a batch
    /// sent again under its key gives the same records.
    pub records: RecordBatch,
    /// The name of the lines' format as the sender gave it; none to find out from each line.
    pub format: Option<String>,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct IngestOutcome {
    /// How many lines were taken, the unparsed ones among them.
    pub accepted: u64,
    /// How many of these could not be parsed.
    pub unparsed: u64,
    /// How many threats were found in them.
    pub threats: u64,
    /// How many were longer than 65,536 bytes and were cut.
    pub truncated: u64,
}

/// Why a batch was not taken. Nothing of it is stored then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// No room for it now.
    #[error("the queue of lines is full: nothing of the batch was taken; send it again later")]
    Full {
        /// When to try again.
        retry_after: Duration,
    },
    /// The server is going down, or detection has stopped.
    #[error("no lines are taken: the server is stopping, or detection has stopped (see /ready)")]
    Stopped,
    /// What the sender asked for can't be done; the text says what and what to do.
    #[error("{0}")]
    Refused(String),
}

/// Takes batches of lines.
///
/// - **All or nothing.** A batch is taken whole, or refused with nothing of it stored.
/// - **When it resolves.** After what was concluded from the batch is stored.
/// - **Cancellation.** Dropping the future only ends the waiting: the batch may be stored.
/// - **Who retries.** The sender, with the same idempotency key; what was stored is then not stored
///   again.
/// - **Bounds.** It refuses rather than waits for room.
pub trait Intake: Send + Sync {
    /// Takes the batch.
    fn submit(
        &self,
        batch: IngestBatch,
    ) -> Pin<Box<dyn Future<Output = Result<IngestOutcome, IntakeError>> + Send + '_>>;
}
