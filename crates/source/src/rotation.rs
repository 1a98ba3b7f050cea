//! Finds files again that were rotated: renamed or copied beside the tailed name.
//!
//! Owns: what a rotated file may be called, and the search in directories. Never holds: positions
//! or decisions about what is read.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirEntryExt;
use std::path::{Path, PathBuf};

use crate::checkpoint::Mark;
use crate::generation::{FileId, Generation, modified_ns};

/// The most rotated files that are looked at for one tailed name.
pub(crate) const MAX_SIBLINGS: usize = 256;

const COMPRESSED: [&str; 8] = ["gz", "bz2", "xz", "zst", "lz4", "lzma", "Z", "zip"];

/// A file beside the tailed one that may have been it.
#[derive(Clone, Debug)]
pub(crate) struct Sibling {
    pub(crate) path: PathBuf,
    pub(crate) id: FileId,
    pub(crate) modified_ns: i64,
    pub(crate) compressed: bool,
}

/// Whether the name says that the file is compressed.
pub(crate) fn is_compressed(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ext| COMPRESSED.iter().any(|known| ext == OsStr::new(known)))
}

/// The name that a rotated file had before, if what it is called now ends like one that a
/// rotation made: `access.log.1`, `access.log-20261120`.
pub(crate) fn rotated_from(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.as_bytes();
    let is_suffix = |byte: &u8| byte.is_ascii_digit() || b".-_".contains(byte);
    let base = name.iter().rposition(|byte| !is_suffix(byte))? + 1;
    let (base, suffix) = name.split_at_checked(base)?;
    suffix.iter().any(u8::is_ascii_digit).then_some(())?;
    b".-_"
        .contains(suffix.first()?)
        .then(|| path.with_file_name(OsStr::from_bytes(base)))
}

/// The name itself and, for a symbolic link, the name it leads to (also when nothing is there).
pub(crate) fn places(path: &Path) -> Vec<PathBuf> {
    let target = fs::read_link(path).ok().and_then(|link| {
        path.canonicalize()
            .ok()
            .or_else(|| Some(path.parent()?.join(link)))
    });
    std::iter::once(path.to_path_buf()).chain(target).collect()
}

/// Every file whose name begins with that of one of the places, last written to at `since_ns` or
/// later, the longest ago first.
pub(crate) fn siblings(places: &[PathBuf], since_ns: i64) -> Vec<Sibling> {
    let mut found: Vec<Sibling> = Vec::new();
    for place in places {
        for entry in entries(place) {
            let path = entry.path();
            if !is_sibling(place, &path) {
                continue;
            }
            let Ok(metadata) = fs::symlink_metadata(&path) else {
                continue;
            };
            let id = FileId::of(&metadata);
            let modified_ns = modified_ns(&metadata);
            let known = found.iter().any(|other| other.id == id);
            if !metadata.is_file() || modified_ns < since_ns || known {
                continue;
            }
            let compressed = is_compressed(&path);
            found.push(Sibling {
                path,
                id,
                modified_ns,
                compressed,
            });
        }
    }
    found.sort_by(|a, b| {
        a.modified_ns
            .cmp(&b.modified_ns)
            .then_with(|| age(&b.path).cmp(&age(&a.path)))
            .then_with(|| a.path.cmp(&b.path))
    });
    found
}

/// The moment after which nothing beside the places was written to, in nanoseconds since the epoch.
pub(crate) fn newest_ns(places: &[PathBuf]) -> i64 {
    siblings(places, i64::MIN)
        .last()
        .map_or(i64::MIN, |newest| newest.modified_ns + 1)
}

/// Finds the file that a mark stands in, among all files beside the places: by its inode, or as a
/// copy with the same head, and the same bytes before the mark. Without a head to compare, what
/// has the inode must also have a rotated file's name: inodes are used again.
pub(crate) fn find(
    places: &[PathBuf],
    mark: &Mark,
    taken: impl Fn(FileId) -> bool,
) -> Option<Generation> {
    let open = |path: &Path| {
        let (file, metadata) = Generation::open_file(path).ok()?;
        if taken(FileId::of(&metadata)) {
            return None;
        }
        Generation::resume(file, &metadata, mark).ok().flatten()
    };
    let by_inode = places.iter().find_map(|place| {
        let mut same = entries(place).filter(|entry| entry.ino() == mark.inode);
        same.find_map(|entry| {
            let path = entry.path();
            let known = mark.fingerprint.is_some() || path == *place || is_rotated(place, &path);
            known.then(|| open(&path)).flatten()
        })
    });
    by_inode.or_else(|| find_copy(places, mark, taken))
}

