//! What every bus must do, as one suite: [`suite`] runs on each implementation.
//!
//! Never holds: anything that depends on how a bus works inside.

mod crowd;
mod fleeting;
mod opening;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use vigil_event::{Clock, Id, Publication, Severity, SeverityCounts, Timestamp};

use crate::{Bus, LogLimits, Position, Read, Resume};

const CHANNEL: &str = "status";

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
pub struct StoppedClock(AtomicI64);

impl StoppedClock {
    /// Moves it on.
    pub fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_795_176_000_000 + self.0.load(Ordering::SeqCst))
    }
}

/// Runs every check. `open` makes an empty bus with those limits.
pub fn suite<B: Bus + 'static>(open: impl Fn(LogLimits, Arc<dyn Clock>) -> B) {
    offsets_count_up_by_one(&with(&open, LogLimits::default()));
    let few = LogLimits {
        max_items: 4,
        ..LogLimits::default()
    };
    what_falls_out_is_told_by_severity(&with(&open, few));
    what_is_forgotten_is_not_guessed(&with(
        &open,
        LogLimits {
            max_items: 4,
            max_trail: 3,
            ..LogLimits::default()
        },
    ));
    bytes_are_bounded(&with(
        &open,
        LogLimits {
            max_bytes: 50_000,
            ..LogLimits::default()
        },
    ));
    fleeting::makes_room_for_its_like_only(&with(&open, few));
    fleeting::has_bytes_of_its_own(&with(
        &open,
        LogLimits {
            max_bytes: 40_000,
            ..LogLimits::default()
        },
    ));
    fleeting::a_channel_of_nothing_else_makes_room(&with(
        &open,
        LogLimits {
            max_channels: 3,
            ..LogLimits::default()
        },
    ));
    age_is_bounded(&open);
    a_restored_log_goes_on(&with(&open, LogLimits::default()));
    a_restored_log_has_no_holes(&with(&open, LogLimits::default()));
    an_offset_given_elsewhere_is_kept(&with(&open, LogLimits::default()));
    times_and_counts_become_offsets(&open);
    watchers_hear_of_every_head(&with(&open, LogLimits::default()));
    channels_are_bounded(&with(
        &open,
        LogLimits {
            max_channels: 3,
            ..LogLimits::default()
        },
    ));
    positions_of_another_bus_are_told_apart(&open);
    opening::suite(&open);
    let crowded = LogLimits {
        max_channels: 20,
        ..LogLimits::default()
    };
    crowd::what_is_published_stays(&Arc::new(with(&open, crowded)), 15);
    for seed in 0..8 {
        let limits = LogLimits {
            max_items: 5 + seed * 20,
            max_trail: 100,
            ..LogLimits::default()
        };
        crowd::readers_miss_nothing_in_silence(&Arc::new(with(&open, limits)), seed);
    }
}

fn with<B: Bus>(open: &impl Fn(LogLimits, Arc<dyn Clock>) -> B, limits: LogLimits) -> B {
    open(limits, Arc::new(StoppedClock::default()))
}

/// A publication that can be told apart by its number.
pub fn publication(channel: &str, number: u64, severity: Severity, at: Timestamp) -> Publication {
    let id = Id::derived(at, &[channel.as_bytes(), &number.to_le_bytes()]);
    Publication {
        channel: Arc::from(channel),
        ..Publication::status(&number, severity, id, at)
    }
}

fn numbered(number: u64) -> Publication {
    publication(
        CHANNEL,
        number,
        severity_of(number),
        StoppedClock::default().now(),
    )
}

/// Severities that come round in another rhythm than any limit of the suite.
fn severity_of(number: u64) -> Severity {
    Severity::from_rank((number % 5) as u8)
}

fn counts(offsets: impl Iterator<Item = u64>) -> SeverityCounts {
    let mut counts = SeverityCounts::default();
    for offset in offsets {
        counts.add(severity_of(offset), 1);
    }
    counts
}

fn offsets(read: &Read) -> Vec<u64> {
    read.items.iter().map(|item| item.offset).collect()
}

fn offsets_count_up_by_one(bus: &dyn Bus) {
    assert_eq!(bus.head(CHANNEL).offset, 0);
    for number in 1..=3 {
        let position = bus.publish(numbered(number));
        assert_eq!(
            position,
            Position {
                offset: number,
                ..bus.head(CHANNEL)
            }
        );
    }
    bus.publish(publication(
        "alerts",
        1,
        Severity::Low,
        Timestamp::from_millis(1),
    ));
    let read = bus.read(CHANNEL, 0, 10);
    assert_eq!(
        (offsets(&read), read.missed, read.head),
        (vec![1, 2, 3], None, 3)
    );
    assert_eq!(read.items[1].publication, numbered(2));
    assert_eq!(offsets(&bus.read(CHANNEL, 1, 1)), [2]);
    assert!(
        bus.read(CHANNEL, 3, 10).items.is_empty() && bus.read(CHANNEL, 99, 10).items.is_empty()
    );
    assert_eq!(bus.read("nowhere", 0, 10).head, 0);
    let names: Vec<_> = bus
        .channels()
        .into_iter()
        .map(|status| (status.channel.to_string(), status.published))
        .collect();
    assert_eq!(names, [("alerts".to_owned(), 1), (CHANNEL.to_owned(), 3)]);
}

