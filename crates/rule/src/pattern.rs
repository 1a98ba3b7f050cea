//! The only way a regular expression is made: linear in time, bounded in size.
//!
//! Patterns are matched on bytes. Classes such as `\w` and the dot are ASCII, unless the pattern
//! itself needs Unicode; a pattern ignores case only where it says so.

use std::ops::Range;
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ast::ErrorKind as Syntax;
use regex_syntax::hir::Hir;

use crate::outline::Outline;
use crate::prefilter::blind;
use crate::seen::alike::{Alike, Verdict};

/// A longer pattern is refused, in bytes.
pub const MAX_BYTES: usize = 8 << 10;
/// The most a compiled pattern may take, in bytes.
const COMPILED_BYTES: usize = 1 << 20;
/// The most that matching may keep of the automaton for each pattern and thread, in bytes.
const CACHE_BYTES: usize = 1 << 20;
/// How deep groups may be nested.
const NESTING: u32 = 64;

/// How a pattern is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Letters match both cases.
    pub ignore_case: bool,
    /// `^` and `$` match at line breaks.
    pub multi_line: bool,
    /// The dot matches line breaks.
    pub dot_all: bool,
}

/// Why a pattern is refused, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The text is too long.
    #[error("the pattern has more than {MAX_BYTES} bytes: split it into several values")]
    TooLong,
    /// The compiled form is too large.
    #[error("the pattern is too large once compiled: use smaller repetition counts")]
    TooLarge,
    /// What can not be matched in linear time.
    #[error(
        "{0} cannot be matched in linear time: write the pattern without, or use `and not` in the condition"
    )]
    Unsupported(&'static str),
    /// It does not parse.
    #[error("{0}: correct it")]
    Syntax(String),
}

/// Compiles a pattern.
pub fn compile(pattern: &str, flags: Flags) -> Result<Regex, PatternError> {
    parse(pattern, flags).and_then(|parsed| parsed.compile(pattern, flags))
}

/// A compiled pattern, with the quick look at a text that spares most searches in vain.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    regex: Regex,
    flags: Flags,
    /// Made when it is first asked: most patterns never come near a text.
    outline: OnceLock<Option<Outline>>,
    /// See [`blind`]; none where that would be too large.
    blind: OnceLock<Option<Regex>>,
}

impl Expression {
    /// A pattern that was compiled with these flags.
    const fn new(regex: Regex, flags: Flags) -> Self {
        Self {
            regex,
            flags,
            outline: OnceLock::new(),
            blind: OnceLock::new(),
        }
    }

    /// Whether the other is read from the same text in the same way.
    pub(crate) fn same(&self, other: &Self) -> bool {
        self.regex.as_str() == other.regex.as_str() && self.flags == other.flags
    }

    /// Whether it matches anywhere.
    pub(crate) fn is_match(&self, text: &[u8]) -> bool {
        self.may_match(text) && self.regex.is_match(text)
    }

    /// Where it matches first.
    pub(crate) fn find(&self, text: &[u8]) -> Option<Range<usize>> {
        let found = self.may_match(text).then(|| self.regex.find(text))?;
        found.map(|found| found.range())
    }

    /// Whether it matches anywhere in each of the texts that are alike.
    pub(crate) fn of_all(&self, texts: Alike<'_>) -> Verdict {
        let may_match = |outline: &Outline| outline.may_match_alike(texts);
        if !self.outline().is_none_or(may_match) {
            return Verdict::Never;
        }
        if !texts.are_many() {
            return Verdict::sure(self.regex.is_match(texts.0));
        }
        match self.regex.find(texts.0) {
            Some(found) if texts.are_same_in(found.range()) => Verdict::Always,
            None if !self.may_match_any(texts) => Verdict::Never,
            _ => Verdict::Depends,
        }
    }

    /// Whether it may match any of the texts that are alike.
    fn may_match_any(&self, texts: Alike<'_>) -> bool {
        let blind = self.blind.get_or_init(|| {
            let parsed = parse(self.regex.as_str(), self.flags).ok()?;
            let mut builder = RegexBuilder::new(&blind::of(&parsed.hir).to_string());
            let builder = builder
                .size_limit(COMPILED_BYTES)
                .dfa_size_limit(CACHE_BYTES);
            builder.build().ok()
        });
        let blind = blind.as_ref();
        blind.is_none_or(|blind| blind.is_match(&blind::seen(texts)))
    }

