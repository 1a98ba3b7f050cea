//! What libinjection says of a value: whether a database would read it as a statement, or a browser
//! as a script, by the sequence of its tokens
//! (<https://github.com/libinjection/libinjection>, here in its port to Rust).
//!
//! *Input*: a decoded value. *Output*: yes or no. *Limits*: plain sentences may have the sequence of a
//! statement, so that rules let it vote beside others and never decide.

mod script;
mod sql;

use libinjectionrs::sqli::{SqliFlags, SqliState};

use crate::prefilter::bytes::ByteSet;
use crate::seen::alike::{Alike, Verdict};

/// The language that a value may be an injection in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Injection {
    Sql,
    Xss,
}

/// The field that rules ask by, and the values it takes.
pub(crate) const FIELD: &str = "vigil.libinjection";
const NAMES: [(&str, Injection); 2] = [("sql", Injection::Sql), ("xss", Injection::Xss)];

impl Injection {
    /// The one with that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let mut names = NAMES.into_iter();
        names.find_map(|(known, one)| (known == name).then_some(one))
    }

    /// Whether the value is an injection.
    pub(crate) fn is_in(self, value: &[u8]) -> bool {
        !is_one_word(value)
            && match self {
                Self::Sql => {
                    !sql::is_harmless(value) && SqliState::new(value, SqliFlags::FLAG_NONE).detect()
                }
                Self::Xss => {
                    !script::is_harmless(value) && libinjectionrs::detect_xss(value).is_injection()
                }
            }
    }

    /// Whether each of the texts that are alike is one.
    pub(crate) fn of_all(self, texts: Alike<'_>) -> Verdict {
        if is_one_word(texts.0) {
            Verdict::Never
        } else if texts.are_many() {
            Verdict::Depends
        } else {
            Verdict::sure(self.is_in(texts.0))
        }
    }

    /// Every injection has one of these bytes.
    pub(crate) fn bytes(self) -> ByteSet {
        let is_telling = |byte: &u8| match self {
            Self::Sql => !is_one_word(&[*byte]),
            Self::Xss => b"<=\0".contains(byte),
        };
        (0..=u8::MAX)
            .filter(is_telling)
            .map(ByteSet::alone)
            .fold(ByteSet::default(), ByteSet::with)
    }
}

/// What libinjection never objects to, in any context.
pub(crate) fn is_one_word(value: &[u8]) -> bool {
    value
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn injections_are_told_from_sentences() {
        for (one, value, expected) in [
            (Injection::Sql, "1' OR '1'='1", true),
            (Injection::Sql, "-1 UNION SELECT 1,2 --", true),
            (Injection::Sql, "O'Brien", false),
            (Injection::Sql, "select", false),
            (Injection::Xss, "<img src=x onerror=alert(1)>", true),
            (Injection::Xss, "a < b and c = d", false),
            (Injection::Xss, "", false),
        ] {
            assert_eq!(one.is_in(value.as_bytes()), expected, "{value}");
            assert!(!expected || one.bytes().meets(ByteSet::of(value.as_bytes())));
        }
    }

    #[test]
    fn names_are_known() {
        assert_eq!(Injection::named("sql"), Some(Injection::Sql));
        assert_eq!(Injection::named("ldap"), None);
    }
}
