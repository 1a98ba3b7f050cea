//! Who an event is about, beside the client's address: its network, the session, the account.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::net::IpAddr;

use ipnet::IpNet;
use vigil_event::{Event, Field};

use crate::state::code::write_fixed;
use crate::state::{Input, Kept};

/// How many bits of an address its network has: what one subscriber or one machine room is given.
const V4_BITS: u8 = 24;
const V6_BITS: u8 = 64;
/// The longest session that is told apart, in bytes.
const SESSION_BYTES: usize = 512;

/// Names of cookies that hold a session, in lower case: those of PHP, Java, ASP.NET, Express, Django,
/// Rails, Laravel, WordPress and of frameworks that take the plain word.
const SESSIONS: [&[u8]; 10] = [
    b"phpsessid",
    b"jsessionid",
    b"asp.net_sessionid",
    b"connect.sid",
    b"sessionid",
    b"_session_id",
    b"laravel_session",
    b"session_id",
    b"session",
    b"sid",
];

/// The network of an address: its /24, or the /64 of an IPv6 address.
pub(crate) fn network(address: IpAddr) -> IpNet {
    let bits = match address {
        IpAddr::V4(_) => V4_BITS,
        IpAddr::V6(_) => V6_BITS,
    };
    IpNet::new(address, bits).map_or_else(|_| IpNet::from(address), |network| network.trunc())
}

/// The session that the cookie header names, where the log has it.
pub(crate) fn session(event: &Event) -> Option<&[u8]> {
    let cookie = event.raw(Field::Cookie)?;
    let mut pairs = cookie.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    pairs.find_map(|pair| {
        let split = pair.iter().position(|byte| *byte == b'=')?;
        let (name, value) = pair.split_at_checked(split)?;
        let value = value.get(1..)?;
        let is_session = SESSIONS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name));
        (is_session && !value.is_empty()).then(|| value.get(..SESSION_BYTES).unwrap_or(value))
    })
}

/// A session's name for people: secret as it is, it is never shown.
pub(crate) fn mark(session: &[u8]) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(session) & 0xffff_ffff
}

/// A client as a key of sixteen bytes: an IPv4 address as IPv6 writes it (RFC 4291), or a /64 of IPv6, in
/// which one client may have another address for each request.
pub(crate) type Client = [u64; 2];

/// The client that has an address.
pub(crate) fn client(address: IpAddr) -> Client {
    match address {
        IpAddr::V4(address) => [0, u128::from(address.to_ipv6_mapped()) as u64],
        IpAddr::V6(address) => [(u128::from(address) >> 64) as u64, 0],
    }
}

/// The network of an address as a number: no two networks have the same.
pub(crate) fn network_key(address: IpAddr) -> u64 {
    match address {
        // No network of the Internet begins like that in version 6.
        IpAddr::V4(address) => u64::MAX << 32 | u64::from(u32::from(address) >> 8),
        IpAddr::V6(address) => (u128::from(address) >> 64) as u64,
    }
}

/// Addresses as bits. Those of a /24 have each their own; of others it is known about how many they
/// are, and never more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Set([u64; 4]);

impl Set {
    pub(crate) const EMPTY: Self = Self([0; 4]);
    const SIZE: u32 = 256;

    /// Adds an address of one network; whether its bit was not set yet.
    pub(crate) fn insert(&mut self, address: IpAddr) -> bool {
        self.set(match address {
            IpAddr::V4(address) => address.octets()[3],
            IpAddr::V6(_) => spread(address),
        })
    }

    /// Adds an address of wherever; whether its bit was not set yet.
    pub(crate) fn insert_any(&mut self, address: IpAddr) -> bool {
        self.set(spread(address))
    }

    fn set(&mut self, last: u8) -> bool {
        let bit = 1 << (last % 64);
        let Some(word) = self.0.get_mut(usize::from(last / 64)) else {
            return false;
        };
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// How many bits are set.
    pub(crate) fn len(&self) -> u32 {
        self.0
            .iter()
            .map(|word| word.count_ones())
            .sum::<u32>()
            .min(Self::SIZE)
    }
}

impl Kept for Set {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.iter().for_each(|word| write_fixed(*word, out));
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        let mut words = [0; 4];
        for word in &mut words {
            *word = input.fixed()?;
        }
        Some(Self(words))
    }
}

fn spread(address: IpAddr) -> u8 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(address) as u8
}

/// The account that the record names.
pub(crate) fn account(event: &Event) -> Option<&[u8]> {
    event.raw(Field::UserName).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_and_sessions() {
        let of = |address: &str| network(address.parse().unwrap()).to_string();
        assert_eq!(of("192.0.2.77"), "192.0.2.0/24");
        assert_eq!(of("2001:db8:1:2:3::9"), "2001:db8:1:2::/64");
        for (cookie, expected) in [
            ("a=b; PHPSESSID=x1; c=d", Some("x1")),
            ("JSESSIONID=a=b", Some("a=b")),
            ("session=", None),
            ("mysession=x", None),
            ("phpsessid", None),
            ("", None),
        ] {
            let mut event = Event::new();
            event.set(Field::Cookie, cookie.as_bytes());
            assert_eq!(session(&event), expected.map(str::as_bytes), "{cookie}");
        }
        assert_eq!(session(&Event::new()), None);
    }
}
