//! How many messages a client may send: a bucket of tokens that fills at a steady rate.

use crate::Limits;
use crate::connection::moment::Moment;

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is heard.
    Heard,
    /// It is refused; the client may try again after so many milliseconds.
    Refused {
        /// When there is room for one.
        retry_after_ms: u64,
    },
    /// The client goes on though it was refused again and again.
    Flood,
}

/// A token bucket (as in RFC 2697). It may go into debt by one burst: those messages are refused
/// one by one, and what comes after is a flood.
#[derive(Debug)]
pub(crate) struct Bucket {
    tokens: f64,
    filled_at: Moment,
}

impl Bucket {
    pub(crate) fn new(limits: &Limits, now: Moment) -> Self {
        Self {
            tokens: burst(limits),
            filled_at: now,
        }
    }

    /// Takes one message into account.
    pub(crate) fn take(&mut self, limits: &Limits, now: Moment) -> Verdict {
        let (per_second, burst) = (f64::from(limits.messages_per_second.max(1)), burst(limits));
        let filled = now.since(self.filled_at).as_secs_f64() * per_second;
        self.filled_at = now;
        self.tokens = (self.tokens + filled).min(burst) - 1.0;
        if self.tokens >= 0.0 {
            Verdict::Heard
        } else if self.tokens >= -burst {
            Verdict::Refused {
                retry_after_ms: (-self.tokens / per_second * 1_000.0).ceil() as u64,
            }
        } else {
            Verdict::Flood
        }
    }
}

fn burst(limits: &Limits) -> f64 {
    f64::from(limits.message_burst.max(1))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_then_refusals_then_a_flood() {
        let now = Moment::now();
        let limits = &Limits::default();
        let mut bucket = Bucket::new(limits, now);
        for _ in 0..100 {
            assert_eq!(bucket.take(limits, now), Verdict::Heard);
        }
        assert_eq!(
            bucket.take(limits, now),
            Verdict::Refused { retry_after_ms: 20 }
        );
        for _ in 0..99 {
            assert!(matches!(bucket.take(limits, now), Verdict::Refused { .. }));
        }
        assert_eq!(bucket.take(limits, now), Verdict::Flood);
    }

    #[test]
    fn a_steady_client_is_always_heard() {
        let mut now = Moment::now();
        let limits = &Limits::default();
        let mut bucket = Bucket::new(limits, now);
        for _ in 0..10_000 {
            assert_eq!(bucket.take(limits, now), Verdict::Heard);
            now = now + Duration::from_millis(20);
        }
        for _ in 0..150 {
            bucket.take(limits, now);
        }
        now = now + Duration::from_millis(2_020);
        assert_eq!(
            bucket.take(limits, now),
            Verdict::Heard,
            "debts are paid by waiting"
        );
    }
}
