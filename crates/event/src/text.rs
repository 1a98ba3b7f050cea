//! Bytes from attackers as text that can be kept and shown.

use std::borrow::Cow;
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
            character if turns(character) => {
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

/// The text without anything that steers a terminal, but with its line breaks and tabs: a last guard for
/// whatever is printed.
///
/// It is written as JSON writes it (`\u009b`). JSON has such characters within its texts only, where that
/// stands for the same.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let steers = |one: char| turns(one) || (one.is_control() && !matches!(one, '\n' | '\t'));
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if steers(character) {
            _ = write!(shown, "\\u{:04x}", u32::from(character));
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Whether the character is not seen and changes how what is around it reads.
const fn turns(character: char) -> bool {
    matches!(
        character,
        '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
    )
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
    fn what_is_printed_is_harmless_and_still_the_same_json() {
        let hostile = "a\u{1b}]0;x\u{7} \u{9b}31m \u{202e}b\u{61c} \u{7f}";
        assert_eq!(harmless("two\nlines\tcaf\u{e9}"), "two\nlines\tcaf\u{e9}");
        assert_eq!(harmless("\u{9b}\u{1b}"), "\\u009b\\u001b");
        let json = serde_json::json!({ "agent": hostile }).to_string();
        let printed = harmless(&json);
        assert!(
            !printed.chars().any(|one| one.is_control() || turns(one)),
            "{printed:?}"
        );
        let read: serde_json::Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(read["agent"], hostile);
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(truncated("a\u{e9}b", 2), "a");
        assert_eq!(truncated("ab", 9), "ab");
    }
}