fn what_falls_out_is_told_by_severity(bus: &dyn Bus) {
    for number in 1..=10 {
        bus.publish(numbered(number));
    }
    let read = bus.read(CHANNEL, 2, 100);
    assert_eq!(offsets(&read), [7, 8, 9, 10]);
    let missed = read.missed.expect("3 to 6 fell out");
    assert_eq!((missed.from, missed.to, missed.count()), (3, 6, 4));
    assert_eq!(missed.by_severity, Some(counts(3..=6)));
    assert_eq!(bus.read(CHANNEL, 6, 100).missed, None);
    assert_eq!(bus.channels()[0].dropped, 6);
}

fn what_is_forgotten_is_not_guessed(bus: &dyn Bus) {
    for number in 1..=10 {
        bus.publish(numbered(number));
    }
    let by_severity = |after| {
        bus.read(CHANNEL, after, 100)
            .missed
            .expect("it fell out")
            .by_severity
    };
    assert_eq!(by_severity(2), None);
    assert_eq!(by_severity(3), Some(counts(4..=6)));
}

fn bytes_are_bounded(bus: &dyn Bus) {
    let large = |number| Publication {
        data: vec![b'1'; 10_000].into(),
        ..numbered(number)
    };
    for number in 1..=20 {
        bus.publish(large(number));
    }
    let status = &bus.channels()[0];
    assert!(status.bytes <= 50_000 && status.items >= 1, "{status:?}");
    bus.publish(Publication {
        data: vec![b'1'; 100_000].into(),
        ..numbered(21)
    });
    let read = bus.read(CHANNEL, 0, 100);
    assert_eq!(
        offsets(&read),
        [21],
        "the newest stays even if it is too large"
    );
    assert_eq!(read.missed.map(|missed| missed.count()), Some(20));
}

fn age_is_bounded<B: Bus>(open: &impl Fn(LogLimits, Arc<dyn Clock>) -> B) {
    let clock = Arc::new(StoppedClock::default());
    let bus = open(
        LogLimits {
            max_age_ms: Some(1_000),
            ..LogLimits::default()
        },
        Arc::<StoppedClock>::clone(&clock),
    );
    bus.publish(publication(CHANNEL, 1, severity_of(1), clock.now()));
    clock.advance(600);
    bus.publish(publication(CHANNEL, 2, severity_of(2), clock.now()));
    clock.advance(600);
    let read = bus.read(CHANNEL, 0, 10);
    assert_eq!(offsets(&read), [2]);
    assert_eq!(
        read.missed.and_then(|missed| missed.by_severity),
        Some(counts(1..=1))
    );
    clock.advance(600);
    let read = bus.read(CHANNEL, 0, 10);
    assert_eq!(
        (
            read.items.len(),
            read.missed.map(|missed| missed.to),
            read.head
        ),
        (0, Some(2), 2)
    );
    assert_eq!(
        bus.publish(publication(CHANNEL, 3, severity_of(3), clock.now()))
            .offset,
        3
    );
}

fn a_restored_log_goes_on(bus: &dyn Bus) {
    assert!(bus.restore(
        CHANNEL,
        "k3f9",
        8,
        (5..8).map(|offset| (offset, numbered(offset))).collect()
    ));
    let head = bus.head(CHANNEL);
    assert_eq!((&*head.epoch, head.offset), ("k3f9", 7));
    assert_eq!(bus.publish(numbered(8)).offset, 8);
    let read = bus.read(CHANNEL, 1, 100);
    assert_eq!(offsets(&read), [5, 6, 7, 8]);
    assert!(read.items.iter().all(|item| &*item.epoch == "k3f9"));
    let missed = read.missed.expect("2 to 4 were not kept");
    assert_eq!((missed.from, missed.to, missed.by_severity), (2, 4, None));
    assert!(
        !bus.restore(CHANNEL, "other", 3, Vec::new()),
        "only before the first publication"
    );
    assert_eq!(&*bus.head(CHANNEL).epoch, "k3f9");
    assert!(bus.restore("empty", "e", 1, Vec::new()) && !bus.restore("empty", "f", 1, Vec::new()));
    assert_eq!(&*bus.head("empty").epoch, "e");
}

fn a_restored_log_has_no_holes(bus: &dyn Bus) {
    let items = [2, 3, 5, 6, 9]
        .map(|offset| (offset, numbered(offset)))
        .to_vec();
    assert!(bus.restore(CHANNEL, "e", 7, items));
    let read = bus.read(CHANNEL, 0, 100);
    assert_eq!((offsets(&read), read.head), (vec![5, 6], 6));
    assert!(bus.restore(
        "alerts",
        "e",
        9,
        vec![(
            5,
            publication("alerts", 5, Severity::Low, Timestamp::from_millis(1))
        )]
    ));
    let read = bus.read("alerts", 4, 100);
    assert_eq!(
        (
            read.items.len(),
            read.missed.map(|missed| missed.to),
            read.head
        ),
        (0, Some(8), 8)
    );
}

