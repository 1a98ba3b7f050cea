//! How many may come in a second, in all: a bucket of tokens. Who finds it empty is told when it is
//! their turn, so that a crowd that comes at once comes back in a row.

use std::time::Duration;

use tokio::time::Instant;

/// Nobody is told to stay away for longer.
const LONGEST_WAIT_SECONDS: f64 = 60.0;

/// A bucket of one second's arrivals, and the row of those who were sent away.
#[derive(Debug)]
pub(crate) struct Gate {
    per_second: f64,
    tokens: f64,
    /// How many have been given a turn that has not come yet.
    waiting: f64,
    seen_at: Instant,
}

impl Gate {
    pub(crate) fn new(per_second: u32, now: Instant) -> Self {
        let per_second = f64::from(per_second.max(1));
        Self {
            per_second,
            tokens: per_second,
            waiting: 0.0,
            seen_at: now,
        }
    }

    /// Lets somebody in, or says after what time they may try again.
    pub(crate) fn pass(&mut self, now: Instant) -> Result<(), Duration> {
        let passed = now.saturating_duration_since(self.seen_at).as_secs_f64() * self.per_second;
        self.seen_at = now;
        self.tokens = (self.tokens + passed).min(self.per_second);
        self.waiting = (self.waiting - passed).max(0.0);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        self.waiting = (self.waiting + 1.0).min(LONGEST_WAIT_SECONDS * self.per_second);
        Err(Duration::from_secs_f64(self.waiting / self.per_second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_comes_back_in_a_row() {
        let start = Instant::now();
        let mut gate = Gate::new(100, start);
        let mut coming = vec![start; 1_000];
        let (mut let_in, mut rounds) = (Vec::new(), 0);
        while !coming.is_empty() {
            rounds += 1;
            coming.sort();
            let mut again = Vec::new();
            for at in coming {
                match gate.pass(at) {
                    Ok(()) => let_in.push(at),
                    Err(wait) => again.push(at + wait),
                }
            }
            coming = again;
        }
        assert_eq!(let_in.len(), 1_000);
        let last = let_in.last().unwrap().duration_since(start);
        assert!((8..=12).contains(&last.as_secs()), "{last:?}");
        assert!(rounds <= 3, "who waits is let in: {rounds} rounds");
    }

    #[test]
    fn no_wait_is_too_long_and_calm_forgets() {
        let start = Instant::now();
        let mut gate = Gate::new(1, start);
        let longest = (0..1_000).filter_map(|_| gate.pass(start).err()).max();
        assert_eq!(longest, Some(Duration::from_mins(1)));
        assert_eq!(gate.pass(start + Duration::from_mins(2)), Ok(()));
    }
}
