//! Unicode escapes, compatibility forms, overlong UTF-8, and the escapes that servers log with.
//!
//! What: `%uHHHH` (IIS), `\uHHHH`, `\u{H…}` and `\xHH` (JavaScript); fullwidth and other forms
//! that databases and file systems take for the ASCII character; UTF-8 longer than it need be;
//! marks that nobody sees.
//! Input: text that starts with the piece.
//! Output: the character; for a form that stands for ASCII, the ASCII character; for a mark nothing.
//! Example: `%u0027` is `'`, `＜` is `<`, `0xC0 0xAF` is `/`.
//! Limits: half a surrogate pair stays as it is. Forms are the ones seen in attacks, not all of
//! Unicode's NFKC.

use memchr::memchr;
use vigil_event::Decodings;

use super::invisible;
use super::percent::hex;
use super::piece::Piece;

/// Where an escape with a backslash may start.
pub(super) fn next_escape(text: &[u8]) -> Option<usize> {
    memchr(b'\\', text)
}

/// Where something that is no ASCII starts.
pub(super) fn next_high(text: &[u8]) -> Option<usize> {
    if text.is_ascii() {
        return None;
    }
    text.iter().position(|byte| *byte >= 0x80)
}

/// `%uHHHH`, `\uHHHH`, `\u{H…}`, `\xHH`
pub(super) fn escape(rest: &[u8]) -> Option<Piece> {
    match rest {
        [b'%' | b'\\', b'u' | b'U', a, b, c, d, ..] if hex(*a).is_some() => {
            let code = number(&[*a, *b, *c, *d])?;
            Piece::character(6, code, Decodings::UNICODE)
        }
        [b'\\', b'u', b'{', digits @ ..] => {
            let end = digits.iter().take(9).position(|byte| *byte == b'}')?;
            Piece::character(end + 4, number(digits.get(..end)?)?, Decodings::UNICODE)
        }
        _ => hex_escape(rest),
    }
}

/// `\xHH`, a byte.
fn hex_escape(rest: &[u8]) -> Option<Piece> {
    let &[b'\\', b'x' | b'X', high, low, ..] = rest else {
        return None;
    };
    Some(Piece::byte(
        4,
        (hex(high)? << 4) | hex(low)?,
        Decodings::UNICODE,
    ))
}

/// What nginx (`\x22`) and Apache (`\"`, `\\`, `\n`) make of bytes that they do not log as they are.
pub(super) fn log_escape(rest: &[u8]) -> Option<Piece> {
    let byte = match rest {
        [b'\\', byte @ (b'"' | b'\\'), ..] => *byte,
        [b'\\', b'b', ..] => 8,
        [b'\\', b'n', ..] => b'\n',
        [b'\\', b'r', ..] => b'\r',
        [b'\\', b't', ..] => b'\t',
        [b'\\', b'v', ..] => 11,
        _ => return hex_escape(rest),
    };
    Some(Piece::byte(2, byte, Decodings::UNICODE))
}

/// Up to eight hexadecimal digits.
fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    digits.iter().try_fold(0, |value: u32, digit| {
        Some((value << 4) | u32::from(hex(*digit)?))
    })
}

/// A character that is no ASCII but stands for some, or for nothing.
pub(super) fn fold(rest: &[u8]) -> Option<Piece> {
    overlong(rest)
        .or_else(|| compatible(rest))
        .or_else(|| invisible::mark(rest))
}

