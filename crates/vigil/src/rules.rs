//! Where rules come from: those built into the binary, or a directory that replaces them; and
//! directories of rules written for others, which are added.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};
use vigil_rule::seclang::{Fate, Listed, SecFiles, SecRules};
use vigil_rule::{Input, Placeholders, Problem, Report, RuleError, RuleFile, RuleSet};

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
    /// OWASP CRS cannot be loaded.
    #[error("OWASP CRS: {0}")]
    Crs(String),
}

/// A broken rule in one line, however many the YAML or condition parser wrote.
pub fn one_line(error: &RuleError) -> String {
    error
        .to_string()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// The rules that are to be loaded.
#[derive(Clone, Debug, Default)]
pub struct RuleSources {
    /// A directory that replaces the built-in rules.
    pub directory: Option<PathBuf>,
    /// Directories of rules written for others, which are added.
    pub foreign: Vec<PathBuf>,
    /// What `%name%` stands for in values with `|expand`.
    pub placeholders: Placeholders,
    /// Directories or files of OWASP CRS, which are added.
    pub crs: Vec<PathBuf>,
    /// The paranoia level, in place of what the setup of OWASP CRS says.
    pub crs_paranoia: Option<u8>,
}

/// The texts of all of them.
#[derive(Debug)]
pub struct RuleTexts {
    own: Vec<RuleFile>,
    foreign: Vec<RuleFile>,
    /// Foreign files that cannot be read.
    unreadable: Vec<RuleError>,
    crs: Option<SecFiles>,
}

impl RuleSources {
    /// Reads all of the files.
    pub fn read(&self) -> Result<RuleTexts, RulesError> {
        let mut texts = RuleTexts {
            own: read(self.directory.as_deref())?,
            foreign: Vec::new(),
            unreadable: Vec::new(),
            crs: None,
        };
        for directory in &self.foreign {
            let (files, errors) = foreign_in(directory)?;
            texts.foreign.extend(files);
            texts.unreadable.extend(errors);
        }
        if !self.crs.is_empty() {
            texts.crs = Some(crate::crs::read(&self.crs)?);
        }
        Ok(texts)
    }

    /// Compiles them: with what became of the foreign ones.
    pub fn compile(&self, texts: &RuleTexts) -> Result<(RuleSet, Report), RulesError> {
        let input = Input {
            own: &texts.own,
            foreign: &texts.foreign,
            placeholders: &self.placeholders,
        };
        let (mut rules, mut report) = RuleSet::load_all(input).map_err(RulesError::Broken)?;
        if let Some(files) = &texts.crs {
            let crs = SecRules::load(files, self.crs_paranoia).map_err(RulesError::Crs)?;
            rules = rules.with_crs(crs);
        }
        report
            .refused
            .splice(0..0, texts.unreadable.iter().cloned());
        Ok((rules, report))
    }
}

impl RuleTexts {
    /// The same for the same files with the same text, and for no others.
    pub fn fingerprint(&self) -> String {
        let crs = self
            .crs
            .iter()
            .flat_map(|files| files.rules.iter().chain(&files.data));
        let crs: Vec<RuleFile> = crs
            .map(|file| RuleFile {
                name: file.name.clone(),
                text: file.text.clone(),
            })
            .collect();
        fingerprint(&[self.own.as_slice(), &self.foreign, &crs].concat())
    }
}

/// All of the rules, and what became of the foreign ones.
pub fn load_all(sources: &RuleSources) -> Result<(RuleSet, Report), RulesError> {
    sources.compile(&sources.read()?)
}

/// The rules of a directory, or those built into the binary where none is named.
pub fn load(directory: Option<&Path>) -> Result<RuleSet, RulesError> {
    RuleSet::load(&read(directory)?).map_err(RulesError::Broken)
}

/// The texts of the rules of a directory, or of those built into the binary where none is named.
pub fn read(directory: Option<&Path>) -> Result<Vec<RuleFile>, RulesError> {
    directory.map_or_else(|| Ok(stock()), files)
}

/// The same for the same files with the same text, and for no others.
pub fn fingerprint(files: &[RuleFile]) -> String {
    let mut hash = Sha256::new();
    for RuleFile { name, text } in files {
        for part in [name, text] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    hash.finalize()
        .iter()
        .take(6)
        .fold(String::new(), |mut text, byte| {
            _ = write!(text, "{byte:02x}");
            text
        })
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

/// The files of a directory of rules written for others and of the lists among them, and those that
/// cannot be read. Their names
/// start with the directory's own.
fn foreign_in(directory: &Path) -> Result<(Vec<RuleFile>, Vec<RuleError>), RulesError> {
    let mut paths = Vec::new();
    let is_wanted = |path: &Path| is_rule(path) || is_list(path);
    collect(directory, &is_wanted, &mut paths)?;
    if paths.is_empty() {
        return Err(RulesError::Empty(directory.to_owned()));
    }
    paths.sort();
    let parent = directory.parent().unwrap_or(directory);
    let (mut files, mut unreadable) = (Vec::new(), Vec::new());
    for path in paths {
        let name = path.strip_prefix(parent).unwrap_or(&path);
        let name = name.display().to_string();
        match fs_err::read_to_string(&path) {
            Ok(text) => files.push(RuleFile { name, text }),
            Err(error) => unreadable.push(RuleError {
                file: name,
                line: None,
                title: None,
                problem: Problem::Yaml(error.to_string()),
            }),
        }
    }
    Ok((files, unreadable))
}

/// The texts of the rules of a directory and of those below it, or of one file.
pub fn files(directory: &Path) -> Result<Vec<RuleFile>, RulesError> {
    if directory.is_file() {
        let text = fs_err::read_to_string(directory)?;
        let name = directory.display().to_string();
        return Ok(vec![RuleFile { name, text }]);
    }
    let mut paths = Vec::new();
    collect(directory, &is_rule, &mut paths)?;
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

/// The texts of rule files and of directories of them, each under its path.
pub fn named(paths: &[PathBuf]) -> Result<Vec<RuleFile>, RulesError> {
    let mut all = Vec::new();
    for path in paths {
        let mut found = files(path)?;
        if path.is_dir() {
            for file in &mut found {
                file.name = path.join(&file.name).display().to_string();
            }
        }
        all.append(&mut found);
    }
    Ok(all)
}

fn collect(
    directory: &Path,
    is_wanted: &dyn Fn(&Path) -> bool,
    paths: &mut Vec<PathBuf>,
) -> std::io::Result<()> {
    for entry in fs_err::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, is_wanted, paths)?;
        } else if is_wanted(&path) {
            paths.push(path);
        }
    }
    Ok(())
}

fn is_rule(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending == "yml" || ending == "yaml")
}

