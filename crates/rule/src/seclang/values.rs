//! What SecLang's variables are for an event.
//!
//! Owns: what of an event each collection holds, what is known not to be there. A
//! log line tells little: what it does not tell is unknown, and no rule may conclude from it.
//! Never holds: the variables that rules set (`TX`), nor what matched.

use vigil_event::{Event, Field, Whole};

use super::collection::Collection;
use super::target::Part;
use super::transform::Transform;

/// A value of a collection, by spans of the arena.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub(super) name: Span,
    pub(super) text: Span,
}

pub(super) type Span = (u32, u32);

/// What there is of a collection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Members {
    pub(super) start: u32,
    pub(super) end: u32,
    /// There may be more that is not known of.
    pub(super) partial: bool,
}

/// The values of an event, written one after the other. Made once for each thread.
#[derive(Debug)]
pub(super) struct Values {
    pub(super) bytes: Vec<u8>,
    pub(super) all: Vec<Value>,
    /// The parameters of the query, decoded when they are first asked for.
    query: Option<Vec<Value>>,
    /// The request line, and the target in it, once they were written.
    pub(super) line: Option<Span>,
    pub(super) target: Option<Span>,
    members: [Option<Members>; Collection::COUNT],
}

impl Default for Values {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            all: Vec::new(),
            query: None,
            line: None,
            target: None,
            members: [None; Collection::COUNT],
        }
    }
}

