//! How many connections one address may have open that are no WebSocket, or not yet: nobody alone
//! takes every place at the door. What has become a WebSocket is limited by the gateway, by user.
//!
//! Bounded itself: an address is known only while one of its connections is open.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use vigil_gateway::counted_address;

/// Counts open connections by address.
#[derive(Debug)]
pub(super) struct Addresses {
    most: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection's place, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    addresses: Arc<Addresses>,
    /// None: an address that is not counted.
    address: Option<IpAddr>,
}

impl Addresses {
    /// At most so many of one address.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            open: Mutex::default(),
        })
    }

    /// A place, if that address has not all of its own. This machine's addresses are not counted: a
    /// proxy's clients all come from there.
    pub(super) fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let address = counted_address(peer);
        if let Some(address) = address {
            let mut open = self.open.lock();
            let count = open.entry(address).or_default();
            if *count >= self.most {
                return None;
            }
            *count += 1;
        }
        Some(Place {
            addresses: Arc::clone(self),
            address,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut open = self.addresses.open.lock();
        let left = open.get_mut(&address).map_or(0, |count| {
            *count = count.saturating_sub(1);
            *count
        });
        if left == 0 {
            open.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_places_and_no_more() {
        let addresses = Addresses::new(2);
        let enter = |peer: &str| addresses.enter(peer.parse().unwrap());
        let first = enter("192.0.2.1").unwrap();
        let _mapped = enter("::ffff:192.0.2.1").unwrap();
        assert!(enter("192.0.2.1").is_none());
        let _other = enter("192.0.2.2").unwrap();
        let _six = (enter("2001:db8::1").unwrap(), enter("2001:db8::2").unwrap());
        assert!(enter("2001:db8::3").is_none(), "one network");
        let _next = enter("2001:db8:0:1::1").unwrap();
        let _local: Vec<_> = (0..10).map(|_| enter("127.0.0.1").unwrap()).collect();
        drop(first);
        assert!(enter("192.0.2.1").is_some());
    }

    #[test]
    fn who_has_gone_is_forgotten() {
        let addresses = Addresses::new(2);
        drop(addresses.enter("192.0.2.1".parse().unwrap()));
        assert!(addresses.open.lock().is_empty());
    }
}
