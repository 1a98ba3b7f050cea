//! Rooms: kept as they are, with an epoch that can be believed.

use std::sync::Arc;

use vigil_event::{Id, Kind, Publication, Severity, Timestamp};

use super::sample::NOON;
use super::{Place, deaf};
use crate::{Room, Store};

fn said(channel: &str, offset: u64) -> (u64, Publication) {
    let at = NOON.plus_millis(offset.cast_signed());
    let publication = Publication {
        channel: Arc::from(channel),
        kind: Kind::ChatMessage,
        id: Id::derived(at, &[channel.as_bytes()]),
        timestamp: at,
        severity: Severity::Informational,
        data: format!(r#"{{"message":"{offset} ü"}}"#).into(),
    };
    (offset, publication)
}

fn room(channel: &str, epoch: &str, first: u64, offsets: std::ops::Range<u64>) -> Room {
    Room {
        channel: Arc::from(channel),
        epoch: Arc::from(epoch),
        owner: None,
        first,
        swept_to: 0,
        next_offset: offsets.end,
        publications: offsets.map(|offset| said(channel, offset)).collect(),
    }
}

fn kept(store: &dyn Store) -> Vec<Room> {
    store.rooms().expect("a list")
}

pub(super) fn rooms_come_back_as_they_were(place: &dyn Place) {
    let store = place.open(deaf());
    let keep = |rooms: &[Room]| store.keep_rooms(rooms).expect("kept");
    keep(&[room("chat:1", "e1", 1, 1..4), room("chat:2", "e1", 1, 1..2)]);
    let annas = |first, offsets| Room {
        owner: Some(Arc::from("anna")),
        ..room("chat:1", "e1", first, offsets)
    };
    keep(&[annas(3, 4..6)]);
    // What is told twice is kept once.
    keep(&[annas(3, 4..6)]);
    store.close_rooms().expect("closed");
    drop(store);
    let store = place.open(deaf());
    let whole = [annas(3, 3..6), room("chat:2", "e1", 1, 1..2)];
    assert_eq!(kept(&*store), whole);
    store
        .keep_rooms(&[room("chat:1", "e2", 1, 1..3)])
        .expect("kept");
    assert_eq!(kept(&*store)[0], room("chat:1", "e2", 1, 1..3));
}

pub(super) fn what_was_swept_out_of_a_room_is_gone(place: &dyn Place) {
    let store = place.open(deaf());
    let mut all = room("chat:1", "e1", 1, 1..7);
    for (offset, publication) in &mut all.publications {
        publication.kind = match *offset {
            2..=4 | 6 => Kind::PresenceJoin,
            _ => Kind::ChatMessage,
        };
        if *offset == 3 {
            publication.severity = Severity::High;
        }
    }
    store.keep_rooms(&[all]).expect("kept");
    let more = Room {
        swept_to: 4,
        ..room("chat:1", "e1", 1, 7..8)
    };
    store.keep_rooms(&[more]).expect("kept");
    let kept = kept(&*store);
    let offsets = kept[0].publications.iter().map(|(offset, _)| *offset);
    assert_eq!(offsets.collect::<Vec<_>>(), [1, 3, 5, 6, 7]);
    assert_eq!((kept[0].first, kept[0].next_offset), (1, 8));
}

pub(super) fn rooms_that_may_lack_something_have_another_epoch(place: &dyn Place) {
    let store = place.open(deaf());
    store
        .keep_rooms(&[room("chat:1", "e1", 1, 1..4)])
        .expect("kept");
    drop(store);
    let store = place.open(deaf());
    let all = kept(&*store);
    assert_ne!(&*all[0].epoch, "e1");
    assert_eq!(
        all[0].publications,
        room("chat:1", "e1", 1, 1..4).publications
    );
}

pub(super) fn rooms_are_forgotten_by_namespace_and_age(place: &dyn Place) {
    let store = place.open(deaf());
    let rooms = [
        room("chat:1", "e1", 1, 1..4),
        room("chat:2", "e1", 7, 7..9),
        room("chatter:1", "e1", 1, 1..4),
    ];
    store.keep_rooms(&rooms).expect("kept");
    let forget = |before: Timestamp| store.forget_rooms("chat", before).expect("forgotten");
    forget(NOON.plus_millis(3));
    let names = || {
        let all = kept(&*store);
        let told = all
            .iter()
            .map(|room| format!("{}@{}", room.channel, room.first));
        told.collect::<Vec<_>>()
    };
    assert_eq!(names(), ["chat:1@3", "chat:2@7", "chatter:1@1"]);
    forget(NOON.plus_millis(8));
    assert_eq!(names(), ["chat:2@8", "chatter:1@1"]);
}
