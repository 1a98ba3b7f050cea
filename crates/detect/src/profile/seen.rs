//! Requests as the profiles see them, many in one piece of memory.
//!
//! A detection thread writes each request here, judges it from here, and hands those that may teach
//! to whoever learns.

use std::ops::Range;

use vigil_event::whole::Pair;
use vigil_event::{Decodings, Event, Field};

use super::reading::{decoded, link, outline, parameters_in};
use super::witness::{Lesson, Who};

/// The parameters of a request beyond this are not looked at.
pub(super) const MAX_PARAMETERS: usize = 48;
/// Of a name this many bytes are looked at.
const MAX_NAME_BYTES: usize = 128;
/// Of a value this many bytes are looked at.
const MAX_VALUE_BYTES: usize = 4_096;
/// The longest host name (RFC 1035).
const MAX_HOST_BYTES: usize = 253;

/// Where a client came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Origin {
    /// It does not say.
    #[default]
    Unsaid,
    /// From this site.
    Here,
    /// From elsewhere.
    Elsewhere,
}

/// A request's numbers and where its texts stand.
#[derive(Clone, Debug, Default)]
struct Item {
    host: Range<u32>,
    path: Range<u32>,
    parameters: Range<u32>,
    method: u8,
    origin: Origin,
    status: u16,
    body_bytes: u64,
    who: Who,
    weight: u32,
    /// How many requests of its network fitted, as far as the detection thread knows.
    fitted: u8,
    at_ms: i64,
}

/// Requests, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Requests {
    text: Vec<u8>,
    parameters: Vec<[Range<u32>; 2]>,
    items: Vec<Item>,
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    all: &'a Requests,
    item: &'a Item,
    is_odd: bool,
}

impl Requests {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How long their texts are.
    pub(crate) const fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Forgets all of them and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.parameters.clear();
        self.items.clear();
    }

    /// Makes room for as much as there is in another, so that it need not be made bit by bit.
    pub(crate) fn make_room_like(&mut self, other: &Self) {
        self.text.reserve(other.text.len());
        self.parameters.reserve(other.parameters.len());
        self.items.reserve(other.items.len());
    }

    /// Adds an event's request.
    pub(crate) fn push(&mut self, event: &Event, who: Who) {
        let host = event.raw(Field::UrlDomain).unwrap_or_default();
        let host = self.keep(host.get(..MAX_HOST_BYTES).unwrap_or(host));
        if let Some(host) = self.text.get_mut(host.start as usize..host.end as usize) {
            host.make_ascii_lowercase();
        }
        let mut whole_path = decoded(event, Field::UrlPath);
        let is_lost = matches!(event.status, 404 | 410);
        let has_query = event
            .raw(Field::UrlQuery)
            .is_some_and(|query| !query.is_empty());
        if is_lost && !has_query {
            whole_path = link(whole_path);
        }
        let path = self.keep_path(whole_path);
        let first = self.parameters.len() as u32;
        let mut inner = Vec::new();
        for [name, value] in event.parameters().take(MAX_PARAMETERS) {
            if name.decodings.contains(Decodings::HEADER) {
                continue;
            }
            let text = value.text;
            let text = text.get(..MAX_VALUE_BYTES).unwrap_or(text);
            let name = name.text.get(..MAX_NAME_BYTES).unwrap_or(name.text);
            let pair = [name, outline(name, text, &mut inner)];
            let pair = pair.map(|one| self.keep(one));
            self.parameters.push(pair);
        }
        if is_lost
            && let Some([_, value]) = self
                .parameters
                .get_mut(first as usize..)
                .and_then(<[_]>::last_mut)
        {
            let text = self.text.get(value.start as usize..value.end as usize);
            value.end = value.start + link(text.unwrap_or_default()).len() as u32;
        }
        for range in parameters_in(whole_path) {
            let text = whole_path.get(range).unwrap_or_default();
            let sign = text.iter().position(|byte| *byte == b'=');
            let (name, value) = text.split_at(sign.unwrap_or(text.len()));
            let value = value.get(1..).unwrap_or_default();
            let pair = [name, value.get(..MAX_VALUE_BYTES).unwrap_or(value)];
            let pair = pair.map(|one| self.keep(one));
            self.parameters.push(pair);
        }
        for Pair { name, value } in inner {
            let pair = [&*name, &*value].map(|one| self.keep(one));
            self.parameters.push(pair);
        }
        let host_text = self.part(&host);
        let origin = origin(event.raw(Field::Referrer).unwrap_or_default(), host_text);
        self.items.push(Item {
            host,
            path,
            parameters: first..self.parameters.len() as u32,
            method: method(event.raw(Field::Method).unwrap_or_default()),
            origin,
            status: event.status,
            body_bytes: event.body_bytes,
            who,
            weight: 1,
            fitted: 0,
            at_ms: event.occurred_at.as_millis(),
        });
    }

    /// Takes the last one away again.
    pub(crate) fn pop(&mut self) {
        if let Some(item) = self.items.pop() {
            self.text.truncate(item.host.start as usize);
            self.parameters.truncate(item.parameters.start as usize);
        }
    }

    /// Lets the last one stand for so many like it.
    pub(crate) fn weigh(&mut self, weight: u32) {
        if let Some(item) = self.items.last_mut() {
            item.weight = weight;
        }
    }

    /// Says of the last one how many of its network fitted before.
    pub(crate) fn note_fitted(&mut self, fitted: u8) {
        if let Some(item) = self.items.last_mut() {
            item.fitted = fitted;
        }
    }

    pub(crate) fn last(&self) -> Option<Request<'_>> {
        let item = self.items.last()?;
        Some(Request {
            all: self,
            item,
            is_odd: false,
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Request<'_>> {
        self.items.iter().map(|item| Request {
            all: self,
            item,
            is_odd: false,
        })
    }

    fn keep(&mut self, text: &[u8]) -> Range<u32> {
        let start = self.text.len() as u32;
        self.text.extend_from_slice(text);
        start..self.text.len() as u32
    }

    /// A path without the parameters in it.
    fn keep_path(&mut self, path: &[u8]) -> Range<u32> {
        let start = self.text.len() as u32;
        let mut from = 0;
        for range in parameters_in(path) {
            let before = path.get(from..range.start).unwrap_or_default();
            self.text.extend_from_slice(before);
            from = range.end;
        }
        self.text
            .extend_from_slice(path.get(from..).unwrap_or_default());
        start..self.text.len() as u32
    }

    fn part(&self, range: &Range<u32>) -> &[u8] {
        self.text
            .get(range.start as usize..range.end as usize)
            .unwrap_or_default()
    }
}

