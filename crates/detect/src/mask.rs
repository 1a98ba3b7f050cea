//! What of a whole request's evidence may be kept.
//!
//! Owns: which evidence shows a secret (what goes by names such as `password`, or `Authorization`).
//! Never holds: what is a secret by its name; that is `vigil_event::whole`'s.
//!
//! A rule may match in a secret: that it did is told, what it matched is not.

use vigil_event::whole::is_secret;
use vigil_event::{Detection, Whole, text};

/// What stands in place of a secret.
const MASK: &str = "***";
/// Shorter values are too common to be told from other text.
const SHORTEST: usize = 4;

/// Takes the secrets of a request out of the evidence.
pub(crate) fn mask(detections: &mut [Detection], whole: &Whole) {
    let named = whole.headers.iter().chain(&whole.parameters);
    let secrets: Vec<String> = named
        .filter(|pair| is_secret(&pair.name) && pair.value.len() >= SHORTEST)
        .flat_map(|pair| [pair.value.clone(), encoded(&pair.value)])
        .map(|value| text::escape_invalid(&value).to_ascii_lowercase())
        .collect();
    for evidence in detections.iter_mut().flat_map(|one| &mut one.evidence) {
        // OWASP CRS says which parameter or header it is: `ARGS:password`.
        let name = evidence
            .field
            .split_once(':')
            .map(|(_, name)| name.as_bytes());
        let matched = evidence.matched.to_ascii_lowercase();
        let shows = secrets.iter().any(|secret| {
            matched.contains(secret.as_str())
                || (matched.len() >= SHORTEST && secret.contains(matched.as_str()))
        });
        if shows || name.is_some_and(is_secret) {
            MASK.clone_into(&mut evidence.matched);
        }
    }
}

/// As it stands in the body of a form.
fn encoded(value: &[u8]) -> Vec<u8> {
    let mut made = Vec::new();
    for byte in value {
        match byte {
            b' ' => made.push(b'+'),
            b'*' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => made.push(*byte),
            _ => made.extend_from_slice(format!("%{byte:02x}").as_bytes()),
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use vigil_event::whole::Pair;
    use vigil_event::{Detector, Evidence, Score};

    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let whole = Whole {
            headers: vec![Pair::new(b"Authorization", b"Bearer geheim")],
            parameters: vec![
                Pair::new(b"password", b"x' or 1=1--"),
                Pair::new(b"id", b"1' or 1=1"),
            ],
            ..Whole::default()
        };
        for (field, matched, shown) in [
            ("http.request.body", "1' or 1=1", true),
            ("http.request.body", "password=x' or 1=1--", false),
            ("http.request.body", "' or 1=1--", false),
            ("REQUEST_BODY", "id=1&password=X%27+or+1%3d1--", false),
            ("ARGS:password", "' or", false),
            ("REQUEST_HEADERS:Authorization", "Bea", false),
            ("ARGS:id", "'", true),
        ] {
            let mut detections = [Detection {
                rule_id: String::new(),
                title: String::new(),
                family: String::new(),
                detector: Detector::Rule,
                score: Score::new(1.0),
                techniques: Vec::new(),
                evidence: vec![Evidence {
                    field: field.to_owned(),
                    decodings: Vec::new(),
                    start: 0,
                    end: 0,
                    matched: matched.to_owned(),
                }],
                reason: None,
            }];
            mask(&mut detections, &whole);
            let expected = if shown { matched } else { MASK };
            assert_eq!(
                detections[0].evidence[0].matched, expected,
                "{field} {matched}"
            );
        }
    }
}
