//! SecLang's operators: what is asked of a value.
//!
//! To add one: a variant, its name in [`Operator::new`], its answer in [`Operator::find`], and, if a
//! literal must occur for it to hold, that in [`Operator::required`].

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use ipnet::IpNet;

use super::pattern::Pattern;
use super::text::Text;
use super::transform::Bytes;
use crate::injection::Injection;
use crate::prefilter::bytes::ByteSet;
use crate::prefilter::literal::{self, Literal};
use crate::prefilter::required;

/// The files beside the rules, by their names: `@pmFromFile` reads them.
pub(super) type DataFiles = HashMap<String, String>;

/// How numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Greater,
    AtLeast,
    Less,
    AtMost,
}

impl Comparison {
    pub(super) const fn holds(self, value: i64, bound: i64) -> bool {
        match self {
            Self::Equal => value == bound,
            Self::Greater => value > bound,
            Self::AtLeast => value >= bound,
            Self::Less => value < bound,
            Self::AtMost => value <= bound,
        }
    }
}

/// An operator with its argument.
#[derive(Clone, Debug)]
pub(super) enum Operator {
    Always,
    Never,
    Pattern(Box<Pattern>),
    /// One of these occurs, ignoring case.
    Words(Box<AhoCorasick>, Vec<Vec<u8>>),
    /// The value occurs in the text.
    Within(Text),
    Equals(Text),
    Contains(Text),
    ContainsWord(Text),
    StartsWith(Text),
    EndsWith(Text),
    Number(Comparison, Text),
    Addresses(Vec<IpNet>),
    Injection(Injection),
    /// A byte is none of these.
    NotBytes(Box<[bool; 256]>),
    BrokenPercent,
    BrokenUtf8,
}

impl Operator {
    /// The operator of a name, or why there is none.
    pub(super) fn new(name: &str, argument: &Text, files: &DataFiles) -> Result<Self, String> {
        let plain = || {
            let text = argument
                .plain()
                .ok_or("its argument is known only while rules run")?;
            Ok::<_, String>(String::from_utf8_lossy(text).into_owned())
        };
        let text = || argument.clone();
        Ok(match name.to_ascii_lowercase().as_str() {
            "rx" | "rxglobal" => Self::Pattern(Box::new(Pattern::new(&plain()?)?)),
            "pm" => words(plain()?.split_whitespace())?,
            "pmf" | "pmfromfile" => {
                let name = plain()?;
                let file = files
                    .get(name.trim())
                    .ok_or_else(|| format!("there is no file `{name}` beside the rules"))?;
                let lines = file.lines().map(str::trim);
                words(lines.filter(|line| !line.is_empty() && !line.starts_with('#')))?
            }
            "within" => Self::Within(text()),
            "streq" => Self::Equals(text()),
            "contains" | "strmatch" => Self::Contains(text()),
            "containsword" => Self::ContainsWord(text()),
            "beginswith" => Self::StartsWith(text()),
            "endswith" => Self::EndsWith(text()),
            "eq" => Self::Number(Comparison::Equal, text()),
            "gt" => Self::Number(Comparison::Greater, text()),
            "ge" => Self::Number(Comparison::AtLeast, text()),
            "lt" => Self::Number(Comparison::Less, text()),
            "le" => Self::Number(Comparison::AtMost, text()),
            "ipmatch" => Self::Addresses(addresses(plain()?.split(','))?),
            "ipmatchf" | "ipmatchfromfile" => {
                let name = plain()?;
                let file = files
                    .get(name.trim())
                    .ok_or_else(|| format!("there is no file `{name}` beside the rules"))?;
                Self::Addresses(addresses(file.lines())?)
            }
            "detectsqli" => Self::Injection(Injection::Sql),
            "detectxss" => Self::Injection(Injection::Xss),
            "validatebyterange" => Self::NotBytes(Box::new(bytes(&plain()?)?)),
            "validateurlencoding" => Self::BrokenPercent,
            "validateutf8encoding" => Self::BrokenUtf8,
            "unconditionalmatch" => Self::Always,
            "nomatch" => Self::Never,
            "geolookup" => return Err("places are Vigil's own business (`enrich`)".to_owned()),
            "rbl" => return Err("nothing is asked over a network".to_owned()),
            other => return Err(format!("the operator `@{other}` is not offered")),
        })
    }

    /// Sets of which one literal each must occur, in lower case, for it to hold; none if nothing must.
    pub(super) fn required(&self) -> Option<Vec<Vec<u8>>> {
        let plain = |text: &Text| {
            let text = text.plain().filter(|text| !text.is_empty())?;
            Some(vec![text.to_ascii_lowercase()])
        };
        match self {
            Self::Pattern(pattern) => {
                let sets = required::literals(&pattern.hir);
                let known = |set: &&Vec<Literal>| set.iter().all(|one| !one.bytes.is_empty());
                let sets = sets.iter().filter(known);
                let best = sets.max_by_key(|set| literal::worth(set))?;
                Some(best.iter().map(|one| one.bytes.clone()).collect())
            }
            Self::Words(_, words) => Some(words.clone()),
            Self::Equals(text)
            | Self::Contains(text)
            | Self::ContainsWord(text)
            | Self::StartsWith(text)
            | Self::EndsWith(text) => plain(text),
            _ => None,
        }
    }

