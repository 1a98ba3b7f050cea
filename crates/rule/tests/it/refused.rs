//! Rules that are refused, and what their authors are told.

use vigil_rule::{RuleFile, RuleSet};

use crate::sigma;

fn errors(text: &str) -> Vec<String> {
    let file = RuleFile {
        name: "a.yml".to_owned(),
        text: text.to_owned(),
    };
    let errors = RuleSet::load(&[file]).expect_err("the rule is refused");
    errors.iter().map(ToString::to_string).collect()
}

const RULE: &str = "title: A rule
id: 6f2f6b1c-9a55-4cb0-8d1e-000000000001
level: low
tags:
  - attack.t1190
logsource:
  category: webserver
detection:
  selection:
    url.path|contains: x
    url.query|re: 'a'
  condition: selection
";

/// What is changed in the rule, and what is then said.
const FAULTS: &[(&str, &str, &str)] = &[
    (
        "level: low",
        "level: huge",
        "a.yml:3: rule `A rule`: level `huge` is unknown",
    ),
    ("level: low\n", "", "`level` is missing"),
    (
        "id: 6f2f",
        "id: zf2f",
        "a.yml:2: rule `A rule`: id `zf2f6b1c-9a55-4cb0-8d1e-000000000001` is not a UUID",
    ),
    (
        "id: 6f2f6b1c-9a55-4cb0-8d1e-000000000001\n",
        "",
        "`id` is missing",
    ),
    (
        "attack.t1190",
        "attack.t119",
        "a.yml:5: rule `A rule`: tag `attack.t119` is invalid",
    ),
    (
        "attack.t1190",
        "attack.hacking",
        "tag `attack.hacking` is invalid",
    ),
    (
        "category: webserver",
        "category: process_creation",
        "a.yml:7: rule `A rule`: the rule is for `process_creation`",
    ),
    (
        "|contains:",
        "|containz:",
        "a.yml:10: rule `A rule`: modifier `containz` of `url.path` is not supported",
    ),
    (
        "url.path|contains: x",
        "url.path|base64offset|contains: x*",
        "what is encoded cannot have wildcards",
    ),
    (
        "url.path|contains: x",
        "url.path|expand: '%admins%'",
        "a.yml:10: rule `A rule`: nothing is configured for the placeholder `%admins%`",
    ),
    (
        "url.path|contains: x",
        "url.path|fieldref: url.pfad",
        "unknown field `url.pfad`",
    ),
    (
        "url.path|contains: x",
        "url.path|fieldref: 5",
        "takes the name of a field",
    ),
    (
        "url.path|contains: x",
        "url.path|hour: noon",
        "is no value for `url.path`: write a number",
    ),
    (
        "title: A rule",
        "title: A rule\naction: sing",
        "action `sing` is unknown: use global, reset or repeat",
    ),
    (
        "  category: webserver",
        "  definition: all logs",
        "`logsource` is missing",
    ),
    (
        "url.path|",
        "url.pfad|",
        "a.yml:10: rule `A rule`: unknown field `url.pfad`: use event.original",
    ),
    (
        "contains: x",
        "contains: ''",
        "is no value for `url.path`: an empty text is in everything",
    ),
    (
        "contains: x",
        "contains: {a: b}",
        "`url.path|contains` must be a value or a list of values",
    ),
    (
        "contains: x",
        "contains: []",
        "`url.path|contains` must be a value or a list of values",
    ),
    (
        "contains: x",
        "gte: many",
        "is no value for `url.path`: write a number",
    ),
    (
        "contains: x",
        "contains: 1.10",
        "is no value for `url.path`: put quotes around a decimal number",
    ),
    ("contains: x", "cidr: 10.0.0/8", "write a network such as"),
    (
        "contains: x",
        "exists: perhaps",
        "`exists` takes true or false",
    ),
    (
        "re: 'a'",
        "re: 'a('",
        "a.yml:11: rule `A rule`: regular expression `a(` of `url.query`: unclosed group",
    ),
    (
        "re: 'a'",
        "re: '(a)\\1'",
        "a backreference cannot be matched in linear time",
    ),
    (
        "re: 'a'",
        "re: '(?=a)'",
        "look-around cannot be matched in linear time",
    ),
    (
        "condition: selection",
        "condition: selektion",
        "a.yml:12: rule `A rule`: the condition names `selektion`",
    ),
    (
        "condition: selection",
        "condition: 1 of filter_*",
        "the condition names `filter_*`",
    ),
    (
        "condition: selection",
        "condition: 3 of them",
        "1 selections have such a name",
    ),
    (
        "condition: selection",
        "condition: selection and",
        "a.yml:12: rule `A rule`: condition `selection and`: ",
    ),
    (
        "condition: selection",
        "condition: selection | count() > 5",
        "a.yml:12: rule `A rule`: condition",
    ),
    (
        "condition: selection",
        "timeframe: 5m",
        "`condition` is missing",
    ),
    (
        "title: A rule",
        "titel: A rule",
        "a.yml:1: unknown key `titel`",
    ),
    (
        "title: A rule",
        "title: A rule\ncorrelation: {}",
        "unknown key `detection`: use title",
    ),
    (
        "tags:",
        "vigil: {score: 11}\ntags:",
        "a.yml:4: rule `A rule`: the `vigil:` map is invalid: a score",
    ),
    (
        "tags:",
        "vigil: {familie: x}\ntags:",
        "unknown field `familie`",
    ),
    (
        "tags:",
        "vigil: {examples: {match: [{uri: /}]}}\ntags:",
        "unknown field `uri`",
    ),
    ("tags:", "status: good\ntags:", "status `good` is unknown"),
    (
        "  category",
        "\tcategory",
        "a.yml:7: this is not valid YAML",
    ),
    (
        "level: low",
        "level: low\nlevel: high",
        "this is not valid YAML: duplicate entry",
    ),
];

#[test]
fn each_fault_is_named_with_its_line() {
    for (from, to, expected) in FAULTS {
        assert!(RULE.contains(from), "{from}");
        let errors = errors(&RULE.replacen(from, to, 1));
        assert!(
            errors.iter().any(|error| error.contains(expected)),
            "{expected}\nnot in {errors:#?}"
        );
    }
}

#[test]
fn several_faults_are_told_at_once() {
    let broken = RULE
        .replace("level: low", "level: huge")
        .replace("url.path|", "url.pfad|")
        .replace("re: 'a'", "re: 'a('")
        .replace("attack.t1190", "attack.t1");
    let two = format!("{broken}---\n{}", RULE.replace("level: low", "level: none"));
    let errors = errors(&two);
    assert_eq!(errors.len(), 5, "{errors:#?}");
    assert!(
        errors[4].starts_with("a.yml:16: "),
        "the second document has lines of its own: {errors:#?}"
    );
}

#[test]
fn an_id_is_taken_once() {
    let one = sigma::rule("selection:\n  url.path: x\ncondition: selection");
    let other = RuleFile {
        name: "other.yml".to_owned(),
        ..one.clone()
    };
    let errors = RuleSet::load(&[one, other]).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0]
            .to_string()
            .starts_with("other.yml:1: rule `Test`: id `6f2f6b1c"),
        "{}",
        errors[0]
    );
    assert!(
        errors[0].to_string().contains("in test/rule.yml"),
        "{}",
        errors[0]
    );
}
