//! Reads one document with `bucket:`, in Vigil's own form.
//!
//! The document is handed on as a correlation of the rules that it names; what is the bucket's own
//! is kept beside it as a [`Shape`] until the references are resolved.

use std::fmt::Display;

use serde::Deserialize;
use yaml_serde::{Mapping, Value};

use super::asked::{Asked, Over, Resolver};
use super::{Belief, Bucket, BucketKind, Likelihood, duration};
use crate::Problem;
use crate::correlation::Correlation;
use crate::load::faults::Faults;
use crate::load::structure;

/// What is poured into.
pub(crate) const KEY: &str = "bucket";
const TYPES: &str = "leaky, trigger, counter, surge, conditional or bayesian";
const CONDITIONS: &str = "bayesian_conditions";

/// A bucket whose references are not resolved yet.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    kind: Kind,
    distinct: bool,
    blackhole_ms: i64,
    condition: Option<Asked>,
    overflow_filter: Option<Asked>,
    believed: Option<Believed>,
    first_cancel: usize,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Leaky { capacity: u32, leak_us: i64 },
    Trigger,
    Counter { duration_ms: i64 },
    Surge { capacity: u32, period_ms: i64 },
    Conditional { lifetime_ms: i64 },
    Bayesian { lifetime_ms: i64 },
}

