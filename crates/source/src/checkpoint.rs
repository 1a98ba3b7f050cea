//! What a tailer writes into a checkpoint, and reads back from it.
//!
//! Owns: the marks of files and their JSON. Never holds: open files, paths: a file is found again
//! by what it is, not by what it is called.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};
use vigil_event::Checkpoint;

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
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers and text are always JSON")
    }

    pub(crate) fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// How one checkpoint of a source stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// At the same place.
    Here,
    /// So many bytes before it, in the same files.
    Before(u64),
    /// Behind it, in the same files: beyond this offset in one of them.
    Behind(u64),
    /// In other files: there was a rotation between them, or one is no checkpoint.
    Elsewhere,
}

/// How `one` stands to `other`.
pub fn stands(one: &Checkpoint, other: &Checkpoint) -> Stands {
    let read = |checkpoint: &Checkpoint| State::from_json(&checkpoint.state).ok();
    let (Some(one), Some(other)) = (read(one), read(other)) else {
        return Stands::Elsewhere;
    };
    let files = |marks: &[Mark]| -> Vec<_> {
        let file = |mark: &Mark| (mark.inode, mark.generation);
        marks.iter().map(file).collect()
    };
    if files(&one.files) != files(&other.files) || files(&one.past) != files(&other.past) {
        return Stands::Elsewhere;
    }
    let mut before = 0;
    for (mark, of_other) in one.files.iter().zip(&other.files) {
        match of_other.offset.checked_sub(mark.offset) {
            Some(bytes) => before += bytes,
            None => return Stands::Behind(of_other.offset),
        }
    }
    if before == 0 {
        Stands::Here
    } else {
        Stands::Before(before)
    }
}

#[cfg(test)]
mod tests {
    use vigil_event::SourceId;

    use super::*;

    #[test]
    fn checkpoints_are_compared_within_the_same_files() {
        let mark = |inode, offset| Mark {
            inode,
            generation: 0,
            fingerprint: None,
            offset,
            tail: Digest::of(b""),
            modified_ns: 0,
            skipping: false,
            deleted: false,
        };
        let at = |files: &[Mark]| Checkpoint {
            source: SourceId::new("/a"),
            state: State {
                files: files.to_vec(),
                ..State::default()
            }
            .to_json(),
        };
        let nowhere = Checkpoint {
            source: SourceId::new("/a"),
            state: String::new(),
        };
        for (one, other, expected) in [
            (at(&[mark(1, 5)]), at(&[mark(1, 5)]), Stands::Here),
            (at(&[mark(1, 5)]), at(&[mark(1, 9)]), Stands::Before(4)),
            (at(&[mark(1, 9)]), at(&[mark(1, 5)]), Stands::Behind(5)),
            (at(&[mark(1, 5)]), at(&[mark(2, 9)]), Stands::Elsewhere),
            (
                at(&[mark(1, 5)]),
                at(&[mark(1, 9), mark(2, 1)]),
                Stands::Elsewhere,
            ),
            (at(&[mark(1, 5)]), nowhere, Stands::Elsewhere),
        ] {
            assert_eq!(stands(&one, &other), expected, "{one:?} {other:?}");
        }
    }

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
