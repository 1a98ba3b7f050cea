//! Since when those that an event is about are known.
//!
//! *What.* For each address, network, session, host and account the time of its first event, and with
//! each further one how long ago that was. Only kinds that some rule asks for are kept, from when it is
//! first asked. *Input.* The events of all detection threads. *Output.* [`Event::first_seen`]. *Limits.*
//! [`FirstSeen::MOST`] of each kind; beyond it what is worth least makes room, as in every table, and
//! that is counted: who comes back then is new.
//!
//! The threads share one. An address has one thread, so what is said of it is exact. Of the others an
//! event may be judged before an older one that another thread has still to judge; then what is said of
//! it is too little.
//!
//! What is known outlives a restart where it is saved: at any moment, since to be told of an event twice
//! changes nothing. Only where others came late in between somebody may be known for longer the second time.

use std::net::IpAddr;

use parking_lot::Mutex;
use vigil_event::{Event, Field};
use vigil_rule::RuleSet;

use crate::entity;
use crate::secret::Secret;
use crate::state::{Part, Refused, Saved as _, Slice};
use crate::table::Table;

/// How many kinds there are: those of [`Field::FIRST_SEEN`].
const KINDS: usize = Field::FIRST_SEEN.len();
/// Who was not heard of for so many milliseconds, a week, makes room first.
const LIFETIME_MS: i64 = 7 * 86_400_000;
/// The longest name of a host or an account that is told apart, in bytes.
const NAME_BYTES: usize = 256;

/// When everybody was seen first.
#[derive(Debug)]
pub struct FirstSeen {
    /// What keeps anybody from making two of them one.
    secret: Secret,
    /// By a hash, in milliseconds; one for each kind.
    times: [Mutex<Table<u64, i64>>; KINDS],
}

/// What of other events some rule asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    kinds: [bool; KINDS],
    /// How often something was sent in a row: see [`Windows::tries`](crate::window::Windows::tries).
    pub(crate) tries: bool,
}

impl Asked {
    /// By these rules.
    pub(crate) fn by(rules: &RuleSet) -> Self {
        Self {
            kinds: Field::FIRST_SEEN.map(|field| rules.asks_for(field)),
            tries: rules.asks_for(Field::AddressTries),
        }
    }
}

impl Default for FirstSeen {
    fn default() -> Self {
        Self::keyed_by(Secret::new())
    }
}

impl FirstSeen {
    /// Nobody is known, and keys are made with this secret, that of what is saved.
    pub fn keyed_by(secret: Secret) -> Self {
        Self {
            secret,
            times: std::array::from_fn(|_| Mutex::new(Table::new(Self::MOST, LIFETIME_MS))),
        }
    }
}

impl FirstSeen {
    /// The most of each kind that are known at once. Each takes some thirty bytes.
    pub const MOST: usize = 1_000_000;

    /// Tells an event since when those that it is about are known, as far as that is asked; how many
    /// made room for them.
    pub(crate) fn tell(&self, event: &mut Event, asked: Asked) -> u64 {
        event.first_seen = [None; KINDS];
        let mut evicted = 0;
        for (kind, is_asked) in asked.kinds.into_iter().enumerate() {
            if !is_asked {
                continue;
            }
            let (Some(key), Some(times)) = (self.key(event, kind), self.times.get(kind)) else {
                continue;
            };
            let at = event.occurred_at.as_millis();
            let mut times = times.lock();
            let before = times.evicted();
            let first = times.entry(key, at, || at).value;
            *first = at.min(*first);
            let seconds = at.saturating_sub(*first) / 1_000;
            evicted += times.evicted() - before;
            if let Some(told) = event.first_seen.get_mut(kind) {
                *told = Some(u32::try_from(seconds).unwrap_or(u32::MAX));
            }
        }
        evicted
    }

    /// Writes down what is known, and hands it over slice by slice, until that says no. Nobody waits longer
    /// than for one slice.
    pub fn save(&self, mut give: impl FnMut(Slice) -> bool) {
        for (kind, times) in self.times.iter().enumerate() {
            times.lock().begin();
            loop {
                let next = times.lock().next();
                let Some((keys, bytes)) = next else {
                    break;
                };
                let Some(part) = part(kind) else {
                    break;
                };
                if !give(Slice { part, keys, bytes }) {
                    times.lock().end();
                    return;
                }
            }
        }
    }

