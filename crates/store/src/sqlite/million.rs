//! How fast the store is with a million threats: run by hand, in release.

use std::net::IpAddr;
use std::time::Instant;

use vigil_event::Severity;

use crate::conformance::sample::{self, NOON};
use crate::{
    AlertQuery, Entry, GroupedThreat, Retention, SqliteStore, StatsQuery, Store, ThreatQuery,
};

const DAY_MS: i64 = 86_400_000;

#[test]
#[ignore = "takes minutes and prints times: cargo test --release -p vigil-store million -- --ignored --nocapture"]
fn a_million_threats() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("vigil.db");
    let store = SqliteStore::open(&database, Box::new(|_| {})).unwrap();
    time("recorded", || {
        (0..10_000).map(|entry| record(&store, entry)).sum()
    });
    println!("{} MB", fs_err::metadata(&database).unwrap().len() >> 20);
    for days in [1, 3] {
        let query = StatsQuery::between(Some(NOON), Some(NOON.plus_millis(days * DAY_MS)), NOON);
        time("statistics", || store.stats(&query).unwrap().total as usize);
    }
    for (what, query) in questions() {
        time(what, || store.threats(&query).unwrap().items.len());
    }
    time("alerts", || {
        store.alerts(&AlertQuery::default()).unwrap().items.len()
    });
    let retention = Retention {
        max_age_ms: Some(0),
        ..Retention::default()
    };
    time("trimmed", || {
        store
            .trim(&retention, NOON.plus_millis(25_000_000))
            .unwrap()
            .threats as usize
    });
}

fn time(what: &str, work: impl FnOnce() -> usize) {
    let start = Instant::now();
    let found = work();
    println!("{what}: {found} in {:?}", start.elapsed());
}

fn record(store: &SqliteStore, entry: u64) -> usize {
    let threats: Vec<_> = (0..100).map(|place| spread(entry * 100 + place)).collect();
    let entry = Entry {
        threats: &threats,
        checkpoints: &[],
        at: NOON,
        ..Entry::default()
    };
    store.record(&entry).unwrap().stored
}

fn questions() -> [(&'static str, ThreatQuery); 7] {
    let network = |text: &str| ThreatQuery {
        network: text.parse().ok(),
        ..ThreatQuery::default()
    };
    let text = ThreatQuery {
        text: Some("xyzzy".to_owned()),
        ..ThreatQuery::default()
    };
    [
        ("newest", ThreatQuery::default()),
        (
            "a severity nobody has",
            ThreatQuery {
                severity: Some(Severity::Low),
                ..ThreatQuery::default()
            },
        ),
        ("an address", network("10.1.2.3/32")),
        ("a network", network("10.1.0.0/16")),
        ("a large network nobody is in", network("11.0.0.0/8")),
        (
            "a rule",
            ThreatQuery {
                rule_id: Some("rule-1".to_owned()),
                ..ThreatQuery::default()
            },
        ),
        (
            "a text nobody has, in a day",
            ThreatQuery {
                until: Some(NOON.plus_millis(DAY_MS)),
                ..text
            },
        ),
    ]
}

/// The threat of that number, 250 ms after the one before, from one of 262,144 addresses.
fn spread(number: u64) -> GroupedThreat {
    let mut grouped = sample::at(number, NOON.plus_millis(number.cast_signed() * 250));
    let [.., a, b] = (number.wrapping_mul(2_654_435_761) >> 8).to_be_bytes();
    let ip = Some(IpAddr::from([10, (number % 4) as u8, a, b]));
    grouped.threat.source.ip = ip;
    grouped.threat.url.path = format!("/{}", number % 300_000);
    grouped.alert.iter_mut().for_each(|key| key.source_ip = ip);
    grouped
}