/// A list that scenarios of CrowdSec name.
fn is_list(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending == "txt" || ending == "json")
}

/// The most refused rules that the log lists one by one.
const LISTED: usize = 50;

/// Tells the log what became of the foreign rules.
pub fn tell(report: &Report) {
    for note in report.notes.iter().take(LISTED) {
        tracing::info!("{}", one_line(note));
    }
    for refused in report.refused.iter().take(LISTED) {
        tracing::warn!("not loaded: {}", one_line(refused));
    }
    if report.refused.len() > LISTED {
        tracing::warn!(
            more = report.refused.len() - LISTED,
            "more rules are not loaded; `vigil test-rules --sigma DIR` lists all of them with their reasons"
        );
    }
}

/// Tells the log what became of the rules of OWASP CRS.
pub fn tell_crs(rules: &SecRules) {
    let count = |fate: Fate| {
        rules
            .listed()
            .iter()
            .filter(|rule| rule.fate == fate)
            .count()
    };
    let needs_more = |rule: &&Listed| rule.fate == Fate::Loaded && !rule.in_logs;
    tracing::info!(
        rules = rules.rules().len(),
        only_for_whole_requests = rules.listed().iter().filter(needs_more).count(),
        off = count(Fate::Off),
        not_loaded = count(Fate::Refused),
        "OWASP CRS is in force; `vigil rules crs` lists each rule and why it is not"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_tells_every_difference() {
        let file = |name: &str, text: &str| RuleFile {
            name: name.into(),
            text: text.into(),
        };
        let sets = [
            vec![file("a", "bc")],
            vec![file("ab", "c")],
            vec![file("a", "bd")],
            vec![file("a", "bc"), file("", "")],
        ];
        let prints: std::collections::BTreeSet<_> =
            sets.iter().map(|files| fingerprint(files)).collect();
        assert_eq!(prints.len(), sets.len());
        assert_eq!(fingerprint(&sets[0]), fingerprint(&[file("a", "bc")]));
    }
}