    /// Takes back what was saved: how many are known by it.
    pub fn take_back(&self, known: &Part, bytes: &[u8]) -> Result<u64, Refused> {
        let kind = (0..KINDS).find(|kind| part(*kind).as_ref() == Some(known));
        let times = kind.and_then(|kind| self.times.get(kind));
        let mut times = times.ok_or(Refused::Unknown)?.lock();
        times
            .take_back(bytes, &|_| true, |_, _| {})
            .ok_or(Refused::Damaged)
    }

    /// Whom the event is about; none where it names nobody.
    fn key(&self, event: &Event, kind: usize) -> Option<u64> {
        let name = |name: &[u8]| {
            let name = name.get(..NAME_BYTES).unwrap_or(name);
            self.secret.hash(name.to_ascii_lowercase())
        };
        match Field::FIRST_SEEN.get(kind)? {
            Field::AddressFirstSeen => event.source_ip.map(|ip: IpAddr| self.secret.hash(ip)),
            Field::NetworkFirstSeen => event
                .source_ip
                .map(|ip| self.secret.hash(entity::network(ip))),
            Field::SessionFirstSeen => {
                entity::session(event).map(|secret| self.secret.hash(secret))
            }
            Field::HostFirstSeen => event.raw(Field::UrlDomain).map(name),
            _ => entity::account(event).map(name),
        }
    }
}

/// The table of a kind.
fn part(kind: usize) -> Option<Part> {
    Some(Part {
        name: Field::FIRST_SEEN.get(kind)?.name().to_owned(),
        identity: 0,
    })
}

#[cfg(test)]
mod tests {
    use vigil_event::Timestamp;

    use super::*;

    fn event(address: &str, second: i64) -> Event {
        let mut event = Event::new();
        event.source_ip = address.parse().ok();
        event.occurred_at = Timestamp::from_millis(second * 1_000);
        event
    }

    fn of(kinds: [bool; KINDS]) -> Asked {
        Asked {
            kinds,
            tries: false,
        }
    }

    fn told(known: &FirstSeen, mut event: Event, asked: [bool; KINDS]) -> [Option<u32>; KINDS] {
        assert_eq!(known.tell(&mut event, of(asked)), 0);
        event.first_seen
    }

    #[test]
    fn each_kind_is_known_by_itself() {
        let known = FirstSeen::default();
        let all = [true; KINDS];
        let with = |address, second, parts: [&str; 3]| {
            let mut event = event(address, second);
            let fields = [Field::Cookie, Field::UrlDomain, Field::UserName];
            for (field, text) in fields.into_iter().zip(parts) {
                if !text.is_empty() {
                    event.set(field, text.as_bytes());
                }
            }
            told(&known, event, all)
        };
        let new = Some(0);
        for (address, second, parts, expected) in [
            ("192.0.2.1", 10, ["", "", ""], [new, new, None, None, None]),
            (
                "192.0.2.2",
                20,
                ["sid=a", "Shop.Example", "ann"],
                [new, Some(10), new, new, new],
            ),
            (
                "192.0.2.1",
                70,
                ["x=y; sid=a", "shop.example", "bob"],
                [Some(60), Some(60), Some(50), Some(50), new],
            ),
            (
                "2001:db8::1",
                90,
                ["sid=b", "shop.example", "ann"],
                [new, new, new, Some(70), Some(70)],
            ),
            (
                "2001:db8::2",
                91,
                ["", "", ""],
                [new, Some(1), None, None, None],
            ),
        ] {
            assert_eq!(with(address, second, parts), expected, "{address} {second}");
        }
    }

    #[test]
    fn only_what_is_asked_is_kept() {
        let known = FirstSeen::default();
        let mut asked = [false; KINDS];
        assert_eq!(told(&known, event("192.0.2.1", 5), asked), [None; KINDS]);
        asked[0] = true;
        let told = told(&known, event("192.0.2.1", 9), asked);
        assert_eq!(told[0], Some(0), "it is counted from when it is asked");
        assert!(known.times[1..].iter().all(|times| times.lock().len() == 0));
    }

    #[test]
    fn what_comes_late_moves_the_beginning() {
        let known = FirstSeen::default();
        let seconds = |second| told(&known, event("192.0.2.1", second), [true; KINDS])[0];
        assert_eq!([50, 20, 60].map(seconds), [Some(0), Some(0), Some(40)]);
    }
}
