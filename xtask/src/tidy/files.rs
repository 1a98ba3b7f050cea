//! Source files: each begins with what it is for, bears a name that says something, and is short
//! enough to be read.

use std::path::{Path, PathBuf};

use anyhow::Result;

/// A file longer than this is asked why.
const MOST_LINES: usize = 500;

/// Longer files, with the reason. The number is where each must stop growing.
const LONGER: [(&str, usize, &str); 0] = [];

/// Words that say nothing about what is in a file.
const BANNED: [&str; 12] = [
    "utils", "util", "common", "misc", "helpers", "helper", "shared", "core", "types", "prelude",
    "manager", "base",
];

pub(super) fn check(root: &Path, tracked: &[PathBuf]) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for path in tracked.iter().filter(|path| is_source(path)) {
        let text = fs_err::read_to_string(root.join(path))?;
        let shown = path.display();
        if path.extension().is_some_and(|ending| ending == "rs") && !text.starts_with("//!") {
            problems.push(format!(
                "{shown}: must begin with `//!` and what the file is for"
            ));
        }
        let stem = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        if BANNED.contains(&stem) {
            problems.push(format!("{shown}: name it for the thing in it"));
        }
        let lines = text.lines().count();
        let most = LONGER
            .iter()
            .find(|(known, ..)| Path::new(known) == path)
            .map_or(MOST_LINES, |(_, most, _)| *most);
        if lines > most {
            problems.push(format!(
                "{shown}: {lines} lines, more than {most}: split it, or list it with its reason"
            ));
        }
        for (number, line) in text.lines().enumerate() {
            if line.contains(concat!("TO", "DO")) || line.contains(concat!("FIX", "ME")) {
                problems.push(format!("{shown}:{}: finish it or file it", number + 1));
            }
        }
    }
    Ok(problems)
}

fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|ending| {
        ["rs", "ts", "tsx", "mjs", "css", "py"]
            .iter()
            .any(|known| ending == *known)
    })
}