/// Finds a copy of what a mark stands in, with something to read after it.
pub(crate) fn find_copy(
    places: &[PathBuf],
    mark: &Mark,
    taken: impl Fn(FileId) -> bool,
) -> Option<Generation> {
    mark.fingerprint?;
    // Not bounded by time: the copy is older than the truncated file, which was written to since.
    let copies = siblings(places, i64::MIN);
    copies
        .iter()
        .rev()
        .filter(|sibling| !sibling.compressed && !taken(sibling.id))
        .take(MAX_SIBLINGS)
        .find_map(|sibling| {
            let (file, metadata) = Generation::open_file(&sibling.path).ok()?;
            Generation::resume(file, &metadata, mark).ok().flatten()
        })
}

fn entries(place: &Path) -> impl Iterator<Item = fs::DirEntry> {
    place
        .parent()
        .and_then(|dir| fs::read_dir(dir).ok())
        .into_iter()
        .flatten()
        .flatten()
}

/// Whether the name is that of a rotated file that can be read.
fn is_rotated(tailed: &Path, path: &Path) -> bool {
    is_sibling(tailed, path) && !is_compressed(path)
}

/// Whether the name goes on from the tailed one as rotations name files.
fn is_sibling(tailed: &Path, path: &Path) -> bool {
    suffix(tailed, path)
        .is_some_and(|suffix| suffix.first().is_some_and(|byte| b".-_".contains(byte)))
}

fn suffix<'a>(tailed: &Path, path: &'a Path) -> Option<&'a [u8]> {
    path.file_name()?
        .as_bytes()
        .strip_prefix(tailed.file_name()?.as_bytes())
}

/// The number at the end of a rotated name, if it is a count (and no date): the higher, the older.
fn age(path: &Path) -> u32 {
    let count = path
        .extension()
        .and_then(OsStr::to_str)
        .filter(|ext| ext.len() < 6);
    count.and_then(|ext| ext.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn names_made_by_rotations_are_known() {
        let base = |name: &str| rotated_from(Path::new(name)).map(|p| p.display().to_string());
        assert_eq!(base("/l/access.log.1").as_deref(), Some("/l/access.log"));
        assert_eq!(
            base("/l/access.log-20261120").as_deref(),
            Some("/l/access.log")
        );
        assert_eq!(
            base("/l/access.log.2026-11-20").as_deref(),
            Some("/l/access.log")
        );
        for own in [
            "/l/access.log",
            "/l/web1",
            "/l/2026",
            "/l/access.log.",
            "/l/access.log.1.gz",
        ] {
            assert_eq!(base(own), None, "{own}");
        }
    }

    #[test]
    fn siblings_come_in_the_order_they_were_written() {
        let dir = tempfile::tempdir().unwrap();
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        for (name, seconds) in [
            ("a.log", 90),
            ("a.log.1", 50),
            ("a.log.2", 50),
            ("a.log-2", 40),
            ("a.log.3.gz", 45),
            ("a.log.old", 10),
            ("b.log", 60),
            ("a.logs", 60),
        ] {
            let path = dir.path().join(name);
            fs::write(&path, name).unwrap();
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(start + Duration::from_secs(seconds))
                .unwrap();
        }
        let found = siblings(&[dir.path().join("a.log")], 1_040_000_000_000);
        let names: Vec<_> = found
            .iter()
            .map(|s| s.path.file_name().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(names, ["a.log-2", "a.log.3.gz", "a.log.2", "a.log.1"]);
        assert!(found[1].compressed && !found[0].compressed);
    }

    #[test]
    fn a_link_leads_to_a_second_place() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("a.log");
        std::os::unix::fs::symlink("elsewhere.log", &link).unwrap();
        assert_eq!(
            places(&link),
            [link.clone(), dir.path().join("elsewhere.log")]
        );
    }
}
