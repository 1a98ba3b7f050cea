//! Who has failed too often: slows the guessing of keys and tickets.
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
    /// Whether the address may try.
    pub(super) fn check(&self, peer: Option<IpAddr>, now: Timestamp) -> Result<(), ApiError> {
        let Some(count) = self.0.lock().get(&key(peer)).copied() else {
            return Ok(());
        };
        let left_ms = count.left_ms(now);
        if count.failures < MAX_FAILURES || left_ms <= 0 {
            return Ok(());
        }
        Err(ApiError::new(
            ErrorCode::RateLimited,
            "too many failed attempts to sign in from this address",
        )
        .hint("wait, or use a token from `vigil token`")
        .retry_after(Duration::from_millis(left_ms.unsigned_abs())))
    }

    /// Counts a failure.
    pub(super) fn count(&self, peer: Option<IpAddr>, now: Timestamp) {
        let key = key(peer);
        let mut counts = self.0.lock();
        if !counts.contains_key(&key) && counts.len() >= MAX_ADDRESSES {
            make_room(&mut counts, now);
        }
        let count = counts.entry(key).or_insert(Count {
            since: now,
            failures: 0,
        });
        if count.left_ms(now) <= 0 {
            *count = Count {
                since: now,
                failures: 0,
            };
        }
        count.failures = count.failures.saturating_add(1);
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
    fn an_address_waits_after_too_many_failures_and_others_do_not() {
        let failures = Failures::default();
        for _ in 0..MAX_FAILURES {
            assert!(failures.check(Some(address("2001:db8::1")), NOW).is_ok());
            failures.count(Some(address("2001:db8::1")), NOW);
        }
        let refused = failures
            .check(Some(address("2001:db8::2")), NOW)
            .unwrap_err();
        assert_eq!(refused.code(), ErrorCode::RateLimited);
        assert!(
            failures
                .check(Some(address("2001:db8:0:1::1")), NOW)
                .is_ok()
        );
        assert!(failures.check(None, NOW).is_ok());
        let later = NOW.plus_millis(WINDOW_MS);
        assert!(failures.check(Some(address("2001:db8::1")), later).is_ok());
        failures.count(Some(address("2001:db8::1")), later);
        assert!(failures.check(Some(address("2001:db8::1")), later).is_ok());
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let failures = Failures::default();
        for _ in 0..MAX_FAILURES {
            failures.count(None, NOW);
        }
        assert!(failures.check(None, NOW).is_err());
        assert!(failures.check(None, NOW.plus_millis(-1)).is_ok());
    }

    #[test]
    fn memory_is_bounded() {
        let failures = Failures::default();
        for place in 0..3 * MAX_ADDRESSES as u32 {
            failures.count(
                Some(Ipv4Addr::from_bits(place).into()),
                NOW.plus_millis(i64::from(place)),
            );
        }
        assert_eq!(failures.0.lock().len(), MAX_ADDRESSES);
    }
}
