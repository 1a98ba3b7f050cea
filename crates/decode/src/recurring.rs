//! Requests that came before, word for word, with the views that decoding made of them.
//!
//! *Input*: the parts of a request as logged. *Output*: all views that follow from them, once it came
//! twice: see [`Template`]. *Limits*: lines of logs with at most [`MAX_BYTES`] in those parts; see
//! [`Familiar`].

use vigil_event::familiar::{Familiar, Place, Recall};
use vigil_event::{Event, LogKind, Recurrence, Template};

use crate::request::Request;
use crate::span::Span;

/// How many requests are kept.
const SLOTS: u16 = 1 << 12;
/// Of longer ones nothing is kept, in bytes.
const MAX_BYTES: u16 = 768;
/// Of these so many are left for texts, beside the numbers that say how long they are.
const MAX_PARTS: usize = MAX_BYTES as usize - 14 * size_of::<u16>();

/// The requests that are kept. Their memory is taken when the first comes.
#[derive(Debug, Default)]
pub(crate) struct Recurring {
    table: Option<Familiar<Template>>,
    /// The parts of the request at hand.
    parts: Vec<u8>,
    /// What is to become of it.
    next: Next,
}

/// What is to be done once the request at hand is decoded.
#[derive(Clone, Copy, Debug, Default)]
enum Next {
    /// It is of no log.
    #[default]
    Nothing,
    /// It came for the first time.
    Tell,
    /// It came for the second time.
    Keep(Place),
}

impl Recurring {
    /// Adds the views of the request to the event that has those that pass, if they are known.
    pub(crate) fn recall(&mut self, bytes: &[u8], request: &Request, event: &mut Event) -> bool {
        self.next = Next::Nothing;
        if request.log != LogKind::Web || request.is_whole {
            return false;
        }
        self.next = Next::Tell;
        if !write(bytes, request, &mut self.parts) {
            return false;
        }
        let table = self
            .table
            .get_or_insert_with(|| Familiar::new(SLOTS, MAX_BYTES));
        table.begin();
        match table.recall(u64::from(request.log_escaped), &self.parts) {
            Recall::Known(place) => {
                if let Some(template) = table.get(place) {
                    event.fill(template);
                    return true;
                }
            }
            Recall::Again(place) => self.next = Next::Keep(place),
            Recall::Stranger => {}
        }
        false
    }

    /// Keeps the views of the request at hand, if it came for the second time, and tells what is known
    /// of it.
    pub(crate) fn learn(&mut self, event: &mut Event) {
        event.recurrence = match (self.next, &mut self.table) {
            (Next::Nothing, _) => return,
            (Next::Keep(place), Some(table)) => {
                let template = Template::of(event);
                let recurrence = template.as_ref().map(Template::recurrence);
                table.learn(place, &self.parts, template);
                recurrence.unwrap_or(Recurrence::Stranger)
            }
            _ => Recurrence::Stranger,
        };
    }
}

/// Writes the parts that decoding reads, so that no two requests of which one differs are written as the
/// same bytes; false where that would be too long.
fn write(bytes: &[u8], request: &Request, to: &mut Vec<u8>) -> bool {
    let texts = [
        request.user,
        request.method,
        request.target,
        request.host,
        request.version,
        request.user_agent,
        request.referrer,
        request.cookie,
    ];
    // Mostly the two are parts of the target.
    let parts = [request.path, request.query].map(|part| match within(part, request.target) {
        Some(place) => (place, Span::EMPTY),
        None => ([u16::MAX; 2], part),
    });
    let [path, query] = parts.map(|(_, text)| text);
    let texts = texts.into_iter().chain([path, query]);
    let len = |span: Span| span.of(bytes).len();
    let places = parts.into_iter().flat_map(|(place, _)| place);
    let lens = texts.clone().map(|span| len(span) as u16);
    if texts.clone().map(len).sum::<usize>() > MAX_PARTS {
        return false;
    }
    to.clear();
    for number in places.chain(lens) {
        to.extend_from_slice(&number.to_le_bytes());
    }
    for span in texts {
        to.extend_from_slice(span.of(bytes));
    }
    true
}

