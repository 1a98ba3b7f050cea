//! Whom to believe about the client's address.
//!
//! Owns: reading addresses as logs write them, the walk along a forwarded-for chain. Never holds:
//! names to resolve, a default that trusts anybody.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

/// The proxies whose word about the client is believed. Empty: nobody's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<IpNet>);

/// At most this many hops are followed, so that a long chain costs little.
const MAX_HOPS: usize = 32;
/// `[` + 45 bytes of IPv6 + `]:65535`, and some room for a zone.
const MAX_ADDRESS_BYTES: usize = 80;

impl Proxies {
    /// The proxies in these networks.
    pub const fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether that is one of them.
    pub fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client behind `peer`, by the forwarded-for chain that came with the request.
    ///
    /// The chain is walked from the right, where the nearest proxy wrote, as long as who wrote an
    /// entry is trusted; the first address that is no trusted proxy is the client. What is no
    /// address ends the walk: what stands left of it is worth nothing.
    pub(crate) fn client(&self, peer: Option<IpAddr>, chain: &[u8]) -> Option<IpAddr> {
        let mut nearest = peer?;
        if chain.is_empty() || !self.trust(nearest) {
            return Some(nearest);
        }
        for entry in chain.rsplit(|byte| *byte == b',').take(MAX_HOPS) {
            let Some(hop) = hop(entry) else { break };
            nearest = hop;
            if !self.trust(hop) {
                break;
            }
        }
        Some(nearest)
    }
}

/// The address of one entry: bare as in `X-Forwarded-For`, or `for=` as in RFC 7239.
fn hop(entry: &[u8]) -> Option<IpAddr> {
    let entry = entry.trim_ascii();
    if memchr::memchr(b'=', entry).is_none() {
        return address(unquoted(entry));
    }
    entry.split(|byte| *byte == b';').find_map(|pair| {
        let (name, value) = pair.trim_ascii().split_at_checked(4)?;
        name.eq_ignore_ascii_case(b"for=")
            .then(|| address(unquoted(value)))?
    })
}

/// The text without quotes, also as nginx (`\x22`) and Apache (`\"`) log them.
fn unquoted(text: &[u8]) -> &[u8] {
    for quote in [&b"\""[..], b"\\\"", b"\\x22"] {
        if let Some(inner) = text
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
        {
            return inner;
        }
    }
    text
}

/// An address with or without brackets and port. IPv4 mapped into IPv6 is given as IPv4, so that
/// one client has one address.
pub(crate) fn address(text: &[u8]) -> Option<IpAddr> {
    if let Some(address) = dotted(text) {
        return Some(IpAddr::V4(address));
    }
    if text.len() > MAX_ADDRESS_BYTES
        || !matches!(text.first()?, b'[' | b':' | b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F')
    {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    let bare = match text.strip_prefix('[') {
        Some(rest) => {
            let (bare, port) = rest.split_once(']')?;
            (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(bare)?
        }
        None => match text.split_once(':') {
            Some((bare, port)) if !port.contains(':') => is_port(port).then_some(bare)?,
            _ => text,
        },
    };
    let bare = bare.split_once('%').map_or(bare, |(bare, _zone)| bare);
    bare.parse()
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

/// Four decimal numbers, the usual case, without a detour over text.
fn dotted(text: &[u8]) -> Option<Ipv4Addr> {
    let mut parts = [0_u8; 4];
    let mut numbers = text.split(|byte| *byte == b'.');
    for part in &mut parts {
        let digits = numbers.next()?;
        if digits.is_empty()
            || digits.len() > 3
            || (digits.len() > 1 && digits.first() == Some(&b'0'))
        {
            return None;
        }
        let mut value = 0_u16;
        for digit in digits {
            value = value * 10 + u16::from(digit.is_ascii_digit().then(|| digit - b'0')?);
        }
        *part = u8::try_from(value).ok()?;
    }
    numbers.next().is_none().then(|| Ipv4Addr::from(parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn reads_addresses_as_logs_write_them() {
        for (text, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:4711", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("fe80::1%eth0", "fe80::1"),
        ] {
            assert_eq!(address(text.as_bytes()), ip(expected), "{text}");
        }
        for text in [
            "",
            "-",
            "host.example",
            "192.0.2",
            "192.0.2.256",
            "1.2.3.4.5",
            "010.0.0.1",
            "[::1",
            "::1]",
            "1.2.3.4:",
            "1.2.3.4:99999",
            "[::1]x",
            "abc",
            "_hidden",
            "unknown",
        ] {
            assert_eq!(address(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn walks_the_chain_past_trusted_proxies_only() {
        let proxies = Proxies::new(vec![
            "10.0.0.0/8".parse().unwrap(),
            "2001:db8::/32".parse().unwrap(),
        ]);
        for (peer, chain, expected) in [
            ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
            ("10.0.0.1", "198.51.100.7, 203.0.113.9", "203.0.113.9"),
            (
                "10.0.0.1",
                "198.51.100.7, 203.0.113.9, 10.0.0.2",
                "203.0.113.9",
            ),
            ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
            ("10.0.0.1", "203.0.113.9, junk, 10.0.0.2", "10.0.0.2"),
            ("10.0.0.1", "203.0.113.9, junk", "10.0.0.1"),
            ("10.0.0.1", "203.0.113.9,", "10.0.0.1"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("198.51.100.7", "203.0.113.9", "198.51.100.7"),
            (
                "10.0.0.1",
                "for=203.0.113.9;proto=https;by=10.0.0.1",
                "203.0.113.9",
            ),
            (
                "10.0.0.1",
                "for=198.51.100.7, proto=http;For=\"203.0.113.9:4711\"",
                "203.0.113.9",
            ),
            ("10.0.0.1", "For=\\x22[2001:db9::1]:443\\x22", "2001:db9::1"),
            ("10.0.0.1", "for=203.0.113.9, for=_hidden", "10.0.0.1"),
            ("2001:db8::5", "203.0.113.9", "203.0.113.9"),
        ] {
            assert_eq!(
                proxies.client(ip(peer), chain.as_bytes()),
                ip(expected),
                "{peer} {chain}"
            );
        }
        assert_eq!(proxies.client(None, b"203.0.113.9"), None);
        assert_eq!(
            Proxies::default().client(ip("10.0.0.1"), b"203.0.113.9"),
            ip("10.0.0.1")
        );
    }

    #[test]
    fn a_chain_is_followed_a_bounded_way() {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let chain = "10.0.0.1,".repeat(10_000) + "10.0.0.2";
        assert_eq!(
            proxies.client(ip("10.0.0.9"), chain.as_bytes()),
            ip("10.0.0.1")
        );
    }
}
