//! Under what an address counts where connections of one address are limited.

use std::net::{IpAddr, Ipv6Addr};

/// Under what an address counts: of IPv6 a network of 64 bits, which one machine may have whole. None
/// for this machine's own addresses: a proxy's clients all come from there.
pub fn counted_address(peer: IpAddr) -> Option<IpAddr> {
    match peer.to_canonical() {
        peer if peer.is_loopback() => None,
        IpAddr::V4(peer) => Some(peer.into()),
        IpAddr::V6(peer) => {
            let network = u128::from(peer) & (u128::MAX << 64);
            Some(Ipv6Addr::from(network).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_counts_once_whatever_it_calls_itself() {
        let counted = |peer: &str| counted_address(peer.parse().unwrap());
        for (one, other) in [
            ("192.0.2.1", "::ffff:192.0.2.1"),
            ("2001:db8::1", "2001:db8::ffff:2"),
            ("127.0.0.1", "::1"),
        ] {
            assert_eq!(counted(one), counted(other), "{one} {other}");
        }
        assert_ne!(counted("2001:db8::1"), counted("2001:db8:0:1::1"));
        assert_eq!(counted("127.9.9.9"), None);
    }
}