    /// Whether it surely holds of no text that has no other bytes than these, or `may_be_empty` though
    /// there are some.
    pub(super) fn is_out_of(&self, bytes: Bytes, may_be_empty: bool) -> bool {
        match self {
            Self::Pattern(pattern) => !pattern.may_match(bytes, may_be_empty),
            Self::Injection(one) => !one.bytes().meets(bytes.set()),
            Self::NotBytes(allowed) => {
                let mut foreign = (0..=u8::MAX).zip(allowed.iter());
                !foreign.any(|(byte, allowed)| !allowed && bytes.set().meets(ByteSet::alone(byte)))
            }
            Self::BrokenPercent => !Bytes::PERCENT.are_any_of(bytes),
            Self::BrokenUtf8 => !Bytes::HIGH.are_any_of(bytes),
            Self::Never => true,
            _ => false,
        }
    }

    /// Where it holds in a value: the place that matters, or the whole of it. `argument` is what the
    /// operator's text has come to, for those that have one.
    pub(super) fn find(&self, value: &[u8], argument: &[u8]) -> Option<Range<usize>> {
        let all = || 0..value.len();
        let holds = |holds: bool| holds.then(all);
        match self {
            Self::Always => Some(all()),
            Self::Never => None,
            Self::Pattern(pattern) => pattern.find(value),
            Self::Words(words, _) => words.find(value).map(|found| found.range()),
            Self::Within(_) => holds(memchr::memmem::find(argument, value).is_some()),
            Self::Equals(_) => holds(argument == value),
            Self::Contains(_) => {
                let at = memchr::memmem::find(value, argument)?;
                Some(at..at + argument.len())
            }
            Self::ContainsWord(_) => {
                let found = memchr::memmem::find_iter(value, argument);
                let mut found = found.map(|at| at..at + argument.len());
                found.find(|range| is_word(value, range))
            }
            Self::StartsWith(_) => value.starts_with(argument).then_some(0..argument.len()),
            Self::EndsWith(_) => {
                let starts = value.len().checked_sub(argument.len())?;
                value.ends_with(argument).then_some(starts..value.len())
            }
            Self::Number(comparison, _) => holds(comparison.holds(number(value), number(argument))),
            Self::Addresses(networks) => {
                let address: IpAddr = std::str::from_utf8(value).ok()?.trim().parse().ok()?;
                holds(networks.iter().any(|network| network.contains(&address)))
            }
            Self::Injection(one) => holds(one.is_in(value)),
            Self::NotBytes(allowed) => {
                let is_foreign = |byte: &u8| allowed.get(usize::from(*byte)) != Some(&true);
                let at = value.iter().position(is_foreign)?;
                Some(at..at + 1)
            }
            Self::BrokenPercent => broken_percent(value),
            Self::BrokenUtf8 => {
                let error = std::str::from_utf8(value).err()?;
                Some(error.valid_up_to()..error.valid_up_to() + 1)
            }
        }
    }

    /// The text that is put together for each event.
    pub(super) const fn text(&self) -> Option<&Text> {
        match self {
            Self::Within(text)
            | Self::Equals(text)
            | Self::Contains(text)
            | Self::ContainsWord(text)
            | Self::StartsWith(text)
            | Self::EndsWith(text)
            | Self::Number(_, text) => Some(text),
            _ => None,
        }
    }

    /// Whether a match has groups beside the whole.
    pub(super) fn has_groups(&self) -> bool {
        matches!(self, Self::Pattern(pattern) if pattern.has_groups())
    }

    /// The groups of a match.
    pub(super) fn groups(&self, value: &[u8], found: &Range<usize>) -> Vec<Vec<u8>> {
        match self {
            Self::Pattern(pattern) if pattern.has_groups() => pattern.groups(value),
            _ => vec![value.get(found.clone()).unwrap_or_default().to_vec()],
        }
    }
}

fn is_word(value: &[u8], range: &Range<usize>) -> bool {
    let is_of_word = |at: Option<usize>| {
        let byte = at.and_then(|at| value.get(at));
        byte.is_some_and(u8::is_ascii_alphanumeric)
    };
    !is_of_word(range.start.checked_sub(1)) && !is_of_word(Some(range.end))
}

/// The number at the start, as C reads it; 0 where there is none.
pub(super) fn number(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] | digits => (1, digits),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    sign * digits.fold(0_i64, |sum, digit| {
        sum.saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'))
    })
}

