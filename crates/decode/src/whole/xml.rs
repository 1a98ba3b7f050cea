//! XML bodies: their texts and the values of their attributes.
//!
//! What: enough of XML to find both, without entities of a document's own, which are never resolved.
//! Input: a body. Output: the texts one after the other, and each attribute's value.
//! Example: `<a b="c">d</a>` has the text `d` and the attribute `c`.
//! Limits: 128 KiB of text, as much as a body has, 1,000 attributes; a tag that does not end is malformed.

use vigil_event::Whole;

use super::MAX_PARAMETERS;

const MAX_TEXT: usize = 128 << 10;

pub(super) fn read(body: &[u8], whole: &mut Whole) -> Result<(), &'static str> {
    const CUT: &str = "XML that ends early";
    let mut rest = body;
    let mut has_tag = false;
    while let Some(open) = memchr::memchr(b'<', rest) {
        unescape(rest.get(..open).unwrap_or_default(), &mut whole.xml_text);
        rest = rest.get(open..).unwrap_or_default();
        let (inside, after) = if let Some(comment) = rest.strip_prefix(b"<!--") {
            (&b""[..], behind(comment, b"-->").ok_or(CUT)?)
        } else if let Some(text) = rest.strip_prefix(b"<![CDATA[") {
            let after = behind(text, b"]]>").ok_or(CUT)?;
            let length = text.len() - after.len() - 3;
            add(text.get(..length).unwrap_or_default(), &mut whole.xml_text);
            (&b""[..], after)
        } else if rest.starts_with(b"<?") {
            (&b""[..], behind(rest, b"?>").ok_or(CUT)?)
        } else if rest.starts_with(b"<!") {
            (&b""[..], document_type(rest).ok_or(CUT)?)
        } else {
            has_tag = true;
            tag(rest).ok_or(CUT)?
        };
        attributes(inside, &mut whole.xml_attributes);
        rest = after;
    }
    if !has_tag {
        return Err("no XML");
    }
    // What reads up to where it is malformed has seen this, too.
    unescape(rest, &mut whole.xml_text);
    if rest.trim_ascii().is_empty() {
        Ok(())
    } else {
        Err(CUT)
    }
}

fn behind<'a>(text: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    text.get(memchr::memmem::find(text, mark)? + mark.len()..)
}

/// What follows a `<!DOCTYPE …>`, which may hold declarations between brackets.
fn document_type(text: &[u8]) -> Option<&[u8]> {
    let end = memchr::memchr2(b'>', b'[', text)?;
    if text.get(end) == Some(&b'>') {
        return text.get(end + 1..);
    }
    behind(behind(text, b"]")?, b">")
}

/// What stands in a tag, and what follows it; quotes may hold a `>`.
fn tag(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut quote = None;
    let end = text.iter().position(|byte| match (quote, byte) {
        (None, b'>') => true,
        (None, b'"' | b'\'') => {
            quote = Some(*byte);
            false
        }
        (Some(open), byte) if open == *byte => {
            quote = None;
            false
        }
        _ => false,
    })?;
    Some((text.get(1..end)?, text.get(end + 1..)?))
}

fn attributes(tag: &[u8], to: &mut Vec<Vec<u8>>) {
    let mut rest = tag;
    while let Some(at) = memchr::memchr2(b'"', b'\'', rest) {
        let quote = rest.get(at).copied().unwrap_or(b'"');
        let value = rest.get(at + 1..).unwrap_or_default();
        let Some(end) = memchr::memchr(quote, value) else {
            return;
        };
        if to.len() >= MAX_PARAMETERS {
            return;
        }
        let mut text = Vec::new();
        unescape(value.get(..end).unwrap_or_default(), &mut text);
        to.push(text);
        rest = value.get(end + 1..).unwrap_or_default();
    }
}

fn add(text: &[u8], to: &mut Vec<u8>) {
    let room = MAX_TEXT.saturating_sub(to.len());
    to.extend_from_slice(text.get(..room).unwrap_or(text));
}

/// Appends text with the entities that every document has.
fn unescape(text: &[u8], to: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'&', rest) {
        add(rest.get(..at).unwrap_or_default(), to);
        rest = rest.get(at..).unwrap_or_default();
        let end = memchr::memchr(b';', rest).filter(|end| *end < 12);
        let entity = end.and_then(|end| rest.get(1..end)).and_then(entity);
        if let (Some(one), Some(end)) = (entity, end) {
            add(one.encode_utf8(&mut [0; 4]).as_bytes(), to);
            rest = rest.get(end + 1..).unwrap_or_default();
        } else {
            add(b"&", to);
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    add(rest, to);
}

fn entity(name: &[u8]) -> Option<char> {
    let number = |digits: &[u8], radix| {
        let digits = std::str::from_utf8(digits).ok()?;
        char::from_u32(u32::from_str_radix(digits, radix).ok()?)
    };
    match name {
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"amp" => Some('&'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        [b'#', b'x' | b'X', digits @ ..] => number(digits, 16),
        [b'#', digits @ ..] => number(digits, 10),
        _ => None,
    }
}