    /// Makes the quick look ready.
    pub(crate) fn prepare(&self) {
        self.outline();
    }

    fn may_match(&self, text: &[u8]) -> bool {
        self.outline().is_none_or(|outline| outline.may_match(text))
    }

    fn outline(&self) -> Option<&Outline> {
        let outline = self.outline.get_or_init(|| {
            let parsed = parse(self.regex.as_str(), self.flags).ok()?;
            Outline::of(&parsed.hir)
        });
        outline.as_ref()
    }
}

/// A pattern's meaning, from which required literals are derived.
#[derive(Clone, Debug)]
pub(crate) struct Parsed {
    pub(crate) hir: Hir,
    unicode: bool,
}

/// Reads a pattern.
pub(crate) fn parse(pattern: &str, flags: Flags) -> Result<Parsed, PatternError> {
    if pattern.len() > MAX_BYTES {
        return Err(PatternError::TooLong);
    }
    let attempt = |unicode| {
        regex_syntax::ParserBuilder::new()
            .utf8(false)
            .unicode(unicode)
            .nest_limit(NESTING)
            .case_insensitive(flags.ignore_case)
            .multi_line(flags.multi_line)
            .dot_matches_new_line(flags.dot_all)
            .build()
            .parse(pattern)
            .map_err(|error| explain(&error))
            .map(|hir| Parsed { hir, unicode })
    };
    // Letters beyond ASCII have cases and are one character each only where this is asked for.
    let is_foreign = !pattern.is_ascii();
    attempt(is_foreign).or_else(|_| attempt(!is_foreign))
}

impl Parsed {
    /// The expression of the pattern that this was read from, with the same flags.
    pub(crate) fn expression(
        &self,
        pattern: &str,
        flags: Flags,
    ) -> Result<Expression, PatternError> {
        Ok(Expression::new(self.compile(pattern, flags)?, flags))
    }

    /// Compiles the pattern that this was read from, with the same flags.
    pub(crate) fn compile(&self, pattern: &str, flags: Flags) -> Result<Regex, PatternError> {
        RegexBuilder::new(pattern)
            .unicode(self.unicode)
            .nest_limit(NESTING)
            .case_insensitive(flags.ignore_case)
            .multi_line(flags.multi_line)
            .dot_matches_new_line(flags.dot_all)
            .size_limit(COMPILED_BYTES)
            .dfa_size_limit(CACHE_BYTES)
            .build()
            .map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => PatternError::TooLarge,
                other => PatternError::Syntax(other.to_string()),
            })
    }
}

fn explain(error: &regex_syntax::Error) -> PatternError {
    match error {
        regex_syntax::Error::Parse(error) => match error.kind() {
            Syntax::UnsupportedBackreference => PatternError::Unsupported("a backreference"),
            Syntax::UnsupportedLookAround => PatternError::Unsupported("look-around"),
            kind => PatternError::Syntax(format!(
                "{kind} at character {}",
                error.span().start.offset + 1
            )),
        },
        regex_syntax::Error::Translate(error) => PatternError::Syntax(format!(
            "{} at character {}",
            error.kind(),
            error.span().start.offset + 1
        )),
        _ => PatternError::Syntax("the pattern is invalid".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_bytes_and_ascii_classes() {
        let regex = compile(r"(?i)union\s+select", Flags::default()).unwrap();
        assert!(regex.is_match(b"\xffUNION  SeLeCt\xff"));
        assert!(
            !compile(r"^\w$", Flags::default())
                .unwrap()
                .is_match("\u{e9}".as_bytes())
        );
        assert!(
            compile(r"[\u{e9}]", Flags::default())
                .unwrap()
                .is_match("\u{e9}".as_bytes())
        );
        assert!(
            compile(
                "a.b",
                Flags {
                    dot_all: true,
                    ..Flags::default()
                }
            )
            .unwrap()
            .is_match(b"a\nb")
        );
    }

    #[test]
    fn refusals_say_why() {
        for (pattern, text) in [
            (r"(a)\1", "a backreference"),
            ("a(?=b)", "look-around"),
            ("(?<!a)b", "look-around"),
            ("a(b", "unclosed group at character 2"),
            (r"(\w{500}){500}", "too large"),
            (&"(".repeat(100), "unclosed group"),
            (&"a".repeat(MAX_BYTES + 1), "more than"),
        ] {
            let error = compile(pattern, Flags::default()).unwrap_err().to_string();
            assert!(error.contains(text), "{error}");
        }
    }
}
