//! What correlations keep when other rules take the place of theirs.

use std::sync::Arc;

use vigil_rule::RuleFile;

use super::tests::event;
use super::*;

/// A rule called `a` that looks for a word.
const A: &str = "title: Rule a
id: 6a2f6f0e-0f5b-4a8e-9f0b-0d8a3a5f1c00
name: a
level: low
logsource: {category: webserver}
detection: {it: {url.query|contains: aaa}, condition: it}
";
/// A rule that stands before it in the set, and a correlation that stands before the others.
const FIRST: &str = "title: Rule first
id: 6a2f6f0e-0f5b-4a8e-9f0b-0d8a3a5f1c09
name: first
level: low
logsource: {category: webserver}
detection: {it: {url.query|contains: fff}, condition: it}
---
title: Correlation of the first
id: 6a2f6f0e-0f5b-4a8e-9f0b-0d8a3a5f1d09
level: high
correlation: {type: event_count, rules: [first], group-by: [source.ip], timespan: 60s, condition: {gte: 9}}
";
const COUNT: &str = "correlation: {type: event_count, rules: [a], group-by: [source.ip], timespan: 60s, condition: {gte: 3}}";
const BUCKET: &str =
    "bucket: {type: leaky, rules: [a], groupby: source.ip, capacity: 2, leakspeed: 60s}";

/// Rule `a` and what counts its matches, behind what else there is.
fn rules(first: &str, a: &str, parts: &str) -> Arc<RuleSet> {
    let counter =
        format!("---\ntitle: It\nid: 6a2f6f0e-0f5b-4a8e-9f0b-0d8a3a5f1d00\nlevel: high\n{parts}\n");
    let counter = if parts.is_empty() { "" } else { &counter };
    let files = [
        ("a.yml", first.to_owned()),
        ("b.yml", format!("{a}{counter}")),
    ];
    let files = files
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| RuleFile {
            name: name.to_owned(),
            text,
        });
    Arc::new(RuleSet::load(&files.collect::<Vec<_>>()).unwrap())
}

/// Takes so many matches of rule `a` in; how often something fired.
fn matches(correlator: &mut Correlator, count: i64) -> usize {
    let a = |rule: &Rule| rule.title == "Rule a";
    let a = correlator.rules.rules().iter().position(a).unwrap();
    let mut firings = Vec::new();
    for second in 0..count {
        correlator.observe(&event(second * 1_000, 1, "/", 0), [a], &mut firings);
    }
    firings.len()
}

#[test]
fn the_same_correlation_goes_on_and_another_begins() {
    let with_first = |parts: &str| rules(FIRST, A, parts);
    let alone = |parts: &str| rules("", A, parts);
    let looks_elsewhere = A.replace("aaa", "bbb");
    let table = [
        (COUNT, alone(COUNT), true, "the same"),
        (COUNT, with_first(COUNT), true, "at another place"),
        (
            COUNT,
            rules("", &looks_elsewhere, COUNT),
            true,
            "fed by a rule that looks elsewhere",
        ),
        (
            COUNT,
            alone(&COUNT.replace("gte: 3", "gte: 2")),
            false,
            "another number",
        ),
        (
            COUNT,
            alone(&COUNT.replace("60s", "61s")),
            false,
            "another timespan",
        ),
        (
            COUNT,
            alone(&COUNT.replace("[source.ip]", "[source.ip, url.path]")),
            false,
            "other groups",
        ),
        (
            COUNT,
            rules(FIRST, A, &COUNT.replace("[a]", "[a, first]")),
            false,
            "more feeds",
        ),
        (COUNT, alone(BUCKET), false, "a bucket instead"),
        (BUCKET, with_first(BUCKET), true, "the same bucket"),
        (
            BUCKET,
            alone(&BUCKET.replace("60s", "59s")),
            false,
            "a bucket that leaks faster",
        ),
    ];
    for (before, after, goes_on, what) in table {
        let options = CorrelationOptions::default();
        let mut correlator = Correlator::new(alone(before), Scope::Client, options);
        assert_eq!(matches(&mut correlator, 2), 0, "{what}");
        let held = (correlator.groups(), correlator.entries());
        correlator.replace_rules(&after);
        let kept = (correlator.groups(), correlator.entries());
        assert_eq!(kept, if goes_on { held } else { (0, 0) }, "{what}");
        assert_eq!(matches(&mut correlator, 1), usize::from(goes_on), "{what}");
    }
}

#[test]
fn what_was_gone_in_between_begins_anew() {
    let options = CorrelationOptions::default();
    let mut correlator = Correlator::new(rules("", A, COUNT), Scope::Client, options);
    matches(&mut correlator, 2);
    correlator.replace_rules(&rules(FIRST, A, ""));
    correlator.replace_rules(&rules("", A, COUNT));
    assert_eq!(matches(&mut correlator, 1), 0);
}

#[test]
fn the_counts_of_what_was_lost_go_on() {
    let options = CorrelationOptions {
        max_groups: 1,
        ..CorrelationOptions::default()
    };
    let mut correlator = Correlator::new(rules("", A, COUNT), Scope::Client, options);
    let mut firings = Vec::new();
    for address in 0..200 {
        correlator.observe(&event(100_000, address, "/", 0), [0], &mut firings);
    }
    correlator.observe(&event(0, 199, "/", 0), [0], &mut firings);
    let lost = (correlator.evicted(), correlator.late());
    assert!(lost.0 > 0 && lost.1 == 1, "{lost:?}");
    for other in [rules(FIRST, A, COUNT), rules(FIRST, A, "")] {
        correlator.replace_rules(&other);
        assert_eq!((correlator.evicted(), correlator.late()), lost);
    }
}