/// From where to where a part stands in the whole; none if it does not.
fn within(part: Span, whole: Span) -> Option<[u16; 2]> {
    if part.is_empty() {
        return Some([0; 2]);
    }
    let from = part.start().checked_sub(whole.start())?;
    let end = part.end().checked_sub(whole.start())?;
    (part.end() <= whole.end() && end < usize::from(u16::MAX)).then_some([from as u16, end as u16])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vigil_event::{Record, Timestamp, View};

    use super::*;
    use crate::{Decoder, Format, Proxies};

    fn decoded(decoder: &mut Decoder, line: &str) -> Event {
        let mut bytes = line.as_bytes().to_vec();
        let record = Record::of(&bytes);
        let proxies = Proxies::new(Vec::new());
        let now = Timestamp::default();
        let mut event = Event::new();
        let request = crate::parse(&mut bytes, &record, Format::Auto, &proxies, now).unwrap();
        decoder.decode(&bytes, &record, &request, &mut event);
        event
    }

    fn line(address: u8, target: &str, status: u16, referrer: &str, agent: &str) -> String {
        format!(
            "192.0.2.{address} - - [10/Oct/2026:13:55:36 +0000] \"GET {target} HTTP/1.1\" {status} \
             {address}0 \"{referrer}\" \"{agent}\""
        )
    }

    fn shown(event: &Event) -> Vec<View<'_>> {
        let views = event.views().chain(event.parameters().flatten());
        views.collect()
    }

    #[test]
    fn a_request_has_a_template_from_its_second_time_on() {
        let mut decoder = Decoder::new();
        let mut recurrence =
            |target: &str| decoded(&mut decoder, &line(1, target, 200, "-", "a")).recurrence;
        assert_eq!(recurrence("/a?b=%41"), Recurrence::Stranger);
        let second = recurrence("/a?b=%41");
        assert!(matches!(second, Recurrence::Of(_)));
        assert_eq!(recurrence("/a?b=%41"), second);
        assert_eq!(recurrence("/a?b=%42"), Recurrence::Stranger);
        let long = format!("/{}", "a".repeat(usize::from(MAX_BYTES)));
        for _ in 0..3 {
            assert_eq!(recurrence(&long), Recurrence::Stranger);
        }
    }

    #[test]
    fn parts_that_are_not_of_the_target_are_told_apart() {
        let json = |path: &str, query: &str| {
            format!(
                r#"{{"remote_addr":"192.0.2.1","request_method":"GET","request_uri":"/x?y","uri":"{path}","args":"{query}","status":200}}"#
            )
        };
        let mut decoder = Decoder::new();
        for (path, query) in [("/a", "b"), ("/ab", ""), ("/a", "c"), ("/x", "y")].repeat(4) {
            let line = json(path, query);
            let event = decoded(&mut decoder, &line);
            assert_eq!(shown(&event), shown(&decoded(&mut Decoder::new(), &line)));
        }
    }

    proptest! {
        #[test]
        fn what_is_known_is_what_decoding_makes(
            requests in prop::collection::vec(
                ("/[ab%41?&=;]{0,6}", "[ab%+=]{0,3}|-", "[ab]{1,2}"),
                1..4,
            ),
            order in prop::collection::vec((any::<prop::sample::Index>(), 0..9u8), 0..24),
        ) {
            let mut decoder = Decoder::new();
            for (which, address) in order {
                let (target, referrer, agent) = which.get(&requests);
                let line = line(address, target, 200 + u16::from(address), referrer, agent);
                let known = decoded(&mut decoder, &line);
                let made = decoded(&mut Decoder::new(), &line);
                prop_assert_eq!(shown(&known), shown(&made));
                prop_assert_eq!(known.decode_depth, made.decode_depth);
                prop_assert_eq!(known.status, made.status);
                for field in vigil_event::Field::ALL {
                    prop_assert_eq!(known.raw(field), made.raw(field));
                }
            }
        }
    }
}
