//! Texts with Sigma's `*` and `?`: a literal where they are one, a pattern where not.

use std::fmt::Write as _;

use rsigma_parser::{SigmaString, SpecialChar, StringPart};

use crate::matcher::modifier::Place;

/// One character, or one byte, since what is received need not be text.
const ONE: &str = r"(?:(?su:.)|(?-u:[\x80-\xff]))";

/// A piece of a text to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// These bytes. Two of them never follow one another.
    Text(Vec<u8>),
    /// `*`: any bytes.
    Many,
    /// `?`: one character.
    One,
}

/// The pieces of a text that is not from a rule but may have wildcards as well.
pub(crate) fn read(text: &str) -> Vec<Part> {
    parts(&SigmaString::new(text))
}

/// The pieces of a string as it was written.
pub(crate) fn parts(string: &SigmaString) -> Vec<Part> {
    let part = |part: &StringPart| match part {
        StringPart::Plain(text) => Part::Text(text.clone().into_bytes()),
        StringPart::Special(SpecialChar::WildcardMulti) => Part::Many,
        StringPart::Special(SpecialChar::WildcardSingle) => Part::One,
    };
    string.parts.iter().map(part).collect()
}

/// What a text stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Whatever there is.
    Anything,
    /// A text at a place.
    Literal(Place, Vec<u8>),
    /// A regular expression, in which the dot must match everything.
    Pattern(String),
}

/// The meaning of a text that is looked for at a place, heeding case or not.
pub(crate) fn meaning(parts: &[Part], place: Place, cased: bool) -> Meaning {
    let mut parts = parts;
    let mut open_start = matches!(place, Place::End | Place::Anywhere);
    let mut open_end = matches!(place, Place::Start | Place::Anywhere);
    while let [Part::Many, rest @ ..] = parts {
        open_start = true;
        parts = rest;
        // A text of nothing but `*` is open at both ends.
        open_end |= parts.is_empty();
    }
    while let [rest @ .., Part::Many] = parts {
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
        [] if place == Place::Whole => Meaning::Literal(place, Vec::new()),
        [] => Meaning::Anything,
        [Part::Text(text)] if cased || !has_foreign_case(text) => {
            Meaning::Literal(place, text.clone())
        }
        parts => Meaning::Pattern(pattern(parts, open_start, open_end)),
    }
}

/// Whether a letter beyond ASCII is upper or lower case, which literals do not compare.
fn has_foreign_case(text: &[u8]) -> bool {
    let is_cased = |letter: char| letter.is_uppercase() || letter.is_lowercase();
    let foreign = |text: &str| text.chars().any(|one| !one.is_ascii() && is_cased(one));
    std::str::from_utf8(text).is_ok_and(foreign)
}

/// A regular expression for these pieces.
pub(crate) fn pattern(parts: &[Part], open_start: bool, open_end: bool) -> String {
    let mut pattern = String::new();
    if !open_start {
        pattern.push_str(r"\A");
    }
    for part in parts {
        match part {
            Part::Text(text) => escape(&mut pattern, text),
            Part::Many => pattern.push_str("(?s-u:.*)"),
            Part::One => pattern.push_str(ONE),
        }
    }
    if !open_end {
        pattern.push_str(r"\z");
    }
    pattern
}

/// Bytes that are no UTF-8 come from encodings and are written by their numbers.
fn escape(pattern: &mut String, text: &[u8]) {
    for chunk in text.utf8_chunks() {
        pattern.push_str(&regex_syntax::escape(chunk.valid()));
        for byte in chunk.invalid() {
            _ = write!(pattern, r"(?-u:\x{byte:02x})");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning_of(text: &str, place: Place) -> Meaning {
        meaning(&read(text), place, false)
    }

    #[test]
    fn strings_are_literals_where_they_can_be() {
        let literal = |place, text: &str| Meaning::Literal(place, text.as_bytes().to_vec());
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
            assert_eq!(meaning_of(text, place), expected, "{text}");
        }
    }

    #[test]
    fn wildcards_inside_become_patterns() {
        for (text, place, expected) in [
            ("a*.b", Place::Whole, r"\Aa(?s-u:.*)\.b\z"),
            ("a?b", Place::Anywhere, "aONEb"),
            ("?", Place::Whole, r"\AONE\z"),
            ("*a?*", Place::Whole, "aONE"),
            ("a*b", Place::Start, r"\Aa(?s-u:.*)b"),
            // Literals compare the case of ASCII only.
            ("*Ä.x", Place::Whole, r"Ä\.x\z"),
        ] {
            assert_eq!(
                meaning_of(text, place),
                Meaning::Pattern(expected.replace("ONE", ONE)),
                "{text}"
            );
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_written_by_number() {
        let parts = [Part::Text(b"\xff\xfea.".to_vec()), Part::One];
        assert_eq!(
            meaning(&parts, Place::Anywhere, false),
            Meaning::Pattern(format!(r"(?-u:\xff)(?-u:\xfe)a\.{ONE}"))
        );
    }
}
