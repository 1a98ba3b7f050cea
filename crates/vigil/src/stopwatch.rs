//! The stopwatch that rules are timed with: nanoseconds since the first look.

use std::sync::LazyLock;
use std::time::Instant;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nanoseconds since the first call.
pub fn nanoseconds() -> u64 {
    START.elapsed().as_nanos() as u64
}
