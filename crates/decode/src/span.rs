//! A piece of a batch's bytes, by its place.
//!
//! Owns: the checked way from a place to the text. Never holds: the text itself.

/// From where to where a value stands in its batch's bytes. An absent value has an empty span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// No text.
    pub const EMPTY: Self = Self { start: 0, end: 0 };

    /// From `start` up to, not including, `end`; empty where that is no range of 32-bit places.
    pub(crate) fn new(start: usize, end: usize) -> Self {
        match (u32::try_from(start), u32::try_from(end)) {
            (Ok(start), Ok(end)) if start <= end => Self { start, end },
            _ => Self::EMPTY,
        }
    }

    /// The first byte's place.
    pub const fn start(self) -> usize {
        self.start as usize
    }

    /// The place after the last byte.
    pub const fn end(self) -> usize {
        self.end as usize
    }

    /// Whether there is no text.
    pub const fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The text; nothing where the span is not of these bytes.
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.start()..self.end()).unwrap_or_default()
    }

    /// The part from `from` to `to`, counted from this span's start.
    pub(crate) fn part(self, from: usize, to: usize) -> Self {
        let end = self.end().min(self.start().saturating_add(to));
        Self::new(self.start().saturating_add(from).min(end), end)
    }

    /// This span, or none where the text is the `-` that stands for an absent value.
    pub(crate) fn unless_dash(self, bytes: &[u8]) -> Self {
        if self.of(bytes) == b"-" {
            Self::EMPTY
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_never_leave_the_bytes() {
        assert_eq!(Span::new(1, 3).of(b"abcd"), b"bc");
        assert_eq!(Span::new(2, 9).of(b"abcd"), b"");
        assert_eq!(Span::new(3, 1), Span::EMPTY);
        assert_eq!(Span::new(1, 3).part(1, 9).of(b"abcd"), b"c");
        assert_eq!(Span::new(1, 3).part(7, 9).of(b"abcd"), b"");
    }

    #[test]
    fn a_dash_is_no_value() {
        assert!(Span::new(0, 1).unless_dash(b"-a").is_empty());
        assert!(!Span::new(0, 2).unless_dash(b"-a").is_empty());
    }
}
