//! The life of alerts.

use vigil_event::{Alert, AlertAction, AlertChange, AlertState, Id, Kind, Severity, Timestamp};

use super::sample::{NOON, at, grouped, of_one_alert};
use super::{Place, Told, deaf, record};
use crate::{GroupedThreat, Store, StoreError};

const ANNA: &str = "anna";
const BEN: &str = "ben";

fn change(action: AlertAction, by: &str, seconds: i64) -> AlertChange {
    AlertChange {
        action,
        by: by.to_owned(),
        at: NOON.plus_millis(seconds * 1_000),
        note: None,
    }
}

fn note(by: &str, text: &str) -> AlertChange {
    AlertChange {
        note: Some(text.to_owned()),
        ..change(AlertAction::Note, by, 0)
    }
}

/// A store with one alert of one threat.
fn with_an_alert(place: &dyn Place, told: &Told) -> (Box<dyn Store>, Id) {
    let store = place.open(told.hook());
    let threats = of_one_alert([1]);
    record(&*store, &threats, &[], NOON);
    told.take();
    (store, alert_of(&threats[0]))
}

fn alert_of(grouped: &GroupedThreat) -> Id {
    grouped.alert.as_ref().expect("it has one").id()
}

fn read(store: &dyn Store, id: Id) -> Alert {
    store.alert(id).expect("read").expect("it is there")
}

/// Each change as `who action`.
fn changes(alert: &Alert) -> Vec<String> {
    alert
        .changes
        .iter()
        .map(|change| format!("{} {}", change.by, change.action.name()))
        .collect()
}

pub(super) fn an_alert_is_published_once_an_entry(place: &dyn Place) {
    let told = Told::default();
    let store = place.open(told.hook());
    let mut threats = of_one_alert(0..50);
    threats.insert(1, grouped(1));
    threats.push(GroupedThreat {
        alert: None,
        ..grouped(2)
    });
    record(&*store, &threats, &[], NOON);
    let told = told.take();
    let alerts: Vec<_> = told
        .iter()
        .filter(|(_, publication)| publication.kind == Kind::AlertNew)
        .collect();
    assert_eq!(
        (told.len(), alerts.len()),
        (54, 2),
        "52 threats and 2 alerts"
    );
    let published: Alert = serde_json::from_slice(&alerts[0].1.data).expect("an alert");
    assert_eq!(
        (published.count, published.id),
        (50, alert_of(&threats[0])),
        "in the order of their first threats"
    );
    assert_eq!(published, read(&*store, published.id));
    assert_eq!(alerts[0].1.severity, published.severity);
    assert_ne!(alerts[0].1.id, alerts[1].1.id);
}

pub(super) fn an_alert_is_the_sum_of_its_threats(place: &dyn Place) {
    let store = place.open(deaf());
    // Not in the order of time, and the strongest in the middle.
    let threats = of_one_alert([4, 13, 3, 9, 5]);
    record(&*store, &threats[..2], &[], NOON);
    record(&*store, &threats[2..], &[], NOON);
    let alert = read(&*store, alert_of(&threats[0]));
    let all = || threats.iter().map(|grouped| &grouped.threat);
    let strongest = all()
        .max_by(|a, b| a.score.value().total_cmp(&b.score.value()))
        .expect("some");
    assert_eq!((alert.count, alert.state), (5, AlertState::Open));
    assert_eq!(
        Some(alert.first_seen),
        all().map(|threat| threat.occurred_at).min()
    );
    assert_eq!(
        Some(alert.last_seen),
        all().map(|threat| threat.occurred_at).max()
    );
    assert_eq!(alert.last_threat, threats[1].threat.id);
    assert_eq!(alert.title, strongest.detections[0].title);
    assert_eq!(
        (alert.score, alert.severity),
        (strongest.score, strongest.severity)
    );
    assert_eq!(
        (alert.source_ip, alert.country_iso_code.as_deref()),
        (strongest.source.ip, Some("NL"))
    );
    assert!(alert.severity > Severity::Medium && alert.changes.is_empty());
}

