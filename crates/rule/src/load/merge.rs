//! Documents of a file that stand for one another: `action: global`, `reset` and `repeat`.
//!
//! Sigma's older collections write what several rules share once. *Input*: a file's documents, in
//! their order. *Output*: for each the rule it stands for. *Limits*: maps are merged three deep:
//! a rule, its detection, a selection.

use yaml_serde::Value;

use crate::Problem;

/// How deep maps are merged; what is deeper is replaced.
const DEPTH: usize = 3;

/// What earlier documents of a file left for later ones.
#[derive(Debug, Default)]
pub(crate) struct Collection {
    global: Option<Value>,
    previous: Option<Value>,
}

/// What a document is.
pub(crate) enum Document {
    /// It stands for itself.
    Itself,
    /// It stands for this.
    Merged(Value),
    /// It is a part of others and no rule.
    Part,
}

impl Collection {
    /// Takes the next document.
    pub(crate) fn take(&mut self, value: &Value) -> Result<Document, Problem> {
        let mut rest = value.clone();
        let action = rest.as_mapping_mut().and_then(|map| map.remove("action"));
        let action = action
            .as_ref()
            .map(|action| action.as_str().unwrap_or_default());
        let merged = match action {
            None if self.global.is_none() => {
                self.previous = Some(rest);
                return Ok(Document::Itself);
            }
            None => rest,
            Some("global") => {
                self.global = Some(rest);
                return Ok(Document::Part);
            }
            Some("reset") => {
                self.global = None;
                return Ok(Document::Part);
            }
            Some("repeat") => match self.previous.clone() {
                Some(previous) => merge(previous, rest, DEPTH),
                None => {
                    return Err(Problem::Sigma(
                        "`action: repeat` repeats the document before it: put one there".to_owned(),
                    ));
                }
            },
            Some(_) => {
                return Err(Problem::BadChoice {
                    key: "action",
                    value: action.unwrap_or_default().to_owned(),
                    known: "global, reset or repeat",
                });
            }
        };
        let merged = match self.global.clone() {
            Some(global) => merge(global, merged, DEPTH),
            None => merged,
        };
        self.previous = Some(merged.clone());
        Ok(Document::Merged(merged))
    }
}

/// The first with what the second has, which wins.
fn merge(first: Value, second: Value, depth: usize) -> Value {
    match (first, second) {
        (Value::Mapping(mut first), Value::Mapping(second)) if depth > 0 => {
            for (key, value) in second {
                match first.get_mut(&key) {
                    Some(before) => {
                        *before = merge(std::mem::replace(before, Value::Null), value, depth - 1);
                    }
                    None => {
                        first.insert(key, value);
                    }
                }
            }
            Value::Mapping(first)
        }
        (_, second) => second,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Value {
        yaml_serde::from_str(text).unwrap()
    }

    #[test]
    fn shared_parts_are_filled_in() {
        let mut collection = Collection::default();
        for (text, expected) in [
            ("a: 1", Some("a: 1")),
            ("{action: global, a: 2, b: {c: 1, d: 1}}", None),
            ("b: {d: 2}", Some("{a: 2, b: {c: 1, d: 2}}")),
            ("{action: repeat, a: 3}", Some("{a: 3, b: {c: 1, d: 2}}")),
            ("action: reset", None),
            ("a: 4", Some("a: 4")),
        ] {
            let stands_for = match collection.take(&read(text)).unwrap() {
                Document::Itself => Some(read(text)),
                Document::Merged(value) => Some(value),
                Document::Part => None,
            };
            assert_eq!(stands_for, expected.map(read), "{text}");
        }
    }

    #[test]
    fn other_actions_are_refused() {
        let mut collection = Collection::default();
        assert!(collection.take(&read("action: repeat")).is_err());
        assert!(collection.take(&read("action: sing")).is_err());
    }
}
