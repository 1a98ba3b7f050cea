//! What requests that come again have in common: everything but [`Event::PASSING`].
//!
//! Decoding the same request again makes the same views again. A template keeps them, puts them into an
//! event in one piece, and gives it a name by which whoever looks at the event knows it again.
//!
//! *Limits*: of events with at most [`Template::MAX_TEXT`] of text, without labels, whose first views are the passing ones and no other is; the
//! status is kept as a number beside them and is the same as its text.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Event, Parameter, Span};
use crate::Field;

/// The next template's name.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// What is known of whether an event is the same as others but for what passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recurrence {
    /// Nothing: nobody looked.
    #[default]
    Unasked,
    /// It came for the first time, or the last was long ago.
    Stranger,
    /// It has a template, of that name: two events with the same one have the same views, but for
    /// those that pass, and were encoded equally deep.
    Of(u64),
}

/// The views and parameters of an event without the views that pass.
#[derive(Clone, Debug, Default)]
pub struct Template {
    text: Box<[u8]>,
    /// Spans of that text, and so are those of the parameters.
    views: Box<[Span]>,
    parameters: Box<[Parameter]>,
    decode_depth: u8,
    name: u64,
}

impl Template {
    /// Of events with more text nothing is kept, in bytes: a text that is encoded many times has many views.
    pub const MAX_TEXT: usize = 4 << 10;

    /// Of an event; none of one that is not as the limits say.
    pub fn of(event: &Event) -> Option<Self> {
        let passes = |span: &Span| Event::PASSING.contains(&span.field);
        let first = event.views.iter().take_while(|span| passes(span)).count();
        let views = event.views.get(first..)?;
        let start = views.first()?.start;
        let text = event.text.get(start as usize..)?;
        let back = start.wrapping_neg();
        let is_whole = views.len() + Event::PASSING.len() < Event::MAX_VIEWS
            && text.len() <= Self::MAX_TEXT
            && event.labels.is_empty()
            && event.whole.is_none()
            && !views.iter().any(passes)
            && event.parameters.iter().all(|one| one.name.0 >= start);
        is_whole.then(|| Self {
            text: text.into(),
            views: views.iter().map(|span| span.moved(back)).collect(),
            parameters: event.parameters.iter().map(|one| one.moved(back)).collect(),
            decode_depth: event.decode_depth,
            name: NEXT.fetch_add(1, Ordering::Relaxed),
        })
    }

    /// What an event is that has these views.
    pub const fn recurrence(&self) -> Recurrence {
        Recurrence::Of(self.name)
    }
}

impl Event {
    /// The fields that differ from record to record of requests that are the same: they stand before
    /// all others in events that have a [`Template`].
    pub const PASSING: [Field; 4] = [
        Field::EventOriginal,
        Field::SourceIp,
        Field::Status,
        Field::BodyBytes,
    ];

    /// Adds the views and parameters of a template to an event that has its passing ones.
    pub fn fill(&mut self, template: &Template) {
        let mut before = self.views.iter();
        let is_alone = before.all(|span| Self::PASSING.contains(&span.field));
        let (start, first) = (self.text.len() as u32, self.views.len());
        self.text.extend_from_slice(&template.text);
        for (place, span) in template.views.iter().enumerate() {
            if let Some(raw) = self.raw.get_mut(span.field as usize)
                && span.decodings.is_raw()
                && *raw == 0
            {
                *raw = (first + place + 1) as u8;
            }
            self.views.push(span.moved(start));
        }
        let parameters = template.parameters.iter();
        self.parameters
            .extend(parameters.map(|one| one.moved(start)));
        self.decode_depth = self.decode_depth.max(template.decode_depth);
        self.recurrence = if is_alone {
            template.recurrence()
        } else {
            Recurrence::Unasked
        };
    }
}

impl Span {
    /// The same by places that count from elsewhere; wraps, so that the complement moves back.
    const fn moved(self, by: u32) -> Self {
        Self {
            start: self.start.wrapping_add(by),
            end: self.end.wrapping_add(by),
            ..self
        }
    }
}

impl Parameter {
    /// As [`Span::moved`].
    const fn moved(self, by: u32) -> Self {
        let (name, value) = (self.name, self.value);
        Self {
            name: (name.0.wrapping_add(by), name.1.wrapping_add(by)),
            value: (value.0.wrapping_add(by), value.1.wrapping_add(by)),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decodings, View};

    fn event(original: &[u8]) -> Event {
        let mut event = Event::new();
        event.set(Field::EventOriginal, original);
        event
    }

    fn made(original: &[u8]) -> Event {
        let mut event = event(original);
        event.set(Field::Method, b"GET");
        event.set(Field::UrlQuery, b"a=%41");
        event.add_view(Field::UrlQuery, Decodings::PERCENT, b"a=A");
        event.add_parameter(0..1, 2..3);
        event.decode_depth = 1;
        event
    }

    fn shown(event: &Event) -> Vec<View<'_>> {
        let views = event.views().chain(event.parameters().flatten());
        views.collect()
    }

    #[test]
    fn an_event_that_is_filled_is_as_if_it_were_made() {
        let template = Template::of(&made(b"one")).unwrap();
        let (mut filled, made) = (event(b"another"), made(b"another"));
        filled.fill(&template);
        assert_eq!(shown(&filled), shown(&made));
        for field in Field::ALL {
            assert_eq!(filled.raw(field), made.raw(field), "{field:?}");
        }
        assert_eq!(filled.decode_depth, 1);
        assert_eq!(filled.recurrence, template.recurrence());
        assert_ne!(
            Template::of(&made).unwrap().recurrence(),
            template.recurrence()
        );
    }

    #[test]
    fn what_has_more_views_is_no_longer_the_same() {
        let template = Template::of(&made(b"")).unwrap();
        let add: [fn(&mut Event); 3] = [
            |event| event.set(Field::Cookie, b"a=b"),
            |event| event.add_parameter(0..1, 1..2),
            |event| event.add_label(b"a", b"b"),
        ];
        for add in add {
            let mut event = event(b"");
            event.fill(&template);
            add(&mut event);
            assert_eq!(event.recurrence, Recurrence::Unasked);
        }
        let mut event = event(b"");
        event.set(Field::UserName, b"eve");
        event.fill(&template);
        assert_eq!(event.recurrence, Recurrence::Unasked);
    }

    #[test]
    fn no_template_is_made_of_other_events() {
        assert!(Template::of(&Event::new()).is_none());
        assert!(Template::of(&event(b"x")).is_none());
        let mut event = made(b"");
        event.set(Field::Status, b"200");
        assert!(Template::of(&event).is_none());
        let mut event = made(b"");
        event.add_label(b"a", b"b");
        assert!(Template::of(&event).is_none());
        let mut event = made(b"");
        event.add_view(Field::UrlQuery, Decodings::SQL, &[b'a'; Template::MAX_TEXT]);
        assert!(Template::of(&event).is_none());
        let mut event = made(b"");
        while event.views().count() + Event::PASSING.len() <= Event::MAX_VIEWS {
            event.add_view(Field::UrlQuery, Decodings::PERCENT, b"a");
        }
        assert!(Template::of(&event).is_none());
    }
}
