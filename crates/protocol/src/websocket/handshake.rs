//! What the server answers to a request that opens a WebSocket.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};

/// Fixed by RFC 6455, 1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The only version there is.
pub const VERSION: &str = "13";

/// The value of `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key`; none if that is no key.
pub fn accept(key: &str) -> Option<String> {
    let is_key = STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16);
    is_key.then(|| {
        let mut hasher = Sha1::new();
        hasher.update(key.as_bytes());
        hasher.update(GUID);
        STANDARD.encode(hasher.finalize())
    })
}

/// Whether a header that is a list, such as `Connection`, names that token.
pub fn names(list: &str, token: &str) -> bool {
    list.split(',')
        .any(|one| one.trim().eq_ignore_ascii_case(token))
}

/// The first of a list's tokens that is known.
pub fn first_of(list: &str, known: &[&'static str]) -> Option<&'static str> {
    list.split(',').find_map(|one| {
        let mut known = known.iter();
        known.find(|known| one.trim() == **known).copied()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc() {
        let accept = accept("dGhlIHNhbXBsZSBub25jZQ==").unwrap();
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn what_is_no_key_is_not_accepted() {
        for key in ["", "x", "dGhlIHNhbXBsZQ==", "dGhlIHNhbXBsZSBub25jZQ== "] {
            assert_eq!(accept(key), None, "{key}");
        }
    }

    #[test]
    fn a_list_names_its_tokens() {
        assert!(names("keep-alive, Upgrade", "upgrade"));
        assert!(!names("keep-alive, upgraded", "upgrade"));
        assert_eq!(first_of("x, b ,a", &["a", "b"]), Some("b"));
        assert_eq!(first_of("x", &["a", "b"]), None);
    }
}
