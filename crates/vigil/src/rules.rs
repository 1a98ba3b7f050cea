//! Where rules come from: those built into the binary, or a directory that replaces them.

use std::path::{Path, PathBuf};

use rust_embed::RustEmbed;
use vigil_rule::{RuleError, RuleFile, RuleSet};

#[derive(RustEmbed)]
#[folder = "../../rules"]
struct Stock;

/// Why there are no rules to work with.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// The directory or a file in it cannot be read.
    #[error("{0}; check the path of the rules")]
    Unreadable(#[from] std::io::Error),
    /// The directory holds no rule.
    #[error("{0}: holds no .yml file; name a directory of Sigma rules")]
    Empty(PathBuf),
    /// Rules are broken.
    #[error("{}", .0.iter().map(one_line).collect::<Vec<_>>().join("\n"))]
    Broken(Vec<RuleError>),
}

/// A broken rule in one line, however many the YAML or condition parser wrote.
fn one_line(error: &RuleError) -> String {
    error
        .to_string()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// The rules of a directory, or those built into the binary where none is named.
pub fn load(directory: Option<&Path>) -> Result<RuleSet, RulesError> {
    let files = match directory {
        Some(directory) => in_directory(directory)?,
        None => stock(),
    };
    RuleSet::load(&files).map_err(RulesError::Broken)
}

fn stock() -> Vec<RuleFile> {
    let mut names: Vec<_> = Stock::iter()
        .filter(|name| is_rule(Path::new(name.as_ref())))
        .collect();
    names.sort();
    names
        .iter()
        .filter_map(|name| {
            let file = Stock::get(name)?;
            Some(RuleFile {
                name: name.to_string(),
                text: String::from_utf8_lossy(&file.data).into_owned(),
            })
        })
        .collect()
}

fn in_directory(directory: &Path) -> Result<Vec<RuleFile>, RulesError> {
    let mut paths = Vec::new();
    collect(directory, &mut paths)?;
    if paths.is_empty() {
        return Err(RulesError::Empty(directory.to_owned()));
    }
    paths.sort();
    let read = |path: PathBuf| {
        let text = fs_err::read_to_string(&path)?;
        let name = path
            .strip_prefix(directory)
            .unwrap_or(&path)
            .display()
            .to_string();
        Ok(RuleFile { name, text })
    };
    paths.into_iter().map(read).collect()
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs_err::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, paths)?;
        } else if is_rule(&path) {
            paths.push(path);
        }
    }
    Ok(())
}

fn is_rule(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending == "yml" || ending == "yaml")
}
