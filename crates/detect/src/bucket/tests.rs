//! Buckets through rules: each kind by a table of events, groups, chains, bounds.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use vigil_event::{Event, Field, Timestamp};
use vigil_rule::correlation::Kind;
use vigil_rule::{RuleFile, RuleSet};

use super::Bucket;
use crate::{CorrelationOptions, Correlator, Firing, Scope};

/// The places of the rules that [`rules`] begins with.
const A: usize = 0;
const B: usize = 1;

/// Two detections called a and b, a bucket over a with what stands under `bucket:`, and more documents.
fn rules(parts: &str, more: &str) -> Arc<RuleSet> {
    let mut text = String::new();
    for (digit, name) in ["a", "b"].into_iter().enumerate() {
        _ = write!(
            text,
            "---\ntitle: Rule {name}\nid: 6a2f6f0e-0f5b-4a8e-9f0b-0d8a3a5f1c0{digit}\nname: {name}\nlevel: low\n\
             logsource: {{category: webserver}}\n\
             detection: {{it: {{url.query|contains: {name}{name}{name}}}, condition: it}}\n"
        );
    }
    let rules = if parts.contains("rules:") {
        ""
    } else {
        "rules: [a], "
    };
    _ = write!(
        text,
        "---\ntitle: Bucket\nid: 6a2f6f0e-0f5b-4a8e-9f0b-0d8a3a5f1d00\nname: bucket\nlevel: high\n\
         bucket: {{{rules}groupby: source.ip, {parts}}}\n{more}"
    );
    let file = RuleFile {
        name: "rules.yml".to_owned(),
        text,
    };
    let rules = RuleSet::load(&[file]).unwrap_or_else(|errors| {
        let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
        panic!("{}", texts.join("\n"))
    });
    Arc::new(rules)
}

/// The bucket itself.
pub(super) fn buckets(parts: &str, more: &str) -> Bucket {
    match &rules(parts, more).correlations()[0].kind {
        Kind::Bucket(bucket) => bucket.as_ref().clone(),
        other => panic!("{other:?}"),
    }
}

fn event(at_ms: i64, address: u32, path: &str) -> Event {
    let mut event = Event::new();
    event.occurred_at = Timestamp::from_millis(at_ms);
    let address = IpAddr::from((0x0a00_0000 + address).to_be_bytes());
    event.source_ip = Some(address);
    event.set(Field::SourceIp, address.to_string().as_bytes());
    event.set(Field::UrlPath, path.as_bytes());
    event
}

fn correlator(rules: &Arc<RuleSet>, scope: Scope) -> Correlator {
    Correlator::new(Arc::clone(rules), scope, CorrelationOptions::default())
}

fn pour(correlator: &mut Correlator, event: &Event, matched: &[usize]) -> Vec<Firing> {
    let mut firings = Vec::new();
    correlator.observe(event, matched.iter().copied(), &mut firings);
    firings
}

/// The places in the table (tenths of a second, rules that match, path) where the bucket ran over.
#[track_caller]
fn check(parts: &str, rows: &[(i64, &[usize], &str)], expected: &[usize]) {
    let rules = rules(parts, "");
    let mut correlator = correlator(&rules, Scope::Client);
    let mut fired = Vec::new();
    for (place, (tenths, matched, path)) in rows.iter().enumerate() {
        let event = event(tenths * 100, 1, path);
        fired.extend(pour(&mut correlator, &event, matched).iter().map(|_| place));
    }
    assert_eq!(fired, expected, "{parts}");
}

#[test]
fn what_is_more_than_it_holds_overflows_and_one_leaks_at_a_time() {
    let a: &[usize] = &[A];
    let leaky = "type: leaky, capacity: 2, leakspeed: 1s";
    check(leaky, &[(0, a, "/"), (0, a, "/"), (0, a, "/")], &[2]);
    // One has leaked after a second: there is room for one more, and for no other.
    check(
        leaky,
        &[(0, a, "/"), (0, a, "/"), (10, a, "/"), (10, a, "/")],
        &[3],
    );
    check(leaky, &[(0, a, "/"), (0, a, "/"), (9, a, "/")], &[2]);
    // An overflow empties it.
    check(leaky, &[(0, a, "/"); 7], &[2, 5]);
    // At the speed at which it leaks it never overflows.
    let steady: Vec<_> = (0..50).map(|second| (second * 10, a, "/")).collect();
    check(leaky, &steady, &[]);
}

