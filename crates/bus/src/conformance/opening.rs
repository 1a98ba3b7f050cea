//! Channels that are opened: told, found in their order, and bounded for each who opens them.

use std::sync::Arc;

use vigil_event::{Clock, Kind, Publication, Severity, Timestamp};

use super::{StoppedClock, publication, with};
use crate::{Bus, LogLimits};

fn said(channel: &str, number: u64) -> Publication {
    publication(channel, number, Severity::Low, Timestamp::from_millis(1))
}

pub(super) fn suite<B: Bus>(open: &impl Fn(LogLimits, Arc<dyn Clock>) -> B) {
    is_told(&with(open, LogLimits::default()));
    let two = LogLimits {
        max_channels: 2,
        ..LogLimits::default()
    };
    is_in_order(&with(open, two));
    is_bounded_for_each_owner(open);
    is_bounded_for_many_at_once(open);
}

fn is_told(bus: &impl Bus) {
    let mut opened = bus.opened();
    bus.publish(said("chat:1", 1));
    assert!(opened.has_changed().is_ok_and(|changed| changed));
    opened.borrow_and_update();
    bus.publish(said("chat:1", 2));
    assert!(
        opened.has_changed().is_ok_and(|changed| !changed),
        "it was open"
    );
    bus.publish(said("chats", 1));
    assert!(opened.has_changed().is_ok_and(|changed| changed));
    assert_eq!(bus.names("chat:", 0..=u64::MAX), [Arc::from("chat:1")]);
}

/// With room for two channels.
fn is_in_order(bus: &impl Bus) {
    let newest = || *bus.opened().borrow();
    let names = |numbers| -> Vec<String> {
        let names = bus.names("", numbers);
        names.iter().map(ToString::to_string).collect()
    };
    bus.head("z");
    bus.publish(said("a", 1));
    assert_eq!(names(0..=newest()), ["z", "a"]);
    assert_eq!(names(newest()..=newest()), ["a"]);
    assert!(names(newest() + 1..=u64::MAX).is_empty());
    assert!(names(newest() + 1..=newest()).is_empty());
    bus.head("m");
    assert_eq!(names(0..=u64::MAX), ["a", "m"], "one made room");
    bus.head("z");
    assert_eq!(names(newest()..=u64::MAX), ["z"], "it was opened again");
}

/// Nobody has more rooms than that; one in which nothing lasts is whose it was first said something in.
fn is_bounded_for_each_owner<B: Bus>(open: &impl Fn(LogLimits, Arc<dyn Clock>) -> B) {
    let clock = Arc::new(StoppedClock::default());
    let limits = LogLimits {
        max_rooms_of_owner: 2,
        max_age_ms: Some(5_000),
        ..LogLimits::default()
    };
    let bus = open(limits, clock.clone());
    let say = |owner: &str, channel: &str| {
        let said = publication(channel, 1, Severity::Low, clock.now());
        let position = bus.publish_of(owner, said);
        assert!(position.as_ref().is_none_or(|position| position.offset > 0));
        position.is_some()
    };
    let is_of = |owner: &str, channel| bus.owner(channel).as_deref() == Some(owner);
    // Who comes in and is told of makes no room somebody's.
    bus.publish(Publication {
        kind: Kind::PresenceJoin,
        ..publication("chat:1", 1, Severity::Informational, clock.now())
    });
    assert!(say("anna", "chat:1") && say("anna", "chat:2"));
    let opened = *bus.opened().borrow();
    assert!(!say("anna", "chat:3"), "she has two");
    assert_eq!(*bus.opened().borrow(), opened, "nobody is told of a third");
    assert!(
        say("anna", "chat:2") && say("anna", "network"),
        "no new room"
    );
    assert!(say("ben", "chat:3") && say("anna", "chat:3"), "it is his");
    assert!(is_of("ben", "chat:3") && bus.owner("network").is_none());
    clock.advance(10_000);
    assert!(say("anna", "chat:4"), "what was said in hers is forgotten");
    assert!(say("anna", "chat:5") && !say("anna", "chat:6"));
    // As a store kept it: theirs, even beyond what they may have.
    bus.publish(publication("chat:7", 1, Severity::Low, clock.now()));
    assert!(bus.owner("chat:7").is_none());
    bus.give("chat:7", "anna");
    assert!(is_of("anna", "chat:7") && say("anna", "chat:7"));
    clock.advance(10_000);
    assert!(say("anna", "chat:8") && say("anna", "chat:9") && !say("anna", "chat:1"));
}

/// A room is of one, and nobody gets more by asking twice at once.
fn is_bounded_for_many_at_once<B: Bus>(open: &impl Fn(LogLimits, Arc<dyn Clock>) -> B) {
    const OWNERS: [&str; 4] = ["anna", "ben", "cleo", "dora"];
    let limits = LogLimits {
        max_rooms_of_owner: 30,
        ..LogLimits::default()
    };
    let bus = with(open, limits);
    std::thread::scope(|scope| {
        // Each twice.
        for owner in OWNERS.into_iter().chain(OWNERS) {
            let bus = &bus;
            scope.spawn(move || {
                for room in 0..200 {
                    bus.publish_of(owner, said(&format!("chat:{room}"), 1));
                }
            });
        }
    });
    let rooms = bus.names("chat:", 0..=u64::MAX);
    assert_eq!(rooms.len(), 120, "as many as all of them may open");
    for owner in OWNERS {
        let is_theirs = |room: &&Arc<str>| bus.owner(room).as_deref() == Some(owner);
        assert_eq!(rooms.iter().filter(is_theirs).count(), 30, "{owner}");
    }
}
