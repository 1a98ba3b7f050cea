//! What libinjection said of texts lately: the same user agents and cookies come again and again.
//!
//! Owns: a table of bounded size, in which a new text takes the place of an older one. Never holds:
//! longer texts, nor anything that changes an answer.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// How many texts are remembered.
const PLACES: usize = 2_048;
/// Longer texts are asked about each time, in bytes.
const MAX_BYTES: usize = 512;

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Question {
    SqlInjection,
    Xss,
}

impl Question {
    fn ask(self, text: &[u8]) -> bool {
        match self {
            Self::SqlInjection => libinjectionrs::detect_sqli(text).is_injection(),
            Self::Xss => libinjectionrs::detect_xss(text).is_injection(),
        }
    }
}

#[derive(Debug)]
struct Known {
    question: Question,
    text: Box<[u8]>,
    answer: bool,
}

/// The answers that are remembered.
#[derive(Debug, Default)]
pub(super) struct Verdicts(Vec<Option<Known>>);

impl Verdicts {
    /// Whether the text is an injection.
    pub(super) fn of(&mut self, question: Question, text: &[u8]) -> bool {
        if is_one_word(text) {
            return false;
        }
        if text.len() > MAX_BYTES {
            return question.ask(text);
        }
        if self.0.is_empty() {
            self.0.resize_with(PLACES, || None);
        }
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one((question, text));
        let Some(place) = self.0.get_mut(hash as usize % PLACES) else {
            return question.ask(text);
        };
        if let Some(known) = place
            && known.question == question
            && *known.text == *text
        {
            return known.answer;
        }
        let answer = question.ask(text);
        *place = Some(Known {
            question,
            text: text.into(),
            answer,
        });
        answer
    }
}

/// What libinjection never objects to, in any context.
fn is_one_word(text: &[u8]) -> bool {
    text.iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
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
                (Question::SqlInjection, "1' or '1'='1", true),
                (Question::SqlInjection, "it is a garden", false),
                (Question::SqlInjection, long.as_str(), true),
                (Question::Xss, "<script>alert(1)</script>", true),
                (Question::Xss, "1' or '1'='1", false),
                (Question::Xss, "word", false),
            ] {
                assert_eq!(verdicts.of(question, text.as_bytes()), expected, "{text}");
            }
        }
    }
}
