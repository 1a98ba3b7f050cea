//! The intake: parses a batch and spreads its records over the detection threads by client address.

use std::sync::Arc;

use crossbeam_channel::Sender;
use parking_lot::{Mutex, RwLock};
use tokio::sync::oneshot;
use vigil_decode::{Format, Proxies, Request};
use vigil_event::{Checkpoint, RecordBatch, SourceId, Timestamp};

use super::state::Save;
use super::{Message, Sequence, Task, Telemetry, Work};

/// A batch after parsing: shared by the detection threads it is spread over.
pub(super) struct ParsedBatch {
    pub(super) batch: RecordBatch,
    /// The records that are requests: their place in the batch, and what was parsed.
    pub(super) requests: Vec<(u32, Request)>,
}

/// What the recorder must know of a batch before its parts come.
pub(super) struct Expected {
    pub(super) source: SourceId,
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) counts: Counts,
    pub(super) done: Option<oneshot::Sender<Stored>>,
}

/// How many records came and how many could not be parsed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) records: u64,
    pub(super) unparsed: u64,
    pub(super) truncated: u64,
    /// Their time lay too far ahead.
    pub(super) ahead: u64,
}

/// A batch to be judged and stored.
pub struct Submission {
    /// The records.
    pub batch: RecordBatch,
    /// Their format.
    pub format: Format,
    /// Told when everything in it is stored.
    pub done: Option<oneshot::Sender<Stored>>,
}

/// What became of a submission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Records that were read.
    pub records: u64,
    /// Records that are no log line.
    pub unparsed: u64,
    /// Records that were cut.
    pub truncated: u64,
    /// Threats that were found, stored now or before.
    pub threats: u64,
}

/// The pipeline takes nothing more.
#[derive(Debug, thiserror::Error)]
#[error("the pipeline has stopped; restart the server")]
pub struct Stopped;

/// The way in. Shared by the reader and by whoever sends lines over HTTP.
#[derive(Clone)]
pub struct Intake {
    shared: Arc<Shared>,
}

struct Shared {
    /// None once the intake is closed.
    doors: RwLock<Option<Doors>>,
    next: Mutex<Sequence>,
    proxies: Proxies,
    /// How far ahead of when it is read a record's time may lie, in milliseconds.
    max_ahead_ms: Option<i64>,
    telemetry: Arc<Telemetry>,
}

/// The queues behind the intake.
struct Doors {
    workers: Vec<Sender<Task>>,
    recorder: Sender<Message>,
}

impl Intake {
    pub(super) fn new(
        workers: Vec<Sender<Task>>,
        recorder: Sender<Message>,
        (proxies, max_ahead_ms): (Proxies, Option<i64>),
        telemetry: Arc<Telemetry>,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                doors: RwLock::new(Some(Doors { workers, recorder })),
                next: Mutex::new(0),
                proxies,
                max_ahead_ms,
                telemetry,
            }),
        }
    }

    /// Takes nothing more, and lets the threads behind it end once their queues are empty.
    pub(super) fn close(&self) {
        *self.shared.doors.write() = None;
    }

    /// Lets every thread behind it write down what it knows, behind all batches that were handed in before
    /// and before all others; if that is the last, nothing more is taken. Blocks while the queues are full.
    /// How many batches and marks that were, with this one.
    pub(super) fn mark(&self, save: &Save, is_last: bool) -> Result<Sequence, Stopped> {
        // Nobody is handing a batch in meanwhile, so the mark stands at the same place in every queue.
        let mut doors = self.shared.doors.write();
        let behind = doors.as_ref().ok_or(Stopped)?;
        let mut next = self.shared.next.lock();
        let message = Message::Save {
            sequence: *next,
            save: save.clone(),
        };
        behind.recorder.send(message).map_err(|_| Stopped)?;
        *next += 1;
        for worker in &behind.workers {
            let task = Task::Save(save.clone());
            worker.send(task).map_err(|_| Stopped)?;
        }
        let at = *next;
        drop(next);
        if is_last {
            *doors = None;
        }
        Ok(at)
    }

    /// Whether nothing was handed in after so many batches and marks.
    pub(super) fn stands_at(&self, count: Sequence) -> bool {
        *self.shared.next.lock() == count
    }

    /// Hands a batch in. Blocks while the queues are full.
    pub fn submit(&self, submission: Submission) -> Result<(), Stopped> {
        let Submission {
            mut batch,
            format,
            done,
        } = submission;
        let shared = &*self.shared;
        let mut requests = parse(&mut batch, format, &shared.proxies);
        let ahead = shared.max_ahead_ms.map_or(0, |most| {
            count_as_of_now(&mut requests, batch.read_at, most)
        });
        let counts = Counts {
            records: batch.records.len() as u64,
            unparsed: (batch.records.len() - requests.len()) as u64,
            truncated: batch
                .records
                .iter()
                .filter(|record| record.truncated)
                .count() as u64,
            ahead,
        };
        shared.telemetry.batch_parsed(&batch.source, counts);
        let doors = shared.doors.read();
        let doors = doors.as_ref().ok_or(Stopped)?;
        let spread = spread(&requests, doors.workers.len());
        let expected = Expected {
            source: batch.source.clone(),
            checkpoint: batch.checkpoint.take(),
            counts,
            done,
        };
        let parts = spread.iter().filter(|mine| !mine.is_empty()).count();
        let sequence = shared.expect(doors, parts, expected)?;
        let parsed = Arc::new(ParsedBatch { batch, requests });
        for (worker, requests) in doors.workers.iter().zip(spread) {
            if !requests.is_empty() {
                let work = Work {
                    sequence,
                    parsed: Arc::clone(&parsed),
                    requests,
                };
                worker.send(Task::Judge(work)).map_err(|_| Stopped)?;
            }
        }
        Ok(())
    }
}

