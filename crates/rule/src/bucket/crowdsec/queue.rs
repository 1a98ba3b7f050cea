//! Reads what scenarios ask of a bucket: `condition`, `overflow_filter` and `bayesian_conditions`.
//!
//! *Input*: `len(queue.Queue) >= 3`, `any(queue.Queue, {#.Meta.http_status == '200'})`, `all`, `none`,
//! `len(filter(queue.Queue, {…}))`, `count(queue.Queue, {…})`, `MedianInterval(map(queue.Queue[-4:],
//! {#.Time})) > duration("10m")`, what a filter may ask of `evt`, joined by `and`, `or` and `not`; names
//! for parts by `let`. *Output*: a [`Question`]. *Limits*: [`MAX_DEPTH`]; anything else is an error that
//! names it.

use super::expression::{self, Filter};
use super::token::{Token, tokens};

/// How deep parentheses and negations may be nested.
const MAX_DEPTH: usize = 32;
/// The most parts that are given a name.
const MAX_NAMES: usize = 8;
/// What a bucket holds.
const QUEUE: &str = "queue.Queue";

/// What is asked of a bucket.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Question {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    /// How many of its events, or of those that a filter takes.
    Count {
        of: Option<Filter>,
        how: &'static str,
        number: u64,
    },
    /// The median of the times between the newest so many.
    Paced {
        of: Option<Filter>,
        newest: usize,
        how: &'static str,
        time: String,
    },
    /// One of its events, whichever.
    Held(Filter),
    /// The event that was poured last.
    Last(Filter),
}

