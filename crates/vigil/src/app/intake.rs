//! Lines sent over HTTP, on their way into the pipeline.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, TryAcquireError, oneshot};
use vigil_api::{IngestBatch, IngestOutcome, Intake, IntakeError};
use vigil_decode::Format;

use crate::pipeline::{Intake as Pipeline, Submission};

/// Batches that wait to be stored; one more is refused.
const WAITING: usize = 16;
/// When a sender that was refused should come back.
const RETRY_AFTER: Duration = Duration::from_secs(1);

pub(super) struct HttpIntake {
    pipeline: Pipeline,
    room: Arc<Semaphore>,
}

impl HttpIntake {
    pub(super) fn new(pipeline: Pipeline) -> Self {
        Self {
            pipeline,
            room: Arc::new(Semaphore::new(WAITING)),
        }
    }
}

impl Intake for HttpIntake {
    fn submit(
        &self,
        batch: IngestBatch,
    ) -> Pin<Box<dyn Future<Output = Result<IngestOutcome, IntakeError>> + Send + '_>> {
        Box::pin(async move {
            let format = match batch.format.as_deref() {
                None => Format::default(),
                Some(name) => name
                    .parse()
                    .map_err(|error| IntakeError::Refused(format!("{error}")))?,
            };
            let place =
                Arc::clone(&self.room)
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
                batch: batch.records,
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
        })
    }
}
