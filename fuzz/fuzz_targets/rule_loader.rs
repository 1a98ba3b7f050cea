//! Loads any text as a rule file: no panic; what loads can be evaluated, what does not says why.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vigil_event::{Event, Field};
use vigil_rule::{RuleFile, RuleSet, Scratch};

fuzz_target!(|text: &str| {
    let file = RuleFile {
        name: "family/fuzzed.yml".to_owned(),
        text: text.to_owned(),
    };
    match RuleSet::load(&[file]) {
        Ok(rules) => {
            let mut event = Event::new();
            event.set(Field::UrlQuery, b"id=1 union select password from users");
            event.set(Field::UserAgent, b"sqlmap/1.8");
            let mut hits = Vec::new();
            rules.evaluate(&event, &mut Scratch::new(&rules), &mut hits);
            assert!(hits.iter().all(|hit| hit.rule < rules.rules().len()));
        }
        Err(errors) => {
            assert!(!errors.is_empty() && errors.iter().all(|error| !error.to_string().is_empty()))
        }
    }
});
