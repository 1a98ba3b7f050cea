//! An event: one record after decoding, with each value as received and in its decoded views.

use std::net::IpAddr;
use std::ops::Range;

use crate::{Field, LogKind, Timestamp, Whole};

/// Which decodings led from the raw text to a view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Decodings(u16);

impl Decodings {
    /// The text as received.
    pub const NONE: Self = Self(0);
    /// `%41`
    pub const PERCENT: Self = Self(1);
    /// Percent-encoding undone more than once.
    pub const REPEATED: Self = Self(1 << 1);
    /// `+` for a space.
    pub const PLUS: Self = Self(1 << 2);
    /// `&lt;`, `&#60;`
    pub const HTML: Self = Self(1 << 3);
    /// `%u0041`, `\u0041`, `\x41`
    pub const UNICODE: Self = Self(1 << 4);
    /// Fullwidth and other compatibility forms of ASCII characters.
    pub const FULLWIDTH: Self = Self(1 << 5);
    /// UTF-8 longer than it need be: `0xC0 0xAF` for `/`.
    pub const OVERLONG: Self = Self(1 << 6);
    /// `..`, `.`, `//`, `\` and `;parameter` resolved.
    pub const PATH: Self = Self(1 << 7);
    /// Comments and blanks folded as SQL reads them.
    pub const SQL: Self = Self(1 << 8);
    /// Quotes, escapes and variables undone as a shell reads them.
    pub const SHELL: Self = Self(1 << 9);
    /// Escapes, joins and blanks undone as scripts and style sheets read them.
    pub const SCRIPT: Self = Self(1 << 10);
    /// Words that are text in base64.
    pub const BASE64: Self = Self(1 << 11);
    /// Words that are text in hexadecimal.
    pub const HEX: Self = Self(1 << 12);
    /// What a request's body says, read as what it says it is.
    pub const BODY: Self = Self(1 << 13);
    /// What a request's headers say.
    pub const HEADER: Self = Self(1 << 14);

    const NAMES: [(Self, &'static str); 15] = [
        (Self::PERCENT, "percent"),
        (Self::REPEATED, "repeated-percent"),
        (Self::PLUS, "plus"),
        (Self::HTML, "html-entity"),
        (Self::UNICODE, "unicode-escape"),
        (Self::FULLWIDTH, "fullwidth"),
        (Self::OVERLONG, "overlong-utf8"),
        (Self::PATH, "path"),
        (Self::SQL, "sql"),
        (Self::SHELL, "shell"),
        (Self::SCRIPT, "script"),
        (Self::BASE64, "base64"),
        (Self::HEX, "hex"),
        (Self::BODY, "body"),
        (Self::HEADER, "header"),
    ];

    /// These and the others.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of the others are among these.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Which view of a value they lead to.
    pub const fn kind(self) -> ViewKind {
        if self.is_raw() {
            ViewKind::Raw
        } else if self.0 & (Self::BASE64.0 | Self::HEX.0) != 0 {
            ViewKind::Peeled
        } else if self.contains(Self::SCRIPT) {
            ViewKind::Script
        } else if self.contains(Self::SHELL) {
            ViewKind::Shell
        } else if self.contains(Self::SQL) {
            ViewKind::Sql
        } else if self.contains(Self::PATH) {
            ViewKind::Path
        } else {
            ViewKind::Decoded
        }
    }

    /// Whether this is the text as received.
    pub const fn is_raw(self) -> bool {
        self.0 == 0
    }

    /// The names, for people.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .filter(move |(one, _)| self.contains(*one))
            .map(|(_, name)| name)
    }
}

/// The views that there can be of one value, each built at most once and only where it differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ViewKind {
    /// The text as received.
    Raw,
    /// Every encoding undone.
    Decoded,
    /// Decoded, and paths resolved.
    Path,
    /// Decoded, and folded as SQL reads it.
    Sql,
    /// Decoded, and folded as a shell reads it.
    Shell,
    /// Decoded, and folded as scripts and style sheets read it.
    Script,
    /// What the words of the decoded text stand for in base64 or hexadecimal.
    Peeled,
}

