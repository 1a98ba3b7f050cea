//! Every open connection, for those who manage: what they are, and how to reach them.
//!
//! Never holds: a token, sockets.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::oneshot;
use vigil_auth::Principal;
use vigil_event::{Id, Timestamp};
use vigil_protocol::{CloseCode, ErrorBody, Notification, Subscribe};

use crate::connection::signal::{Calls, Signal};
use crate::telemetry::Transport;

/// Orders that wait for one connection; what comes beyond is refused.
const MAX_ORDERS: usize = 16;

/// What somebody else tells a connection to do.
#[derive(Debug)]
pub(crate) enum Order {
    /// Say this to the client.
    Notify(Box<Notification>),
    /// Hear a channel.
    Subscribe(Box<Subscribe>, oneshot::Sender<Result<(), ErrorBody>>),
    /// Hear a channel no longer.
    Unsubscribe(String, oneshot::Sender<Result<(), ErrorBody>>),
    /// End.
    Close(CloseCode),
}

/// What a connection is for, where a client says it. It changes nothing but what is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    General,
    Investigation,
    Analysis,
    Chat,
}

impl Purpose {
    pub(crate) const ALL: [Self; 4] = [
        Self::General,
        Self::Investigation,
        Self::Analysis,
        Self::Chat,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Investigation => "investigation",
            Self::Analysis => "analysis",
            Self::Chat => "chat",
        }
    }
}

/// The channels that a connection hears. Most hear one, which needs no list.
#[derive(Debug, Default)]
pub(crate) enum Heard {
    #[default]
    Nothing,
    One(Arc<str>),
    Several(Box<[Arc<str>]>),
}

impl Heard {
    pub(crate) fn new(names: impl IntoIterator<Item = Arc<str>>) -> Self {
        let mut names: Vec<_> = names.into_iter().collect();
        match names.len() {
            0 => Self::Nothing,
            1 => names.pop().map_or(Self::Nothing, Self::One),
            _ => Self::Several(names.into()),
        }
    }

    fn to_vec(&self) -> Vec<Arc<str>> {
        match self {
            Self::Nothing => Vec::new(),
            Self::One(name) => vec![Arc::clone(name)],
            Self::Several(names) => names.to_vec(),
        }
    }
}

/// How somebody is connected, and to hear what.
#[derive(Debug)]
struct Manner {
    transport: Transport,
    purpose: Purpose,
    channels: Heard,
}

/// What is known of a connection.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) principal: Mutex<Arc<Principal>>,
    pub(crate) connected_at: Timestamp,
    manner: Mutex<Manner>,
    pub(crate) sent: AtomicU64,
    pub(crate) received: AtomicU64,
    /// Wakes its task.
    pub(crate) signal: Signal,
    /// Few connections ever get one.
    orders: Mutex<Option<Box<Orders>>>,
}

#[derive(Debug, Default)]
struct Orders {
    waiting: VecDeque<Order>,
    /// Nobody follows them any more.
    is_over: bool,
}

/// Every open connection.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    open: Mutex<HashMap<Id, Arc<Entry>>>,
    /// Who came last under each name: connections of one credential share it.
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_subject: HashMap<Box<str>, Weak<Principal>>,
    sweep_at: usize,
}

/// A connection's place in the roster, given back when it is dropped.
pub(crate) struct Enrolled {
    roster: Arc<Roster>,
    pub(crate) id: Id,
    pub(crate) entry: Arc<Entry>,
}

/// A connection as it is listed.
#[derive(Debug, Serialize)]
pub(crate) struct Listed {
    connection_id: String,
    user: String,
    role: &'static str,
    transport: &'static str,
    connection_type: &'static str,
    connected_at: String,
    expires_at: Option<String>,
    channels: Vec<Arc<str>>,
    messages_sent: u64,
    messages_received: u64,
}

impl Roster {
    pub(crate) fn enrol(
        self: &Arc<Self>,
        id: Id,
        principal: &Arc<Principal>,
        transport: Transport,
        purpose: Purpose,
        now: Timestamp,
    ) -> Enrolled {
        let entry = Arc::new(Entry {
            principal: Mutex::new(Arc::clone(principal)),
            connected_at: now,
            manner: Mutex::new(Manner {
                transport,
                purpose,
                channels: Heard::Nothing,
            }),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            signal: Signal::default(),
            orders: Mutex::default(),
        });
        self.open.lock().insert(id, Arc::clone(&entry));
        Enrolled {
            roster: Arc::clone(self),
            id,
            entry,
        }
    }

