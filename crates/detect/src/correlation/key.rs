//! What a match is grouped by and counted by: hashes of values.
//!
//! Groups are told apart by 128 bits of two SipHashes, so that nobody can make two of them one;
//! values within a group by 64.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use vigil_event::{Event, Field};
use vigil_rule::Rule;
use vigil_rule::correlation::Subject;

/// What a subject is of an event that a rule matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Known<'a> {
    Address(IpAddr),
    Text(&'a [u8]),
    Number(u64),
}

/// The subject's value; none where the event has none.
pub(super) fn known<'a>(event: &'a Event, rule: &'a Rule, subject: Subject) -> Option<Known<'a>> {
    match subject {
        Subject::Family => Some(Known::Text(rule.family.as_bytes())),
        Subject::Rule => Some(Known::Text(rule.id.as_bytes())),
        Subject::Field(Field::SourceIp) => event.source_ip.map(Known::Address),
        Subject::Field(field) => event
            .raw(field)
            .map(Known::Text)
            .or_else(|| event.number(field).map(Known::Number)),
    }
}

/// The group that an event belongs to; none if it lacks what is grouped by.
pub(super) fn group(event: &Event, rule: &Rule, subjects: &[Subject]) -> Option<u128> {
    let half = |seed: u8| hash(seed, event, rule, subjects);
    Some(u128::from(half(0)?) << 64 | u128::from(half(1)?))
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

fn hash(seed: u8, event: &Event, rule: &Rule, subjects: &[Subject]) -> Option<u64> {
    let mut hasher = BuildHasherDefault::<DefaultHasher>::default().build_hasher();
    seed.hash(&mut hasher);
    for subject in subjects {
        known(event, rule, *subject)?.hash(&mut hasher);
    }
    Some(hasher.finish())
}
