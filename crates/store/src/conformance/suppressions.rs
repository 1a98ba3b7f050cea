//! Suppressions: kept, ended, counted.

use vigil_event::{Id, Suppression, SuppressionHit, Timestamp};

use super::sample::{HOUR_MS, NOON, of_one_alert};
use super::{Place, deaf};
use crate::{Entry, Retention, Store, StoreError};

fn suppression(name: &str) -> Suppression {
    Suppression {
        id: Id::derived(NOON, &[name.as_bytes()]),
        rule: name.to_owned(),
        network: Some("2001:db8::/32".parse().expect("a network")),
        path: Some("/editor/*".to_owned()),
        host: Some("shop.example".to_owned()),
        reason: "an \"editor\"".to_owned(),
        author: "anna".to_owned(),
        created_at: NOON,
        expires_at: Some(NOON.plus_millis(HOUR_MS)),
        removed_by: None,
        removed_at: None,
        hits: 0,
        last_seen: None,
    }
}

fn active(store: &dyn Store, at: Timestamp) -> Vec<Suppression> {
    store.suppressions(Some(at)).expect("a list")
}

pub(super) fn a_suppression_comes_back_as_it_was(place: &dyn Place) {
    let store = place.open(deaf());
    let bare = Suppression {
        network: None,
        path: None,
        host: None,
        expires_at: None,
        created_at: NOON.plus_millis(1),
        ..suppression("b")
    };
    for one in [&suppression("a"), &bare] {
        store.add_suppression(one).expect("kept");
    }
    assert_eq!(active(&*store, NOON), [bare, suppression("a")]);
}

pub(super) fn it_ends_by_time_and_by_hand(place: &dyn Place) {
    let store = place.open(deaf());
    store.add_suppression(&suppression("a")).expect("kept");
    store.add_suppression(&suppression("b")).expect("kept");
    let id = suppression("a").id;
    let removed = store
        .remove_suppression(id, "ben", NOON.plus_millis(5))
        .expect("removed");
    assert_eq!(removed.removed_by.as_deref(), Some("ben"));
    let again = store.remove_suppression(id, "carl", NOON.plus_millis(9));
    assert_eq!(again.expect("removed"), removed, "who did first is kept");
    assert_eq!(active(&*store, NOON), [suppression("b")]);
    let end = NOON.plus_millis(HOUR_MS);
    assert_eq!(active(&*store, end.plus_millis(-1)).len(), 1);
    assert_eq!(active(&*store, end), []);
    assert_eq!(store.suppressions(None).expect("a list").len(), 2);
    let unknown = suppression("c").id;
    let error = store.remove_suppression(unknown, "ben", NOON);
    assert!(matches!(error, Err(StoreError::NoSuppression(id)) if id == unknown));
    let retention = Retention {
        max_age_ms: Some(HOUR_MS),
        ..Retention::default()
    };
    store
        .trim(&retention, NOON.plus_millis(HOUR_MS + 6))
        .expect("trimmed");
    let left = store.suppressions(None).expect("a list");
    assert_eq!(left, [suppression("b")], "its end is not an hour ago");
}

pub(super) fn hits_are_counted_with_the_entry(place: &dyn Place) {
    let store = place.open(deaf());
    let id = suppression("a").id;
    store.add_suppression(&suppression("a")).expect("kept");
    let hit = |hits, second: i64| SuppressionHit {
        id,
        hits,
        last_seen: NOON.plus_millis(second * 1_000),
    };
    let gone = SuppressionHit {
        id: suppression("gone").id,
        ..hit(1, 1)
    };
    for hits in [vec![hit(2, 9), gone], vec![hit(3, 4)]] {
        store
            .record(&Entry {
                threats: &of_one_alert([1]),
                suppression_hits: &hits,
                at: NOON,
                ..Entry::default()
            })
            .expect("recorded");
    }
    let counted = &active(&*store, NOON)[0];
    assert_eq!(counted.hits, 5);
    assert_eq!(counted.last_seen, Some(NOON.plus_millis(9_000)));
}

pub(super) fn one_without_a_reason_or_a_bound_is_refused(place: &dyn Place) {
    let store = place.open(deaf());
    let refused = |one: Suppression| {
        matches!(
            store.add_suppression(&one),
            Err(StoreError::BadSuppression { .. })
        )
    };
    let good = suppression("a");
    assert!(refused(Suppression {
        reason: " ".to_owned(),
        ..good.clone()
    }));
    assert!(refused(Suppression {
        expires_at: Some(NOON),
        ..good.clone()
    }));
    let everywhere = Suppression {
        network: None,
        path: Some("/*".to_owned()),
        host: None,
        ..suppression("*")
    };
    assert!(refused(everywhere));
    for number in 0..crate::suppression::MAX_ACTIVE {
        store
            .add_suppression(&suppression(&number.to_string()))
            .expect("kept");
    }
    assert!(refused(good));
}
