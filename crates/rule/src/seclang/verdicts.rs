//! What libinjection said of texts lately: the same user agents and cookies come again and again.
//!
//! Owns: a table of bounded size; see [`Familiar`]. Never holds: longer texts, nor anything that changes
//! an answer.

use crate::injection::{Injection, is_one_word};
use vigil_event::familiar::{Familiar, Recall};

/// How many texts are remembered.
const SLOTS: u16 = 2_048;
/// Longer texts are asked about each time, in bytes.
const MAX_BYTES: u16 = 512;

/// The answers that are remembered. Their memory is taken when they are first asked for.
#[derive(Debug, Default)]
pub(super) struct Verdicts(Option<Familiar<bool>>);

impl Verdicts {
    /// Whether the text is an injection.
    pub(super) fn of(&mut self, question: Injection, text: &[u8]) -> bool {
        if is_one_word(text) {
            return false;
        }
        let known = self
            .0
            .get_or_insert_with(|| Familiar::new(SLOTS, MAX_BYTES));
        known.begin();
        match known.recall(question as u64, text) {
            Recall::Known(place) => known.get(place).is_some_and(|answer| *answer),
            Recall::Again(place) => {
                let answer = question.is_in(text);
                known.learn(place, text, Some(answer));
                answer
            }
            Recall::Stranger => question.is_in(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_the_same_when_it_is_remembered() {
        let mut verdicts = Verdicts::default();
        let long = format!("1' or '1'='1{}", " ".repeat(MAX_BYTES.into()));
        for _ in 0..3 {
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