fn words<'a>(words: impl Iterator<Item = &'a str>) -> Result<Operator, String> {
    let words: Vec<Vec<u8>> = words
        .filter(|word| !word.is_empty())
        .map(|word| word.to_ascii_lowercase().into_bytes())
        .collect();
    let finder = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .build(&words)
        .map_err(|error| error.to_string())?;
    Ok(Operator::Words(Box::new(finder), words))
}

fn addresses<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Vec<IpNet>, String> {
    let texts = texts.map(|text| text.split('#').next().unwrap_or_default().trim());
    let network = |text: &str| {
        let network = text.parse::<IpNet>().ok();
        network
            .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
            .ok_or_else(|| format!("`{text}` is no address or network"))
    };
    texts.filter(|text| !text.is_empty()).map(network).collect()
}

/// `32-126,9` as a table.
fn bytes(text: &str) -> Result<[bool; 256], String> {
    let mut allowed = [false; 256];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let byte = |text: &str| {
            let byte = text.trim().parse::<u8>();
            byte.map(usize::from)
                .map_err(|_| format!("`{text}` is no byte"))
        };
        let range = byte(first)?..=byte(last)?;
        allowed
            .get_mut(range)
            .ok_or_else(|| format!("`{part}` is no range"))?
            .fill(true);
    }
    Ok(allowed)
}

/// The first `%` that no two hexadecimal digits follow.
fn broken_percent(value: &[u8]) -> Option<Range<usize>> {
    memchr::memchr_iter(b'%', value).find_map(|at| {
        let digits = value.get(at + 1..at + 3).unwrap_or_default();
        let is_whole = digits.len() == 2 && digits.iter().all(u8::is_ascii_hexdigit);
        (!is_whole).then_some(at..at + 1)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holds(name: &str, argument: &str, value: &str) -> bool {
        let files = DataFiles::from([("words.data".into(), "# no\nCurl\n\nwget x\n".into())]);
        let argument = Text::new(argument);
        let operator = Operator::new(name, &argument, &files).unwrap();
        let plain = argument.plain().unwrap();
        operator.find(value.as_bytes(), plain).is_some()
    }

    #[test]
    fn operators_answer_as_modsecurity_does() {
        for (name, argument, yes, no) in [
            ("rx", "(?i)a+", "bA", "b"),
            ("pm", "cat Dog", "hotdogs", "do g"),
            ("pmFromFile", "words.data", "/WGET X", "wget"),
            ("within", "GET HEAD", "GET", "PUT"),
            ("streq", "a", "a", "A"),
            ("contains", "b", "abc", "ac"),
            ("containsWord", "or", "1 or 1", "for"),
            ("beginsWith", "/a", "/ab", "b/a"),
            ("endsWith", ".php", "a.php", ".phpx"),
            ("eq", "0", "x", "1"),
            ("gt", "2", "3", "2"),
            ("ge", "2", "2", "1"),
            ("lt", "2", "-1", "2"),
            ("le", "2", "2", "3"),
            ("ipMatch", "10.0.0.0/8,::1", "10.1.2.3", "11.1.2.3"),
            ("validateByteRange", "1-255", "a\0", "a"),
            ("validateUrlEncoding", "", "%4", "%41"),
            ("unconditionalMatch", "", "", "-"),
        ] {
            assert!(holds(name, argument, yes), "{name} {yes}");
            assert!(no == "-" || !holds(name, argument, no), "{name} {no}");
        }
        assert!(Operator::BrokenUtf8.find(b"\xc0\xaf", b"").is_some());
    }

    proptest! {
        #[test]
        fn what_bytes_rule_out_does_not_hold(
            any in prop::collection::vec(any::<u8>(), 0..6),
            soft in "[a-c1'<=%\n ]{0,8}",
        ) {
            let question = |name, argument| {
                Operator::new(name, &Text::new(argument), &DataFiles::new()).unwrap()
            };
            let questions = [
                question("rx", "^$"),
                question("rx", "[<%]+a|'b"),
                question("detectSQLi", ""),
                question("detectXSS", ""),
                question("validateByteRange", "1-8,32-126"),
                question("validateUrlEncoding", ""),
                question("validateUtf8Encoding", ""),
                question("noMatch", ""),
            ];
            for text in [any.as_slice(), soft.as_bytes()] {
                let out = questions.iter().filter(|one| one.is_out_of(Bytes::of(text), false));
                for one in out {
                    prop_assert_eq!(one.find(text, b""), None, "{:?}", one);
                }
            }
        }
    }

    #[test]
    fn what_is_not_offered_says_so() {
        for (name, argument) in [
            ("rbl", "x"),
            ("geoLookup", ""),
            ("pmFromFile", "none"),
            ("validateByteRange", "9-300"),
            ("ipMatch", "x"),
            ("rx", "%{tx.x}"),
            ("inspectFile", "x"),
        ] {
            assert!(
                Operator::new(name, &Text::new(argument), &DataFiles::new()).is_err(),
                "{name}"
            );
        }
    }
}