/// How an attack becomes likely, as written.
#[derive(Clone, Debug)]
struct Believed {
    prior: f32,
    threshold: f32,
    conditions: Vec<Likely>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Likely {
    condition: Asked,
    prob_given_evil: f32,
    prob_given_benign: f32,
    #[serde(default)]
    guillotine: bool,
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
    bayesian_prior: Option<f32>,
    bayesian_threshold: Option<f32>,
    bayesian_conditions: Option<Vec<Likely>>,
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
    let believed = believed(&keys, faults);
    let blackhole_ms = keys.blackhole.as_ref().map_or(0, |text| {
        time(text, "blackhole", faults).unwrap_or_default() / 1_000
    });
    let of_belief = believed.iter().flat_map(|believed| &believed.conditions);
    let of_belief = of_belief.map(|one| (CONDITIONS, &one.condition));
    let own = [
        ("condition", keys.condition.as_ref()),
        ("overflow_filter", keys.overflow_filter.as_ref()),
    ];
    let own = own
        .into_iter()
        .filter_map(|(name, asked)| Some((name, asked?)));
    for (name, asked) in own.chain(of_belief) {
        for text in asked.expressions() {
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
        believed,
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
        "surge" => surge(keys, faults),
        "conditional" => {
            if keys.condition.is_none() {
                keys.lacks("condition", faults);
            }
            let life = keys.needed(keys.leakspeed.as_ref(), "leakspeed", faults)?;
            Some(Kind::Conditional {
                lifetime_ms: life / 1_000,
            })
        }
        "bayesian" => {
            if keys.capacity.is_some_and(|capacity| capacity != -1) {
                let why = "a bayesian bucket holds any number: write -1";
                refuse(faults, &[KEY, "capacity"], "capacity", why);
            }
            let life = keys.needed(keys.leakspeed.as_ref(), "leakspeed", faults)?;
            Some(Kind::Bayesian {
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

/// What is counted is values, and a filter has nothing to add.
fn surge(keys: &Keys, faults: &mut Faults<'_>) -> Option<Kind> {
    if keys.distinct.is_none() {
        keys.lacks("distinct", faults);
    }
    if keys.overflow_filter.is_some() {
        let why = "a surge has none";
        refuse(faults, &[KEY, "overflow_filter"], "overflow_filter", why);
    }
    let capacity = capacity(keys, faults);
    let period = keys.needed(keys.duration.as_ref(), "duration", faults)?;
    Some(Kind::Surge {
        capacity: capacity?,
        period_ms: period / 1_000,
    })
}

/// What a bayesian bucket goes by; no other type takes it.
fn believed(keys: &Keys, faults: &mut Faults<'_>) -> Option<Believed> {
    let given = [
        ("bayesian_prior", keys.bayesian_prior.is_some()),
        ("bayesian_threshold", keys.bayesian_threshold.is_some()),
        (CONDITIONS, keys.bayesian_conditions.is_some()),
    ];
    let is_bayesian = keys.kind == "bayesian";
    for (key, is_given) in given {
        match (is_bayesian, is_given) {
            (true, false) => keys.lacks(key, faults),
            (false, true) => refuse(faults, &[KEY, key], key, "only a bayesian bucket has it"),
            _ => {}
        }
    }
    let (prior, threshold) = keys.bayesian_prior.zip(keys.bayesian_threshold)?;
    for (key, number) in [("bayesian_prior", prior), ("bayesian_threshold", threshold)] {
        if !(number > 0.0 && number <= 1.0) {
            refuse(
                faults,
                &[KEY, key],
                key,
                "write a number above 0, at most 1",
            );
        }
    }
    let conditions = keys.bayesian_conditions.clone()?;
    if !(1..=Belief::MAX_CONDITIONS).contains(&conditions.len()) {
        let why = format!("list 1 to {}", Belief::MAX_CONDITIONS);
        refuse(faults, &[KEY, CONDITIONS], CONDITIONS, why);
    }
    let is_chance = |number: f32| (0.0..=1.0).contains(&number);
    if !conditions
        .iter()
        .all(|one| is_chance(one.prob_given_evil) && is_chance(one.prob_given_benign))
    {
        let why = "`prob_given_evil` and `prob_given_benign` are numbers from 0 to 1";
        refuse(faults, &[KEY, CONDITIONS], CONDITIONS, why);
    }
    Some(Believed {
        prior,
        threshold,
        conditions,
    })
}

/// How much a leaky bucket holds.
fn capacity(keys: &Keys, faults: &mut Faults<'_>) -> Option<u32> {
    let capacity = keys.capacity.and_then(|one| u32::try_from(one).ok());
    let capacity = capacity.filter(|one| (1..=Bucket::MAX_CAPACITY).contains(one));
    if capacity.is_none() {
        let why = format!("a {} bucket holds 1 to 1000000", keys.kind);
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
        let mut resolver = Resolver {
            place_of,
            names,
            tallies: Vec::new(),
        };
        let missing = |key: &'static str| (key, "the bucket needs it".to_owned());
        let kind = match self.kind {
            Kind::Leaky { capacity, leak_us } => BucketKind::Leaky { capacity, leak_us },
            Kind::Trigger => BucketKind::Trigger,
            Kind::Counter { duration_ms } => BucketKind::Counter { duration_ms },
            Kind::Surge {
                capacity,
                period_ms,
            } => BucketKind::Surge {
                capacity,
                period_ms,
            },
            Kind::Conditional { lifetime_ms } => {
                let asked = self.condition.as_ref();
                let asked = asked.ok_or_else(|| missing("condition"))?;
                BucketKind::Conditional {
                    condition: resolver
                        .test(asked, Over::Held)
                        .map_err(|why| ("condition", why))?,
                    lifetime_ms,
                }
            }
            Kind::Bayesian { lifetime_ms } => {
                let believed = self.believed.as_ref();
                let believed = believed.ok_or_else(|| missing(CONDITIONS))?;
                BucketKind::Bayesian {
                    belief: believed
                        .resolve(&mut resolver)
                        .map_err(|why| (CONDITIONS, why))?,
                    lifetime_ms,
                }
            }
        };
        let filter = self.overflow_filter.as_ref();
        let filter = filter.map(|asked| resolver.test(asked, Over::Overflow));
        Ok(Bucket {
            kind,
            distinct: self.distinct,
            blackhole_ms: self.blackhole_ms,
            overflow_filter: filter.transpose().map_err(|why| ("overflow_filter", why))?,
            tallies: resolver.tallies,
            first_cancel: self.first_cancel,
        })
    }

    /// Whether a reference is only named by `cancel_on`.
    pub(crate) const fn cancels(&self, step: usize) -> bool {
        step >= self.first_cancel
    }
}

impl Believed {
    fn resolve<F: Fn(&str) -> Option<usize>>(
        &self,
        resolver: &mut Resolver<'_, F>,
    ) -> Result<Belief, String> {
        let conditions = self.conditions.iter().map(|one| {
            Ok(Likelihood {
                test: resolver.test(&one.condition, Over::Last)?,
                given_evil: one.prob_given_evil,
                given_benign: one.prob_given_benign,
                guillotine: one.guillotine,
            })
        });
        Ok(Belief {
            prior: self.prior,
            threshold: self.threshold,
            conditions: conditions.collect::<Result<_, String>>()?,
        })
    }
}
