//! What a piece of encoded text stands for, and the walk that replaces such pieces.
//!
//! Owns: the walk. Never holds: an encoding.

use vigil_event::Decodings;

/// A piece at the start of some text and what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// How long the piece is.
    consumed: usize,
    text: [u8; 4],
    len: usize,
    decodings: Decodings,
}

impl Piece {
    /// A piece that stands for one byte.
    pub(super) const fn byte(consumed: usize, byte: u8, decodings: Decodings) -> Self {
        Self {
            consumed,
            text: [byte, 0, 0, 0],
            len: 1,
            decodings,
        }
    }

    /// A piece that stands for nothing.
    pub(super) const fn nothing(consumed: usize, decodings: Decodings) -> Self {
        Self {
            consumed,
            text: [0; 4],
            len: 0,
            decodings,
        }
    }

    /// A piece that stands for two bytes.
    pub(super) const fn pair(consumed: usize, bytes: [u8; 2], decodings: Decodings) -> Self {
        let [first, second] = bytes;
        Self {
            consumed,
            text: [first, second, 0, 0],
            len: 2,
            decodings,
        }
    }

    /// A piece that stands for a character; none where there is no character of that number.
    pub(super) fn character(consumed: usize, code: u32, decodings: Decodings) -> Option<Self> {
        let mut text = [0; 4];
        let len = char::from_u32(code)?.encode_utf8(&mut text).len();
        Some(Self {
            consumed,
            text,
            len,
            decodings,
        })
    }

    fn text(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or_default()
    }
}

/// Writes `from` into `to` with every piece replaced, and says what was undone; none, with `to`
/// left empty, where there was no piece.
///
/// `next` finds where a piece may stand, `decode` says what stands there.
pub(super) fn rewrite(
    from: &[u8],
    to: &mut Vec<u8>,
    next: impl Fn(&[u8]) -> Option<usize>,
    decode: impl Fn(&[u8]) -> Option<Piece>,
) -> Option<Decodings> {
    to.clear();
    let mut undone = Decodings::NONE;
    let mut rest = from;
    let mut kept = from;
    while let Some(place) = next(rest) {
        let (_, at) = rest.split_at_checked(place)?;
        let Some(piece) = decode(at) else {
            rest = at.get(1..).unwrap_or_default();
            continue;
        };
        let unchanged = kept.len().saturating_sub(at.len());
        to.extend_from_slice(kept.get(..unchanged).unwrap_or_default());
        to.extend_from_slice(piece.text());
        undone = undone.with(piece.decodings);
        rest = at.get(piece.consumed..).unwrap_or_default();
        kept = rest;
    }
    if undone.is_raw() {
        return None;
    }
    to.extend_from_slice(kept);
    Some(undone)
}
