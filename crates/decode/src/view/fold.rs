//! The walk that folds a decoded text as one of the languages behind a site would read it.
//!
//! Owns: the walk, and the look at which bytes a text has. Never holds: a language.

/// What a reader makes of the start of some text: so many bytes become one byte, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fold {
    pub(super) consumed: usize,
    pub(super) byte: Option<u8>,
}

impl Fold {
    /// Nothing is left of so many bytes.
    pub(super) const fn away(consumed: usize) -> Self {
        Self {
            consumed,
            byte: None,
        }
    }

    /// So many bytes become one.
    pub(super) const fn to(consumed: usize, byte: u8) -> Self {
        Self {
            consumed,
            byte: Some(byte),
        }
    }
}

/// Writes `from` into `to` as `step` reads it; false where that is the text itself.
///
/// `step` sees what was written so far and what is left, and says what the start of that becomes;
/// nothing where the next byte stays.
pub(super) fn fold(
    from: &[u8],
    to: &mut Vec<u8>,
    mut step: impl FnMut(&[u8], &[u8]) -> Option<Fold>,
) -> bool {
    to.clear();
    let mut rest = from;
    while let Some((first, after)) = rest.split_first() {
        if let Some(fold) = step(to, rest) {
            to.extend(fold.byte);
            rest = rest.get(fold.consumed.max(1)..).unwrap_or_default();
        } else {
            to.push(*first);
            rest = after;
        }
    }
    to.as_slice() != from
}

/// Which of the signs that some reader folds a text has: one walk without branches, which the
/// compiler turns into vector instructions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Signs(u8);

impl Signs {
    /// `\`
    pub(super) const ESCAPE: Self = Self(1);
    /// `'`, `"` or a backtick.
    pub(super) const QUOTE: Self = Self(1 << 1);
    /// `$`, `^` or `{`: only a shell folds these.
    pub(super) const SHELL: Self = Self(1 << 2);
    /// Blanks other than the space, other control characters, and what is beyond ASCII.
    pub(super) const CONTROL: Self = Self(1 << 3);
    /// `/` with `*` behind it.
    pub(super) const COMMENT: Self = Self(1 << 4);
    /// Two spaces in a row.
    pub(super) const SPACES: Self = Self(1 << 5);

    pub(super) fn of(text: &[u8]) -> Self {
        let singles = text.iter().fold(0_u8, |found, &byte| {
            found
                | u8::from(byte == b'\\')
                | (u8::from(matches!(byte, b'\'' | b'"' | b'`')) << 1)
                | (u8::from(matches!(byte, b'$' | b'^' | b'{')) << 2)
                | (u8::from(!(b' '..0x7f).contains(&byte)) << 3)
        });
        let pairs =
            text.iter()
                .zip(text.get(1..).unwrap_or_default())
                .fold(0_u8, |found, (&a, &b)| {
                    found
                        | ((u8::from(a == b'/') & u8::from(b == b'*')) << 4)
                        | ((u8::from(a == b' ') & u8::from(b == b' ')) << 5)
                });
        Self(singles | pairs)
    }

    const fn any(self, of: u8) -> bool {
        self.0 & of != 0
    }

    /// Whether there could be anything to fold for SQL.
    pub(super) const fn matter_to_sql(self) -> bool {
        self.any(Self::CONTROL.0 | Self::COMMENT.0 | Self::SPACES.0)
    }

    /// Whether there could be anything to fold for a shell.
    pub(super) const fn matter_to_shell(self) -> bool {
        self.any(Self::ESCAPE.0 | Self::QUOTE.0 | Self::SHELL.0)
    }

    /// Whether there could be anything to fold for scripts and style sheets.
    pub(super) const fn matter_to_script(self) -> bool {
        self.any(Self::ESCAPE.0 | Self::QUOTE.0 | Self::CONTROL.0 | Self::COMMENT.0)
    }
}

/// The last byte that was written.
pub(super) fn last(written: &[u8]) -> u8 {
    written.last().copied().unwrap_or_default()
}

/// Whether the byte is of a word.
pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_texts_have_no_signs() {
        for text in ["", "a=1&b=x-y", "/index.html", "Mozilla/5.0 (X11; Linux)"] {
            assert_eq!(Signs::of(text.as_bytes()), Signs::default(), "{text}");
        }
        for (text, sign) in [
            ("a\\b", Signs::ESCAPE),
            ("O'Brien", Signs::QUOTE),
            ("${x}", Signs::SHELL),
            ("a\tb", Signs::CONTROL),
            ("a/*b", Signs::COMMENT),
            ("a  b", Signs::SPACES),
        ] {
            assert_eq!(Signs::of(text.as_bytes()), sign, "{text}");
        }
    }

    #[test]
    fn a_step_that_takes_nothing_still_goes_on() {
        let mut to = Vec::new();
        assert!(fold(b"aaa", &mut to, |_, _| Some(Fold::away(0))));
        assert_eq!(to, b"");
    }
}
