//! A connection's sense of time: when to ping, when silence has lasted too long, when the token ends.
//!
//! It says when to look again, and its shard's alarm wakes the connection then. That moment changes when
//! something was due, never when something is heard, so a busy connection costs no alarms.

use std::time::Duration;

use vigil_event::Timestamp;

use crate::Limits;
use crate::connection::moment::Moment;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// The token has ended.
    Expired,
    /// The token ends soon; said once for each token.
    Expiring,
    /// The client was silent for too long.
    Silence,
    /// It is time to ping.
    Ping,
}

/// A connection's sense of time.
pub(crate) struct Pulse {
    expires_at: Option<Timestamp>,
    warned: bool,
    ping_at: Moment,
    heard_at: Moment,
    look_at: Moment,
}

impl Pulse {
    pub(crate) fn new(limits: &Limits, expires_at: Option<Timestamp>, now: Timestamp) -> Self {
        let started = Moment::now();
        let ping_at = started + limits.ping_interval;
        let mut pulse = Self {
            expires_at,
            warned: false,
            ping_at,
            heard_at: started,
            look_at: ping_at,
        };
        pulse.set_look(limits, now);
        pulse
    }

    /// Something came from the client.
    pub(crate) fn heard(&mut self) {
        self.heard_at = Moment::now();
    }

    /// Another token took the place of the last one.
    pub(crate) fn renew(&mut self, limits: &Limits, expires_at: Option<Timestamp>, now: Timestamp) {
        self.expires_at = expires_at;
        self.warned = false;
        self.set_look(limits, now);
    }

    /// When something may be due; [`due`](Self::due) says what.
    pub(crate) const fn look_at(&self) -> Moment {
        self.look_at
    }

    /// Whether the token has ended. The clock is asked, not the timer: a machine may sleep.
    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// What is due at this moment, the gravest first. Says when to look again when nothing is left.
    pub(crate) fn due(&mut self, limits: &Limits, now: Timestamp) -> Option<Due> {
        let instant = Moment::now();
        if self.is_expired(now) {
            return Some(Due::Expired);
        }
        if instant.since(self.heard_at) >= limits.silence {
            return Some(Due::Silence);
        }
        if !self.warned
            && self
                .left(now)
                .is_some_and(|left| left <= limits.expiry_warning)
        {
            self.warned = true;
            return Some(Due::Expiring);
        }
        if instant >= self.ping_at {
            self.ping_at = instant + limits.ping_interval;
            return Some(Due::Ping);
        }
        self.set_look(limits, now);
        None
    }

    fn left(&self, now: Timestamp) -> Option<Duration> {
        let left_ms = self.expires_at?.millis_since(now);
        Some(Duration::from_millis(
            u64::try_from(left_ms).unwrap_or_default(),
        ))
    }

    fn set_look(&mut self, limits: &Limits, now: Timestamp) {
        let mut next = self.ping_at.min(self.heard_at + limits.silence);
        if let Some(left) = self.left(now) {
            let wait = if self.warned {
                left
            } else {
                left.saturating_sub(limits.expiry_warning)
            };
            // Never in the far future: a token may last for centuries, a timer may not.
            next = next.min(Moment::now() + wait.min(limits.ping_interval));
        }
        self.look_at = next;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep_until;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn later(seconds: u64) -> Timestamp {
        NOW.plus_millis(seconds.cast_signed() * 1_000)
    }

    /// What is due, with the second it was found at, until `seconds` have gone by.
    async fn watch(pulse: &mut Pulse, seconds: u64, hears: bool) -> Vec<(u64, Due)> {
        let start = Moment::now();
        let mut seen = Vec::new();
        while Moment::now().since(start) < Duration::from_secs(seconds) {
            sleep_until(pulse.look_at().instant()).await;
            let at = Moment::now().since(start).as_secs();
            if hears {
                pulse.heard();
            }
            while let Some(due) = pulse.due(&Limits::default(), later(at)) {
                seen.push((at, due));
                if matches!(due, Due::Expired | Due::Silence) {
                    return seen;
                }
            }
        }
        seen
    }

    #[tokio::test(start_paused = true)]
    async fn pings_and_then_gives_up_on_silence() {
        let mut pulse = Pulse::new(&Limits::default(), None, NOW);
        assert_eq!(
            watch(&mut pulse, 300, false).await,
            [(30, Due::Ping), (60, Due::Silence)]
        );
        let mut pulse = Pulse::new(&Limits::default(), None, NOW);
        let pings = watch(&mut pulse, 120, true).await;
        assert_eq!(pings, [30, 60, 90, 120].map(|at| (at, Due::Ping)));
    }

    #[tokio::test(start_paused = true)]
    async fn warns_a_minute_before_the_end() {
        let mut pulse = Pulse::new(&Limits::default(), Some(later(75)), NOW);
        assert_eq!(
            watch(&mut pulse, 300, true).await,
            [
                (15, Due::Expiring),
                (30, Due::Ping),
                (60, Due::Ping),
                (75, Due::Expired)
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_renewed_token_is_warned_of_again() {
        let mut pulse = Pulse::new(&Limits::default(), Some(later(10)), NOW);
        assert_eq!(pulse.due(&Limits::default(), NOW), Some(Due::Expiring));
        assert_eq!(pulse.due(&Limits::default(), NOW), None);
        pulse.renew(&Limits::default(), Some(later(65)), NOW);
        let seen = watch(&mut pulse, 300, true).await;
        assert_eq!(seen.first(), Some(&(5, Due::Expiring)));
        assert_eq!(seen.last(), Some(&(65, Due::Expired)));
    }
}
