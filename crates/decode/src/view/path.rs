//! Paths as a file system sees them.
//!
//! What: `.` and empty segments vanish, `..` takes the segment before it away, `\` is `/`, and a
//! path's `;parameters` are cut off, as servlet containers do.
//! Input: decoded text: a whole path, or a value with paths in it.
//! Output: the text with its paths resolved.
//! Example: `/static/..;/..\etc//./passwd` is `/etc/passwd`.
//! Limits: what climbs above the root stays at the root. Inside a value only runs with `..` or
//! `/./` are touched.

use memchr::{memmem, memrchr};

/// Where paths are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PathView {
    /// The value is a path.
    Whole,
    /// There may be paths in the value.
    Inside,
}

impl PathView {
    /// Writes the text with its paths resolved into `to`; false where that is the text itself.
    pub(crate) fn normalise(self, text: &[u8], to: &mut Vec<u8>) -> bool {
        if !self.needs_work(text) {
            return false;
        }
        to.clear();
        match self {
            Self::Whole => resolve(text, true, to),
            Self::Inside => {
                for run in text.split_inclusive(|byte| is_delimiter(*byte)) {
                    match run.split_last() {
                        Some((last, path)) if is_delimiter(*last) => {
                            resolve_run(path, to);
                            to.push(*last);
                        }
                        _ => resolve_run(run, to),
                    }
                }
            }
        }
        to.as_slice() != text
    }

    /// Whether resolving could change the text: one walk without branches over neighbouring bytes,
    /// which the compiler turns into vector instructions.
    fn needs_work(self, text: &[u8]) -> bool {
        let singles =
            |wanted: fn(u8) -> bool| text.iter().fold(false, |found, byte| found | wanted(*byte));
        let pairs = |first: fn(u8) -> bool, second: fn(u8) -> bool| {
            let neighbours = text.iter().zip(text.get(1..).unwrap_or_default());
            neighbours.fold(0, |found, (a, b)| {
                found | (u8::from(first(*a)) & u8::from(second(*b)))
            }) != 0
        };
        match self {
            Self::Whole => {
                singles(|byte| matches!(byte, b'\\' | b';'))
                    || pairs(|a| a == b'/', |b| matches!(b, b'/' | b'.'))
            }
            Self::Inside => pairs(|a| matches!(a, b'.' | b'/' | b'\\'), |b| b == b'.'),
        }
    }
}

/// Whether the text has `..` or a `.` between separators.
fn climbs(text: &[u8]) -> bool {
    memmem::find(text, b"..").is_some()
        || memmem::find(text, b"/./").is_some()
        || memmem::find(text, b"\\.\\").is_some()
}

/// What ends a path inside a value.
const fn is_delimiter(byte: u8) -> bool {
    matches!(
        byte,
        b'=' | b'&'
            | b'?'
            | b'#'
            | b':'
            | b','
            | b';'
            | b'|'
            | b'"'
            | b'\''
            | b'<'
            | b'>'
            | b'('
            | b')'
            | b'`'
    ) || byte.is_ascii_whitespace()
        || byte == 0
}

fn resolve_run(run: &[u8], to: &mut Vec<u8>) {
    if climbs(run) {
        resolve(run, false, to);
    } else {
        to.extend_from_slice(run);
    }
}

/// Appends the path resolved. One that climbs above where it starts becomes an absolute one.
fn resolve(path: &[u8], parameters: bool, to: &mut Vec<u8>) {
    let root = to.len();
    let mut ends_open = false;
    let mut absolute = path.first().is_some_and(|byte| is_separator(*byte));
    for segment in path.split(|byte| is_separator(*byte)) {
        let name = match memchr::memchr(b';', segment) {
            Some(end) if parameters => segment.get(..end).unwrap_or_default(),
            _ => segment,
        };
        ends_open = matches!(name, b"" | b"." | b"..");
        match name {
            b"" | b"." => {}
            b".." => {
                let written = to.get(root..).unwrap_or_default();
                absolute |= written.is_empty();
                let parent = memrchr(b'/', written).unwrap_or(0);
                to.truncate(root + parent);
            }
            name => {
                to.push(b'/');
                to.extend_from_slice(name);
            }
        }
    }
    if ends_open {
        to.push(b'/');
    }
    if !absolute && to.get(root) == Some(&b'/') {
        to.remove(root);
    }
}

const fn is_separator(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalised(view: PathView, text: &str) -> Option<String> {
        let mut to = Vec::new();
        view.normalise(text.as_bytes(), &mut to)
            .then(|| String::from_utf8(to).unwrap())
    }

    #[test]
    fn resolves_whole_paths() {
        for (text, expected) in [
            ("/a/../../etc/passwd", "/etc/passwd"),
            ("/a/./b//c", "/a/b/c"),
            ("/static/..;/..\\etc//./passwd", "/etc/passwd"),
            ("/manager;jsessionid=1/html", "/manager/html"),
            ("\\windows\\win.ini", "/windows/win.ini"),
            ("/a/b/..", "/a/"),
            ("/..", "/"),
            ("//evil.example/x", "/evil.example/x"),
            ("/a//", "/a/"),
        ] {
            assert_eq!(
                normalised(PathView::Whole, text).as_deref(),
                Some(expected),
                "{text}"
            );
        }
        for text in ["", "/", "/a/b.html", "/a/", "/a../b", "/.well-known/x", "*"] {
            assert_eq!(normalised(PathView::Whole, text), None, "{text}");
        }
    }

    #[test]
    fn resolves_paths_inside_values() {
        for (text, expected) in [
            ("file=../../../etc/passwd&x=1", "file=/etc/passwd&x=1"),
            ("file=/var/www/../../etc/passwd", "file=/etc/passwd"),
            ("f=a/b/../c", "f=a/c"),
            ("f=/etc/./passwd", "f=/etc/passwd"),
            ("a=..\\..\\boot.ini", "a=/boot.ini"),
            ("cat ../../etc/shadow|x", "cat /etc/shadow|x"),
        ] {
            assert_eq!(
                normalised(PathView::Inside, text).as_deref(),
                Some(expected),
                "{text}"
            );
        }
        for text in ["", "url=http://a//b", "v=1...", "a=b;c", "v=1.0..2"] {
            assert_eq!(normalised(PathView::Inside, text), None, "{text}");
        }
    }
}
