//! How a request is read before it is judged: what of its address counts, and what stands in its values.

use std::ops::Range;

use vigil_event::whole::Pair;
use vigil_event::{Event, Field, ViewKind, json};

/// The parameters of a path that are looked at; further ones stay part of the names that they stand in.
pub(super) const MAX_PATH_PARAMETERS: usize = 8;
/// The longest name of these.
const MAX_PATH_NAME_BYTES: usize = 32;
/// Of the JSON in a request's parameters so many values are looked at.
const MAX_JSON_VALUES: usize = 48;

/// The end of an address without the sign that stood behind it where it was copied.
pub(super) fn link(text: &[u8]) -> &[u8] {
    match text {
        [rest @ .., last, b')' | b']' | b'.' | b','] if last.is_ascii_alphanumeric() => {
            text.get(..=rest.len()).unwrap_or(text)
        }
        _ => text,
    }
}

/// A value that is JSON is judged by what stands in it, each under its name; of the whole its kind is left.
pub(super) fn outline<'a>(name: &[u8], value: &'a [u8], inner: &mut Vec<Pair>) -> &'a [u8] {
    let kind: &[u8] = match value {
        [b'{', .., b'}'] => b"{}",
        [b'[', .., b']'] => b"[]",
        _ => return value,
    };
    let before = inner.len();
    let (_, fault) = json::flatten(value, name, MAX_JSON_VALUES, inner);
    if fault.is_some() {
        inner.truncate(before);
        return value;
    }
    kind
}

/// The text of a field with every encoding undone.
pub(super) fn decoded(event: &Event, field: Field) -> &[u8] {
    let view = event
        .views()
        .find(|view| view.field == field && view.decodings.kind() == ViewKind::Decoded);
    view.map(|view| view.text)
        .or_else(|| event.raw(field))
        .unwrap_or_default()
}

/// Where a path has parameters of its own, as `;jsessionid=1f2e` in `/cart;jsessionid=1f2e` (RFC 3986, 3.3). What
/// has no value is none, but part of a name.
pub(super) fn parameters_in(path: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    let all = std::iter::from_fn(move || {
        loop {
            let rest = path.get(from..)?;
            let start = from + rest.iter().position(|byte| *byte == b';')?;
            let text = path.get(start + 1..)?;
            let is_end = |byte: &u8| matches!(byte, b';' | b'/');
            let text = text.split(is_end).next().unwrap_or_default();
            from = start + 1 + text.len();
            let sign = text
                .iter()
                .position(|byte| *byte == b'=')
                .unwrap_or_default();
            let is_of_name =
                |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
            let mut name = text.iter().take(sign);
            if (1..=MAX_PATH_NAME_BYTES).contains(&sign) && name.all(is_of_name) {
                return Some(start..from);
            }
        }
    });
    all.take(MAX_PATH_PARAMETERS)
}
