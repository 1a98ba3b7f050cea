//! Checks a document's shape before the Sigma parser reads it.
//!
//! The parser stops at the first fault, drops keys it does not know, and turns a nested value into
//! its debug text; here all faults of that kind are found at once, and whatever could make the
//! parser recurse deeply is refused.

use rsigma_parser::Modifier;
use yaml_serde::{Mapping, Value};

use crate::load::aggregation;
use crate::load::faults::Faults;
use crate::{Problem, bucket, correlation, matcher::modifier};

/// The keys of a rule: Sigma's, and our own.
const KEYS: [&str; 21] = [
    "title",
    "id",
    "name",
    "related",
    "taxonomy",
    "status",
    "description",
    "license",
    "author",
    "references",
    "date",
    "modified",
    "logsource",
    "detection",
    "fields",
    "falsepositives",
    "level",
    "tags",
    "scope",
    "sigma-version",
    "custom_attributes",
];
const OUR_KEY: &str = "vigil";
/// The key of a document that adds a condition to rules.
const FILTER: &str = "filter";
const TEXTS: [&str; 10] = [
    "title",
    "id",
    "name",
    "status",
    "description",
    "license",
    "author",
    "date",
    "modified",
    "level",
];
const LISTS: [&str; 5] = ["references", "fields", "falsepositives", "tags", "scope"];

/// The longest condition, in bytes.
const CONDITION_BYTES: usize = 2 << 10;
/// How deep a condition's parentheses may be nested.
const CONDITION_DEPTH: usize = 32;

/// Checks a rule's keys and the shape of their values.
pub(crate) fn check(document: &Value, faults: &mut Faults<'_>) {
    let Value::Mapping(map) = document else {
        faults.add(&[], Problem::NotAMap);
        return;
    };
    if let Some(title) = map.get("title").and_then(Value::as_str) {
        faults.name(title);
    }
    let correlates = ["correlation", bucket::KEY];
    if let Some(key) = correlates.into_iter().find(|key| map.contains_key(*key)) {
        // Buckets are ours; scenarios of CrowdSec are read elsewhere.
        if faults.is_foreign() && key == bucket::KEY {
            faults.add(&[key], Problem::NotADetection(key));
        } else {
            correlation::check(map, faults);
        }
        return;
    }
    let part = if map.contains_key(FILTER) {
        FILTER
    } else {
        "detection"
    };
    for key in map.keys() {
        let key = key_text(key);
        if !KEYS.contains(&key.as_str()) && key != OUR_KEY && key != part {
            let known = format!("{} or {OUR_KEY}", KEYS.join(", "));
            faults.add_minor(
                &[&key],
                Problem::UnknownKey {
                    key: key.clone(),
                    known,
                },
            );
        }
    }
    check_texts_and_lists(map, faults);
    check_detection(map, part, faults);
}

/// Checks the values that are texts or lists of texts in every kind of document.
pub(crate) fn check_texts_and_lists(map: &Mapping, faults: &mut Faults<'_>) {
    for key in TEXTS {
        if map.get(key).is_some_and(|value| !value.is_string()) {
            faults.add_minor(
                &[key],
                Problem::WrongShape {
                    key: key.to_owned(),
                    expected: "text; quote it",
                },
            );
        }
    }
    for key in LISTS {
        if map.get(key).is_some_and(|value| !is_list_of_texts(value)) {
            faults.add_minor(
                &[key],
                Problem::WrongShape {
                    key: key.to_owned(),
                    expected: "a list of texts",
                },
            );
        }
    }
    if map.get("title").is_none_or(|title| !title.is_string()) {
        faults.add(
            &[],
            Problem::Missing {
                key: "title",
                advice: "a few words on what it finds",
            },
        );
    }
}

pub(crate) fn is_list_of_texts(value: &Value) -> bool {
    value.is_string()
        || value
            .as_sequence()
            .is_some_and(|items| items.iter().all(Value::is_string))
}

fn check_detection(map: &Mapping, part: &'static str, faults: &mut Faults<'_>) {
    let detection = match map.get(part) {
        Some(Value::Mapping(detection)) => detection,
        Some(_) => {
            let key = part.to_owned();
            faults.add(
                &[part],
                Problem::WrongShape {
                    key,
                    expected: "a map of selections with a condition",
                },
            );
            return;
        }
        None => {
            faults.add(
                &[],
                Problem::Missing {
                    key: part,
                    advice: "a map of selections with a condition",
                },
            );
            return;
        }
    };
    for (name, value) in detection {
        let name = key_text(name);
        match name.as_str() {
            "condition" => check_condition(value, faults),
            "rules" if part == FILTER => check_rules(value, faults),
            "timeframe" => faults.add(
                &["detection", "timeframe"],
                Problem::Sigma(
                    "`timeframe` counts events, which rules cannot: it is the `timespan` of a \
                     correlation that names the rule"
                        .to_owned(),
                ),
            ),
            _ => check_selection(&name, value, faults),
        }
    }
    if !detection.contains_key("condition") {
        faults.add(
            &["detection"],
            Problem::Missing {
                key: "condition",
                advice: "`condition: selection` or the like",
            },
        );
    }
}

