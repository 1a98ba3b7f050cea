//! Mirrored requests on their way into the pipeline.
//!
//! Owns: the queue between proxies and the pipeline. A proxy is never made to wait: where the queue
//! is full, a request is left out, and counted. So is one that comes again, as it does where nginx leads it on
//! inside itself. Never holds: what is concluded from requests.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use vigil_api::{IntakeError, RequestBatch, SentRequest};
use vigil_decode::Format;
use vigil_event::{Clock, IdSource, SourceId};

use super::intake::records;
use crate::pipeline::{Intake as Pipeline, Submission};

/// Requests that wait at most.
const WAITING: usize = 4_096;
/// KiB of requests that wait at most.
const WAITING_KIB: usize = 64 << 10;
/// Requests that are handed on together at most.
const TOGETHER: usize = 256;
/// Names of requests that are remembered.
const NAMES: usize = 8_192;
/// The longest name that is, in bytes.
const NAME_BYTES: usize = 128;
/// When a sender may come back.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A request that waits, with the room that it takes.
struct Waiting {
    source: SourceId,
    request: SentRequest,
    room: OwnedSemaphorePermit,
}

/// The way into the queue.
pub(super) struct Mirror {
    queue: Sender<Waiting>,
    room: Arc<Semaphore>,
    recent: Mutex<Recent>,
    counts: Counts,
}

/// What proxies called the requests that came last.
#[derive(Default)]
struct Recent {
    names: HashSet<(SourceId, Vec<u8>)>,
    order: VecDeque<(SourceId, Vec<u8>)>,
}

impl Recent {
    /// Notes a name of a source; whether it is a new one.
    fn note(&mut self, source: &SourceId, name: &[u8]) -> bool {
        let name = (source.clone(), name.to_vec());
        if !self.names.insert(name.clone()) {
            return false;
        }
        self.order.push_back(name);
        if self.order.len() > NAMES
            && let Some(oldest) = self.order.pop_front()
        {
            self.names.remove(&oldest);
        }
        true
    }
}

#[derive(Clone)]
struct Counts {
    taken: IntCounter,
    dropped: IntCounterVec,
    waiting: IntGauge,
}

impl Counts {
    fn new(registry: &Registry) -> prometheus::Result<Self> {
        let counts = Self {
            taken: IntCounter::new(
                "vigil_mirrored_requests_total",
                "Mirrored requests taken in.",
            )?,
            dropped: IntCounterVec::new(
                Opts::new(
                    "vigil_mirrored_requests_dropped_total",
                    "Mirrored requests left out, by reason.",
                ),
                &["reason"],
            )?,
            waiting: IntGauge::new(
                "vigil_mirrored_requests_waiting",
                "Mirrored requests that wait to be judged.",
            )?,
        };
        for reason in ["again", "full", "stopped"] {
            counts.dropped.with_label_values(&[reason]).inc_by(0);
        }
        registry.register(Box::new(counts.taken.clone()))?;
        registry.register(Box::new(counts.dropped.clone()))?;
        registry.register(Box::new(counts.waiting.clone()))?;
        Ok(counts)
    }
}

impl Mirror {
    /// Starts to hand on what comes. It ends when this is dropped.
    pub(super) fn start(
        pipeline: Pipeline,
        clock: Arc<dyn Clock>,
        ids: Arc<IdSource>,
        registry: &Registry,
    ) -> prometheus::Result<Self> {
        let (queue, waiting) = channel(WAITING);
        let counts = Counts::new(registry)?;
        let hand_on = HandOn {
            pipeline,
            clock,
            ids,
            counts: counts.clone(),
        };
        tokio::spawn(hand_on.run(waiting));
        Ok(Self {
            queue,
            room: Arc::new(Semaphore::new(WAITING_KIB)),
            recent: Mutex::default(),
            counts,
        })
    }

