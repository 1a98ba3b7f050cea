//! Recording: exactly once, in order, with its checkpoint, and told again after a restart.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use vigil_event::{AlertAction, AlertChange, Checkpoint, Publication, SourceId, channel};

use super::sample::{NOON, grouped, of_one_alert};
use super::{Place, Told, deaf, record};
use crate::{AlertQuery, Entry, GroupedThreat, Recorded, StoreError, ThreatQuery};

pub(super) fn a_threat_comes_back_as_it_was(place: &dyn Place) {
    let store = place.open(deaf());
    let threats: Vec<_> = (0..12).map(grouped).collect();
    record(&*store, &threats, &[], NOON);
    for GroupedThreat { threat, .. } in &threats {
        assert_eq!(
            store.threat(threat.id).expect("read").as_ref(),
            Some(threat)
        );
    }
    assert_eq!(store.threat(grouped(99).threat.id).expect("read"), None);
}

pub(super) fn a_known_threat_is_ignored(place: &dyn Place) {
    let told = Told::default();
    let store = place.open(told.hook());
    let threats = of_one_alert([1, 2, 2]);
    assert_eq!(
        record(&*store, &threats, &[], NOON),
        Recorded {
            stored: 2,
            already: 1,
            ..Recorded::default()
        }
    );
    assert_eq!(
        told.kinds(),
        ["threat.new@1", "threat.new@2", "alert.new@1"]
    );
    assert_eq!(
        record(&*store, &threats, &[], NOON),
        Recorded {
            stored: 0,
            already: 3,
            ..Recorded::default()
        }
    );
    assert!(told.kinds().is_empty());
    let more = of_one_alert([2, 3]);
    assert_eq!(
        record(&*store, &more, &[], NOON),
        Recorded {
            stored: 1,
            already: 1,
            ..Recorded::default()
        }
    );
    assert_eq!(told.kinds(), ["threat.new@3", "alert.updated@2"]);
    let alerts = store.alerts(&AlertQuery::default()).expect("listed").items;
    assert_eq!(
        alerts.iter().map(|alert| alert.count).collect::<Vec<_>>(),
        [3]
    );
    assert_eq!(
        store
            .threats(&ThreatQuery::default())
            .expect("listed")
            .items
            .len(),
        3
    );
}

pub(super) fn checkpoints_move_with_their_threats(place: &dyn Place) {
    let store = place.open(deaf());
    let checkpoint = |source: &str, state: &str| Checkpoint {
        source: SourceId::new(source),
        state: state.to_owned(),
    };
    record(
        &*store,
        &[grouped(1)],
        &[checkpoint("/b", "1"), checkpoint("/a", "1")],
        NOON,
    );
    record(&*store, &[], &[checkpoint("/b", "2")], NOON);
    assert_eq!(
        store.checkpoints().expect("read"),
        [checkpoint("/a", "1"), checkpoint("/b", "2")]
    );
    let over = ["/a", "/unknown"].map(SourceId::new);
    store.forget_checkpoints(&over).expect("forgotten");
    assert_eq!(store.checkpoints().expect("read"), [checkpoint("/b", "2")]);
}

/// Several threads record and change at once: each channel's offsets count up by one in the order in
/// which the hook heard of them, and the backlog is the same list.
pub(super) fn publications_come_in_commit_order(place: &dyn Place) {
    let told = Told::default();
    let store = place.open(told.hook());
    thread::scope(|scope| {
        for worker in 0..4 {
            let store = &*store;
            scope.spawn(move || {
                for number in (0..200).filter(|number| number % 4 == worker) {
                    let threats = [grouped(number), grouped(number + 1_000)];
                    record(store, &threats, &[], NOON);
                    let alert = threats[0].alert.as_ref().expect("it has one").id();
                    let change = AlertChange {
                        action: AlertAction::Note,
                        by: "anna".to_owned(),
                        at: NOON,
                        note: Some("?".to_owned()),
                    };
                    store.change_alert(alert, change).expect("changed");
                }
            });
        }
    });
    let mut by_channel: HashMap<String, Vec<(u64, Publication)>> = HashMap::new();
    for (offset, publication) in told.take() {
        by_channel
            .entry(publication.channel.to_string())
            .or_default()
            .push((offset, publication));
    }
    assert_eq!(by_channel[channel::THREATS].len(), 400);
    for (channel, told) in by_channel {
        assert!(
            told.iter()
                .map(|(offset, _)| *offset)
                .eq(1..=told.len() as u64),
            "{channel} in order"
        );
        let backlog = store.backlog(&channel, usize::MAX).expect("read");
        assert_eq!(backlog.next_offset, told.len() as u64 + 1);
        assert!(
            backlog.publications == told,
            "{channel}: the backlog is what was told"
        );
    }
}

