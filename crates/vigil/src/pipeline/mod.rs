//! The way of the data: records in, threats stored and published.
//!
//! ```text
//! reader ─┐                    ┌▶ detection thread 0 ─┐
//!         ├▶ intake (parse) ───┤                      ├▶ recorder ─▶ store ─▶ bus
//! ingest ─┘   spread by client └▶ detection thread n ─┘
//! ```
//!
//! Correlations that group by client are evaluated on the detection threads, the others by the
//! recorder ([`correlate`]).
//!
//! Owns: the threads, the bounded queues between them and the order of batches. Every queue that is
//! full slows the one before it, back to the file that is read more slowly. Never holds: rules of
//! the business; each stage is a call into the crate that owns it.
//!
//! Batches get a number at the intake. The recorder stores them in that order, so a checkpoint never
//! overtakes a threat that stands before it.

mod correlate;
mod health;
mod intake;
mod judge;
mod let_pass;
mod noise_telemetry;
mod reader;
mod recorder;
mod state;
mod telemetry;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::bounded;
use vigil_detect::FirstSeen;
use vigil_event::{Checkpoint, Clock, SourceId};
use vigil_source::{Tailer, Waker};
use vigil_store::Store;

pub use correlate::Correlate;
pub use health::{Health, Queue};
pub use intake::{Intake, Stored, Submission};
pub use judge::{Judge, JudgeOptions, Judged, Sighted};
pub use let_pass::LetPass;
pub use reader::Formats;
pub use state::{Begin, KeptState, StateReport, StateTelemetry, StateTold};
pub use telemetry::Telemetry;

/// Batches that wait for each detection thread.
const DETECTION_QUEUE: usize = 16;
/// Messages that wait for the recorder.
const RECORDER_QUEUE: usize = 64;

/// What the pipeline is made of.
pub struct Parts {
    /// Reads the logs.
    pub tailer: Tailer,
    /// Which log is in which format.
    pub formats: Formats,
    /// Finds the client's real address.
    pub proxies: vigil_decode::Proxies,
    /// How far ahead of when it is read a record's time may lie, in milliseconds.
    pub max_ahead_ms: Option<i64>,
    /// One for each detection thread.
    pub judges: Vec<Judge>,
    /// The correlations over the events of all of them.
    pub correlate: Correlate,
    /// Keeps the threats and publishes what was kept.
    pub store: Arc<dyn Store>,
    /// Tells the present.
    pub clock: Arc<dyn Clock>,
    /// Counts.
    pub telemetry: Arc<Telemetry>,
    /// Knows what is wrong.
    pub health: Arc<Health>,
    /// The most alerts that are opened for one minute.
    pub alert_limit: Option<u32>,
    /// Where reading begins.
    pub begin: Begin,
    /// Where the state of behaviour is kept.
    pub kept: Option<KeptState>,
    /// Since when everybody is known.
    pub first_seen: Arc<FirstSeen>,
}

/// The running pipeline.
pub struct Pipeline {
    intake: Intake,
    health: Arc<Health>,
    stopping: Arc<AtomicBool>,
    waker: Waker,
    reader: JoinHandle<()>,
    keeper: Option<state::Keeper>,
    threads: Vec<JoinHandle<()>>,
}

impl Pipeline {
    /// Starts every thread.
    pub fn start(parts: Parts) -> std::io::Result<Self> {
        let stopping = Arc::new(AtomicBool::new(false));
        let (to_recorder, from_stages) = bounded(RECORDER_QUEUE);
        parts.health.watch("recorder", &to_recorder);
        let stored = by_source(&parts.begin.stored);
        let mut threads = Vec::new();
        let mut workers = Vec::new();
        for (number, judge) in parts.judges.into_iter().enumerate() {
            let (to_worker, work) = bounded(DETECTION_QUEUE);
            let name = format!("detect-{number}");
            parts.health.watch(&name, &to_worker);
            workers.push(to_worker);
            let recorder = to_recorder.clone();
            threads.push(spawn(&name, &parts.health, &stopping, move || {
                judge.run(&work, &recorder);
            })?);
        }
        let recorder = recorder::Recorder::new(
            Arc::clone(&parts.store),
            Arc::clone(&parts.clock),
            Arc::clone(&parts.telemetry),
            Arc::clone(&parts.health),
            Arc::clone(&stopping),
            parts.correlate,
            (parts.alert_limit, parts.begin),
        );
        threads.push(spawn("recorder", &parts.health, &stopping, move || {
            recorder.run(&from_stages);
        })?);
        let intake = Intake::new(
            workers,
            to_recorder,
            (parts.proxies, parts.max_ahead_ms),
            Arc::clone(&parts.telemetry),
        );
        let keeper = parts.kept.map(|kept| {
            let keeping = state::Keeping {
                kept,
                threads: threads.len() as u32 - 1,
                first_seen: parts.first_seen,
                intake: intake.clone(),
                clock: Arc::clone(&parts.clock),
                store: Arc::clone(&parts.store),
            };
            state::Keeper::start(keeping, |body| {
                spawn("keeper", &parts.health, &stopping, body)
            })
        });
        let keeper = keeper.transpose()?;
        let waker = parts.tailer.waker();
        let reader = reader::Reader {
            tailer: parts.tailer,
            formats: parts.formats,
            intake: intake.clone(),
            health: Arc::clone(&parts.health),
            telemetry: parts.telemetry,
            stopping: Arc::clone(&stopping),
            stored,
        };
        let reader = spawn("reader", &parts.health, &stopping, move || reader.run())?;
        Ok(Self {
            intake,
            health: parts.health,
            stopping,
            waker,
            reader,
            keeper,
            threads,
        })
    }

