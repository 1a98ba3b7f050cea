//! Paging while others write.

use std::collections::{HashMap, HashSet};

use vigil_event::{AlertAction, AlertChange, AlertKey, Id, Outcome};

use super::sample::{NOON, at, of_one_alert};
use super::{Place, deaf, record};
use crate::query::{MAX_LIMIT, PAGE_MAX_BYTES};
use crate::{AlertQuery, GroupedThreat, Sort, StoreError, ThreatQuery};

/// Many threats at few moments, so that pages end between equal ones.
fn crowded(numbers: impl Iterator<Item = u64>) -> Vec<GroupedThreat> {
    numbers
        .map(|number| at(number, NOON.plus_millis((number % 5).cast_signed())))
        .collect()
}

pub(super) fn pages_have_no_gap_and_no_double(place: &dyn Place) {
    no_gap_and_no_double(place, Sort::Newest);
}

pub(super) fn pages_by_outcome_have_no_gap_and_no_double(place: &dyn Place) {
    no_gap_and_no_double(place, Sort::Outcome);
}

fn no_gap_and_no_double(place: &dyn Place, sort: Sort) {
    let store = place.open(deaf());
    let first = crowded(0..300);
    record(&*store, &first, &[], NOON);
    let mut seen: HashMap<Id, usize> = HashMap::new();
    let mut order = Vec::new();
    let mut query = ThreatQuery {
        sort,
        limit: 7,
        ..ThreatQuery::default()
    };
    for page in 0u64.. {
        let answer = store.threats(&query).expect("a page");
        assert!(answer.items.len() == 7 || answer.next.is_none());
        for threat in &answer.items {
            *seen.entry(threat.id).or_default() += 1;
            let outcome = (sort == Sort::Outcome).then_some(threat.outcome);
            order.push((outcome, threat.occurred_at, threat.id));
        }
        let Some(next) = answer.next else {
            break;
        };
        query.cursor = Some(next);
        // Before, at and after the place where the page ended.
        record(
            &*store,
            &crowded(1_000 + page * 5..1_005 + page * 5),
            &[],
            NOON,
        );
    }
    assert!(seen.values().all(|times| *times == 1), "no double");
    assert!(
        first
            .iter()
            .all(|grouped| seen.contains_key(&grouped.threat.id)),
        "no gap"
    );
    assert!(order.is_sorted_by(|a, b| a > b), "in order");
}

pub(super) fn an_outcome_that_rises_makes_no_double(place: &dyn Place) {
    let store = place.open(deaf());
    let of = |hour: u64, outcome: Outcome| {
        let moment = NOON.plus_millis(hour.cast_signed() * super::sample::HOUR_MS);
        let mut grouped = at(hour, moment);
        grouped.threat.outcome = outcome;
        grouped
    };
    let first: Vec<_> = (0..40)
        .map(|hour| of(hour, Outcome::from_rank((hour % 3) as u8)))
        .collect();
    record(&*store, &first, &[], NOON);
    let id = |grouped: &GroupedThreat| grouped.alert.as_ref().map(AlertKey::id);
    let mut seen = Vec::new();
    let mut risen = HashSet::new();
    let mut query = AlertQuery {
        sort: Sort::Outcome,
        limit: 6,
        ..AlertQuery::default()
    };
    loop {
        let answer = store.alerts(&query).expect("a page");
        seen.extend(answer.items.iter().map(|alert| (alert.outcome, alert.id)));
        let Some(next) = answer.next else {
            break;
        };
        query.cursor = Some(next);
        // One that was listed and one that was not turn out to have succeeded.
        for hour in [seen.len() as u64 / 6, 39 - seen.len() as u64 / 6] {
            let mut again = of(hour, Outcome::LikelySuccess);
            again.threat.id =
                Id::derived(NOON, &[&(seen.len() as u64).to_le_bytes(), &[hour as u8]]);
            risen.extend(id(&again));
            record(&*store, &[again], &[], NOON);
        }
    }
    assert!(seen.is_sorted_by(|a, b| a.0 >= b.0), "the worst first");
    let listed: HashSet<_> = seen.iter().map(|(_, id)| *id).collect();
    assert_eq!(listed.len(), seen.len(), "no double");
    for grouped in &first {
        let alert = id(grouped).expect("its alert");
        assert!(listed.contains(&alert) || risen.contains(&alert), "no gap");
    }
    query.cursor = None;
    let again = store.alerts(&query).expect("a page").items;
    assert!(
        again
            .iter()
            .all(|alert| alert.outcome == Outcome::LikelySuccess)
    );
}

