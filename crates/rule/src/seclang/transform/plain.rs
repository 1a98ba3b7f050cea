//! Blanks, comments, paths, and what a command line comes down to.

/// As C's `isspace`.
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Runs of blanks become one space.
pub(super) fn compress_blanks(text: &[u8], to: &mut Vec<u8>) {
    let mut in_run = false;
    for byte in text {
        let blank = is_blank(*byte);
        if !blank {
            to.push(*byte);
        } else if !in_run {
            to.push(b' ');
        }
        in_run = blank;
    }
}

pub(super) fn remove_blanks(text: &[u8], to: &mut Vec<u8>) {
    to.extend(
        text.iter()
            .filter(|byte| !is_blank(**byte) && **byte != 0xa0),
    );
}

pub(super) fn trim(mut text: &[u8], left: bool, right: bool) -> &[u8] {
    while let [first, rest @ ..] = text
        && left
        && is_blank(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && right
        && is_blank(*last)
    {
        text = rest;
    }
    text
}

/// What a command line makes of each byte: [`NOTHING`], a space, or the small letter.
#[expect(
    clippy::indexing_slicing,
    reason = "evaluated when compiling, where a slip is an error"
)]
const OF_COMMAND: [u8; 256] = {
    let mut made = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        made[byte] = match byte as u8 {
            b'"' | b'\'' | b'\\' | b'^' => NOTHING,
            b' ' | b',' | b';' | b'\t' | b'\r' | b'\n' => b' ',
            other => other.to_ascii_lowercase(),
        };
        byte += 1;
    }
    made
};
/// A byte that a command line never has.
const NOTHING: u8 = b'^';

/// Without `\`, quotes and `^`; `,`, `;` and blanks are one space, and none stands before `/` or `(`;
/// in lower case.
pub(super) fn command_line(text: &[u8], to: &mut Vec<u8>) {
    let start = to.len();
    // It becomes no longer.
    to.resize(start + text.len(), 0);
    let room = to.get_mut(start..).unwrap_or_default();
    let mut length = 0;
    let mut is_behind_space = false;
    for byte in text {
        let made = OF_COMMAND.get(usize::from(*byte)).copied();
        let made = made.unwrap_or(NOTHING);
        if made == NOTHING || made == b' ' && is_behind_space {
            continue;
        }
        length -= usize::from(is_behind_space && matches!(made, b'/' | b'('));
        is_behind_space = made == b' ';
        if let Some(slot) = room.get_mut(length) {
            *slot = made;
        }
        length += 1;
    }
    to.truncate(start + length);
}

/// Without empty and `.` parts, and without what a `..` goes back over.
pub(super) fn path(text: &[u8], to: &mut Vec<u8>) {
    let absolute = text.first() == Some(&b'/');
    let ends_open = text.last() == Some(&b'/')
        || text.ends_with(b"/.")
        || text.ends_with(b"/..")
        || matches!(text, b"." | b"..");
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in text.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => match parts.last() {
                Some(last) if *last != b".." => _ = parts.pop(),
                _ if absolute => {}
                _ => parts.push(part),
            },
            _ => parts.push(part),
        }
    }
    if absolute {
        to.push(b'/');
    }
    let joined = parts.join(&b'/');
    to.extend_from_slice(&joined);
    if ends_open && !parts.is_empty() && text.last() == Some(&b'/') {
        to.push(b'/');
    }
}

fn find(text: &[u8], from: usize, wanted: &[u8]) -> Option<usize> {
    let rest = text.get(from..)?;
    memchr::memmem::find(rest, wanted).map(|at| from + at)
}

/// Each `/*…*/` becomes a space, also one that does not end.
pub(super) fn replace_comments(text: &[u8], to: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(start) = find(text, at, b"/*") {
        to.extend_from_slice(text.get(at..start).unwrap_or_default());
        to.push(b' ');
        at = find(text, start + 2, b"*/").map_or(text.len(), |end| end + 2);
    }
    to.extend_from_slice(text.get(at..).unwrap_or_default());
}

/// Without `/*…*/` and `<!--…-->`, and up to the first `--` or `#`.
pub(super) fn remove_comments(text: &[u8], to: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let rest = text.get(at..).unwrap_or_default();
        if rest.starts_with(b"/*") {
            at = find(text, at + 2, b"*/").map_or(text.len(), |end| end + 2);
        } else if rest.starts_with(b"<!--") {
            at = find(text, at + 4, b"-->").map_or(text.len(), |end| end + 3);
        } else if rest.starts_with(b"--") || *byte == b'#' {
            return;
        } else {
            to.push(*byte);
            at += 1;
        }
    }
}

/// Without the signs that start or end a comment.
pub(super) fn remove_comment_signs(text: &[u8], to: &mut Vec<u8>) {
    const SIGNS: [&[u8]; 6] = [b"/*", b"*/", b"<!--", b"-->", b"--", b"#"];
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let rest = text.get(at..).unwrap_or_default();
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(sign)) {
            at += sign.len();
        } else {
            to.push(*byte);
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Made = fn(&[u8], &mut Vec<u8>);

    #[test]
    fn texts_are_folded() {
        for (name, made, rows) in [
            (
                "command line",
                command_line as Made,
                &[
                    ("C^md  /c \"DIR\";ls", "cmd/c dir ls"),
                    (" (a", "(a"),
                    (" \" ,A'\t/;", " a/ "),
                ][..],
            ),
            (
                "path",
                path,
                &[
                    ("/a/../b//./c/", "/b/c/"),
                    ("../../etc/passwd", "../../etc/passwd"),
                    ("/../etc", "/etc"),
                    ("a/../..", ".."),
                    ("/", "/"),
                ],
            ),
            ("blanks", compress_blanks, &[("a \t\nb", "a b")]),
            ("no blanks", remove_blanks, &[("a \t\nb", "ab")]),
            (
                "comments",
                replace_comments,
                &[("a/**/b/*x", "a b "), ("a*/b", "a*/b")],
            ),
            ("no comments", remove_comments, &[("a/*x*/b--c", "ab")]),
            ("signs", remove_comment_signs, &[("a/*b*/--#c", "abc")]),
        ] {
            for (text, expected) in rows {
                let mut to = Vec::new();
                made(text.as_bytes(), &mut to);
                assert_eq!(String::from_utf8_lossy(&to), *expected, "{name}: {text}");
            }
        }
        assert_eq!(trim(b" a ", true, false), b"a ");
    }
}