impl<'a> Request<'a> {
    pub(crate) fn host(&self) -> &'a [u8] {
        self.all.part(&self.item.host)
    }

    pub(crate) fn path(&self) -> &'a [u8] {
        self.all.part(&self.item.path)
    }

    pub(crate) fn parameters(&self) -> impl Iterator<Item = [&'a [u8]; 2]> + use<'a> {
        let range = self.item.parameters.start as usize..self.item.parameters.end as usize;
        let all = self.all;
        let places = all.parameters.get(range).unwrap_or_default();
        places
            .iter()
            .map(|pair| pair.each_ref().map(|one| all.part(one)))
    }

    /// Whether one of the first so many parameters has the same name and value.
    pub(crate) fn has_before(&self, place: usize, pair: [&[u8]; 2]) -> bool {
        !pair[0].is_empty() && self.parameters().take(place).any(|one| one == pair)
    }

    pub(crate) const fn method(&self) -> u8 {
        self.item.method
    }

    pub(crate) const fn origin(&self) -> Origin {
        self.item.origin
    }

    pub(crate) const fn status(&self) -> u16 {
        self.item.status
    }

    pub(crate) const fn body_bytes(&self) -> u64 {
        self.item.body_bytes
    }

    pub(crate) const fn who(&self) -> &'a Who {
        &self.item.who
    }

    pub(crate) const fn weight(&self) -> u32 {
        self.item.weight
    }

    /// How many requests of its network fitted, at least.
    pub(crate) const fn fitted(&self) -> u8 {
        self.item.fitted
    }

    pub(crate) const fn at_ms(&self) -> i64 {
        self.item.at_ms
    }

    /// A copy of it alone.
    pub(crate) fn alone(&self) -> Requests {
        let mut alone = Requests::default();
        let host = alone.keep(self.host());
        let path = alone.keep(self.path());
        for pair in self.parameters() {
            let pair = pair.map(|one| alone.keep(one));
            alone.parameters.push(pair);
        }
        alone.items.push(Item {
            host,
            path,
            parameters: 0..alone.parameters.len() as u32,
            ..self.item.clone()
        });
        alone
    }

    /// The same as one that does not fit.
    pub(crate) const fn as_odd(self) -> Self {
        Self {
            is_odd: true,
            ..self
        }
    }

    /// What it teaches by.
    pub(crate) const fn lesson(&self) -> Lesson<'a> {
        Lesson {
            who: &self.item.who,
            weight: self.item.weight,
            is_odd: self.is_odd,
        }
    }

    /// Whether the answer says that the request made sense: only then does it teach what it looks
    /// like. A log without a status says nothing against it.
    pub(crate) const fn was_served(&self) -> bool {
        self.item.status < 400
    }
}

