//! Walks over one JSON object and notes where the wanted values stand.
//!
//! Owns: JSON's grammar as far as finding values needs it. Never holds: values, a tree, more
//! nesting than [`MAX_DEPTH`] levels. Values that nobody asked for are skipped, not checked.

use memchr::memchr2;

use super::key::Key;
use crate::span::Span;

/// Deeper objects are skipped.
const MAX_DEPTH: usize = 8;
/// Longer names, joined by dots, are of no interest.
const MAX_NAME_BYTES: usize = 64;

/// Where a value stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Value {
    /// Without quotes.
    pub(super) span: Span,
    /// There are backslashes in it.
    pub(super) escaped: bool,
}

/// The wanted values of one object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found([Option<Value>; Key::COUNT]);

impl Default for Found {
    fn default() -> Self {
        Self([None; Key::COUNT])
    }
}

/// What takes the values that a walk comes by.
pub(super) trait Sink {
    /// Takes every plain element of a list, not only the first.
    const LISTS: bool;

    /// Takes a value under the names of the objects around it and its own, joined by dots.
    fn take(&mut self, name: &[u8], value: Value);
}

impl Sink for Found {
    const LISTS: bool = false;

    fn take(&mut self, name: &[u8], value: Value) {
        if let Some(key) = Key::of(name) {
            self.note(key, value);
        }
    }
}

impl Found {
    pub(super) fn get(&self, key: Key) -> Option<Value> {
        self.0.get(key as usize).copied().flatten()
    }

    fn note(&mut self, key: Key, value: Value) {
        if let Some(slot) = self.0.get_mut(key as usize) {
            slot.get_or_insert(value);
        }
    }
}

/// The text is no JSON object, or ends before it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// Walks over the object at `start`. What was found before the text broke off is in `found`.
pub(super) fn scan<S: Sink>(text: &[u8], start: usize, found: &mut S) -> Result<(), Broken> {
    let mut scanner = Scanner {
        text,
        at: start,
        name: Name::EMPTY,
        found,
    };
    scanner.expect(b'{')?;
    scanner.members(MAX_DEPTH)?;
    scanner.skip_space();
    if scanner.at == text.len() {
        Ok(())
    } else {
        Err(Broken)
    }
}

/// The names of the objects around a value and its own, joined by dots.
struct Name {
    bytes: [u8; MAX_NAME_BYTES],
    len: usize,
    /// The name is too long to be one of ours.
    overflown: bool,
}

impl Name {
    const EMPTY: Self = Self {
        bytes: [0; MAX_NAME_BYTES],
        len: 0,
        overflown: false,
    };

    fn whole(&self) -> Option<&[u8]> {
        self.bytes.get(..self.len).filter(|_| !self.overflown)
    }

    fn append(&mut self, part: &[u8]) {
        let dot = usize::from(self.len > 0);
        let end = self.len + dot + part.len();
        match self.bytes.get_mut(self.len..end) {
            Some(room) if !self.overflown => {
                let (first, rest) = room.split_at_mut(dot);
                first.fill(b'.');
                rest.copy_from_slice(part);
                self.len = end;
            }
            _ => self.overflown = true,
        }
    }
}

struct Scanner<'a, S> {
    text: &'a [u8],
    at: usize,
    name: Name,
    found: &'a mut S,
}

