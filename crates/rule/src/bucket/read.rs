//! Reads one document with `bucket:`, in Vigil's own form.
//!
//! The document is handed on as a correlation of the rules that it names; what is the bucket's own
//! is kept beside it as a [`Shape`] until the references are resolved.

use std::fmt::Display;

use rsigma_parser::ConditionOperator;
use serde::Deserialize;
use yaml_serde::{Mapping, Value};

use super::{Bucket, BucketKind, Test, duration};
use crate::Problem;
use crate::correlation::{Bounds, Correlation, Presence};
use crate::faults::Faults;
use crate::structure;

/// What is poured into.
pub(crate) const KEY: &str = "bucket";
const TYPES: &str = "leaky, trigger, counter or conditional";

/// A bucket whose references are not resolved yet.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    kind: Kind,
    distinct: bool,
    blackhole_ms: i64,
    condition: Option<Asked>,
    overflow_filter: Option<Asked>,
    first_cancel: usize,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Leaky { capacity: u32, leak_us: i64 },
    Trigger,
    Counter { duration_ms: i64 },
    Conditional { lifetime_ms: i64 },
}

/// A condition as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Asked {
    /// Over the names of rules.
    Expression(String),
    /// Of the number of matches.
    Count(Comparisons),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Comparisons {
    gt: Option<u64>,
    gte: Option<u64>,
    lt: Option<u64>,
    lte: Option<u64>,
    eq: Option<u64>,
    neq: Option<u64>,
}

/// What stands under `bucket:`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    #[serde(rename = "type")]
    kind: String,
    rules: Vec<String>,
    groupby: Option<Names>,
    distinct: Option<Names>,
    capacity: Option<i64>,
    leakspeed: Option<String>,
    duration: Option<String>,
    blackhole: Option<String>,
    condition: Option<Asked>,
    overflow_filter: Option<Asked>,
    #[serde(default)]
    cancel_on: Vec<String>,
    #[serde(default)]
    generate: bool,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Names {
    One(String),
    Several(Vec<String>),
}

impl Names {
    fn list(self) -> Vec<String> {
        match self {
            Self::One(name) => vec![name],
            Self::Several(names) => names,
        }
    }
}

/// The bucket, and the document as a correlation of what it names; what is wrong is in the faults.
pub(crate) fn read(document: &Value, faults: &mut Faults<'_>) -> Option<(Shape, Value)> {
    let mut map = document.as_mapping()?.clone();
    let bucket = map.remove(KEY)?;
    let keys: Keys = match yaml_serde::from_value(bucket) {
        Ok(keys) => keys,
        Err(error) => {
            refuse(faults, &[KEY], KEY, error);
            return None;
        }
    };
    check_lists(&keys, faults);
    let kind = kind(&keys, faults);
    let blackhole_ms = keys.blackhole.as_ref().map_or(0, |text| {
        time(text, "blackhole", faults).unwrap_or_default() / 1_000
    });
    for (name, asked) in [
        ("condition", &keys.condition),
        ("overflow_filter", &keys.overflow_filter),
    ] {
        if let Some(Asked::Expression(text)) = asked {
            structure::check_condition_text(text, &[KEY, name], faults);
        }
    }
    if !faults.is_empty() {
        return None;
    }
    let shape = Shape {
        kind: kind?,
        distinct: keys.distinct.is_some(),
        blackhole_ms,
        condition: keys.condition,
        overflow_filter: keys.overflow_filter,
        first_cancel: keys.rules.len(),
    };
    let rules = [keys.rules, keys.cancel_on].concat();
    let distinct = keys.distinct.map(Names::list);
    let groups = keys.groupby.map(Names::list);
    let correlation = as_correlation(rules, groups, distinct, keys.generate);
    map.insert("correlation".into(), Value::Mapping(correlation));
    Some((shape, Value::Mapping(map)))
}

/// A correlation of the same rules, groups and values.
fn as_correlation(
    rules: Vec<String>,
    groups: Option<Vec<String>>,
    distinct: Option<Vec<String>>,
    generate: bool,
) -> Mapping {
    let list = |names: Vec<String>| Value::Sequence(names.into_iter().map(Value::from).collect());
    let mut condition = Mapping::new();
    condition.insert("gte".into(), 1.into());
    let kind = if distinct.is_some() {
        "value_count"
    } else {
        "event_count"
    };
    if let Some(distinct) = distinct {
        condition.insert("field".into(), list(distinct));
    }
    let mut parts = Mapping::new();
    parts.insert("type".into(), kind.into());
    parts.insert("rules".into(), list(rules));
    if let Some(groups) = groups {
        parts.insert("group-by".into(), list(groups));
    }
    // The bucket has times of its own.
    parts.insert("timespan".into(), "1s".into());
    parts.insert("condition".into(), Value::Mapping(condition));
    parts.insert("generate".into(), generate.into());
    parts
}

fn refuse(faults: &mut Faults<'_>, place: &[&str], key: &'static str, why: impl Display) {
    let why = why.to_string();
    faults.add(place, Problem::BadBucket { key, why });
}

fn time(text: &str, key: &'static str, faults: &mut Faults<'_>) -> Option<i64> {
    let time = duration::microseconds(text);
    if time.is_none() {
        let why = format!("`{text}` is no time from 1ms to 31d, such as `10s`, `0.5s` or `1m30s`");
        refuse(faults, &[KEY, key], key, why);
    }
    time
}

