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

    fn at(past: &[Mark], files: &[Mark]) -> Checkpoint {
        let state = State {
            files: files.to_vec(),
            past: past.to_vec(),
            ..State::default()
        };
        checkpoint("/a", &state)
    }

    #[test]
    fn checkpoints_are_compared_over_rotations() {
        let (a, b, c) = (
            |offset| mark(1, offset),
            |offset| mark(2, offset),
            |offset| mark(3, offset),
        );
        let rewritten = Mark {
            generation: 1,
            ..a(5)
        };
        let other_head = |text: &[u8]| Mark {
            fingerprint: Some(Digest::of(text)),
            ..a(5)
        };
        let opposite = |stands| match stands {
            Stands::Before(_) => "behind",
            Stands::Behind(_) => "before",
            _ => "neither",
        };
        for (one, other, expected, turned) in [
            (at(&[], &[a(5)]), at(&[], &[a(5)]), Stands::Here, "neither"),
            (
                at(&[], &[a(5)]),
                at(&[], &[a(9)]),
                Stands::Before(4),
                "behind",
            ),
            // It was rotated, and is read on in the file that took its name; or was finished.
            (
                at(&[], &[a(5)]),
                at(&[], &[a(9), b(3)]),
                Stands::Before(7),
                "behind",
            ),
            (
                at(&[], &[a(5)]),
                at(&[a(9)], &[b(3)]),
                Stands::Before(7),
                "behind",
            ),
            (
                at(&[], &[a(5)]),
                at(&[a(9), b(3)], &[c(1)]),
                Stands::Before(8),
                "behind",
            ),
            (
                at(&[], &[a(9), b(0)]),
                at(&[a(9)], &[b(3)]),
                Stands::Before(3),
                "behind",
            ),
            (at(&[], &[a(9)]), at(&[a(9)], &[]), Stands::Here, "neither"),
            (
                at(&[], &[a(9)]),
                at(&[a(9), b(3)], &[c(0)]),
                Stands::Before(3),
                "behind",
            ),
            (at(&[], &[]), at(&[], &[b(3)]), Stands::Before(3), "behind"),
            // What was finished first is forgotten in time.
            (
                at(&[a(9)], &[b(1)]),
                at(&[b(3)], &[c(1)]),
                Stands::Before(3),
                "behind",
            ),
            (
                at(&[a(9)], &[b(0)]),
                at(&[], &[a(9)]),
                Stands::Here,
                "neither",
            ),
            // Of one file it has more, of another less.
            (
                at(&[], &[a(9)]),
                at(&[], &[a(5), b(1)]),
                Stands::Behind(5),
                "before",
            ),
            // What it stands in is not known there any more, or is other content by now.
            (
                at(&[], &[a(5)]),
                at(&[], &[b(9)]),
                Stands::Elsewhere,
                "neither",
            ),
            (
                at(&[], &[a(5)]),
                at(&[], &[rewritten]),
                Stands::Elsewhere,
                "neither",
            ),
            (
                at(&[], &[other_head(b"x")]),
                at(&[], &[other_head(b"y")]),
                Stands::Elsewhere,
                "neither",
            ),
        ] {
            assert_eq!(stands(&one, &other), expected, "{one:?} {other:?}");
            if turned != "before" {
                assert_eq!(opposite(stands(&one, &other)), turned);
            }
        }
        assert_eq!(
            stands(&at(&[], &[a(9)]), &at(&[], &[a(5)])),
            Stands::Behind(5)
        );
        assert_eq!(
            stands(&at(&[a(9)], &[b(4)]), &at(&[], &[a(9)])),
            Stands::Behind(0)
        );
        let nowhere = Checkpoint {
            source: SourceId::new("/a"),
            state: String::new(),
        };
        assert_eq!(stands(&at(&[], &[a(5)]), &nowhere), Stands::Elsewhere);
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
