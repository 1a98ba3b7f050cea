//! Fills an event from a parsed line.
//!
//! Owns: which fields are decoded and how each is, the buffers for it. Never holds: what was
//! decoded before, rules.

use std::io::Write as _;
use std::net::IpAddr;
use std::ops::Range;

use vigil_event::{Decodings, Event, Field, LogKind, Record};

use crate::format;
use crate::query;
use crate::recurring::Recurring;
use crate::request::Request;
use crate::span::Span;
use crate::view::{Layers, PathView, Peeler, PlainValues, Reader, Unwrapper};
use crate::whole;

/// Words within words are decoded so often: an encoder that runs three times is the most that was
/// ever seen.
const MAX_PEELS: usize = 3;

/// Turns parsed lines into events. One for each thread: it holds the buffers that decoding needs,
/// and keeps them from line to line.
#[derive(Debug, Default)]
pub struct Decoder {
    recurring: Recurring,
    plain: PlainValues,
    unwrapper: Unwrapper,
    reader: Reader,
    peeler: Peeler,
    /// The query with each part decoded by itself.
    query: Vec<u8>,
    /// Where the parts stand in it: the name and the value of each.
    parts: Vec<[Range<usize>; 2]>,
    peeled: Vec<u8>,
    /// What was peeled out of that.
    inner: Vec<u8>,
    digits: Vec<u8>,
}

impl Decoder {
    /// A decoder with empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fills `event` with the request's fields: each as received and, where they differ, fully
    /// decoded and in every further reading; and with the query's parameters.
    ///
    /// `bytes` are the batch's, as [`parse`](crate::parse) left them.
    pub fn decode(&mut self, bytes: &[u8], record: &Record, request: &Request, event: &mut Event) {
        event.clear();
        event.occurred_at = request.occurred_at;
        event.source_ip = request.source_ip;
        event.status = request.status;
        event.body_bytes = request.body_bytes;
        event.log_escaped = request.log_escaped;

        let start = record.start as usize;
        let original = bytes.get(start..start.saturating_add(record.len as usize));
        let original = original.unwrap_or_default();
        let whole = request
            .is_whole
            .then(|| whole::read(request.head.of(bytes), request.body.of(bytes)));
        if let Some(whole) = &whole {
            self.query.clear();
            self.line(bytes, request);
            whole::masked(&self.digits, whole, &mut self.query);
            event.set(Field::EventOriginal, &self.query);
        } else {
            event.set(Field::EventOriginal, original);
        }
        if request.log != LogKind::Web {
            self.set_other(bytes, original, request, event);
        }
        self.set_numbers(request, event);
        if self.recurring.recall(bytes, request, event) {
            return;
        }
        self.set_texts(bytes, request, event);
        if let Some(whole) = whole {
            let body = whole::shown_of_body(&whole);
            self.add_pairs(event, &body, Decodings::BODY);
            let headers = whole::shown_of_headers(&whole);
            self.add_pairs(event, &headers, Decodings::HEADER);
            event.whole = Some(Box::new(whole));
        }
        self.recurring.learn(event);
    }

    /// The request's texts, and the views of those that are decoded.
    fn set_texts(&mut self, bytes: &[u8], request: &Request, event: &mut Event) {
        for (field, span) in [
            (Field::UserName, request.user),
            (Field::Method, request.method),
            (Field::UrlOriginal, request.target),
            (Field::UrlDomain, request.host),
            (Field::HttpVersion, request.version),
        ] {
            set(event, field, bytes, span);
        }

        let plain = Layers {
            plus: false,
            log_escaped: request.log_escaped,
        };
        let form = Layers {
            plus: true,
            ..plain
        };
        for (field, span, layers, path) in [
            (Field::UrlPath, request.path, plain, PathView::Whole),
            (
                Field::UserAgent,
                request.user_agent,
                plain,
                PathView::Inside,
            ),
            (Field::Referrer, request.referrer, form, PathView::Inside),
            (Field::Cookie, request.cookie, form, PathView::Inside),
        ] {
            set(event, field, bytes, span);
            self.add_value(event, field, span.of(bytes), layers, path);
        }
        set(event, Field::UrlQuery, bytes, request.query);
        self.add_query(event, request.query.of(bytes), form);
    }

    /// Writes the request line into `digits`.
    fn line(&mut self, bytes: &[u8], request: &Request) {
        self.digits.clear();
        for part in [request.method, request.target] {
            self.digits.extend_from_slice(part.of(bytes));
            self.digits.push(b' ');
        }
        self.digits.extend_from_slice(b"HTTP/");
        self.digits.extend_from_slice(request.version.of(bytes));
    }

