//! Reads the expressions of scenarios, as far as one request or message decides them.
//!
//! *Input*: `evt.Meta.http_status in ['404', '403'] && evt.Parsed.verb == 'GET'` and the like: `and`,
//! `or`, `not`, comparisons of one name with texts, `any(list or File(…), {… #})`,
//! `RegexpInFile(name, file)`, `hasPrefix` and `hasSuffix`, `int(name) >= 3`, `Lower`, `Upper`, `PathUnescape`, `QueryUnescape`,
//! and `let` in front, which gives one of these a name. *Output*: a [`Filter`]. *Limits*: [`MAX_DEPTH`]; anything else is an error that names it.

mod call;

use super::token::{Token, tokens};

/// How deep parentheses and negations may be nested.
const MAX_DEPTH: usize = 32;

/// What is asked of one event.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Compared(Comparison),
}

/// One name, compared with some values: one of them must fit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Comparison {
    pub(super) name: Name,
    pub(super) how: How,
    pub(super) values: Values,
    /// The values were changed to upper or lower case, and so was the name's.
    pub(super) any_case: bool,
}

/// A name with what is done to its value before it is compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Name {
    pub(super) path: String,
    pub(super) any_case: bool,
    pub(super) unescaped: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Is,
    Contains,
    Starts,
    Ends,
    Matches,
    /// A number.
    AtLeast,
    AtMost,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Values {
    Texts(Vec<String>),
    /// The lines of a file, or what stands in each under a key.
    File {
        name: String,
        key: Option<String>,
    },
}

/// The names that a group or a distinct value is made of, without the texts between them.
pub(super) fn names(text: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for token in tokens(text)? {
        match token {
            Token::Word(name) if name.starts_with("evt.") => names.push(name),
            Token::Text(_) | Token::Sign("+" | "(" | ")") => {}
            other => return Err(format!("{} in `{text}`", shown(&other))),
        }
    }
    Ok(names)
}

/// Reads an expression.
pub(super) fn read(text: &str) -> Result<Filter, String> {
    of_tokens(tokens(text)?)
}

/// Reads an expression of these words.
pub(super) fn of_tokens(tokens: Vec<Token>) -> Result<Filter, String> {
    let mut reader = Reader {
        tokens,
        at: 0,
        depth: 0,
        called: Vec::new(),
    };
    let filter = reader.any()?;
    match reader.peek() {
        None => Ok(filter),
        Some(more) => Err(format!("{} is not understood here", shown(more))),
    }
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// What `let` has given a name.
    called: Vec<(String, Name)>,
}

