//! The parts of a path, and the names they go by: numbers, tokens and dates have one name each.

use super::ending::{ending, is_file};
use super::shape::{Kind, Shape};
use super::who::{hash, hash_text};

/// A longer name is not told from others, in bytes.
pub(super) const MAX_SEGMENT_BYTES: usize = 64;
/// What stands for a name that is rare in its place.
pub(super) const TEXT: &str = "{text}";

/// The parts of a path. A slash after a file's name is one part more, an empty one: a path that goes
/// on below a file.
pub(super) fn segments(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_below_file = path.ends_with(b"/") && {
        let file = path.get(..path.len() - 1).unwrap_or_default();
        let name = file.rsplit(|byte| *byte == b'/').next();
        !ending(name.unwrap_or_default()).is_empty()
    };
    path.split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty())
        .chain(is_below_file.then_some(&[][..]))
}

/// The name a segment goes by: numbers, tokens and dates have one name each, with the file's ending.
pub(super) fn segment_key(segment: &[u8], key: &mut String) {
    key.clear();
    let ending = ending(segment);
    let stem = segment
        .get(..segment.len() - ending.len())
        .unwrap_or(segment);
    match Shape::of(stem).kind {
        Kind::Number => key.push_str("{number}"),
        Kind::Token => key.push_str("{token}"),
        Kind::Date => key.push_str("{date}"),
        _ => match std::str::from_utf8(segment) {
            Ok(text) if text.len() <= MAX_SEGMENT_BYTES => {
                key.push_str(text);
                return;
            }
            _ => key.push_str(TEXT),
        },
    }
    key.push_str(std::str::from_utf8(ending).unwrap_or_default());
}

/// The same where the place is open: names of people and of versions have points too.
pub(super) fn open_key(segment: &[u8], key: &mut String) {
    key.clear();
    key.push_str(TEXT);
    if is_file(segment) {
        key.push_str(std::str::from_utf8(ending(segment)).unwrap_or_default());
    }
}

/// The same for paths that differ in numbers, tokens and dates alone. Any other text stands for itself, however long.
pub(super) fn template_hash(path: &[u8]) -> u64 {
    let mut key = String::new();
    segments(path).fold(0, |sum, segment| {
        segment_key(segment, &mut key);
        let name = if key.starts_with(TEXT) {
            segment
        } else {
            key.as_bytes()
        };
        hash(sum ^ hash_text(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_varies_has_a_name_of_its_own() {
        let mut key = String::new();
        for (segment, expected) in [
            (&b"item"[..], "item"),
            (b"123", "{number}"),
            (b"123.html", "{number}.html"),
            (b"app.4f2a9c01.css", "app.4f2a9c01.css"),
            (b"4f2a9c01b7.css", "{token}.css"),
            (b"2026-11-27", "{date}"),
            (b"v1.2", "v1.2"),
            (b"\xff\xfe", "{text}"),
        ] {
            segment_key(segment, &mut key);
            assert_eq!(key, expected);
        }
        assert_eq!(ending(b"a.tar.gz"), b".gz");
        assert_eq!(ending(b"3.14"), b"");
        assert_eq!(ending(b"index.jsp~"), b"~");
    }

    #[test]
    fn paths_are_alike_whose_numbers_and_tokens_differ_alone() {
        let long = |end: &str| format!("/blog/{}{end}", "so-many-words-".repeat(6));
        for (one, other, is_same) in [
            ("/item/12/x", "/item/345/x", true),
            ("/item/12/x", "/item/12/y", false),
            // What is too long for a name may be anything.
            (&*long("a"), &*long("${b}"), false),
            (&*long("a"), &*long("a"), true),
        ] {
            let hashes = [one, other].map(|path| template_hash(path.as_bytes()));
            assert_eq!(hashes[0] == hashes[1], is_same, "{one} {other}");
        }
    }
}