#[test]
fn a_value_is_poured_once_while_the_bucket_lives() {
    let a: &[usize] = &[A];
    let distinct = "type: leaky, capacity: 2, leakspeed: 1s, distinct: url.path";
    check(distinct, &[(0, a, "/x"); 9], &[]);
    check(
        distinct,
        &[(0, a, "/1"), (0, a, "/1"), (0, a, "/2"), (1, a, "/3")],
        &[3],
    );
    // It lives for three seconds after what was poured last; duplicates do not prolong that.
    let rows = [
        (0, a, "/1"),
        (20, a, "/1"),
        (31, a, "/1"),
        (31, a, "/2"),
        (31, a, "/3"),
    ];
    check(distinct, &rows, &[4]);
    let rows = [
        (0, a, "/1"),
        (20, a, "/1"),
        (30, a, "/1"),
        (30, a, "/2"),
        (30, a, "/3"),
    ];
    check(distinct, &rows, &[]);
}

#[test]
fn the_blackhole_silences_and_is_not_prolonged() {
    let a: &[usize] = &[A];
    let hidden = "type: trigger, blackhole: 1s";
    let rows: Vec<_> = (0..30).map(|tenth| (tenth, a, "/")).collect();
    check(hidden, &rows, &[0, 10, 20]);
    check("type: trigger", &rows, &(0..30).collect::<Vec<_>>());
}

#[test]
fn what_cancels_empties_the_bucket() {
    let (a, b, both): (&[usize], &[usize], &[usize]) = (&[A], &[B], &[A, B]);
    let cancel = "type: leaky, capacity: 2, leakspeed: 10s, cancel_on: [b]";
    check(
        cancel,
        &[
            (0, a, "/"),
            (1, a, "/"),
            (2, b, "/"),
            (3, a, "/"),
            (4, a, "/"),
            (5, a, "/"),
        ],
        &[5],
    );
    check(
        cancel,
        &[
            (0, a, "/"),
            (1, a, "/"),
            (2, both, "/"),
            (3, a, "/"),
            (4, a, "/"),
        ],
        &[],
    );
    // A duplicate is dropped before it could cancel.
    let cancel = "type: leaky, capacity: 2, leakspeed: 10s, cancel_on: [b], distinct: url.path";
    check(
        cancel,
        &[(0, a, "/1"), (1, a, "/2"), (2, both, "/2"), (3, a, "/3")],
        &[3],
    );
}

#[test]
fn a_counter_says_how_many_with_the_first_match_after_its_end() {
    let a: &[usize] = &[A];
    let rows = [
        (0, a, "/"),
        (5, a, "/"),
        (9, a, "/"),
        (10, a, "/"),
        (40, a, "/"),
    ];
    check("type: counter, duration: 1s, capacity: -1", &rows, &[3, 4]);
    check(
        "type: counter, duration: 1s, overflow_filter: {gte: 3}",
        &rows,
        &[3],
    );
}

#[test]
fn a_condition_over_references_overflows() {
    let (a, b): (&[usize], &[usize]) = (&[A], &[B]);
    let both = "type: conditional, rules: [a, b], leakspeed: 2s, condition: a and b";
    check(both, &[(0, a, "/"), (10, b, "/"), (11, a, "/")], &[1]);
    check(both, &[(0, a, "/"), (21, b, "/")], &[]);
    check(
        "type: conditional, leakspeed: 2s, condition: {gte: 3}",
        &[(0, a, "/"), (10, a, "/"), (20, a, "/")],
        &[2],
    );
}

