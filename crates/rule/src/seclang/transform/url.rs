//! Percent-encoding, and UTF-8 as `%u` escapes.

/// The byte of two hexadecimal digits.
pub(super) fn byte_of(digits: &[u8]) -> Option<u8> {
    let [high, low] = digits else { return None };
    let digit = |digit: &u8| char::from(*digit).to_digit(16);
    Some((digit(high)? * 16 + digit(low)?) as u8)
}

/// The byte that four hexadecimal digits stand for: the low one, or the ASCII character of a
/// fullwidth form.
pub(super) fn byte_of_unit(digits: &[u8]) -> Option<u8> {
    let (high, low) = digits.split_at_checked(2)?;
    let (high, low) = (byte_of(high)?, byte_of(low)?);
    Some(if high == 0xff && (0x01..0x5f).contains(&low) {
        low + 0x20
    } else {
        low
    })
}

/// `%HH`, `+` for a space and, if asked for, `%uHHHH`.
pub(super) fn decode(text: &[u8], units: bool, to: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let rest = text.get(at + 1..).unwrap_or_default();
        let (made, length) = match byte {
            b'+' => (b' ', 1),
            b'%' if units && matches!(rest.first(), Some(b'u' | b'U')) => {
                match rest.get(1..5).and_then(byte_of_unit) {
                    Some(made) => (made, 6),
                    None => (b'%', 1),
                }
            }
            b'%' => match rest.get(..2).and_then(byte_of) {
                Some(made) => (made, 3),
                None => (b'%', 1),
            },
            _ => (*byte, 1),
        };
        to.push(made);
        at += length;
    }
}

pub(super) fn encode(text: &[u8], to: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b' ' => to.push(b'+'),
            b'*' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => to.push(*byte),
            _ => to.extend_from_slice(format!("%{byte:02x}").as_bytes()),
        }
    }
}

/// Characters beyond ASCII as `%uHHHH`; bytes that are no UTF-8 stay.
pub(super) fn utf8_to_unicode(text: &[u8], to: &mut Vec<u8>) {
    for chunk in text.utf8_chunks() {
        for one in chunk.valid().chars() {
            if one.is_ascii() {
                to.push(one as u8);
            } else {
                to.extend_from_slice(format!("%u{:04x}", one as u32).as_bytes());
            }
        }
        to.extend_from_slice(chunk.invalid());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_is_undone_once() {
        for (text, plain, uni) in [
            ("a+b%41%zz%4", "a bA%zz%4", "a bA%zz%4"),
            ("%u0041%uff1c%u00zz", "%u0041%uff1c%u00zz", "A<%u00zz"),
            ("%2541", "%41", "%41"),
        ] {
            for (units, expected) in [(false, plain), (true, uni)] {
                let mut made = Vec::new();
                decode(text.as_bytes(), units, &mut made);
                assert_eq!(String::from_utf8(made).unwrap(), expected, "{text}");
            }
        }
        let mut made = Vec::new();
        utf8_to_unicode("a\u{e9}\u{ff1c}".as_bytes(), &mut made);
        assert_eq!(made, b"a%u00e9%uff1c");
    }
}
