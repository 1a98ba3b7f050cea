//! A secret with which hashes are made, and the lanes by which addresses are spread over threads.
//!
//! What is saved of tables is keyed by such hashes, so the secret is saved with it: [`crate::state`]. A
//! change of the hash itself needs another [`FORMAT`](crate::state::FORMAT); a test below tells.

use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher as _, RandomState};
use std::net::IpAddr;

use crate::entity;

/// What keeps anybody from making two things one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Secret(pub(crate) u64, pub(crate) u64);

impl Secret {
    /// One that nobody knows.
    pub fn new() -> Self {
        // Each of them has keys that nobody knows.
        let random = || RandomState::new().hash_one(());
        Self(random(), random())
    }

    /// A hasher that has taken the secret in.
    pub(crate) fn hasher(self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        (self.0, self.1).hash(&mut hasher);
        hasher
    }

    pub(crate) fn hash(self, of: impl Hash) -> u64 {
        let mut hasher = self.hasher();
        of.hash(&mut hasher);
        hasher.finish()
    }
}

/// The lane of an address, by which it has its thread: all that is about it goes there, and of IPv6 all
/// that is about its /64.
pub fn lane(address: Option<IpAddr>) -> u16 {
    address.map_or(0, |address| lane_of(entity::client(address)))
}

/// The same by its key.
pub(crate) fn lane_of(client: entity::Client) -> u16 {
    let mut hasher = DefaultHasher::new();
    client.hash(&mut hasher);
    hasher.finish() as u16
}

/// A key that tells its lane, so that what is saved finds its thread again though there are more or fewer
/// of them. What is left of the hash still tells two keys of one lane apart.
pub(crate) const fn in_lane(hash: u64, lane: u16) -> u64 {
    hash & !0xffff | lane as u64
}

/// The lane that a key tells.
pub(crate) const fn told_lane(key: u64) -> u16 {
    key as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_hashed_alike_by_every_build() {
        let found = (Secret(1, 2).hash("a"), lane("192.0.2.1".parse().ok()));
        let expected = (13_690_826_031_951_074_936, 38_828);
        assert_eq!(found, expected, "else what was saved is of another format");
    }

    #[test]
    fn a_key_tells_its_lane() {
        let key = in_lane(0x1234_5678_9abc_def0, 0x4321);
        assert_eq!((key, told_lane(key)), (0x1234_5678_9abc_4321, 0x4321));
    }
}
