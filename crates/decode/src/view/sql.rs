//! Texts as a database reads them.
//!
//! What: comments and runs of blanks are one space; what MySQL runs although it stands in a comment
//! (`/*!50000union*/`) stays.
//! Input: decoded text.
//! Output: the text folded.
//! Example: `1/**/UNION%0a/*!50000select*/` is `1 UNION select `.
//! Limits: a comment that does not end, and one to the end of the last line, stay as they are: they
//! are signs themselves.

use memchr::memmem;

use super::fold::{Fold, fold, last};

/// Writes the text folded into `to`; false where that is the text itself.
pub(super) fn normalise(text: &[u8], to: &mut Vec<u8>) -> bool {
    // Once no comment ends any more, none is looked for again: the walk stays linear.
    let mut comments_end = true;
    fold(text, to, |written, rest| {
        let consumed = match rest {
            [b'/', b'*', b'!', ..] => 3 + digits(rest.get(3..)?),
            [b'/', b'*', body @ ..] if comments_end => {
                let end = memmem::find(body, b"*/");
                comments_end = end.is_some();
                end? + 4
            }
            [b'*', b'/', ..] => 2,
            [b'#', line @ ..] => 1 + line_end(line)?,
            [b'-', b'-', line @ ..] => 2 + line_end(line)?,
            _ => blanks(written, rest)?,
        };
        Some(if last(written) == b' ' {
            Fold::away(consumed)
        } else {
            Fold::to(consumed, b' ')
        })
    })
}

/// The digits of a version behind `/*!`.
fn digits(text: &[u8]) -> usize {
    text.iter()
        .take(6)
        .take_while(|byte| byte.is_ascii_digit())
        .count()
}

/// How far a comment to the end of its line goes, if there is a further line.
fn line_end(text: &[u8]) -> Option<usize> {
    // Comments that hide something are short; a bound keeps the walk linear.
    let end = text
        .iter()
        .take(256)
        .position(|byte| matches!(byte, b'\n' | b'\r'))?;
    Some(end + 1)
}

/// The blanks at the start; none where there is only what stays.
fn blanks(written: &[u8], rest: &[u8]) -> Option<usize> {
    let mut count = 0;
    while let Some(rest) = rest.get(count..) {
        count += match rest {
            [b' ' | b'\t'..=b'\r' | 0, ..] => 1,
            // A no-break space, as UTF-8 and as the byte that MySQL takes for a blank.
            [0xc2, 0xa0, ..] => 2,
            [0xa0, ..] if count > 0 || last(written).is_ascii() => 1,
            _ => break,
        };
    }
    let stays = count == 0 || (count == 1 && rest.first() == Some(&b' ') && last(written) != b' ');
    (!stays).then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_as_a_database_does() {
        for (text, expected) in [
            ("1/**/union/**/select", "1 union select"),
            ("1 /*x*/ union  select", "1 union select"),
            ("1\t\n\u{b}union\u{a0}select", "1 union select"),
            ("/*!50000union*/ /*!select*/1", " union select 1"),
            ("1 union-- x\nselect 2", "1 union select 2"),
            ("1 union#x\r\nselect 2", "1 union select 2"),
            ("union/*&id=*/select", "union select"),
        ] {
            let mut to = Vec::new();
            assert!(normalise(text.as_bytes(), &mut to), "{text}");
            assert_eq!(String::from_utf8_lossy(&to), expected, "{text}");
        }
        let mut to = Vec::new();
        assert!(normalise(b"1\xa0or\x001", &mut to));
        assert_eq!(to, b"1 or 1");
    }

    #[test]
    fn what_hides_nothing_stays() {
        for text in [
            "a b c",
            "1' or 1=1-- x",
            "1/* open",
            "caf\u{e0} x",
            "a--b",
            "#top",
            "",
        ] {
            let mut to = Vec::new();
            assert!(!normalise(text.as_bytes(), &mut to), "{text}");
        }
    }
}
