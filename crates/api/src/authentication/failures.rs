//! Who has failed too often: tells those who guess keys and tickets to wait.
//!
//! Only failures come here, after the fact. A credential that is right is never held up by the wrong
//! ones of others, who may well share its address: behind a proxy all do. What keeps guesses from
//! being right is the length of what there is to guess.
//!
//! *Input*: an address and a moment. *Limits*: 20 failures a minute and address (for IPv6 a /64);
//! 1,024 addresses are remembered, and the one that began earliest is forgotten for a further one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use parking_lot::Mutex;
use vigil_event::Timestamp;

use crate::{ApiError, ErrorCode};

const MAX_FAILURES: u32 = 20;
const WINDOW_MS: i64 = 60_000;
const MAX_ADDRESSES: usize = 1_024;

/// Failed attempts by address.
#[derive(Default)]
pub(super) struct Failures(Mutex<HashMap<IpAddr, Count>>);

#[derive(Clone, Copy)]
struct Count {
    since: Timestamp,
    failures: u32,
}

impl Count {
    /// The milliseconds until it is forgotten. A clock that was set back makes it no longer.
    const fn left_ms(&self, now: Timestamp) -> i64 {
        let passed = now.millis_since(self.since);
        if passed < 0 { 0 } else { WINDOW_MS - passed }
    }
}

impl Failures {
    /// Counts a failure. An error says that it is one too many, and when they are forgotten.
    pub(super) fn count(&self, peer: Option<IpAddr>, now: Timestamp) -> Result<(), ApiError> {
        let count = self.add(key(peer), now);
        if count.failures <= MAX_FAILURES {
            return Ok(());
        }
        Err(ApiError::new(
            ErrorCode::RateLimited,
            "this credential is not accepted, and too many attempts from this address have failed",
        )
        .hint("wait before you try another; one that is right opens at any time")
        .retry_after(Duration::from_millis(count.left_ms(now).unsigned_abs())))
    }

    fn add(&self, key: IpAddr, now: Timestamp) -> Count {
        let fresh = Count {
            since: now,
            failures: 0,
        };
        let mut counts = self.0.lock();
        if !counts.contains_key(&key) && counts.len() >= MAX_ADDRESSES {
            make_room(&mut counts, now);
        }
        let count = counts.entry(key).or_insert(fresh);
        if count.left_ms(now) <= 0 {
            *count = fresh;
        }
        count.failures = count.failures.saturating_add(1);
        *count
    }
}

fn make_room(counts: &mut HashMap<IpAddr, Count>, now: Timestamp) {
    counts.retain(|_, count| count.left_ms(now) > 0);
    if counts.len() >= MAX_ADDRESSES
        && let Some(oldest) = counts
            .iter()
            .min_by_key(|(_, count)| count.since)
            .map(|(key, _)| *key)
    {
        counts.remove(&oldest);
    }
}

/// What is counted as one: an IPv4 address, an IPv6 network, or all peers that are not known.
fn key(peer: Option<IpAddr>) -> IpAddr {
    match peer.map(|address| address.to_canonical()) {
        None => Ipv4Addr::UNSPECIFIED.into(),
        Some(IpAddr::V4(address)) => address.into(),
        Some(IpAddr::V6(address)) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_told_to_wait_after_too_many_failures_and_others_are_not() {
        let failures = Failures::default();
        for _ in 0..MAX_FAILURES {
            assert!(failures.count(Some(address("2001:db8::1")), NOW).is_ok());
        }
        let refused = failures
            .count(Some(address("2001:db8::2")), NOW)
            .unwrap_err();
        assert_eq!(refused.code(), ErrorCode::RateLimited);
        let elsewhere = Some(address("2001:db8:0:1::1"));
        assert!(failures.count(elsewhere, NOW).is_ok());
        assert!(failures.count(None, NOW).is_ok());
        let just_before = NOW.plus_millis(WINDOW_MS - 1);
        assert!(
            failures
                .count(Some(address("2001:db8::1")), just_before)
                .is_err()
        );
        let later = NOW.plus_millis(WINDOW_MS);
        assert!(failures.count(Some(address("2001:db8::1")), later).is_ok());
    }

    #[test]
    fn a_clock_set_back_begins_anew() {
        let failures = Failures::default();
        for _ in 0..MAX_FAILURES {
            assert!(failures.count(None, NOW).is_ok());
        }
        assert!(failures.count(None, NOW).is_err());
        assert!(failures.count(None, NOW.plus_millis(-1)).is_ok());
    }

    #[test]
    fn memory_is_bounded() {
        let failures = Failures::default();
        for place in 0..3 * MAX_ADDRESSES as u32 {
            let peer = Some(Ipv4Addr::from_bits(place).into());
            let now = NOW.plus_millis(i64::from(place));
            assert!(failures.count(peer, now).is_ok());
        }
        assert_eq!(failures.0.lock().len(), MAX_ADDRESSES);
    }
}
