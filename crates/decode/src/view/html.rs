//! HTML character references.
//!
//! What: named (`&lt;`), decimal (`&#60;`) and hexadecimal (`&#x3c;`) references, also without
//! their semicolon, as browsers read them.
//! Input: text that starts with the piece.
//! Output: the character.
//! Example: `&#0000060` is `<`.
//! Limits: the names are the ones that hide markup. In `a=1&lt=2` a parameter is called `lt`: a name
//! without a semicolon that runs into a `=` stays as it is.

use memchr::memchr;
use vigil_event::Decodings;

use super::percent::hex;
use super::piece::Piece;

/// Names that need their semicolon.
const NAMED: [(&[u8], u8); 43] = [
    (b"lt", b'<'),
    (b"LT", b'<'),
    (b"gt", b'>'),
    (b"GT", b'>'),
    (b"amp", b'&'),
    (b"AMP", b'&'),
    (b"quot", b'"'),
    (b"QUOT", b'"'),
    (b"apos", b'\''),
    (b"nbsp", b' '),
    (b"NonBreakingSpace", b' '),
    (b"colon", b':'),
    (b"semi", b';'),
    (b"comma", b','),
    (b"period", b'.'),
    (b"excl", b'!'),
    (b"quest", b'?'),
    (b"Tab", b'\t'),
    (b"tab", b'\t'),
    (b"NewLine", b'\n'),
    (b"newline", b'\n'),
    (b"lpar", b'('),
    (b"rpar", b')'),
    (b"sol", b'/'),
    (b"bsol", b'\\'),
    (b"num", b'#'),
    (b"dollar", b'$'),
    (b"percnt", b'%'),
    (b"ast", b'*'),
    (b"plus", b'+'),
    (b"equals", b'='),
    (b"commat", b'@'),
    (b"lbrack", b'['),
    (b"lsqb", b'['),
    (b"rbrack", b']'),
    (b"rsqb", b']'),
    (b"lbrace", b'{'),
    (b"lcub", b'{'),
    (b"rbrace", b'}'),
    (b"rcub", b'}'),
    (b"grave", b'`'),
    (b"verbar", b'|'),
    (b"lowbar", b'_'),
];

/// Names that browsers also take without it.
const BARE: [(&[u8], u8); 5] = [
    (b"lt", b'<'),
    (b"gt", b'>'),
    (b"amp", b'&'),
    (b"quot", b'"'),
    (b"nbsp", b' '),
];

/// Names of characters that nobody sees.
const UNSEEN: [&[u8]; 5] = [b"ZeroWidthSpace", b"shy", b"zwj", b"zwnj", b"NoBreak"];

/// The longest name.
const MAX_NAME_BYTES: usize = 16;
/// The longest number, with the zeros that attackers put in front.
const MAX_DIGITS: usize = 32;
/// How far a parameter's name is looked for.
const MAX_PARAMETER_BYTES: usize = 32;

/// Where a reference may start.
pub(super) fn next(text: &[u8]) -> Option<usize> {
    memchr(b'&', text)
}

/// A reference.
pub(super) fn entity(rest: &[u8]) -> Option<Piece> {
    let rest = rest.strip_prefix(b"&")?;
    match rest {
        [b'#', b'x' | b'X', digits @ ..] => numeric(digits, 16, 3),
        [b'#', digits @ ..] => numeric(digits, 10, 2),
        [first, ..] if first.is_ascii_alphabetic() => named(rest),
        _ => None,
    }
}