impl ViewKind {
    /// Every kind but the raw one, in the order of its discriminant.
    pub const DERIVED: [Self; 6] = [
        Self::Decoded,
        Self::Path,
        Self::Sql,
        Self::Shell,
        Self::Script,
        Self::Peeled,
    ];

    /// The name behind a field's name in rules.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Decoded => "decoded",
            Self::Path => "path",
            Self::Sql => "sql",
            Self::Shell => "shell",
            Self::Script => "script",
            Self::Peeled => "base64",
        }
    }
}

/// A value of a field, as received or decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View<'a> {
    /// The field.
    pub field: Field,
    /// What was undone to get here; nothing for the raw text.
    pub decodings: Decodings,
    /// The text.
    pub text: &'a [u8],
}

#[derive(Clone, Copy, Debug)]
struct Span {
    field: Field,
    decodings: Decodings,
    start: u32,
    end: u32,
}

/// A value under a name that is no field: spans of the event's text.
#[derive(Clone, Copy, Debug)]
struct Label {
    name: (u32, u32),
    value: (u32, u32),
}

/// A parameter of the query: spans of the view of the query that it was found in.
#[derive(Clone, Copy, Debug)]
struct Parameter {
    decodings: Decodings,
    name: (u32, u32),
    value: (u32, u32),
}

/// One record after decoding. Made once for each thread and filled again for each record, so that
/// a benign line costs no allocation.
#[derive(Clone, Debug, Default)]
pub struct Event {
    text: Vec<u8>,
    views: Vec<Span>,
    parameters: Vec<Parameter>,
    /// The place of each field's raw view in `views`, plus one; 0 where the field is absent.
    raw: [u8; Field::COUNT],
    labels: Vec<Label>,
    service: (u32, u32),
    /// Which log the record is from.
    pub log: LogKind,
    /// When it happened, as the record says.
    pub occurred_at: Timestamp,
    /// The client's real address.
    pub source_ip: Option<IpAddr>,
    /// The response's status; 0 where the record has none.
    pub status: u16,
    /// The response body's size in bytes.
    pub body_bytes: u64,
    /// How often percent-encoding was undone until nothing changed; the largest over the fields.
    pub decode_depth: u8,
    /// The server wrote bytes as `\xHH` and `\"` in the raw texts, as nginx and Apache do.
    pub log_escaped: bool,
    /// What no log keeps, where the whole request was seen.
    pub whole: Option<Box<Whole>>,
}

impl Event {
    /// At most this many views an event; further ones are refused.
    pub const MAX_VIEWS: usize = 128;
    /// At most this many labels an event; further ones are refused.
    pub const MAX_LABELS: usize = 128;
    /// A label's value is cut to this, in bytes.
    pub const MAX_LABEL_BYTES: usize = 16 << 10;
    /// At most this many parameters an event; what follows is seen as part of the query only.
    pub const MAX_PARAMETERS: usize = 128;

