//! Texts as scripts and style sheets read them.
//!
//! What: octal and CSS escapes are resolved, tabs, line breaks and NULs vanish, as browsers drop
//! them from a URL's scheme, comments without a blank vanish, and strings that are joined are one.
//! Input: decoded text, in which `\x3c` and `\u003c` are undone already.
//! Output: the text folded.
//! Example: `java\tscript:al\145rt('a'+'b')` is `javascript:alert('ab')`.
//! Limits: an escape of one digit stays as it is, and so does what stands for no ASCII character.

use super::fold::{Fold, fold, is_word, last};
use super::percent::hex;
use memchr::memmem;

/// Writes the text folded into `to`; false where that is the text itself.
pub(super) fn normalise(text: &[u8], to: &mut Vec<u8>) -> bool {
    let mut comments_end = true;
    fold(text, to, |written, rest| match rest {
        [b'\\', after @ ..] => octal(after).or_else(|| style_escape(after)),
        [b'\t' | b'\n' | b'\r' | 0, ..] => Some(Fold::away(1)),
        [b'/', b'*', body @ ..] if comments_end => {
            let end = memmem::find(body, b"*/");
            comments_end = end.is_some();
            Some(Fold::away(end? + 4))
        }
        [quote @ (b'\'' | b'"' | b'`'), after @ ..] => joint(last(written), *quote, after),
        _ => None,
    })
}

/// `\145`, a character by its number in octal.
fn octal(after: &[u8]) -> Option<Fold> {
    let &[a @ b'0'..=b'1', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] = after else {
        return None;
    };
    let number = (a - b'0') * 64 + (b - b'0') * 8 + (c - b'0');
    (b' '..0x7f)
        .contains(&number)
        .then_some(Fold::to(4, number))
}

/// `\0061 `, a character by its number in hexadecimal with two to six digits (CSS Syntax Level 3).
fn style_escape(after: &[u8]) -> Option<Fold> {
    let digits = after
        .iter()
        .take(6)
        .take_while(|byte| hex(**byte).is_some())
        .count();
    if digits < 2 {
        return None;
    }
    let number = after
        .iter()
        .take(digits)
        .filter_map(|byte| hex(*byte))
        .fold(0_u32, |number, digit| number * 16 + u32::from(digit));
    let byte = u8::try_from(number)
        .ok()
        .filter(|byte| (b' '..0x7f).contains(byte))?;
    let blank = usize::from(after.get(digits).is_some_and(u8::is_ascii_whitespace));
    Some(Fold::to(1 + digits + blank, byte))
}

/// The end of one string, a sign that joins, and the start of the next one: `'+'`, `"."`, `'||'`.
fn joint(before: u8, quote: u8, after: &[u8]) -> Option<Fold> {
    let is_blank = |byte: &u8| *byte == b' ';
    let blanks = after
        .iter()
        .take(4)
        .take_while(|byte| is_blank(byte))
        .count();
    let sign = after.get(blanks..)?;
    let length = match sign {
        [b'|', b'|', ..] => 2,
        [b'+' | b'.', ..] => 1,
        _ => return None,
    };
    let behind = sign.get(length..)?;
    let more = behind
        .iter()
        .take(4)
        .take_while(|byte| is_blank(byte))
        .count();
    let joins = is_word(before) && behind.get(more) == Some(&quote);
    joins.then_some(Fold::away(blanks + length + more + 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> Option<String> {
        let mut to = Vec::new();
        normalise(text.as_bytes(), &mut to).then(|| String::from_utf8_lossy(&to).into_owned())
    }

    #[test]
    fn folds_as_browsers_do() {
        for (text, expected) in [
            ("java\tscr\nipt:alert(1)", "javascript:alert(1)"),
            (r"al\145rt(1)", "alert(1)"),
            (r"\61 lert(1)", "alert(1)"),
            (r"expr\0065ssion(1)", r"expression(1)"),
            ("window['al'+'ert'](1)", "window['alert'](1)"),
            ("\"sys\" . \"tem\"", "\"system\""),
            ("'ad'||'min'", "'admin'"),
            ("ale/**/rt(1)", "alert(1)"),
            ("<scr\0ipt>", "<script>"),
        ] {
            assert_eq!(folded(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_hides_nothing_stays() {
        for text in [r"C:\temp", "'a' + b", "it's", r"\8", "", "x /* y"] {
            assert_eq!(folded(text), None, "{text}");
        }
    }
}
