//! SecLang's transformations: what a value goes through before an operator sees it.
//!
//! What: those of OWASP CRS, as libmodsecurity has them. Input: bytes. Output: bytes.
//! Limits: no transformation makes a text longer than [`MAX_GROWTH`] times its length, but for
//! `length` and `sha1`.
//!
//! To add one: a function in the file it belongs to, a variant of [`Transform`] with its name, the
//! bytes without which it changes nothing, and a row in a table test.

mod code;
mod plain;
mod url;

use sha1::{Digest as _, Sha1};

use crate::prefilter::bytes::ByteSet;

/// The most that a transformation makes of a byte: `utf8toUnicode` writes `%uHHHH` for two.
#[cfg(test)]
const MAX_GROWTH: usize = 4;

/// The kinds of bytes that a text has, as in [`ByteSet`], and whether there are letters and capitals:
/// what cannot be changed by a transformation, and what cannot match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bytes(u64);

impl Bytes {
    const LETTER: u64 = ByteSet::SPARE[0];
    const UPPER: u64 = ByteSet::SPARE[1];
    pub(super) const PERCENT: Self = Self(ByteSet::bit(b'%'));
    pub(super) const HIGH: Self = Self(ByteSet::bit(0x80));
    pub(super) const LINE_BREAK: Self = Self(ByteSet::bit(b'\n'));
    const PLUS: u64 = ByteSet::bit(b'+');
    const AMPERSAND: u64 = ByteSet::bit(b'&');
    const BACKSLASH: u64 = ByteSet::bit(b'\\');
    const SLASH: u64 = ByteSet::bit(b'/');
    const SPACE: u64 = ByteSet::bit(b' ');
    /// With all other control characters.
    const NUL: u64 = ByteSet::bit(0);
    const BLANK: u64 = Self::SPACE
        | ByteSet::bit(b'\t')
        | Self::LINE_BREAK.0
        | ByteSet::bit(b'\r')
        | ByteSet::bit(0x0b);
    const QUOTE: u64 = ByteSet::bit(b'"') | ByteSet::bit(b'\'') | ByteSet::bit(b'^');
    const SEPARATOR: u64 = ByteSet::bit(b',') | ByteSet::bit(b';');
    const STAR: u64 = ByteSet::bit(b'*');
    const COMMENT: u64 = ByteSet::bit(b'#') | ByteSet::bit(b'-');
    const DOT: u64 = ByteSet::bit(b'.');
    const ANY: u64 = u64::MAX;

    #[expect(
        clippy::indexing_slicing,
        reason = "evaluated when compiling, where a slip is an error"
    )]
    const KINDS: [u64; 256] = {
        let mut kinds = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let one = byte as u8;
            let letter = if one.is_ascii_alphabetic() {
                Self::LETTER
            } else {
                0
            };
            let upper = if one.is_ascii_uppercase() {
                Self::UPPER
            } else {
                0
            };
            kinds[byte] = ByteSet::bit(one) | letter | upper;
            byte += 1;
        }
        kinds
    };

    /// Both.
    #[must_use]
    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether these are all that there can be, or some of these are among the others.
    pub(super) const fn are_any_of(self, others: Self) -> bool {
        self.0 == Self::ANY || self.0 & others.0 != 0
    }

    /// Whether all of these are among the others.
    pub(super) const fn are_all_of(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }

    /// Whether any byte may be concerned.
    pub(super) const fn is_any(self) -> bool {
        self.0 == Self::ANY
    }

    /// Those of a text.
    pub(super) fn of(text: &[u8]) -> Self {
        let kinds = text
            .iter()
            .filter_map(|byte| Self::KINDS.get(usize::from(*byte)));
        Self(kinds.fold(0, |all, kind| all | kind))
    }

    /// The same without regard to letters.
    pub(super) const fn set(self) -> ByteSet {
        ByteSet::of_bits(self.0)
    }

    /// As a key.
    pub(super) const fn key(self) -> [u8; 8] {
        self.0.to_le_bytes()
    }
}

/// A transformation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum Transform {
    Lowercase,
    Uppercase,
    UrlDecode,
    UrlDecodeUni,
    UrlEncode,
    Utf8ToUnicode,
    HtmlEntityDecode,
    JsDecode,
    CssDecode,
    EscapeSeqDecode,
    RemoveNulls,
    ReplaceNulls,
    CompressWhitespace,
    RemoveWhitespace,
    Trim,
    TrimLeft,
    TrimRight,
    CmdLine,
    NormalizePath,
    NormalizePathWin,
    ReplaceComments,
    RemoveComments,
    RemoveCommentsChar,
    Base64Decode,
    Base64DecodeExt,
    Base64Encode,
    HexDecode,
    HexEncode,
    SqlHexDecode,
    Length,
    Sha1,
}

