//! Mirrored requests on their way into the pipeline.
//!
//! Owns: the queue between proxies and the pipeline. A proxy is never made to wait: where the queue
//! is full, a request is left out, and counted. So is one that comes again, as it does where nginx leads it on
//! inside itself. Never holds: what is concluded from requests.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
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
/// Digests of requests that are remembered.
const DIGESTS: usize = 16_384;
/// So often nginx leads a request on inside itself at most.
const LED_ON: u8 = 10;
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
    hasher: RandomState,
    recent: Mutex<Recent>,
    counts: Counts,
}

/// The requests that came last and that a proxy gave a name, as digests of all that they say.
///
/// The name alone is not believed: where a proxy does not set it, a client can, and could hide one request
/// behind another.
#[derive(Default)]
struct Recent {
    /// How often each came.
    times: HashMap<u64, u8>,
    order: VecDeque<u64>,
}

impl Recent {
    /// Notes a request; whether it is a new one, and not one that came already. nginx tells one that it leads
    /// on as a GET, and the two may come in either order: who sent a POST is taken in as such.
    fn note(&mut self, [as_any, as_it_is]: [u64; 2], is_get: bool) -> bool {
        let digest = if is_get { as_any } else { as_it_is };
        let times = self.times.get(&digest).copied().unwrap_or_default();
        let is_new = !(1..=LED_ON).contains(&times);
        self.set(digest, if is_new { 1 } else { times + 1 });
        if is_new && !is_get {
            self.set(as_any, 1);
        }
        is_new
    }

    fn set(&mut self, digest: u64, times: u8) {
        if self.times.insert(digest, times).is_some() {
            return;
        }
        self.order.push_back(digest);
        if self.order.len() > DIGESTS
            && let Some(oldest) = self.order.pop_front()
        {
            self.times.remove(&oldest);
        }
    }

    /// Forgets a request that was not taken in: it may be sent again.
    fn forget(&mut self, digests: [u64; 2]) {
        for digest in digests {
            if let Some(times) = self.times.get_mut(&digest) {
                *times = 0;
            }
        }
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
            hasher: RandomState::new(),
            recent: Mutex::default(),
            counts,
        })
    }

    /// Queues a request unless it came already, or refuses it where the queue is full.
    pub(super) fn take(&self, source: SourceId, request: SentRequest) -> Result<(), IntakeError> {
        if request.id.is_empty() {
            return self.queue(source, request);
        }
        let digests = digests(&self.hasher, &source, &request);
        let is_get = request.method == b"GET";
        if !self.recent.lock().note(digests, is_get) {
            self.counts.dropped.with_label_values(&["again"]).inc();
            return Ok(());
        }
        let queued = self.queue(source, request);
        if queued.is_err() {
            self.recent.lock().forget(digests);
        }
        queued
    }

    fn queue(&self, source: SourceId, request: SentRequest) -> Result<(), IntakeError> {
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

/// What a request says and how it is called, by whatever method, and with its own.
fn digests(hasher: &RandomState, source: &SourceId, request: &SentRequest) -> [u64; 2] {
    let headers: Vec<_> = request
        .headers
        .iter()
        .map(|header| (&header.name, &header.value))
        .collect();
    let as_any = hasher.hash_one((
        (source, &request.id, request.client),
        (&request.target, &request.version, headers),
        (&request.body, request.truncated),
    ));
    [as_any, hasher.hash_one((as_any, &request.method))]
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
    use vigil_event::whole::Pair;

    use super::*;

    fn sent(method: &str, id: &str, body: &str) -> SentRequest {
        SentRequest {
            id: id.into(),
            method: method.into(),
            target: b"/login".to_vec(),
            headers: vec![Pair::new(b"Host", b"shop.example")],
            body: body.into(),
            ..SentRequest::default()
        }
    }

    /// What came last, with what makes the digests.
    #[derive(Default)]
    struct Seen(RandomState, Recent);

    impl Seen {
        fn is_new(&mut self, request: &SentRequest) -> bool {
            let digests = digests(&self.0, &SourceId::new("shop"), request);
            self.1.note(digests, request.method == b"GET")
        }
    }

    #[test]
    fn what_is_led_on_comes_once_in_whichever_order() {
        let mut seen = Seen::default();
        assert!(seen.is_new(&sent("POST", "a", "q=1")));
        assert!(!seen.is_new(&sent("GET", "a", "q=1")));
        assert!(!seen.is_new(&sent("POST", "a", "q=1")));
        assert!(seen.is_new(&sent("GET", "b", "q=1")));
        assert!(seen.is_new(&sent("POST", "b", "q=1")));
        assert!(!seen.is_new(&sent("GET", "b", "q=1")));
    }

    #[test]
    fn nothing_hides_behind_a_name_that_a_client_gives() {
        let mut seen = Seen::default();
        let harmless = sent("POST", "a", "q=1");
        assert!(seen.is_new(&harmless));
        let mut elsewhere = harmless.clone();
        elsewhere.target = b"/admin".to_vec();
        let mut in_header = harmless.clone();
        in_header.headers.push(Pair::new(b"X", b"${jndi:x}"));
        let mut of_another = harmless.clone();
        of_another.client = "192.0.2.1".parse().ok();
        for hidden in [
            elsewhere,
            in_header,
            of_another,
            sent("POST", "a", "q=1'"),
            sent("PUT", "a", "q=1"),
            sent("GET", "a", "q=2'"),
        ] {
            assert!(seen.is_new(&hidden), "{hidden:?}");
        }
        let flood = (0..110).filter(|_| seen.is_new(&harmless)).count();
        assert_eq!(flood, 10, "one of eleven");
    }

    #[test]
    fn what_was_not_taken_in_may_be_sent_again() {
        let mut seen = Seen::default();
        let request = sent("POST", "a", "q=1");
        let digests = digests(&seen.0, &SourceId::new("shop"), &request);
        assert!(seen.is_new(&request));
        seen.1.forget(digests);
        assert!(seen.is_new(&request));
    }

    #[test]
    fn what_came_last_is_known_and_bounded() {
        let mut seen = Seen::default();
        assert!(seen.is_new(&sent("GET", "a", "")));
        for n in 0..DIGESTS {
            assert!(seen.is_new(&sent("GET", &n.to_string(), "")));
        }
        assert_eq!((seen.1.times.len(), seen.1.order.len()), (DIGESTS, DIGESTS));
        assert!(seen.is_new(&sent("GET", "a", "")), "it is long ago");
    }
}
