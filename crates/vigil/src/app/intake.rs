//! What is sent over HTTP, on its way into the pipeline: lines and whole requests.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, TryAcquireError, oneshot};
use vigil_api::{IngestBatch, IngestOutcome, Intake, IntakeError, RequestBatch, SentRequest};
use vigil_decode::Format;
use vigil_decode::whole::{self, Told};
use vigil_event::{Record, RecordBatch, SourceId};

use super::mirror::Mirror;
use crate::pipeline::{Intake as Pipeline, Submission};

/// Batches that wait to be stored; one more is refused.
const WAITING: usize = 16;
/// When a sender that was refused should come back.
const RETRY_AFTER: Duration = Duration::from_secs(1);

type Outcome<'a> = Pin<Box<dyn Future<Output = Result<IngestOutcome, IntakeError>> + Send + 'a>>;

pub(super) struct HttpIntake {
    pipeline: Pipeline,
    room: Arc<Semaphore>,
    mirror: Mirror,
}

impl HttpIntake {
    pub(super) fn new(pipeline: Pipeline, mirror: Mirror) -> Self {
        Self {
            pipeline,
            room: Arc::new(Semaphore::new(WAITING)),
            mirror,
        }
    }

    async fn take(&self, batch: RecordBatch, format: Format) -> Result<IngestOutcome, IntakeError> {
        let place = Arc::clone(&self.room)
            .try_acquire_owned()
            .map_err(|error| match error {
                TryAcquireError::NoPermits => IntakeError::Full {
                    retry_after: RETRY_AFTER,
                },
                TryAcquireError::Closed => IntakeError::Stopped,
            })?;
        let (done, stored) = oneshot::channel();
        let pipeline = self.pipeline.clone();
        let submission = Submission {
            batch,
            format,
            done: Some(done),
        };
        // Handing in blocks while the queues are full. The place is held until all is stored, also
        // when the sender goes away, so that senders cannot pile up work by leaving.
        let handed_in = tokio::task::spawn_blocking(move || pipeline.submit(submission));
        let stored = tokio::spawn(async move {
            let handed_in = handed_in.await.is_ok_and(|result| result.is_ok());
            let stored = if handed_in { stored.await.ok() } else { None };
            drop(place);
            stored
        });
        let stored = stored.await.ok().flatten().ok_or(IntakeError::Stopped)?;
        Ok(IngestOutcome {
            accepted: stored.records,
            unparsed: stored.unparsed,
            threats: stored.threats,
            truncated: stored.truncated,
        })
    }
}

impl Intake for HttpIntake {
    fn submit(&self, batch: IngestBatch) -> Outcome<'_> {
        Box::pin(async move {
            let format = match batch.format.as_deref() {
                None => Format::default(),
                Some(name) => name
                    .parse()
                    .map_err(|error| IntakeError::Refused(format!("{error}")))?,
            };
            self.take(batch.records, format).await
        })
    }

    fn submit_requests(&self, batch: RequestBatch) -> Outcome<'_> {
        Box::pin(self.take(records(&batch), Format::Request))
    }

    fn mirror(&self, source: SourceId, request: SentRequest) -> Result<(), IntakeError> {
        self.mirror.take(source, request)
    }
}

/// Whole requests as records.
pub(super) fn records(batch: &RequestBatch) -> RecordBatch {
    let mut bytes = Vec::new();
    let mut records = Vec::with_capacity(batch.requests.len());
    for (offset, request) in (0..).zip(&batch.requests) {
        let start = bytes.len() as u32;
        let told = Told {
            client: request.client,
            occurred_at: request.occurred_at,
            method: &request.method,
            target: &request.target,
            version: &request.version,
            headers: &request.headers,
            body: &request.body,
        };
        whole::write(&mut bytes, &told);
        records.push(Record {
            start,
            len: bytes.len() as u32 - start,
            offset,
            truncated: request.truncated,
        });
    }
    RecordBatch {
        source: batch.source.clone(),
        stream: batch.stream.as_str().into(),
        bytes,
        records,
        read_at: batch.read_at,
        checkpoint: None,
    }
}