pub(super) fn large_threats_make_short_pages(place: &dyn Place) {
    let store = place.open(deaf());
    // One of them alone is more than a page has.
    let size = |number: u64| match number {
        20 => PAGE_MAX_BYTES + 1,
        _ => 300_000,
    };
    let mut large = crowded(0..40);
    for (number, grouped) in (0..).zip(&mut large) {
        grouped.threat.event.original = "x".repeat(size(number));
    }
    record(&*store, &large, &[], NOON);
    let mut query = ThreatQuery {
        limit: MAX_LIMIT,
        ..ThreatQuery::default()
    };
    let mut seen = Vec::new();
    let mut pages = 0;
    loop {
        let answer = store.threats(&query).expect("a page");
        let originals = answer.items.iter().map(|t| t.event.original.len());
        let bytes: usize = originals.sum();
        assert!(bytes <= PAGE_MAX_BYTES || answer.items.len() == 1);
        assert!(!answer.items.is_empty(), "a page leads on");
        seen.extend(answer.items.iter().map(|t| (t.occurred_at, t.id)));
        pages += 1;
        let Some(next) = answer.next else {
            break;
        };
        query.cursor = Some(next);
    }
    assert!(
        (5..=7).contains(&pages),
        "pages are as long as they may be: {pages}"
    );
    let mut expected: Vec<_> = large
        .iter()
        .map(|grouped| (grouped.threat.occurred_at, grouped.threat.id))
        .collect();
    expected.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(seen, expected, "no gap and no double");
}

pub(super) fn alerts_keep_their_place(place: &dyn Place) {
    let store = place.open(deaf());
    let hours = |hour: u64| {
        at(
            hour,
            NOON.plus_millis(hour.cast_signed() * super::sample::HOUR_MS),
        )
    };
    let first: Vec<_> = (0..40).map(hours).collect();
    record(&*store, &first, &[], NOON);
    let expected: HashSet<_> = first
        .iter()
        .filter_map(|grouped| Some(grouped.alert.as_ref()?.id()))
        .collect();
    let mut seen = Vec::new();
    let mut query = AlertQuery {
        limit: 6,
        ..AlertQuery::default()
    };
    loop {
        let answer = store.alerts(&query).expect("a page");
        seen.extend(answer.items.iter().map(|alert| alert.id));
        let Some(next) = answer.next else {
            break;
        };
        query.cursor = Some(next);
        // An alert of a later page grows and is seen later than all others.
        let mut again = hours(0);
        again.threat.id = Id::derived(NOON, &[&(seen.len() as u64).to_le_bytes()]);
        again.threat.occurred_at = NOON.plus_millis(99 * super::sample::HOUR_MS);
        record(&*store, &[again], &[], NOON);
        let resolve = AlertChange {
            action: AlertAction::Resolve,
            by: "anna".to_owned(),
            at: NOON,
            note: None,
        };
        store.change_alert(seen[0], resolve).expect("resolved");
    }
    assert_eq!(seen.len(), 40, "no double");
    assert_eq!(seen.into_iter().collect::<HashSet<_>>(), expected, "no gap");
}

pub(super) fn a_wrong_question_is_an_error(place: &dyn Place) {
    let store = place.open(deaf());
    record(&*store, &of_one_alert(0..2), &[], NOON);
    for cursor in [
        "",
        "x",
        "' OR 1=1 --",
        "ffffffffffffffffffffffffffffffffffffffffffff",
    ] {
        let cursor = Some(cursor.to_owned());
        let threats = store.threats(&ThreatQuery {
            cursor: cursor.clone(),
            ..ThreatQuery::default()
        });
        assert!(matches!(threats, Err(StoreError::BadCursor)));
        let alerts = store.alerts(&AlertQuery {
            cursor,
            ..AlertQuery::default()
        });
        assert!(matches!(alerts, Err(StoreError::BadCursor)));
    }
    let of_two = |sort, cursor| ThreatQuery {
        sort,
        cursor,
        limit: 1,
        ..ThreatQuery::default()
    };
    for (sort, other) in [(Sort::Newest, Sort::Outcome), (Sort::Outcome, Sort::Newest)] {
        let next = store.threats(&of_two(sort, None)).expect("a page").next;
        assert!(next.is_some());
        assert!(store.threats(&of_two(sort, next.clone())).is_ok());
        let elsewhere = store.threats(&of_two(other, next));
        assert!(matches!(elsewhere, Err(StoreError::BadCursor)));
    }
    let endless = ThreatQuery {
        text: Some("x".repeat(2_000)),
        ..ThreatQuery::default()
    };
    assert!(matches!(
        store.threats(&endless),
        Err(StoreError::TextTooLong { .. })
    ));
    let zero = ThreatQuery {
        limit: 0,
        ..ThreatQuery::default()
    };
    assert_eq!(store.threats(&zero).expect("the default").items.len(), 2);
}
