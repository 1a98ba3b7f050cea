//! Which credentials are no longer accepted, though nothing is wrong with them.
//!
//! Never holds: where revocations are kept; what is in force is put here by the one who keeps them.

use std::collections::{HashMap, HashSet};
use std::fmt;

use parking_lot::RwLock;
use tokio::sync::watch;
use vigil_event::{Revocation, Revoked, Timestamp};

use crate::Principal;

/// The revocations in force. Shared between threads; asking takes no longer with more of them.
pub struct Revocations {
    in_force: RwLock<InForce>,
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct InForce {
    tokens: HashSet<String>,
    keys: HashSet<String>,
    /// The latest moment for each user.
    users: HashMap<String, Timestamp>,
}

impl Default for Revocations {
    fn default() -> Self {
        Self {
            in_force: RwLock::default(),
            changes: watch::Sender::new(0),
        }
    }
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let in_force = self.in_force.read();
        f.debug_struct("Revocations")
            .field("tokens", &in_force.tokens.len())
            .field("keys", &in_force.keys.len())
            .field("users", &in_force.users.len())
            .finish()
    }
}

impl Revocations {
    /// Puts these in force, in place of those before, and wakes everybody who waits for a change.
    pub fn replace(&self, revocations: impl IntoIterator<Item = Revocation>) {
        let mut in_force = InForce::default();
        for Revocation {
            revoked,
            created_at,
            ..
        } in revocations
        {
            match revoked {
                Revoked::Token(id) => drop(in_force.tokens.insert(id)),
                Revoked::Key(name) => drop(in_force.keys.insert(name)),
                Revoked::User(name) => {
                    let latest = in_force.users.entry(name).or_insert(created_at);
                    *latest = created_at.max(*latest);
                }
            }
        }
        *self.in_force.write() = in_force;
        self.changes.send_modify(|version| *version += 1);
    }

    /// Whether that principal's credential is revoked.
    pub fn cover(&self, principal: &Principal) -> bool {
        let in_force = self.in_force.read();
        let tokens = [&principal.token_id, &principal.parent_id];
        tokens
            .into_iter()
            .flatten()
            .any(|id| in_force.tokens.contains(id))
            || principal
                .key
                .as_ref()
                .is_some_and(|key| in_force.keys.contains(key))
            || in_force
                .users
                .get(&principal.subject)
                .is_some_and(|at| principal.issued_at.is_none_or(|issued| issued <= *at))
    }

    /// Tells of changes from the next one on: a connection then asks whether its credential still
    /// holds. One that marks the receiver as changed also hears of a change that it may have missed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use vigil_event::Id;

    use super::*;
    use crate::Role;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn revocation(revoked: Revoked) -> Revocation {
        Revocation {
            id: Id::derived(NOW, &[revoked.value().as_bytes()]),
            revoked,
            reason: "lost".to_owned(),
            author: "admin".to_owned(),
            created_at: NOW,
            expires_at: None,
        }
    }

    fn anna() -> Principal {
        Principal {
            token_id: Some("t1".to_owned()),
            issued_at: Some(NOW.plus_millis(-1)),
            ..Principal::new("anna", Role::Viewer)
        }
    }

    fn covers(revoked: Revoked, principal: &Principal) -> bool {
        let revocations = Revocations::default();
        assert!(!revocations.cover(principal));
        revocations.replace([revocation(revoked)]);
        revocations.cover(principal)
    }

    #[test]
    fn a_token_goes_with_what_was_opened_with_it() {
        let token = |id: &str| Revoked::Token(id.to_owned());
        assert!(covers(token("t1"), &anna()));
        assert!(!covers(token("t2"), &anna()));
        assert!(!covers(token("anna"), &anna()));
        let session = Principal {
            token_id: Some("t2".to_owned()),
            parent_id: Some("t1".to_owned()),
            ..anna()
        };
        assert!(covers(token("t1"), &session));
        assert!(covers(token("t2"), &session));
    }

    #[test]
    fn a_user_loses_what_they_had_and_may_get_anew() {
        let user = || Revoked::User("anna".to_owned());
        let issued = |at: Option<i64>| Principal {
            issued_at: at.map(|ms| NOW.plus_millis(ms)),
            ..anna()
        };
        assert!(covers(user(), &issued(Some(0))));
        assert!(!covers(user(), &issued(Some(1))));
        assert!(covers(user(), &issued(None)));
        assert!(!covers(Revoked::User("ben".to_owned()), &anna()));
        // Of two, the later counts.
        let revocations = Revocations::default();
        let later = Revocation {
            created_at: NOW.plus_millis(50),
            ..revocation(user())
        };
        revocations.replace([later, revocation(user())]);
        assert!(revocations.cover(&issued(Some(50))));
    }

    #[test]
    fn a_key_goes_with_all_that_it_signed() {
        let signed = Principal {
            key: Some("k1".to_owned()),
            ..anna()
        };
        assert!(covers(Revoked::Key("k1".to_owned()), &signed));
        assert!(!covers(Revoked::Key("k1".to_owned()), &anna()));
    }

    #[test]
    fn who_waits_hears_of_it() {
        let revocations = Revocations::default();
        let mut changes = revocations.changes();
        assert!(!changes.has_changed().unwrap());
        revocations.replace([revocation(Revoked::Token("t1".to_owned()))]);
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        revocations.replace([]);
        assert!(changes.has_changed().unwrap());
        assert!(!revocations.cover(&anna()));
    }
}
