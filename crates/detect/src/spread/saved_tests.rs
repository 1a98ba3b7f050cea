//! Thin scans over a restart.

use proptest::prelude::*;

use super::tests::Log;
use super::*;

/// The log after a restart: what was saved is written and read.
fn restarted(log: &Log) -> Log {
    let saved = serde_json::to_string(&log.spread.save()).unwrap();
    let mut fresh = Log::of(SpreadOptions::default());
    let saved = serde_json::from_str(&saved).unwrap();
    fresh.spread.restore(saved).unwrap();
    fresh
}

#[test]
fn a_scan_that_goes_on_after_a_restart_is_found() {
    let mut log = Log::new();
    assert_eq!(log.scan(6, 0), []);
    let mut forgot = Log::new();
    assert_eq!(forgot.scan_from(6, 6, 6), [], "alone it is too little");
    let mut log = restarted(&log);
    let found = log.scan_from(6, 6, 6);
    assert_eq!(found.len(), 1);
    let reason = found[0].reason.as_deref().unwrap();
    assert!(reason.starts_with("12 networks "), "{reason}");
    // The quiet after it outlives a restart, too.
    let mut log = restarted(&log);
    assert_eq!(log.scan_from(12, 12, 30), []);
}

#[test]
fn what_is_usual_and_what_others_sent_too_is_known_after_a_restart() {
    let mut log = Log::new();
    for hour in 0..48 {
        let _busy = log.scan_from(100 * hour, 60 * hour, 10);
    }
    let before = log.spread.save();
    let mut log = restarted(&log);
    assert_eq!(log.spread.save(), before);
    assert_eq!(log.scan_from(9_000, 60 * 48, 20), [], "it is usual here");
    let mut log = Log::new();
    assert_eq!(log.scan(11, 0), []);
    let mut log = restarted(&log);
    for n in 0..11 {
        let path = format!("/item/{n}");
        assert_eq!(log.sends("198.51.100.7", 12, &path, "1'"), None);
    }
    assert_eq!(log.scan_from(50, 13, 3), [], "the eleven were no news");
}

#[test]
fn what_is_no_good_is_refused_and_changes_nothing() {
    let mut log = Log::new();
    assert_eq!(log.scan(6, 0), []);
    let good = serde_json::to_value(log.spread.save()).unwrap();
    let before = log.spread.save();
    let with = |place: &str, value: serde_json::Value| {
        let mut bad = good.clone();
        *bad.pointer_mut(place).unwrap() = value;
        serde_json::from_value::<SavedScans>(bad).unwrap()
    };
    let many: Vec<_> = (0..2_000).map(|n| (0, n, Some(n))).collect();
    let of_one: Vec<_> = (0..9).map(|n| (0, n, Some(7))).collect();
    let watches = vec![good["watches"][0].clone(); WATCHES + 1];
    for bad in [
        with("/format", 9.into()),
        with("/watches", watches.into()),
        with("/watches/0/things", serde_json::json!(many)),
        with("/watches/0/things", serde_json::json!(of_one)),
        with(
            "/watches/0/things",
            serde_json::json!([(9, 1, 1), (2, 2, 2)]),
        ),
        with(
            "/watches/0/examples",
            serde_json::json!(["x".repeat(9_000)]),
        ),
        with("/watches/0/usual/hour", i64::MIN.into()),
        with("/watches/0/usual/mean", serde_json::json!(-1.0)),
    ] {
        assert!(log.spread.restore(bad).is_err());
        assert_eq!(log.spread.save(), before);
    }
}

proptest! {
    #[test]
    fn whatever_is_taken_back_can_go_on(
        times in proptest::collection::vec(any::<(i64, u64, Option<u64>)>(), 0..40),
        (newest, quiet_until, hour) in any::<(i64, i64, i64)>(),
    ) {
        let mut log = Log::new();
        log.scan(2, 0);
        let mut saved = serde_json::to_value(log.spread.save()).unwrap();
        let mut times = times;
        times.sort_by_key(|(at, ..)| *at);
        saved["watches"][0]["things"] = serde_json::json!(times);
        saved["watches"][0]["newest"] = newest.into();
        saved["watches"][0]["quiet_until"] = quiet_until.into();
        saved["watches"][0]["usual"]["hour"] = hour.into();
        let _taken = log.spread.restore(serde_json::from_value(saved).unwrap());
        log.scan_from(0, 0, 20);
    }
}
