//! Retention by size, which depends on how large the file is.

use std::net::{IpAddr, Ipv4Addr};

use tempfile::TempDir;
use vigil_event::{Alert, AlertAction, AlertChange, Id};

use super::super::SqliteStore;
use super::*;
use crate::conformance::sample::{self, NOON};
use crate::{AlertQuery, Entry, GroupedThreat, Store as _, ThreatQuery, query::MAX_LIMIT};

fn store() -> (TempDir, SqliteStore) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vigil.db");
    let store = SqliteStore::open(&path, Box::new(|_| {})).unwrap();
    (directory, store)
}

/// Threats from as many addresses, each the only one of an open alert.
fn from_everywhere(store: &SqliteStore, count: u32, apart_ms: i64) -> Vec<GroupedThreat> {
    let threats: Vec<_> = (0..count)
        .map(|number| {
            let moment = NOON.plus_millis(i64::from(number) * apart_ms);
            let mut grouped = sample::at(number.into(), moment);
            let ip = Some(IpAddr::from(Ipv4Addr::from_bits(0x0a00_0000 + number)));
            grouped.threat.source.ip = ip;
            grouped.alert.as_mut().unwrap().source_ip = ip;
            grouped
        })
        .collect();
    let entry = Entry {
        threats: &threats,
        checkpoints: &[],
        at: NOON,
        ..Entry::default()
    };
    store.record(&entry).unwrap();
    threats
}

fn bytes(store: &SqliteStore) -> u64 {
    let size = store.read(|sql| Size::of(sql)).unwrap();
    size.pages * size.page_bytes
}

fn trim_to(store: &SqliteStore, max_bytes: u64) -> Trimmed {
    let retention = Retention {
        max_age_ms: None,
        max_bytes: Some(max_bytes),
        outbox_items: u64::MAX,
        outbox_age_ms: None,
    };
    store.trim(&retention, NOON).unwrap()
}

fn count(store: &SqliteStore, table: &str) -> u64 {
    let statement = format!("SELECT count(*) FROM {table}");
    store.read(|sql| Ok(only(sql, &statement)?)).unwrap()
}

fn alerts(store: &SqliteStore) -> Vec<Alert> {
    let query = AlertQuery {
        limit: MAX_LIMIT,
        ..AlertQuery::default()
    };
    store.alerts(&query).unwrap().items
}

/// Their alerts alone are more than may be kept.
#[test]
fn a_flood_of_open_alerts_does_not_take_the_place_of_threats() {
    for apart_ms in [0, 1, 1_000] {
        let (_directory, store) = store();
        from_everywhere(&store, 4_000, apart_ms);
        let limit = bytes(&store) / 5;
        let trimmed = trim_to(&store, limit);
        let (threats, alerts) = (count(&store, "threat"), count(&store, "alert"));
        assert!(bytes(&store) <= limit, "{apart_ms}: {trimmed:?}");
        assert!(threats > 100 && alerts > 100, "{apart_ms}: {trimmed:?}");
        // The last round may have been enough without its open alerts.
        assert!(
            threats.abs_diff(alerts) <= CHUNK as u64 / 2,
            "{apart_ms}: {trimmed:?}"
        );
        assert_eq!(
            (trimmed.threats + threats, trimmed.alerts + alerts),
            (4_000, 4_000),
            "what is gone was counted"
        );
        assert_eq!(trimmed.publications + count(&store, "outbox"), 8_000);
        assert_eq!(trim_to(&store, limit), Trimmed::default(), "it has settled");
    }
}

#[test]
fn what_is_left_is_the_newest() {
    let (_directory, store) = store();
    let all = from_everywhere(&store, 1_000, 1_000);
    let trimmed = trim_to(&store, bytes(&store) / 2);
    let expected: Vec<_> = all.iter().skip(trimmed.threats as usize).collect();
    let query = ThreatQuery {
        limit: MAX_LIMIT,
        ..ThreatQuery::default()
    };
    let threats = store.threats(&query).unwrap().items;
    assert!(!threats.is_empty() && threats.len() < 1_000);
    assert!(
        threats
            .iter()
            .rev()
            .eq(expected.iter().map(|grouped| &grouped.threat))
    );
    let left = alerts(&store);
    assert!(
        left.iter().rev().map(|alert| alert.id).eq(all
            .iter()
            .skip(trimmed.alerts as usize)
            .map(|grouped| grouped.alert.as_ref().unwrap().id()))
    );
}

#[test]
fn of_the_oldest_alerts_the_resolved_ones_go_first() {
    let (_directory, store) = store();
    let all = from_everywhere(&store, 1_000, 1_000);
    let ids: Vec<Id> = all
        .iter()
        .map(|grouped| grouped.alert.as_ref().unwrap().id())
        .collect();
    for id in ids.iter().skip(10) {
        let resolve = AlertChange {
            action: AlertAction::Resolve,
            by: "anna".to_owned(),
            at: NOON,
            note: None,
        };
        store.change_alert(*id, resolve).unwrap();
    }
    // One round is enough.
    let trimmed = trim_to(&store, bytes(&store) - 8_192);
    assert_eq!((trimmed.threats, trimmed.alerts), (250, 240), "{trimmed:?}");
    let left: Vec<_> = alerts(&store).iter().rev().map(|alert| alert.id).collect();
    let expected: Vec<_> = ids.iter().take(10).chain(ids.iter().skip(250)).collect();
    assert!(left.iter().eq(expected), "the open ones are still there");
    // The next rounds have to take them too.
    let trimmed = trim_to(&store, bytes(&store) / 2);
    assert!(trimmed.alerts > 250, "{trimmed:?}");
    let left = alerts(&store);
    assert!(!left.is_empty() && left.iter().all(|alert| !ids[..10].contains(&alert.id)));
}

/// A publication tells of what is there, or stands behind one that does.
#[test]
fn publications_of_changed_alerts_stay() {
    let (_directory, store) = store();
    let all = from_everywhere(&store, 4, 1_000);
    let change = AlertChange {
        action: AlertAction::Acknowledge,
        by: "anna".to_owned(),
        at: NOON,
        note: None,
    };
    let oldest = all[0].alert.as_ref().unwrap().id();
    store.change_alert(oldest, change).unwrap();
    let retention = Retention {
        max_age_ms: Some(0),
        outbox_age_ms: None,
        ..Retention::default()
    };
    let trimmed = store.trim(&retention, NOON.plus_millis(2_000)).unwrap();
    assert_eq!((trimmed.threats, trimmed.alerts), (2, 2));
    let backlog = store.backlog(channel::ALERTS, 9).unwrap();
    let offsets = backlog.publications.iter().map(|(offset, _)| *offset);
    assert!(offsets.eq(3..=5));
}

/// A round looks at a chunk, however much there is.
#[test]
fn the_oldest_are_found_in_their_indexes() {
    let (_directory, store) = store();
    let plan: Vec<String> = store
        .read(|sql| {
            let mut statement = sql.prepare(&format!("EXPLAIN QUERY PLAN {OLDEST}"))?;
            let rows = statement.query_map([CHUNK], |row| row.get("detail"))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .unwrap();
    let plan = plan.join("\n");
    for index in ["threat_time", "alert_seen"] {
        let scan = format!("USING COVERING INDEX {index}");
        assert!(plan.contains(&scan), "{plan}");
    }
}
