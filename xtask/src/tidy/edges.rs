//! The arrows between crates: `ARCHITECTURE.md` says which are allowed, `cargo metadata` which exist.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

/// Crates that serve development: they may use what they need, and nothing shipped may use them.
const DEVELOPMENT: [&str; 3] = ["testkit", "bench", "xtask"];

pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let document = fs_err::read_to_string(root.join("ARCHITECTURE.md"))?;
    let allowed = allowed_edges(&document);
    let mut problems = Vec::new();
    for (name, uses) in actual_edges(root)? {
        if DEVELOPMENT.contains(&name.as_str()) {
            continue;
        }
        if !document
            .lines()
            .any(|line| line.starts_with('#') && line.contains(&format!("`{name}`")))
        {
            problems.push(format!("ARCHITECTURE.md: crate `{name}` has no heading"));
        }
        let Some(may_use) = allowed.get(&name) else {
            problems.push(format!(
                "ARCHITECTURE.md: crate `{name}` is not in the table of edges"
            ));
            continue;
        };
        for used in uses {
            if !may_use.contains("all") && !may_use.contains(&used) {
                problems.push(format!(
                    "crate `{name}` uses `{used}`, which ARCHITECTURE.md does not allow"
                ));
            }
        }
    }
    Ok(problems)
}

/// Rows of the form ``| `crate` | sentence | `uses`, `uses` | …``.
fn allowed_edges(document: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut allowed = BTreeMap::new();
    for line in document.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["", name, _, uses, _, ""] = cells.as_slice()
            && let Some(name) = name
                .strip_prefix('`')
                .and_then(|name| name.strip_suffix('`'))
        {
            let uses = uses
                .split(',')
                .map(|one| one.trim().trim_matches('`').to_owned())
                .collect();
            allowed.insert(name.to_owned(), uses);
        }
    }
    allowed
}

/// Each of our crates, and which of our crates it is built with (not only tested with).
fn actual_edges(root: &Path) -> Result<BTreeMap<String, Vec<String>>> {
    let output = Command::new("cargo")
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .context("cargo metadata")?;
    let metadata: Value =
        serde_json::from_slice(&output.stdout).context("cargo metadata prints JSON")?;
    let list = |value: &Value, key: &str| {
        value
            .get(key)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let text = |value: &Value, key: &str| {
        value
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let short = |name: &str| name.strip_prefix("vigil-").unwrap_or(name).to_owned();
    let mut edges = BTreeMap::new();
    for package in list(&metadata, "packages") {
        let uses = list(&package, "dependencies")
            .iter()
            .filter(|dependency| dependency.get("kind").is_none_or(Value::is_null))
            .map(|dependency| text(dependency, "name"))
            .filter(|name| name.starts_with("vigil"))
            .map(|name| short(&name))
            .collect();
        edges.insert(short(&text(&package, "name")), uses);
    }
    Ok(edges)
}
