//! Which values that do not fit may be explained by a change of the page, and which are shortened.

use super::ValueProfile;
use crate::profile::misfit::{Aspect, ValueMisfit};
use crate::profile::options::{Part, ProfileOptions, Trust};
use crate::profile::shape::Shape;
use crate::profile::who::hash;
use crate::profile::witness::{Lesson, Who};

const VALUES: u64 = 2_000;

/// What is known of the values that the clients bring.
fn learned(trust: Trust, brought: impl Fn(u64) -> (u64, Vec<u8>)) -> ValueProfile {
    let mut profile = ValueProfile::default();
    for number in 0..VALUES {
        let (client, value) = brought(number);
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
        profile.learn((&Shape::of(&value), &value), &by, trust);
        if number % 200 == 199 {
            profile.settle(trust);
        }
    }
    profile
}

fn judged(profile: &ValueProfile, value: &[u8], trust: Trust) -> Option<ValueMisfit> {
    let part = Part::of(VALUES, VALUES, VALUES);
    profile.judge((&Shape::of(value), value), part, trust)
}

#[test]
fn what_attacks_are_written_with_is_no_change() {
    let trust = Trust::of(&ProfileOptions::default());
    let profile = learned(trust, |number| match number {
        // An apostrophe is in one value, which too few send for others with one to be usual.
        number if number % 40 == 0 => (number / 40 % 12, b"it's".to_vec()),
        number if number % 2 == 0 => (number % 300, b"red".to_vec()),
        _ => (number % 300, b"blue".to_vec()),
    });
    let new = judged(&profile, b"mauve", trust).expect("it is not on the list");
    assert!(new.change.is_some() && !new.is_dangerous);
    let attack = judged(&profile, b"x'y", trust).expect("it is not on the list");
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
        let profile = learned(trust, |number| (number, value(number).into_bytes()));
        judged(&profile, short.as_bytes(), trust).map_or(0.0, |misfit| misfit.score)
    };
    let (session, text) = (shortened("1F2E.node1", &session), shortened("note", &text));
    assert!(session >= 5.0 && text < 5.0, "{session} {text}");
}
