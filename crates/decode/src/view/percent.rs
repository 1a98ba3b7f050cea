//! Percent-encoding and forms.
//!
//! What: `%HH` is a byte (RFC 3986); in a form `+` is a space (application/x-www-form-urlencoded).
//! Input: text that starts with the piece.
//! Output: the byte.
//! Example: `%2e` is `.`, `%00` is a NUL.
//! Limits: `%` without two hexadecimal digits behind it stays as it is.

use memchr::{memchr, memchr2, memchr3};
use vigil_event::Decodings;

use super::piece::Piece;

/// Where an escape may start.
pub(super) fn next(text: &[u8]) -> Option<usize> {
    memchr2(b'%', b'\\', text)
}

/// Where an escape or a `+` may start.
pub(super) fn next_in_form(text: &[u8]) -> Option<usize> {
    memchr3(b'%', b'\\', b'+', text)
}

/// `%HH`
pub(super) fn escape(rest: &[u8]) -> Option<Piece> {
    let &[b'%', high, low, ..] = rest else {
        return None;
    };
    let byte = (hex(high)? << 4) | hex(low)?;
    Some(Piece::byte(3, byte, Decodings::PERCENT))
}

/// `+`
pub(super) fn plus(rest: &[u8]) -> Option<Piece> {
    rest.starts_with(b"+")
        .then_some(Piece::byte(1, b' ', Decodings::PLUS))
}

/// Whether there is any `%HH`.
pub(super) fn occurs(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(at) = memchr(b'%', rest).and_then(|place| rest.get(place..)) {
        if escape(at).is_some() {
            return true;
        }
        rest = at.get(1..).unwrap_or_default();
    }
    false
}

/// A hexadecimal digit's value.
pub(super) const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_digits_make_a_byte() {
        assert_eq!(
            escape(b"%2E."),
            Some(Piece::byte(3, b'.', Decodings::PERCENT))
        );
        for text in [&b"%"[..], b"%2", b"%2g", b"%%2e", b"2e", b""] {
            assert_eq!(escape(text), None, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn finds_valid_escapes_only() {
        assert!(occurs(b"100%%41"));
        assert!(!occurs(b"100%, %u0041, %4"));
    }
}
