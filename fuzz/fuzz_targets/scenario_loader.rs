//! Loads any text as a scenario of CrowdSec, and as a bucket of our own: no panic; what loads can be
//! evaluated, what does not says why.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vigil_event::{Event, Field};
use vigil_rule::{Input, Placeholders, RuleFile, RuleSet, Scratch};

/// A rule that buckets may name.
const POURED: &str = "title: Poured
id: 6f2f6b1c-9a55-4cb0-8d1e-000000000001
name: poured
level: low
logsource: {category: webserver}
detection: {it: {url.path: /login}, condition: it}
---
";

fuzz_target!(|text: &str| {
    let file = |name: &str, text: &str| RuleFile {
        name: name.to_owned(),
        text: text.to_owned(),
    };
    let foreign = [
        file("hub/fuzzed.yaml", text),
        file("hub/list.txt", "/.env\n.sql\n"),
    ];
    let placeholders = Placeholders::new();
    let input = Input {
        own: &[],
        foreign: &foreign,
        placeholders: &placeholders,
    };
    // What is foreign is left out and listed, and never keeps the rest from loading.
    let (rules, report) = RuleSet::load_all(input).unwrap_or_else(|errors| panic!("{errors:?}"));
    evaluate(&rules);
    let mut listed = report.refused.iter().chain(&report.notes);
    assert!(listed.all(|error| !error.to_string().is_empty()));
    let own = file("family/fuzzed.yml", &format!("{POURED}{text}"));
    match RuleSet::load(&[own]) {
        Ok(rules) => evaluate(&rules),
        Err(errors) => assert!(!errors.is_empty()),
    }
});

fn evaluate(rules: &RuleSet) {
    let mut event = Event::new();
    event.set(Field::UrlOriginal, b"/a/.env?x=1");
    event.set(Field::UrlPath, b"/a/.env");
    event.set(Field::UrlQuery, b"x=1");
    event.status = 404;
    let mut hits = Vec::new();
    rules.evaluate(&event, &mut Scratch::new(rules), &mut hits);
    assert!(hits.iter().all(|hit| hit.rule < rules.rules().len()));
}
