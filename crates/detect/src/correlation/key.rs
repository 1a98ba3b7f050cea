//! What a match is grouped by and counted by: hashes of values.
//!
//! They are SipHashes with a secret, so that nobody can make two groups or two values one. That of a group
//! of one client tells the client's lane.

use std::hash::{DefaultHasher, Hasher};
use std::net::IpAddr;

use ipnet::IpNet;
use vigil_event::{Decodings, Event, Field};
use vigil_rule::Rule;
use vigil_rule::correlation::Subject;

use crate::entity;
use crate::secret::{self, Secret};

/// A group, as a hash.
pub(crate) type Key = u64;

/// What a subject is of an event that a rule matched.
#[derive(Clone, Copy, Debug)]
pub(super) enum Known<'a> {
    Address(IpAddr),
    Network(IpNet),
    Text(&'a [u8]),
    /// The names in an event's query.
    Names(&'a Event),
    /// A secret: it is told apart and never shown.
    Session(&'a [u8]),
    Number(u64),
}

/// The subject's value; none where the event has none.
pub(super) fn known<'a>(event: &'a Event, rule: &'a Rule, subject: &Subject) -> Option<Known<'a>> {
    match subject {
        Subject::Family => Some(Known::Text(rule.family.as_bytes())),
        Subject::Rule => Some(Known::Text(rule.id.as_bytes())),
        Subject::Field(Field::SourceIp) => event.source_ip.map(Known::Address),
        Subject::Network => event.source_ip.map(entity::network).map(Known::Network),
        Subject::Session => entity::session(event).map(Known::Session),
        Subject::File => event.raw(Field::UrlPath).map(|path| {
            let file = path.rsplit(|byte| *byte == b'/').next();
            Known::Text(file.unwrap_or_default())
        }),
        Subject::ParameterNames => {
            let query = event.raw(Field::UrlQuery).filter(|query| !query.is_empty());
            query.map(|_| Known::Names(event))
        }
        Subject::Label(name) => label(event, name).map(Known::Text),
        Subject::Field(field) => event
            .raw(*field)
            .map(Known::Text)
            .or_else(|| event.number(*field).map(Known::Number)),
    }
}

/// What the record has under a name that is no field: of several values the first.
pub(super) fn label<'a>(event: &'a Event, name: &str) -> Option<&'a [u8]> {
    let mut labels = event.labels();
    labels.find_map(|(found, view)| (found == name.as_bytes()).then_some(view.text))
}

/// The names in an event's query, as whatever reads it does.
pub(super) fn names(event: &Event) -> impl Iterator<Item = &[u8]> {
    let elsewhere = [Decodings::HEADER, Decodings::BODY];
    event
        .parameters()
        .map(|[name, _]| name)
        .filter(move |name| !elsewhere.iter().any(|one| name.decodings.contains(*one)))
        .map(|name| name.text)
}

impl Known<'_> {
    /// Feeds it into a hash. What it is and how long comes first: no two of them feed it alike.
    fn feed(self, hasher: &mut DefaultHasher) {
        match self {
            Self::Address(IpAddr::V4(address)) => {
                hasher.write_u64(u64::from(address.to_bits()) << 8 | 1);
            }
            Self::Address(IpAddr::V6(address)) => {
                hasher.write_u64(2);
                hasher.write_u128(address.to_bits());
            }
            Self::Network(network) => {
                hasher.write_u64(u64::from(network.prefix_len()) << 8 | 3);
                Self::Address(network.network()).feed(hasher);
            }
            Self::Text(text) => {
                hasher.write_u64((text.len() as u64) << 8 | 4);
                hasher.write(text);
            }
            Self::Names(event) => {
                hasher.write_u64((names(event).count() as u64) << 8 | 7);
                names(event).for_each(|name| Self::Text(name).feed(hasher));
            }
            Self::Session(secret) => {
                hasher.write_u64((secret.len() as u64) << 8 | 5);
                hasher.write(secret);
            }
            Self::Number(number) => {
                hasher.write_u64(6);
                hasher.write_u64(number);
            }
        }
    }
}

/// The number that is computed with.
pub(super) fn number(event: &Event, subjects: &[Subject]) -> Option<f64> {
    match subjects {
        [Subject::Field(field)] => event.number(*field).map(|number| number as f64),
        [Subject::Label(name)] => {
            let text = std::str::from_utf8(label(event, name)?).ok()?;
            let number: f64 = text.trim().parse().ok()?;
            number.is_finite().then_some(number)
        }
        _ => None,
    }
}

