//! Bytes from attackers as text that can be kept and shown.

use std::fmt::Write as _;

/// The bytes as text: what is not UTF-8 becomes `\xHH`, the form nginx itself writes.
pub fn escape_invalid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        escape_bytes(&mut text, chunk.invalid());
    }
    text
}

/// The text with every control character made visible (`\x1b`), safe to print on a terminal.
///
/// Bidirectional overrides are escaped too, since they change what a reader sees.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}' => {
                _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
            }
            character if character.is_control() => {
                let mut buffer = [0; 4];
                escape_bytes(&mut shown, character.encode_utf8(&mut buffer).as_bytes());
            }
            character => shown.push(character),
        }
    }
    shown
}

/// At most `limit` bytes of the text, cut at a character's boundary.
pub fn truncated(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or(text)
}

fn escape_bytes(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        _ = write!(text, "\\x{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_text_and_escapes_the_rest() {
        assert_eq!(
            escape_invalid(b"caf\xc3\xa9 \xff\x16"),
            "caf\u{e9} \\xff\u{16}"
        );
    }

    #[test]
    fn controls_cannot_reach_a_terminal() {
        assert_eq!(
            visible("a\u{1b}[31mb\u{202e}c\n"),
            "a\\x1b[31mb\\u{202e}c\\x0a"
        );
        assert_eq!(visible("\u{9b}"), "\\xc2\\x9b");
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(truncated("a\u{e9}b", 2), "a");
        assert_eq!(truncated("ab", 9), "ab");
    }
}
