//! PCRE's regular expressions as the linear-time engine takes them.
//!
//! *Input*: a pattern of `@rx`. *Output*: the compiled pattern, and what must occur for it to match.
//! *Example*: `a{b\<[[]` becomes `a\{b\x3c[\[]`.
//! *Limits*: backreferences and look-around are refused, but for a look-behind at the start that
//! guards one alternative (`(?<!x)y|z`). Possessive repetitions and atomic groups are read as plain
//! ones, which can match more, never less.
//!
//! Patterns match as in libmodsecurity: the dot takes line breaks, `^` and `$` hold at each line.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::hir::{Hir, Look};

use super::transform::Bytes;
use crate::outline::Outline;
use crate::prefilter::bytes::{self, ByteSet};

/// A longer pattern is refused, in bytes. Rules are the operator's own; input never is a pattern.
const MAX_BYTES: usize = 64 << 10;
/// The most a compiled pattern may take, in bytes.
const COMPILED_BYTES: usize = 16 << 20;
/// The most that matching may keep of the automaton for each pattern and thread, in bytes.
const CACHE_BYTES: usize = 2 << 20;
/// How deep groups may be nested.
const NESTING: u32 = 100;

/// A pattern of `@rx`.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    regex: Regex,
    /// A match counts only if it has the first group: see [`guarded`].
    guarded: bool,
    pub(super) hir: Hir,
    /// Of each of these sets every match has a byte.
    bytes: Vec<ByteSet>,
    /// It matches nothing but an empty line.
    is_empty: bool,
    /// Made when it is first asked.
    outline: OnceLock<Option<Outline>>,
}

impl Pattern {
    /// Compiles a pattern, or says why not.
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        if pattern.len() > MAX_BYTES {
            return Err(format!("the pattern has more than {MAX_BYTES} bytes"));
        }
        let (text, guarded) = match guarded(pattern) {
            Some(text) => (text, true),
            None => (pattern.to_owned(), false),
        };
        let text = translate(&text)?;
        let hir = regex_syntax::ParserBuilder::new()
            .utf8(false)
            .unicode(false)
            .nest_limit(NESTING)
            .multi_line(true)
            .dot_matches_new_line(true)
            .build()
            .parse(&text)
            .map_err(|error| format!("the pattern is not understood: {}", one_line(&error)))?;
        let regex = RegexBuilder::new(&text)
            .unicode(false)
            .nest_limit(NESTING)
            .multi_line(true)
            .dot_matches_new_line(true)
            .size_limit(COMPILED_BYTES)
            .dfa_size_limit(CACHE_BYTES)
            .build()
            .map_err(|error| format!("the pattern cannot be compiled: {}", one_line(&error)))?;
        Ok(Self {
            regex,
            guarded,
            bytes: bytes::of_pattern(&hir),
            is_empty: is_empty(&hir),
            hir,
            outline: OnceLock::new(),
        })
    }

    /// Whether it may match a text that has bytes of these kinds, or may have none.
    pub(super) fn may_match(&self, bytes: Bytes, may_be_empty: bool) -> bool {
        let may_be_empty = may_be_empty || bytes == Bytes::default();
        let has_empty_line = may_be_empty || Bytes::LINE_BREAK.are_any_of(bytes);
        let all_occur = || self.bytes.iter().all(|set| set.meets(bytes.set()));
        (has_empty_line || !self.is_empty) && all_occur()
    }

    /// Whether it matches, wherever that is.
    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        if self.guarded {
            return self.find(text).is_some();
        }
        self.outline().is_none_or(|outline| outline.may_match(text)) && self.regex.is_match(text)
    }

    /// Where it matches first.
    pub(super) fn find(&self, text: &[u8]) -> Option<Range<usize>> {
        if let Some(outline) = self.outline()
            && !outline.may_match(text)
        {
            return None;
        }
        if self.guarded {
            let captures = self.regex.captures_iter(text);
            return captures
                .filter_map(|one| one.get(1))
                .map(|one| one.range())
                .next();
        }
        self.regex.find(text).map(|found| found.range())
    }

    /// Makes the quick look ready.
    pub(super) fn prepare(&self) {
        self.outline();
    }

    fn outline(&self) -> Option<&Outline> {
        let outline = self.outline.get_or_init(|| Outline::of(&self.hir));
        outline.as_ref()
    }

    /// Whether there is more than the whole match.
    pub(super) fn has_groups(&self) -> bool {
        self.regex.captures_len() > 1
    }

    /// The whole match and its groups, empty where a group took no part.
    pub(super) fn groups(&self, text: &[u8]) -> Vec<Vec<u8>> {
        let Some(captures) = self.regex.captures(text) else {
            return Vec::new();
        };
        let group = |one: Option<regex::bytes::Match<'_>>| {
            one.map(|found| found.as_bytes().to_vec())
                .unwrap_or_default()
        };
        captures.iter().map(group).collect()
    }
}