fn numeric(digits: &[u8], radix: u32, prefix: usize) -> Option<Piece> {
    let is_digit = |byte: &u8| {
        if radix == 16 {
            hex(*byte).is_some()
        } else {
            byte.is_ascii_digit()
        }
    };
    let len = digits
        .iter()
        .take(MAX_DIGITS + 1)
        .take_while(|byte| is_digit(byte))
        .count();
    if len == 0 || len > MAX_DIGITS {
        return None;
    }
    let (digits, rest) = digits.split_at_checked(len)?;
    let code = digits.iter().try_fold(0_u32, |code, digit| {
        code.checked_mul(radix)?
            .checked_add(u32::from(hex(*digit)?))
    })?;
    let semicolon = usize::from(rest.starts_with(b";"));
    // A browser makes nothing useful of a NUL: it stays as it is.
    (code != 0).then(|| Piece::character(prefix + len + semicolon, code, Decodings::HTML))?
}

fn named(rest: &[u8]) -> Option<Piece> {
    let len = rest
        .iter()
        .take(MAX_NAME_BYTES + 1)
        .take_while(|byte| byte.is_ascii_alphanumeric())
        .count();
    let (name, behind) = rest.split_at_checked(len)?;
    if behind.starts_with(b";")
        && let Some((_, byte)) = NAMED.iter().find(|(known, _)| *known == name)
    {
        return Some(Piece::byte(len + 2, *byte, Decodings::HTML));
    }
    if behind.starts_with(b";") && UNSEEN.contains(&name) {
        let undone = Decodings::HTML.with(Decodings::INVISIBLE);
        return Some(Piece::nothing(len + 2, undone));
    }
    let (bare, byte) = BARE.iter().find(|(known, _)| rest.starts_with(known))?;
    (!is_parameter(rest)).then_some(Piece::byte(bare.len() + 1, *byte, Decodings::HTML))
}

/// Whether this is a parameter's name: what may stand in one, and then a `=`.
fn is_parameter(rest: &[u8]) -> bool {
    let mut bytes = rest.iter().take(MAX_PARAMETER_BYTES);
    let end = bytes.find(|byte| {
        !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'-' | b'.' | b'[' | b']')
    });
    end == Some(&b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_characters() {
        for (text, byte) in [
            ("&lt;", b'<'),
            ("&#60;", b'<'),
            ("&#x3c;", b'<'),
            ("&#X3C;", b'<'),
            ("&#0000000000060;", b'<'),
            ("&colon;", b':'),
            ("&Tab;", b'\t'),
            ("&NewLine;", b'\n'),
            ("&lpar;", b'('),
            ("&bsol;", b'\\'),
            ("&NonBreakingSpace;", b' '),
            ("&amp;", b'&'),
        ] {
            assert_eq!(
                entity(text.as_bytes()),
                Some(Piece::byte(text.len(), byte, Decodings::HTML)),
                "{text}"
            );
        }
        assert_eq!(
            entity("&#233;".as_bytes()),
            Piece::character(6, 233, Decodings::HTML)
        );
    }

    #[test]
    fn some_characters_are_not_seen() {
        let undone = Decodings::HTML.with(Decodings::INVISIBLE);
        assert_eq!(entity(b"&shy;x"), Some(Piece::nothing(5, undone)));
        assert_eq!(entity(b"&shyx"), None);
    }

    #[test]
    fn the_semicolon_may_be_missing() {
        for (text, len, byte) in [
            ("&#60script", 4, b'<'),
            ("&#x3cscript", 5, b'<'),
            ("&ltscript&gt", 3, b'<'),
            ("&ltsvg/onload=", 3, b'<'),
            ("&gt", 3, b'>'),
        ] {
            assert_eq!(
                entity(text.as_bytes()),
                Some(Piece::byte(len, byte, Decodings::HTML)),
                "{text}"
            );
        }
    }

    #[test]
    fn parameters_keep_their_names() {
        for text in [
            "&lt=1",
            "&gtm=45je",
            "&amp_id=1",
            "&ltype[]=a",
            "&",
            "&;",
            "&#;",
            "&#x;",
            "&#0;",
            "&#1114112;",
            "&unknown;",
            "& lt;",
        ] {
            assert_eq!(entity(text.as_bytes()), None, "{text}");
        }
    }
}