type Names = [(&'static str, Transform, u64); Transform::COUNT];

impl Transform {
    /// How many there are.
    pub(super) const COUNT: usize = 31;

    const NAMES: Names = [
        ("lowercase", Self::Lowercase, Bytes::UPPER),
        ("uppercase", Self::Uppercase, Bytes::ANY),
        ("urldecode", Self::UrlDecode, Bytes::PERCENT.0 | Bytes::PLUS),
        (
            "urldecodeuni",
            Self::UrlDecodeUni,
            Bytes::PERCENT.0 | Bytes::PLUS,
        ),
        ("urlencode", Self::UrlEncode, Bytes::ANY),
        ("utf8tounicode", Self::Utf8ToUnicode, Bytes::HIGH.0),
        ("htmlentitydecode", Self::HtmlEntityDecode, Bytes::AMPERSAND),
        ("jsdecode", Self::JsDecode, Bytes::BACKSLASH),
        ("cssdecode", Self::CssDecode, Bytes::BACKSLASH),
        ("escapeseqdecode", Self::EscapeSeqDecode, Bytes::BACKSLASH),
        ("removenulls", Self::RemoveNulls, Bytes::NUL),
        ("replacenulls", Self::ReplaceNulls, Bytes::NUL),
        ("compresswhitespace", Self::CompressWhitespace, Bytes::BLANK),
        (
            "removewhitespace",
            Self::RemoveWhitespace,
            Bytes::BLANK | Bytes::HIGH.0,
        ),
        ("trim", Self::Trim, Bytes::BLANK),
        ("trimleft", Self::TrimLeft, Bytes::BLANK),
        ("trimright", Self::TrimRight, Bytes::BLANK),
        (
            "cmdline",
            Self::CmdLine,
            Bytes::UPPER | Bytes::BACKSLASH | Bytes::QUOTE | Bytes::BLANK | Bytes::SEPARATOR,
        ),
        (
            "normalizepath",
            Self::NormalizePath,
            Bytes::SLASH | Bytes::DOT,
        ),
        (
            "normalizepathwin",
            Self::NormalizePathWin,
            Bytes::SLASH | Bytes::BACKSLASH | Bytes::DOT,
        ),
        ("replacecomments", Self::ReplaceComments, Bytes::STAR),
        (
            "removecomments",
            Self::RemoveComments,
            Bytes::STAR | Bytes::COMMENT,
        ),
        (
            "removecommentschar",
            Self::RemoveCommentsChar,
            Bytes::STAR | Bytes::COMMENT,
        ),
        ("base64decode", Self::Base64Decode, Bytes::ANY),
        ("base64decodeext", Self::Base64DecodeExt, Bytes::ANY),
        ("base64encode", Self::Base64Encode, Bytes::ANY),
        ("hexdecode", Self::HexDecode, Bytes::ANY),
        ("hexencode", Self::HexEncode, Bytes::ANY),
        ("sqlhexdecode", Self::SqlHexDecode, Bytes::ANY),
        ("length", Self::Length, Bytes::ANY),
        ("sha1", Self::Sha1, Bytes::ANY),
    ];

    /// That of a name, in any case and in either spelling.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase().replace("normalise", "normalize");
        let found = Self::NAMES.iter().find(|(own, _, _)| *own == name);
        found.map(|(_, transform, _)| *transform)
    }

    /// Its name in lower case.
    pub(super) fn name(self) -> &'static str {
        Self::NAMES
            .get(self as usize)
            .map_or("", |(name, _, _)| name)
    }

    /// The bytes of which a text must have one for the transformation to change it.
    pub(super) fn needs(self) -> Bytes {
        let needed = Self::NAMES.get(self as usize).map(|(_, _, needed)| *needed);
        Bytes(needed.unwrap_or(Bytes::ANY))
    }

    /// Whether it can change a text of these bytes.
    pub(super) fn concerns(self, bytes: Bytes) -> bool {
        self.needs().are_any_of(bytes)
    }

    /// What bytes at most it makes of a text of these.
    pub(super) fn makes(self, bytes: Bytes) -> Bytes {
        if !self.concerns(bytes) {
            return bytes;
        }
        match self {
            Self::Lowercase
            | Self::RemoveNulls
            | Self::RemoveWhitespace
            | Self::Trim
            | Self::TrimLeft
            | Self::TrimRight
            | Self::NormalizePath
            | Self::RemoveComments
            | Self::RemoveCommentsChar => bytes,
            Self::NormalizePathWin => bytes.with(Bytes(Bytes::SLASH)),
            Self::ReplaceNulls
            | Self::CompressWhitespace
            | Self::CmdLine
            | Self::ReplaceComments => bytes.with(Bytes(Bytes::SPACE)),
            Self::UrlDecode | Self::UrlDecodeUni if !Bytes::PERCENT.are_any_of(bytes) => {
                bytes.with(Bytes(Bytes::SPACE))
            }
            _ => Bytes(Bytes::ANY),
        }
    }

    /// Appends what it makes of the text.
    pub(super) fn apply(self, text: &[u8], to: &mut Vec<u8>) {
        match self {
            Self::Lowercase => to.extend(text.iter().map(u8::to_ascii_lowercase)),
            Self::Uppercase => to.extend(text.iter().map(u8::to_ascii_uppercase)),
            Self::UrlDecode => url::decode(text, false, to),
            Self::UrlDecodeUni => url::decode(text, true, to),
            Self::UrlEncode => url::encode(text, to),
            Self::Utf8ToUnicode => url::utf8_to_unicode(text, to),
            Self::HtmlEntityDecode => code::html(text, to),
            Self::JsDecode => code::script(text, to),
            Self::CssDecode => code::style(text, to),
            Self::EscapeSeqDecode => code::escapes(text, to),
            Self::Base64Decode => code::base64(text, false, to),
            Self::Base64DecodeExt => code::base64(text, true, to),
            Self::Base64Encode => code::to_base64(text, to),
            Self::HexDecode => code::hex(text, to),
            Self::HexEncode => code::to_hex(text, to),
            Self::SqlHexDecode => code::sql_hex(text, to),
            Self::RemoveNulls => to.extend(text.iter().filter(|byte| **byte != 0)),
            Self::ReplaceNulls => {
                to.extend(
                    text.iter()
                        .map(|byte| if *byte == 0 { b' ' } else { *byte }),
                );
            }
            Self::CompressWhitespace => plain::compress_blanks(text, to),
            Self::RemoveWhitespace => plain::remove_blanks(text, to),
            Self::Trim => to.extend_from_slice(plain::trim(text, true, true)),
            Self::TrimLeft => to.extend_from_slice(plain::trim(text, true, false)),
            Self::TrimRight => to.extend_from_slice(plain::trim(text, false, true)),
            Self::CmdLine => plain::command_line(text, to),
            Self::NormalizePath => plain::path(text, to),
            Self::NormalizePathWin => {
                let slashed: Vec<u8> = text
                    .iter()
                    .map(|byte| if *byte == b'\\' { b'/' } else { *byte })
                    .collect();
                plain::path(&slashed, to);
            }
            Self::ReplaceComments => plain::replace_comments(text, to),
            Self::RemoveComments => plain::remove_comments(text, to),
            Self::RemoveCommentsChar => plain::remove_comment_signs(text, to),
            Self::Length => to.extend_from_slice(text.len().to_string().as_bytes()),
            Self::Sha1 => to.extend_from_slice(&Sha1::digest(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_stand_in_the_order_of_the_variants() {
        for (place, (name, transform, _)) in Transform::NAMES.iter().enumerate() {
            assert_eq!(*transform as usize, place);
            assert_eq!(Transform::of_name(name), Some(*transform));
        }
        assert_eq!(
            Transform::of_name("normalisePathWin"),
            Some(Transform::NormalizePathWin)
        );
        assert_eq!(Transform::of_name("md5"), None);
    }

    #[test]
    fn a_hash_is_its_bytes() {
        let (mut hash, mut digits) = (Vec::new(), Vec::new());
        Transform::Sha1.apply(b"abc", &mut hash);
        Transform::HexEncode.apply(&hash, &mut digits);
        // The example of FIPS 180-4.
        assert_eq!(digits, b"a9993e364706816aba3e25717850c26c9cd0d89d");
    }

    proptest! {
        #[test]
        fn bytes_tell_what_cannot_change(text in proptest::collection::vec(any::<u8>(), 0..40), soft in "[ -~]{0,40}") {
            for text in [text.as_slice(), soft.as_bytes()] {
                for (_, transform, _) in Transform::NAMES {
                    let mut made = Vec::new();
                    transform.apply(text, &mut made);
                    prop_assert!(made.len() <= MAX_GROWTH * text.len() + 20, "{transform:?}");
                    let bytes = Bytes::of(text);
                    prop_assert!(Bytes::of(&made).are_all_of(transform.makes(bytes)), "{transform:?}");
                    if !transform.concerns(bytes) {
                        prop_assert_eq!(&made[..], text, "{:?}", transform);
                    }
                }
            }
        }
    }
}