/// Reads a question.
pub(super) fn read(text: &str) -> Result<Question, String> {
    let mut reader = Reader {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
        names: Vec::new(),
    };
    while reader.take("let") {
        reader.name()?;
    }
    let question = reader.any()?;
    match reader.peek() {
        None => Ok(question),
        Some(more) => Err(format!(
            "{} is not understood here",
            expression::shown(more)
        )),
    }
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// Parts of the queue that were given a name.
    names: Vec<(String, Option<Filter>)>,
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn is(&self, ahead: usize, word: &str) -> bool {
        match self.tokens.get(self.at + ahead) {
            Some(Token::Word(found)) => found == word,
            Some(Token::Sign(found)) => *found == word,
            _ => false,
        }
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.is(0, word);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, word: &str) -> Result<(), String> {
        if self.take(word) {
            return Ok(());
        }
        let end = || "the end".to_owned();
        let found = self.peek().map_or_else(end, expression::shown);
        Err(format!("{found} stands where `{word}` is expected"))
    }

    fn word(&mut self) -> Result<String, String> {
        match self.peek() {
            Some(Token::Word(word)) => {
                let word = word.clone();
                self.at += 1;
                Ok(word)
            }
            Some(other) => Err(format!(
                "{} is not understood here",
                expression::shown(other)
            )),
            None => Err("the expression ends too early".to_owned()),
        }
    }

    /// `NAME = EVENTS;`
    fn name(&mut self) -> Result<(), String> {
        let name = self.word()?;
        self.expect("=")?;
        let of = self.events()?;
        self.expect(";")?;
        if self.names.len() >= MAX_NAMES {
            return Err(format!("more than {MAX_NAMES} names by `let`"));
        }
        self.names.push((name, of));
        Ok(())
    }

    fn any(&mut self) -> Result<Question, String> {
        let mut parts = vec![self.all()?];
        while self.take("||") || self.take("or") {
            parts.push(self.all()?);
        }
        Ok(expression::one_or(parts, Question::Any))
    }

    fn all(&mut self) -> Result<Question, String> {
        let mut parts = vec![self.part()?];
        while self.take("&&") || self.take("and") {
            parts.push(self.part()?);
        }
        Ok(expression::one_or(parts, Question::All))
    }

    fn part(&mut self) -> Result<Question, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("the expression is nested deeper than {MAX_DEPTH}"));
        }
        let part = if self.take("!") || self.take("not") {
            Question::Not(Box::new(self.part()?))
        } else if self.take("(") {
            let inner = self.any()?;
            self.expect(")")?;
            inner
        } else {
            self.asked()?
        };
        self.depth -= 1;
        Ok(part)
    }

    fn asked(&mut self) -> Result<Question, String> {
        if self.is(0, "len") || self.is(0, "count") {
            return self.count();
        }
        if self.is(0, "MedianInterval") {
            return self.paced();
        }
        let not = |question| Question::Not(Box::new(question));
        for how in ["any", "all", "none"] {
            if self.is(0, how) && self.is(1, "(") && self.is_events(2) {
                self.at += 2;
                if self.events()?.is_some() {
                    return Err(format!(
                        "`{how}` of a part of the queue is not carried over"
                    ));
                }
                self.expect(",")?;
                let filter = self.predicate()?;
                self.expect(")")?;
                return Ok(match how {
                    "any" => Question::Held(filter),
                    "none" => not(Question::Held(filter)),
                    _ => not(Question::Held(Filter::Not(Box::new(filter)))),
                });
            }
        }
        self.of_event()
    }

    /// `len(EVENTS) HOW NUMBER`, `count(EVENTS, {…}) HOW NUMBER`
    fn count(&mut self) -> Result<Question, String> {
        let counts = self.take("count");
        self.at += usize::from(!counts);
        self.expect("(")?;
        let mut of = self.events()?;
        if counts && self.take(",") {
            let filter = self.predicate()?;
            of = Some(match of {
                Some(before) => Filter::All(vec![before, filter]),
                None => filter,
            });
        }
        self.expect(")")?;
        let how = self.how()?;
        let number = self.word()?;
        let number = number
            .parse()
            .map_err(|_| format!("`{number}` is no number to compare with"))?;
        Ok(Question::Count { of, how, number })
    }

    /// `MedianInterval(map(EVENTS[-NUMBER:], {#.Time})) HOW duration("TIME")`
    fn paced(&mut self) -> Result<Question, String> {
        for word in ["MedianInterval", "(", "map", "("] {
            self.expect(word)?;
        }
        let of = self.events()?;
        self.expect("[")?;
        let newest = self.word()?;
        let newest = newest
            .strip_prefix('-')
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| format!("`{newest}` is no number of the newest events, such as `-4`"))?;
        for word in [":", "]", ",", "{"] {
            self.expect(word)?;
        }
        self.take("#");
        for word in [".Time", "}", ")", ")"] {
            self.expect(word)?;
        }
        let how = self.how()?;
        self.expect("duration")?;
        self.expect("(")?;
        let time = match self.peek() {
            Some(Token::Text(time)) => time.clone(),
            _ => return Err("`duration` needs a text such as \"10m\"".to_owned()),
        };
        self.at += 1;
        self.expect(")")?;
        Ok(Question::Paced {
            of,
            newest,
            how,
            time,
        })
    }

    fn how(&mut self) -> Result<&'static str, String> {
        for (sign, how) in [
            (">=", "gte"),
            ("<=", "lte"),
            ("==", "eq"),
            ("!=", "neq"),
            (">", "gt"),
            ("<", "lt"),
        ] {
            if self.take(sign) {
                return Ok(how);
            }
        }
        let end = || "the end".to_owned();
        let found = self.peek().map_or_else(end, expression::shown);
        Err(format!("{found} is no comparison of numbers"))
    }

    /// Whether events of the bucket stand so far ahead.
    fn is_events(&self, ahead: usize) -> bool {
        let named = |(name, _): &(String, _)| self.is(ahead, name);
        self.is(ahead, QUEUE) || self.is(ahead, "filter") || self.names.iter().any(named)
    }

    /// `queue.Queue`, a part of it, or a part that has a name: the filter that takes it.
    fn events(&mut self) -> Result<Option<Filter>, String> {
        if self.take(QUEUE) {
            return Ok(None);
        }
        if self.take("filter") {
            self.expect("(")?;
            self.expect(QUEUE)?;
            self.expect(",")?;
            let filter = self.predicate()?;
            self.expect(")")?;
            return Ok(Some(filter));
        }
        let named = self.names.iter().find(|(name, _)| self.is(0, name));
        if let Some((_, of)) = named {
            let of = of.clone();
            self.at += 1;
            return Ok(of);
        }
        let end = || "the end".to_owned();
        let found = self.peek().map_or_else(end, expression::shown);
        Err(format!("{found} stands where `{QUEUE}` is expected"))
    }

    /// `{FILTER}`, where `#.` or `.` stands for an event.
    fn predicate(&mut self) -> Result<Filter, String> {
        self.expect("{")?;
        let mut inner = Vec::new();
        let mut depth = 0;
        loop {
            let token = self.peek().cloned();
            self.at += 1;
            match token.ok_or("the expression ends too early")? {
                Token::Sign("}") if depth == 0 => break,
                Token::Sign("#") if self.peek().is_some_and(is_member) => {}
                Token::Word(word) if word.starts_with('.') => {
                    inner.push(Token::Word(format!("evt{word}")));
                }
                token => {
                    depth += i32::from(token == Token::Sign("{"));
                    depth -= i32::from(token == Token::Sign("}"));
                    inner.push(token);
                }
            }
        }
        expression::of_tokens(inner)
    }

    /// What is asked of the event that was poured last, up to where another part begins.
    fn of_event(&mut self) -> Result<Question, String> {
        let mut depth = 0_i32;
        let mut inner = Vec::new();
        while let Some(token) = self.peek() {
            match token {
                Token::Sign("(" | "[" | "{") => depth += 1,
                Token::Sign(")" | "]" | "}") if depth > 0 => depth -= 1,
                Token::Sign(")" | "||" | "&&") if depth == 0 => break,
                Token::Word(word) if depth == 0 && (word == "or" || word == "and") => break,
                Token::Word(word) if word.starts_with("queue.") || word.starts_with("leaky.") => {
                    return Err(format!(
                        "`{word}` is asked in a way that is not carried over"
                    ));
                }
                _ => {}
            }
            inner.push(token.clone());
            self.at += 1;
        }
        expression::of_tokens(inner).map(Question::Last)
    }
}

