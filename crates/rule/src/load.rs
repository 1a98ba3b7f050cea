//! From rule files to checked rules with their conditions.

use std::collections::HashMap;
use std::sync::Arc;

use rsigma_parser::SigmaRule;
use serde::Deserialize as _;
use yaml_serde::Value;

use crate::condition::{self, Condition, Selection, Selections};
use crate::faults::Faults;
use crate::gate::Probes;
use crate::matcher::Leaf;
use crate::node::Node;
use crate::position::Source;
use crate::{Problem, Rule, RuleError, RuleFile, metadata, selection, structure};

/// Rules, and what is looked for to find the events they can match.
pub(crate) struct Loaded {
    pub(crate) rules: Vec<(Rule, Condition)>,
    pub(crate) probes: Probes,
}

/// Reads all files; the rules in the order of their files, or all that is wrong with them.
pub(crate) fn read(files: &[RuleFile]) -> Result<Loaded, Vec<RuleError>> {
    let mut probes = Probes::default();
    let (mut rules, mut errors) = (Vec::new(), Vec::new());
    for file in files {
        if file.text.len() > RuleFile::MAX_BYTES {
            let problem = Problem::TooLong {
                what: "the file",
                limit: RuleFile::MAX_BYTES,
            };
            errors.push(RuleError {
                file: file.name.clone(),
                line: None,
                title: None,
                problem,
            });
            continue;
        }
        for source in Source::documents(&file.text) {
            let mut faults = Faults::new(&file.name, source);
            let rule = document(file, source, &mut probes, &mut faults);
            let complete = faults.is_empty();
            errors.extend(faults.into_errors());
            rules.extend(rule.filter(|_| complete));
        }
    }
    errors.extend(duplicates(rules.iter().map(|(rule, _)| rule)));
    if errors.is_empty() {
        Ok(Loaded { rules, probes })
    } else {
        Err(errors)
    }
}

/// One rule; none if the document is empty or something is wrong with it.
fn document(
    file: &RuleFile,
    source: Source<'_>,
    probes: &mut Probes,
    faults: &mut Faults<'_>,
) -> Option<(Rule, Condition)> {
    let value = match parse(source.text) {
        Ok(value) => value,
        Err(error) => {
            let line = error.location().map(|place| {
                source
                    .first_line
                    .saturating_add(place.line() as u32)
                    .saturating_sub(1)
            });
            let text = error.to_string();
            let message = text
                .split_once(" at line ")
                .map_or(text.as_str(), |(message, _)| message);
            faults.add_at(
                line,
                Problem::Yaml(format!("{message}; check the indentation and the quotes")),
            );
            return None;
        }
    };
    if value.is_null() {
        return None;
    }
    structure::check(&value, faults);
    if !faults.is_empty() {
        return None;
    }
    let sigma = sigma(source, faults)?;
    let level = value.get("level").and_then(Value::as_str);
    if sigma.status.is_none()
        && let Some(status) = value.get("status").and_then(Value::as_str)
    {
        const KNOWN: &str = "stable, test, experimental, deprecated or unsupported";
        faults.add(
            &["status"],
            Problem::BadChoice {
                key: "status",
                value: status.to_owned(),
                known: KNOWN,
            },
        );
    }
    let rule = metadata::read(&sigma, level, file, faults);
    let condition = compile(&sigma, probes, faults);
    rule.zip(condition)
}

/// One document. Text after its end would be another document, which `---` has split off already.
fn parse(text: &str) -> Result<Value, yaml_serde::Error> {
    match yaml_serde::Deserializer::from_str(text).next() {
        Some(document) => Value::deserialize(document),
        None => Ok(Value::Null),
    }
}

fn sigma(source: Source<'_>, faults: &mut Faults<'_>) -> Option<SigmaRule> {
    let parsed = match rsigma_parser::parse_sigma_yaml(source.text) {
        Ok(parsed) => parsed,
        Err(error) => {
            faults.add(&[], Problem::Sigma(error.to_string()));
            return None;
        }
    };
    let rule = parsed.rules.into_iter().next();
    if rule.is_none() {
        for error in parsed.errors {
            let place: &[&str] = if error.contains("ondition") {
                &["detection", "condition"]
            } else {
                &["title"]
            };
            faults.add(place, Problem::Sigma(error));
        }
        if faults.is_empty() {
            faults.add(&[], Problem::NotAMap);
        }
    }
    rule
}

fn compile(sigma: &SigmaRule, probes: &mut Probes, faults: &mut Faults<'_>) -> Option<Condition> {
    let mut names: Vec<_> = sigma.detection.named.iter().collect();
    names.sort_unstable_by_key(|(name, _)| *name);
    let mut selections = Selections::new();
    let mut complete = true;
    for (name, detection) in names {
        let compiled = selection::compile(name, detection, faults);
        complete &= compiled.is_some();
        // A broken selection still has a name: the condition is checked against it.
        let mut node = compiled.unwrap_or_else(|| Node::Any(Vec::new()));
        node.leaves_mut(&mut |leaf: &mut Leaf| leaf.ask(probes));
        let selection = Selection {
            name: name.clone(),
            node,
        };
        selections.insert(name.clone(), Arc::new(selection));
    }
    let mut conditions = Vec::new();
    for condition in &sigma.detection.conditions {
        match condition::compile(condition, &selections) {
            Ok(condition) => conditions.push(condition),
            Err(problem) => {
                complete = false;
                faults.add(&["detection", "condition"], problem);
            }
        }
    }
    complete.then(|| Node::any(conditions))
}

/// An error for each rule whose id another one has already.
fn duplicates<'a>(rules: impl Iterator<Item = &'a Rule>) -> Vec<RuleError> {
    let mut seen: HashMap<&str, &Rule> = HashMap::new();
    let mut errors = Vec::new();
    for rule in rules {
        match seen.get(rule.id.as_str()) {
            Some(first) => errors.push(RuleError {
                file: rule.file.clone(),
                line: Some(rule.line),
                title: Some(rule.title.clone()),
                problem: Problem::DuplicateId {
                    id: rule.id.clone(),
                    title: first.title.clone(),
                    file: first.file.clone(),
                },
            }),
            None => {
                seen.insert(&rule.id, rule);
            }
        }
    }
    errors
}
