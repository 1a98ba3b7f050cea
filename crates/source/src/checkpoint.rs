//! What a tailer writes into a checkpoint, and reads back from it.
//!
//! Owns: the marks of files and their JSON. Never holds: open files, paths: a file is found again
//! by what it is, not by what it is called.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

/// The first 8 bytes of a SHA-256: enough to tell log files apart, short enough to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Digest(u64);

impl Digest {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let hash = Sha256::digest(bytes);
        Self(
            hash.iter()
                .take(8)
                .fold(0, |value, byte| value << 8 | u64::from(*byte)),
        )
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16)
            .map(Self)
            .map_err(de::Error::custom)
    }
}

/// Where reading of one generation of a file stands.
///
/// `inode`, `generation` and `fingerprint` name the generation; `tail` proves that what stands
/// before `offset` is what was read there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) inode: u64,
    /// Counts up each time the inode is seen with other content (rewritten or used again).
    pub(crate) generation: u64,
    /// Of the first line; none while there is no complete one.
    pub(crate) fingerprint: Option<Digest>,
    pub(crate) offset: u64,
    /// Of the last bytes before the offset.
    pub(crate) tail: Digest,
    /// When the file was last written to, in nanoseconds since the epoch.
    pub(crate) modified_ns: i64,
    /// The offset stands inside a line whose rest is passed over.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) skipping: bool,
    /// The file was seen deleted: what has its inode later is another file.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) deleted: bool,
}

impl Mark {
    /// Whether both stand in the same content of the same file.
    pub(crate) fn is_in_file_of(&self, other: &Self) -> bool {
        let heads = self.fingerprint.zip(other.fingerprint);
        (self.inode, self.generation) == (other.inode, other.generation)
            && heads.is_none_or(|(one, other)| one == other)
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

/// Everything a checkpoint says about one tailed name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// The files being read, oldest first; empty when there was none at the time.
    pub(crate) files: Vec<Mark>,
    /// The last files that were read to their end: not to be read again should they return.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) past: Vec<Mark>,
    /// Where no file is open: rotated files that were written to since then, in nanoseconds since
    /// the epoch, were never read.
    pub(crate) since_ns: i64,
}

impl State {
    /// Every file that it knows of.
    pub(crate) fn marks(&self) -> impl Iterator<Item = &Mark> {
        self.past.iter().chain(&self.files)
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and text are always JSON")
    }

    pub(crate) fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_from_its_json() {
        let mark = Mark {
            inode: u64::MAX,
            generation: 2,
            fingerprint: Some(Digest::of(b"first")),
            offset: 77,
            tail: Digest::of(b"last"),
            modified_ns: 1_700_000_000_000_000_001,
            skipping: true,
            deleted: false,
        };
        let past = Mark {
            fingerprint: None,
            deleted: true,
            skipping: false,
            ..mark.clone()
        };
        let state = State {
            files: vec![mark],
            past: vec![past],
            since_ns: -1,
        };
        assert_eq!(State::from_json(&state.to_json()).unwrap(), state);
        assert_eq!(
            State::from_json(r#"{"files":[],"since_ns":0}"#).unwrap(),
            State::default()
        );
    }

    #[test]
    fn what_is_no_state_is_refused() {
        for text in [
            "",
            "{}",
            "[]",
            r#"{"files":[{"inode":1}]}"#,
            r#"{"files":[{"tail":"zz"}]}"#,
        ] {
            assert!(State::from_json(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_digest_is_the_head_of_a_sha256() {
        assert_eq!(Digest::of(b"abc").to_string(), "ba7816bf8f01cfea");
    }
}
