//! What is deleted, in which order, and what stays.

use vigil_event::{AlertAction, AlertChange, AlertState, Id, Threat, Timestamp, channel};

use super::sample::{HOUR_MS, NOON, at};
use super::{Place, deaf, record};
use crate::query::MAX_LIMIT;
use crate::{AlertQuery, GroupedThreat, Retention, StatsQuery, Store, ThreatQuery, Trimmed};

const KEEP_ALL: Retention = Retention {
    max_age_ms: None,
    max_bytes: None,
    outbox_items: u64::MAX,
    outbox_age_ms: None,
};

/// What is older than the moment itself goes.
const KEEP_NOTHING_OLD: Retention = Retention {
    max_age_ms: Some(0),
    ..KEEP_ALL
};

/// More than one transaction deletes.
const COUNT: u64 = 1_300;

/// One threat an hour from noon on, each in an alert of its own.
fn hourly() -> Vec<GroupedThreat> {
    (0..COUNT).map(|hour| at(hour, hours_on(hour))).collect()
}

fn hours_on(hours: u64) -> Timestamp {
    NOON.plus_millis(hours.cast_signed() * HOUR_MS)
}

fn listed(store: &dyn Store) -> Vec<Threat> {
    let query = ThreatQuery {
        limit: MAX_LIMIT,
        ..ThreatQuery::default()
    };
    store.threats(&query).expect("listed").items
}

fn trim(store: &dyn Store, retention: Retention, now: Timestamp) -> Trimmed {
    store.trim(&retention, now).expect("trimmed")
}

pub(super) fn old_threats_go_with_all_that_counts_them(place: &dyn Place) {
    let store = place.open(deaf());
    let threats = hourly();
    record(&*store, &threats, &[], NOON);
    let now = hours_on(1_200);
    assert_eq!(trim(&*store, KEEP_ALL, now), Trimmed::default());
    let trimmed = trim(&*store, KEEP_NOTHING_OLD, now);
    assert_eq!(
        trimmed,
        Trimmed {
            threats: 1_200,
            alerts: 1_200,
            publications: 2_400
        }
    );
    assert_eq!(
        trim(&*store, KEEP_NOTHING_OLD, now),
        Trimmed::default(),
        "nothing is left to do"
    );

    let left = listed(&*store);
    assert_eq!(left.len(), 100);
    assert!(left.iter().all(|threat| threat.occurred_at >= now));
    let query = StatsQuery::between(Some(NOON), Some(hours_on(COUNT)), NOON);
    let stats = store.stats(&query).expect("counted");
    let fired: u64 = stats.rules.iter().map(|rule| rule.count).sum();
    let expected: usize = left.iter().map(|threat| threat.detections.len()).sum();
    assert_eq!((stats.total, fired), (100, expected as u64));
    for channel in [channel::THREATS, channel::ALERTS] {
        let backlog = store.backlog(channel, usize::MAX).expect("read");
        assert_eq!(
            (backlog.publications.len(), backlog.next_offset),
            (100, COUNT + 1),
            "{channel}"
        );
    }
}

pub(super) fn old_alerts_go_whatever_their_state(place: &dyn Place) {
    let store = place.open(deaf());
    let threats = hourly();
    record(&*store, &threats, &[], NOON);
    let id = |hour: usize| -> Id { threats[hour].alert.as_ref().expect("it has one").id() };
    let change = |hour: usize, action: AlertAction| {
        let change = AlertChange {
            action,
            by: "anna".to_owned(),
            at: NOON,
            note: None,
        };
        store.change_alert(id(hour), change).expect("changed");
    };
    change(0, AlertAction::Resolve);
    change(1, AlertAction::Acknowledge);
    change(1_250, AlertAction::Resolve);
    let trimmed = trim(&*store, KEEP_NOTHING_OLD, hours_on(1_200));
    assert_eq!((trimmed.threats, trimmed.alerts), (1_200, 1_200));

    let read = |hour: usize| store.alert(id(hour)).expect("read");
    assert_eq!(read(0), None, "resolved and old");
    assert_eq!(read(1), None, "acknowledged and old");
    assert_eq!(read(1_199), None, "open and old");
    assert!(read(1_200).is_some(), "open and not old yet");
    let kept = read(1_250).expect("resolved and young");
    assert_eq!(
        (kept.count, kept.state, kept.changes.len()),
        (1, AlertState::Resolved, 1)
    );
    let counts = store
        .stats(&StatsQuery::between(None, None, NOON))
        .expect("counted")
        .alerts;
    assert_eq!(
        (counts.open, counts.acknowledged, counts.resolved),
        (99, 0, 1)
    );
}