pub(super) fn shown(token: &Token) -> String {
    match token {
        Token::Word(word) => format!("`{word}`"),
        Token::Text(text) => format!("\"{}\"", text.chars().take(40).collect::<String>()),
        Token::Sign(sign) => format!("`{sign}`"),
    }
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Result<Token, String> {
        let token = self
            .peek()
            .cloned()
            .ok_or("the expression ends too early")?;
        self.at += 1;
        Ok(token)
    }

    fn take(&mut self, words: &[&str]) -> bool {
        let found = match self.peek() {
            Some(Token::Word(word)) => words.contains(&word.as_str()),
            Some(Token::Sign(sign)) => words.contains(sign),
            _ => false,
        };
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.take(&[sign]) {
            return Ok(());
        }
        let found = self.peek().map_or_else(|| "the end".to_owned(), shown);
        Err(format!("{found} stands where `{sign}` is expected"))
    }

    fn any(&mut self) -> Result<Filter, String> {
        while self.take(&["let"]) {
            let Token::Word(own) = self.next()? else {
                return Err("`let` needs a name".to_owned());
            };
            self.expect("=")?;
            let name = self.name()?;
            self.expect(";")?;
            self.called.push((own, name));
        }
        let mut parts = vec![self.all()?];
        while self.take(&["||", "or"]) {
            parts.push(self.all()?);
        }
        Ok(one_or(parts, Filter::Any))
    }

    fn all(&mut self) -> Result<Filter, String> {
        let mut parts = vec![self.part()?];
        while self.take(&["&&", "and"]) {
            parts.push(self.part()?);
        }
        Ok(one_or(parts, Filter::All))
    }

    fn part(&mut self) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("the expression is nested deeper than {MAX_DEPTH}"));
        }
        let part = if self.take(&["!", "not"]) {
            Filter::Not(Box::new(self.part()?))
        } else if self.take(&["("]) {
            let inner = self.any()?;
            self.expect(")")?;
            inner
        } else if self.take(&["any"]) {
            self.any_of()?
        } else if self.take(&["RegexpInFile"]) {
            self.in_file()?
        } else if self.take(&["hasPrefix"]) {
            self.has(How::Starts)?
        } else if self.take(&["hasSuffix"]) {
            self.has(How::Ends)?
        } else if self.take(&["int"]) {
            self.number()?
        } else {
            self.comparison(None)?
        };
        self.depth -= 1;
        Ok(part)
    }

    /// `any(LIST, {NAME HOW #})`
    fn any_of(&mut self) -> Result<Filter, String> {
        self.expect("(")?;
        let values = if self.take(&["File"]) {
            Values::File {
                name: self.bracketed()?,
                key: None,
            }
        } else {
            Values::Texts(self.list()?)
        };
        self.expect(",")?;
        self.expect("{")?;
        let filter = self.comparison(Some(values))?;
        if self.take(&["?"]) {
            self.noted()?;
        }
        self.expect("}")?;
        self.expect(")")?;
        Ok(filter)
    }

    fn list(&mut self) -> Result<Vec<String>, String> {
        self.expect("[")?;
        let mut texts = Vec::new();
        while !self.take(&["]"]) {
            match self.next()? {
                Token::Text(text) => texts.push(text),
                Token::Sign(",") => {}
                other => return Err(format!("{} in a list of texts", shown(&other))),
            }
        }
        Ok(texts)
    }

    /// A name, `Lower(NAME)` and the like.
    fn name(&mut self) -> Result<Name, String> {
        let token = self.next()?;
        let Token::Word(word) = &token else {
            return Err(format!("{} stands where a name is expected", shown(&token)));
        };
        if word.starts_with("evt.") {
            if self.peek() == Some(&Token::Sign("(")) {
                return Err(format!(
                    "`{word}` is a function, of which none is carried over"
                ));
            }
            return Ok(Name {
                path: word.clone(),
                ..Name::default()
            });
        }
        // The newest is the one that is meant.
        if let Some((_, name)) = self.called.iter().rev().find(|(own, _)| own == word) {
            return Ok(name.clone());
        }
        let (any_case, unescaped) = match word.as_str() {
            "Lower" | "Upper" => (true, false),
            "PathUnescape" | "QueryUnescape" => (false, true),
            _ => return Err(format!("`{word}` is not carried over")),
        };
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("the expression is nested deeper than {MAX_DEPTH}"));
        }
        self.expect("(")?;
        let inner = self.name()?;
        self.expect(")")?;
        self.depth -= 1;
        Ok(Name {
            path: inner.path,
            any_case: any_case || inner.any_case,
            unescaped: unescaped || inner.unescaped,
        })
    }

    /// `NAME HOW VALUE`; within `any`, the values are given and `#` stands for them.
    fn comparison(&mut self, given: Option<Values>) -> Result<Filter, String> {
        let name = self.name()?;
        let negated = self.take(&["not"]);
        let token = self.next()?;
        let word = match &token {
            Token::Word(word) => word.as_str(),
            Token::Sign(sign) => sign,
            Token::Text(_) => "",
        };
        let (how, differs) = match word {
            "==" | "in" => (How::Is, false),
            "!=" => (How::Is, true),
            "contains" => (How::Contains, false),
            "startsWith" => (How::Starts, false),
            "endsWith" => (How::Ends, false),
            "matches" => (How::Matches, false),
            _ => {
                return Err(format!(
                    "{} is no comparison that is carried over",
                    shown(&token)
                ));
            }
        };
        if how == How::Is && self.take(&["nil"]) {
            // What is not there is an empty text, and no text is nothing.
            let (always, never) = (Filter::All(Vec::new()), Filter::Any(Vec::new()));
            return Ok(if differs { always } else { never });
        }
        let (values, any_case) = self.values(word == "in", given)?;
        let compared = Filter::Compared(Comparison {
            any_case: any_case || name.any_case,
            name,
            how,
            values,
        });
        Ok(if negated == differs {
            compared
        } else {
            Filter::Not(Box::new(compared))
        })
    }

    /// What is compared with, and whether its case was changed.
    fn values(&mut self, list: bool, given: Option<Values>) -> Result<(Values, bool), String> {
        if list {
            return Ok((Values::Texts(self.list()?), false));
        }
        if self.take(&["Lower", "Upper"]) {
            self.expect("(")?;
            let (values, _) = self.values(false, given)?;
            self.expect(")")?;
            return Ok((values, true));
        }
        if self.take(&["("]) {
            let values = self.values(false, given)?;
            self.expect(")")?;
            return Ok(values);
        }
        match (self.next()?, given) {
            (Token::Sign("#"), Some(values)) => Ok((values, false)),
            (Token::Word(word), Some(Values::File { name, .. })) if word == "JsonExtract" => {
                let key = self.extracted()?;
                let key = Some(key);
                Ok((Values::File { name, key }, false))
            }
            (Token::Text(text), None) => Ok((Values::Texts(vec![text]), false)),
            (other, _) => Err(format!(
                "{} is compared with, which is no text",
                shown(&other)
            )),
        }
    }
}

