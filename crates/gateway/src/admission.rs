//! How many connections there may be, in all and of each user.
//!
//! Bounded itself: a user is known only while one of their connections is open.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::telemetry::{Counted, Refused, Telemetry, Transport};

/// Counts open connections.
#[derive(Debug)]
pub(crate) struct Admission {
    max: usize,
    max_per_user: usize,
    open: Mutex<Open>,
    arrivals: Mutex<Arrivals>,
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
    pub(crate) fn new(max: usize, max_per_user: usize) -> Self {
        Self {
            max,
            max_per_user,
            open: Mutex::default(),
            arrivals: Mutex::default(),
        }
    }

    /// Somebody wants to connect. This machine's own addresses are not counted: a proxy's clients all
    /// come from there.
    pub(crate) fn arrive(&self, peer: Option<IpAddr>, max_per_minute: u32) -> Result<(), Refused> {
        let Some(peer) = peer.filter(|peer| !peer.to_canonical().is_loopback()) else {
            return Ok(());
        };
        let now = Instant::now();
        let mut arrivals = self.arrivals.lock();
        if arrivals
            .since
            .is_none_or(|since| now.duration_since(since) >= PERIOD)
        {
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
        if *count > max_per_minute {
            return Err(Refused::TooFast);
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
        let user: Arc<str> = Arc::from(user);
        {
            let mut open = self.open.lock();
            if open.total >= self.max {
                return Err(Refused::TooMany);
            }
            let of_user = open.by_user.get(&user).copied().unwrap_or_default();
            if of_user >= self.max_per_user {
                return Err(Refused::TooManyOfUser);
            }
            open.by_user.insert(Arc::clone(&user), of_user + 1);
            open.total += 1;
        }
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

    #[tokio::test(start_paused = true)]
    async fn an_address_comes_so_often_within_a_minute() {
        let admission = Admission::new(3, 2);
        let come = |peer: &str| admission.arrive(Some(peer.parse().unwrap()), 2);
        assert_eq!([come("192.0.2.1"), come("192.0.2.1")], [Ok(()), Ok(())]);
        assert_eq!(come("192.0.2.1"), Err(Refused::TooFast));
        assert_eq!(come("192.0.2.2"), Ok(()));
        for _ in 0..10 {
            assert_eq!([come("127.0.0.1"), come("::1")], [Ok(()), Ok(())]);
        }
        tokio::time::advance(PERIOD).await;
        assert_eq!(come("192.0.2.1"), Ok(()));
    }

    #[test]
    fn places_are_given_and_given_back() {
        let telemetry = Telemetry::new();
        let admission = Arc::new(Admission::new(3, 2));
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
