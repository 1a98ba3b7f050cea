//! Names of files that are new with each build of a site: `index-Bq81xZ0a.js`, `app.4f2a9c01.css`.
//!
//! What: whether two names differ in nothing but what a build writes into them. Input: names of files.
//! Limits: a hash stands right before the ending and has eight letters and digits or more.

use super::ending::ending;

/// Shorter ones may be words.
const SHORTEST: usize = 8;

/// A name that a build has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Built<'a> {
    /// What stands before the hash, with the sign between.
    name: &'a [u8],
    hash_length: usize,
    ending: &'a [u8],
}

impl<'a> Built<'a> {
    /// The parts of a file's name, if a build has made it.
    pub(super) fn of(segment: &'a [u8]) -> Option<Self> {
        let ending = ending(segment);
        let stem = segment
            .strip_suffix(ending)
            .filter(|_| !ending.is_empty())?;
        let sign = stem.iter().rposition(|byte| matches!(byte, b'-' | b'.'))?;
        let (name, hash) = stem.split_at(sign + 1);
        let is_hash = hash.len() >= SHORTEST
            && hash
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            && hash.iter().any(u8::is_ascii_digit);
        is_hash.then_some(Self {
            name,
            hash_length: hash.len(),
            ending,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_differ_in_their_hashes_alone() {
        let built = |name: &'static str| Built::of(name.as_bytes());
        assert!(built("index-Bq81xZ0a.js").is_some());
        assert_eq!(built("index-Bq81xZ0a.js"), built("index-9xKd03Lm.js"));
        assert_eq!(built("app.4f2a9c01.css"), built("app.ffe0120b.css"));
        for other in [
            "index-Bq81xZ0a.php",
            "index-Bq81xZ0ab.js",
            "shell-Bq81xZ0a.js",
            "index-Bq8.xZ0a.js",
        ] {
            assert_ne!(built("index-9xKd03Lm.js"), built(other), "{other}");
        }
        for none in [
            "index.js",
            "jquery-ui-widgets.js",
            "app-4f2a9c01",
            "report-2024.pdf",
            "",
        ] {
            assert_eq!(built(none), None, "{none}");
        }
    }
}