    /// The way in for records that are not read from a log.
    pub fn intake(&self) -> Intake {
        self.intake.clone()
    }

    /// Stops reading, lets what was read be judged and stored, and waits for that.
    pub fn stop(self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.waker.wake();
        // A thread that panicked has said so already; the others still have work to finish.
        drop(self.reader.join());
        self.health.forget_queues();
        if let Some(keeper) = self.keeper {
            keeper.stop();
        }
        self.intake.close();
        for thread in self.threads {
            drop(thread.join());
        }
    }
}

/// A thread whose end before its time makes the server not ready.
fn spawn(
    name: &str,
    health: &Arc<Health>,
    stopping: &Arc<AtomicBool>,
    body: impl FnOnce() + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    let (health, stopping, title) = (Arc::clone(health), Arc::clone(stopping), name.to_owned());
    std::thread::Builder::new()
        .name(format!("vigil-{name}"))
        .spawn(move || {
            let ended = EndOfThread {
                health,
                stopping,
                name: title,
            };
            body();
            drop(ended);
        })
}

/// Tells when a thread ends, by return or by panic.
struct EndOfThread {
    health: Arc<Health>,
    stopping: Arc<AtomicBool>,
    name: String,
}

impl Drop for EndOfThread {
    fn drop(&mut self) {
        if !self.stopping.load(Ordering::SeqCst) {
            tracing::error!(thread = %self.name, "a worker stopped; restart the server");
            self.health.stopped(&self.name);
        }
    }
}

fn by_source(all: &[Checkpoint]) -> BTreeMap<SourceId, Checkpoint> {
    let all = all.iter();
    all.map(|one| (one.source.clone(), one.clone())).collect()
}

/// The number of a batch, in the order of the intake.
type Sequence = u64;

/// What the recorder is told.
enum Message {
    /// A batch is on its way in so many parts.
    Expect {
        sequence: Sequence,
        parts: usize,
        submission: intake::Expected,
    },
    /// One part was judged.
    Part { sequence: Sequence, part: Part },
    /// Behind all before it, what is known together is to be written down.
    Save {
        sequence: Sequence,
        save: state::Save,
    },
}

/// What a detection thread found in its part of a batch.
#[derive(Default)]
struct Part {
    threats: Vec<vigil_store::GroupedThreat>,
    sighted: Vec<Sighted>,
    below_threshold: u64,
    failed: u64,
    lost: Lost,
    let_pass: LetPass,
}

/// What correlations could not keep or count, and what windows and risk forgot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Lost {
    /// Groups that made room for others.
    evicted: u64,
    /// Matches and requests that came too late.
    late: u64,
    /// Addresses and others of whom windows or risk knew something, that made room for others.
    forgotten: u64,
}

impl Lost {
    fn of(correlator: &vigil_detect::Correlator, forgotten: u64) -> Self {
        Self {
            forgotten,
            evicted: correlator.evicted(),
            late: correlator.late(),
        }
    }

    /// What was lost since it was told, and notes that this was told.
    fn since(self, told: &mut Self) -> Self {
        let told = std::mem::replace(told, self);
        Self {
            evicted: self.evicted.saturating_sub(told.evicted),
            late: self.late.saturating_sub(told.late),
            forgotten: self.forgotten.saturating_sub(told.forgotten),
        }
    }

    /// What was told, where correlations begin anew.
    fn without_correlations(self) -> Self {
        Self {
            forgotten: self.forgotten,
            ..Self::default()
        }
    }
}

/// What a detection thread is to do.
enum Task {
    /// To judge this.
    Judge(Work),
    /// To write down what it knows.
    Save(state::Save),
}

/// A batch for one detection thread.
struct Work {
    sequence: Sequence,
    parsed: Arc<intake::ParsedBatch>,
    /// Which of the requests are this thread's.
    requests: Vec<u32>,
}

/// The checkpoint of a log of which the file of that inode was read so far.
#[cfg(test)]
fn read_to(log: &str, inode: u32, offset: u64) -> Checkpoint {
    let state = format!(
        r#"{{"files":[{{"inode":{inode},"generation":0,"fingerprint":null,"offset":{offset},"tail":"00","modified_ns":0}}],"since_ns":0}}"#
    );
    Checkpoint {
        source: SourceId::new(log),
        state,
    }
}