fn is_empty(hir: &Hir) -> bool {
    let all = hir.properties();
    all.maximum_len() == Some(0)
        && all.look_set_prefix().contains(Look::StartLF)
        && all.look_set_suffix().contains(Look::EndLF)
}

fn one_line(error: &impl ToString) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim().to_owned()
}

/// `(?<!x)y|z` as `(?:x)y|(y|z)`: what the look-behind forbids is taken first, without the group.
/// That is the same where no match of `y` or `z` stands within `x`, as in the lists of entities that
/// CRS has there.
fn guarded(pattern: &str) -> Option<String> {
    let rest = pattern.strip_prefix("(?<!")?;
    let mut depth = 1;
    let close = rest.char_indices().find_map(|(at, one)| {
        match one {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(at)
    })?;
    let (forbidden, rest) = (rest.get(..close)?, rest.get(close + 1..)?);
    let (first, others) = rest.split_once('|')?;
    let is_plain = first.len() == 1 && first.chars().all(|one| one.is_ascii_punctuation());
    is_plain.then(|| format!("(?:{forbidden}){first}|({first}|{others})"))
}

/// Writes a pattern so that the linear-time engine reads it as PCRE does.
fn translate(pattern: &str) -> Result<String, String> {
    let mut made = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    // Whether what stands before is a repetition, which a `+` makes possessive.
    let mut after_repetition = false;
    while let Some(one) = rest.chars().next() {
        let mut length = one.len_utf8();
        let mut repetition = false;
        match one {
            '\\' => length = escape(rest, false, &mut made)?,
            '[' => length = class(rest, &mut made)?,
            '(' if rest.starts_with("(?>") => {
                made.push_str("(?:");
                length = 3;
            }
            '(' if ["(?=", "(?!", "(?<=", "(?<!"]
                .iter()
                .any(|look| rest.starts_with(look)) =>
            {
                return Err("look-around cannot be matched in linear time".to_owned());
            }
            '{' => match counted(rest) {
                Some(count) => {
                    made.push_str(count);
                    length = count.len();
                    repetition = true;
                }
                None => made.push_str("\\{"),
            },
            '+' if after_repetition => {}
            '*' | '+' | '?' => {
                made.push(one);
                repetition = !(one == '?' && (after_repetition || made.ends_with("(?")));
            }
            _ => made.push(one),
        }
        after_repetition = repetition;
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(made)
}

/// `{2}`, `{2,}` or `{2,5}` at the start; any other brace stands for itself.
fn counted(text: &str) -> Option<&str> {
    let end = text.find('}')?;
    let inside = text.get(1..end)?;
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (!least.is_empty() && is_number(least) && is_number(most)).then(|| text.get(..=end))?
}

/// Writes the escape at the start and returns how long it is.
fn escape(text: &str, in_class: bool, made: &mut String) -> Result<usize, String> {
    let next = text
        .chars()
        .nth(1)
        .ok_or("the pattern ends in a backslash")?;
    match next {
        '<' => made.push_str("\\x3c"),
        '>' => made.push_str("\\x3e"),
        'e' => made.push_str("\\x1b"),
        'Z' => made.push_str("\\z"),
        'h' if in_class => made.push_str(" \\t"),
        'h' => made.push_str("[ \\t]"),
        'b' if in_class => made.push_str("\\x08"),
        '0'..='7' if next == '0' || in_class => {
            let digits: String = text
                .chars()
                .skip(1)
                .take(3)
                .take_while(|digit| digit.is_digit(8))
                .collect();
            let value = u32::from_str_radix(&digits, 8).unwrap_or(0) & 0xff;
            push_byte(made, value as u8);
            return Ok(1 + digits.len());
        }
        // Without Unicode, `\x{e2}` is a byte.
        'x' if text.starts_with("\\x{") => {
            let end = text.find('}').ok_or("`\\x{` is not closed")?;
            let digits = text.get(3..end).unwrap_or_default();
            let byte = u8::from_str_radix(digits, 16);
            let byte = byte.map_err(|_| format!("`\\x{{{digits}}}` is no byte"))?;
            push_byte(made, byte);
            return Ok(end + 1);
        }
        '1'..='9' => return Err("a backreference cannot be matched in linear time".to_owned()),
        'K' | 'G' | 'Q' | 'R' | 'X' => return Err(format!("`\\{next}` is not offered")),
        _ => made.extend(['\\', next]),
    }
    Ok(1 + next.len_utf8())
}

/// Writes the class at the start and returns how long it is.
fn class(text: &str, made: &mut String) -> Result<usize, String> {
    made.push('[');
    let mut at = 1;
    if text.get(at..).is_some_and(|rest| rest.starts_with('^')) {
        made.push('^');
        at += 1;
    }
    let first = at;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let one = rest.chars().next().ok_or("a class is not closed")?;
        at += match one {
            ']' if at > first => {
                made.push(']');
                return Ok(at + 1);
            }
            '\\' => escape(rest, true, made)?,
            '[' if rest.starts_with("[:") && rest.contains(":]") => {
                let end = rest.find(":]").map_or(rest.len(), |end| end + 2);
                made.push_str(rest.get(..end).unwrap_or_default());
                end
            }
            '[' | ']' | '&' | '~' => {
                made.extend(['\\', one]);
                1
            }
            // Two of them would take one set from another.
            '-' if made.ends_with('-') && !made.ends_with("\\-") => {
                made.push_str("\\-");
                1
            }
            _ if !one.is_ascii() => {
                // Without Unicode, a character of several bytes is each of them.
                for byte in one.encode_utf8(&mut [0; 4]).bytes() {
                    push_byte(made, byte);
                }
                one.len_utf8()
            }
            _ => {
                made.push(one);
                1
            }
        };
    }
}

/// Writes a byte as a pattern has it.
fn push_byte(made: &mut String, byte: u8) {
    // Writing into memory cannot fail.
    _ = write!(made, "\\x{byte:02x}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_are_read_as_pcre_does() {
        for (pattern, matching, other) in [
            (r"^a{b\<[[&&]\>$", "a{b<&>", "a{b<x>"),
            (r"a*+b(?>c|d)++", "aabccd", "ab"),
            (r"[\]a^-]{2,}?x", "]-x", "]x"),
            (r"[^]]\x5c\/", r"a\/", r"]\/"),
            (r"[\60]\0", "0\0", "x"),
            (r"(?i)\bor\b\s*+1", "x OR  1", "nor 1"),
            (r"x{,3}", "x{,3}", "xxx"),
            (r"^b.c", "a\nb\nc", "ab\nc"),
            (r"[[:alpha:]é]{2}", "é", "1"),
            (r"^[\--9a]+$", "a-.5", "a+"),
            (r"^[+--]$", ",", "."),
            (r"\x{c3}\xa9[\x{c3}-\x{ff}]", "éé", "ée"),
            (r#"(?<!&lt|&gt);|['"=]"#, "a&lt;b;", "a&lt;b&gt;"),
        ] {
            let found = Pattern::new(pattern).unwrap();
            assert!(
                found.find(matching.as_bytes()).is_some(),
                "{pattern} {matching}"
            );
            assert!(found.find(other.as_bytes()).is_none(), "{pattern} {other}");
        }
        assert_eq!(
            Pattern::new("a(b)|c(d)").unwrap().groups(b"xcd"),
            [b"cd".to_vec(), vec![], b"d".to_vec()]
        );
    }

    #[test]
    fn what_takes_no_linear_time_is_refused() {
        for pattern in [r"(a)\1", "a(?=b)", "(?<!ab)c", "a(?!b)", "[a", "a\\"] {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(pattern in "[-a-c0-9\\\\\\[\\]^(){}?*+.|,<>:&é]{0,24}") {
            drop(Pattern::new(&pattern));
        }
    }
}
