//! Checks the shape of a correlation document before the Sigma parser reads it, as
//! `structure` does for detections.

use rsigma_parser::{CorrelationType, Timespan};
use yaml_serde::{Mapping, Value};

use super::Correlation;
use crate::load::faults::Faults;
use crate::load::structure::{self, key_text};
use crate::{Problem, bucket};

/// The keys of a correlation rule: Sigma's, and our own.
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
    "correlation",
    bucket::KEY,
    "generate",
    "fields",
    "falsepositives",
    "level",
    "tags",
    "scope",
    "vigil",
];
/// The keys of the map `correlation`.
const PARTS: [&str; 7] = [
    "type",
    "rules",
    "group-by",
    "timespan",
    "condition",
    "aliases",
    "generate",
];
const TYPES: &str = "event_count, value_count, temporal, temporal_ordered, value_sum, value_avg, \
                     value_percentile or value_median";
/// What a condition compares by.
const COMPARISONS: [&str; 6] = ["gt", "gte", "lt", "lte", "eq", "neq"];

/// Checks the document's keys and the shape of their values.
pub(crate) fn check(map: &Mapping, faults: &mut Faults<'_>) {
    check_keys(map, &KEYS, &[], faults);
    structure::check_texts_and_lists(map, faults);
    expect(
        map.get("generate").is_none_or(Value::is_bool),
        &["generate"],
        "`true` or `false`",
        faults,
    );
    // What stands in a bucket is checked where it is read.
    if map.contains_key(bucket::KEY) {
        let expected = "a map with `type`, `rules`, `groupby` and what the type needs";
        let is_map = map.get(bucket::KEY).is_some_and(Value::is_mapping);
        expect(is_map, &[bucket::KEY], expected, faults);
        return;
    }
    let Some(Value::Mapping(parts)) = map.get("correlation") else {
        let expected = "a map with `type`, `rules`, `group-by`, `timespan` and `condition`";
        expect(false, &["correlation"], expected, faults);
        return;
    };
    check_keys(parts, &PARTS, &["correlation"], faults);
    check_rules(parts, faults);
    check_timespan(parts, faults);
    expect(
        parts.get("generate").is_none_or(Value::is_bool),
        &["correlation", "generate"],
        "`true` or `false`",
        faults,
    );
    expect(
        parts.get("aliases").is_none_or(is_map_of_maps),
        &["correlation", "aliases"],
        "a map from each alias to a map from rules to fields",
        faults,
    );
    match kind(parts) {
        Ok(kind) => check_condition(parts, kind, faults),
        Err(problem) => faults.add(&["correlation", "type"], problem),
    }
}

fn check_keys(map: &Mapping, known: &[&str], place: &[&str], faults: &mut Faults<'_>) {
    for key in map.keys().map(key_text) {
        if !known.contains(&key.as_str()) {
            let place: Vec<&str> = place.iter().copied().chain([key.as_str()]).collect();
            let known = known.join(", ");
            let problem = Problem::UnknownKey {
                key: key.clone(),
                known,
            };
            // What others write beside what they correlate changes nothing about it.
            if place.len() == 1 {
                faults.add_minor(&place, problem);
            } else {
                faults.add(&place, problem);
            }
        }
    }
}

fn kind(parts: &Mapping) -> Result<CorrelationType, Problem> {
    let Some(text) = parts.get("type").and_then(Value::as_str) else {
        return Err(Problem::Missing {
            key: "type",
            advice: TYPES,
        });
    };
    text.parse().map_err(|()| Problem::BadChoice {
        key: "type",
        value: text.to_owned(),
        known: TYPES,
    })
}

fn check_rules(parts: &Mapping, faults: &mut Faults<'_>) {
    let is_list = |value: &Value, most: usize| {
        structure::is_list_of_texts(value)
            && value
                .as_sequence()
                .is_none_or(|items| (1..=most).contains(&items.len()))
    };
    expect(
        parts
            .get("rules")
            .is_some_and(|value| is_list(value, Correlation::MAX_STEPS)),
        &["correlation", "rules"],
        "a list of 1 to 64 names or ids of rules, or `family:` with the name of a family",
        faults,
    );
    expect(
        parts
            .get("group-by")
            .is_none_or(|value| is_list(value, Correlation::MAX_GROUP_FIELDS)),
        &["correlation", "group-by"],
        "a list of 1 to 8 fields or aliases",
        faults,
    );
}

