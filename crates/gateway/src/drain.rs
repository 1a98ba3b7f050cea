//! The end of a server that has clients: not all at once, or all of them would come back at once.
//!
//! Once the server stops, each connection goes on for a part of the time that is given, which its id
//! decides. Few connections need little of that time: they end at [`PACE`] a second, or faster where
//! the time would not do.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use vigil_event::Id;

/// Connections that end within a second, unless there are too many for the time that is given.
const PACE: f64 = 1_000.0;

/// When connections end.
#[derive(Debug)]
pub(crate) struct Drain {
    shutdown: CancellationToken,
    longest: Duration,
    begun: OnceLock<Begun>,
}

/// What the first connection found that noticed the end.
#[derive(Debug)]
struct Begun {
    at: Instant,
    spread: Duration,
}

impl Drain {
    pub(crate) const fn new(shutdown: CancellationToken, longest: Duration) -> Self {
        Self {
            shutdown,
            longest,
            begun: OnceLock::new(),
        }
    }

    /// Waits until that connection is to end. `open` says how many there are.
    pub(crate) async fn reaches(&self, connection: Id, open: impl Fn() -> usize) {
        self.shutdown.cancelled().await;
        if let Some(end) = self.end_of(connection, open) {
            sleep_until(end).await;
        }
    }

    /// When that connection is to end; none while the server does not stop.
    pub(crate) fn end_of(&self, connection: Id, open: impl Fn() -> usize) -> Option<Instant> {
        self.shutdown.is_cancelled().then(|| {
            let begun = self.begun.get_or_init(|| Begun {
                at: Instant::now(),
                spread: self.spread(open()),
            });
            begun.at + begun.spread.mul_f64(part(connection))
        })
    }

    fn spread(&self, open: usize) -> Duration {
        self.longest
            .min(Duration::from_secs_f64(open as f64 / PACE))
    }
}

/// A number from 0 to 1 that is as random as the end of an id is.
fn part(connection: Id) -> f64 {
    let [.., a, b, c, d] = *connection.as_bytes();
    f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use vigil_event::Timestamp;

    use super::*;

    const LONGEST: Duration = Duration::from_secs(5);

    fn id(number: u32) -> Id {
        Id::derived(Timestamp::default(), &[&number.to_le_bytes()])
    }

    #[test]
    fn few_need_little_time_and_many_all_of_it() {
        let drain = Drain::new(CancellationToken::new(), LONGEST);
        assert_eq!(drain.spread(0), Duration::ZERO);
        assert_eq!(drain.spread(10), Duration::from_millis(10));
        assert_eq!(drain.spread(1_000_000), LONGEST);
    }

    #[tokio::test(start_paused = true)]
    async fn ends_are_spread_evenly_and_all_within_the_time() {
        let drain = Drain::new(CancellationToken::new(), LONGEST);
        drain.shutdown.cancel();
        let started = Instant::now();
        let ends = (0..1_000).map(async |number| {
            drain.reaches(id(number), || 100_000).await;
            started.elapsed().as_secs()
        });
        let ends = futures_util::future::join_all(ends).await;
        for second in 0..5 {
            let ended = ends.iter().filter(|end| **end == second).count();
            assert!((150..250).contains(&ended), "{ended} in second {second}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_ends_before_the_server_stops() {
        let drain = Drain::new(CancellationToken::new(), LONGEST);
        let waited = tokio::time::timeout(Duration::from_hours(1), drain.reaches(id(1), || 1));
        assert!(waited.await.is_err());
    }
}
