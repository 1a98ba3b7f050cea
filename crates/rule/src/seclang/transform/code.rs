//! Escapes of markup, scripts and style sheets, and texts in base64 or hexadecimal.

use super::url::{byte_of, byte_of_unit};

/// How many bytes at the start are of a kind.
fn run(text: &[u8], is_of_kind: impl Fn(&u8) -> bool) -> usize {
    text.iter().take_while(|byte| is_of_kind(byte)).count()
}

/// `&#60;`, `&#x3c;`, and `&lt;`, `&gt;`, `&amp;`, `&quot;`, `&nbsp;`; the semicolon may be missing.
pub(super) fn html(text: &[u8], to: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let rest = text.get(at + 1..).unwrap_or_default();
        let entity = if *byte == b'&' { entity(rest) } else { None };
        let Some((made, length)) = entity else {
            to.push(*byte);
            at += 1;
            continue;
        };
        to.push(made);
        at += 1 + length;
        at += usize::from(text.get(at) == Some(&b';'));
    }
}

/// What the entity behind `&` stands for, and how long it is.
fn entity(rest: &[u8]) -> Option<(u8, usize)> {
    let (digits, radix, before) = match rest {
        [b'#', b'x' | b'X', digits @ ..] => (digits, 16, 2),
        [b'#', digits @ ..] => (digits, 10, 1),
        _ => {
            let length = run(rest, u8::is_ascii_alphanumeric);
            let name = rest.get(..length)?.to_ascii_lowercase();
            let made = match name.as_slice() {
                b"lt" => b'<',
                b"gt" => b'>',
                b"amp" => b'&',
                b"quot" => b'"',
                b"nbsp" => 0xa0,
                _ => return None,
            };
            return Some((made, length));
        }
    };
    let length = run(digits, |digit| char::from(*digit).is_digit(radix));
    if length == 0 {
        return None;
    }
    let digits = std::str::from_utf8(digits.get(..length)?).ok()?;
    let number = u64::from_str_radix(digits, radix).unwrap_or(u64::MAX);
    Some((number as u8, before + length))
}

/// `\uHHHH`, `\xHH`, `\OOO` and the letters; any other escaped character stands for itself.
pub(super) fn script(text: &[u8], to: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let rest = text.get(at + 1..).unwrap_or_default();
        let (made, length) = match (byte, rest.first()) {
            (b'\\', Some(b'u')) if rest.get(1..5).and_then(byte_of_unit).is_some() => {
                (rest.get(1..5).and_then(byte_of_unit), 6)
            }
            (b'\\', Some(b'x')) if rest.get(1..3).and_then(byte_of).is_some() => {
                (rest.get(1..3).and_then(byte_of), 4)
            }
            (b'\\', Some(b'0'..=b'7')) => {
                let (made, digits) = octal(rest);
                (Some(made), 1 + digits)
            }
            (b'\\', Some(letter)) => (Some(control(*letter).unwrap_or(*letter)), 2),
            _ => (Some(*byte), 1),
        };
        to.extend(made);
        at += length;
    }
}

/// The byte of up to three octal digits, and how many of them it took.
fn octal(text: &[u8]) -> (u8, usize) {
    let most = if matches!(text.first(), Some(b'0'..=b'3')) {
        3
    } else {
        2
    };
    let length = run(text, |digit| matches!(digit, b'0'..=b'7')).min(most);
    let digits = text.get(..length).unwrap_or_default();
    let made = digits.iter().fold(0_u8, |sum, digit| {
        sum.wrapping_mul(8).wrapping_add(digit - b'0')
    });
    (made, length)
}

const fn control(letter: u8) -> Option<u8> {
    Some(match letter {
        b'a' => 7,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        _ => return None,
    })
}

/// `\` and one to six hexadecimal digits with a blank behind them; a line's end is joined, any other
/// escaped character stands for itself.
pub(super) fn style(text: &[u8], to: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        at += 1;
        if *byte != b'\\' {
            to.push(*byte);
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        let length = run(rest, u8::is_ascii_hexdigit).min(6);
        let digits = rest.get(..length).unwrap_or_default();
        if length == 0 {
            let next = rest.first();
            to.extend(next.filter(|next| **next != b'\n'));
            at += 1;
            continue;
        }
        let low = digits.get(length.saturating_sub(2)..).unwrap_or_default();
        let leads_with_zeros = digits
            .get(..length.saturating_sub(4))
            .is_some_and(|before| before.iter().all(|digit| *digit == b'0'));
        let unit = digits.get(length.saturating_sub(4)..).unwrap_or_default();
        let made = match low {
            [digit] => byte_of(&[b'0', *digit]),
            _ if unit.len() == 4 && leads_with_zeros => byte_of_unit(unit),
            _ => byte_of(low),
        };
        to.extend(made);
        at += length;
        let blank = text.get(at).is_some_and(u8::is_ascii_whitespace);
        at += usize::from(blank);
    }
}

