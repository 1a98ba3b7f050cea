//! Thin scans over a restart.

use proptest::prelude::*;

use super::tests::Log;
use super::*;
use crate::state::{Input, Kept as _, Saved as _};

type Slices = Vec<(u64, Vec<u8>)>;

/// What is written down of a log: since when it is learned, and what is watched.
fn saved(log: &mut Log) -> (Slices, Slices) {
    let since = log.spread.since_mut();
    since.begin();
    let since = std::iter::from_fn(|| since.next()).collect();
    let watches = log.spread.watches_mut();
    watches.begin();
    (since, std::iter::from_fn(|| watches.next()).collect())
}

/// The log after a restart.
fn restarted(log: &mut Log) -> Log {
    let (since, watches) = saved(log);
    let mut fresh = Log::of(SpreadOptions::default());
    fresh.spread.keyed_by(log.spread.secret);
    for (_, bytes) in &since {
        assert_eq!(fresh.spread.take_back_since(bytes), Some(1));
    }
    for (keys, bytes) in &watches {
        assert_eq!(fresh.spread.take_back(bytes), Some(*keys));
    }
    fresh
}

#[test]
fn a_scan_that_goes_on_after_a_restart_is_found() {
    let mut log = Log::new();
    assert_eq!(log.scan(6, 0), []);
    let mut forgot = Log::new();
    assert_eq!(forgot.scan_from(6, 6, 6), [], "alone it is too little");
    let mut log = restarted(&mut log);
    let found = log.scan_from(6, 6, 6);
    assert_eq!(found.len(), 1);
    let reason = found[0].reason.as_deref().unwrap();
    assert!(reason.starts_with("12 networks "), "{reason}");
    // The quiet after it outlives a restart, too.
    let mut log = restarted(&mut log);
    assert_eq!(log.scan_from(12, 12, 30), []);
}

#[test]
fn what_is_usual_and_what_others_sent_too_is_known_after_a_restart() {
    let mut log = Log::new();
    for hour in 0..48 {
        let _busy = log.scan_from(100 * hour, 60 * hour, 10);
    }
    let before = saved(&mut log);
    let mut log = restarted(&mut log);
    assert_eq!(saved(&mut log), before);
    assert_eq!(log.scan_from(9_000, 60 * 48, 20), [], "it is usual here");
    let mut log = Log::new();
    assert_eq!(log.scan(11, 0), []);
    let mut log = restarted(&mut log);
    for n in 0..11 {
        let path = format!("/item/{n}");
        assert_eq!(log.sends("198.51.100.7", 12, &path, "1'"), None);
    }
    assert_eq!(log.scan_from(50, 13, 3), [], "the eleven were no news");
}

#[test]
fn where_nothing_odd_was_sent_it_has_learned_all_the_same() {
    let mut log = Log::of(SpreadOptions::default());
    log.spread.since.or(1_795_176_000_000 - 7 * 3_600_000);
    assert_eq!(restarted(&mut log).scan(12, 0).len(), 1);
    // Who knows nothing has to learn first.
    let nothing = saved(&mut Log::of(SpreadOptions::default()));
    assert_eq!(nothing, (Vec::new(), Vec::new()));
    assert_eq!(Log::of(SpreadOptions::default()).scan(12, 0), []);
}

/// A watch as it is written: things with when they came and who sent them, examples, what is usual.
fn written(
    things: &[(i64, u64, Option<u64>)],
    examples: &[String],
    (hour, mean): (i64, f64),
) -> Vec<u8> {
    let mut out = Vec::new();
    let moments: Vec<i64> = things.iter().map(|(at, ..)| *at).collect();
    crate::state::code::write_moments(moments.iter(), &mut out);
    for (_, thing, network) in things {
        out.extend(thing.to_le_bytes());
        out.push(u8::from(network.is_some()));
        out.extend(network.iter().flat_map(|network| network.to_le_bytes()));
    }
    (examples.len() as u64).write(&mut out);
    for example in examples {
        crate::state::code::write_text(example, &mut out);
    }
    hour.write(&mut out);
    7_u32.write(&mut out);
    out.push(0);
    mean.write(&mut out);
    9_i64.write(&mut out);
    0_i64.write(&mut out);
    None::<i64>.write(&mut out);
    out
}

#[test]
fn what_is_no_good_is_refused() {
    let is_read = |bytes: &[u8]| {
        let mut input = Input::new(bytes);
        Watch::read(&mut input).is_some() && input.is_empty()
    };
    let things = [(1, 1, Some(7)), (2, 2, None)];
    assert!(is_read(&written(&things, &["a".to_owned()], (0, 1.0))));
    let many: Vec<_> = (0..2_000).map(|n| (0, n, Some(n))).collect();
    let of_one: Vec<_> = (0..5).map(|n| (0, n, Some(7))).collect();
    for bad in [
        written(&many, &[], (0, 1.0)),
        written(&of_one, &[], (0, 1.0)),
        written(&[(9, 1, Some(1)), (2, 2, Some(2))], &[], (0, 1.0)),
        written(&[(1, 1, None), (2, 1, None)], &[], (0, 1.0)),
        written(&things, &["x".repeat(9_000)], (0, 1.0)),
        written(&things, &vec![String::new(); 4], (0, 1.0)),
        written(&things, &[], (i64::MIN, 1.0)),
        written(&things, &[], (0, -1.0)),
    ] {
        assert!(!is_read(&bad));
    }
}

proptest! {
    #[test]
    fn whatever_is_taken_back_can_go_on(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        since in any::<i64>(),
    ) {
        let mut log = Log::new();
        log.scan(8, 0);
        let (_, watches) = saved(&mut log);
        let mut fresh = Log::of(SpreadOptions::default());
        fresh.spread.keyed_by(log.spread.secret);
        let mut bytes = Vec::new();
        since.write(&mut bytes);
        let _taken = fresh.spread.take_back_since(&bytes);
        for (_, mut bytes) in watches {
            for (at, with) in &flips {
                let at = at.index(bytes.len());
                bytes[at] = *with;
            }
            let _taken = fresh.spread.take_back(&bytes);
        }
        fresh.scan_from(0, 0, 20);
        saved(&mut fresh);
    }
}
