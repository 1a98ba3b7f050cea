//! Bodies of forms: names and values.
//!
//! What: each field, with `%HH` and `+` undone once. Input: `application/x-www-form-urlencoded`. Output:
//! pairs. Example: `a=1%41+2` is `a=1A 2`. Limits: [`MAX_PARAMETERS`] fields.

use vigil_event::whole::Pair;

use super::MAX_PARAMETERS;

/// The fields of a form, decoded once; from where on there are more.
pub(super) fn read(body: &[u8], to: &mut Vec<Pair>) -> usize {
    let mut at = 0;
    for part in body.split(|byte| *byte == b'&').take(MAX_PARAMETERS) {
        at += part.len() + 1;
        let sign = memchr::memchr(b'=', part).unwrap_or(part.len());
        let (name, value) = part.split_at(sign);
        to.push(Pair {
            name: decoded(name),
            value: decoded(value.get(1..).unwrap_or_default()),
        });
    }
    at.min(body.len())
}

/// `%HH` and `+`, once.
fn decoded(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            (b'+', _) => plain.push(b' '),
            (b'%', [high, low, after @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                let digit = |digit: &u8| char::from(*digit).to_digit(16).unwrap_or(0);
                plain.push((digit(high) * 16 + digit(low)) as u8);
                rest = after;
            }
            _ => plain.push(*byte),
        }
    }
    plain
}