impl Values {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.all.clear();
        self.query = None;
        self.line = None;
        self.target = None;
        self.members = [None; Collection::COUNT];
    }

    pub(super) fn text(&self, (start, end): Span) -> &[u8] {
        self.bytes
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }

    /// The name of a value, by its place.
    pub(super) fn name_of(&self, value: u32) -> &[u8] {
        let value = self.all.get(value as usize);
        self.text(value.map(|value| value.name).unwrap_or_default())
    }

    /// The members of a collection of the request, found when they are first asked for.
    pub(super) fn members(&mut self, collection: Collection, event: &Event) -> Members {
        if let Some(Some(members)) = self.members.get(collection as usize) {
            return *members;
        }
        if let Some(whole) = collection.part_of() {
            // Their members must not come to stand among this one's.
            self.members(whole, event);
        }
        let start = self.all.len() as u32;
        let partial = self.find(collection, event);
        let members = Members {
            start,
            end: self.all.len() as u32,
            partial,
        };
        if let Some(slot) = self.members.get_mut(collection as usize) {
            *slot = Some(members);
        }
        members
    }

    /// Appends the members; whether there may be more.
    fn find(&mut self, collection: Collection, event: &Event) -> bool {
        use Collection as C;
        let whole = event.whole.as_deref();
        match collection {
            C::Args | C::ArgsNames => {
                self.query(event, collection == C::ArgsNames);
                self.form(whole, collection == C::ArgsNames);
            }
            C::ArgsGet | C::ArgsGetNames => {
                self.query(event, collection == C::ArgsGetNames);
                return false;
            }
            C::ArgsPost | C::ArgsPostNames => self.form(whole, collection == C::ArgsPostNames),
            C::ArgsCombinedSize => self.size_of_arguments(event),
            C::RequestHeaders => self.headers(event),
            C::RequestHeadersNames => self.names_of(C::RequestHeaders, event),
            C::RequestCookies | C::RequestCookiesNames => {
                self.cookies(event, collection == C::RequestCookiesNames);
                return whole.is_none() && event.raw(Field::Cookie).is_none();
            }
            C::RequestMethod => return self.field(event, Field::Method),
            C::RequestUriRaw => {
                let target = self.target(event);
                return self.add_span(target);
            }
            C::QueryString => {
                let query = self.query_string(event);
                self.add_span(query.or_else(|| whole.map(|_| (0, 0))));
                return event.raw(Field::UrlOriginal).is_none();
            }
            C::RemoteAddr => return self.field(event, Field::SourceIp),
            C::RequestProtocol => return self.protocol(event),
            C::RequestLine => {
                self.target(event);
                return self.add_span(self.line);
            }
            C::RequestUri => return self.uri(event, Part::Uri),
            C::RequestFilename => return self.uri(event, Part::Path),
            C::RequestBasename => return self.uri(event, Part::Name),
            _ => {
                if let Some(whole) = whole {
                    self.body(collection, whole);
                }
            }
        }
        whole.is_none()
    }

    pub(super) fn append(&mut self, text: &[u8]) -> Span {
        let start = self.bytes.len() as u32;
        self.bytes.extend_from_slice(text);
        (start, self.bytes.len() as u32)
    }

    fn add(&mut self, name: &[u8], text: &[u8]) {
        let value = Value {
            name: self.append(name),
            text: self.append(text),
        };
        self.all.push(value);
    }

    pub(super) fn raw(event: &Event, field: Field) -> Option<std::borrow::Cow<'_, [u8]>> {
        let raw = event.raw(field)?;
        Some(
            if event.log_escaped && memchr::memchr(b'\\', raw).is_some() {
                unescape(raw).into()
            } else {
                raw.into()
            },
        )
    }

    /// A field that is one value; whether it is unknown.
    fn field(&mut self, event: &Event, field: Field) -> bool {
        let raw = Self::raw(event, field);
        if let Some(raw) = &raw {
            self.add(b"", raw);
        }
        raw.is_none()
    }

    fn query(&mut self, event: &Event, names: bool) {
        let pairs = match self.query.take() {
            Some(pairs) => pairs,
            None => self.parameters(event),
        };
        let values = pairs.iter().map(|pair| Value {
            name: pair.name,
            text: if names { pair.name } else { pair.text },
        });
        self.all.extend(values);
        self.query = Some(pairs);
    }

    /// The parameters of the query, decoded once. What is not encoded stands where the query does.
    fn parameters(&mut self, event: &Event) -> Vec<Value> {
        let Some((start, end)) = self.query_string(event) else {
            return Vec::new();
        };
        let mut pairs = Vec::new();
        let mut at = start;
        while at < end {
            let rest = self.text((at, end));
            let length = memchr::memchr(b'&', rest).unwrap_or(rest.len());
            let part = rest.get(..length).unwrap_or_default();
            let sign = memchr::memchr(b'=', part).unwrap_or(length) as u32;
            let length = length as u32;
            if length > 0 {
                pairs.push(Value {
                    name: self.decoded((at, at + sign)),
                    text: self.decoded((at + length.min(sign + 1), at + length)),
                });
            }
            at += length + 1;
        }
        pairs
    }

    fn decoded(&mut self, span: Span) -> Span {
        let text = self.text(span);
        if memchr::memchr2(b'%', b'+', text).is_none() {
            return span;
        }
        let text = text.to_vec();
        let start = self.bytes.len() as u32;
        Transform::UrlDecode.apply(&text, &mut self.bytes);
        (start, self.bytes.len() as u32)
    }

    /// The members of another collection with their names alone.
    fn names_of(&mut self, collection: Collection, event: &Event) {
        let members = self.members(collection, event);
        for at in members.start..members.end {
            if let Some(Value { name, .. }) = self.all.get(at as usize).copied() {
                self.all.push(Value { name, text: name });
            }
        }
    }

    /// A member of a collection of values, or of that of their names.
    fn pair(&mut self, name: &[u8], value: &[u8], names: bool) {
        let name = self.append(name);
        let text = if names { name } else { self.append(value) };
        self.all.push(Value { name, text });
    }

    fn form(&mut self, whole: Option<&Whole>, names: bool) {
        for parameter in whole.iter().flat_map(|whole| &whole.parameters) {
            self.pair(&parameter.name, &parameter.value, names);
        }
    }

    fn size_of_arguments(&mut self, event: &Event) {
        let args = self.members(Collection::Args, event);
        let values = self.all.get(args.start as usize..args.end as usize);
        let length = |(start, end): Span| u64::from(end - start);
        let size: u64 = values
            .unwrap_or_default()
            .iter()
            .map(|value| length(value.name) + length(value.text))
            .sum();
        self.add(b"", size.to_string().as_bytes());
    }

    fn headers(&mut self, event: &Event) {
        if let Some(whole) = &event.whole {
            for header in &whole.headers {
                self.pair(&header.name, &header.value, false);
            }
            return;
        }
        for (name, field) in [
            ("Host", Field::UrlDomain),
            ("User-Agent", Field::UserAgent),
            ("Referer", Field::Referrer),
            ("Cookie", Field::Cookie),
        ] {
            if let Some(value) = Self::raw(event, field) {
                self.pair(name.as_bytes(), &value, false);
            }
        }
    }

    /// The cookies of the first such header, where they stand in it.
    fn cookies(&mut self, event: &Event, names: bool) {
        let headers = self.members(Collection::RequestHeaders, event);
        let headers = self.all.get(headers.start as usize..headers.end as usize);
        let mut headers = headers.unwrap_or_default().iter();
        let header = headers.find(|header| self.text(header.name).eq_ignore_ascii_case(b"cookie"));
        let Some((mut at, end)) = header.map(|header| header.text) else {
            return;
        };
        while at < end {
            let rest = self.text((at, end));
            let length = memchr::memchr(b';', rest).unwrap_or(rest.len());
            let cookie = rest.get(..length).unwrap_or_default();
            let blanks = length - cookie.trim_ascii_start().len();
            let cookie = cookie.get(blanks..).unwrap_or_default();
            let sign = memchr::memchr(b'=', cookie).unwrap_or(cookie.len()) as u32;
            let (start, stop) = (at + blanks as u32, at + length as u32);
            if sign > 0 {
                let name = (start, start + sign);
                let text = (stop.min(start + sign + 1), stop);
                self.all.push(Value {
                    name,
                    text: if names { name } else { text },
                });
            }
            at = stop + 1;
        }
    }

    fn protocol(&mut self, event: &Event) -> bool {
        let version = event.raw(Field::HttpVersion);
        if let Some(version) = version {
            self.add(b"", &[b"HTTP/", version].concat());
        }
        version.is_none()
    }

    fn body(&mut self, collection: Collection, whole: &Whole) {
        use Collection as C;
        let number = |number: usize| number.to_string().into_bytes();
        match collection {
            C::Files | C::FilesNames => {
                for upload in &whole.uploads {
                    let text = match collection {
                        C::Files => &upload.file_name,
                        _ => &upload.field,
                    };
                    self.add(&upload.field, text);
                }
            }
            C::FilesCombinedSize => {
                let size = whole.uploads.iter().map(|upload| upload.bytes).sum();
                self.add(b"", &number(size));
            }
            C::MultipartPartHeaders => {
                for header in &whole.part_headers {
                    self.add(&header.name, &header.value);
                }
            }
            C::RequestBody => self.add(b"", &whole.body),
            C::RequestBodyLength => self.add(b"", &number(whole.body.len())),
            C::ReqbodyProcessor => self.add(b"", whole.kind.processor().as_bytes()),
            C::ReqbodyError => {
                let errors = whole.malformed.is_some().into();
                self.add(b"", &number(errors));
            }
            C::Xml => {
                if !whole.xml_text.is_empty() {
                    self.add(b"/*", &whole.xml_text);
                }
                for attribute in &whole.xml_attributes {
                    self.add(b"//@*", attribute);
                }
            }
            _ => {}
        }
    }
}

