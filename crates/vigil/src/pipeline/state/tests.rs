//! What a thread hands over, and where reading begins.

use crossbeam_channel::bounded;
use vigil_detect::state::{Next, Part, Slice};

use super::restore::{Logs, positions};
use super::{Piece, Save, Saver, Step};
use crate::pipeline::read_to as at;

fn slice() -> Next {
    Next::Slice(Slice {
        part: Part {
            name: "windows".to_owned(),
            identity: 1,
        },
        keys: 1,
        bytes: vec![1],
    })
}

#[test]
fn what_finds_no_room_waits_and_nothing_is_lost() {
    let (to, pieces) = bounded(2);
    let mut saver = Saver::of_all(Save { to }, Vec::new());
    assert_eq!(saver.step(slice), Step::Worked);
    assert!(matches!(pieces.recv(), Ok(Piece::Stored(_))), "it is first");
    assert_eq!(saver.step(slice), Step::Worked);
    assert_eq!(saver.step(slice), Step::Worked);
    assert_eq!(saver.step(|| Next::All), Step::Waits);
    let never = || unreachable!("what waits comes first");
    assert_eq!(saver.step(never), Step::Waits);
    assert!(matches!(pieces.recv(), Ok(Piece::Slice(None, _))));
    assert_eq!(saver.step(never), Step::Ended);
    assert!(matches!(pieces.recv(), Ok(Piece::Slice(None, _))));
    assert!(matches!(pieces.recv(), Ok(Piece::All)));
}

#[test]
fn it_ends_where_nobody_listens_and_where_it_cannot_go_on() {
    let (to, pieces) = bounded(1);
    let mut saver = Saver::of_thread(Save { to }, 3);
    assert_eq!(saver.step(|| Next::Stopped), Step::Ended);
    assert!(matches!(pieces.recv(), Ok(Piece::Stopped)));
    drop(pieces);
    assert_eq!(saver.step(slice), Step::Ended);
    saver.finish(slice);
}

/// Every log but `/gone` can be read on, and of that nobody has heard for long.
const LOGS: Logs<'_> = Logs {
    can_go_on: &|position| position.source.as_str() != "/gone",
    is_over: &|position| position.source.as_str() == "/gone",
};

#[test]
fn reading_begins_where_the_state_stands_if_that_can_be_read_again() {
    let far = 1 << 40;
    for (of_state, stored, begin) in [
        (at("/a", 1, 50), at("/a", 1, 90), Some(at("/a", 1, 50))),
        (at("/a", 1, 90), at("/a", 1, 90), Some(at("/a", 1, 90))),
        // What was rotated since is not there any more.
        (
            at("/gone", 1, 50),
            at("/gone", 1, 90),
            Some(at("/gone", 1, 90)),
        ),
        // It has become another.
        (at("/a", 1, 50), at("/a", 2, 10), Some(at("/a", 2, 10))),
        // Too much was read since.
        (at("/a", 1, 50), at("/a", 1, far), Some(at("/a", 1, far))),
        // The database is an older one, or another.
        (at("/a", 1, 91), at("/a", 1, 90), None),
        (at("/b", 1, 50), at("/a", 1, 90), None),
    ] {
        let found = positions(
            std::slice::from_ref(&of_state),
            std::slice::from_ref(&stored),
            &LOGS,
        );
        assert_eq!(
            found.ok(),
            begin.map(|one| vec![one]),
            "{of_state:?} {stored:?}"
        );
    }
    let stored = [at("/a", 1, 90), at("/c", 3, 7)];
    let found = positions(&[at("/a", 1, 80), at("/gone", 1, 5)], &stored, &LOGS).unwrap();
    assert_eq!(found, [at("/a", 1, 80), at("/c", 3, 7)]);
}