    /// The views of what was read out of a body or of headers: names and values beside those of the
    /// query, so that rules for queries see them.
    fn add_pairs(&mut self, event: &mut Event, pairs: &[(&[u8], &[u8])], from: Decodings) {
        if pairs.is_empty() {
            return;
        }
        let layers = Layers {
            plus: false,
            log_escaped: false,
        };
        self.query.clear();
        self.parts.clear();
        let mut decodings = from;
        for (place, (name, value)) in pairs.iter().enumerate() {
            if place > 0 {
                self.query.push(b'&');
            }
            let name = self.append_decoded(name, layers, &mut decodings, event);
            if !name.is_empty() {
                self.query.push(b'=');
            }
            let value = self.append_decoded(value, layers, &mut decodings, event);
            self.parts.push([name, value]);
        }
        let (field, path) = (Field::UrlQuery, PathView::Inside);
        event.add_view(field, decodings, &self.query);
        for [name, value] in self.parts.drain(..) {
            event.add_parameter(name, value);
        }
        let text = self.query.as_slice();
        add_readings(
            &mut self.reader,
            event,
            field,
            text,
            (text, decodings),
            path,
        );
        if let Some(how) = self.peeler.peel(text, false, &mut self.peeled) {
            self.add_peeled(event, field, decodings.with(how));
        }
    }

    /// Decodes a name or a value behind what the query has so far, and says where it stands.
    fn append_decoded(
        &mut self,
        text: &[u8],
        layers: Layers,
        decodings: &mut Decodings,
        event: &mut Event,
    ) -> Range<usize> {
        let start = self.query.len();
        match self.unwrapper.unwrap(text, layers) {
            Some(unwrapped) => {
                event.decode_depth = event.decode_depth.max(unwrapped.depth);
                *decodings = decodings.with(unwrapped.decodings);
                self.query.extend_from_slice(unwrapped.text);
            }
            None => self.query.extend_from_slice(text),
        }
        start..self.query.len()
    }

    /// What a record has that is no request.
    fn set_other(&mut self, bytes: &[u8], original: &[u8], request: &Request, event: &mut Event) {
        event.log = request.log;
        event.set_service(request.service.of(bytes));
        if matches!(
            request.log,
            LogKind::OpenCanary | LogKind::Zeek | LogKind::Suricata
        ) {
            format::set_labels(original, &mut self.digits, event);
        } else {
            event.add_label(b"message", request.message.of(bytes));
        }
    }

    fn set_numbers(&mut self, request: &Request, event: &mut Event) {
        if let Some(address) = request.source_ip {
            self.digits.clear();
            write_address(&mut self.digits, address);
            event.set(Field::SourceIp, &self.digits);
        }
        let status = Some(u64::from(request.status)).filter(|status| *status != 0);
        for (field, number) in [
            (Field::Status, status),
            (Field::BodyBytes, Some(request.body_bytes)),
        ] {
            if let Some(number) = number {
                self.digits.clear();
                write_decimal(&mut self.digits, number);
                event.set(field, &self.digits);
            }
        }
    }

    /// The views of a value that is one text.
    fn add_value(
        &mut self,
        event: &mut Event,
        field: Field,
        raw: &[u8],
        layers: Layers,
        path: PathView,
    ) {
        // What browsers call themselves is full of words that could be anything.
        let is_peeled = field != Field::UserAgent;
        let is_path = path == PathView::Whole;
        let reading = [is_path, layers.plus, layers.log_escaped, is_peeled]
            .into_iter()
            .fold(0, |bits, bit| (bits << 1) | u8::from(bit));
        if raw.is_empty() || self.plain.knows(reading, raw) {
            return;
        }
        let unwrapped = self.unwrapper.unwrap(raw, layers);
        if let Some(unwrapped) = &unwrapped {
            event.decode_depth = event.decode_depth.max(unwrapped.depth);
            event.add_view(field, unwrapped.decodings, unwrapped.text);
        }
        let decoded = unwrapped.map_or((raw, Decodings::NONE), |one| (one.text, one.decodings));
        let is_read = add_readings(&mut self.reader, event, field, raw, decoded, path);
        let (text, decodings) = decoded;
        let peeled = is_peeled
            .then(|| self.peeler.peel(text, is_path, &mut self.peeled))
            .flatten();
        let is_plain = unwrapped.is_none() && !is_read && peeled.is_none();
        if let Some(how) = peeled {
            self.add_peeled(event, field, decodings.with(how));
        }
        if is_plain {
            self.plain.keep(reading, raw);
        }
    }

