//! Expressions that cannot tell the digits of numbers apart.
//!
//! *Input*: the expression's meaning from `regex-syntax`. *Output*: an expression that takes 9 wherever
//! the other takes any digit. *Example*: of `id=[01]` it is `id=[019]`. A text whose numbers are all made
//! of 9 matches it if any text that is [alike](crate::seen::alike) matches the other. *Limits*: the reverse does
//! not hold: of `12|34` it is `[19][29]|[39][49]`, which takes 92.

use regex_syntax::hir::{
    Capture, Class, ClassBytes, ClassBytesRange, ClassUnicodeRange, Hir, HirKind, Repetition,
};

use crate::seen::alike::Alike;

/// The expression that takes 9 for any digit. Its depth is bounded where it is parsed.
pub(crate) fn of(hir: &Hir) -> Hir {
    let all = |parts: &[Hir]| parts.iter().map(of).collect();
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => hir.clone(),
        HirKind::Literal(text) => Hir::concat(text.0.iter().map(|byte| one(*byte)).collect()),
        HirKind::Class(class) => Hir::class(of_class(class.clone())),
        HirKind::Repetition(repetition) => Hir::repetition(Repetition {
            sub: Box::new(of(&repetition.sub)),
            ..*repetition
        }),
        HirKind::Capture(capture) => Hir::capture(Capture {
            sub: Box::new(of(&capture.sub)),
            ..capture.clone()
        }),
        HirKind::Concat(parts) => Hir::concat(all(parts)),
        HirKind::Alternation(parts) => Hir::alternation(all(parts)),
    }
}

fn one(byte: u8) -> Hir {
    if byte.is_ascii_digit() {
        let ranges = [byte, b'9'].map(|byte| ClassBytesRange::new(byte, byte));
        Hir::class(Class::Bytes(ClassBytes::new(ranges)))
    } else {
        Hir::literal([byte])
    }
}

fn of_class(mut class: Class) -> Class {
    match &mut class {
        Class::Bytes(class) => {
            let has_digit = |range: &ClassBytesRange| range.start() <= b'9' && range.end() >= b'0';
            if class.ranges().iter().any(has_digit) {
                class.push(ClassBytesRange::new(b'9', b'9'));
            }
        }
        Class::Unicode(class) => {
            let has_digit = |range: &ClassUnicodeRange| range.start() <= '9' && range.end() >= '0';
            if class.ranges().iter().any(has_digit) {
                class.push(ClassUnicodeRange::new('9', '9'));
            }
        }
    }
    class
}

/// What it sees of texts that are alike.
pub(crate) fn seen(texts: Alike<'_>) -> Vec<u8> {
    let bytes = texts.0.iter().enumerate();
    let see = |(place, byte): (usize, &u8)| {
        if texts.is_of_number(place) {
            b'9'
        } else {
            *byte
        }
    };
    bytes.map(see).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::{self, Flags};

    #[test]
    fn any_digit_of_a_number_is_taken() {
        for (pattern, text, expected) in [
            ("id=[01]", "id=55", true),
            ("id=[01]$", "id=5", false),
            ("id=[01]$", "id=55", false),
            (r"id=12\b", "id=55", true),
            (r"id=12\b", "id=555", false),
            ("(?i)ID=4x|\u{e9}", "id=77", false),
            ("[^4]4", "77", true),
        ] {
            let hir = pattern::parse(pattern, Flags::default()).unwrap().hir;
            let blind = regex::bytes::Regex::new(&of(&hir).to_string()).unwrap();
            let seen = seen(Alike(text.as_bytes()));
            assert_eq!(blind.is_match(&seen), expected, "{pattern} {text}");
        }
    }
}
