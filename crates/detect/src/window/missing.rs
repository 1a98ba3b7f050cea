//! Paths that are not there and that many ask for.
//!
//! *What.* Of each path that is not there, from which networks it was asked for of late. *Input.* Answers
//! that say so. *Output.* Whether [`MANY`] others asked before: then something leads there that the log does
//! not show, such as an app of which a part is gone, and it says less about who asks. *Limits.* [`PATHS`],
//! of which those that are asked for seldom make room; a day after the last one asked a path is forgotten.
//! What one thread has seen is not saved: after a restart the first few are taken for what they look like.

use std::net::IpAddr;

use crate::entity;
use crate::profile::{hash, hash_text};
use crate::table::Table;

/// So many networks have asked for what many ask for.
const MANY: usize = 4;
/// So many paths are known at once.
const PATHS: usize = 16_384;
const LIFETIME_MS: i64 = 86_400_000;

/// The paths, with marks of the networks that asked for each.
#[derive(Debug)]
pub(super) struct Missing(Table<u64, [u16; MANY]>);

impl Missing {
    pub(super) fn new() -> Self {
        Self(Table::new(PATHS, LIFETIME_MS))
    }

    /// Notes that an address asked; whether many others have before.
    pub(super) fn is_asked_by_many(&mut self, path: &[u8], address: IpAddr, at: i64) -> bool {
        let known = self.0.entry(hash_text(path), at, || [0; MANY]);
        let mark = (hash(entity::network_key(address)) as u16).max(1);
        if known.value.contains(&mark) {
            return false;
        }
        match known.value.iter_mut().find(|free| **free == 0) {
            Some(free) => {
                *free = mark;
                false
            }
            None => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_others_of_several_networks() {
        let mut missing = Missing::new();
        let mut asks = |address: &str| {
            let address = address.parse().unwrap();
            missing.is_asked_by_many(b"/gone", address, 0)
        };
        for n in 0..100 {
            assert!(!asks(&format!("192.0.2.{n}")));
            assert!(!asks(&format!("2001:db8::{n}")));
        }
        assert!(!asks("198.51.100.1"));
        assert!(!asks("203.0.113.1"));
        assert!(asks("203.0.114.1"));
        assert!(!asks("203.0.113.2"), "it is one of the four");
    }
}
