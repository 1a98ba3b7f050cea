//! What of a whole request's evidence may be kept.
//!
//! Owns: which evidence shows a secret (what goes by names such as `password`, or `Authorization`).
//! Never holds: what is a secret by its name; that is `vigil_event::whole`'s.
//!
//! A rule may match in a secret: that it did is told, what it matched is not.

use vigil_event::whole::{BodyKind, is_secret};
use vigil_event::{Detection, Whole, text};

/// What stands in place of a secret.
const MASK: &str = "***";
/// Shorter values are too common to be told from other text.
const SHORTEST: usize = 4;
/// So many secrets are looked for in a text.
const MOST_IN_TEXT: usize = 256;

/// Takes the secrets of a request out of the evidence.
pub(crate) fn mask(detections: &mut [Detection], whole: &Whole) {
    let named = whole.headers.iter().chain(&whole.parameters);
    let named = named
        .filter(|pair| is_secret(&pair.name))
        .flat_map(|pair| [pair.value.clone(), encoded(&pair.value)]);
    let secrets: Vec<String> = named
        .chain(in_text(text_of(whole)).map(|(_, value)| value.to_vec()))
        .chain(in_values(whole).map(<[u8]>::to_vec))
        .filter(|value| value.len() >= SHORTEST)
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

/// What of a body is looked at as text.
fn text_of(whole: &Whole) -> &[u8] {
    match whole.kind {
        BodyKind::Xml | BodyKind::Other => &whole.body,
        _ if whole.parameters.is_empty() => &whole.body,
        _ => whole.body.get(whole.unread_from..).unwrap_or_default(),
    }
}

/// The secrets in values that are themselves names and values, such as a part of JSON. A word that is
/// followed by others, as in a statement of SQL, names none.
fn in_values(whole: &Whole) -> impl Iterator<Item = &[u8]> {
    let values = whole.parameters.iter();
    let secrets = values.flat_map(|pair| in_text(&pair.value));
    let is_given = |between: &[u8]| between.iter().any(|byte| b":=>".contains(byte));
    let secrets = secrets.filter(move |(between, _)| is_given(between));
    secrets.map(|(_, value)| value).take(MOST_IN_TEXT)
}

/// What stands behind names of secrets in a text that was not read into names and values, and what stands
/// between: as in `password=…`, `"password": "…"` or `<password>…`.
fn in_text(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let mut rest = text;
    let secrets = std::iter::from_fn(move || {
        let start = rest.iter().position(|byte| is_of_name(*byte))?;
        let word = rest.get(start..)?;
        let end = word.iter().position(|byte| !is_of_name(*byte));
        let (name, after) = word.split_at_checked(end.unwrap_or(word.len()))?;
        rest = after;
        let between = after
            .iter()
            .position(|byte| !b" \t\r\n\"':=>\\".contains(byte));
        let (between, value) = after.split_at_checked(between.unwrap_or(after.len()))?;
        Some((is_secret(name)).then(|| (between, up_to_end(value, between))))
    });
    secrets.flatten().take(MOST_IN_TEXT)
}

/// The value that a text begins with. In JSON an escaped quote is a part of it, unless one opens it: then it
/// stands in JSON that is itself a text in JSON.
fn up_to_end<'a>(text: &'a [u8], between: &[u8]) -> &'a [u8] {
    let is_nested = between.ends_with(b"\\\"");
    let mut before = 0;
    let end = text.iter().position(|byte| {
        let is_escaped = std::mem::replace(&mut before, *byte) == b'\\' && *byte == b'"';
        b"&\"<\r\n".contains(byte) && (is_nested || !is_escaped)
    });
    let value = end.and_then(|end| text.get(..end)).unwrap_or(text);
    let nested = value.strip_suffix(b"\\").filter(|_| is_nested);
    nested.unwrap_or(value)
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
    fn secrets_in_a_text_are_found() {
        for (text, expected) in [
            ("a=1&password=x' or 1=1--&b=2", &["x' or 1=1--"][..]),
            (
                r#"{"a": [{"api_key" : "geheim"}, {"pin":1234}]"#,
                &["geheim", "1234}]"],
            ),
            (r#"{"pin": "x\" or 1", "a": 1}"#, &[r#"x\" or 1"#]),
            (r#""{\"pin\": \"x or 1\", \"a\": 1}""#, &["x or 1"]),
            ("<user>ann</user><passwd>geheim</passwd>", &["geheim", ""]),
            ("select password from users", &["from users"]),
            ("password", &[""]),
            ("page=1&id=2", &[]),
        ] {
            let found: Vec<_> = in_text(text.as_bytes()).map(|(_, value)| value).collect();
            let expected: Vec<_> = expected.iter().map(|one| one.as_bytes()).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let whole = Whole {
            headers: vec![Pair::new(b"Authorization", b"Bearer geheim")],
            parameters: vec![
                Pair::new(b"password", b"x' or 1=1--"),
                Pair::new(b"id", b"1' or 1=1"),
                Pair::new(b"part", br#"{"q": "1' or", "pin": "geheim-2"}"#),
                Pair::new(b"sql", b"union select password from users"),
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
            ("http.request.body", r#"1' or", "pin": "geheim-2""#, false),
            ("http.request.body", r#"{"q": "1' or""#, true),
            ("http.request.body", "select password from users", true),
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
