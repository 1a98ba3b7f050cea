//! The target of a request and its parts, as texts that stand in one another where they can.

use vigil_event::{Event, Field};

use super::transform::Transform;
use super::values::{Span, Value, Values};

impl Values {
    /// The target as sent, by where it stands: in the request line, where all of that is known.
    pub(super) fn target(&mut self, event: &Event) -> Option<Span> {
        if self.target.is_none() {
            let target = Self::raw(event, Field::UrlOriginal)?;
            let method = event.raw(Field::Method);
            let around = method.zip(event.raw(Field::HttpVersion));
            let start = self.bytes.len() as u32;
            if let Some((method, _)) = around {
                self.append(method);
                self.append(b" ");
            }
            self.target = Some(self.append(&target));
            if let Some((_, version)) = around {
                self.append(b" HTTP/");
                let (_, end) = self.append(version);
                self.line = Some((start, end));
            }
        }
        self.target
    }

    /// The query as sent, by where it stands: in the target, where that ends in it.
    pub(super) fn query_string(&mut self, event: &Event) -> Option<Span> {
        let query = Self::raw(event, Field::UrlQuery)?;
        let target = self.target(event);
        let (start, end) = target.unwrap_or_default();
        if self.text((start, end)).ends_with(&query) {
            return Some((end - query.len() as u32, end));
        }
        Some(self.append(&query))
    }

    /// Adds a value without a name; whether there is none.
    pub(super) fn add_span(&mut self, text: Option<Span>) -> bool {
        self.all
            .extend(text.map(|text| Value { name: (0, 0), text }));
        text.is_none()
    }

    pub(super) fn uri(&mut self, event: &Event, part: Part) -> bool {
        let Some((start, end)) = self.target(event) else {
            return true;
        };
        let target = self.text((start, end));
        let own = without_host(target);
        let start = end - own.len() as u32;
        let length = match part {
            Part::Uri => own.len(),
            Part::Path | Part::Name => memchr::memchr(b'?', own).unwrap_or(own.len()),
        };
        let text = own.get(..length).unwrap_or_default();
        let (start, end) = if memchr::memchr(b'%', text).is_some() {
            let text = text.to_vec();
            let start = self.bytes.len() as u32;
            decode_path(&text, &mut self.bytes);
            (start, self.bytes.len() as u32)
        } else {
            (start, start + length as u32)
        };
        let slash = match part {
            Part::Name => memchr::memrchr2(b'/', b'\\', self.text((start, end))),
            _ => None,
        };
        let start = start + slash.map_or(0, |at| at as u32 + 1);
        self.add_span(Some((start, end)))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Uri,
    Path,
    Name,
}

/// `%HH`, without `+`.
fn decode_path(text: &[u8], to: &mut Vec<u8>) {
    for (place, part) in text.split(|byte| *byte == b'+').enumerate() {
        if place > 0 {
            to.push(b'+');
        }
        Transform::UrlDecode.apply(part, to);
    }
}

/// A target without `http://host`.
fn without_host(target: &[u8]) -> &[u8] {
    if target.starts_with(b"/") {
        return target;
    }
    let host = memchr::memmem::find(target, b"://").map(|at| at + 3);
    let path = host.and_then(|host| {
        let slash = memchr::memchr(b'/', target.get(host..)?)?;
        target.get(host + slash..)
    });
    path.unwrap_or(target)
}