/// ANSI C's escapes; what is none stays as it is.
pub(super) fn escapes(text: &[u8], to: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let rest = text.get(at + 1..).unwrap_or_default();
        let (made, length) = match (byte, rest.first()) {
            (b'\\', Some(b'x' | b'X')) => match rest.get(1..3).and_then(byte_of) {
                Some(made) => (made, 4),
                None => (b'\\', 1),
            },
            (b'\\', Some(b'0'..=b'7')) => {
                let (made, digits) = octal(rest);
                (made, 1 + digits)
            }
            (b'\\', Some(sign @ (b'\\' | b'?' | b'\'' | b'"'))) => (*sign, 2),
            (b'\\', Some(letter)) => match control(*letter) {
                Some(made) => (made, 2),
                None => (b'\\', 1),
            },
            _ => (*byte, 1),
        };
        to.push(made);
        at += length;
    }
}

/// Base64 up to its first foreign byte, or without its foreign bytes.
pub(super) fn base64(text: &[u8], forgiving: bool, to: &mut Vec<u8>) {
    let (mut bits, mut held) = (0_u32, 0);
    for byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => break,
            b'\r' | b'\n' => continue,
            _ if forgiving => continue,
            _ => break,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            to.push((bits >> held) as u8);
        }
    }
}

pub(super) fn to_base64(text: &[u8], to: &mut Vec<u8>) {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for three in text.chunks(3) {
        let at = |place: usize| u32::from(three.get(place).copied().unwrap_or(0));
        let bits = (at(0) << 16) | (at(1) << 8) | at(2);
        for place in 0..4 {
            let sign = SIGNS.get((bits >> (18 - 6 * place)) as usize & 63);
            to.push(if place <= three.len() {
                sign.copied().unwrap_or(b'=')
            } else {
                b'='
            });
        }
    }
}

pub(super) fn hex(text: &[u8], to: &mut Vec<u8>) {
    to.extend(text.chunks_exact(2).map_while(byte_of));
}

pub(super) fn to_hex(text: &[u8], to: &mut Vec<u8>) {
    for byte in text {
        to.extend_from_slice(format!("{byte:02x}").as_bytes());
    }
}

/// `0x414243` as SQL reads it.
pub(super) fn sql_hex(text: &[u8], to: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let digits = match text.get(at..) {
            Some([b'0', b'x' | b'X', rest @ ..]) => run(rest, u8::is_ascii_hexdigit) / 2 * 2,
            _ => 0,
        };
        if digits > 0 {
            hex(text.get(at + 2..at + 2 + digits).unwrap_or_default(), to);
            at += 2 + digits;
        } else {
            to.push(*byte);
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Made = fn(&[u8], &mut Vec<u8>);

    #[test]
    fn escapes_are_undone_as_their_readers_do() {
        for (name, made, rows) in [
            (
                "html",
                html as Made,
                &[
                    ("&lt;a&gt&quot;", "<a>\""),
                    ("&#60;&#x3C;&#106", "<<j"),
                    ("&x;&#;&", "&x;&#;&"),
                ][..],
            ),
            (
                "script",
                script,
                &[
                    (r"\u0041\x42\103\n\q", "ABC\nq"),
                    (r"\uff1c\u00", "<u00"),
                    (r"\777\", "?7\\"),
                ],
            ),
            (
                "style",
                style,
                &[
                    (r"ja\vascript", "javascript"),
                    (r"\61 l\000065rt\", "alert"),
                    (r"\ff1c", "<"),
                ],
            ),
            (
                "escapes",
                escapes,
                &[(r"\x41\101\t\q\\", "AA\t\\q\\"), (r"c\'at", "c'at")],
            ),
            ("sql", sql_hex, &[("a 0x4142 0x", "a AB 0x")]),
        ] {
            for (text, expected) in rows {
                let mut to = Vec::new();
                made(text.as_bytes(), &mut to);
                assert_eq!(String::from_utf8_lossy(&to), *expected, "{name}: {text}");
            }
        }
    }

    #[test]
    fn base64_goes_both_ways() {
        for text in ["", "a", "ab", "abc", "abcd"] {
            let (mut there, mut back) = (Vec::new(), Vec::new());
            to_base64(text.as_bytes(), &mut there);
            base64(&there, false, &mut back);
            assert_eq!(back, text.as_bytes());
        }
        let mut strict = Vec::new();
        base64(b"YWJj!ZGVm", false, &mut strict);
        assert_eq!(strict, b"abc");
        let mut forgiving = Vec::new();
        base64(b"YWJj!ZGVm", true, &mut forgiving);
        assert_eq!(forgiving, b"abcdef");
    }
}
