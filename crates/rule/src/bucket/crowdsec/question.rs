//! Writes what a scenario asks of its bucket as Vigil's rules do, with a rule for each filter in it.
//!
//! *Limits*: numbers and times may be joined with the rest by `and` only, and what all of the bucket
//! is asked not with what its last event is by `or`.

use yaml_serde::{Mapping, Value};

use super::expression::Filter;
use super::queue::Question;

/// The filters that questions name, each with the name of its rule.
#[derive(Debug)]
pub(super) struct Asked {
    prefix: String,
    pub(super) filters: Vec<(String, Filter)>,
}

impl Asked {
    /// None yet, of the scenario of that name.
    pub(super) fn of(scenario: &str) -> Self {
        let plain = |sign: char| {
            if sign.is_ascii_alphanumeric() {
                sign
            } else {
                '_'
            }
        };
        let name: String = scenario.chars().map(plain).collect();
        Self {
            prefix: format!("asked_{name}"),
            filters: Vec::new(),
        }
    }

    /// The question, as it stands under `condition`.
    pub(super) fn written(&mut self, question: &Question) -> Result<Value, String> {
        let mut parts = Vec::new();
        self.write(question, &mut parts)?;
        Ok(Value::Sequence(parts))
    }

    fn write(&mut self, question: &Question, parts: &mut Vec<Value>) -> Result<(), String> {
        if let Some(filter) = of_last(question) {
            parts.push(map([("last", self.refer(filter).into())]));
            return Ok(());
        }
        if is_of_held(question) {
            let expression = self.of_held(question);
            parts.push(map([("held", expression.into())]));
            return Ok(());
        }
        match question {
            Question::All(all) => all.iter().try_for_each(|part| self.write(part, parts)),
            Question::Count { of, how, number } => {
                let of = of.clone().map(|filter| ("of", self.refer(filter).into()));
                let entries = of.into_iter().chain([(*how, (*number).into())]);
                parts.push(map(entries));
                Ok(())
            }
            Question::Paced {
                of,
                newest,
                how,
                time,
            } => {
                let of = of.clone().map(|filter| ("of", self.refer(filter).into()));
                let interval = map([(*how, time.clone().into())]);
                let asked = [
                    ("newest", (*newest as u64).into()),
                    ("median_interval", interval),
                ];
                parts.push(map(of.into_iter().chain(asked)));
                Ok(())
            }
            Question::Not(inner) => match &**inner {
                Question::Count { of, how, number } => {
                    let inverted = Question::Count {
                        of: of.clone(),
                        how: inverted(how),
                        number: *number,
                    };
                    self.write(&inverted, parts)
                }
                Question::Not(inner) => self.write(inner, parts),
                Question::Any(any) => any
                    .iter()
                    .try_for_each(|part| self.write(&Question::Not(Box::new(part.clone())), parts)),
                _ => Err(mixed()),
            },
            _ => Err(mixed()),
        }
    }

    /// The expression over names of a question about all that a bucket holds.
    fn of_held(&mut self, question: &Question) -> String {
        let mut each = |parts: &[Question], joint: &str| {
            let parts: Vec<_> = parts.iter().map(|part| self.of_held(part)).collect();
            format!("({})", parts.join(joint))
        };
        match question {
            Question::All(parts) => each(parts, " and "),
            Question::Any(parts) => each(parts, " or "),
            Question::Not(part) => format!("not {}", self.of_held(part)),
            Question::Held(filter) => self.refer(filter.clone()),
            Question::Count { .. } | Question::Paced { .. } | Question::Last(_) => String::new(),
        }
    }

    /// The name of the rule of a filter.
    fn refer(&mut self, filter: Filter) -> String {
        if let Some((name, _)) = self.filters.iter().find(|(_, known)| *known == filter) {
            return name.clone();
        }
        let name = format!("{}_{}", self.prefix, self.filters.len() + 1);
        self.filters.push((name.clone(), filter));
        name
    }
}

fn mixed() -> String {
    "numbers and times are joined with other questions by `or` or `not`, which is not carried over"
        .to_owned()
}

/// The filter of a question that is about the last event only.
fn of_last(question: &Question) -> Option<Filter> {
    let each = |parts: &[Question]| parts.iter().map(of_last).collect::<Option<Vec<_>>>();
    Some(match question {
        Question::Last(filter) => filter.clone(),
        Question::All(parts) => Filter::All(each(parts)?),
        Question::Any(parts) => Filter::Any(each(parts)?),
        Question::Not(part) => Filter::Not(Box::new(of_last(part)?)),
        _ => return None,
    })
}

/// Whether a question is about which events the bucket holds, and nothing else.
fn is_of_held(question: &Question) -> bool {
    match question {
        Question::Held(_) => true,
        Question::All(parts) | Question::Any(parts) => parts.iter().all(is_of_held),
        Question::Not(part) => is_of_held(part),
        _ => false,
    }
}

/// Whether a question is about more than the last event.
pub(super) fn asks_queue(question: &Question) -> bool {
    of_last(question).is_none()
}

fn inverted(how: &str) -> &'static str {
    match how {
        "gt" => "lte",
        "gte" => "lt",
        "lt" => "gte",
        "lte" => "gt",
        "eq" => "neq",
        _ => "eq",
    }
}

fn map(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let entries = entries.into_iter();
    let map: Mapping = entries.map(|(key, value)| (key.into(), value)).collect();
    Value::Mapping(map)
}
