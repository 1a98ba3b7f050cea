//! How checkpoints stand to one another, and to the files that there are.
//!
//! Owns: which of two is further, over rotations; whether reading can go on at one; when one is of no
//! more use. Never holds: where checkpoints are kept.

use std::io::ErrorKind;
use std::path::Path;

use vigil_event::{Checkpoint, Timestamp};

use crate::checkpoint::{Mark, State};
use crate::generation::Generation;
use crate::rotation;

/// So many milliseconds after it was last written to, 30 days, a log that is gone is forgotten: by then what
/// rotates logs has commonly deleted what was left of it.
const REMEMBERED_MS: i64 = 30 * 86_400_000;

/// How one checkpoint of a source stands to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// At the same place.
    Here,
    /// So many bytes before it.
    Before(u64),
    /// Behind it: beyond this offset in one of its files.
    Behind(u64),
    /// Neither knows the files of the other, or one is no checkpoint.
    Elsewhere,
}

/// How `one` stands to `other`.
pub fn stands(one: &Checkpoint, other: &Checkpoint) -> Stands {
    let (Some(one), Some(other)) = (state(one), state(other)) else {
        return Stands::Elsewhere;
    };
    let (Some(mut before), Some(behind)) = (came_since(&other, &one), came_since(&one, &other))
    else {
        return Stands::Elsewhere;
    };
    if before > 0 && behind > 0 {
        return Stands::Elsewhere;
    }
    for mark in one.marks() {
        let known = other.marks().find(|known| known.is_in_file_of(mark));
        match known.map(|known| (known.offset, known.offset.checked_sub(mark.offset))) {
            Some((_, Some(bytes))) => before += bytes,
            Some((offset, None)) => return Stands::Behind(offset),
            None => {}
        }
    }
    match (before, behind) {
        (0, 0) => Stands::Here,
        (_, 0) => Stands::Before(before),
        _ => Stands::Behind(0),
    }
}

/// How much was read of the files that came since `earlier`; none where the two have no file in common.
/// What `earlier` does not know before the first that it knows, it has forgotten.
fn came_since(later: &State, earlier: &State) -> Option<u64> {
    let is_known = |mark: &&Mark| earlier.marks().any(|known| known.is_in_file_of(mark));
    let begins_empty = earlier.marks().next().is_none();
    let mut since = later
        .marks()
        .skip_while(|mark| !begins_empty && !is_known(mark))
        .peekable();
    if since.peek().is_none() && later.marks().next().is_some() {
        return None;
    }
    Some(
        since
            .filter(|mark| !is_known(mark))
            .map(|mark| mark.offset)
            .sum(),
    )
}

/// Whether reading can go on there: each file of it is still there, whatever it is called.
pub fn can_go_on(checkpoint: &Checkpoint) -> bool {
    let places = rotation::places(Path::new(checkpoint.source.as_str()));
    let is_there = |mark: &Mark| {
        let found = rotation::find(&places, mark, |_| false);
        found.is_some_and(|file: Generation| !file.is_copy())
    };
    state(checkpoint).is_some_and(|state| state.files.iter().all(is_there))
}

