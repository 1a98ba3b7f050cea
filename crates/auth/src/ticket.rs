//! Tickets: texts that open once and soon expire, for places where a token must not stand, such as
//! a URL.
//!
//! Only a ticket's digest is kept, so a copy of the memory opens nothing.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use vigil_event::Timestamp;

use crate::{AuthError, Principal, secret};

/// Tickets that have been issued and not redeemed. Shared between threads: of any number of
/// attempts at one moment, one redeems a ticket.
pub struct Tickets {
    lifetime_ms: i64,
    /// The oldest first; all have the same lifetime, so that is also the order of expiry.
    outstanding: Mutex<VecDeque<Ticket>>,
    dropped: AtomicU64,
}

struct Ticket {
    digest: [u8; 32],
    principal: Principal,
    expires_at: Timestamp,
}

impl Tickets {
    /// How long a ticket opens, unless told otherwise: ten minutes.
    pub const DEFAULT_LIFETIME_MS: i64 = 10 * 60 * 1_000;

    /// At most this many wait to be redeemed; a further one takes the place of the oldest.
    pub const MAX_OUTSTANDING: usize = 1_024;

    /// At most this many of one user: nobody who asks again and again takes the place of others.
    pub const MAX_OF_USER: usize = 64;

    /// Tickets that open for that long.
    pub const fn new(lifetime_ms: i64) -> Self {
        Self {
            lifetime_ms,
            outstanding: Mutex::new(VecDeque::new()),
            dropped: AtomicU64::new(0),
        }
    }

    /// A new ticket for the principal: 64 characters that can stand in a URL.
    pub fn issue(&self, principal: Principal, now: Timestamp) -> Result<String, AuthError> {
        let text = secret::to_hex(&secret::random::<{ secret::SECRET_BYTES }>()?);
        let ticket = Ticket {
            digest: digest(&text),
            principal,
            expires_at: now.plus_millis(self.lifetime_ms),
        };
        let mut outstanding = self.outstanding.lock();
        outstanding.retain(|ticket| ticket.expires_at > now);
        let own = |other: &Ticket| other.principal.subject == ticket.principal.subject;
        let owns = outstanding.iter().filter(|other| own(other)).count();
        let makes_room = if owns >= Self::MAX_OF_USER {
            outstanding.iter().position(own)
        } else {
            (outstanding.len() >= Self::MAX_OUTSTANDING).then_some(0)
        };
        if let Some(place) = makes_room {
            outstanding.remove(place);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        outstanding.push_back(ticket);
        Ok(text)
    }

    /// Who the ticket was issued for, once.
    pub fn redeem(&self, ticket: &str, now: Timestamp) -> Option<Principal> {
        if ticket.len() != 2 * secret::SECRET_BYTES {
            return None;
        }
        let given = digest(ticket);
        let found = {
            let mut outstanding = self.outstanding.lock();
            let place = outstanding
                .iter()
                .position(|ticket| ticket.digest == given)?;
            outstanding.remove(place)?
        };
        (found.expires_at > now && !found.principal.is_expired(now)).then_some(found.principal)
    }

    /// How many tickets lost their place to a newer one.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Default for Tickets {
    fn default() -> Self {
        Self::new(Self::DEFAULT_LIFETIME_MS)
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tickets")
            .field("outstanding", &self.outstanding.lock().len())
            .finish_non_exhaustive()
    }
}

fn digest(ticket: &str) -> [u8; 32] {
    Sha256::digest(ticket.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn anna() -> Principal {
        Principal::new("anna", Role::Admin)
    }

    #[test]
    fn opens_once() {
        let tickets = Tickets::default();
        let ticket = tickets.issue(anna(), NOW).unwrap();
        assert_eq!(tickets.redeem(&"0".repeat(64), NOW), None);
        assert_eq!(tickets.redeem(&ticket, NOW), Some(anna()));
        assert_eq!(tickets.redeem(&ticket, NOW), None);
    }

    #[test]
    fn expires_with_itself_and_with_the_principal() {
        let tickets = Tickets::new(100);
        let ticket = tickets.issue(anna(), NOW).unwrap();
        assert_eq!(tickets.redeem(&ticket, NOW.plus_millis(100)), None);
        let ticket = tickets
            .issue(
                Principal {
                    expires_at: Some(NOW.plus_millis(5)),
                    ..anna()
                },
                NOW,
            )
            .unwrap();
        assert_eq!(tickets.redeem(&ticket, NOW.plus_millis(5)), None);
        let ticket = tickets.issue(anna(), NOW).unwrap();
        assert!(tickets.redeem(&ticket, NOW.plus_millis(99)).is_some());
    }

    #[test]
    fn the_oldest_makes_room() {
        let tickets = Tickets::default();
        let issued: Vec<_> = (0..=Tickets::MAX_OUTSTANDING)
            .map(|number| {
                let user = Principal::new(format!("user {number}"), Role::Viewer);
                tickets.issue(user, NOW).unwrap()
            })
            .collect();
        assert_eq!(tickets.dropped(), 1);
        assert_eq!(tickets.redeem(&issued[0], NOW), None);
        assert!(tickets.redeem(&issued[1], NOW).is_some());
        assert!(
            tickets
                .redeem(&issued[Tickets::MAX_OUTSTANDING], NOW)
                .is_some()
        );
    }

    #[test]
    fn who_asks_for_many_loses_only_their_own() {
        let tickets = Tickets::default();
        let of_ben = tickets
            .issue(Principal::new("ben", Role::Admin), NOW)
            .unwrap();
        let issued: Vec<_> = (0..3 * Tickets::MAX_OUTSTANDING)
            .map(|_| tickets.issue(anna(), NOW).unwrap())
            .collect();
        assert!(tickets.redeem(&of_ben, NOW).is_some());
        let opens = issued.iter().rev();
        let opens = opens.filter(|ticket| tickets.redeem(ticket, NOW).is_some());
        assert_eq!(opens.count(), Tickets::MAX_OF_USER);
    }

    #[test]
    fn of_many_threads_one_redeems() {
        let tickets = Tickets::default();
        for _ in 0..50 {
            let ticket = tickets.issue(anna(), NOW).unwrap();
            let barrier = std::sync::Barrier::new(8);
            let redeemed = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8)
                    .map(|_| {
                        scope.spawn(|| {
                            barrier.wait();
                            tickets.redeem(&ticket, NOW).is_some()
                        })
                    })
                    .collect();
                threads
                    .into_iter()
                    .map(|thread| thread.join().unwrap())
                    .filter(|won| *won)
                    .count()
            });
            assert_eq!(redeemed, 1);
        }
    }

    #[test]
    fn a_ticket_is_never_shown() {
        let tickets = Tickets::default();
        let ticket = tickets.issue(anna(), NOW).unwrap();
        assert!(!format!("{tickets:?}").contains(&ticket));
    }
}
