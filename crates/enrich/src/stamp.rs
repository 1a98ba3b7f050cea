//! A stamp: what a file looks like from outside, to see whether it was changed.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// A file's identity, size and time of change. Another stamp is another content; a file that is not
/// there has one too. Links are followed, so exchanging a link is a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(Option<[i64; 5]>);

impl Stamp {
    /// The file's present stamp.
    pub fn of(path: &Path) -> Self {
        Self(fs_err::metadata(path).ok().map(|file| {
            [
                file.dev().cast_signed(),
                file.ino().cast_signed(),
                file.len().cast_signed(),
                file.mtime(),
                file.mtime_nsec(),
            ]
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_changes_with_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("list");
        let absent = Stamp::of(&path);
        assert_eq!(absent, Stamp::of(&path));
        fs_err::write(&path, "192.0.2.1\n").unwrap();
        let there = Stamp::of(&path);
        assert_ne!(absent, there);
        assert_eq!(there, Stamp::of(&path));
        let other = directory.path().join("new");
        fs_err::write(&other, "192.0.2.2\n").unwrap();
        fs_err::rename(&other, &path).unwrap();
        assert_ne!(there, Stamp::of(&path));
    }
}
