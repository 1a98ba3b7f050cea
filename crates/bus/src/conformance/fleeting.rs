//! What tells of a moment only makes room for its like, and what is missing of it is told.

use vigil_event::{Kind, Publication, Severity, SeverityCounts};

use super::{CHANNEL, numbered, offsets};
use crate::{Bus, Missed};

const ROOM: &str = "chat:1";

fn fleeting(number: u64) -> Publication {
    Publication {
        channel: ROOM.into(),
        kind: Kind::PresenceJoin,
        severity: Severity::Informational,
        ..numbered(number)
    }
}

fn lasting(number: u64) -> Publication {
    Publication {
        channel: ROOM.into(),
        ..numbered(number)
    }
}

fn informational(count: u64) -> SeverityCounts {
    let mut counts = SeverityCounts::default();
    counts.add(Severity::Informational, count);
    counts
}

/// With room for four items.
pub(super) fn makes_room_for_its_like_only(bus: &dyn Bus) {
    bus.publish(lasting(1));
    bus.publish(fleeting(2));
    bus.publish(lasting(3));
    for number in 4..=7 {
        bus.publish(fleeting(number));
    }
    // The fifth that is fleeting was too much: of them the newest two are left.
    let read = bus.read(ROOM, 0, 100);
    assert_eq!((offsets(&read), read.missed), (vec![1], None));
    assert_eq!((read.lasting, read.swept_to, read.first), (2, 5, 1));
    let read = bus.read(ROOM, 1, 100);
    let hole = |from, to| Missed {
        from,
        to,
        by_severity: Some(informational(to + 1 - from)),
    };
    assert_eq!((offsets(&read), read.missed), (vec![3], Some(hole(2, 2))));
    let read = bus.read(ROOM, 4, 100);
    assert_eq!(
        (offsets(&read), read.missed),
        (vec![6, 7], Some(hole(5, 5)))
    );
    assert_eq!(offsets(&bus.read(ROOM, 6, 100)), [7]);
    assert_eq!(bus.last(ROOM, 1), 2, "what is fleeting does not count");
    assert_eq!(bus.last(ROOM, 0), 7);
    assert_eq!(bus.last(ROOM, 9), 0);
    // What lasts pushes out what is older, and the hole behind it is remembered.
    for number in 8..=10 {
        bus.publish(lasting(number));
    }
    let read = bus.read(ROOM, 0, 100);
    let mut gone = informational(1);
    gone.add(super::severity_of(1), 1);
    let gone = Missed {
        from: 1,
        to: 2,
        by_severity: Some(gone),
    };
    assert_eq!((offsets(&read), read.missed), (vec![3], Some(gone)));
    let read = bus.read(ROOM, 3, 100);
    assert_eq!(
        (offsets(&read), read.missed),
        (vec![6, 7, 8, 9, 10], Some(hole(4, 5)))
    );
}

/// With room for 40,000 bytes: however long it is, it pushes out nothing that lasts.
pub(super) fn has_bytes_of_its_own(bus: &dyn Bus) {
    (1..=3).for_each(|number| {
        bus.publish(lasting(number));
    });
    for number in 4..=60 {
        bus.publish(Publication {
            data: vec![b'1'; 1_000].into(),
            ..fleeting(number)
        });
    }
    let read = bus.read(ROOM, 0, 100);
    assert_eq!((offsets(&read), read.lasting), (vec![1, 2, 3], 3));
    let read = bus.read(ROOM, 3, 100);
    let missed = read.missed.expect("the older ones");
    assert_eq!((missed.from, missed.to), (4, read.swept_to));
    assert_eq!(missed.by_severity, Some(informational(missed.count())));
    assert_eq!(offsets(&read).last(), Some(&60));
    let status = &bus.channels()[0];
    assert!(status.bytes <= 50_000, "{status:?}");
}

/// A channel in which nobody said anything that lasts makes room; with room for three.
pub(super) fn a_channel_of_nothing_else_makes_room(bus: &dyn Bus) {
    bus.publish(Publication {
        channel: CHANNEL.into(),
        ..fleeting(1)
    });
    bus.publish(lasting(1));
    for number in 0..10 {
        let said = bus.publish(Publication {
            channel: format!("chat:a{number}").into(),
            ..fleeting(1)
        });
        assert_eq!(said.offset, 1);
    }
    assert_eq!(bus.refused(), 0);
    assert_eq!(offsets(&bus.read(ROOM, 0, 9)), [1]);
}