/// An ASCII character in two to six bytes.
///
/// A first byte of `0xC0` or `0xC1` never starts valid UTF-8; some decoders take the low six bits
/// of whatever follows, so `0xC0 0x2F` is a slash too.
fn overlong(rest: &[u8]) -> Option<Piece> {
    let (byte, len) = match *rest {
        [0xC0, low @ (b'.' | b'/'), ..] => (low, 2),
        [0xC1, 0x1C, ..] => (b'\\', 2),
        [high @ (0xC0 | 0xC1), low @ 0x80..0xC0, ..] => (last_bits(high, low), 2),
        [0xE0, high @ (0x80 | 0x81), low @ 0x80..0xC0, ..] => (last_bits(high, low), 3),
        [0xF0, 0x80, high @ (0x80 | 0x81), low @ 0x80..0xC0, ..] => (last_bits(high, low), 4),
        [0xF8, 0x80, 0x80, high @ (0x80 | 0x81), low @ 0x80..0xC0, ..] => (last_bits(high, low), 5),
        [
            0xFC,
            0x80,
            0x80,
            0x80,
            high @ (0x80 | 0x81),
            low @ 0x80..0xC0,
            ..,
        ] => (last_bits(high, low), 6),
        _ => return None,
    };
    Some(Piece::byte(len, byte, Decodings::OVERLONG))
}

const fn last_bits(high: u8, low: u8) -> u8 {
    ((high & 1) << 6) | (low & 0x3F)
}

/// A form of an ASCII character.
fn compatible(rest: &[u8]) -> Option<Piece> {
    let (code, len) = code_point(rest)?;
    if code == 0x2025 {
        return Some(Piece::pair(len, *b"..", Decodings::FULLWIDTH));
    }
    ascii_for(code).map(|byte| Piece::byte(len, byte, Decodings::FULLWIDTH))
}

/// The character at the start of the text, if it is not ASCII, and its length.
pub(super) fn code_point(rest: &[u8]) -> Option<(u32, usize)> {
    let (lead, len) = match *rest.first()? {
        lead @ 0xC2..0xE0 => (lead & 0x1F, 2),
        lead @ 0xE0..0xF0 => (lead & 0x0F, 3),
        lead @ 0xF0..0xF5 => (lead & 0x07, 4),
        _ => return None,
    };
    let code = rest
        .get(1..len)?
        .iter()
        .try_fold(u32::from(lead), |code, byte| {
            matches!(byte, 0x80..0xC0).then(|| (code << 6) | u32::from(byte & 0x3F))
        })?;
    Some((code, len))
}

/// The ASCII character that a form stands for.
fn ascii_for(code: u32) -> Option<u8> {
    let range = |first: u32, ascii: u8| u8::try_from(code - first).ok().map(|step| ascii + step);
    match code {
        // Fullwidth forms.
        0xFF01..=0xFF5E => range(0xFF01, b'!'),
        // Circled letters and digits.
        0x2460..=0x2468 => range(0x2460, b'1'),
        0x24B6..=0x24CF => range(0x24B6, b'A'),
        0x24D0..=0x24E9 => range(0x24D0, b'a'),
        0x24EA => Some(b'0'),
        // Mathematical letters, thirteen alphabets of 52, and digits.
        0x1_D400..=0x1_D6A3 => letter((code - 0x1_D400) % 52),
        0x1_D7CE..=0x1_D7FF => u8::try_from((code - 0x1_D7CE) % 10)
            .ok()
            .map(|step| b'0' + step),
        0x00A0 | 0x2000..=0x200A | 0x202F | 0x205F | 0x3000 => Some(b' '),
        0x02B9 | 0x02BC | 0x2018 | 0x2019 | 0x201B | 0x2032 => Some(b'\''),
        0x02BA | 0x201C | 0x201D | 0x201F | 0x2033 => Some(b'"'),
        0x2039 | 0x2329 | 0x3008 | 0xFE64 => Some(b'<'),
        0x203A | 0x232A | 0x3009 | 0xFE65 => Some(b'>'),
        0x2044 | 0x2215 | 0x29F8 => Some(b'/'),
        0x2216 | 0x29F5 | 0x29F9 | 0xFE68 => Some(b'\\'),
        0x2024 | 0x3002 | 0xFE52 | 0xFF61 => Some(b'.'),
        0xA789 | 0x2236 | 0xFE55 => Some(b':'),
        0x037E | 0xFE54 => Some(b';'),
        0x2223 => Some(b'|'),
        0x2217 | 0xFE61 => Some(b'*'),
        0x2212 | 0x2010 | 0x2011 | 0xFE63 => Some(b'-'),
        0xFE50 => Some(b','),
        0xFE56 => Some(b'?'),
        0xFE57 => Some(b'!'),
        0xFE59 => Some(b'('),
        0xFE5A => Some(b')'),
        0xFE5B => Some(b'{'),
        0xFE5C => Some(b'}'),
        0xFE5F => Some(b'#'),
        0xFE60 => Some(b'&'),
        0xFE62 => Some(b'+'),
        0xFE66 => Some(b'='),
        0xFE69 => Some(b'$'),
        0xFE6A => Some(b'%'),
        0xFE6B => Some(b'@'),
        // Upper and lower case meet in these.
        0x0131 => Some(b'i'),
        0x017F => Some(b's'),
        0x212A => Some(b'K'),
        _ => None,
    }
}

