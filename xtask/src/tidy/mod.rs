//! The tree's own rules. Each check returns what is wrong, one line a problem.

mod documents;
mod edges;
mod files;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// Runs every check from the repository's root.
pub(crate) fn run() -> Result<Vec<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("xtask stands in the root")?;
    let tracked = tracked_files(root)?;
    let mut problems = edges::check(root)?;
    problems.extend(files::check(root, &tracked)?);
    problems.extend(documents::check(root, &tracked)?);
    Ok(problems)
}

/// The files that git knows or would add, relative to the root.
fn tracked_files(root: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("git ls-files")?;
    let text = String::from_utf8(output.stdout).context("file names are UTF-8")?;
    Ok(text
        .lines()
        .map(PathBuf::from)
        .filter(|path| root.join(path).exists())
        .collect())
}