    /// Queues a request, or refuses it where the queue is full.
    pub(super) fn take(&self, source: SourceId, request: SentRequest) -> Result<(), IntakeError> {
        let has_name = (1..=NAME_BYTES).contains(&request.id.len());
        if has_name && !self.recent.lock().note(&source, &request.id) {
            self.counts.dropped.with_label_values(&["again"]).inc();
            return Ok(());
        }
        let full = || {
            self.counts.dropped.with_label_values(&["full"]).inc();
            IntakeError::Full {
                retry_after: RETRY_AFTER,
            }
        };
        let headers: usize = request
            .headers
            .iter()
            .map(|header| header.name.len() + header.value.len())
            .sum();
        let kib = (request.body.len() + request.target.len() + headers)
            .div_ceil(1 << 10)
            .max(1);
        let room = Arc::clone(&self.room)
            .try_acquire_many_owned(kib as u32)
            .map_err(|_| full())?;
        let waiting = Waiting {
            source,
            request,
            room,
        };
        match self.queue.try_send(waiting) {
            Ok(()) => {
                self.counts.taken.inc();
                self.counts.waiting.inc();
                Ok(())
            }
            Err(TrySendError::Full(_)) => Err(full()),
            Err(TrySendError::Closed(_)) => {
                self.counts.dropped.with_label_values(&["stopped"]).inc();
                Err(IntakeError::Stopped)
            }
        }
    }
}

/// Hands requests on to the pipeline, many together where many wait.
struct HandOn {
    pipeline: Pipeline,
    clock: Arc<dyn Clock>,
    ids: Arc<IdSource>,
    counts: Counts,
}

impl HandOn {
    async fn run(self, mut queue: Receiver<Waiting>) {
        let mut waiting = Vec::with_capacity(TOGETHER);
        while queue.recv_many(&mut waiting, TOGETHER).await > 0 {
            let count = waiting.len() as u64;
            let (batches, room) = self.batches(&mut waiting);
            let pipeline = self.pipeline.clone();
            let handed_on = tokio::task::spawn_blocking(move || {
                // Handing in blocks while the pipeline is busy; meanwhile the queue fills.
                let result = batches.into_iter().try_for_each(|batch| {
                    pipeline.submit(Submission {
                        batch: records(&batch),
                        format: Format::Request,
                        done: None,
                    })
                });
                drop(room);
                result.is_ok()
            });
            self.counts
                .waiting
                .sub(i64::try_from(count).unwrap_or(i64::MAX));
            if !handed_on.await.unwrap_or(false) {
                self.counts
                    .dropped
                    .with_label_values(&["stopped"])
                    .inc_by(count);
                return;
            }
        }
    }

    /// A batch for each source, and the room that all of them take.
    fn batches(
        &self,
        waiting: &mut Vec<Waiting>,
    ) -> (Vec<RequestBatch>, Vec<OwnedSemaphorePermit>) {
        let read_at = self.clock.now();
        let mut batches: Vec<RequestBatch> = Vec::new();
        let mut rooms = Vec::with_capacity(waiting.len());
        for Waiting {
            source,
            request,
            room,
        } in waiting.drain(..)
        {
            rooms.push(room);
            match batches.iter_mut().find(|batch| batch.source == source) {
                Some(batch) => batch.requests.push(request),
                None => batches.push(RequestBatch {
                    source,
                    stream: format!("mirror:{}", self.ids.next(read_at)),
                    read_at,
                    requests: vec![request],
                }),
            }
        }
        (batches, rooms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_last_is_known_and_bounded() {
        let mut recent = Recent::default();
        let shop = SourceId::new("shop");
        assert!(recent.note(&shop, b"a") && !recent.note(&shop, b"a"));
        assert!(recent.note(&SourceId::new("other"), b"a"));
        for n in 0..NAMES {
            assert!(recent.note(&shop, n.to_string().as_bytes()));
        }
        assert_eq!((recent.names.len(), recent.order.len()), (NAMES, NAMES));
        assert!(recent.note(&shop, b"a"), "it is long ago");
    }
}
