//! What is wrong right now: stopped workers, a failing store, full queues, logs that cannot be read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crossbeam_channel::Sender;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::Instant;
use vigil_source::FileStatus;

/// A queue that has been full for so long is a reason not to be ready.
const STUCK: Duration = Duration::from_secs(10);

/// How full a queue is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Batches or messages in it.
    pub length: usize,
    /// The most it takes.
    pub capacity: usize,
}

type Gauge = Box<dyn Fn() -> (usize, usize) + Send>;

/// Gathers what every part says of itself.
#[derive(Default)]
pub struct Health {
    stopped: Mutex<BTreeSet<String>>,
    failing: Mutex<BTreeMap<&'static str, String>>,
    notes: Mutex<BTreeMap<&'static str, Vec<String>>>,
    queues: Mutex<Vec<(String, Gauge)>>,
    /// Since when each queue has been full at every look.
    full_since: Mutex<BTreeMap<String, Instant>>,
    files: Mutex<Vec<FileStatus>>,
}

impl Health {
    /// Watches a queue, and thereby keeps it open until [`Health::forget_queues`].
    pub(super) fn watch<T: Send + 'static>(&self, name: &str, queue: &Sender<T>) {
        let capacity = queue.capacity().unwrap_or_default();
        let queue = queue.clone();
        self.queues
            .lock()
            .push((name.to_owned(), Box::new(move || (queue.len(), capacity))));
    }

    /// Lets go of every queue, so that the threads behind them can end.
    pub(super) fn forget_queues(&self) {
        self.queues.lock().clear();
    }

    pub(super) fn stopped(&self, thread: &str) {
        self.stopped.lock().insert(thread.to_owned());
    }

    /// A part says that it fails, and why, or with none that it works again.
    pub fn report(&self, part: &'static str, failure: Option<String>) {
        let mut failing = self.failing.lock();
        match failure {
            Some(failure) => failing.insert(part, failure),
            None => failing.remove(part),
        };
    }

    pub(super) fn report_files(&self, files: Vec<FileStatus>) {
        *self.files.lock() = files;
    }

    /// The logs that are followed.
    pub fn files(&self) -> Vec<FileStatus> {
        self.files.lock().clone()
    }

    /// The queues.
    pub fn queues(&self) -> Vec<Queue> {
        let queues = self.queues.lock();
        let read = |(name, gauge): &(String, Gauge)| {
            let (length, capacity) = gauge();
            Queue {
                name: name.clone(),
                length,
                capacity,
            }
        };
        queues.iter().map(read).collect()
    }

    /// Looks at the queues. A full queue is how a slow stage holds back a fast one and says nothing;
    /// one that stays full does.
    pub fn observe_queues(&self) {
        let now = Instant::now();
        let full = self
            .queues()
            .into_iter()
            .filter(|queue| queue.length >= queue.capacity);
        let mut since = self.full_since.lock();
        let before = std::mem::take(&mut *since);
        for queue in full {
            let first = before.get(&queue.name).copied().unwrap_or(now);
            since.insert(queue.name, first);
        }
    }

    /// A part says what is wrong with it that keeps nothing from working.
    pub fn note(&self, part: &'static str, notes: Vec<String>) {
        self.notes.lock().insert(part, notes);
    }

    /// What is wrong and keeps nothing from working.
    pub fn notes(&self) -> Vec<String> {
        self.notes.lock().values().flatten().cloned().collect()
    }

    /// Why the server is not ready; empty when it is.
    pub fn reasons(&self) -> Vec<String> {
        let mut reasons: Vec<String> = self
            .stopped
            .lock()
            .iter()
            .map(|name| format!("worker {name} stopped: restart the server"))
            .collect();
        reasons.extend(
            self.failing
                .lock()
                .iter()
                .map(|(part, failure)| format!("{part}: {failure}")),
        );
        let stuck = |since: &Instant| since.elapsed() >= STUCK;
        reasons.extend(
            self.full_since
                .lock()
                .iter()
                .filter(|(_, since)| stuck(since))
                .map(|(name, since)| {
                    format!(
                        "queue {name} has been full for {} s: the machine is behind",
                        since.elapsed().as_secs()
                    )
                }),
        );
        reasons.extend(
            self.files
                .lock()
                .iter()
                .filter_map(|file| match &file.error {
                    Some(error) => Some(format!(
                        "log {} cannot be read: {error}",
                        file.path.display()
                    )),
                    None if file.missing => {
                        Some(format!("log {} is not there", file.path.display()))
                    }
                    None => None,
                }),
        );
        reasons
    }
}
