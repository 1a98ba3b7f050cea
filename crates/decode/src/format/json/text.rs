//! Undoes JSON's escapes.
//!
//! What: `\"`, `\\`, `\/`, `\b`, `\f`, `\n`, `\r`, `\t`, `\uHHHH` with surrogate pairs.
//! Input: a span of text without its quotes.
//! Output: the text, appended to the same bytes; never longer than the input.
//! Example: `a\u0022b` becomes `a"b`.
//! Limits: an escape that is none stays as it is; half a surrogate pair becomes U+FFFD.

use crate::span::Span;

/// Appends the text of `span` unescaped to `bytes` and says where it stands.
pub(super) fn unescape(bytes: &mut Vec<u8>, span: Span) -> Span {
    let start = bytes.len();
    bytes.reserve(span.end() - span.start());
    let mut at = span.start();
    while at < span.end() {
        let Some(&byte) = bytes.get(at) else { break };
        at += if byte == b'\\' {
            escape(bytes, at, span.end())
        } else {
            bytes.push(byte);
            1
        };
    }
    Span::new(start, bytes.len())
}

/// Appends what the escape at `at` stands for and returns how long it is.
fn escape(bytes: &mut Vec<u8>, at: usize, end: usize) -> usize {
    let kind = if at + 1 < end {
        bytes.get(at + 1).copied()
    } else {
        None
    };
    let plain = match kind {
        Some(byte @ (b'"' | b'\\' | b'/')) => byte,
        Some(b'b') => 8,
        Some(b'f') => 12,
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'u') => return unicode(bytes, at, end),
        _ => {
            bytes.push(b'\\');
            return 1;
        }
    };
    bytes.push(plain);
    2
}

fn unicode(bytes: &mut Vec<u8>, at: usize, end: usize) -> usize {
    let Some(high) = unit(bytes, at, end) else {
        bytes.push(b'\\');
        return 1;
    };
    let low = if matches!(high, 0xD800..0xDC00) {
        unit(bytes, at + 6, end)
    } else {
        None
    };
    let pair = low.filter(|low| matches!(low, 0xDC00..0xE000));
    let code = pair.map_or(high, |low| {
        0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)
    });
    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    if pair.is_some() { 12 } else { 6 }
}

/// The number of `\uHHHH` at `at`.
fn unit(bytes: &[u8], at: usize, end: usize) -> Option<u32> {
    let digits = bytes.get(at..end)?.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |value, digit| {
        Some((value << 4) | char::from(*digit).to_digit(16)?)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unescaped(text: &[u8]) -> Vec<u8> {
        let mut bytes = [b"<", text, b">\""].concat();
        let span = unescape(&mut bytes, Span::new(1, text.len() + 1));
        span.of(&bytes).to_vec()
    }

    #[test]
    fn undoes_every_escape() {
        for (text, expected) in [
            (&br#"a\"b\\c\/d"#[..], &b"a\"b\\c/d"[..]),
            (br"\b\f\n\r\t", b"\x08\x0c\n\r\t"),
            (br"\u003cscript\u003E", b"<script>"),
            (br"\ud83d\ude00", "\u{1f600}".as_bytes()),
            (br"\ud83d", "\u{fffd}".as_bytes()),
            (br"\ud83d\u0041", "\u{fffd}A".as_bytes()),
            (br"\x41 \u12 \", br"\x41 \u12 \"),
            (b"\xff\\n\xc0", b"\xff\n\xc0"),
        ] {
            assert_eq!(unescaped(text), expected, "{}", text.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(text in ".*") {
            let written = serde_json::to_string(&text).unwrap();
            let inner = written.as_bytes().strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap();
            prop_assert_eq!(unescaped(inner), text.into_bytes());
        }

        #[test]
        fn never_grows(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(unescaped(&text).len() <= text.len().max(1));
        }
    }
}
