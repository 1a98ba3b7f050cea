//! Texts as a shell reads them.
//!
//! What: quotes, backslashes and carets inside words vanish, variables that stand for a blank or
//! for nothing do so too, and words in braces are spread.
//! Input: decoded text.
//! Output: the text folded.
//! Example: `c'a't$IFS/etc/pass\wd` is `cat /etc/passwd`, `{ls,-l}` is `ls -l`.
//! Limits: a backslash goes only inside words, so that a Windows path may lose one; values of
//! variables are not known, so any other variable stands for nothing.

use super::fold::{Fold, fold, is_word, last};

/// The longest name of a variable, and the longest expression in braces.
const MAX_NAME: usize = 40;

/// Writes the text folded into `to`; false where that is the text itself.
pub(super) fn normalise(text: &[u8], to: &mut Vec<u8>) -> bool {
    // Within braces that are spread a comma is a blank.
    let mut braces = 0_usize;
    fold(text, to, |written, rest| {
        let before = last(written);
        match rest {
            [b'$', after @ ..] => variable(after),
            // Pairs of quotes around nothing, and quotes that touch a word on both sides.
            [b'\'', b'\'', ..] | [b'"', b'"', ..] | [b'`', b'`', ..] => Some(Fold::away(2)),
            [b'\'' | b'"', next, ..] if joins(before) && joins(*next) => Some(Fold::away(1)),
            [b'\'' | b'"', next, ..] if opens_word(before) && is_word(*next) => quoted(rest),
            [b'\\', next, ..] if escapes(written, *next) => Some(Fold::away(1)),
            [b'^', next, ..] if is_word(before) && is_word(*next) => Some(Fold::away(1)),
            [b'{', body @ ..] if spreads(body) => {
                braces += 1;
                Some(Fold::away(1))
            }
            [b',', ..] if braces > 0 => Some(Fold::to(1, b' ')),
            [b'}', ..] if braces > 0 => {
                braces -= 1;
                Some(Fold::away(1))
            }
            _ => None,
        }
    })
}

/// What stands behind a `$`: a blank, a `/`, or nothing.
fn variable(after: &[u8]) -> Option<Fold> {
    let (name, consumed) = match after {
        [b'{', body @ ..] => {
            let end = body
                .iter()
                .take(MAX_NAME)
                .position(|byte| matches!(byte, b'}' | b'{'))?;
            (body.get(..end)?, end + 3)
        }
        [b'@' | b'*' | b'0'..=b'9' | b'!' | b'?' | b'-' | b'#', ..] => {
            return Some(Fold::away(2));
        }
        _ => {
            let length = after
                .iter()
                .take(MAX_NAME)
                .take_while(|byte| is_word(**byte))
                .count();
            (after.get(..length)?, length + 1)
        }
    };
    if let Some(behind) = name.strip_prefix(b"IFS") {
        // `$IFS` is a name of its own however it goes on: `$IFScat` would be another variable.
        return match behind.first() {
            Some(byte) if is_word(*byte) => Some(Fold::away(consumed)),
            _ => Some(Fold::to(consumed, b' ')),
        };
    }
    match name {
        [] => None,
        // `${PATH:0:1}`, `${HOME:0:1}`
        name if name.ends_with(b":0:1") => Some(Fold::to(consumed, b'/')),
        [first, ..]
            if first.is_ascii_alphabetic() || matches!(first, b'_' | b'@' | b'*' | b'!') =>
        {
            let is_plain = name
                .iter()
                .all(|byte| is_word(*byte) || matches!(byte, b'@' | b'*'));
            is_plain.then_some(Fold::away(consumed))
        }
        _ => None,
    }
}

/// Whether a word goes on across a quote beside this byte.
const fn joins(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'/' | b'.' | b'-' | b'?' | b'*')
}

/// Whether a word may start behind this byte.
const fn opens_word(byte: u8) -> bool {
    matches!(byte, b' ' | b';' | b'|' | b'&' | b'(' | b'`' | b'/' | b'\n')
}

/// A quote that opens a word whose rest goes on behind the closing one: `"wg"et`, `'c'at`.
fn quoted(rest: &[u8]) -> Option<Fold> {
    let (quote, body) = rest.split_first()?;
    let end = body
        .iter()
        .take(MAX_NAME)
        .position(|byte| byte == quote || byte.is_ascii_whitespace())?;
    let goes_on =
        body.get(end) == Some(quote) && body.get(end + 1).is_some_and(|byte| joins(*byte));
    goes_on.then_some(Fold::away(1))
}

/// Whether a backslash before this byte only stands for the byte.
fn escapes(written: &[u8], next: u8) -> bool {
    match last(written) {
        // A path of Windows: `C:\Windows`, `..\..\`.
        b':' | b'.' | b'\\' => false,
        before => {
            (next.is_ascii_alphabetic()
                && (is_word(before) || opens_word(before) || before == b'/'))
                || matches!(next, b'\'' | b'"' | b'\n')
        }
    }
}

/// Whether braces hold words with a comma between them: `{cat,/etc/passwd}`.
fn spreads(body: &[u8]) -> bool {
    let mut commas = 0;
    for byte in body.iter().take(4 * MAX_NAME) {
        match byte {
            b'}' => return commas > 0,
            b',' => commas += 1,
            b'{' | b':' | b'"' | b'\'' | b' ' | b'&' => return false,
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> Option<String> {
        let mut to = Vec::new();
        normalise(text.as_bytes(), &mut to).then(|| String::from_utf8_lossy(&to).into_owned())
    }

    #[test]
    fn folds_as_a_shell_does() {
        for (text, expected) in [
            ("c'a't /etc/passwd", "cat /etc/passwd"),
            (";c''at /etc/pass\"\"wd", ";cat /etc/passwd"),
            ("; \"wg\"et x", "; wget x"),
            ("cat$IFS/etc/passwd", "cat /etc/passwd"),
            ("cat${IFS}/etc/passwd", "cat /etc/passwd"),
            ("cat$IFS$9/etc/passwd", "cat /etc/passwd"),
            ("cat${IFS%??}x", "cat x"),
            ("c$@at /e$*tc", "cat /etc"),
            ("cat$u /etc$u/passwd$u", "cat /etc/passwd"),
            ("c\\at /et\\c/passwd", "cat /etc/passwd"),
            ("p^ow^ershell -c x", "powershell -c x"),
            (";{cat,/etc/passwd}", ";cat /etc/passwd"),
            ("cat ${HOME:0:1}etc${PATH:0:1}passwd", "cat /etc/passwd"),
            ("wh``oami", "whoami"),
        ] {
            assert_eq!(folded(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_hides_nothing_stays() {
        for text in [
            r"C:\win.ini",
            r"..\..\boot.ini",
            "say 'hello' to",
            r#"{"a":1,"b":2}"#,
            "a,b,c",
            "${7*7}",
            "$",
            "",
        ] {
            assert_eq!(folded(text), None, "{text}");
        }
    }
}