/// The only part, or several of them together.
pub(super) fn one_or<T>(mut parts: Vec<T>, several: impl FnOnce(Vec<T>) -> T) -> T {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            several(parts)
        }
        None => several(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_and_what_is_refused() {
        for text in [
            "evt.Meta.service == 'http' && evt.Meta.http_status in ['404', '403']",
            "not (evt.Parsed.verb != \"GET\" or Lower(evt.Meta.http_path) contains Lower('/A'))",
            "any(File('a.txt'), { evt.Parsed.request endsWith #})",
            "any(['a', 'b'], {Upper(evt.Parsed.http_args) contains Upper(#)})",
            "RegexpInFile(Lower(evt.Parsed.http_user_agent), 'bad.txt')",
            "Upper(QueryUnescape(evt.Meta.http_path)) startsWith ('/x')",
            "evt.Parsed.http_version not in ['1.0']",
            "hasPrefix(Lower(evt.Meta.http_path), '/a') || hasSuffix(evt.Meta.http_path, '.b')",
        ] {
            assert!(read(text).is_ok(), "{text}: {:?}", read(text));
        }
        for (text, why) in [
            ("", "ends too early"),
            ("evt.Meta.a == 'x", "quote is not closed"),
            ("len(evt.Meta.a) > 3", "`len` is not carried over"),
            ("let a = 1; a == 2", "`1` is not carried over"),
            ("let 'a' = evt.Meta.a; a == 'b'", "`let` needs a name"),
            ("let a = evt.Meta.a; b == 'c'", "`b` is not carried over"),
            ("evt.Meta.a == evt.Meta.b", "which is no text"),
            ("evt.Meta.a > '3'", "`>` is no comparison"),
            ("evt.GetX('a') == 'b'", "is a function"),
            ("int(evt.Meta.a) > 3", "`>` of a number"),
            ("int(evt.Meta.a) >= 'x'", "is no number"),
            (
                "any(File('a'), {evt.Meta.a == # ? evt.GetX() : false})",
                "expected",
            ),
            (
                "any(File('a'), {evt.Meta.a == # ? evt.SetMeta(",
                "ends too early",
            ),
            ("any(['a'], {evt.Meta.a == JsonExtract(#, 'b')})", "no text"),
            ("evt.Meta.a == 'b' c", "`c` is not understood"),
            ("evt.Meta.a == 'b' €", "cannot be read"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        let deep = format!("{}evt.Meta.a == 'b'{}", "(".repeat(40), ")".repeat(40));
        assert!(read(&deep).unwrap_err().contains("nested"));
        let deep = format!(
            "{}evt.Meta.a{} == 'b'",
            "Lower(".repeat(4_000),
            ")".repeat(4_000)
        );
        assert!(read(&deep).is_err());
    }

    #[test]
    fn what_has_a_name_is_what_it_was_given_for() {
        for (named, plain) in [
            (
                "let a = Lower(evt.Meta.b);\na contains 'x' && evt.Meta.c == 'y' && not (a == 'z')",
                "Lower(evt.Meta.b) contains 'x' && evt.Meta.c == 'y' && not (Lower(evt.Meta.b) == 'z')",
            ),
            (
                "evt.Meta.c == 'y' and (let a = evt.Meta.b; let d = Upper(a); d == 'x' or a == 'z')",
                "evt.Meta.c == 'y' and (Upper(evt.Meta.b) == 'x' or evt.Meta.b == 'z')",
            ),
            (
                "let a = evt.Meta.b; let a = evt.Meta.c; a == 'x'",
                "evt.Meta.c == 'x'",
            ),
        ] {
            assert_eq!(read(named), read(plain), "{named}");
        }
        let has = read("hasSuffix(evt.Meta.a, '.b')");
        assert_eq!(has, read("evt.Meta.a endsWith '.b'"));
    }

    #[test]
    fn groups_are_names() {
        let groups = names("evt.Meta.source_ip + '/' + evt.Parsed.target_fqdn").unwrap();
        assert_eq!(groups, ["evt.Meta.source_ip", "evt.Parsed.target_fqdn"]);
        assert!(names("len(evt.Meta.a)").is_err());
    }
}