    /// The same principal for all connections of one credential, however many there are.
    pub(crate) fn share(&self, principal: Principal) -> Arc<Principal> {
        let mut known = self.known.lock();
        let last = known.by_subject.get(&*principal.subject);
        if let Some(last) = last.and_then(Weak::upgrade)
            && *last == principal
        {
            return last;
        }
        let principal = Arc::new(principal);
        if known.by_subject.len() >= known.sweep_at {
            known.by_subject.retain(|_, one| one.strong_count() > 0);
            known.sweep_at = (known.by_subject.len() * 2).max(64);
        }
        let subject = principal.subject.as_str().into();
        known.by_subject.insert(subject, Arc::downgrade(&principal));
        principal
    }

    /// The connections, the oldest first, at most so many.
    pub(crate) fn list(&self, limit: usize) -> Vec<Listed> {
        let mut open: Vec<(Id, Arc<Entry>)> = {
            let open = self.open.lock();
            open.iter()
                .map(|(id, entry)| (*id, Arc::clone(entry)))
                .collect()
        };
        open.sort_by_key(|(id, entry)| (entry.connected_at, *id));
        open.truncate(limit);
        open.into_iter()
            .map(|(id, entry)| entry.listed(id))
            .collect()
    }

    /// Everybody, or those that fit.
    pub(crate) fn matching(&self, fits: impl Fn(Id, &Principal) -> bool) -> Vec<Arc<Entry>> {
        let open = self.open.lock();
        let fitting = open
            .iter()
            .filter(|(id, entry)| fits(**id, &entry.principal.lock()));
        fitting.map(|(_, entry)| Arc::clone(entry)).collect()
    }

    pub(crate) fn get(&self, id: Id) -> Option<Arc<Entry>> {
        self.open.lock().get(&id).cloned()
    }
}

impl Entry {
    /// What the connection is for.
    pub(crate) fn purpose(&self) -> Purpose {
        self.manner.lock().purpose
    }

    /// It hears these from now on.
    pub(crate) fn hears(&self, channels: Heard) {
        self.manner.lock().channels = channels;
    }

    /// Hands an order over; false if the connection has too many waiting, or is gone.
    pub(crate) fn order(&self, order: Order) -> bool {
        {
            let mut orders = self.orders.lock();
            let orders = orders.get_or_insert_default();
            if orders.is_over || orders.waiting.len() >= MAX_ORDERS {
                return false;
            }
            orders.waiting.push_back(order);
        }
        self.signal.raise(Calls::ORDER);
        true
    }

    /// The order that has waited for longest.
    pub(crate) fn next_order(&self) -> Option<Order> {
        self.orders.lock().as_mut()?.waiting.pop_front()
    }

    fn listed(&self, id: Id) -> Listed {
        let (principal, manner) = (self.principal.lock(), self.manner.lock());
        Listed {
            connection_id: id.to_string(),
            user: principal.subject.clone(),
            role: principal.role.name(),
            transport: manner.transport.name(),
            connection_type: manner.purpose.name(),
            connected_at: self.connected_at.to_string(),
            expires_at: principal.expires_at.map(|end| end.to_string()),
            channels: manner.channels.to_vec(),
            messages_sent: self.sent.load(Ordering::Relaxed),
            messages_received: self.received.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Enrolled {
    fn drop(&mut self) {
        self.roster.open.lock().remove(&self.id);
        // Whoever waits for an order that is dropped is told so.
        let over = Orders {
            waiting: VecDeque::new(),
            is_over: true,
        };
        *self.entry.orders.lock() = Some(Box::new(over));
    }
}

#[cfg(test)]
mod tests {
    use vigil_auth::Role;

    use super::*;

    #[test]
    fn one_credential_is_held_once() {
        let roster = Roster::default();
        let of = |subject: &str, role| roster.share(Principal::new(subject, role));
        let first = of("anna", Role::Viewer);
        assert!(Arc::ptr_eq(&first, &of("anna", Role::Viewer)));
        assert!(
            !Arc::ptr_eq(&first, &of("anna", Role::Admin)),
            "it is another one"
        );
        for number in 0..1_000 {
            of(&number.to_string(), Role::Viewer);
        }
        assert!(
            roster.known.lock().by_subject.len() <= 64,
            "who is gone is forgotten"
        );
    }

    #[test]
    fn orders_wait_in_order_up_to_a_bound_and_end_with_the_connection() {
        let roster = Arc::new(Roster::default());
        let principal = roster.share(Principal::new("anna", Role::Viewer));
        let now = Timestamp::from_millis(1);
        let id = Id::derived(now, &[]);
        let enrolled = roster.enrol(id, &principal, Transport::WebSocket, Purpose::General, now);
        let entry = Arc::clone(&enrolled.entry);
        assert!(entry.next_order().is_none());
        for _ in 0..MAX_ORDERS {
            assert!(entry.order(Order::Close(CloseCode::Policy)));
        }
        assert!(!entry.order(Order::Close(CloseCode::Policy)));
        assert!(entry.next_order().is_some());
        drop(enrolled);
        assert!(entry.next_order().is_none());
        assert!(!entry.order(Order::Close(CloseCode::Policy)));
    }
}