    /// An event without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Empties the event and keeps its memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.views.clear();
        self.parameters.clear();
        self.raw = [0; Field::COUNT];
        self.labels.clear();
        self.service = (0, 0);
        self.log = LogKind::default();
        self.occurred_at = Timestamp::default();
        self.source_ip = None;
        self.status = 0;
        self.body_bytes = 0;
        self.decode_depth = 0;
        self.log_escaped = false;
        self.whole = None;
    }

    /// Sets a field's raw text. A field is set once; a second time is a further raw view.
    pub fn set(&mut self, field: Field, text: &[u8]) {
        self.push(field, Decodings::NONE, text);
        if let Some(place) = self.raw.get_mut(field as usize)
            && *place == 0
        {
            *place = self.views.len() as u8;
        }
    }

    /// Adds a decoded view of a field. The caller adds it only where it differs from the raw text.
    pub fn add_view(&mut self, field: Field, decodings: Decodings, text: &[u8]) {
        self.push(field, decodings, text);
    }

    /// Says where a parameter stands in the view that was added last.
    ///
    /// Its name and its value are views of their own, of [`Field::ParameterName`] and
    /// [`Field::ParameterValue`], that share the bytes of that view.
    pub fn add_parameter(&mut self, name: Range<usize>, value: Range<usize>) {
        let Some(view) = self.views.last() else {
            return;
        };
        if self.parameters.len() >= Self::MAX_PARAMETERS {
            return;
        }
        let within = |range: Range<usize>| {
            let place = |at: usize| view.start.saturating_add(at as u32).min(view.end);
            (place(range.start), place(range.end))
        };
        self.parameters.push(Parameter {
            decodings: view.decodings,
            name: within(name),
            value: within(value),
        });
    }

    fn push(&mut self, field: Field, decodings: Decodings, text: &[u8]) {
        if self.views.len() >= Self::MAX_VIEWS {
            return;
        }
        let start = self.text.len() as u32;
        self.text.extend_from_slice(text);
        self.views.push(Span {
            field,
            decodings,
            start,
            end: self.text.len() as u32,
        });
    }

    /// Says which part of a program's logs the record is from, such as `dns` of Zeek's.
    pub fn set_service(&mut self, name: &[u8]) {
        self.service = self.append(name);
    }

    /// See [`Event::set_service`]; empty where there is only one.
    pub fn service(&self) -> &[u8] {
        self.text_at(self.service)
    }

    /// Keeps a value under a name that is no [`Field`]. A name may have several values.
    pub fn add_label(&mut self, name: &[u8], value: &[u8]) {
        if self.labels.len() >= Self::MAX_LABELS {
            return;
        }
        let value = value.get(..Self::MAX_LABEL_BYTES).unwrap_or(value);
        let label = Label {
            name: self.append(name),
            value: self.append(value),
        };
        self.labels.push(label);
    }

    /// Every label: its name, and its value as a view.
    pub fn labels(&self) -> impl Iterator<Item = (&[u8], View<'_>)> {
        self.labels.iter().map(|label| {
            let view = View {
                field: Field::Label,
                decodings: Decodings::NONE,
                text: self.text_at(label.value),
            };
            (self.text_at(label.name), view)
        })
    }

    fn append(&mut self, text: &[u8]) -> (u32, u32) {
        let start = self.text.len() as u32;
        self.text.extend_from_slice(text);
        (start, self.text.len() as u32)
    }

    fn text_at(&self, (start, end): (u32, u32)) -> &[u8] {
        self.text
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }

    /// A field's text as received.
    pub fn raw(&self, field: Field) -> Option<&[u8]> {
        let place = usize::from(*self.raw.get(field as usize)?).checked_sub(1)?;
        self.views.get(place).map(|span| self.view(span).text)
    }

    /// Every view of every field, each field's raw text before its decoded views.
    pub fn views(&self) -> impl Iterator<Item = View<'_>> {
        self.views.iter().map(|span| self.view(span))
    }

    /// The view at a place: first those of [`Event::views`], then the names and values of
    /// [`Event::parameters`].
    pub fn view_at(&self, place: usize) -> Option<View<'_>> {
        if let Some(span) = self.views.get(place) {
            return Some(self.view(span));
        }
        let place = place - self.views.len();
        let [name, value] = self.parameters.get(place / 2).map(|one| self.parts(one))?;
        Some(if place.is_multiple_of(2) { name } else { value })
    }

    /// The views of one field, those of [`Event::parameters`] among them.
    pub fn views_of(&self, field: Field) -> impl Iterator<Item = View<'_>> {
        self.views()
            .chain(self.parameters().flatten())
            .filter(move |view| view.field == field)
    }

    /// The name and the value of each parameter, as parts of one of the [`Event::views`].
    pub fn parameters(&self) -> impl Iterator<Item = [View<'_>; 2]> {
        self.parameters
            .iter()
            .map(|parameter| self.parts(parameter))
    }

    fn parts(&self, parameter: &Parameter) -> [View<'_>; 2] {
        let part = |field, range| View {
            field,
            decodings: parameter.decodings,
            text: self.text_at(range),
        };
        [
            part(Field::ParameterName, parameter.name),
            part(Field::ParameterValue, parameter.value),
        ]
    }

    /// A field that is a number.
    pub fn number(&self, field: Field) -> Option<u64> {
        match field {
            Field::Status => (self.status != 0).then_some(u64::from(self.status)),
            Field::BodyBytes => Some(self.body_bytes),
            Field::DecodeDepth => Some(u64::from(self.decode_depth)),
            _ => None,
        }
    }

    fn view(&self, span: &Span) -> View<'_> {
        View {
            field: span.field,
            decodings: span.decodings,
            text: self
                .text
                .get(span.start as usize..span.end as usize)
                .unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_stand_beside_the_raw_text() {
        let mut event = Event::new();
        event.set(Field::UrlQuery, b"a=%41");
        event.add_view(Field::UrlQuery, Decodings::PERCENT, b"a=A");
        event.set(Field::Method, b"GET");
        assert_eq!(event.raw(Field::UrlQuery), Some(&b"a=%41"[..]));
        assert_eq!(event.raw(Field::Method), Some(&b"GET"[..]));
        assert_eq!(event.raw(Field::Cookie), None);
        let texts: Vec<_> = event
            .views_of(Field::UrlQuery)
            .map(|view| view.text)
            .collect();
        assert_eq!(texts, [&b"a=%41"[..], b"a=A"]);
        event.clear();
        assert_eq!(event.views().count(), 0);
        assert_eq!(event.raw(Field::UrlQuery), None);
    }

    #[test]
    fn labels_stand_beside_the_views() {
        let mut event = Event::new();
        event.set_service(b"dns");
        event.add_label(b"answers", b"192.0.2.1");
        event.add_label(b"answers", &vec![b'x'; Event::MAX_LABEL_BYTES + 1]);
        assert_eq!(event.views().count(), 0);
        let labels: Vec<_> = event
            .labels()
            .map(|(name, view)| (name, view.text.len()))
            .collect();
        assert_eq!(
            labels,
            [(&b"answers"[..], 9), (b"answers", Event::MAX_LABEL_BYTES)]
        );
        assert_eq!(event.service(), b"dns");
        for _ in 0..2 * Event::MAX_LABELS {
            event.add_label(b"a", b"b");
        }
        assert_eq!(event.labels().count(), Event::MAX_LABELS);
        event.clear();
        assert_eq!((event.labels().count(), event.service()), (0, &b""[..]));
    }

    #[test]
    fn parameters_are_parts_of_the_last_view() {
        let mut event = Event::new();
        event.add_parameter(0..1, 2..3);
        event.set(Field::UrlQuery, b"a=%41");
        event.add_view(Field::UrlQuery, Decodings::PERCENT, b"a=A");
        event.add_parameter(0..1, 2..9);
        let found: Vec<_> = event.parameters().flatten().collect();
        let view = |field, text| View {
            field,
            decodings: Decodings::PERCENT,
            text,
        };
        assert_eq!(
            found,
            [
                view(Field::ParameterName, &b"a"[..]),
                view(Field::ParameterValue, b"A")
            ]
        );
        assert_eq!(event.views_of(Field::ParameterValue).count(), 1);
        event.clear();
        assert_eq!(event.parameters().count(), 0);
    }

    #[test]
    fn decodings_lead_to_one_kind_of_view() {
        let percent = Decodings::PERCENT;
        for (decodings, kind) in [
            (Decodings::NONE, ViewKind::Raw),
            (percent, ViewKind::Decoded),
            (percent.with(Decodings::PATH), ViewKind::Path),
            (Decodings::SQL, ViewKind::Sql),
            (percent.with(Decodings::SHELL), ViewKind::Shell),
            (Decodings::SCRIPT, ViewKind::Script),
            (percent.with(Decodings::HEX), ViewKind::Peeled),
        ] {
            assert_eq!(decodings.kind(), kind);
        }
    }

    #[test]
    fn decodings_have_names() {
        let both = Decodings::PERCENT.with(Decodings::HTML);
        assert_eq!(both.names().collect::<Vec<_>>(), ["percent", "html-entity"]);
        assert!(Decodings::NONE.is_raw());
    }
}