/// Makes keys and values of events.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keys {
    secret: Secret,
    /// Groups are of one client each.
    by_client: bool,
}

impl Keys {
    pub(super) const fn new(secret: Secret, by_client: bool) -> Self {
        Self { secret, by_client }
    }

    /// The group that an event belongs to; none if the event lacks a part of it.
    pub(super) fn of_group(&self, event: &Event, rule: &Rule, subjects: &[Subject]) -> Option<Key> {
        Some(self.in_lane(event, self.of(event, rule, subjects)?))
    }

    /// The value that is counted; none if the event lacks a part of it.
    pub(super) fn of(&self, event: &Event, rule: &Rule, subjects: &[Subject]) -> Option<u64> {
        let mut hasher = self.secret.hasher();
        for subject in subjects {
            known(event, rule, subject)?.feed(&mut hasher);
        }
        Some(hasher.finish())
    }

    fn in_lane(&self, event: &Event, hash: u64) -> Key {
        if self.by_client {
            secret::in_lane(hash, secret::lane(event.source_ip))
        } else {
            hash
        }
    }

    /// The group of a bucket: as scenarios do, a text that is not there is an empty one. Without the
    /// client's address there is no group by it.
    pub(super) fn of_bucket(
        &self,
        event: &Event,
        rule: &Rule,
        subjects: &[Subject],
    ) -> Option<Key> {
        let addressless = subjects
            .iter()
            .any(|subject| matches!(subject, Subject::Field(Field::SourceIp) | Subject::Network));
        if addressless && event.source_ip.is_none() {
            return None;
        }
        Some(self.in_lane(event, self.of_distinct(event, rule, subjects)))
    }

    /// The value that is poured only once; what is not there is one value.
    pub(super) fn of_distinct(&self, event: &Event, rule: &Rule, subjects: &[Subject]) -> u64 {
        let mut hasher = self.secret.hasher();
        for subject in subjects {
            let known = known(event, rule, subject);
            known.unwrap_or(Known::Text(b"")).feed(&mut hasher);
        }
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An event whose query the decoder has parted like this.
    fn event(query: &[u8], parted: &[&str]) -> Event {
        let mut event = Event::new();
        event.set(Field::UrlQuery, query);
        event.add_view(
            Field::UrlQuery,
            Decodings::PERCENT,
            parted.concat().as_bytes(),
        );
        let mut at = 0;
        for name in parted {
            event.add_parameter(at..at + name.len(), at + name.len()..at + name.len());
            at += name.len();
        }
        event
    }

    #[test]
    fn names_are_those_that_the_decoder_found() {
        let event = event(b"a=1;%62b=2", &["a", "bb"]);
        assert_eq!(names(&event).collect::<Vec<_>>(), [&b"a"[..], b"bb"]);
    }

    #[test]
    fn what_a_record_has_under_a_name_is_grouped_by_and_computed_with() {
        let rule = crate::correlation::tests::rules(&[]).rules()[0].clone();
        let keys = Keys::new(Secret::new(), false);
        let label = |name: &str| [Subject::Label(name.into())];
        let event = |user: &[u8]| {
            let mut event = Event::new();
            event.add_label(b"user", user);
            event.add_label(b"user", b"second");
            event.add_label(b"duration", b" 2.5");
            event
        };
        let group = |user, name| keys.of_group(&event(user), &rule, &label(name));
        assert_eq!(group(b"ann", "user"), group(b"ann", "user"));
        assert_ne!(group(b"ann", "user"), group(b"bob", "user"));
        assert_eq!(group(b"ann", "nobody"), None);
        assert_eq!(number(&event(b""), &label("duration")), Some(2.5));
        assert_eq!(number(&event(b"inf"), &label("user")), None);
    }

    #[test]
    fn what_a_body_or_a_header_says_is_no_name_in_the_query() {
        let mut event = event(b"a=1", &["a"]);
        for from in [Decodings::BODY, Decodings::HEADER] {
            event.add_view(Field::UrlQuery, from, b"secret");
            event.add_parameter(0..6, 6..6);
        }
        assert_eq!(names(&event).collect::<Vec<_>>(), [&b"a"[..]]);
    }
}
