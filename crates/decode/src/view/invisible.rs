//! Characters that nobody sees.
//!
//! What: marks that join, part or turn around what stands beside them and have no width
//! themselves: zero-width spaces and joiners, the soft hyphen, the byte order mark, marks for the
//! direction of writing, selectors of a glyph's variant, tags.
//! Input: text that starts with the piece.
//! Output: nothing; what stood on both sides of it is one word.
//! Example: `sc\u{200b}ript` is `script`.
//! Limits: also in scripts that need such marks, such as Persian, they go; only words that are no
//! ASCII change by that. Marks that stand above or below a letter stay.

use vigil_event::Decodings;

use super::piece::Piece;
use super::unicode::code_point;

/// A character that has no width and no meaning to a program.
pub(super) fn mark(rest: &[u8]) -> Option<Piece> {
    let (code, len) = code_point(rest)?;
    is_mark(code).then(|| Piece::nothing(len, Decodings::INVISIBLE))
}

const fn is_mark(code: u32) -> bool {
    matches!(
        code,
        // The soft hyphen, the joiner of graphemes, the mark for Arabic letters.
        0x00AD | 0x034F | 0x061C
        // Fillers of Hangul, vowels of Khmer that are not written, marks of Mongolian.
        | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F | 0x3164 | 0xFFA0
        // Zero-width spaces, joiners and non-joiners; directions and their embeddings.
        | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F
        // Variants of a glyph, the byte order mark, notes between the lines.
        | 0xFE00..=0xFE0F | 0xFEFF | 0xFFF9..=0xFFFB
        // Tags and more variants.
        | 0xE_0001 | 0xE_0020..=0xE_007F | 0xE_0100..=0xE_01EF
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_without_width_are_nothing() {
        for text in [
            "\u{200b}",
            "\u{200d}",
            "\u{feff}",
            "\u{ad}",
            "\u{202e}",
            "\u{2066}",
            "\u{fe0f}",
            "\u{3164}",
            "\u{e0041}",
        ] {
            let piece = Piece::nothing(text.len(), Decodings::INVISIBLE);
            assert_eq!(mark(format!("{text}x").as_bytes()), Some(piece), "{text:?}");
        }
    }

    #[test]
    fn what_is_seen_stays() {
        for text in ["a", "é", "日", " ", "\u{a0}", "\u{301}", "\u{2028}", "😀"] {
            assert_eq!(mark(text.as_bytes()), None, "{text:?}");
        }
        for cut in [&b"\xE2\x80"[..], b"\xEF\xBB", b"\xC2", b"\xF3\xA0\x81", b""] {
            assert_eq!(mark(cut), None, "{cut:x?}");
        }
    }
}
