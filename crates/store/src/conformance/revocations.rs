//! Revocations: kept, lifted, forgotten.

use vigil_event::{Id, Revocation, Revoked};

use super::sample::{HOUR_MS, NOON};
use super::{Place, deaf};
use crate::StoreError;

fn revocation(revoked: Revoked) -> Revocation {
    Revocation {
        id: Id::derived(
            NOON,
            &[revoked.kind().as_bytes(), revoked.value().as_bytes()],
        ),
        revoked,
        reason: "a \"lost\" phone".to_owned(),
        author: "admin".to_owned(),
        created_at: NOON,
        expires_at: None,
    }
}

fn user(name: &str) -> Revocation {
    revocation(Revoked::User(name.to_owned()))
}

pub(super) fn a_revocation_outlives_the_store(place: &dyn Place) {
    let all = [
        revocation(Revoked::Token("t".to_owned())),
        user("anna"),
        revocation(Revoked::Key("k".to_owned())),
    ];
    let store = place.open(deaf());
    for one in &all {
        store.add_revocation(one).expect("kept");
    }
    drop(store);
    let store = place.open(deaf());
    let kept = store.revocations(NOON).expect("a list");
    assert_eq!(kept.len(), all.len());
    assert!(all.iter().all(|one| kept.contains(one)));
}

pub(super) fn it_ends_by_time_and_by_being_lifted(place: &dyn Place) {
    let store = place.open(deaf());
    let ending = Revocation {
        expires_at: Some(NOON.plus_millis(HOUR_MS)),
        ..user("anna")
    };
    store.add_revocation(&ending).expect("kept");
    store.add_revocation(&user("ben")).expect("kept");
    let end = NOON.plus_millis(HOUR_MS);
    let list = |at| store.revocations(at).expect("a list");
    assert_eq!(list(end.plus_millis(-1)).len(), 2);
    assert_eq!(list(end), [user("ben")]);
    let lifted = store.lift_revocation(user("ben").id).expect("lifted");
    assert_eq!(lifted, user("ben"));
    assert_eq!(list(NOON), [ending]);
    let again = store.lift_revocation(user("ben").id);
    assert!(matches!(again, Err(StoreError::NoRevocation(id)) if id == user("ben").id));
}

pub(super) fn there_are_bounds(place: &dyn Place) {
    let store = place.open(deaf());
    for bad in [
        user(" "),
        user(&"x".repeat(513)),
        Revocation {
            reason: String::new(),
            ..user("anna")
        },
        Revocation {
            expires_at: Some(NOON),
            ..user("anna")
        },
    ] {
        assert!(matches!(
            store.add_revocation(&bad),
            Err(StoreError::BadRevocation { .. })
        ));
    }
    assert_eq!(store.revocations(NOON).expect("a list"), []);
}
