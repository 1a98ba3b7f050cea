//! How many connections there may be, in all and of each user.
//!
//! Bounded itself: a user is known only while one of their connections is open.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::telemetry::{Counted, Refused, Telemetry, Transport};

/// Counts open connections.
#[derive(Debug)]
pub(crate) struct Admission {
    max: usize,
    max_per_user: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_user: HashMap<Arc<str>, usize>,
}

/// One connection's place, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    admission: Arc<Admission>,
    user: Arc<str>,
    _counted: Counted,
}

impl Admission {
    pub(crate) fn new(max: usize, max_per_user: usize) -> Self {
        Self {
            max,
            max_per_user,
            open: Mutex::default(),
        }
    }

    /// A place for one more connection of that user.
    pub(crate) fn admit(
        self: &Arc<Self>,
        user: &str,
        transport: Transport,
        telemetry: &Telemetry,
    ) -> Result<Admitted, Refused> {
        let user: Arc<str> = Arc::from(user);
        {
            let mut open = self.open.lock();
            if open.total >= self.max {
                return Err(Refused::TooMany);
            }
            let of_user = open.by_user.get(&user).copied().unwrap_or_default();
            if of_user >= self.max_per_user {
                return Err(Refused::TooManyOfUser);
            }
            open.by_user.insert(Arc::clone(&user), of_user + 1);
            open.total += 1;
        }
        let counted = Counted::on(&telemetry.open(transport));
        Ok(Admitted {
            admission: Arc::clone(self),
            user,
            _counted: counted,
        })
    }

    /// How many are open.
    pub(crate) fn total(&self) -> usize {
        self.open.lock().total
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut open = self.admission.open.lock();
        open.total = open.total.saturating_sub(1);
        let left = open.by_user.get_mut(&self.user).map_or(0, |count| {
            *count = count.saturating_sub(1);
            *count
        });
        if left == 0 {
            open.by_user.remove(&self.user);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_given_and_given_back() {
        let telemetry = Telemetry::new();
        let admission = Arc::new(Admission::new(3, 2));
        let admit = |user| admission.admit(user, Transport::WebSocket, &telemetry);
        let first = admit("anna").unwrap();
        let second = admit("anna").unwrap();
        assert_eq!(admit("anna").unwrap_err(), Refused::TooManyOfUser);
        let third = admit("ben").unwrap();
        assert_eq!(admit("carl").unwrap_err(), Refused::TooMany);
        assert_eq!(telemetry.open(Transport::WebSocket).get(), 3);
        drop(first);
        let fourth = admit("anna").unwrap();
        drop((second, third, fourth));
        assert_eq!(admission.total(), 0);
        assert!(admission.open.lock().by_user.is_empty());
        assert_eq!(telemetry.open(Transport::WebSocket).get(), 0);
    }
}
