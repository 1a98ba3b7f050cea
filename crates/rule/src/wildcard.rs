//! Sigma's strings with `*` and `?`: a literal where they are one, a pattern where not.

use rsigma_parser::{SigmaString, SpecialChar, StringPart};

use crate::modifier::Place;

/// What a string stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Whatever there is.
    Anything,
    /// A text at a place.
    Literal(Place, String),
    /// A regular expression, in which the dot must match everything.
    Pattern(String),
}

/// The meaning of a string that is looked for at a place. `*` stands for any bytes, `?` for one.
pub(crate) fn meaning(string: &SigmaString, place: Place) -> Meaning {
    let many = &[StringPart::Special(SpecialChar::WildcardMulti)];
    let mut parts = string.parts.as_slice();
    let mut open_start = matches!(place, Place::End | Place::Anywhere);
    let mut open_end = matches!(place, Place::Start | Place::Anywhere);
    while let Some(rest) = parts.strip_prefix(many) {
        open_start = true;
        parts = rest;
        // A string of nothing but `*` is open at both ends.
        open_end |= parts.is_empty();
    }
    while let Some(rest) = parts.strip_suffix(many) {
        open_end = true;
        parts = rest;
    }
    let place = match (open_start, open_end) {
        (false, false) => Place::Whole,
        (false, true) => Place::Start,
        (true, false) => Place::End,
        (true, true) => Place::Anywhere,
    };
    match parts {
        [] if place == Place::Whole => Meaning::Literal(place, String::new()),
        [] => Meaning::Anything,
        [StringPart::Plain(text)] => Meaning::Literal(place, text.clone()),
        parts => Meaning::Pattern(pattern(parts, open_start, open_end)),
    }
}

fn pattern(parts: &[StringPart], open_start: bool, open_end: bool) -> String {
    let mut pattern = String::new();
    if !open_start {
        pattern.push_str(r"\A");
    }
    for part in parts {
        match part {
            StringPart::Plain(text) => pattern.push_str(&regex_syntax::escape(text)),
            StringPart::Special(SpecialChar::WildcardMulti) => pattern.push_str("(?s-u:.*)"),
            StringPart::Special(SpecialChar::WildcardSingle) => pattern.push_str("(?s-u:.)"),
        }
    }
    if !open_end {
        pattern.push_str(r"\z");
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_literals_where_they_can_be() {
        let literal = |place, text: &str| Meaning::Literal(place, text.to_owned());
        for (text, place, expected) in [
            ("abc", Place::Whole, literal(Place::Whole, "abc")),
            ("*abc", Place::Whole, literal(Place::End, "abc")),
            ("abc*", Place::Whole, literal(Place::Start, "abc")),
            ("*abc**", Place::Whole, literal(Place::Anywhere, "abc")),
            ("abc", Place::Anywhere, literal(Place::Anywhere, "abc")),
            ("*abc", Place::Start, literal(Place::Anywhere, "abc")),
            ("*abc*", Place::Anywhere, literal(Place::Anywhere, "abc")),
            ("", Place::Whole, literal(Place::Whole, "")),
            ("*", Place::Whole, Meaning::Anything),
            ("**", Place::Start, Meaning::Anything),
            (r"a\*b", Place::Whole, literal(Place::Whole, "a*b")),
            (r"\\\?", Place::Whole, literal(Place::Whole, r"\?")),
            (
                r"C:\Windows",
                Place::Whole,
                literal(Place::Whole, r"C:\Windows"),
            ),
        ] {
            assert_eq!(meaning(&SigmaString::new(text), place), expected, "{text}");
        }
    }

    #[test]
    fn wildcards_inside_become_patterns() {
        for (text, place, expected) in [
            ("a*.b", Place::Whole, r"\Aa(?s-u:.*)\.b\z"),
            ("a?b", Place::Anywhere, "a(?s-u:.)b"),
            ("?", Place::Whole, r"\A(?s-u:.)\z"),
            ("*a?*", Place::Whole, "a(?s-u:.)"),
            ("a*b", Place::Start, r"\Aa(?s-u:.*)b"),
        ] {
            assert_eq!(
                meaning(&SigmaString::new(text), place),
                Meaning::Pattern(expected.to_owned()),
                "{text}"
            );
        }
    }
}
