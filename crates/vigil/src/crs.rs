//! The files of OWASP CRS: which of a directory are read, and in which order.
//!
//! Owns: the layouts that CRS comes in (its own tree, Debian's package, a file that includes others).
//! Never holds: what the files mean.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use vigil_rule::seclang::{SecFile, SecFiles};

use crate::rules::RulesError;

/// Files within files, at most this deep.
const MAX_DEPTH: usize = 8;
/// No more files than this are read.
const MAX_FILES: usize = 1_000;
/// A larger file is no rule file, in bytes.
const MAX_BYTES: u64 = 8 << 20;

/// Reads the files that directories and files name.
pub(crate) fn read(paths: &[PathBuf]) -> Result<SecFiles, RulesError> {
    let mut reader = Reader::default();
    for path in paths {
        let before = reader.files.rules.len();
        if path.is_dir() {
            reader.directory(path)?;
        } else {
            reader.file(path, MAX_DEPTH)?;
        }
        if reader.files.rules.len() == before {
            return Err(RulesError::Crs(format!(
                "{}: holds no .conf file; name the directory of OWASP CRS, such as \
                 /usr/share/modsecurity-crs",
                path.display()
            )));
        }
    }
    Ok(reader.files)
}

#[derive(Default)]
struct Reader {
    files: SecFiles,
    read: BTreeSet<PathBuf>,
    /// Directories whose lists were read.
    lists: BTreeSet<PathBuf>,
}

impl Reader {
    /// CRS's own tree, or what a package makes of it.
    fn directory(&mut self, directory: &Path) -> Result<(), RulesError> {
        let package = directory.join("owasp-crs.load");
        if package.is_file() {
            return self.file(&package, MAX_DEPTH);
        }
        let setups = ["crs-setup.conf", "crs-setup.conf.example"];
        let setup = setups.map(|name| directory.join(name));
        if let Some(setup) = setup.iter().find(|setup| setup.is_file()) {
            self.file(setup, MAX_DEPTH)?;
        }
        let rules = directory.join("rules");
        let rules = if rules.is_dir() {
            rules
        } else {
            directory.to_owned()
        };
        let plugins = directory.join("plugins");
        for ending in ["-config.conf", "-before.conf"] {
            self.all(&plugins, ending)?;
        }
        self.all(&rules, ".conf")?;
        self.all(&plugins, "-after.conf")
    }

    /// The files of a directory with that ending, by name.
    fn all(&mut self, directory: &Path, ending: &str) -> Result<(), RulesError> {
        if !directory.is_dir() {
            return Ok(());
        }
        let mut paths = Vec::new();
        for entry in fs_err::read_dir(directory)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.ends_with(ending) && !name.starts_with("crs-setup") {
                paths.push(path);
            }
        }
        paths.sort();
        paths.iter().try_for_each(|path| self.file(path, MAX_DEPTH))
    }

    fn file(&mut self, path: &Path, depth: usize) -> Result<(), RulesError> {
        // One file has one name, however it is included.
        let path = fs_err::canonicalize(path)?;
        let path = path.as_path();
        if !self.read.insert(path.to_owned()) {
            return Ok(());
        }
        if self.read.len() > MAX_FILES || fs_err::metadata(path)?.len() > MAX_BYTES {
            return Err(RulesError::Crs(format!(
                "{}: more than {MAX_FILES} files, or more than 8 MiB in one; name a directory of \
                 OWASP CRS alone",
                path.display()
            )));
        }
        let text = String::from_utf8_lossy(&fs_err::read(path)?).into_owned();
        let parent = path.parent().unwrap_or(path);
        self.lists_of(parent)?;
        for line in text.lines().map(str::trim) {
            let Some((directive, pattern)) = line.split_once(char::is_whitespace) else {
                continue;
            };
            if ["include", "includeoptional"].contains(&directive.to_ascii_lowercase().as_str()) {
                self.included(parent, pattern.trim().trim_matches('"'), depth)?;
            }
        }
        let name = path
            .strip_prefix(parent.parent().unwrap_or(parent))
            .unwrap_or(path);
        self.files.rules.push(SecFile {
            name: name.display().to_string(),
            text,
        });
        Ok(())
    }

    fn included(&mut self, parent: &Path, pattern: &str, depth: usize) -> Result<(), RulesError> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(RulesError::Crs(format!(
                "{}: files include each other too deeply; take the Include out",
                parent.display()
            )));
        };
        let pattern = parent.join(pattern);
        let found = glob::glob(&pattern.to_string_lossy());
        let mut paths: Vec<PathBuf> = found.into_iter().flatten().flatten().collect();
        paths.sort();
        paths.iter().try_for_each(|path| self.file(path, depth))
    }

    /// The lists that rules beside them read.
    fn lists_of(&mut self, directory: &Path) -> Result<(), RulesError> {
        if !self.lists.insert(directory.to_owned()) {
            return Ok(());
        }
        for entry in fs_err::read_dir(directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == "data") {
                self.files.data.push(SecFile {
                    name: path
                        .file_name()
                        .unwrap_or_default()
                        .to_string_lossy()
                        .into_owned(),
                    text: String::from_utf8_lossy(&fs_err::read(&path)?).into_owned(),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_read_in_crs_own_order() {
        let root = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = root.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        };
        write("crs-setup.conf.example", "SecAction id:1");
        write(
            "rules/REQUEST-2.conf",
            "SecAction id:3\nInclude more/*.conf",
        );
        write(
            "rules/more/x.conf",
            "SecAction id:2\nInclude ../REQUEST-2.conf",
        );
        write("rules/words.data", "a\n");
        write("plugins/p-before.conf", "SecAction id:4");
        write("plugins/p-after.conf", "SecAction id:5");
        let files = read(&[root.path().to_owned()]).unwrap();
        let names: Vec<_> = files
            .rules
            .iter()
            .map(|file| file.name.rsplit('/').next().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "crs-setup.conf.example",
                "p-before.conf",
                "x.conf",
                "REQUEST-2.conf",
                "p-after.conf"
            ]
        );
        assert_eq!(files.data.len(), 1);
        let empty = tempfile::tempdir().unwrap();
        assert!(
            read(&[empty.path().to_owned()])
                .unwrap_err()
                .to_string()
                .contains("no .conf")
        );
    }
}
