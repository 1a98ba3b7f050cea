//! The bus within one process: whatever is beyond what every bus must do.

use proptest::prelude::*;
use vigil_event::{Kind, Severity, SeverityCounts};

use super::*;
use crate::conformance::{StoppedClock, publication, suite};

#[test]
fn conforms() {
    suite(MemoryBus::new);
}

#[tokio::test]
async fn a_waiting_reader_wakes_up() {
    let bus = Arc::new(MemoryBus::new(
        LogLimits::default(),
        Arc::new(StoppedClock::default()),
    ));
    let mut watcher = bus.watch("status");
    let publisher = Arc::clone(&bus);
    let publishing = std::thread::spawn(move || {
        publisher.publish(publication(
            "status",
            1,
            Severity::Low,
            Timestamp::from_millis(1),
        ))
    });
    watcher.changed().await.unwrap();
    assert_eq!(bus.read("status", 0, 10).items.len(), 1);
    assert_eq!(publishing.join().unwrap().offset, 1);
}

#[tokio::test]
async fn who_writes_rooms_down_is_told_which_went_on() {
    let clock = Arc::new(StoppedClock::default());
    let limits = LogLimits {
        max_channels: 2,
        max_age_ms: Some(1_000),
        ..LogLimits::default()
    };
    let bus = MemoryBus::new(limits, clock.clone()).telling("chat");
    let say = |channel: &str| bus.publish(publication(channel, 1, Severity::Low, clock.now()));
    say("status");
    assert!(bus.touched().take().is_empty());
    assert!(bus.restore("chat:1", "e", 3, Vec::new()));
    say("chat:1");
    say("chat:1");
    bus.touched().changed().await;
    let told = bus.touched().take();
    assert_eq!(told, [Arc::from("chat:1")]);
    assert!(bus.touched().take().is_empty());
    bus.touched().put_back(told);
    bus.touched().changed().await;
    assert_eq!(bus.touched().take(), [Arc::from("chat:1")]);
    clock.advance(5_000);
    assert_eq!(
        say("chat:2").offset,
        1,
        "a spent room makes room though it was restored"
    );
}

#[test]
fn a_room_of_which_nothing_is_left_makes_room_and_has_another_epoch_then() {
    let clock = Arc::new(StoppedClock::default());
    let limits = LogLimits {
        max_channels: 2,
        ..LogLimits::default()
    };
    let short = LogLimits {
        max_age_ms: Some(1_000),
        max_items: 2,
        ..LogLimits::default()
    };
    let bus = MemoryBus::new(limits, clock.clone()).keeping("chat", short);
    let say = |channel: &str| bus.publish(publication(channel, 1, Severity::Low, clock.now()));
    let first = say("chat:1");
    say("chat:1");
    say("chat:1");
    assert_eq!(bus.read("chat:1", 0, 9).first, 2, "two are kept");
    say("other");
    assert_eq!(say("chat:2").offset, 0, "there is no room");
    clock.advance(5_000);
    assert_eq!(say("chat:2").offset, 1, "the spent room made room");
    clock.advance(5_000);
    let again = say("chat:1");
    assert_eq!(again.offset, 1);
    assert_ne!(again.epoch, first.epoch);
}

proptest! {
    /// Against a model that forgets nothing: reads from any place, whatever the limits.
    #[test]
    fn read_and_missed_are_everything_after(
        ranks in proptest::collection::vec(0u8..5, 1..60),
        max_items in 1usize..20,
        max_trail in 0usize..30,
        after in 0u64..60,
        limit in 0usize..30,
    ) {
        let limits = LogLimits { max_items, max_trail, ..LogLimits::default() };
        let bus = MemoryBus::new(limits, Arc::new(StoppedClock::default()));
        for (number, rank) in ranks.iter().enumerate() {
            bus.publish(publication("c", number as u64, Severity::from_rank(*rank), Timestamp::from_millis(1)));
        }
        let read = bus.read("c", after, limit);
        let kept = ranks.len().min(max_items);
        let first_kept = (ranks.len() - kept) as u64 + 1;
        let mut next = after + 1;
        if let Some(missed) = read.missed {
            prop_assert_eq!((missed.from, missed.to), (after + 1, first_kept - 1));
            next = first_kept;
            let range = missed.from as usize - 1..missed.to as usize;
            let mut counts = SeverityCounts::default();
            ranks[range.clone()].iter().for_each(|rank| counts.add(Severity::from_rank(*rank), 1));
            prop_assert_eq!(missed.by_severity, (range.len() <= max_trail).then_some(counts));
        } else {
            prop_assert!(next >= first_kept || after >= ranks.len() as u64);
        }
        let expected: Vec<u64> = (next..=ranks.len() as u64).take(limit).collect();
        let offsets: Vec<u64> = read.items.iter().map(|item| item.offset).collect();
        prop_assert_eq!(offsets, expected);
    }
}

