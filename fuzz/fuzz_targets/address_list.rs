//! Any bytes as a list of addresses, read in each of its forms: no panic; every entry has a score and
//! a label within bounds, and what is refused says why.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use vigil_enrich::list::{AddressFile, Column, KEPT_BAD_LINES, ListFormat};

fuzz_target!(|bytes: &[u8]| {
    let named = ListFormat {
        column: Column::parse("ip"),
        score_column: Column::parse("score"),
        label_column: Column::parse("label"),
        worst_score: 100.0,
        ..ListFormat::default()
    };
    let numbered = ListFormat {
        column: Column::parse("1"),
        score_column: Column::parse("2"),
        label_column: Column::parse("3"),
        separator: '\t',
        worst_score: 1.0,
    };
    for format in [ListFormat::default(), named, numbered] {
        match AddressFile::parse(bytes, &format, Path::new("fuzzed")) {
            Ok(file) => check(&file),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
});

fn check(file: &AddressFile) {
    for entry in &file.entries {
        assert_eq!(entry.network, entry.network.trunc());
        assert!(
            entry
                .score
                .is_none_or(|score| (0.0..=10.0).contains(&score))
        );
        assert!(entry.label.as_ref().is_none_or(|label| !label.is_empty()));
    }
    assert_eq!(
        file.first_bad_lines.len(),
        file.bad_lines.min(KEPT_BAD_LINES)
    );
    assert!(file.first_bad_lines.iter().all(|bad| bad.number > 0));
}