impl<S: Sink> Scanner<'_, S> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn expect(&mut self, wanted: u8) -> Result<(), Broken> {
        self.skip_space();
        if self.peek() != Some(wanted) {
            return Err(Broken);
        }
        self.at += 1;
        Ok(())
    }

    /// The members of an object and its closing brace.
    fn members(&mut self, depth: usize) -> Result<(), Broken> {
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.expect(b'"')?;
            let name = self.string()?;
            self.expect(b':')?;
            let (len, overflown) = (self.name.len, self.name.overflown);
            self.name.append(name.span.of(self.text));
            self.value(depth)?;
            (self.name.len, self.name.overflown) = (len, overflown);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(Broken),
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<(), Broken> {
        self.skip_space();
        match self.peek().ok_or(Broken)? {
            b'{' if depth > 1 => {
                self.at += 1;
                self.members(depth - 1)
            }
            b'{' => self.skip_nested(),
            b'[' => self.list(),
            _ => self.scalar(),
        }
    }

    /// Text, a number, `true`, `false` or `null`.
    fn scalar(&mut self) -> Result<(), Broken> {
        let value = if self.peek() == Some(b'"') {
            self.at += 1;
            // Text that breaks off is noted all the same: a cut record is judged as far as it goes.
            let start = self.at;
            self.string().map_err(|Broken| Value {
                span: Span::new(start, self.text.len()),
                escaped: true,
            })
        } else {
            Ok(self.literal()?)
        };
        let (Ok(whole) | Err(whole)) = value;
        if let Some(name) = self.name.whole() {
            self.found.take(name, whole);
        }
        value.map(|_| ()).map_err(|_| Broken)
    }

    fn literal(&mut self) -> Result<Value, Broken> {
        let start = self.at;
        while self
            .peek()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.'))
        {
            self.at += 1;
        }
        let span = Span::new(start, self.at);
        match span.of(self.text) {
            b"" => Err(Broken),
            b"null" => Ok(Value {
                span: Span::EMPTY,
                escaped: false,
            }),
            _ => Ok(Value {
                span,
                escaped: false,
            }),
        }
    }

    /// Text up to its closing quote; the opening one has been read.
    fn string(&mut self) -> Result<Value, Broken> {
        let start = self.at;
        let mut escaped = false;
        loop {
            let rest = self.text.get(self.at..).ok_or(Broken)?;
            self.at += memchr2(b'"', b'\\', rest).ok_or(Broken)?;
            if self.peek() == Some(b'"') {
                let span = Span::new(start, self.at);
                self.at += 1;
                return Ok(Value { span, escaped });
            }
            escaped = true;
            self.at += 2;
        }
    }

    /// A list: its elements count, or the first of them, up to one that is an object or a list.
    fn list(&mut self) -> Result<(), Broken> {
        let start = self.at;
        self.at += 1;
        self.skip_space();
        while !matches!(self.peek().ok_or(Broken)?, b'{' | b'[' | b']') {
            self.scalar()?;
            self.skip_space();
            if !S::LISTS || self.peek() != Some(b',') {
                break;
            }
            self.at += 1;
            self.skip_space();
        }
        self.at = start;
        self.skip_nested()
    }

    /// Skips an object or a list with all that is in it.
    fn skip_nested(&mut self) -> Result<(), Broken> {
        let mut open = 0_usize;
        loop {
            let byte = self.peek().ok_or(Broken)?;
            self.at += 1;
            match byte {
                b'"' => _ = self.string()?,
                b'{' | b'[' => open += 1,
                b'}' | b']' => {
                    open = open.checked_sub(1).ok_or(Broken)?;
                    if open == 0 {
                        return Ok(());
                    }
                }
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, key: Key) -> Option<&str> {
        let mut found = Found::default();
        scan(text.as_bytes(), 0, &mut found).ok()?;
        text.get(found.get(key)?.span.start()..found.get(key)?.span.end())
    }

    #[test]
    fn finds_flat_and_nested_names() {
        for text in [
            r#"{"url.path":"/a"}"#,
            r#" { "x" : [1,{"url":"no"},"]"] , "url" : { "query" : null , "path" : "/a" } } "#,
            r#"{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":{"i":{}}}}}}}}},"url.path":["/a","/b"]}"#,
            r#"{"url.path":"/a","url.path":"/b","t":true,"n":-1.5e3}"#,
        ] {
            assert_eq!(found(text, Key::Path), Some("/a"), "{text}");
        }
        assert_eq!(found(r#"{"status":200}"#, Key::Status), Some("200"));
        assert_eq!(found(r#"{"x":{"status":200}}"#, Key::Status), None);
    }

    #[test]
    fn broken_objects_are_refused_and_give_what_they_had() {
        for text in [
            r#"{"status":200"#,
            r#"{"status":200,}"#,
            r#"{"status":200} x"#,
            r#"{"status":200,"a":"b"#,
        ] {
            let mut found = Found::default();
            assert_eq!(scan(text.as_bytes(), 0, &mut found), Err(Broken), "{text}");
            assert_eq!(
                found
                    .get(Key::Status)
                    .map(|value| value.span.of(text.as_bytes())),
                Some(&b"200"[..])
            );
        }
        for text in [
            "{",
            "{]",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":[}"#,
            "[]",
            r#"{"a":"b"#,
        ] {
            assert_eq!(
                scan(text.as_bytes(), 0, &mut Found::default()),
                Err(Broken),
                "{text}"
            );
        }
    }

    #[test]
    fn deep_nesting_costs_no_stack() {
        let text = r#"{"a":"#.repeat(100_000);
        assert_eq!(scan(text.as_bytes(), 0, &mut Found::default()), Err(Broken));
    }
}
