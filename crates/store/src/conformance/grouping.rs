//! Which threats are one alert: scans, and floods of alerts.

use std::net::{IpAddr, Ipv4Addr};

use vigil_event::{Alert, AlertAction, AlertChange, AlertState, Id, Timestamp};

use super::sample::{NOON, at};
use super::{Place, deaf};
use crate::{AlertQuery, Entry, GroupedThreat, Recorded, Store};

/// A threat of that source and family, so many seconds after noon. Every number is another threat.
fn threat(number: u64, source: u8, family: &str, second: i64) -> GroupedThreat {
    let mut grouped = at(number, NOON.plus_millis(second * 1_000));
    let source = IpAddr::from(Ipv4Addr::new(203, 0, 113, source));
    grouped.threat.source.ip = Some(source);
    grouped.threat.detections.truncate(1);
    family.clone_into(&mut grouped.threat.detections[0].family);
    if let Some(key) = &mut grouped.alert {
        key.source_ip = Some(source);
        family.clone_into(&mut key.family);
    }
    grouped
}

fn record(store: &dyn Store, threats: &[GroupedThreat], limit: Option<u32>) -> Recorded {
    store
        .record(&Entry {
            threats,
            at: NOON,
            new_alerts_per_minute: limit,
            ..Entry::default()
        })
        .expect("recorded")
}

/// Every alert, the first opened first.
fn alerts(store: &dyn Store) -> Vec<Alert> {
    let query = AlertQuery {
        limit: 1_000,
        ..AlertQuery::default()
    };
    let mut alerts = store.alerts(&query).expect("a page").items;
    alerts.reverse();
    alerts
}

fn change(store: &dyn Store, id: Id, action: AlertAction) {
    let change = AlertChange {
        action,
        by: "anna".to_owned(),
        at: NOON,
        note: None,
    };
    store.change_alert(id, change).expect("changed");
}

pub(super) fn one_source_is_one_alert_and_many_families_a_scan(place: &dyn Place) {
    let store = place.open(deaf());
    record(
        &*store,
        &[threat(1, 1, "sql_injection", 0), threat(2, 2, "scanner", 1)],
        None,
    );
    record(&*store, &[threat(19, 1, "scanner", 2)], None);
    let of_first = &alerts(&*store)[0];
    assert_eq!(of_first.count, 2);
    assert_eq!(
        of_first.family, "scanner",
        "the family of its strongest threat"
    );
    assert_eq!(of_first.families, ["sql_injection", "scanner"]);
    let strongest = of_first.title.clone();
    let rest = [
        threat(4, 1, "path_traversal", 3),
        threat(5, 1, "sql_injection", 4),
    ];
    record(&*store, &rest, None);
    let all = alerts(&*store);
    assert_eq!(all.len(), 2, "one for each source");
    assert_eq!((all[0].family.as_str(), all[0].count), (Alert::SCAN, 4));
    assert_eq!(
        all[0].title,
        format!("Scan with 3 kinds of attack, the worst: {strongest}")
    );
    assert_eq!(all[1].family, "scanner");
    let query = AlertQuery {
        family: Some(Alert::SCAN.to_owned()),
        ..AlertQuery::default()
    };
    assert_eq!(store.alerts(&query).expect("a page").items.len(), 1);
}

pub(super) fn a_new_kind_reopens_what_was_acknowledged(place: &dyn Place) {
    let store = place.open(deaf());
    record(&*store, &[threat(1, 1, "a", 0)], None);
    let id = alerts(&*store)[0].id;
    let state = || store.alert(id).expect("read").expect("there").state;
    change(&*store, id, AlertAction::Acknowledge);
    record(&*store, &[threat(2, 1, "a", 1)], None);
    assert_eq!(state(), AlertState::Acknowledged, "more of the same");
    record(&*store, &[threat(3, 1, "b", 2)], None);
    assert_eq!(state(), AlertState::Open);
    change(&*store, id, AlertAction::Acknowledge);
    record(&*store, &[threat(4, 1, "c", 3)], None);
    assert_eq!(state(), AlertState::Open, "it has become a scan");
    change(&*store, id, AlertAction::Acknowledge);
    record(&*store, &[threat(5, 1, "d", 4)], None);
    assert_eq!(state(), AlertState::Acknowledged, "a scan goes on");
    let alert = store.alert(id).expect("read").expect("there");
    let notes: Vec<_> = alert
        .changes
        .iter()
        .filter_map(|change| change.note.as_deref())
        .collect();
    assert_eq!(
        notes,
        ["a further kind of attack: b", "a further kind of attack: c"]
    );
}

/// Threats of so many sources, all in one minute.
fn distributed(sources: std::ops::Range<u8>, second: i64) -> Vec<GroupedThreat> {
    let numbers = sources.map(|source| {
        threat(
            u64::from(source) + second.unsigned_abs() * 1_000,
            source,
            "a",
            second,
        )
    });
    numbers.collect()
}

pub(super) fn too_many_new_alerts_are_gathered(place: &dyn Place) {
    let store = place.open(deaf());
    let first = record(&*store, &distributed(0..7, 0), Some(5));
    assert_eq!((first.stored, first.gathered), (7, 2));
    let second = record(&*store, &distributed(3..10, 1), Some(5));
    assert_eq!(
        second.gathered, 5,
        "those that have an alert of their own grow it"
    );
    let all = alerts(&*store);
    assert_eq!(all.len(), 6);
    let flood: Vec<_> = all
        .iter()
        .filter(|alert| alert.family == Alert::FLOOD)
        .collect();
    assert_eq!(flood.len(), 1);
    assert_eq!((flood[0].count, flood[0].source_ip), (7, None));
    assert_eq!(
        all.iter().map(|alert| alert.count).sum::<u64>(),
        14,
        "nothing is lost"
    );
    let next_minute = record(&*store, &distributed(20..22, 60), Some(5));
    assert_eq!(next_minute.gathered, 0);
    let of_flood = crate::ThreatQuery {
        alert: Some(flood[0].id),
        ..crate::ThreatQuery::default()
    };
    assert_eq!(store.threats(&of_flood).expect("a page").items.len(), 7);
}

pub(super) fn lines_read_again_group_the_same_way(place: &dyn Place) {
    let threats: Vec<_> = distributed(0..9, 0)
        .into_iter()
        .chain(distributed(0..9, 2))
        .chain([threat(5_000, 0, "b", 3), threat(5_001, 0, "c", 4)])
        .collect();
    let store = place.open(deaf());
    // As after a crash: what was stored comes again with what was not, in other batches.
    for (from, to) in [(0, 6), (0, 8), (3, 13), (2, 20), (0, 20)] {
        record(&*store, &threats[from..to], Some(4));
    }
    let all = alerts(&*store);
    let told = |alert: &Alert| (alert.family.clone(), alert.count);
    let (flood, mut own): (Vec<&Alert>, Vec<&Alert>) =
        all.iter().partition(|alert| alert.family == Alert::FLOOD);
    own.sort_by_key(|alert| alert.source_ip);
    assert_eq!(
        own.iter().copied().map(told).collect::<Vec<_>>(),
        [
            (Alert::SCAN.to_owned(), 4),
            ("a".to_owned(), 2),
            ("a".to_owned(), 2),
            ("a".to_owned(), 2),
        ]
    );
    assert_eq!(told(flood[0]), (Alert::FLOOD.to_owned(), 10));
    assert_eq!(
        own[0].last_seen,
        Timestamp::from_millis(NOON.as_millis() + 4_000)
    );
}