impl Shared {
    /// Gives the batch its number and tells the recorder. Both under one lock: a number that was
    /// given is always announced, or the recorder would wait for it for ever.
    fn expect(
        &self,
        doors: &Doors,
        parts: usize,
        submission: Expected,
    ) -> Result<Sequence, Stopped> {
        let mut next = self.next.lock();
        let sequence = *next;
        doors
            .recorder
            .send(Message::Expect {
                sequence,
                parts,
                submission,
            })
            .map_err(|_| Stopped)?;
        *next += 1;
        Ok(sequence)
    }
}

fn parse(batch: &mut RecordBatch, format: Format, proxies: &Proxies) -> Vec<(u32, Request)> {
    let mut requests = Vec::with_capacity(batch.records.len());
    for (place, record) in batch.records.iter().enumerate() {
        if let Ok(request) =
            vigil_decode::parse(&mut batch.bytes, record, format, proxies, batch.read_at)
        {
            requests.push((place as u32, request));
        }
    }
    requests
}

/// What lies further ahead of when it was read counts as of then: a clock that is wrong must not make
/// everybody else stale, nor whom it tells of late for as long as it is ahead. How many those are.
fn count_as_of_now(requests: &mut [(u32, Request)], read_at: Timestamp, most_ms: i64) -> u64 {
    let mut ahead = 0;
    for (_, request) in requests {
        if request.occurred_at.millis_since(read_at) > most_ms {
            request.occurred_at = read_at;
            ahead += 1;
        }
    }
    ahead
}

/// The places in `requests` for each thread: one address always goes to the same one.
fn spread(requests: &[(u32, Request)], threads: usize) -> Vec<Vec<u32>> {
    let mut spread = vec![Vec::new(); threads];
    for (place, (_, request)) in requests.iter().enumerate() {
        let thread = if threads == 1 {
            0
        } else {
            usize::from(vigil_detect::lane(request.source_ip)) % threads
        };
        if let Some(mine) = spread.get_mut(thread) {
            mine.push(place as u32);
        }
    }
    spread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_too_far_ahead_counts_as_of_when_it_was_read() {
        let now = Timestamp::from_millis(1_795_000_000_000);
        let ahead = [
            i64::MIN,
            -86_400_000,
            0,
            600_000,
            600_001,
            31_536_000_000,
            i64::MAX,
        ];
        let mut requests: Vec<_> = ahead
            .map(|ahead| {
                let request = Request {
                    occurred_at: Timestamp::from_millis(now.as_millis().saturating_add(ahead)),
                    ..Request::default()
                };
                (0, request)
            })
            .into();
        assert_eq!(count_as_of_now(&mut requests, now, 600_000), 3);
        let after: Vec<i64> = requests
            .iter()
            .map(|(_, request)| {
                request
                    .occurred_at
                    .as_millis()
                    .saturating_sub(now.as_millis())
            })
            .collect();
        assert_eq!(after[1..], [-86_400_000, 0, 600_000, 0, 0, 0]);
    }
}
