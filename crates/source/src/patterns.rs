//! Which files are meant: paths, and globs that are looked at again and again.
//!
//! Owns: the patterns, made absolute, and what they match now. Never holds: open files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};

use crate::SourceError;
use crate::rotation::{is_compressed, rotated_from};

/// The most directories watched for globs; beyond it only the periodic look finds new files.
const MAX_DIRECTORIES: usize = 1024;

const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// A checked set of paths and globs.
#[derive(Debug)]
pub(crate) struct Patterns {
    literals: Vec<PathBuf>,
    globs: Vec<Glob>,
}

#[derive(Debug)]
struct Glob {
    text: String,
    pattern: Pattern,
    /// The directory part, when it has wildcards itself.
    directories: Option<String>,
    /// The directories before the first wildcard.
    base: PathBuf,
}

/// What the patterns match at one moment.
#[derive(Debug, Default)]
pub(crate) struct Matches {
    pub(crate) names: BTreeSet<PathBuf>,
    /// Directories that could not be listed, and why.
    pub(crate) errors: Vec<(PathBuf, String)>,
}

impl Patterns {
    /// Checks the patterns; what has no wildcard, or names an existing file, is a path.
    pub(crate) fn new(patterns: &[String]) -> Result<Self, SourceError> {
        let mut parsed = Self {
            literals: Vec::new(),
            globs: Vec::new(),
        };
        for given in patterns {
            let path = std::path::absolute(given).map_err(|error| SourceError::Absolute {
                pattern: given.clone(),
                error,
            })?;
            let is_glob = given.contains(['*', '?', '[']);
            if !is_glob || path.symlink_metadata().is_ok() {
                parsed.literals.push(path);
                continue;
            }
            let text = path.to_string_lossy().into_owned();
            let pattern = Pattern::new(&text).map_err(|error| SourceError::Pattern {
                pattern: given.clone(),
                error,
            })?;
            let is_plain = |part: &&Path| !part.to_string_lossy().contains(['*', '?', '[']);
            let parent = path.parent().unwrap_or(Path::new("/"));
            let base = parent
                .ancestors()
                .find(is_plain)
                .unwrap_or(Path::new("/"))
                .to_path_buf();
            let directories = (base != parent).then(|| parent.to_string_lossy().into_owned());
            parsed.globs.push(Glob {
                text,
                pattern,
                directories,
                base,
            });
        }
        Ok(parsed)
    }

    /// Whether the name was given as it is.
    pub(crate) fn is_literal(&self, path: &Path) -> bool {
        self.literals.iter().any(|literal| literal == path)
    }

    /// Whether the name is meant, there or not.
    pub(crate) fn matches(&self, path: &Path) -> bool {
        self.is_literal(path)
            || self
                .globs
                .iter()
                .any(|glob| glob.pattern.matches_path_with(path, MATCHING))
    }

    /// The names that are meant now. Of what a glob matches, compressed files are none of them,
    /// nor rotated files beside a name that is tailed anyway (`is_tailed`): these are read as
    /// that name's past.
    pub(crate) fn expand(&self, is_tailed: impl Fn(&Path) -> bool) -> Matches {
        let mut matches = Matches::default();
        for glob in &self.globs {
            let Ok(paths) = glob::glob_with(&glob.text, MATCHING) else {
                continue;
            };
            for path in paths {
                match path {
                    Ok(path) if path.is_dir() || is_compressed(&path) => {}
                    Ok(path) => {
                        matches.names.insert(path);
                    }
                    Err(error) if matches.errors.len() < 16 => {
                        matches
                            .errors
                            .push((error.path().to_path_buf(), error.error().to_string()));
                    }
                    Err(_) => {}
                }
            }
        }
        let is_past = |path: &PathBuf| {
            rotated_from(path).is_some_and(|base| {
                matches.names.contains(&base) || self.is_literal(&base) || is_tailed(&base)
            })
        };
        let past: Vec<PathBuf> = matches
            .names
            .iter()
            .filter(|path| is_past(path))
            .cloned()
            .collect();
        for path in past {
            matches.names.remove(&path);
        }
        matches.names.extend(self.literals.iter().cloned());
        matches
    }

    /// The directories where new names can appear.
    pub(crate) fn directories(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        found.extend(
            self.literals
                .iter()
                .filter_map(|path| Some(path.parent()?.to_path_buf())),
        );
        for glob in &self.globs {
            found.insert(glob.base.clone());
            let listed = glob
                .directories
                .as_ref()
                .and_then(|dirs| glob::glob_with(dirs, MATCHING).ok());
            let listed = listed
                .into_iter()
                .flatten()
                .flatten()
                .filter(|path| path.is_dir());
            found.extend(listed.take(MAX_DIRECTORIES.saturating_sub(found.len())));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path, patterns: &[&str]) -> Vec<String> {
        let patterns: Vec<String> = patterns
            .iter()
            .map(|p| dir.join(p).display().to_string())
            .collect();
        let matches = Patterns::new(&patterns).unwrap().expand(|_| false);
        let prefix = dir.to_path_buf();
        matches
            .names
            .iter()
            .map(|p| p.strip_prefix(&prefix).unwrap().display().to_string())
            .collect()
    }

    #[test]
    fn globs_leave_out_rotated_and_compressed_files() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("sub.log")).unwrap();
        for name in [
            "a.log",
            "a.log.1",
            "a.log.2.gz",
            "b.log",
            ".c.log",
            "lone.log.1",
        ] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        assert_eq!(
            names(dir.path(), &["*.log*"]),
            ["a.log", "b.log", "lone.log.1"]
        );
        assert_eq!(
            names(dir.path(), &["a.log.1", "*.log"]),
            ["a.log", "a.log.1", "b.log"]
        );
        assert_eq!(names(dir.path(), &["missing/x.log"]), ["missing/x.log"]);
    }

    #[test]
    fn wrong_patterns_are_refused_with_their_text() {
        let error = Patterns::new(&["/var/log/a**b".to_owned()])
            .unwrap_err()
            .to_string();
        assert!(error.contains("/var/log/a**b"), "{error}");
        assert!(
            Patterns::new(&[]).is_ok(),
            "a server may take lines by HTTP only"
        );
    }

    #[test]
    fn directories_of_globs_are_those_that_match() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("one/logs")).unwrap();
        std::fs::create_dir_all(dir.path().join("two")).unwrap();
        let pattern = dir.path().join("*/access.log").display().to_string();
        let found = Patterns::new(&[pattern]).unwrap().directories();
        let want = [
            dir.path().to_path_buf(),
            dir.path().join("one"),
            dir.path().join("two"),
        ];
        assert_eq!(found.into_iter().collect::<Vec<_>>(), want);
    }
}