/// The methods that are told apart.
const METHODS: [&str; 9] = [
    "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND",
];

/// The number of a method: `HEAD` is a `GET`, what is not known is the last.
pub(crate) fn method(name: &[u8]) -> u8 {
    let name = if name == b"HEAD" { b"GET" } else { name };
    let known = METHODS.iter().position(|one| one.as_bytes() == name);
    known.unwrap_or(METHODS.len()) as u8
}

/// The number of `OPTIONS`.
pub(crate) const OPTIONS: u8 = 5;

/// What a method of that number is called.
pub(crate) fn method_name(method: u8) -> &'static str {
    METHODS
        .get(usize::from(method))
        .copied()
        .unwrap_or("another method")
}

fn origin(referrer: &[u8], host: &[u8]) -> Origin {
    if referrer.is_empty() || referrer == b"-" {
        return Origin::Unsaid;
    }
    let rest = referrer
        .strip_prefix(b"https://")
        .or_else(|| referrer.strip_prefix(b"http://"))
        .unwrap_or(referrer);
    let is_here = rest.starts_with(b"/")
        || (!host.is_empty()
            && rest
                .get(..host.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(host)));
    if is_here {
        Origin::Here
    } else {
        Origin::Elsewhere
    }
}

#[cfg(test)]
mod tests {
    use super::super::reading::MAX_PATH_PARAMETERS;
    use super::*;

    fn event(path: &[u8], query: &[u8]) -> Event {
        let mut event = Event::new();
        event.set(Field::Method, b"HEAD");
        event.set(Field::UrlDomain, b"Shop.Example");
        event.set(Field::Referrer, b"https://shop.example/cart");
        event.set(Field::UrlPath, path);
        event.set(Field::UrlQuery, query);
        event.add_parameter(0..1, 2..query.len());
        event
    }

    #[test]
    fn parameters_of_a_path_are_read_like_others() {
        let mut requests = Requests::default();
        for (path, kept, parameters) in [
            ("/cart", "/cart", &[][..]),
            (
                "/cart;jsessionid=1f2e.n1",
                "/cart",
                &[";jsessionid", "1f2e.n1"],
            ),
            ("/a;v=1;w=2/b;x=", "/a/b", &[";v", "1", ";w", "2", ";x", ""]),
            ("/a;id", "/a;id", &[]),
            ("/a;=1;b c=2;", "/a;=1;b c=2;", &[]),
        ] {
            let mut event = Event::new();
            event.set(Field::UrlPath, path.as_bytes());
            requests.push(&event, Who::default());
            let last = requests.last().unwrap();
            let read: Vec<_> = last.parameters().flatten().collect();
            let expected: Vec<_> = parameters.iter().map(|one| one.as_bytes()).collect();
            assert_eq!((last.path(), read), (kept.as_bytes(), expected), "{path}");
        }
    }

    #[test]
    fn parameters_of_a_path_beyond_the_most_stay_in_it() {
        let mut requests = Requests::default();
        let mut event = Event::new();
        let path = format!("/a{};x=<b>", ";v=1".repeat(MAX_PATH_PARAMETERS));
        event.set(Field::UrlPath, path.as_bytes());
        requests.push(&event, Who::default());
        let last = requests.last().unwrap();
        assert_eq!(last.parameters().count(), MAX_PATH_PARAMETERS);
        assert_eq!(last.path(), b"/a;x=<b>");
    }

    #[test]
    fn requests_come_out_as_they_went_in() {
        let mut requests = Requests::default();
        requests.push(&event(b"/a", b"q=1"), Who::default());
        requests.push(&event(b"/b", b"q=22"), Who::default());
        requests.pop();
        requests.push(&event(b"/c", b"r=333"), Who::default());
        requests.weigh(8);
        let shown: Vec<_> = requests
            .iter()
            .map(|one| (one.path(), one.parameters().next().unwrap(), one.weight()))
            .collect();
        assert_eq!(
            shown,
            [
                (&b"/a"[..], [&b"q"[..], b"1"], 1),
                (b"/c", [b"r", b"333"], 8)
            ]
        );
        let last = requests.last().unwrap();
        assert_eq!((last.host(), last.method()), (&b"shop.example"[..], 0));
        assert_eq!(last.origin(), Origin::Here);
        assert_eq!(method_name(method(b"BREW")), "another method");
    }
}
