//! What is wrong right now: stopped workers, a failing store, full queues, logs that cannot be read.

use std::collections::{BTreeMap, BTreeSet};

use crossbeam_channel::Sender;
use parking_lot::Mutex;
use serde::Serialize;
use vigil_source::FileStatus;

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
    queues: Mutex<Vec<(String, Gauge)>>,
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
        reasons.extend(
            self.queues()
                .iter()
                .filter(|queue| queue.length >= queue.capacity)
                .map(|queue| {
                    format!(
                        "queue {} is full ({} of {})",
                        queue.name, queue.length, queue.capacity
                    )
                }),
        );
        reasons.extend(self.files.lock().iter().filter_map(|file| {
            file.error
                .as_ref()
                .map(|error| format!("log {} cannot be read: {error}", file.path.display()))
        }));
        reasons
    }
}