fn an_offset_given_elsewhere_is_kept(bus: &dyn Bus) {
    assert_eq!(bus.publish_at(1, numbered(1)).offset, 1);
    assert_eq!(bus.publish_at(1, numbered(1)).offset, 1, "told twice");
    assert_eq!(bus.read(CHANNEL, 0, 10).items.len(), 1);
    assert_eq!(bus.publish_at(4, numbered(4)).offset, 4);
    let read = bus.read(CHANNEL, 0, 10);
    assert_eq!(
        (offsets(&read), read.missed.map(|missed| missed.to)),
        (vec![4], Some(3))
    );
    assert_eq!(bus.publish(numbered(5)).offset, 5);
}

fn times_and_counts_become_offsets<B: Bus>(open: &impl Fn(LogLimits, Arc<dyn Clock>) -> B) {
    let clock = Arc::new(StoppedClock::default());
    let bus = open(
        LogLimits {
            max_items: 4,
            ..LogLimits::default()
        },
        Arc::<StoppedClock>::clone(&clock),
    );
    let start = clock.now();
    assert_eq!(
        (bus.last(CHANNEL, 5), bus.since_time(CHANNEL, start)),
        (0, 0)
    );
    for number in 1..=6 {
        bus.publish(publication(
            CHANNEL,
            number,
            severity_of(number),
            clock.now(),
        ));
        clock.advance(10);
    }
    assert_eq!(
        offsets(&bus.read(CHANNEL, bus.last(CHANNEL, 2), 10)),
        [5, 6]
    );
    assert_eq!(
        offsets(&bus.read(CHANNEL, bus.last(CHANNEL, 99), 10)),
        [3, 4, 5, 6]
    );
    assert_eq!(bus.last(CHANNEL, 0), 6);
    assert_eq!(
        offsets(&bus.read(CHANNEL, bus.since_time(CHANNEL, start.plus_millis(35)), 10)),
        [5, 6]
    );
    assert_eq!(
        offsets(&bus.read(CHANNEL, bus.since_time(CHANNEL, start), 10)),
        [3, 4, 5, 6]
    );
    assert_eq!(bus.since_time(CHANNEL, clock.now()), 6);
}

fn watchers_hear_of_every_head(bus: &dyn Bus) {
    let mut watcher = bus.watch(CHANNEL);
    assert_eq!(*watcher.borrow_and_update(), 0);
    assert!(matches!(watcher.has_changed(), Ok(false)));
    bus.publish(numbered(1));
    bus.publish(numbered(2));
    assert!(matches!(watcher.has_changed(), Ok(true)));
    assert_eq!(*watcher.borrow_and_update(), 2);
    bus.publish_at(2, numbered(2));
    assert!(
        matches!(watcher.has_changed(), Ok(false)),
        "nothing new came"
    );
    bus.restore("alerts", "e", 5, Vec::new());
    assert_eq!(*bus.watch("alerts").borrow(), 4);
}

fn channels_are_bounded(bus: &dyn Bus) {
    bus.publish(numbered(1));
    let _watched = bus.watch("watched");
    for name in ["a", "b", "c", "d"] {
        assert_eq!(
            bus.head(name).offset,
            0,
            "an unused channel makes room for {name}"
        );
    }
    assert_eq!((bus.refused(), bus.channels().len()), (0, 3));
    bus.publish(publication(
        "e",
        1,
        Severity::Low,
        Timestamp::from_millis(1),
    ));
    assert_eq!(
        bus.channels()
            .iter()
            .map(|status| &*status.channel)
            .collect::<Vec<_>>(),
        ["e", CHANNEL, "watched"]
    );
    assert!(bus.watch("f").has_changed().is_err(), "a closed receiver");
    let lost = publication("f", 1, Severity::Low, Timestamp::from_millis(1));
    assert_eq!(bus.publish(lost).offset, 0);
    assert_eq!((bus.refused(), bus.read(CHANNEL, 0, 9).items.len()), (2, 1));
}

fn positions_of_another_bus_are_told_apart<B: Bus>(open: &impl Fn(LogLimits, Arc<dyn Clock>) -> B) {
    let (before, after) = (
        with(open, LogLimits::default()),
        with(open, LogLimits::default()),
    );
    let position = before.publish(numbered(1));
    assert_eq!(
        Resume::new(&position.epoch, 1, before.head(CHANNEL)),
        Resume::Continue { after: 1 }
    );
    after.publish(numbered(1));
    assert!(matches!(
        Resume::new(&position.epoch, 1, after.head(CHANNEL)),
        Resume::EpochChanged { .. }
    ));
}