/// The process ends between the commit and the hook: here the hook panics, which ends only the call.
pub(super) fn what_was_not_told_is_in_the_backlog(place: &dyn Place) {
    let threats = of_one_alert([1, 2]);
    let entry = Entry {
        threats: &threats,
        checkpoints: &[],
        at: NOON,
        ..Entry::default()
    };
    let store = place.open(Box::new(|_| {
        panic!("killed before it was told (a part of this check)")
    }));
    assert!(catch_unwind(AssertUnwindSafe(|| store.record(&entry))).is_err());
    let before = store
        .backlog(channel::THREATS, 10)
        .expect("the store goes on");
    drop(store);

    let told = Told::default();
    let store = place.open(told.hook());
    let backlog = store.backlog(channel::THREATS, 10).expect("read");
    assert_eq!(backlog, before);
    let ids: Vec<_> = backlog
        .publications
        .iter()
        .map(|(_, publication)| publication.id)
        .collect();
    assert_eq!(
        ids,
        threats
            .iter()
            .map(|grouped| grouped.threat.id)
            .collect::<Vec<_>>()
    );
    assert_eq!(
        store
            .backlog(channel::ALERTS, 10)
            .expect("read")
            .publications
            .len(),
        1
    );
    assert_eq!(
        record(&*store, &threats, &[], NOON),
        Recorded {
            stored: 0,
            already: 2,
            ..Recorded::default()
        }
    );
    assert!(told.kinds().is_empty(), "told by the backlog, not again");
}

pub(super) fn an_ended_store_goes_on_where_it_was(place: &dyn Place) {
    let told = Told::default();
    let checkpoint = Checkpoint {
        source: SourceId::new("/a"),
        state: "{}".to_owned(),
    };
    let store = place.open(told.hook());
    record(
        &*store,
        &of_one_alert(0..5),
        std::slice::from_ref(&checkpoint),
        NOON,
    );
    let before = store.backlog(channel::THREATS, 3).expect("read");
    assert!(
        before
            .publications
            .iter()
            .map(|(offset, _)| *offset)
            .eq(3..=5),
        "the newest three"
    );
    let alerts = store.alerts(&AlertQuery::default()).expect("listed");
    drop(store);
    told.take();

    let store = place.open(told.hook());
    assert_eq!(store.backlog(channel::THREATS, 3).expect("read"), before);
    assert_eq!(
        store.alerts(&AlertQuery::default()).expect("listed"),
        alerts
    );
    assert_eq!(store.checkpoints().expect("read"), [checkpoint]);
    record(&*store, &of_one_alert([9]), &[], NOON);
    assert_eq!(told.kinds(), ["threat.new@6", "alert.updated@2"]);
    assert!(
        !before.epoch.is_empty()
            && before.epoch != store.backlog(channel::ALERTS, 1).expect("read").epoch
    );
}

pub(super) fn an_unknown_channel_is_an_error(place: &dyn Place) {
    let answer = place.open(deaf()).backlog("weather", 1);
    assert!(matches!(answer, Err(StoreError::UnknownChannel(name)) if name == "weather"));
}

pub(super) fn it_can_be_written(place: &dyn Place) {
    place.open(deaf()).check().expect("it can");
}
