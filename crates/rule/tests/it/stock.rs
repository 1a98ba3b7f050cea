//! The stock rules: all load, and each agrees with its own examples.

use std::path::{Path, PathBuf};

use vigil_rule::{Example, Hit, RuleFile, RuleKind, RuleSet, Scratch};

use crate::line;

pub(crate) fn stock_files() -> Vec<RuleFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    paths
        .into_iter()
        .map(|path| RuleFile {
            name: path
                .strip_prefix(&root)
                .expect("a stock rule")
                .display()
                .to_string(),
            text: fs_err::read_to_string(&path).expect("a readable rule"),
        })
        .collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "yml") {
            paths.push(path);
        }
    }
}

#[test]
fn every_rule_agrees_with_its_examples() {
    let files = stock_files();
    let rules = RuleSet::load(&files).unwrap_or_else(|errors| {
        let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
        panic!("{}", texts.join("\n"))
    });
    assert!(rules.rules().len() >= files.len(), "every file has a rule");
    let mut scratch = Scratch::new(&rules);
    let mut hits: Vec<Hit> = Vec::new();
    let mut wrong = Vec::new();
    for (place, rule) in rules.rules().iter().enumerate() {
        assert!(!rule.examples.is_empty(), "{} has no example", rule.file);
        if rule.kind == RuleKind::Correlation {
            continue;
        }
        // What several lines say together, the binary judges.
        let of_one = |example: &&Example| example.to_lines().len() == 1;
        for example in rule.examples.iter().filter(of_one) {
            rules.evaluate(&line::event(&example.to_line()), &mut scratch, &mut hits);
            let hit = hits.iter().find(|hit| hit.rule == place);
            if hit.is_some() != example.should_match {
                let expected = if example.should_match {
                    "must match"
                } else {
                    "must not match"
                };
                wrong.push(format!("{}: {expected}: {}", rule.file, example.text));
            }
            assert!(
                hit.is_none_or(|hit| !hit.evidence.is_empty()),
                "{}: a hit shows what matched",
                rule.file
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn few_rules_run_on_every_event() {
    let rules = RuleSet::load(&stock_files()).unwrap();
    let ungated: Vec<_> = rules.ungated().map(|rule| rule.file.as_str()).collect();
    assert!(
        ungated.len() * 4 <= rules.rules().len(),
        "no literal is required for {ungated:#?}"
    );
}
