//! What a thread hands over, and where reading begins.

use crossbeam_channel::bounded;
use vigil_detect::state::{Next, Part, Slice};

use super::restore::positions;
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

#[test]
fn reading_begins_where_the_state_stands_if_that_can_be_read_again() {
    let far = 1 << 40;
    for (of_state, stored, begin) in [
        (at("/a", 1, 50), at("/a", 1, 90), Some(at("/a", 1, 50))),
        (at("/a", 1, 90), at("/a", 1, 90), Some(at("/a", 1, 90))),
        // It was rotated since.
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
        );
        assert_eq!(
            found.ok(),
            begin.map(|one| vec![one]),
            "{of_state:?} {stored:?}"
        );
    }
    let stored = [at("/a", 1, 90), at("/c", 3, 7)];
    let found = positions(&[at("/a", 1, 80)], &stored).unwrap();
    assert_eq!(found, [at("/a", 1, 80), at("/c", 3, 7)]);
}
