//! A moment in half the memory of an `Instant`: connections hold several, and there are many of them.

use std::num::NonZeroU64;
use std::ops::Add;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::Instant;

/// Moments are counted from so long before the first that was asked for, so that none comes before that.
const BEFORE_THE_FIRST: Duration = Duration::from_hours(24);

/// Nanoseconds since a moment that is the same for the whole process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(NonZeroU64);

impl Moment {
    /// The present.
    pub(crate) fn now() -> Self {
        Self::from(Instant::now())
    }

    /// As the clock of timers has it.
    pub(crate) fn instant(self) -> Instant {
        origin() + Duration::from_nanos(self.0.get())
    }

    /// How long ago the other one was; nothing if it comes later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.get().saturating_sub(earlier.0.get()))
    }
}

impl From<Instant> for Moment {
    fn from(instant: Instant) -> Self {
        let since = instant.saturating_duration_since(origin()).as_nanos();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        Self(NonZeroU64::new(since).unwrap_or(NonZeroU64::MIN))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, more: Duration) -> Self {
        let more = u64::try_from(more.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(more))
    }
}

fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(|| {
        let now = Instant::now();
        // A machine that was started a moment ago has no earlier one.
        now.checked_sub(BEFORE_THE_FIRST).unwrap_or(now)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_an_instant_to_the_nanosecond() {
        let instant = Instant::now();
        let moment = Moment::from(instant);
        assert_eq!(moment.instant(), instant);
        let later = moment + Duration::from_nanos(7);
        assert_eq!(later.instant(), instant + Duration::from_nanos(7));
        assert_eq!(later.since(moment), Duration::from_nanos(7));
        assert_eq!(moment.since(later), Duration::ZERO);
        assert!(later > moment);
        assert_eq!(size_of::<Option<Moment>>(), 8);
    }
}
