//! Which values that do not fit may be explained by a change of the page, and which are shortened.

use super::ValueProfile;
use crate::profile::misfit::{Aspect, ValueMisfit};
use crate::profile::options::{Part, ProfileOptions, Trust};
use crate::profile::shape::Shape;
use crate::profile::who::hash;
use crate::profile::witness::{Lesson, Who};

const VALUES: u64 = 2_000;

fn judged(profile: &ValueProfile, value: &[u8], trust: Trust) -> ValueMisfit {
    let part = Part::of(VALUES, VALUES, VALUES);
    let misfit = profile.judge((&Shape::of(value), value), part, trust);
    misfit.expect("it is not on the list")
}

#[test]
fn what_attacks_are_written_with_is_no_change() {
    let trust = Trust::of(&ProfileOptions::default());
    let mut profile = ValueProfile::default();
    for number in 0..VALUES {
        // An apostrophe is in one value, which too few send for others with one to be usual.
        let (client, value): (u64, &[u8]) = match number {
            number if number % 40 == 0 => (number / 40 % 12, b"it's"),
            number if number % 2 == 0 => (number % 300, b"red"),
            _ => (number % 300, b"blue"),
        };
        let who = Who {
            address: hash(client),
            network: hash(client ^ 0xabcd),
            period: (number / 100) as u32,
            is_vouched: false,
        };
        let by = Lesson {
            who: &who,
            weight: 1,
            is_odd: false,
        };
        profile.learn((&Shape::of(value), value), &by, trust);
        if number % 200 == 199 {
            profile.settle(trust);
        }
    }
    let new = judged(&profile, b"mauve", trust);
    assert!(new.change.is_some() && !new.is_dangerous);
    let attack = judged(&profile, b"x'y", trust);
    assert_eq!(
        attack.aspect,
        Aspect::Value,
        "an apostrophe alone is weaker"
    );
    assert!(attack.change.is_none() && attack.is_dangerous);
}

#[test]
fn what_is_always_of_one_length_is_odd_when_it_is_shorter() {
    let trust = Trust::of(&ProfileOptions::default());
    let session = |number: u64| format!("{:016X}.node{}", hash(number), number % 4);
    let text = |number: u64| format!("note {number} {}", "words ".repeat(1 + number as usize % 4));
    let shortened = |short: &str, value: &dyn Fn(u64) -> String| {
        let mut profile = ValueProfile::default();
        for number in 0..VALUES {
            let who = Who {
                address: hash(number),
                network: hash(number ^ 0xabcd),
                period: (number / 100) as u32,
                is_vouched: false,
            };
            let by = Lesson {
                who: &who,
                weight: 1,
                is_odd: false,
            };
            let value = value(number);
            profile.learn((&Shape::of(value.as_bytes()), value.as_bytes()), &by, trust);
            if number % 200 == 199 {
                profile.settle(trust);
            }
        }
        let part = Part::of(VALUES, VALUES, VALUES);
        let misfit = profile.judge(
            (&Shape::of(short.as_bytes()), short.as_bytes()),
            part,
            trust,
        );
        misfit.map_or(0.0, |misfit| misfit.score)
    };
    let (session, text) = (shortened("1F2E.node1", &session), shortened("note", &text));
    assert!(session >= 5.0 && text < 5.0, "{session} {text}");
}