fn is_member(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read() {
        for text in [
            "len(queue.Queue) >= 3",
            "any(queue.Queue, {#.Meta.http_status == '200'}) and len(queue.Queue) < 9",
            "any(queue.Queue, {.Meta.http_path == '/'})",
            "none(queue.Queue, {#.Meta.http_status == '200'}) || all(queue.Queue, {#.Parsed.verb == 'GET'})",
            "count(queue.Queue, {#.Meta.http_status == '404'}) > 5",
            "len(filter(queue.Queue, {#.Meta.http_status == '404'})) > 5",
            "let bad = filter(queue.Queue, {#.Meta.log_type == 'a'});\nlen(bad) >= 4 &&\n\
             MedianInterval(map(bad[-4:], {#.Time})) > duration(\"10m\")",
            "evt.Meta.http_path == '/' and not (evt.Parsed.verb == 'GET' or len(queue.Queue) == 1)",
            "any(queue.Queue, {any(['a', 'b'], {evt.Parsed.http_args contains #})})",
        ] {
            assert!(read(text).is_ok(), "{text}: {:?}", read(text));
        }
        let Ok(Question::Held(filter)) = read("any(queue.Queue, {#.Meta.service == 'http'})")
        else {
            panic!("a filter of what is held");
        };
        assert_eq!(
            filter,
            expression::read("evt.Meta.service == 'http'").unwrap()
        );
    }

    #[test]
    fn what_is_refused() {
        for (text, why) in [
            ("", "ends too early"),
            ("len(queue.Queue)", "no comparison of numbers"),
            ("len(queue.Queue) > many", "`many` is no number"),
            ("len(evt.Meta.a) > 3", "`queue.Queue` is expected"),
            (
                "Distance(queue.Queue[-1].Enriched.Latitude, 1) > 3",
                "`queue.Queue` is asked in a way",
            ),
            (
                "let a = 3; len(queue.Queue) > 3",
                "`queue.Queue` is expected",
            ),
            (
                "MedianInterval(map(queue.Queue, {#.Time})) > duration('1m')",
                "`[` is expected",
            ),
            ("any(queue.Queue, {#.Meta.a == ", "ends too early"),
            ("leaky.Total_count > 3", "`leaky.Total_count` is asked"),
            (
                "len(queue.Queue) > 3 nonsense",
                "`nonsense` is not understood",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        let deep = format!("{}len(queue.Queue) > 3{}", "(".repeat(40), ")".repeat(40));
        assert!(read(&deep).unwrap_err().contains("nested"));
    }
}