#[test]
fn what_makes_an_attack_likely_overflows() {
    let (a, b, both): (&[usize], &[usize], &[usize]) = (&[A], &[B], &[A, B]);
    // CrowdSec's own example: 0.8 after the first of both and 0.88 after the other, where what was
    // seen once is taken to hold.
    let of = |guillotine: bool, evil: f32| {
        format!(
            "type: bayesian, rules: [a, b], leakspeed: 30s, bayesian_prior: 0.5, bayesian_threshold: 0.8, bayesian_conditions: [\
             {{condition: a, prob_given_evil: 0.8, prob_given_benign: 0.2, guillotine: {guillotine}}}, \
             {{condition: b, prob_given_evil: {evil}, prob_given_benign: 0.5, guillotine: {guillotine}}}]"
        )
    };
    check(&of(true, 0.9), &[(0, a, "/"), (1, b, "/")], &[1]);
    check(&of(true, 0.9), &[(0, a, "/"), (301, b, "/")], &[]);
    check(&of(false, 0.9), &[(0, a, "/"), (1, b, "/")], &[]);
    check(&of(false, 0.9), &[(0, a, "/"), (1, both, "/")], &[1]);
    // What says nothing leaves it at 0.8, which is not above 0.8.
    check(&of(true, 0.5), &[(0, a, "/"), (1, b, "/")], &[]);
    // An overflow begins anew.
    let rows = [(0, a, "/"), (1, b, "/"), (2, b, "/"), (3, a, "/")];
    check(&of(true, 0.9), &rows, &[1, 3]);
}

