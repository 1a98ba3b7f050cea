//! What a line costs grows with its length and no faster, whatever stands in it: counted, not timed.

use vigil_rule::{RuleSet, Scratch};

use crate::{line, stock};

/// What is repeated to make a long query that is dear to decode, to search or to compare.
const HOSTILE: [&str; 24] = [
    "a",
    "%",
    "%25",
    "%2525252541",
    "&",
    "&a=",
    "&id=1%27",
    "=",
    "../",
    "..%2f",
    "%2e%2e%5c",
    "/*",
    "/**/",
    "/*!50000",
    "%27",
    "%27%20or%20",
    "select%20",
    "union%20all%20",
    "&lt;",
    "&#x3c;",
    "%3Cscript%3E",
    "\\u003c",
    "$IFS",
    "c2VsZWN0",
];

/// Bytes of the query.
const SHORT: usize = 4 << 10;
const LONG: usize = 32 << 10;

/// Bytes that were examined for each byte of the query.
fn examined(rules: &RuleSet, piece: &str, bytes: usize) -> f64 {
    let query = piece.repeat(bytes / piece.len());
    let event = line::event(&format!(
        r#"192.0.2.1 - - [20/Nov/2026:12:00:00 +0000] "GET /a?id={query} HTTP/1.1" 200 5 "-" "curl/8""#
    ));
    let views: usize = event.views().map(|view| view.text.len()).sum();
    let (mut scratch, mut hits) = (Scratch::new(rules), Vec::new());
    rules.evaluate(&event, &mut scratch, &mut hits);
    (views as u64 + scratch.costs().examined()) as f64 / query.len() as f64
}

#[test]
fn the_work_for_a_line_is_linear_in_its_length() {
    let rules = RuleSet::load(&stock::stock_files()).unwrap();
    for piece in HOSTILE {
        let short = examined(&rules, piece, SHORT);
        let long = examined(&rules, piece, LONG);
        // Eight times the length may cost a little more a byte, where a bound is met late.
        assert!(long <= short * 1.25 + 1.0, "{piece}: {short} then {long}");
        assert!(long > 1.0, "{piece}: nothing was looked at");
    }
}
