//! Loads any text as SecLang: no panic; what loads can be evaluated, what does not says why.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vigil_event::{Event, Field};
use vigil_rule::seclang::{Fate, SecFile, SecFiles, SecRules, SecScratch};

fuzz_target!(|text: &str| {
    let files = SecFiles {
        rules: vec![SecFile {
            name: "fuzzed.conf".to_owned(),
            text: text.to_owned(),
        }],
        data: Vec::new(),
    };
    match SecRules::load(&files, None) {
        Ok(rules) => {
            let mut event = Event::new();
            event.set(Field::UrlOriginal, b"/a?id=1%20union%20select");
            event.set(Field::UrlQuery, b"id=1%20union%20select");
            let mut hits = Vec::new();
            rules.evaluate(&event, &mut SecScratch::default(), &mut hits);
            assert!(hits.iter().all(|hit| hit.rule < rules.rules().len()));
            let mut listed = rules.listed().iter();
            assert!(listed.all(|rule| rule.fate != Fate::Refused || rule.reason.is_some()));
        }
        Err(reason) => assert!(!reason.is_empty()),
    }
});
