//! Buckets: what they are checked into, and what their authors are told.

use vigil_event::Field;
use vigil_rule::bucket::BucketKind;
use vigil_rule::correlation::{Kind, Subject};
use vigil_rule::{RuleFile, RuleSet};

/// A detection that the buckets pour.
const POURED: &str = "title: Poured
id: 6f2f6b1c-9a55-4cb0-8d1e-000000000001
name: poured
level: low
logsource: {category: webserver}
detection: {it: {url.path: /login}, condition: it}
";

fn bucket(parts: &str) -> String {
    format!(
        "{POURED}---\ntitle: Bucket\nid: 6f2f6b1c-9a55-4cb0-8d1e-000000000002\nname: it\nlevel: high\nbucket: {{{parts}}}\n"
    )
}

fn load(text: &str) -> Result<RuleSet, Vec<String>> {
    let file = RuleFile {
        name: "a.yml".to_owned(),
        text: text.to_owned(),
    };
    RuleSet::load(&[file]).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

#[test]
fn a_bucket_is_a_correlation_with_numbers_checked() {
    let rules = load(&bucket(
        "type: leaky, rules: [poured], groupby: [source.ip, url.domain], distinct: url.file, \
         capacity: 10, leakspeed: 0.5s, blackhole: 5m",
    ))
    .unwrap();
    let [correlation] = rules.correlations() else {
        panic!("{:?}", rules.correlations());
    };
    assert!(correlation.by_client);
    assert_eq!(correlation.timespan_ms, 5_500);
    assert_eq!(
        correlation.feeds[0].group_by,
        [
            Subject::Field(Field::SourceIp),
            Subject::Field(Field::UrlDomain)
        ]
    );
    assert_eq!(correlation.feeds[0].value, [Subject::File]);
    let Kind::Bucket(bucket) = &correlation.kind else {
        panic!("{:?}", correlation.kind);
    };
    assert!(bucket.distinct && bucket.blackhole_ms == 300_000);
    assert!(matches!(
        bucket.kind,
        BucketKind::Leaky {
            capacity: 10,
            leak_us: 500_000
        }
    ));
    assert!(rules.rules()[0].feeds_only);
}

#[test]
fn what_empties_a_bucket_may_speak_for_itself() {
    let text = format!(
        "{}---\ntitle: Good\nid: 6f2f6b1c-9a55-4cb0-8d1e-000000000003\nname: good\nlevel: low\n\
         logsource: {{category: webserver}}\ndetection: {{it: {{url.path: /ok}}, condition: it}}\n",
        bucket("type: trigger, rules: [poured], cancel_on: [good]")
    );
    let rules = load(&text).unwrap();
    let good = rules
        .rules()
        .iter()
        .find(|rule| rule.title == "Good")
        .unwrap();
    assert!(!good.feeds_only);
}

/// Each bucket is refused at its place, with that in the reason.
#[track_caller]
fn refused(rows: &[(&str, &str)]) {
    for (parts, expected) in rows {
        let errors = load(&bucket(parts)).unwrap_err();
        assert!(
            errors.iter().any(|error| error.contains(expected)),
            "{parts}: {errors:#?}"
        );
        assert!(
            errors.iter().all(|error| error.starts_with("a.yml:")),
            "{errors:#?}"
        );
    }
}

#[test]
fn questions_that_are_none_are_refused() {
    refused(&[
        (
            "type: bayesian, rules: [poured], leakspeed: 1s, bayesian_prior: 0.5",
            "`bayesian_threshold` of the bucket: a bayesian bucket needs it",
        ),
        (
            "type: leaky, rules: [poured], capacity: 5, leakspeed: 1s, bayesian_prior: 0.5",
            "only a bayesian bucket has it",
        ),
        (
            "type: bayesian, rules: [poured], leakspeed: 1s, bayesian_prior: 0.0, bayesian_threshold: 0.8, \
             bayesian_conditions: [{condition: poured, prob_given_evil: 0.9, prob_given_benign: 0.1}]",
            "write a number above 0, at most 1",
        ),
        (
            "type: bayesian, rules: [poured], leakspeed: 1s, bayesian_prior: .nan, bayesian_threshold: 0.8, \
             bayesian_conditions: [{condition: poured, prob_given_evil: 1.5, prob_given_benign: 0.1}]",
            "are numbers from 0 to 1",
        ),
        (
            "type: bayesian, rules: [poured], leakspeed: 1s, bayesian_prior: 0.5, bayesian_threshold: 0.8, \
             bayesian_conditions: [{condition: other, prob_given_evil: 0.9, prob_given_benign: 0.1}]",
            "`bayesian_conditions` of the bucket: it names `other`",
        ),
        (
            "type: trigger, rules: [poured], overflow_filter: {last: poured}",
            "`last` asks for a match",
        ),
        (
            "type: conditional, rules: [poured], leakspeed: 1s, condition: {median_interval: {gt: 1m}}",
            "needs `newest`",
        ),
        (
            "type: counter, rules: [poured], duration: 1m, overflow_filter: {share: {gte: 0.6}}",
            "`share` needs `of`",
        ),
        (
            "type: counter, rules: [poured], duration: 1m, overflow_filter: {of: poured, share: {gte: 60}}",
            "`60` is no part of all",
        ),
        (
            "type: counter, rules: [poured], duration: 1m, overflow_filter: {of: poured, share: {}}",
            "`share` needs a comparison",
        ),
        (
            "type: conditional, rules: [poured], leakspeed: 1s, condition: {gt: 1, surprise: 2}",
            "did not match any variant",
        ),
        (
            "type: conditional, rules: [poured], leakspeed: 1s, condition: {}",
            "write `gte` or another comparison",
        ),
    ]);
}

#[test]
fn faults_name_their_place_and_say_what_to_do() {
    refused(&[
        ("type: leaky", "missing field `rules`"),
        (
            "type: leaky, rules: [poured], capacity: 0, leakspeed: 1s",
            "`capacity` of the bucket: a leaky bucket holds 1 to 1000000",
        ),
        (
            "type: leaky, rules: [poured], capacity: 5",
            "`leakspeed` of the bucket: a leaky bucket needs it",
        ),
        (
            "type: leaky, rules: [poured], capacity: 5, leakspeed: fast",
            "`fast` is no time",
        ),
        (
            "type: trigger, rules: [poured], capacity: 5",
            "a trigger holds nothing",
        ),
        (
            "type: counter, rules: [poured], capacity: 5, duration: 1s",
            "write -1",
        ),
        (
            "type: counter, rules: [poured]",
            "`duration` of the bucket: a counter bucket needs it",
        ),
        (
            "type: conditional, rules: [poured], leakspeed: 1s",
            "`condition` of the bucket: a conditional bucket needs it",
        ),
        (
            "type: trigger, rules: [poured], condition: poured",
            "only a conditional bucket has one",
        ),
        (
            "type: conditional, rules: [poured], leakspeed: 1s, condition: other",
            "it names `other`, which is not one of `rules`",
        ),
        (
            "type: round, rules: [poured]",
            "`round` is none of leaky, trigger, counter, surge, conditional or bayesian",
        ),
        (
            "type: trigger, rules: [nobody]",
            "no rule is called `nobody`",
        ),
        ("type: trigger, rules: []", "list 1 to 64 names"),
        (
            "type: trigger, rules: [poured], groupby: nothing",
            "unknown field `nothing`",
        ),
        (
            "type: trigger, rules: [poured], groupy: source.ip",
            "unknown field `groupy`",
        ),
        (
            "type: trigger, rules: [poured], blackhole: 400d",
            "`400d` is no time",
        ),
    ]);
}
