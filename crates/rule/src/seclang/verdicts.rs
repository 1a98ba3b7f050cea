//! What libinjection said of texts lately: the same user agents and cookies come again and again.
//!
//! Owns: a table of bounded size, in which a new text takes the place of an older one. Never holds:
//! longer texts, nor anything that changes an answer.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use crate::injection::Injection;

/// How many texts are remembered.
const PLACES: usize = 2_048;
/// Longer texts are asked about each time, in bytes.
const MAX_BYTES: usize = 512;

#[derive(Debug)]
struct Known {
    question: Injection,
    text: Box<[u8]>,
    answer: bool,
}

/// The answers that are remembered.
#[derive(Debug, Default)]
pub(super) struct Verdicts(Vec<Option<Known>>);

impl Verdicts {
    /// Whether the text is an injection.
    pub(super) fn of(&mut self, question: Injection, text: &[u8]) -> bool {
        if text.len() > MAX_BYTES {
            return question.is_in(text);
        }
        if self.0.is_empty() {
            self.0.resize_with(PLACES, || None);
        }
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one((question as u8, text));
        let Some(place) = self.0.get_mut(hash as usize % PLACES) else {
            return question.is_in(text);
        };
        if let Some(known) = place
            && known.question == question
            && *known.text == *text
        {
            return known.answer;
        }
        let answer = question.is_in(text);
        *place = Some(Known {
            question,
            text: text.into(),
            answer,
        });
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_the_same_when_it_is_remembered() {
        let mut verdicts = Verdicts::default();
        let long = format!("1' or '1'='1{}", " ".repeat(MAX_BYTES));
        for _ in 0..2 {
            for (question, text, expected) in [
                (Injection::Sql, "1' or '1'='1", true),
                (Injection::Sql, "it is a garden", false),
                (Injection::Sql, long.as_str(), true),
                (Injection::Xss, "<script>alert(1)</script>", true),
                (Injection::Xss, "1' or '1'='1", false),
                (Injection::Xss, "word", false),
            ] {
                assert_eq!(verdicts.of(question, text.as_bytes()), expected, "{text}");
            }
        }
    }
}
