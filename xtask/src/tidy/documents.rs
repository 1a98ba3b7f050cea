//! Documents: a path that a document names in backticks or links must exist.

use std::path::{Path, PathBuf};

use anyhow::Result;

/// Folders that a path in a document begins with; anything else in backticks is not taken for one.
const FOLDERS: [&str; 10] = [
    "crates/",
    "rules/",
    "docs/",
    "dashboard/",
    "fuzz/",
    "bench/",
    "xtask/",
    "scripts/",
    "deploy/",
    ".ci/",
];

/// Folders that exist only after a build or a run.
const BUILT: [&str; 4] = [
    "dashboard/dist",
    "dashboard/node_modules",
    "fuzz/corpus",
    "fuzz/artifacts",
];

pub(super) fn check(root: &Path, tracked: &[PathBuf]) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for path in tracked
        .iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
    {
        let text = fs_err::read_to_string(root.join(path))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for named in text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|named| looks_like_path(named))
        {
            if !root.join(named).exists() {
                problems.push(format!(
                    "{}: names `{named}`, which does not exist",
                    path.display()
                ));
            }
        }
        for target in links(&text) {
            if !root.join(folder).join(target).exists() {
                problems.push(format!(
                    "{}: links to {target}, which does not exist",
                    path.display()
                ));
            }
        }
    }
    Ok(problems)
}

fn looks_like_path(text: &str) -> bool {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    plain
        && FOLDERS.iter().any(|folder| text.starts_with(folder))
        && !BUILT.iter().any(|built| text.starts_with(built))
}

/// The targets of links to files.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .filter_map(|target| target.split('#').next())
        .filter(|target| {
            !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:")
        })
}
