//! How many connections there may be, in all and of each user.
//!
//! Bounded itself: a user is known only while one of their connections is open.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::Limits;
use crate::admit::address::counted_address;
use crate::admit::gate::Gate;
use crate::telemetry::{Counted, Refused, Telemetry, Transport};

/// Counts open connections.
#[derive(Debug)]
pub(crate) struct Admission {
    max: usize,
    max_per_user: usize,
    max_per_minute: u32,
    open: Mutex<Open>,
    arrivals: Mutex<Arrivals>,
    gate: Mutex<Gate>,
}

/// Why somebody is sent away at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SentAway {
    pub(crate) reason: Refused,
    /// When they may come again.
    pub(crate) after: Duration,
}

/// Who came within this minute.
#[derive(Debug, Default)]
struct Arrivals {
    since: Option<Instant>,
    by_address: HashMap<IpAddr, u32>,
}

/// The most addresses that are counted within a minute; those beyond count as one.
const MAX_ADDRESSES: usize = 100_000;

/// How long arrivals are counted.
const PERIOD: Duration = Duration::from_mins(1);

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_user: HashMap<Arc<str>, usize>,
}

/// One connection's place, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    admission: Arc<Admission>,
    user: Arc<str>,
    _counted: Counted,
}

impl Admission {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            max: limits.max_connections,
            max_per_user: limits.max_connections_per_user,
            max_per_minute: limits.connections_per_minute,
            open: Mutex::default(),
            arrivals: Mutex::default(),
            gate: Mutex::new(Gate::new(limits.connections_per_second, Instant::now())),
        }
    }

    /// Somebody wants to connect. The address counts first, so that one that comes too often takes
    /// nobody else's turn.
    pub(crate) fn arrive(&self, peer: Option<IpAddr>) -> Result<(), SentAway> {
        self.count(peer).map_err(|wait| SentAway {
            reason: Refused::TooFast,
            after: wait,
        })?;
        let passed = self.gate.lock().pass(Instant::now());
        passed.map_err(|wait| SentAway {
            reason: Refused::Crowd,
            after: wait,
        })
    }

    /// Counts somebody who comes; an error says when their address may come again.
    fn count(&self, peer: Option<IpAddr>) -> Result<(), Duration> {
        let Some(peer) = peer.and_then(counted_address) else {
            return Ok(());
        };
        let now = Instant::now();
        let mut arrivals = self.arrivals.lock();
        let passed = arrivals.since.map(|since| now.duration_since(since));
        let passed = passed.filter(|passed| *passed < PERIOD);
        if passed.is_none() {
            arrivals.since = Some(now);
            arrivals.by_address.clear();
        }
        let is_known = arrivals.by_address.contains_key(&peer);
        let counted = if is_known || arrivals.by_address.len() < MAX_ADDRESSES {
            peer
        } else {
            IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED)
        };
        let count = arrivals.by_address.entry(counted).or_default();
        *count = count.saturating_add(1);
        if *count > self.max_per_minute {
            return Err(PERIOD.saturating_sub(passed.unwrap_or_default()));
        }
        Ok(())
    }

    /// A place for one more connection of that user.
    pub(crate) fn admit(
        self: &Arc<Self>,
        user: &str,
        transport: Transport,
        telemetry: &Telemetry,
    ) -> Result<Admitted, Refused> {
        let user = {
            let mut open = self.open.lock();
            if open.total >= self.max {
                return Err(Refused::TooMany);
            }
            // One text for all connections of a user.
            let known = open.by_user.get_key_value(user);
            let (user, of_user) = match known {
                Some((user, count)) => (Arc::clone(user), *count),
                None => (Arc::from(user), 0),
            };
            if of_user >= self.max_per_user {
                return Err(Refused::TooManyOfUser);
            }
            open.by_user.insert(Arc::clone(&user), of_user + 1);
            open.total += 1;
            user
        };
        let counted = Counted::on(&telemetry.open(transport));
        Ok(Admitted {
            admission: Arc::clone(self),
            user,
            _counted: counted,
        })
    }

    /// How many are open.
    pub(crate) fn total(&self) -> usize {
        self.open.lock().total
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self.admission.open.lock();
        open.total = open.total.saturating_sub(1);
        let left = open.by_user.get_mut(&self.user).map_or(0, |count| {
            *count = count.saturating_sub(1);
            *count
        });
        if left == 0 {
            open.by_user.remove(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(limits: Limits) -> Arc<Admission> {
        Arc::new(Admission::new(&limits))
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_comes_so_often_within_a_minute() {
        let admission = admission(Limits {
            connections_per_minute: 2,
            ..Limits::default()
        });
        let come = |peer: &str| admission.arrive(Some(peer.parse().unwrap()));
        let too_fast = SentAway {
            reason: Refused::TooFast,
            after: PERIOD,
        };
        assert_eq!([come("192.0.2.1"), come("192.0.2.1")], [Ok(()), Ok(())]);
        assert_eq!(come("192.0.2.1"), Err(too_fast));
        assert_eq!(come("192.0.2.2"), Ok(()));
        // Who has a whole network of addresses counts as one.
        assert_eq!([come("2001:db8::1"), come("2001:db8::2")], [Ok(()), Ok(())]);
        assert_eq!(come("2001:db8::3"), Err(too_fast));
        for _ in 0..10 {
            assert_eq!([come("127.0.0.1"), come("::1")], [Ok(()), Ok(())]);
        }
        tokio::time::advance(PERIOD).await;
        assert_eq!(come("192.0.2.1"), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_is_told_when_to_come_again() {
        let admission = admission(Limits {
            connections_per_second: 2,
            ..Limits::default()
        });
        let come = || admission.arrive(None);
        assert_eq!([come(), come()], [Ok(()), Ok(())]);
        let waits = [come(), come()].map(|sent| sent.unwrap_err().after);
        assert_eq!(waits.map(|wait| wait.as_millis()), [500, 1_000]);
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(come(), Ok(()));
    }

    #[test]
    fn places_are_given_and_given_back() {
        let telemetry = Telemetry::new();
        let admission = admission(Limits {
            max_connections: 3,
            max_connections_per_user: 2,
            ..Limits::default()
        });
        let admit = |user| admission.admit(user, Transport::WebSocket, &telemetry);
        let first = admit("anna").unwrap();
        let second = admit("anna").unwrap();
        assert_eq!(admit("anna").unwrap_err(), Refused::TooManyOfUser);
        let third = admit("ben").unwrap();
        assert_eq!(admit("carl").unwrap_err(), Refused::TooMany);
        assert_eq!(telemetry.open(Transport::WebSocket).get(), 3);
        drop(first);
        let fourth = admit("anna").unwrap();
        drop((second, third, fourth));
        assert_eq!(admission.total(), 0);
        assert!(admission.open.lock().by_user.is_empty());
        assert_eq!(telemetry.open(Transport::WebSocket).get(), 0);
    }
}