#[test]
fn rooms_that_have_most_give_first_and_say_so() {
    let limits = LogLimits {
        max_bytes_of_rooms: 200_000,
        ..LogLimits::default()
    };
    let clock = Arc::new(StoppedClock::default());
    let bus = MemoryBus::new(limits, clock.clone()).telling("chat");
    let said = |channel: &str, bytes: usize| Publication {
        data: format!("\"{}\"", "x".repeat(bytes)).into(),
        ..publication(channel, 1, Severity::Low, clock.now())
    };
    bus.publish(said("chat:small", 100));
    bus.publish(said("chat:gone", 20_000));
    bus.publish(said("status", 100_000));
    let heard = bus.watch("chat:heard");
    bus.publish(said("chat:heard", 20_000));
    bus.touched().take();
    for _ in 0..1_000 {
        bus.publish(said("chat:large", 1_000));
    }
    let kept = |channel: &str| bus.read(channel, 0, usize::MAX).items.len();
    assert_eq!((kept("chat:small"), kept("status")), (1, 1));
    let all: usize = bus.channels().iter().map(|one| one.bytes).sum();
    assert!(all - 300_512 - 2 * 3 <= 200_000, "{all} bytes");
    assert!(kept("chat:large") > 10, "what there is is used");
    // Ever more rooms leave nothing to each; who listens keeps the newest.
    for number in 0..500 {
        bus.publish(said(&format!("chat:{number}"), 1_000));
    }
    assert_eq!((kept("chat:gone"), kept("chat:heard")), (0, 1));
    let missed = bus.read("chat:gone", 0, 9).missed.unwrap();
    assert_eq!((missed.from, missed.to), (1, 1));
    assert_eq!(
        missed.by_severity.map(|counts| counts.get(Severity::Low)),
        Some(1)
    );
    assert!(bus.touched().take().contains(&Arc::from("chat:gone")));
    drop(heard);
}

#[test]
fn where_rooms_give_what_is_fleeting_goes_first() {
    let limits = LogLimits {
        max_bytes_of_rooms: 200_000,
        ..LogLimits::default()
    };
    let clock = Arc::new(StoppedClock::default());
    let bus = MemoryBus::new(limits, clock.clone());
    let say = |channel: &str, number: u64, kind: Kind| {
        bus.publish(Publication {
            kind,
            ..publication(channel, number, Severity::Informational, clock.now())
        })
    };
    say("chat:talk", 0, Kind::ChatMessage);
    for number in 1..200 {
        say("chat:talk", number, Kind::PresenceJoin);
    }
    let before = bus.read("chat:talk", 0, 1);
    for number in 0..400 {
        say("chat:large", number, Kind::ChatMessage);
    }
    let read = bus.read("chat:talk", 0, 9);
    assert_eq!((read.lasting, read.first, read.items.len()), (1, 1, 1));
    assert!(read.swept_to > before.swept_to, "it gave");
    let missed = bus.read("chat:talk", 1, 9).missed.unwrap();
    assert_eq!((missed.from, missed.to), (2, read.swept_to));
}

#[test]
fn what_is_gone_is_no_longer_counted() {
    let clock = Arc::new(StoppedClock::default());
    let limits = LogLimits {
        max_bytes_of_rooms: 20_000,
        max_channels: 4,
        max_age_ms: Some(1_000),
        ..LogLimits::default()
    };
    let bus = MemoryBus::new(limits, clock.clone());
    let say = |channel: &str| bus.publish(publication(channel, 1, Severity::Low, clock.now()));
    bus.restore(
        "chat:old",
        "e",
        2,
        vec![(1, publication("chat:old", 1, Severity::Low, clock.now()))],
    );
    for number in 0..100 {
        say(&format!("chat:{number}"));
        clock.advance(1_500);
    }
    say("chat:1");
    let all: usize = bus.channels().iter().map(|one| one.bytes).sum();
    assert!(all > 0 && !bus.rooms.is_too_much());
    for _ in 0..20 {
        say("chat:1");
    }
    assert_eq!(
        bus.read("chat:1", 0, 99).missed,
        None,
        "there is room for all of them"
    );
}

#[test]
fn who_has_many_rooms_pushes_nobody_else_out() {
    let limits = LogLimits {
        max_bytes_of_rooms: 200_000,
        ..LogLimits::default()
    };
    let clock = Arc::new(StoppedClock::default());
    let bus = MemoryBus::new(limits, clock.clone());
    let say = |owner: &str, channel: &str, number| {
        let said = publication(channel, number, Severity::Low, clock.now());
        assert!(bus.publish_of(owner, said).is_some());
    };
    let kept = |channel: &str| bus.read(channel, 0, usize::MAX).items.len();
    // Of half of what there is, in one room and in a thousand.
    for number in 0..100 {
        say("anna", "chat:anna", number);
    }
    for number in 0..1_000 {
        say("ben", &format!("chat:ben{number}"), number);
    }
    assert_eq!(kept("chat:anna"), 100);
    let of_ben = (0..1_000).map(|number| kept(&format!("chat:ben{number}")));
    assert!(of_ben.sum::<usize>() > 100, "what there is is used");
    // Of one owner those that have most give first.
    for number in 0..1_000 {
        say("anna", "chat:large", number);
    }
    assert!(
        (50..=100).contains(&kept("chat:anna")),
        "{}",
        kept("chat:anna")
    );
}