fn letter(step: u32) -> Option<u8> {
    let step = u8::try_from(step).ok()?;
    Some(if step < 26 {
        b'A' + step
    } else {
        b'a' + step - 26
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_characters() {
        for (text, code) in [
            ("%u0027x", 0x27),
            ("\\u003C", 0x3C),
            ("\\u{3c}", 0x3C),
            ("\\u{1F600}", 0x1_F600),
            ("%uFF1C", 0xFF1C),
        ] {
            let expected =
                Piece::character(text.trim_end_matches('x').len(), code, Decodings::UNICODE);
            assert_eq!(escape(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(
            escape(b"\\x3cb"),
            Some(Piece::byte(4, b'<', Decodings::UNICODE))
        );
        for text in [
            "%u12",
            "%uD800",
            "\\u{}",
            "\\u{110000}",
            "\\u{0000000041}",
            "\\x4",
            "\\n",
            "%ug041",
            "\\",
        ] {
            assert_eq!(escape(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn overlong_forms_are_ascii() {
        for bytes in [
            &[0xC0, 0xAF][..],
            &[0xE0, 0x80, 0xAF],
            &[0xF0, 0x80, 0x80, 0xAF],
            &[0xF8, 0x80, 0x80, 0x80, 0xAF],
            &[0xFC, 0x80, 0x80, 0x80, 0x80, 0xAF],
            &[0xC0, 0x2F],
        ] {
            assert_eq!(
                fold(bytes),
                Some(Piece::byte(bytes.len(), b'/', Decodings::OVERLONG)),
                "{bytes:x?}"
            );
        }
        assert_eq!(
            fold(&[0xC1, 0x9C]),
            Some(Piece::byte(2, b'\\', Decodings::OVERLONG))
        );
        for bytes in [
            &[0xC3, 0xA9][..],
            &[0xC0],
            &[0xC0, 0x41],
            &[0xE0, 0xA0, 0x80],
            &[0xFF],
            &[0xED, 0xA0, 0x80],
        ] {
            assert_eq!(fold(bytes), None, "{bytes:x?}");
        }
    }

    #[test]
    fn forms_of_ascii_are_folded() {
        for (form, ascii) in [
            ("＜", b'<'),
            ("～", b'~'),
            ("！", b'!'),
            ("⁄", b'/'),
            ("∕", b'/'),
            ("․", b'.'),
            ("ʼ", b'\''),
            ("ⓢ", b's'),
            ("①", b'1'),
            ("𝐬", b's'),
            ("𝟗", b'9'),
            ("ſ", b's'),
            ("\u{a0}", b' '),
        ] {
            assert_eq!(
                fold(form.as_bytes()),
                Some(Piece::byte(form.len(), ascii, Decodings::FULLWIDTH)),
                "{form}"
            );
        }
        for text in ["é", "日本", "ü", "😀"] {
            assert_eq!(fold(text.as_bytes()), None, "{text}");
        }
    }
}
