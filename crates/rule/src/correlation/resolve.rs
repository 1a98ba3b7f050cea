//! Puts rules, fields and aliases in the places of their names.

use rsigma_parser::{CorrelationCondition, CorrelationType, FieldAlias};

use super::{Bounds, Correlation, Draft, Feed, Kind, Presence, Subject, order};
use crate::bucket::{self, Shape};
use crate::load::faults::Faults;
use crate::{Problem, Rule, RuleError, RuleKind, field};

/// Names the rules of a family in a correlation's `rules`.
const FAMILY: &str = "family:";
/// Only rules of a family that make a threat alone take part under its name: those that speak only
/// together would count what good visitors do.
const FAMILY_SCORE: f64 = 5.0;

/// A reference with the places of the rules that it names.
struct Step {
    written: String,
    rules: Vec<usize>,
}

/// A draft, by its place among all, and what is wrong with it.
pub(crate) type Wrong = (usize, Vec<RuleError>);

/// What is known of each rule beside its description.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    /// It was written for others.
    pub(crate) foreign: bool,
    /// Names that are no field stand for what a record has under them.
    pub(crate) takes_labels: bool,
}

/// Resolves the drafts, whose descriptions stand at the end of `rules` in their order, as do their
/// origins in `origins`.
pub(crate) fn resolve(
    drafts: &mut [(Draft, Faults<'_>)],
    rules: &mut [Rule],
    origins: &mut [Origin],
) -> Result<Vec<Correlation>, Vec<Wrong>> {
    let first = rules.len() - drafts.len();
    hand_on_labels(drafts, rules, origins);
    let (mut resolved, mut wrong) = (Vec::new(), Vec::new());
    let mut stand_alone = vec![false; rules.len()];
    let mut fed = vec![false; rules.len()];
    for (draft_place, (draft, faults)) in drafts.iter_mut().enumerate() {
        let place = first + draft_place;
        match correlation(place, draft, (rules, origins), faults) {
            Some((correlation, steps)) if faults.is_empty() => {
                note_generated(draft, &steps, &mut stand_alone, &mut fed);
                resolved.push(correlation);
            }
            _ => wrong.push((draft_place, faults.take())),
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let mut ordered = order::in_order(resolved, rules).map_err(|(place, path)| {
        let draft_place = place.saturating_sub(first);
        let found = drafts.get_mut(draft_place);
        found.map_or_else(Vec::new, |(_, faults)| {
            faults.add(&["correlation", "rules"], Problem::Cycle(path));
            vec![(draft_place, faults.take())]
        })
    })?;
    for (rule, (fed, alone)) in rules.iter_mut().zip(fed.into_iter().zip(stand_alone)) {
        // What scores nothing says nothing alone.
        rule.feeds_only = fed && (!alone || rule.score.value() == 0.0);
    }
    order::mark_by_client(&mut ordered);
    Ok(ordered)
}

/// A correlation of a rule that takes labels takes them as well.
fn hand_on_labels(drafts: &[(Draft, Faults<'_>)], rules: &[Rule], origins: &mut [Origin]) {
    let first = rules.len() - drafts.len();
    let takes = |origins: &[Origin], place: usize| {
        let origin = origins.get(place);
        origin.is_some_and(|origin| origin.takes_labels)
    };
    loop {
        let mut is_done = true;
        for (place, (draft, faults)) in drafts.iter().enumerate() {
            let asks = (draft.rule.file.as_str(), faults.is_foreign());
            let named = |written: &String| named(written, asks, rules, origins).unwrap_or_default();
            let is_fed = !takes(origins, first + place)
                && (draft.sigma.rules.iter().flat_map(named)).any(|rule| takes(origins, rule));
            if let Some(origin) = origins.get_mut(first + place).filter(|_| is_fed) {
                origin.takes_labels = true;
                is_done = false;
            }
        }
        if is_done {
            return;
        }
    }
}

/// A rule that is named by itself stands alone only where a correlation says `generate`.
fn note_generated(draft: &Draft, steps: &[Step], stand_alone: &mut [bool], fed: &mut [bool]) {
    for (place, step) in steps.iter().enumerate() {
        if step.written.starts_with(FAMILY) {
            continue;
        }
        for rule in &step.rules {
            if let (Some(fed), Some(alone)) = (fed.get_mut(*rule), stand_alone.get_mut(*rule)) {
                *fed = true;
                // What empties a bucket is no part of what it finds.
                let cancels = draft
                    .bucket
                    .as_ref()
                    .is_some_and(|bucket| bucket.cancels(place));
                *alone |= draft.sigma.generate || cancels;
            }
        }
    }
}

fn correlation(
    place: usize,
    draft: &Draft,
    (rules, origins): (&[Rule], &[Origin]),
    faults: &mut Faults<'_>,
) -> Option<(Correlation, Vec<Step>)> {
    let mut steps = Vec::new();
    for written in &draft.sigma.rules {
        let asks = (draft.rule.file.as_str(), faults.is_foreign());
        match named(written, asks, rules, origins) {
            Ok(rules) => steps.push(Step {
                written: written.clone(),
                rules,
            }),
            Err(problem) => faults.add(&["correlation", "rules", written], problem),
        }
    }
    if !faults.is_empty() {
        return None;
    }
    check_aliases(draft, &steps, rules, faults);
    let feeds = feeds(draft, &steps, (rules, origins), faults);
    let kind = kind(draft, &steps, rules, faults)?;
    let called = |step: &Step| match step.rules.as_slice() {
        [only] => rules
            .get(*only)
            .map_or_else(|| step.written.clone(), |rule| rule.title.clone()),
        _ => step.written.clone(),
    };
    let timespan_ms = match &kind {
        Kind::Bucket(bucket) => bucket.lifetime_ms(),
        _ => i64::try_from(draft.sigma.timespan.seconds).ok()? * 1_000,
    };
    let correlation = Correlation {
        rule: place,
        kind,
        feeds,
        steps: steps.iter().map(called).collect(),
        group_by: draft.sigma.group_by.clone(),
        timespan_ms,
        by_client: false,
    };
    Some((correlation, steps))
}

/// The places of the rules that a reference names.
fn named(
    written: &str,
    (file, is_foreign): (&str, bool),
    rules: &[Rule],
    origins: &[Origin],
) -> Result<Vec<usize>, Problem> {
    let places = |wanted: &dyn Fn(&Rule) -> bool| -> Vec<usize> {
        rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| wanted(rule))
            .map(|(place, _)| place)
            .collect()
    };
    let found = if let Some(family) = written.strip_prefix(FAMILY) {
        places(&|rule| {
            rule.kind == RuleKind::Detection
                && rule.family == family
                && rule.score.value() >= FAMILY_SCORE
        })
    } else {
        let is_called = |rule: &Rule| is_called(rule, written);
        let here = places(&|rule| is_called(rule) && rule.file == file);
        let found = if here.is_empty() {
            nearest(places(&is_called), is_foreign, origins)
        } else {
            here
        };
        if found.len() > 1 {
            let files: Vec<_> = found
                .iter()
                .filter_map(|place| rules.get(*place))
                .map(|rule| format!("{}:{}", rule.file, rule.line))
                .collect();
            return Err(Problem::AmbiguousRule {
                name: written.to_owned(),
                files: files.join(", "),
            });
        }
        found
    };
    if found.is_empty() {
        return Err(Problem::UnknownRule(written.to_owned()));
    }
    Ok(found)
}

/// Of several rules those of the same kind as who asks, if there are some: ours for ours, foreign ones
/// for what is foreign. So nothing that is added takes a name away from what was there.
fn nearest(found: Vec<usize>, is_foreign: bool, origins: &[Origin]) -> Vec<usize> {
    let is_near = |place: &usize| {
        let origin = origins.get(*place);
        origin.is_some_and(|origin| origin.foreign == is_foreign)
    };
    let near: Vec<usize> = found.iter().copied().filter(is_near).collect();
    if near.is_empty() { found } else { near }
}

fn is_called(rule: &Rule, name: &str) -> bool {
    rule.name.as_deref() == Some(name) || rule.id.eq_ignore_ascii_case(name)
}

/// Whether a name in an alias or an expression means this reference.
fn means(step: &Step, name: &str, rules: &[Rule]) -> bool {
    step.written == name
        || step
            .rules
            .iter()
            .filter_map(|place| rules.get(*place))
            .any(|rule| step.rules.len() == 1 && is_called(rule, name))
}

fn check_aliases(draft: &Draft, steps: &[Step], rules: &[Rule], faults: &mut Faults<'_>) {
    for FieldAlias { alias, mapping } in &draft.sigma.aliases {
        for name in mapping.keys() {
            if !steps.iter().any(|step| means(step, name, rules)) {
                let why = format!("alias `{alias}` names `{name}`, which is not one of `rules`");
                let problem = Problem::BadCorrelation {
                    key: "aliases",
                    why,
                };
                faults.add(&["correlation", "aliases", alias, name], problem);
            }
        }
    }
}

/// Every rule that takes part, with what of its events counts.
fn feeds(
    draft: &Draft,
    steps: &[Step],
    known: (&[Rule], &[Origin]),
    faults: &mut Faults<'_>,
) -> Vec<Feed> {
    let values: &[String] = match &draft.sigma.condition {
        CorrelationCondition::Threshold {
            field: Some(fields),
            ..
        } => fields,
        _ => &[],
    };
    let numbers = !matches!(
        draft.sigma.correlation_type,
        CorrelationType::ValueCount | CorrelationType::EventCount
    );
    let mut feeds = Vec::new();
    for (step_place, step) in steps.iter().enumerate() {
        let mut subjects = |names: &[String], place: &[&str], numbers: bool| -> Vec<Subject> {
            let resolved = names.iter().map(|name| {
                subject(name, step, draft, known, numbers).map_err(|problem| (name, problem))
            });
            let mut found = Vec::new();
            for subject in resolved {
                match subject {
                    Ok(subject) => found.push(subject),
                    // The same name is wrong for every rule alike: once is enough.
                    Err((name, problem)) if step_place == 0 || draft.is_alias(name) => {
                        let place: Vec<&str> =
                            place.iter().copied().chain([name.as_str()]).collect();
                        faults.add(&place, problem);
                    }
                    Err(_) => {}
                }
            }
            found
        };
        let group_by = subjects(&draft.sigma.group_by, &["correlation", "group-by"], false);
        let value = subjects(values, &["correlation", "condition", "field"], numbers);
        feeds.extend(step.rules.iter().map(|rule| Feed {
            rule: *rule,
            step: step_place,
            group_by: group_by.clone(),
            value: value.clone(),
        }));
    }
    feeds
}

impl Draft {
    fn is_alias(&self, name: &str) -> bool {
        self.sigma.aliases.iter().any(|alias| alias.alias == name)
    }
}

/// What a name stands for in the events of a reference.
fn subject(
    name: &str,
    step: &Step,
    draft: &Draft,
    (rules, origins): (&[Rule], &[Origin]),
    number: bool,
) -> Result<Subject, Problem> {
    let aliases = &draft.sigma.aliases;
    let name = match aliases.iter().find(|alias| alias.alias == name) {
        None => name,
        Some(FieldAlias { mapping, .. }) => mapping
            .iter()
            .find(|(rule, _)| means(step, rule, rules))
            .map(|(_, field)| field.as_str())
            .ok_or_else(|| Problem::BadCorrelation {
                key: "aliases",
                why: format!(
                    "alias `{name}` names no field for `{}`: add one",
                    step.written
                ),
            })?,
    };
    let subject = match name {
        "rule.category" => Some(Subject::Family),
        "rule.id" => Some(Subject::Rule),
        "source.network" => Some(Subject::Network),
        "vigil.session" => Some(Subject::Session),
        "url.file" => Some(Subject::File),
        "url.parameter.names" => Some(Subject::ParameterNames),
        _ => field::single(name).map(Subject::Field),
    };
    let takes_labels = |rule: &usize| origins.get(*rule).is_some_and(|one| one.takes_labels);
    let Some(subject) = subject else {
        if step.rules.iter().any(takes_labels) && field::scope(name).is_none() {
            return Ok(Subject::Label(name.into()));
        }
        return Err(Problem::UnknownField {
            field: name.to_owned(),
            known: "the name of one field, such as source.ip or url.path, an alias, \
                    source.network, vigil.session, url.file, url.parameter.names, rule.category or \
                    rule.id"
                .to_owned(),
        });
    };
    let is_number = field::scope(name).is_some_and(|scope| scope.number().is_some());
    if number && !is_number {
        return Err(Problem::BadCorrelation {
            key: "field",
            why: format!("`{name}` is no number: use http.response.body.bytes or another number"),
        });
    }
    Ok(subject)
}

fn kind(draft: &Draft, steps: &[Step], rules: &[Rule], faults: &mut Faults<'_>) -> Option<Kind> {
    if let Some(shape) = &draft.bucket {
        return bucket(shape, steps, rules, faults);
    }
    let all = || Bounds::at_least(steps.len() as u64);
    let (bounds, percentile) = match &draft.sigma.condition {
        _ if !draft.has_condition => (all(), None),
        CorrelationCondition::Threshold {
            predicates,
            percentile,
            ..
        } => (Bounds::new(predicates.clone()), *percentile),
        CorrelationCondition::Extended(_) => (all(), None),
    };
    let percent = percentile.map_or(50, |percent| percent.min(100) as u8);
    let mut presence = |bounds: Bounds| match &draft.sigma.condition {
        CorrelationCondition::Extended(expression) => {
            let names: Vec<String> = steps.iter().map(|step| step.written.clone()).collect();
            let place_of = |name: &str| steps.iter().position(|step| means(step, name, rules));
            Presence::of_expression(expression, &place_of, &names)
                .map_err(|name| {
                    let why = format!("it names `{name}`, which is not one of `rules`");
                    let problem = Problem::BadCorrelation {
                        key: "condition",
                        why,
                    };
                    faults.add(&["correlation", "condition"], problem);
                })
                .ok()
        }
        CorrelationCondition::Threshold { .. } => Some(Presence::Count(bounds)),
    };
    Some(match draft.sigma.correlation_type {
        CorrelationType::EventCount => Kind::EventCount(bounds),
        CorrelationType::ValueCount => Kind::ValueCount(bounds),
        CorrelationType::Temporal => Kind::Temporal(presence(bounds)?),
        CorrelationType::TemporalOrdered => Kind::TemporalOrdered(presence(bounds)?),
        CorrelationType::ValueSum => Kind::ValueSum(bounds),
        CorrelationType::ValueAvg => Kind::ValueAverage(bounds),
        CorrelationType::ValuePercentile => Kind::ValuePercentile { percent, bounds },
        CorrelationType::ValueMedian => Kind::ValuePercentile {
            percent: 50,
            bounds,
        },
    })
}

fn bucket(shape: &Shape, steps: &[Step], rules: &[Rule], faults: &mut Faults<'_>) -> Option<Kind> {
    let names: Vec<String> = steps.iter().map(|step| step.written.clone()).collect();
    let place_of = |name: &str| steps.iter().position(|step| means(step, name, rules));
    match shape.resolve(&place_of, &names) {
        Ok(bucket) => Some(Kind::Bucket(Box::new(bucket))),
        Err((key, why)) => {
            faults.add(&[bucket::KEY, key], Problem::BadBucket { key, why });
            None
        }
    }
}
