//! Where batches of lines go: asked for here, done by the binary.

use std::pin::Pin;
use std::time::Duration;

use std::net::IpAddr;

use serde::Serialize;
use utoipa::ToSchema;
use vigil_event::whole::Pair;
use vigil_event::{RecordBatch, SourceId, Timestamp};

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

/// A whole request that somebody sent.
#[derive(Clone, Debug, Default)]
pub struct SentRequest {
    /// What a proxy calls it: of two of one name that say the same the second is the first one again. Empty
    /// where it has none.
    pub id: Vec<u8>,
    /// Who was at the other end of the connection.
    pub client: Option<IpAddr>,
    /// When it came; none for now.
    pub occurred_at: Option<Timestamp>,
    /// The method.
    pub method: Vec<u8>,
    /// Path and query as received.
    pub target: Vec<u8>,
    /// Such as `1.1`.
    pub version: Vec<u8>,
    /// Names and values in the order they came.
    pub headers: Vec<Pair>,
    /// The body, cut to [`SentRequest::MAX_BODY_BYTES`].
    pub body: Vec<u8>,
    /// The body was longer.
    pub truncated: bool,
}

impl SentRequest {
    /// The most of a body that is looked at, in bytes.
    pub const MAX_BODY_BYTES: usize = 128 << 10;

    /// Takes the body in, and cuts it.
    pub(crate) fn set_body(&mut self, body: &[u8]) {
        let kept = body.get(..Self::MAX_BODY_BYTES).unwrap_or(body);
        self.truncated = kept.len() < body.len();
        self.body = kept.to_vec();
    }
}

/// Whole requests that somebody sent together.
#[derive(Clone, Debug)]
pub struct RequestBatch {
    /// As of [`IngestBatch::records`].
    pub source: SourceId,
    /// As of [`IngestBatch::records`]; an offset is a request's place in the batch.
    pub stream: String,
    /// When they came.
    pub read_at: Timestamp,
    /// The requests.
    pub requests: Vec<SentRequest>,
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
    /// How many were cut: lines of more than 65,536 bytes, or requests whose body is longer than 128 KiB.
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

    /// Takes whole requests, as a batch of lines.
    fn submit_requests(
        &self,
        batch: RequestBatch,
    ) -> Pin<Box<dyn Future<Output = Result<IngestOutcome, IntakeError>> + Send + '_>>;

    /// Takes a request that a proxy mirrors, without waiting for anything: it is queued, or refused
    /// and counted where the queue is full. Nobody sends it again.
    fn mirror(&self, source: SourceId, request: SentRequest) -> Result<(), IntakeError>;
}