    /// The views of the query, and its parameters. Each name and value is decoded by itself, as
    /// servers do, so that an encoded `&` parts nothing.
    fn add_query(&mut self, event: &mut Event, raw: &[u8], layers: Layers) {
        if raw.is_empty() {
            return;
        }
        self.query.clear();
        self.parts.clear();
        let mut decodings = Decodings::NONE;
        let mut kept = 0;
        for part in query::parts(raw) {
            // The sign between this part and the one before.
            self.query
                .extend_from_slice(raw.get(kept..part.name.start).unwrap_or_default());
            kept = part.value.end;
            let name = raw.get(part.name).unwrap_or_default();
            let name = self.append_decoded(name, layers, &mut decodings, event);
            if part.is_named {
                self.query.push(b'=');
            }
            let value = raw.get(part.value).unwrap_or_default();
            let value = self.append_decoded(value, layers, &mut decodings, event);
            self.parts.push([name, value]);
        }
        let text: &[u8] = if decodings.is_raw() {
            raw
        } else {
            event.add_view(Field::UrlQuery, decodings, &self.query);
            &self.query
        };
        for [name, value] in self.parts.drain(..) {
            event.add_parameter(name, value);
        }
        let decoded = (text, decodings);
        let path = PathView::Inside;
        add_readings(&mut self.reader, event, Field::UrlQuery, raw, decoded, path);
        if let Some(how) = self.peeler.peel(text, false, &mut self.peeled) {
            self.add_peeled(event, Field::UrlQuery, decodings.with(how));
        }
    }

    /// The views of what words of a value stand for: as they are, decoded and read; and of what
    /// words of those stand for, down to [`MAX_PEELS`].
    fn add_peeled(&mut self, event: &mut Event, field: Field, mut decodings: Decodings) {
        let layers = Layers {
            plus: false,
            log_escaped: false,
        };
        for _ in 0..MAX_PEELS {
            event.add_view(field, decodings, &self.peeled);
            let unwrapped = self.unwrapper.unwrap(&self.peeled, layers);
            if let Some(unwrapped) = &unwrapped {
                decodings = decodings.with(unwrapped.decodings);
                event.add_view(field, decodings, unwrapped.text);
            }
            let text = unwrapped.map_or(self.peeled.as_slice(), |unwrapped| unwrapped.text);
            let (decoded, path) = ((text, decodings), PathView::Inside);
            add_readings(&mut self.reader, event, field, &self.peeled, decoded, path);
            let Some(how) = self.peeler.peel(text, false, &mut self.inner) else {
                break;
            };
            decodings = decodings.with(how);
            std::mem::swap(&mut self.peeled, &mut self.inner);
        }
    }
}

/// The views that are further readings of a decoded text, but for those that are the raw text again;
/// says whether there are any.
fn add_readings(
    reader: &mut Reader,
    event: &mut Event,
    field: Field,
    raw: &[u8],
    (text, decodings): (&[u8], Decodings),
    path: PathView,
) -> bool {
    let mut is_read = false;
    reader.read(text, path, |how, reading| {
        if reading != raw {
            is_read = true;
            event.add_view(field, decodings.with(how), reading);
        }
    });
    is_read
}

/// IPv4 goes past the formatting machinery, which would cost more than the rest of a benign line.
fn write_address(to: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, d] = address.octets();
            write_decimal(to, u64::from(a));
            for part in [b, c, d] {
                to.push(b'.');
                write_decimal(to, u64::from(part));
            }
        }
        // Writing into memory cannot fail.
        IpAddr::V6(address) => _ = write!(to, "{address}"),
    }
}

fn write_decimal(to: &mut Vec<u8>, number: u64) {
    let start = to.len();
    let mut rest = number;
    loop {
        to.push(b'0' + (rest % 10) as u8);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    to.get_mut(start..).unwrap_or_default().reverse();
}

fn set(event: &mut Event, field: Field, bytes: &[u8], span: Span) {
    if !span.is_empty() {
        event.set(field, span.of(bytes));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_and_addresses_are_written_as_everywhere(number: u64, address: IpAddr) {
            let mut text = Vec::new();
            write_decimal(&mut text, number);
            text.push(b' ');
            write_address(&mut text, address);
            prop_assert_eq!(String::from_utf8(text).unwrap(), format!("{number} {address}"));
        }
    }
}
