//! The profiles of sites while the server runs: one thread learns, the detection threads judge by what
//! it publishes, and everything is kept on disk.
//!
//! Owns: the queue of requests that teach, the exchange of the profiles in force, when they are kept,
//! and what is told of them on the channel `models`. Never holds: what a profile means; that is
//! `vigil_detect::profile`.
//!
//! The queue is bounded: when the learner cannot follow, requests are left out and counted, and
//! detection waits for nothing. What was learned since it was last kept is lost when the process is
//! killed, at most half a minute of it.

mod desk;
mod file;
mod telemetry;
mod training;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use parking_lot::Mutex;
use vigil_bus::Bus;
use vigil_detect::ProfileOptions;
use vigil_detect::profile::{Change, Learner, Profiles, Requests, State};
use vigil_event::{Clock, IdSource, Kind, Publication, Severity, Timestamp, channel};

pub use file::{FileError, ModelFiles, Put, profiles_in, saved_profiles, write};
pub use training::{Trained, Training};

/// Batches of requests that wait for the learner.
const QUEUE: usize = 64;
/// How long the learner waits for something to learn before it looks at the clock.
const WAIT: Duration = Duration::from_millis(250);
/// Profiles in force are renewed this often, in milliseconds.
const PUBLISH_EVERY_MS: i64 = 5_000;
/// What was learned is kept this often.
const KEEP_EVERY_MS: i64 = 30_000;
/// How far learning is is told this often.
const TELL_EVERY_MS: i64 = 2_000;

/// The profiles of sites.
pub struct Models {
    in_force: ArcSwap<Profiles>,
    learner: Mutex<Learner>,
    files: ModelFiles,
    teach: Sender<Requests>,
    left_out: AtomicU64,
    /// Profiles changed by hand are to be put in force at once.
    is_changed: AtomicBool,
    stopping: AtomicBool,
    clock: Arc<dyn Clock>,
    ids: Arc<IdSource>,
    bus: Arc<dyn Bus>,
}

/// The thread that learns.
pub struct Learning {
    models: Arc<Models>,
    thread: JoinHandle<()>,
}

impl Models {
    /// Goes on with what is kept in the data directory, on a thread of its own. What cannot be read is
    /// put aside, told, and learned from new.
    pub fn start(
        files: ModelFiles,
        options: &ProfileOptions,
        bus: Arc<dyn Bus>,
        (clock, ids): (Arc<dyn Clock>, Arc<IdSource>),
    ) -> std::io::Result<Learning> {
        let mut learner = Learner::new(options.clone());
        files.restore(&mut learner);
        let profiles = learner.publish();
        let (teach, lessons) = bounded(QUEUE);
        bus.head(channel::MODELS);
        let models = Arc::new(Self {
            in_force: ArcSwap::from_pointee(profiles),
            learner: Mutex::new(learner),
            files,
            teach,
            left_out: AtomicU64::new(0),
            is_changed: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            clock,
            ids,
            bus,
        });
        let learning = Arc::clone(&models);
        let thread = std::thread::Builder::new()
            .name("vigil-learner".to_owned())
            .spawn(move || learning.run(&lessons))?;
        Ok(Learning { models, thread })
    }

    /// The profiles in force.
    pub fn in_force(&self) -> Arc<Profiles> {
        self.in_force.load_full()
    }

    /// Hands over requests that may teach. Never waits: what finds no room is counted.
    pub fn teach(&self, requests: Requests, left_out: u64) {
        let mut lost = left_out;
        if !requests.is_empty()
            && let Err(TrySendError::Full(requests) | TrySendError::Disconnected(requests)) =
                self.teach.try_send(requests)
        {
            lost += requests.len() as u64;
        }
        if lost > 0 {
            self.left_out.fetch_add(lost, Ordering::Relaxed);
        }
    }

    fn run(&self, lessons: &Receiver<Requests>) {
        let start = self.clock.now();
        let (mut published, mut kept, mut told) = (start, start, start);
        loop {
            let is_last = match lessons.recv_timeout(WAIT) {
                Ok(requests) => {
                    self.learner.lock().learn(&requests);
                    false
                }
                Err(RecvTimeoutError::Timeout) => self.stopping.load(Ordering::SeqCst),
                Err(RecvTimeoutError::Disconnected) => true,
            };
            let now = self.clock.now();
            let changes = self.learner.lock().take_changes();
            let is_urgent = !changes.is_empty() || self.is_changed.swap(false, Ordering::SeqCst);
            if is_urgent || now.millis_since(published) >= PUBLISH_EVERY_MS {
                let profiles = self.learner.lock().publish();
                self.in_force.store(Arc::new(profiles));
                published = now;
            }
            self.take_note(&changes, now);
            if now.millis_since(told) >= TELL_EVERY_MS {
                self.tell_progress(now);
                told = now;
            }
            if is_last || !changes.is_empty() || now.millis_since(kept) >= KEEP_EVERY_MS {
                self.keep();
                kept = now;
            }
            if is_last {
                return;
            }
        }
    }

    /// Writes down what was learned. A failure is told and tried again.
    fn keep(&self) {
        let saved = self.learner.lock().save(None);
        if let Err(error) = self.files.keep(&saved) {
            tracing::error!(%error, "what was learned of sites can't be written down; trying again");
        }
    }

    fn take_note(&self, changes: &[Change], now: Timestamp) {
        for change in changes {
            match change {
                Change::Version { site, version } => {
                    let saved = self.learner.lock().save(Some(site));
                    if let Err(error) = self.files.keep_version(site, *version, &saved) {
                        tracing::error!(%error, %site, version, "this version of the profile can't be kept");
                    }
                }
                Change::State(site) => self.tell(Kind::ModelStatus, site, now),
            }
        }
    }

    fn tell_progress(&self, now: Timestamp) {
        let all = self.learner.lock().status();
        let learning = all
            .iter()
            .filter(|one| one.is_retraining || one.state == State::Learning);
        for status in learning {
            self.tell(Kind::ModelTraining, &status.site, now);
        }
    }

    fn tell(&self, kind: Kind, site: &str, now: Timestamp) {
        let Some(status) = self.learner.lock().status_of(site) else {
            return;
        };
        if kind == Kind::ModelStatus {
            tracing::info!(%site, state = status.state.name(), version = status.version, "the profile of a site");
        }
        let severity = match status.state {
            State::Drifting => Severity::Medium,
            State::Learning | State::Active => Severity::Informational,
        };
        self.bus.publish(Publication::of(
            channel::MODELS,
            kind,
            &status,
            severity,
            self.ids.next(now),
            now,
        ));
    }
}

impl Learning {
    /// The profiles, for those who judge and those who ask.
    pub const fn models(&self) -> &Arc<Models> {
        &self.models
    }

    /// Learns what waits, keeps everything and ends.
    pub fn stop(self) {
        self.models.stopping.store(true, Ordering::SeqCst);
        // A thread that panicked has said so already.
        drop(self.thread.join());
    }
}
