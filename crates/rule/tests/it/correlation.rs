//! Correlations: what they are checked into, and what their authors are told.

use vigil_event::Field;
use vigil_rule::correlation::{Kind, Subject};
use vigil_rule::{RuleFile, RuleKind, RuleSet};

/// Two detections and a correlation over them.
const RULES: &str = "title: Failed
id: 6f2f6b1c-9a55-4cb0-8d1e-000000000001
name: failed
level: low
logsource: {category: webserver}
detection: {it: {url.path: /login}, condition: it}
---
title: Passed
id: 6f2f6b1c-9a55-4cb0-8d1e-000000000002
name: passed
level: informational
logsource: {category: webserver}
detection: {it: {url.path: /home}, condition: it}
vigil: {family: login}
---
title: Both
id: 6f2f6b1c-9a55-4cb0-8d1e-000000000003
name: both
status: test
correlation:
  type: temporal
  rules:
    - failed
    - passed
  group-by:
    - source.ip
  timespan: 10m
level: high
";

fn load(text: &str) -> Result<RuleSet, Vec<String>> {
    let file = RuleFile {
        name: "a.yml".to_owned(),
        text: text.to_owned(),
    };
    RuleSet::load(&[file]).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

#[test]
fn names_and_numbers_are_resolved() {
    let rules = load(RULES).unwrap();
    let kinds: Vec<RuleKind> = rules.rules().iter().map(|rule| rule.kind).collect();
    assert_eq!(
        kinds,
        [
            RuleKind::Detection,
            RuleKind::Detection,
            RuleKind::Correlation
        ]
    );
    let [both] = rules.correlations() else {
        panic!("{:?}", rules.correlations());
    };
    assert!(matches!(both.kind, Kind::Temporal(_)));
    assert_eq!(
        (both.rule, both.timespan_ms, both.by_client),
        (2, 600_000, true)
    );
    assert_eq!(both.steps, ["Failed", "Passed"]);
    let feeds: Vec<_> = both
        .feeds
        .iter()
        .map(|feed| (feed.rule, feed.step, feed.group_by.as_slice()))
        .collect();
    let client = [Subject::Field(Field::SourceIp)];
    assert_eq!(feeds, [(0, 0, &client[..]), (1, 1, &client[..])]);
    let rule = &rules.rules()[2];
    assert_eq!((rule.title.as_str(), rule.line), ("Both", 16));
}

#[test]
fn a_rule_is_named_by_its_id_or_a_name_in_its_own_file_first() {
    let other = RULES.replace("000000000", "100000000");
    let files = [("a.yml", RULES), ("b.yml", &other)].map(|(name, text)| RuleFile {
        name: name.to_owned(),
        text: text.to_owned(),
    });
    let rules = RuleSet::load(&files).unwrap();
    let feeds: Vec<Vec<usize>> = rules
        .correlations()
        .iter()
        .map(|one| one.feeds.iter().map(|feed| feed.rule).collect())
        .collect();
    assert_eq!(feeds, [[0, 1], [2, 3]]);
    let by_id = RULES.replace("    - failed", "    - 6F2F6B1C-9A55-4CB0-8D1E-000000000001");
    assert_eq!(load(&by_id).unwrap().correlations()[0].feeds[0].rule, 0);
}

#[test]
fn what_only_feeds_says_nothing_alone() {
    let feeds_only = |text: &str| -> Vec<bool> {
        let rules = load(text).unwrap();
        rules.rules().iter().map(|rule| rule.feeds_only).collect()
    };
    assert_eq!(feeds_only(RULES), [true, true, false]);
    // What scores nothing never does.
    let generate = RULES.replace("status: test", "generate: true");
    assert_eq!(feeds_only(&generate), [false, true, false]);
}

#[test]
fn only_groups_of_one_client_are_by_client() {
    let by_client = |from: &str, to: &str| {
        let text = RULES.replace(from, to);
        let rules = load(&text).unwrap();
        let found: Vec<bool> = rules
            .correlations()
            .iter()
            .map(|one| one.by_client)
            .collect();
        found
    };
    let aliased = "    - who\n  aliases: {who: {failed: c-ip, passed: source.ip}}";
    assert_eq!(by_client("    - source.ip", aliased), [true]);
    let mixed = "    - who\n  aliases: {who: {failed: c-ip, passed: url.path}}";
    assert_eq!(by_client("    - source.ip", mixed), [false]);
    assert_eq!(
        by_client("    - source.ip", "    - url.path\n    - source.ip"),
        [true]
    );
    assert_eq!(by_client("  group-by:\n    - source.ip\n", ""), [false]);
    // What is fed by a shared one is shared, whatever it groups by; and comes after it.
    let chained = "    - chained\n  timespan: 1h\nlevel: low\n---\ntitle: Chained\n\
                   id: 6f2f6b1c-9a55-4cb0-8d1e-000000000004\nname: chained\nlevel: low\n\
                   correlation: {type: event_count, rules: [failed], timespan: 1m, condition: {gte: 2}}\n";
    let text = RULES.replace(
        "    - passed\n  group-by:\n    - source.ip\n  timespan: 10m\nlevel: high\n",
        chained,
    );
    let text = text.replace("  timespan: 1h", "  group-by: source.ip\n  timespan: 1h");
    let rules = load(&text).unwrap();
    let order: Vec<_> = rules
        .correlations()
        .iter()
        .map(|one| (rules.rules()[one.rule].title.as_str(), one.by_client))
        .collect();
    assert_eq!(order, [("Chained", false), ("Both", false)]);
}

/// What is changed in the correlation, and what is then said.
const FAULTS: &[(&str, &str, &str)] = &[
    (
        "    - passed",
        "    - past",
        "a.yml:24: rule `Both`: no rule is called `past`: write the `name` or the `id`",
    ),
    (
        "    - passed",
        "    - family:login",
        "no rule is called `family:login`",
    ),
    (
        "    - passed",
        "    - both",
        "a.yml:22: rule `Both`: the correlations feed one another (Both): take one",
    ),
    (
        "name: passed",
        "name: failed",
        "several rules are called `failed` (a.yml:1, a.yml:8): write the `id`",
    ),
    (
        "timespan: 10m",
        "timespan: 10 minutes",
        "a.yml:27: rule `Both`: timespan `10 minutes` is invalid: write a whole number and s, m, h or d",
    ),
    ("timespan: 10m", "timespan: 60", "timespan `60` is invalid"),
    (
        "timespan: 10m",
        "timespan: 32d",
        "timespan `32d` is invalid",
    ),
    ("  timespan: 10m\n", "", "`timespan` is missing"),
    (
        "timespan: 10m",
        "timeframe: 10m",
        "a.yml:27: rule `Both`: unknown key `timeframe`: use type, rules",
    ),
    (
        "    - source.ip",
        "    - client",
        "a.yml:26: rule `Both`: unknown field `client`: use the name of one field",
    ),
    ("    - source.ip", "    - c-uri", "unknown field `c-uri`"),
    (
        "    - source.ip",
        "    - who\n  aliases: {who: {failed: source.ip}}",
        "alias `who` names no field for `passed`: add one",
    ),
    (
        "    - source.ip",
        "    - source.ip\n  aliases: {who: {fehled: source.ip}}",
        "alias `who` names `fehled`, which is not one of `rules`",
    ),
    (
        "type: temporal",
        "type: temporary",
        "a.yml:21: rule `Both`: type `temporary` is unknown: use event_count",
    ),
    (
        "type: temporal",
        "type: event_count",
        "`condition` is missing",
    ),
    (
        "type: temporal",
        "type: event_count\n  condition: {gte: many}",
        "`gte` must be a whole number",
    ),
    (
        "type: temporal",
        "type: event_count\n  condition: {gte: 20000}",
        "`gte` must be at most 10000",
    ),
    (
        "type: temporal",
        "type: event_count\n  condition: {atleast: 2}",
        "unknown key `atleast`: use gt, gte",
    ),
    (
        "type: temporal",
        "type: value_count\n  condition: {gte: 2}",
        "`field` must be the field whose values are meant",
    ),
    (
        "type: temporal",
        "type: value_sum\n  condition: {gte: 2, field: url.path}",
        "`url.path` is no number",
    ),
    (
        "type: temporal",
        "type: value_percentile\n  condition: {gte: 2, field: sc-bytes, percentile: 101}",
        "`percentile` must be a whole number from 0 to 100",
    ),
    (
        "type: temporal",
        "type: temporal\n  condition: failed and lost",
        "it names `lost`, which is not one of `rules`",
    ),
    (
        "  rules:\n    - failed\n    - passed\n",
        "",
        "`rules` must be a list of 1 to 64",
    ),
    ("status: test", "detection: {}", "unknown key `detection`"),
    (
        "status: test",
        "generate: maybe",
        "`generate` must be `true` or `false`",
    ),
    ("level: high\n", "", "`level` is missing"),
    (
        "id: 6f2f6b1c-9a55-4cb0-8d1e-000000000003",
        "id: 6f2f6b1c-9a55-4cb0-8d1e-000000000001",
        "is taken by the rule `Failed`",
    ),
];

#[test]
fn every_fault_is_told_with_its_place_and_what_to_do() {
    for (from, to, expected) in FAULTS {
        assert!(RULES.contains(from), "{from}");
        let errors = load(&RULES.replace(from, to)).expect_err(to);
        assert!(
            errors.iter().any(|error| error.contains(expected)),
            "{to}: {expected}\n{errors:#?}"
        );
    }
}

/// Rules for another log, with a correlation, and one that it feeds.
fn of_zeek(group: &str, rules: &str) -> Result<RuleSet, Vec<String>> {
    let other = RULES
        .replacen("category: webserver", "product: zeek", 1)
        .replace("    - source.ip", &format!("    - {group}"))
        .replace("    - failed\n    - passed", &format!("    - {rules}"));
    load(&format!(
        "{other}---\ntitle: Chained\nid: 6f2f6b1c-9a55-4cb0-8d1e-000000000004\nlevel: low\ncorrelation: \
         {{type: value_avg, rules: [both], group-by: [{group}], timespan: 1h, \
         condition: {{field: orig_bytes, gt: 5}}}}\n"
    ))
}

#[test]
fn of_other_logs_every_name_can_be_grouped_by_and_counted() {
    let rules = of_zeek("id.orig_p", "failed").unwrap();
    let label = |name: &str| vec![Subject::Label(name.into())];
    for correlation in rules.correlations() {
        assert_eq!(correlation.feeds[0].group_by, label("id.orig_p"));
        assert!(!correlation.by_client);
    }
    assert_eq!(rules.correlations()[1].feeds[0].value, label("orig_bytes"));
    // Fields stay fields, and what has several texts is none.
    let fields = of_zeek("source.ip", "failed").unwrap();
    assert!(fields.correlations().iter().all(|one| one.by_client));
    assert!(of_zeek("c-uri", "failed").is_err());
    // Web logs have no other names.
    let errors = of_zeek("id.orig_p", "passed").unwrap_err();
    assert!(
        errors[0].contains("unknown field `id.orig_p`"),
        "{errors:?}"
    );
}
