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
    let mut rest = text;
    while let Some(at) = memchr::memchr2(b'%', b'+', rest) {
        let (plain, encoded) = rest.split_at(at);
        let after = encoded.get(1..).unwrap_or_default();
        let is_unit = units && matches!(after.first(), Some(b'u' | b'U'));
        let (made, length) = if encoded.first() == Some(&b'+') {
            (b' ', 1)
        } else if is_unit {
            let unit = after.get(1..5).and_then(byte_of_unit);
            unit.map_or((b'%', 1), |made| (made, 6))
        } else {
            let byte = after.get(..2).and_then(byte_of);
            byte.map_or((b'%', 1), |made| (made, 3))
        };
        to.extend_from_slice(plain);
        to.push(made);
        rest = encoded.get(length..).unwrap_or_default();
    }
    to.extend_from_slice(rest);
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
            ("a%b+%", "a%b %", "a%b %"),
            ("%+%41%u+%U0042", "% A%u %U0042", "% A%u B"),
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
