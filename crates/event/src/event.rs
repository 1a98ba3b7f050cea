//! An event: one record after decoding, with each value as received and in its decoded views.

mod template;

use std::net::IpAddr;
use std::ops::Range;

pub use template::{Recurrence, Template};

use crate::{Decodings, Field, LogKind, Timestamp, Whole};

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
    /// By [`Field::FIRST_SEEN`], for how many seconds those that it is about are known; none where
    /// nothing asked or the event names none.
    pub first_seen: [Option<u32>; Field::FIRST_SEEN.len()],
    /// How many times in a row its client has sent something to its path and got its answer, asking for
    /// nothing else in between: this one counted. None where nothing asked or nothing was sent.
    pub tries: Option<u32>,
    /// The server wrote bytes as `\xHH` and `\"` in the raw texts, as nginx and Apache do.
    pub log_escaped: bool,
    /// What no log keeps, where the whole request was seen.
    pub whole: Option<Box<Whole>>,
    /// Whether it is the same as others but for what passes. Views, parameters and labels that are added
    /// later make it one of which that is not known.
    pub recurrence: Recurrence,
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
        self.first_seen = Default::default();
        self.tries = None;
        self.log_escaped = false;
        self.whole = None;
        self.recurrence = Recurrence::Unasked;
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
        self.recurrence = Recurrence::Unasked;
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
        self.recurrence = Recurrence::Unasked;
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
        self.recurrence = Recurrence::Unasked;
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
            Field::AddressTries => self.tries.map(u64::from),
            _ => {
                let mut kinds = Field::FIRST_SEEN.into_iter().zip(self.first_seen);
                let (_, seconds) = kinds.find(|(kind, _)| *kind == field)?;
                seconds.map(u64::from)
            }
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
}