fn check_timespan(parts: &Mapping, faults: &mut Faults<'_>) {
    let Some(value) = parts.get("timespan") else {
        let problem = Problem::Missing {
            key: "timespan",
            advice: "a time such as `timespan: 5m`",
        };
        faults.add(&["correlation"], problem);
        return;
    };
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    let good = Timespan::parse(&text)
        .is_ok_and(|span| Correlation::TIMESPAN_SECONDS.contains(&span.seconds));
    if !good {
        faults.add(&["correlation", "timespan"], Problem::BadTimespan(text));
    }
}

fn check_condition(parts: &Mapping, kind: CorrelationType, faults: &mut Faults<'_>) {
    let temporal = matches!(
        kind,
        CorrelationType::Temporal | CorrelationType::TemporalOrdered
    );
    let place = ["correlation", "condition"];
    match parts.get("condition") {
        None if temporal => {}
        None => faults.add(
            &["correlation"],
            Problem::Missing {
                key: "condition",
                advice: "a comparison such as `condition: {gte: 10}`",
            },
        ),
        Some(Value::String(text)) if temporal => {
            structure::check_condition_text(text, &place, faults);
        }
        Some(Value::Mapping(map)) => check_comparisons(map, kind, temporal, faults),
        Some(_) => expect(
            false,
            &place,
            "a map of comparisons such as `{gte: 10}`, or for the temporal types an expression \
             over the names of rules",
            faults,
        ),
    }
}

fn check_comparisons(
    map: &Mapping,
    kind: CorrelationType,
    temporal: bool,
    faults: &mut Faults<'_>,
) {
    let counts = matches!(
        kind,
        CorrelationType::EventCount | CorrelationType::ValueCount
    );
    let mut keys = COMPARISONS.to_vec();
    if !temporal && kind != CorrelationType::EventCount {
        keys.push("field");
    }
    if kind == CorrelationType::ValuePercentile {
        keys.push("percentile");
    }
    check_keys(map, &keys, &["correlation", "condition"], faults);
    let mut compares = false;
    for comparison in COMPARISONS {
        let Some(value) = map.get(comparison) else {
            continue;
        };
        compares = true;
        let place = ["correlation", "condition", comparison];
        match value.as_u64() {
            None => expect(false, &place, "a whole number from 0 up", faults),
            Some(number) if counts && number > Correlation::MAX_COUNT => {
                expect(
                    false,
                    &place,
                    "at most 10000: count over a shorter time",
                    faults,
                );
            }
            Some(_) => {}
        }
    }
    let condition = ["correlation", "condition"];
    expect(
        compares,
        &condition,
        "a comparison: gt, gte, lt, lte, eq or neq",
        faults,
    );
    let field = map.get("field");
    if keys.contains(&"field") {
        let several = kind == CorrelationType::ValueCount;
        expect(
            field.is_some_and(|field| {
                field.is_string()
                    || several
                        && structure::is_list_of_texts(field)
                        && field.as_sequence().is_some_and(|items| !items.is_empty())
            }),
            &["correlation", "condition", "field"],
            "the field whose values are meant",
            faults,
        );
    }
    expect(
        map.get("percentile")
            .is_none_or(|value| value.as_u64().is_some_and(|percent| percent <= 100)),
        &["correlation", "condition", "percentile"],
        "a whole number from 0 to 100",
        faults,
    );
}

fn is_map_of_maps(value: &Value) -> bool {
    value.as_mapping().is_some_and(|aliases| {
        aliases.iter().all(|(alias, fields)| {
            alias.is_string()
                && fields.as_mapping().is_some_and(|fields| {
                    fields
                        .iter()
                        .all(|(rule, field)| rule.is_string() && field.is_string())
                })
        })
    })
}

/// Notes that the last key of the place must have another shape, unless it is right.
fn expect(right: bool, place: &[&str], expected: &'static str, faults: &mut Faults<'_>) {
    if !right {
        let key = place.last().copied().unwrap_or_default().to_owned();
        faults.add(place, Problem::WrongShape { key, expected });
    }
}
