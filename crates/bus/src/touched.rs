//! Which channels went on: for whoever writes down what a bus keeps in memory.
//!
//! Owns: names only. Never holds: what was published; that is read from the bus.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The channels that went on since somebody asked last. Bounded by the channels there are.
#[derive(Debug, Default)]
pub struct Touched {
    names: Mutex<HashSet<Arc<str>>>,
    woken: Notify,
}

impl Touched {
    pub(crate) fn add(&self, name: &Arc<str>) {
        if self.names.lock().insert(Arc::clone(name)) {
            self.woken.notify_one();
        }
    }

    /// Waits until a channel has gone on.
    pub async fn changed(&self) {
        self.woken.notified().await;
    }

    /// Which ones have; they are not told again before they go on again.
    pub fn take(&self) -> Vec<Arc<str>> {
        self.names.lock().drain().collect()
    }

    /// These are to be told again: what they brought could not be written down.
    pub fn put_back(&self, names: impl IntoIterator<Item = Arc<str>>) {
        self.names.lock().extend(names);
        self.woken.notify_one();
    }
}
