//! Identity: UUIDs of version 7, made from the clock or derived from where a record stands.

use std::fmt;
use std::str::FromStr;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::Timestamp;

/// A UUID of version 7 (RFC 9562): its first 48 bits are a time, so ids sort by when things happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = String, format = "uuid"))]
pub struct Id(Uuid);

/// The text is not a UUID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an id: it should look like 01936b2e-7c2a-7000-8000-000000000000")]
pub struct NotAnId(pub String);

impl Id {
    /// The id that follows from a time and what identifies the thing: the same input, the same id.
    ///
    /// The 74 bits that version 7 leaves to chance are taken from SHA-256 over the parts, each
    /// preceded by its length.
    pub fn derived(at: Timestamp, parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let digest = hash.finalize();
        let mut bits = [0; 10];
        bits.copy_from_slice(&digest.as_slice()[..10]);
        Self::from_parts(at, bits)
    }

    fn from_parts(at: Timestamp, bits: [u8; 10]) -> Self {
        Self(
            uuid::Builder::from_unix_timestamp_millis(at.as_millis().unsigned_abs(), &bits)
                .into_uuid(),
        )
    }

    /// The sixteen bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// From sixteen bytes, as they were stored.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Id {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| NotAnId(text.chars().take(64).collect()))
    }
}

/// Makes ids for what has no identity of its own: connections, messages, token ids.
///
/// Unique within a source by its counter, and across processes by its seed; a fixed seed makes a
/// run repeatable. Not a secret: never use these ids as one.
#[derive(Debug)]
pub struct IdSource {
    seed: [u8; 32],
    made: Mutex<u64>,
}

impl IdSource {
    /// A source whose ids follow from the seed.
    pub const fn new(seed: [u8; 32]) -> Self {
        Self {
            seed,
            made: Mutex::new(0),
        }
    }

    /// The next id.
    pub fn next(&self, at: Timestamp) -> Id {
        let count = {
            let mut made = self.made.lock();
            *made += 1;
            *made
        };
        Id::derived(at, &[&self.seed, &count.to_le_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_ids_repeat_and_sort_by_time() {
        let at = Timestamp::from_millis(1_000);
        let id = Id::derived(at, &[b"a", b"bc"]);
        assert_eq!(id, Id::derived(at, &[b"a", b"bc"]));
        assert_ne!(id, Id::derived(at, &[b"ab", b"c"]));
        assert!(id < Id::derived(Timestamp::from_millis(1_001), &[b"a", b"bc"]));
        assert_eq!(id.0.get_version_num(), 7);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[test]
    fn a_source_never_repeats() {
        let ids = IdSource::new([7; 32]);
        let at = Timestamp::from_millis(5);
        assert_ne!(ids.next(at), ids.next(at));
    }
}
