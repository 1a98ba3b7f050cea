//! Who sends a request, as the sketches count it.

use std::net::IpAddr;

use vigil_event::Timestamp;

use super::witness::Who;

/// Spreads a number over 64 bits (the finaliser of SplitMix64). The same in every release: sketches
/// are kept on disk.
pub(crate) const fn hash(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Hashes a text, the same in every release.
pub(crate) fn hash_text(text: &[u8]) -> u64 {
    let mut sum = text.len() as u64;
    for chunk in text.chunks(8) {
        let mut word = [0; 8];
        for (to, from) in word.iter_mut().zip(chunk) {
            *to = *from;
        }
        sum = hash(sum ^ u64::from_le_bytes(word));
    }
    sum
}

impl Who {
    /// The client of that address at that time.
    pub(crate) fn new(address: Option<IpAddr>, at: Timestamp, period_ms: i64) -> Self {
        let (address, network) = match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => {
                let bits = u64::from(u32::from(address));
                // Nobody outside has one of these, so that one client is not several.
                let is_inside = address.is_private() || address.is_loopback();
                (bits, if is_inside { bits << 8 } else { bits >> 8 })
            }
            Some(IpAddr::V6(address)) => {
                let bits = (u128::from(address) >> 64) as u64;
                (bits ^ 0x6_0000_0000, (bits >> 16) ^ 0x6_0000_0000)
            }
            None => (0, 0),
        };
        Self {
            address: hash(address),
            network: hash(network ^ 0x5bd1_e995_0000_0000),
            period: at.as_millis().div_euclid(period_ms.max(1)) as u32,
            is_vouched: false,
        }
    }

    /// The same client's line of that number in a log that somebody vouches for.
    pub(crate) const fn of_line(self, number: u64) -> Self {
        Self {
            address: self.address,
            network: hash(number),
            period: number as u32,
            is_vouched: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_one_network() {
        let of = |text: &str| Who::new(Some(text.parse().unwrap()), Timestamp::from_millis(90), 10);
        let (a, b) = (of("192.0.2.1"), of("192.0.2.200"));
        assert_ne!(a.address, b.address);
        assert_eq!(a.network, b.network);
        assert_eq!(a.period, 9);
        assert_ne!(a.network, of("192.0.3.1").network);
        assert_ne!(of("10.0.2.1").network, of("10.0.2.2").network);
        assert_eq!(of("::ffff:192.0.2.1"), a);
        assert_eq!(of("2001:db8:1:1::1").network, of("2001:db8:1:2::1").network);
        assert_ne!(of("2001:db8:1:1::1").address, of("2001:db8:1:2::1").address);
    }

    #[test]
    fn texts_of_one_length_differ() {
        assert_ne!(hash_text(b"a"), hash_text(b"b"));
        assert_ne!(hash_text(b"a"), hash_text(b"a\0"));
    }
}
