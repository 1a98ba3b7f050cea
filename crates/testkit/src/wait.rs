//! Waiting on conditions, never for a time.

use std::time::{Duration, Instant};

/// How long a condition may take before the test fails: far more than it needs on a busy machine.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// Waits until the condition holds, and panics with `what` when it does not.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, || condition().then_some(()));
}

/// Waits until there is a value, and panics with `what` when there is none.
pub fn wait_for<T>(what: &str, mut value: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = value() {
            return value;
        }
        assert!(
            started.elapsed() < DEADLINE,
            "waited {DEADLINE:?} in vain: {what}"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}