/// Whether the log is gone for so long that nobody needs to know where it stands.
pub fn is_over(checkpoint: &Checkpoint, now: Timestamp) -> bool {
    let Some(state) = state(checkpoint) else {
        return false;
    };
    let written = state.files.iter().map(|mark| mark.modified_ns);
    let written_ms = written.fold(state.since_ns, i64::max) / 1_000_000;
    let path = checkpoint.source.as_str();
    // Of a path that is not UTF-8 the bytes are escaped: it cannot be looked for.
    now.as_millis().saturating_sub(written_ms) > REMEMBERED_MS
        && !path.contains('\\')
        && std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

fn state(checkpoint: &Checkpoint) -> Option<State> {
    State::from_json(&checkpoint.state).ok()
}

#[cfg(test)]
mod tests {
    use vigil_event::SourceId;

    use super::*;
    use crate::checkpoint::Digest;

    fn mark(inode: u64, offset: u64) -> Mark {
        Mark {
            inode,
            generation: 0,
            fingerprint: None,
            offset,
            tail: Digest::of(b""),
            modified_ns: 0,
            skipping: false,
            deleted: false,
        }
    }

    fn checkpoint(path: &str, state: &State) -> Checkpoint {
        Checkpoint {
            source: SourceId::new(path),
            state: state.to_json(),
        }
    }

    /// A checkpoint told as `a9 | b3`: the file `a` was finished at 9, `b` is read up to 3.
    fn at(told: &str) -> Checkpoint {
        let (past, files) = told.split_once('|').unwrap();
        let marks = |told: &str| -> Vec<Mark> {
            let one = |word: &str| {
                let (file, offset) = word.split_at(1);
                mark(u64::from(file.as_bytes()[0]), offset.parse().unwrap())
            };
            told.split_whitespace().map(one).collect()
        };
        let state = State {
            files: marks(files),
            past: marks(past),
            ..State::default()
        };
        checkpoint("/a", &state)
    }

    #[test]
    fn checkpoints_are_compared_over_rotations() {
        use Stands::{Before, Behind, Elsewhere, Here};
        for (one, other, expected, turned) in [
            ("| a5", "| a5", Here, Here),
            ("| a5", "| a9", Before(4), Behind(5)),
            // It was rotated, and is read on in the file that took its name; or was finished.
            ("| a5", "| a9 b3", Before(7), Behind(5)),
            ("| a5", "a9 | b3", Before(7), Behind(5)),
            ("| a5", "a9 b3 | c1", Before(8), Behind(5)),
            ("| a9 b0", "a9 | b3", Before(3), Behind(0)),
            ("| a9", "a9 |", Here, Here),
            ("a9 | b0", "| a9", Here, Here),
            ("| a9", "a9 b3 | c0", Before(3), Behind(0)),
            ("|", "| b3", Before(3), Behind(0)),
            ("| a9", "a9 | b4", Before(4), Behind(0)),
            // What was finished first is forgotten in time.
            ("a9 | b1", "b3 | c1", Before(3), Behind(1)),
            // Of one file it has more, of another less.
            ("| a9", "| a5 b1", Behind(5), Behind(0)),
            // What it stands in is not known there any more.
            ("| a5", "| b9", Elsewhere, Elsewhere),
        ] {
            let (one, other) = (at(one), at(other));
            assert_eq!(stands(&one, &other), expected, "{one:?} {other:?}");
            assert_eq!(stands(&other, &one), turned, "{other:?} {one:?}");
        }
    }

    #[test]
    fn other_content_is_another_file() {
        let of = |mark: Mark| {
            let state = State {
                files: vec![mark],
                ..State::default()
            };
            checkpoint("/a", &state)
        };
        let headed = |head: &[u8]| Mark {
            fingerprint: Some(Digest::of(head)),
            ..mark(1, 5)
        };
        let rewritten = Mark {
            generation: 1,
            ..mark(1, 5)
        };
        for (one, other, expected) in [
            (mark(1, 5), rewritten, Stands::Elsewhere),
            (headed(b"x"), headed(b"y"), Stands::Elsewhere),
            (headed(b"x"), headed(b"x"), Stands::Here),
            // It had no first line yet.
            (mark(1, 0), headed(b"x"), Stands::Before(5)),
        ] {
            assert_eq!(stands(&of(one), &of(other)), expected);
        }
        let nowhere = Checkpoint {
            source: SourceId::new("/a"),
            state: String::new(),
        };
        assert_eq!(stands(&at("| a5"), &nowhere), Stands::Elsewhere);
    }

    #[test]
    fn a_log_is_over_once_it_is_gone_for_long() {
        let directory = tempfile::tempdir().unwrap();
        let (there, gone) = (
            directory.path().join("a.log"),
            directory.path().join("b.log"),
        );
        std::fs::write(&there, "x").unwrap();
        let day = 86_400_000;
        let now = Timestamp::from_millis(100 * day);
        for (path, days, expected) in [
            (&gone, 31, true),
            (&gone, 29, false),
            (&there, 31, false),
            (&directory.path().join("b\\xff.log"), 31, false),
            (&directory.path().join("no/b.log"), 31, true),
        ] {
            let state = State {
                files: vec![Mark {
                    modified_ns: (100 - days) * day * 1_000_000,
                    ..mark(1, 5)
                }],
                past: Vec::new(),
                since_ns: i64::MIN,
            };
            let path = path.to_str().unwrap();
            assert_eq!(
                is_over(&checkpoint(path, &state), now),
                expected,
                "{path} {days}"
            );
        }
        let none = Checkpoint {
            source: SourceId::new("/gone"),
            state: String::new(),
        };
        assert!(!is_over(&none, now));
    }
}