fn check_lists(keys: &Keys, faults: &mut Faults<'_>) {
    if keys.rules.is_empty() || keys.rules.len() + keys.cancel_on.len() > Correlation::MAX_STEPS {
        let why = "list 1 to 64 names or ids of rules, those of `cancel_on` among them";
        refuse(faults, &[KEY, "rules"], "rules", why);
    }
    for (key, names) in [("groupby", &keys.groupby), ("distinct", &keys.distinct)] {
        if let Some(Names::Several(names)) = names
            && !(1..=Correlation::MAX_GROUP_FIELDS).contains(&names.len())
        {
            refuse(faults, &[KEY, key], key, "name one field, or list 1 to 8");
        }
    }
}

/// The type with its times; each type needs its own and takes no other.
fn kind(keys: &Keys, faults: &mut Faults<'_>) -> Option<Kind> {
    if keys.condition.is_some() && keys.kind != "conditional" {
        let why = "only a conditional bucket has one";
        refuse(faults, &[KEY, "condition"], "condition", why);
    }
    match keys.kind.as_str() {
        "leaky" => {
            let capacity = capacity(keys, faults);
            let leak_us = keys.needed(keys.leakspeed.as_ref(), "leakspeed", faults);
            let (capacity, leak_us) = capacity.zip(leak_us)?;
            Some(Kind::Leaky { capacity, leak_us })
        }
        "trigger" => {
            if keys.capacity.is_some_and(|capacity| capacity != 0) {
                let why = "a trigger holds nothing: take it away";
                refuse(faults, &[KEY, "capacity"], "capacity", why);
            }
            Some(Kind::Trigger)
        }
        "counter" => {
            if keys.capacity.is_some_and(|capacity| capacity != -1) {
                let why = "a counter holds any number: write -1";
                refuse(faults, &[KEY, "capacity"], "capacity", why);
            }
            let duration = keys.needed(keys.duration.as_ref(), "duration", faults)?;
            Some(Kind::Counter {
                duration_ms: duration / 1_000,
            })
        }
        "conditional" => {
            if keys.condition.is_none() {
                keys.lacks("condition", faults);
            }
            let life = keys.needed(keys.leakspeed.as_ref(), "leakspeed", faults)?;
            Some(Kind::Conditional {
                lifetime_ms: life / 1_000,
            })
        }
        other => {
            let why = format!("`{other}` is none of {TYPES}");
            refuse(faults, &[KEY, "type"], "type", why);
            None
        }
    }
}

/// How much a leaky bucket holds.
fn capacity(keys: &Keys, faults: &mut Faults<'_>) -> Option<u32> {
    let capacity = keys.capacity.and_then(|one| u32::try_from(one).ok());
    let capacity = capacity.filter(|one| (1..=Bucket::MAX_CAPACITY).contains(one));
    if capacity.is_none() {
        let why = "a leaky bucket holds 1 to 1000000";
        refuse(faults, &[KEY, "capacity"], "capacity", why);
    }
    capacity
}

impl Keys {
    /// A time that the type needs, in microseconds.
    fn needed(
        &self,
        text: Option<&String>,
        key: &'static str,
        faults: &mut Faults<'_>,
    ) -> Option<i64> {
        if text.is_none() {
            self.lacks(key, faults);
        }
        time(text?, key, faults)
    }

    fn lacks(&self, key: &'static str, faults: &mut Faults<'_>) {
        let why = format!("a {} bucket needs it", self.kind);
        refuse(faults, &[KEY], key, why);
    }
}

impl Shape {
    /// The bucket, with each name turned into the place of a reference; the key and the name that is
    /// none.
    pub(crate) fn resolve(
        &self,
        place_of: &impl Fn(&str) -> Option<usize>,
        names: &[String],
    ) -> Result<Bucket, (&'static str, String)> {
        let test = |asked: &Option<Asked>, key: &'static str| match asked {
            None => Ok(None),
            Some(Asked::Count(comparisons)) => Ok(Some(Test::Poured(comparisons.bounds()))),
            Some(Asked::Expression(text)) => {
                let why = |error: String| (key, error);
                let expression =
                    rsigma_parser::parse_condition(text).map_err(|error| why(error.to_string()))?;
                Presence::of_expression(&expression, place_of, names)
                    .map(|presence| Some(Test::Steps(presence)))
                    .map_err(|name| why(format!("it names `{name}`, which is not one of `rules`")))
            }
        };
        let missing = || ("condition", "a conditional bucket needs it".to_owned());
        let kind = match self.kind {
            Kind::Leaky { capacity, leak_us } => BucketKind::Leaky { capacity, leak_us },
            Kind::Trigger => BucketKind::Trigger,
            Kind::Counter { duration_ms } => BucketKind::Counter { duration_ms },
            Kind::Conditional { lifetime_ms } => BucketKind::Conditional {
                condition: test(&self.condition, "condition")?.ok_or_else(missing)?,
                lifetime_ms,
            },
        };
        Ok(Bucket {
            kind,
            distinct: self.distinct,
            blackhole_ms: self.blackhole_ms,
            overflow_filter: test(&self.overflow_filter, "overflow_filter")?,
            first_cancel: self.first_cancel,
        })
    }

    /// Whether a reference is only named by `cancel_on`.
    pub(crate) const fn cancels(&self, step: usize) -> bool {
        step >= self.first_cancel
    }
}

impl Comparisons {
    fn bounds(&self) -> Bounds {
        use ConditionOperator::{Eq, Gt, Gte, Lt, Lte, Neq};
        let all = [
            (Gt, self.gt),
            (Gte, self.gte),
            (Lt, self.lt),
            (Lte, self.lte),
            (Eq, self.eq),
            (Neq, self.neq),
        ];
        let written = all.into_iter();
        Bounds::new(
            written
                .filter_map(|(operator, number)| number.map(|number| (operator, number)))
                .collect(),
        )
    }
}