pub(super) fn an_alert_is_as_old_as_its_last_threat(place: &dyn Place) {
    let store = place.open(deaf());
    let first = at(0, NOON);
    let mut last = at(6, hours_on(9));
    last.alert.clone_from(&first.alert);
    let id = first.alert.as_ref().expect("it has one").id();
    record(&*store, &[first, last], &[], NOON);
    let trimmed = trim(&*store, KEEP_NOTHING_OLD, hours_on(9));
    assert_eq!((trimmed.threats, trimmed.alerts), (1, 0));
    let kept = store.alert(id).expect("read").expect("it stays");
    assert_eq!((kept.first_seen, kept.count), (NOON, 2));
    let trimmed = trim(&*store, KEEP_NOTHING_OLD, hours_on(10));
    assert_eq!((trimmed.threats, trimmed.alerts), (1, 1));
}

pub(super) fn the_backlog_is_bounded(place: &dyn Place) {
    let store = place.open(deaf());
    let threats = hourly();
    let young = NOON.plus_millis(9_000);
    record(&*store, &threats[..1_000], &[], NOON);
    record(&*store, &threats[1_000..], &[], young);
    let now = young.plus_millis(1_000);

    let by_age = Retention {
        outbox_age_ms: Some(1_000),
        ..KEEP_ALL
    };
    let trimmed = trim(&*store, by_age, now);
    assert_eq!(
        trimmed,
        Trimmed {
            publications: 2_000,
            ..Trimmed::default()
        }
    );
    let by_count = Retention {
        outbox_items: 10,
        ..KEEP_ALL
    };
    let trimmed = trim(&*store, by_count, now);
    assert_eq!(
        trimmed,
        Trimmed {
            publications: 580,
            ..Trimmed::default()
        }
    );
    for channel in [channel::THREATS, channel::ALERTS] {
        let publications = store
            .backlog(channel, usize::MAX)
            .expect("read")
            .publications;
        let offsets = publications.iter().map(|(offset, _)| *offset);
        assert!(offsets.eq(COUNT - 9..=COUNT), "{channel}");
    }
}

pub(super) fn the_size_is_bounded(place: &dyn Place) {
    let store = place.open(deaf());
    let threats = hourly();
    record(&*store, &threats, &[], NOON);
    let half = Retention {
        max_bytes: Some(2_000_000),
        ..KEEP_ALL
    };
    let trimmed = trim(&*store, half, NOON);
    let left = listed(&*store);
    assert_eq!(trimmed.threats + left.len() as u64, COUNT, "{trimmed:?}");
    assert!(trimmed.threats > 0 && !left.is_empty(), "{trimmed:?}");
    let oldest = left.last().map(|threat| threat.occurred_at);
    assert_eq!(
        oldest,
        Some(hours_on(trimmed.threats)),
        "the oldest went first"
    );
    let query = AlertQuery {
        limit: MAX_LIMIT,
        ..AlertQuery::default()
    };
    let alerts = store.alerts(&query).expect("listed").items;
    assert_eq!(trimmed.alerts + alerts.len() as u64, COUNT, "{trimmed:?}");
    assert!(
        trimmed.alerts > 0 && !alerts.is_empty(),
        "neither goes in place of the other: {trimmed:?}"
    );
    let oldest = alerts.last().map(|alert| alert.last_seen);
    assert_eq!(oldest, Some(hours_on(trimmed.alerts)));

    // Nothing fits: everything goes.
    trim(
        &*store,
        Retention {
            max_bytes: Some(0),
            ..KEEP_ALL
        },
        NOON,
    );
    assert!(listed(&*store).is_empty());
    let counts = store
        .stats(&StatsQuery::between(None, None, NOON))
        .expect("counted")
        .alerts;
    assert_eq!(counts.open, 0);
    for channel in [channel::THREATS, channel::ALERTS] {
        let backlog = store.backlog(channel, 9).expect("read");
        assert_eq!(
            (backlog.publications.len(), backlog.next_offset),
            (0, COUNT + 1),
            "{channel}"
        );
    }

    record(&*store, &threats, &[], NOON);
    assert!(
        store
            .alerts(&AlertQuery::default())
            .expect("listed")
            .next
            .is_some()
    );
    assert_eq!(
        listed(&*store).len(),
        MAX_LIMIT,
        "the store is as good as before"
    );
}
