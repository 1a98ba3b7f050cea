//! Turns a filter into a detection in Sigma, for the log that it is about.
//!
//! Which log that is stands in the filter itself (`evt.Meta.service`, `evt.Meta.log_type`), so it is
//! tried with each log: what is known of the log is put in its place, and the log of which something
//! is left is the one.

use yaml_serde::{Mapping, Value};

use super::Lists;
use super::expression::{Comparison, Filter, Values};
use super::field::{self, Known, Log};

/// A filter as Sigma's `detection:`.
#[derive(Debug)]
pub(super) struct Detection {
    pub(super) log: Log,
    pub(super) map: Mapping,
}

/// What is left of a filter in one log.
enum Left {
    Always,
    Never,
    Asked(Tree),
}

enum Tree {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Selection(Value),
}

/// The filter, for the log that it is about.
pub(super) fn detection(filter: &Filter, lists: Lists<'_>) -> Result<Detection, String> {
    let mut why = None;
    for log in [Log::Web, Log::Ssh] {
        match left(filter, log, lists) {
            Ok(Left::Never) => {}
            Ok(Left::Always) => {
                return Ok(written(&Tree::Selection(field::anything(log)), log));
            }
            Ok(Left::Asked(tree)) => return Ok(written(&tree, log)),
            Err(error) => why = why.or(Some(error)),
        }
    }
    Err(why
        .unwrap_or_else(|| "it is about other logs than those of web servers and sshd".to_owned()))
}

/// Puts what is known of the log in its place. What cannot be carried over does not matter where
/// the rest decides already.
fn left(filter: &Filter, log: Log, lists: Lists<'_>) -> Result<Left, String> {
    let each =
        |parts: &[Filter]| -> Vec<_> { parts.iter().map(|part| left(part, log, lists)).collect() };
    match filter {
        Filter::All(parts) => joined(each(parts), false),
        Filter::Any(parts) => joined(each(parts), true),
        Filter::Not(part) => Ok(match left(part, log, lists)? {
            Left::Always => Left::Never,
            Left::Never => Left::Always,
            Left::Asked(tree) => Left::Asked(Tree::Not(Box::new(tree))),
        }),
        Filter::Compared(comparison) => compared(comparison, log, lists),
    }
}

/// All of the parts, or any of them.
fn joined(parts: Vec<Result<Left, String>>, any: bool) -> Result<Left, String> {
    let decides = |part: &Result<Left, String>| match part {
        Ok(Left::Always) => any,
        Ok(Left::Never) => !any,
        _ => false,
    };
    if parts.iter().any(decides) {
        return Ok(if any { Left::Always } else { Left::Never });
    }
    let mut trees = Vec::new();
    for part in parts {
        if let Left::Asked(tree) = part? {
            trees.push(tree);
        }
    }
    Ok(match (trees.is_empty(), any) {
        (true, true) => Left::Never,
        (true, false) => Left::Always,
        (false, true) => Left::Asked(Tree::Any(trees)),
        (false, false) => Left::Asked(Tree::All(trees)),
    })
}

fn compared(comparison: &Comparison, log: Log, lists: Lists<'_>) -> Result<Left, String> {
    let known = field::known(&comparison.name.path, log)?;
    let values = match &comparison.values {
        Values::Texts(texts) => texts.clone(),
        Values::File { name, key: None } => lists.lines(name)?,
        Values::File {
            name,
            key: Some(key),
        } => lists.texts(name, key)?,
    };
    let selection = match known {
        Known::Service | Known::LogType => {
            let answers: Vec<_> = values
                .iter()
                .map(|value| field::is_log(log, known, value))
                .collect();
            if answers.contains(&Some(true)) {
                return Ok(Left::Always);
            }
            if !answers.contains(&None) {
                return Ok(Left::Never);
            }
            field::messages(&values)
        }
        Known::Static => {
            let selection = Tree::Selection(field::statics());
            return Ok(match values.as_slice() {
                [only] if only == "true" => Left::Asked(selection),
                [only] if only == "false" => Left::Asked(Tree::Not(Box::new(selection))),
                _ => return Err("`static_ressource` is 'true' or 'false'".to_owned()),
            });
        }
        Known::Part(part) => field::part(part, comparison, &values)?,
        Known::QueryLength => field::query_length(comparison, &values)?,
        Known::Status => field::status(comparison, &values)?,
        Known::Field(name) => field::compared(name, comparison, &values)?,
    };
    Ok(Left::Asked(Tree::Selection(selection)))
}

/// The selections with their condition.
fn written(tree: &Tree, log: Log) -> Detection {
    let mut map = Mapping::new();
    let condition = condition(tree, &mut map);
    map.insert("condition".into(), condition.into());
    Detection { log, map }
}

fn condition(tree: &Tree, map: &mut Mapping) -> String {
    let mut each = |parts: &[Tree], joint: &str| {
        let parts: Vec<_> = parts.iter().map(|part| condition(part, map)).collect();
        format!("({})", parts.join(joint))
    };
    match tree {
        Tree::All(parts) => each(parts, " and "),
        Tree::Any(parts) => each(parts, " or "),
        Tree::Not(part) => format!("not {}", condition(part, map)),
        Tree::Selection(selection) => {
            let name = format!("s{}", map.len());
            map.insert(name.clone().into(), selection.clone());
            name
        }
    }
}