/// Which rules a filter is for.
fn check_rules(value: &Value, faults: &mut Faults<'_>) {
    if !is_list_of_texts(value) {
        faults.add(
            &[FILTER, "rules"],
            Problem::WrongShape {
                key: "rules".to_owned(),
                expected: "a list of ids or names of rules, or `any`",
            },
        );
    }
}

fn check_condition(value: &Value, faults: &mut Faults<'_>) {
    let conditions = match value {
        Value::Sequence(items) if !items.is_empty() => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    for condition in conditions {
        let place = ["detection", "condition"];
        let Some(text) = condition.as_str() else {
            faults.add(
                &place,
                Problem::WrongShape {
                    key: "condition".to_owned(),
                    expected: "text or a list of texts",
                },
            );
            continue;
        };
        check_condition_text(text, &place, faults);
    }
}

/// Checks that a condition can be read without the parser recursing deeply.
pub(crate) fn check_condition_text(text: &str, place: &[&str], faults: &mut Faults<'_>) {
    if text.len() > CONDITION_BYTES {
        faults.add(
            place,
            Problem::TooLong {
                what: "the condition",
                limit: CONDITION_BYTES,
            },
        );
    } else if let Err(why) = parse_condition(text) {
        let condition = text.chars().take(80).collect();
        faults.add(place, Problem::BadCondition { condition, why });
    }
}

/// Reads a condition; the error is one line that says what is wrong and what to do.
fn parse_condition(text: &str) -> Result<(), String> {
    if text.bytes().filter(|byte| *byte == b'(').count() > CONDITION_DEPTH {
        return Err(format!(
            "it has more than {CONDITION_DEPTH} parentheses: name its parts as selections"
        ));
    }
    let Err(error) = rsigma_parser::parse_condition(text) else {
        return Ok(());
    };
    if let Some(correlation) = aggregation::in_its_place(text) {
        return Err(format!(
            "what counts events is a correlation now: {correlation}"
        ));
    }
    let column = error.location().map_or(1, |place| place.col);
    Err(format!(
        "it cannot be read from character {column} on: join the names of selections with `and`, `or`, `not`, \
         parentheses, `1 of name*` or `all of them`; these words name no selection"
    ))
}

fn check_selection(name: &str, value: &Value, faults: &mut Faults<'_>) {
    const EXPECTED: &str = "a map of fields, a list of such maps, or keywords";
    let is_plain = |value: &Value| {
        !matches!(
            value,
            Value::Mapping(_) | Value::Sequence(_) | Value::Tagged(_) | Value::Null
        )
    };
    let right = match value {
        Value::Mapping(map) => {
            check_fields(name, map, faults);
            !map.is_empty()
        }
        Value::Sequence(items) => {
            items
                .iter()
                .filter_map(Value::as_mapping)
                .for_each(|map| check_fields(name, map, faults));
            let is_item = |item: &Value| match item {
                Value::Mapping(map) => !map.is_empty(),
                other => is_plain(other),
            };
            items.iter().all(is_item) && !items.is_empty()
        }
        single => is_plain(single),
    };
    if !right {
        faults.add(
            &["detection", name],
            Problem::WrongShape {
                key: name.to_owned(),
                expected: EXPECTED,
            },
        );
    }
}

fn check_fields(selection: &str, map: &Mapping, faults: &mut Faults<'_>) {
    for (key, value) in map {
        let key = key_text(key);
        let place = ["detection", selection, &key];
        let (field, modifiers) = key
            .split_once('|')
            .map_or((key.as_str(), None), |(field, rest)| (field, Some(rest)));
        for name in modifiers.into_iter().flat_map(|names| names.split('|')) {
            if name.parse::<Modifier>().is_err() {
                let problem = Problem::BadModifier {
                    modifier: name.to_owned(),
                    field: field.to_owned(),
                    known: modifier::KNOWN,
                };
                faults.add(&place, problem);
            }
        }
        let is_plain = |value: &Value| {
            !matches!(
                value,
                Value::Mapping(_) | Value::Sequence(_) | Value::Tagged(_)
            )
        };
        let right = match value {
            Value::Sequence(items) => !items.is_empty() && items.iter().all(is_plain),
            single => is_plain(single),
        };
        if !right {
            faults.add(
                &place,
                Problem::WrongShape {
                    key: key.clone(),
                    expected: "a value or a list of values",
                },
            );
        }
    }
}

/// A key as text. Only texts are valid keys: anything else is shown and then refused as unknown.
pub(crate) fn key_text(key: &Value) -> String {
    match key {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        _ => "(not a text)".to_owned(),
    }
}