pub(super) fn a_life_from_open_to_resolved(place: &dyn Place) {
    let told = Told::default();
    let (store, id) = with_an_alert(place, &told);
    let alert = store
        .change_alert(id, change(AlertAction::Acknowledge, ANNA, 1))
        .expect("acknowledged");
    assert_eq!(
        (alert.state, alert.assignee.as_deref()),
        (AlertState::Acknowledged, Some(ANNA))
    );
    store
        .change_alert(id, note(BEN, "looks bad"))
        .expect("noted");
    let alert = store
        .change_alert(id, change(AlertAction::Resolve, BEN, 3))
        .expect("resolved");
    assert_eq!(
        (alert.state, alert.assignee.as_deref()),
        (AlertState::Resolved, Some(BEN))
    );
    assert_eq!(
        changes(&alert),
        ["anna acknowledge", "ben note", "ben resolve"]
    );
    assert_eq!(alert.changes[1], note(BEN, "looks bad"));
    assert_eq!(read(&*store, id), alert);
    assert_eq!(
        told.kinds(),
        [
            "alert.acknowledged@2",
            "alert.updated@3",
            "alert.resolved@4"
        ]
    );

    let again = store.change_alert(id, change(AlertAction::Acknowledge, ANNA, 4));
    let Err(StoreError::Conflict { state, action, .. }) = again else {
        panic!("a resolved alert was acknowledged: {again:?}");
    };
    assert_eq!(
        (state, action),
        (AlertState::Resolved, AlertAction::Acknowledge)
    );
    assert_eq!(read(&*store, id), alert);
    let alert = store
        .change_alert(id, change(AlertAction::Reopen, ANNA, 5))
        .expect("reopened");
    assert_eq!(alert.state, AlertState::Open);
    store
        .change_alert(id, change(AlertAction::Resolve, ANNA, 6))
        .expect("resolved without being acknowledged");
    assert_eq!(told.kinds(), ["alert.updated@5", "alert.resolved@6"]);
    let unknown = Id::derived(NOON, &[b"nobody"]);
    assert!(
        matches!(store.change_alert(unknown, note(ANNA, "?")), Err(StoreError::NotFound(id)) if id == unknown)
    );
    assert_eq!(store.alert(unknown).expect("read"), None);
}

pub(super) fn doing_it_again_changes_nothing(place: &dyn Place) {
    let told = Told::default();
    let (store, id) = with_an_alert(place, &told);
    for action in [AlertAction::Acknowledge, AlertAction::Resolve] {
        let first = store
            .change_alert(id, change(action, ANNA, 1))
            .expect("done");
        assert_eq!(told.kinds().len(), 1);
        let again = store
            .change_alert(id, change(action, BEN, 2))
            .expect("no error");
        assert_eq!(again, first, "who did it first is kept");
        assert!(told.kinds().is_empty());
    }
    let said = AlertChange {
        note: Some("me too".to_owned()),
        ..change(AlertAction::Resolve, BEN, 3)
    };
    let alert = store.change_alert(id, said).expect("noted");
    assert_eq!(
        changes(&alert),
        ["anna acknowledge", "anna resolve", "ben note"],
        "what was said is kept"
    );
    assert_eq!(
        (alert.assignee.as_deref(), told.kinds().len()),
        (Some(ANNA), 1)
    );
}

pub(super) fn a_new_threat_reopens(place: &dyn Place) {
    let told = Told::default();
    let (store, id) = with_an_alert(place, &told);
    store
        .change_alert(id, change(AlertAction::Resolve, ANNA, 1))
        .expect("resolved");
    record(&*store, &of_one_alert([1]), &[], NOON);
    assert_eq!(
        read(&*store, id).state,
        AlertState::Resolved,
        "a known threat does not reopen"
    );
    told.take();
    let later = NOON.plus_millis(9_000);
    record(&*store, &of_one_alert([2, 3]), &[], later);
    let alert = read(&*store, id);
    assert_eq!(
        (alert.state, alert.count, alert.assignee.as_deref()),
        (AlertState::Open, 3, Some(ANNA))
    );
    assert_eq!(changes(&alert), ["anna resolve", "vigil reopen"]);
    assert_eq!(alert.changes[1].at, later);
    assert_eq!(
        told.kinds(),
        ["threat.new@2", "threat.new@3", "alert.updated@3"]
    );
}

pub(super) fn changes_have_limits(place: &dyn Place) {
    let told = Told::default();
    let (store, id) = with_an_alert(place, &told);
    for refused in [
        note(ANNA, " "),
        note(ANNA, &"x".repeat(16_001)),
        change(AlertAction::Note, ANNA, 1),
    ] {
        assert!(matches!(
            store.change_alert(id, refused),
            Err(StoreError::BadChange { .. })
        ));
    }
    assert!(read(&*store, id).changes.is_empty() && told.kinds().is_empty());
    let longest = note(ANNA, &"x".repeat(16_000));
    let noted = store.change_alert(id, longest.clone()).expect("it fits");
    assert_eq!(noted.changes, [longest]);
    // Far outside the alert's window: the grouping is not the store's business.
    let late = at(6, Timestamp::from_millis(1));
    assert_ne!(alert_of(&late), id);
    record(
        &*store,
        &[GroupedThreat {
            alert: of_one_alert([1])[0].alert.clone(),
            ..late
        }],
        &[],
        NOON,
    );
    assert_eq!(read(&*store, id).first_seen, Timestamp::from_millis(1));
}
