//! The parameters of a query.
//!
//! What: `&` parts them, and so does `;` where a name and `=` follow; the first `=` parts name and
//! value (application/x-www-form-urlencoded, and the older form of HTML 4). A part without `=` is a
//! value without a name.
//! Input: a query as received.
//! Output: spans of it, in order; a name that is repeated or an array (`a[]`) comes each time.
//! Example: `a=1;b=2&a=3` has `a=1`, `b=2` and `a=3`.
//! Limits: `&lt;` and `&#60;` are characters in disguise and part nothing.

use std::ops::Range;

use crate::view::is_reference;

/// One parameter by its places in the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: Range<usize>,
    /// Whether there is a `=`; without one the name is empty.
    pub(crate) is_named: bool,
    pub(crate) value: Range<usize>,
}

/// The longest name that is looked for behind `;`, in bytes.
const MAX_NAME: usize = 64;

/// The parts of a query. What stands between two of them is one byte.
pub(crate) fn parts(query: &[u8]) -> impl Iterator<Item = Part> + '_ {
    let mut start = Some(0);
    std::iter::from_fn(move || {
        let from = start?;
        let end = end_of_part(query, from);
        start = (end < query.len()).then_some(end + 1);
        let part = query.get(from..end)?;
        let sign = memchr::memchr(b'=', part);
        let value = sign.map_or(from, |sign| from + sign + 1);
        Some(Part {
            name: from..from + sign.unwrap_or(0),
            is_named: sign.is_some(),
            value: value..end,
        })
    })
}

fn end_of_part(query: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(place) = query
        .get(at..)
        .and_then(|rest| memchr::memchr2(b'&', b';', rest))
    {
        at += place;
        let after = query.get(at + 1..).unwrap_or_default();
        let ends = match query.get(at..) {
            Some(rest @ [b'&', ..]) => !is_reference(rest),
            _ => starts_parameter(after),
        };
        if ends {
            return at;
        }
        at += 1;
    }
    query.len()
}

/// Whether a name and `=` stand here.
fn starts_parameter(after: &[u8]) -> bool {
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.[]".contains(byte);
    let length = after
        .iter()
        .take(MAX_NAME)
        .take_while(|byte| is_of_name(byte))
        .count();
    length > 0 && after.get(length) == Some(&b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(query: &str) -> Vec<(&str, &str)> {
        let text = |range| query.get(range).unwrap();
        parts(query.as_bytes())
            .map(|part| (text(part.name), text(part.value)))
            .collect()
    }

    #[test]
    fn queries_have_parameters() {
        for (query, expected) in [
            ("a=1&b=2", &[("a", "1"), ("b", "2")][..]),
            ("a=1;b=2&a=3", &[("a", "1"), ("b", "2"), ("a", "3")]),
            ("a[]=1&a[0]=2", &[("a[]", "1"), ("a[0]", "2")]),
            ("a=b=c", &[("a", "b=c")]),
            ("q", &[("", "q")]),
            ("q=;cat /etc/passwd", &[("q", ";cat /etc/passwd")]),
            ("q=&lt;b&gt;&#60;x", &[("q", "&lt;b&gt;&#60;x")]),
            ("a=1&lt=5", &[("a", "1"), ("lt", "5")]),
            ("", &[("", "")]),
            ("a=1&", &[("a", "1"), ("", "")]),
            ("&=x", &[("", ""), ("", "x")]),
        ] {
            assert_eq!(shown(query), expected, "{query}");
        }
    }
}
