//! What a match is grouped by and counted by: hashes of values.
//!
//! Groups are told apart by 128 bits of two SipHashes, so that nobody can make two of them one;
//! values within a group by 64.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use ipnet::IpNet;
use vigil_event::{Event, Field};
use vigil_rule::Rule;
use vigil_rule::correlation::Subject;

use crate::entity;

/// A group, as two hashes.
pub(crate) type Key = [u64; 2];

/// What a subject is of an event that a rule matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Known<'a> {
    Address(IpAddr),
    Network(IpNet),
    Text(&'a [u8]),
    /// A secret: it is told apart and never shown.
    Session(&'a [u8]),
    Number(u64),
}

/// The subject's value; none where the event has none.
pub(super) fn known<'a>(event: &'a Event, rule: &'a Rule, subject: Subject) -> Option<Known<'a>> {
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
        Subject::Field(field) => event
            .raw(field)
            .map(Known::Text)
            .or_else(|| event.number(field).map(Known::Number)),
    }
}

/// The group that an event belongs to; none if it lacks what is grouped by.
pub(super) fn group(event: &Event, rule: &Rule, subjects: &[Subject]) -> Option<Key> {
    let half = |seed: u8| hash(seed, event, rule, subjects);
    Some([half(0)?, half(1)?])
}

/// The value that is counted; none if the event lacks a part of it.
pub(super) fn value(event: &Event, rule: &Rule, subjects: &[Subject]) -> Option<u64> {
    hash(2, event, rule, subjects)
}

/// The number that is computed with.
pub(super) fn number(event: &Event, subjects: &[Subject]) -> Option<f64> {
    match subjects {
        [Subject::Field(field)] => event.number(*field).map(|number| number as f64),
        _ => None,
    }
}

/// The same for a bucket: as scenarios do, a text that is not there is an empty one. Without the
/// client's address there is no group by it.
pub(super) fn bucket(event: &Event, rule: &Rule, subjects: &[Subject]) -> Option<Key> {
    let addressless = subjects
        .iter()
        .any(|subject| matches!(subject, Subject::Field(Field::SourceIp) | Subject::Network));
    if addressless && event.source_ip.is_none() {
        return None;
    }
    let half = |seed: u8| hash_or_empty(seed, event, rule, subjects);
    Some([half(0), half(1)])
}

/// The value that is poured only once; what is not there is one value.
pub(super) fn distinct(event: &Event, rule: &Rule, subjects: &[Subject]) -> u64 {
    hash_or_empty(2, event, rule, subjects)
}

fn hash_or_empty(seed: u8, event: &Event, rule: &Rule, subjects: &[Subject]) -> u64 {
    let mut hasher = BuildHasherDefault::<DefaultHasher>::default().build_hasher();
    seed.hash(&mut hasher);
    for subject in subjects {
        let known = known(event, rule, *subject);
        known.unwrap_or(Known::Text(b"")).hash(&mut hasher);
    }
    hasher.finish()
}

fn hash(seed: u8, event: &Event, rule: &Rule, subjects: &[Subject]) -> Option<u64> {
    let mut hasher = BuildHasherDefault::<DefaultHasher>::default().build_hasher();
    seed.hash(&mut hasher);
    for subject in subjects {
        known(event, rule, *subject)?.hash(&mut hasher);
    }
    Some(hasher.finish())
}