/// What a server wrote as `\xHH`, `\"` and `\\` in its log.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            (b'\\', [b'x', high, low, after @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                let digit = |digit: &u8| char::from(*digit).to_digit(16).unwrap_or(0);
                plain.push((digit(high) * 16 + digit(low)) as u8);
                rest = after;
            }
            (b'\\', [sign @ (b'"' | b'\\'), after @ ..]) => {
                plain.push(*sign);
                rest = after;
            }
            _ => plain.push(*byte),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(event: &Event, collection: Collection) -> (Vec<String>, bool) {
        let mut values = Values::default();
        let members = values.members(collection, event);
        let all = values.all.get(members.start as usize..members.end as usize);
        let text = |span| String::from_utf8_lossy(values.text(span)).into_owned();
        let texts = all.unwrap().iter().map(|value| {
            let name = text(value.name);
            if name.is_empty() {
                text(value.text)
            } else {
                format!("{name}={}", text(value.text))
            }
        });
        (texts.collect(), members.partial)
    }

    #[test]
    fn a_log_line_leaves_much_unknown() {
        let mut event = Event::new();
        event.log_escaped = true;
        event.set(Field::Method, b"GET");
        event.set(Field::UrlOriginal, b"/a/b%2ephp?x=1%27\\x22&y");
        event.set(Field::UrlQuery, b"x=1%27\\x22&y");
        event.set(Field::HttpVersion, b"1.1");
        event.set(Field::UserAgent, b"curl");
        for (collection, expected, partial) in [
            (Collection::Args, &["x=1'\"", "y="][..], true),
            (Collection::ArgsGetNames, &["x=x", "y=y"], false),
            (Collection::RequestHeaders, &["User-Agent=curl"], true),
            (Collection::RequestCookies, &[], true),
            (
                Collection::RequestLine,
                &["GET /a/b%2ephp?x=1%27\"&y HTTP/1.1"],
                false,
            ),
            (Collection::RequestFilename, &["/a/b.php"], false),
            (Collection::RequestBasename, &["b.php"], false),
            (Collection::RequestUri, &["/a/b.php?x=1'\"&y"], false),
            (Collection::RequestProtocol, &["HTTP/1.1"], false),
            (Collection::RequestBody, &[], true),
            (Collection::RemoteAddr, &[], true),
            (Collection::ArgsCombinedSize, &["5"], true),
        ] {
            let (texts, is_partial) = shown(&event, collection);
            assert_eq!(
                (texts, is_partial),
                (
                    expected.iter().map(|one| (*one).to_owned()).collect(),
                    partial
                ),
                "{collection:?}"
            );
        }
    }

    #[test]
    fn a_whole_request_leaves_nothing_unknown() {
        let mut event = Event::new();
        event.set(Field::UrlOriginal, b"http://h/p");
        // It does not stand at the target's end.
        event.set(Field::UrlQuery, b"x=1");
        event.whole = Some(Box::new(Whole {
            headers: vec![vigil_event::whole::Pair::new(b"cookie", b"a=1; b=2=3;c")],
            ..Whole::default()
        }));
        assert_eq!(
            shown(&event, Collection::RequestCookies),
            (vec!["a=1".into(), "b=2=3".into(), "c=".into()], false)
        );
        assert_eq!(
            shown(&event, Collection::RequestFilename),
            (vec!["/p".into()], false)
        );
        assert_eq!(
            shown(&event, Collection::QueryString),
            (vec!["x=1".into()], false)
        );
        assert_eq!(
            shown(&event, Collection::ReqbodyError),
            (vec!["0".into()], false)
        );
        assert_eq!(shown(&event, Collection::Files), (vec![], false));
    }
}