#[test]
fn numbers_of_one_rule_and_the_times_between_them_are_asked() {
    let (a, b): (&[usize], &[usize]) = (&[A], &[B]);
    let slow = "type: conditional, rules: [a, b], leakspeed: 2h, condition: \
                [{of: a, gte: 3}, {of: a, newest: 3, median_interval: {gt: 10m}}]";
    let minute = 600;
    let rows = |minutes: &[(i64, &'static [usize])]| -> Vec<(i64, &'static [usize], &'static str)> {
        minutes
            .iter()
            .map(|(at, matched)| (at * minute, *matched, "/"))
            .collect()
    };
    check(slow, &rows(&[(0, a), (11, a), (12, b), (30, a)]), &[3]);
    // The median of 1 and 18 is 9.5.
    check(slow, &rows(&[(0, a), (1, a), (19, a)]), &[]);
    // Only the newest three count.
    check(slow, &rows(&[(0, a), (1, a), (19, a), (38, a)]), &[3]);
    let last = "type: conditional, rules: [a, b], leakspeed: 2h, condition: [{last: b}, {held: a}, {lt: 4}]";
    check(last, &rows(&[(0, b), (1, a), (2, b)]), &[2]);
    check(last, &rows(&[(0, a), (1, a), (2, a), (3, b)]), &[]);
}

#[test]
fn an_overflow_is_told_in_words_and_feeds_correlations() {
    let more = "---\ntitle: Chain\nid: 6a2f6f0e-0f5b-4a8e-9f0b-0d8a3a5f1d01\nname: chain\nlevel: high\n\
                correlation: {type: event_count, rules: [bucket], generate: true, group-by: [source.ip], \
                timespan: 1h, condition: {gte: 2}}\n";
    let rules = rules(
        "type: leaky, capacity: 1, leakspeed: 10s, distinct: url.path",
        more,
    );
    let mut correlator = correlator(&rules, Scope::Client);
    let mut reasons = Vec::new();
    for place in 0..4 {
        let event = event(place, 1, &format!("/{place}"));
        for firing in pour(&mut correlator, &event, &[A]) {
            let detection = firing.into_detection(&rules).unwrap();
            assert_eq!(detection.evidence[0].field, "source.ip");
            reasons.push(detection.reason.unwrap());
        }
    }
    assert_eq!(
        reasons,
        [
            "2 different values of url.path in \"Rule a\" from 10.0.0.1, of which the bucket holds 1 and loses one in 10 s",
            "2 different values of url.path in \"Rule a\" from 10.0.0.1, of which the bucket holds 1 and loses one in 10 s",
            "2 times \"Bucket\" from 10.0.0.1 within 60 min",
        ]
    );
}

#[test]
fn a_share_is_of_all_that_was_poured() {
    let (a, both): (&[usize], &[usize]) = (&[A], &[A, B]);
    let share = "type: counter, rules: [a, b], duration: 1s, \
                 overflow_filter: [{gte: 5}, {of: b, share: {gte: 0.6}}]";
    let failed = |count| -> Vec<_> {
        let each = (0..5).map(|n| (n, if n < count { both } else { a }, "/"));
        each.chain([(10, a, "/")]).collect()
    };
    check(share, &failed(3), &[5]);
    check(share, &failed(2), &[]);
    check(share, &failed(5)[1..], &[]);
}

#[test]
fn networks_and_sessions_are_groups_that_only_all_events_fill() {
    for (group, addresses) in [
        ("source.network", [1, 2, 3]),
        ("vigil.session", [1, 1_000, 2_000]),
    ] {
        let parts = format!("groupby: {group}, type: leaky, capacity: 2, leakspeed: 10s");
        let text = parts.clone();
        let rules = {
            let base = rules(
                "type: trigger",
                &format!(
                    "---\ntitle: Many\nid: 6a2f6f0e-0f5b-4a8e-9f0b-0d8a3a5f1d02\nname: many\nlevel: high\n\
                 bucket: {{rules: [a], {text}}}\n"
                ),
            );
            assert!(!base.correlations()[1].by_client, "{group}");
            base
        };
        let mut correlator = correlator(&rules, Scope::Shared);
        let mut fired = Vec::new();
        for address in addresses {
            let mut event = event(0, address, "/");
            event.set(Field::Cookie, b"a=b; PHPSESSID=secret-value");
            fired.extend(pour(&mut correlator, &event, &[A]));
        }
        let [firing] = fired.as_slice() else {
            panic!("{group}: {fired:?}");
        };
        let reason = firing
            .clone()
            .into_detection(&rules)
            .unwrap()
            .reason
            .unwrap();
        let expected = if group == "source.network" {
            "3 times \"Rule a\" from 10.0.0.0/24, of which"
        } else {
            "3 times \"Rule a\" with vigil.session #"
        };
        assert!(reason.starts_with(expected), "{reason}");
        assert!(!reason.contains("secret"), "{reason}");
    }
}

#[test]
fn late_matches_are_counted_and_never_overflow_alone() {
    let rules = rules("type: leaky, capacity: 1, leakspeed: 1s", "");
    let mut correlator = correlator(&rules, Scope::Client);
    pour(&mut correlator, &event(100_000, 1, "/"), &[A]);
    for _ in 0..5 {
        assert!(pour(&mut correlator, &event(1_000, 1, "/"), &[A]).is_empty());
    }
    assert_eq!(correlator.late(), 5);
    assert_eq!(pour(&mut correlator, &event(99_000, 1, "/"), &[A]).len(), 1);
}

#[test]
fn a_flood_of_made_up_addresses_is_bounded_and_a_live_attacker_is_found() {
    let rules = rules(
        "type: leaky, capacity: 20, leakspeed: 10s, distinct: url.path",
        "",
    );
    let options = CorrelationOptions {
        max_groups: 1_000,
        max_entries: 20_000,
    };
    let mut correlator = Correlator::new(Arc::clone(&rules), Scope::Client, options);
    let mut found = 0;
    for second in 0..60_u32 {
        let at = i64::from(second) * 1_000;
        let attacker = event(at, 1, &format!("/{second}"));
        found += pour(&mut correlator, &attacker, &[A]).len();
        for made_up in 0..if second < 2 { 0 } else { 2_000 } {
            let one = event(at, 1_000 + second * 2_000 + made_up, "/");
            assert!(pour(&mut correlator, &one, &[A]).is_empty());
        }
        assert!(correlator.groups() <= 1_000 && correlator.entries() <= 20_000);
    }
    assert!(found >= 2, "{found}");
    assert!(correlator.evicted() > 100_000);
}

#[test]
fn a_plain_bucket_takes_its_cell_and_no_more() {
    assert!(size_of::<super::Cell>() <= 32);
    let rules = rules("type: leaky, capacity: 20, leakspeed: 10s", "");
    let options = CorrelationOptions {
        max_groups: 100_000,
        max_entries: 10_000_000,
    };
    let mut correlator = Correlator::new(Arc::clone(&rules), Scope::Client, options);
    for address in 0..100_000 {
        pour(&mut correlator, &event(0, address, "/"), &[A]);
    }
    assert_eq!(correlator.groups(), 100_000);
    let each = correlator.bytes() / correlator.groups();
    assert!(each <= 80, "{each} bytes a key");
}
