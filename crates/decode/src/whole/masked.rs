//! What may be kept of a whole request: its line, its headers without secrets, the names in its body.

use std::io::Write as _;

use vigil_event::Whole;
use vigil_event::whole::{BodyKind, is_secret};

/// The most names of parameters that are kept.
const MAX_NAMES: usize = 50;
/// A header's value is cut to this, in bytes.
const MAX_VALUE: usize = 1_024;

/// Appends it.
pub(crate) fn masked(line: &[u8], whole: &Whole, to: &mut Vec<u8>) {
    to.extend_from_slice(line);
    for header in &whole.headers {
        to.push(b'\n');
        to.extend_from_slice(&header.name);
        to.extend_from_slice(b": ");
        if header.name.eq_ignore_ascii_case(b"cookie") {
            cookies(&header.value, to);
        } else if is_secret(&header.name) {
            to.extend_from_slice(b"***");
        } else {
            to.extend_from_slice(header.value.get(..MAX_VALUE).unwrap_or(&header.value));
        }
    }
    if whole.body.is_empty() {
        return;
    }
    let kind = match whole.kind {
        BodyKind::None | BodyKind::Other => "text",
        kind => kind.processor(),
    };
    // Writing into memory cannot fail.
    _ = write!(to, "\n\n[{} bytes, {kind}:", whole.body.len());
    for parameter in whole.parameters.iter().take(MAX_NAMES) {
        to.push(b' ');
        to.extend_from_slice(parameter.name.get(..64).unwrap_or(&parameter.name));
    }
    to.push(b']');
}

/// The cookies' names.
fn cookies(header: &[u8], to: &mut Vec<u8>) {
    for (place, cookie) in header.split(|byte| *byte == b';').enumerate() {
        if place > 0 {
            to.extend_from_slice(b"; ");
        }
        let cookie = cookie.trim_ascii();
        let sign = memchr::memchr(b'=', cookie);
        to.extend_from_slice(cookie.get(..sign.unwrap_or(0)).unwrap_or_default());
        to.extend_from_slice(b"=***");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_kept() {
        let whole = crate::whole::read(
            b"Host: a\nAuthorization: Bearer geheim\nCookie: sid=geheim; b\nX-Api-Key: geheim\nContent-Type: application/x-www-form-urlencoded\n",
            b"user=x&password=geheim",
        );
        let mut kept = Vec::new();
        masked(b"POST /login HTTP/1.1", &whole, &mut kept);
        let kept = String::from_utf8(kept).unwrap();
        assert_eq!(
            kept,
            "POST /login HTTP/1.1\nHost: a\nAuthorization: ***\nCookie: sid=***; =***\nX-Api-Key: ***\nContent-Type: \
             application/x-www-form-urlencoded\n\n[22 bytes, URLENCODED: user password]"
        );
    }
}
