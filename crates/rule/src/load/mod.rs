//! From rule files to checked rules with their conditions.

pub(crate) mod aggregation;
pub(crate) mod attack;
mod drafts;
pub(crate) mod extension;
pub(crate) mod faults;
pub(crate) mod file;
pub(crate) mod filter;
pub(crate) mod log_source;
pub(crate) mod merge;
pub(crate) mod metadata;
pub(crate) mod position;
pub(crate) mod structure;

use std::collections::HashMap;
use std::sync::Arc;

use rsigma_parser::{CorrelationRule, Detections, FilterRule, SigmaCollection, SigmaRule};
use serde::Deserialize as _;
use yaml_serde::Value;

use crate::bucket::crowdsec::{self, Lists};
use crate::correlation::{self, Correlation, Draft};
use crate::label::Labels;
use crate::load::faults::Faults;
use crate::load::filter::{Filter, Filtered};
use crate::load::log_source::LogSource;
use crate::load::merge::{Collection, Document};
use crate::load::position::Source;
use crate::matcher::Leaf;
use crate::matcher::condition::{self, Condition, Selection, Selections};
use crate::matcher::item::Context;
use crate::matcher::node::Node;
use crate::matcher::transform::Placeholders;
use crate::prefilter::gate::Probes;
use crate::{Problem, Rule, RuleError, RuleFile, bucket, matcher::selection};

/// What rules are made of.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Rules written for Vigil: if one is broken, none is loaded.
    pub own: &'a [RuleFile],
    /// Rules written for others, scenarios of CrowdSec among them, and the lists (`.txt`) that these
    /// name: what lacks has a default, and what is broken is left out and listed.
    pub foreign: &'a [RuleFile],
    /// What `%name%` stands for in values with `|expand`.
    pub placeholders: &'a Placeholders,
}

/// What became of foreign rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The foreign rules that are loaded; in the set they stand behind our own detections and before
    /// the correlations; carried-over scenarios stand behind all others.
    pub loaded: usize,
    /// How many of them are scenarios.
    pub scenarios: usize,
    /// The detections that were made for scenarios; they stand among the foreign rules.
    pub made: usize,
    /// What is not loaded, and why.
    pub refused: Vec<RuleError>,
    /// What is loaded but can match less than it says, and why.
    pub notes: Vec<RuleError>,
}

/// A rule with what it matches.
pub(crate) struct Compiled {
    pub(crate) rule: Rule,
    pub(crate) condition: Condition,
    pub(crate) log: LogSource,
    /// What others call it by, beside its id.
    name: Option<String>,
    /// See [`Input::foreign`].
    foreign: bool,
}

/// Rules, and what is looked for to find the events they can match.
pub(crate) struct Loaded {
    /// The detections.
    pub(crate) rules: Vec<Compiled>,
    /// The correlations' descriptions, whose places follow those of the detections.
    pub(crate) described: Vec<Rule>,
    /// Each after those that feed it.
    pub(crate) correlations: Vec<Correlation>,
    pub(crate) probes: Probes,
    pub(crate) labels: Labels,
    pub(crate) report: Report,
}

/// Reads all files; the rules in the order of their files, or all that is wrong with our own.
pub(crate) fn read(input: Input<'_>) -> Result<Loaded, Vec<RuleError>> {
    let mut reader = Reader {
        placeholders: input.placeholders,
        lists: Lists(input.foreign),
        scenarios: (0, 0),
        probes: Probes::default(),
        labels: Labels::default(),
        rules: Vec::new(),
        filters: Vec::new(),
        drafts: Vec::new(),
        errors: Vec::new(),
        foreign_drafts: 0,
        report: Report::default(),
    };
    let own = input.own.iter().map(|file| (file, false));
    let foreign = input.foreign.iter().filter(|file| !crowdsec::is_list(file));
    for (file, foreign) in own.chain(foreign.map(|file| (file, true))) {
        reader.file(file, foreign);
    }
    reader.remove_duplicates();
    reader.filter();
    // A rule that is broken is missing: whoever names it is not to blame.
    if reader.errors.is_empty() {
        let (described, correlations) = reader.correlate()?;
        let foreign = reader.rules.iter().filter(|rule| rule.foreign);
        let (scenarios, made) = reader.scenarios;
        let rules = foreign.count() + reader.foreign_drafts;
        reader.report.loaded = rules.saturating_sub(made);
        reader.report.scenarios = scenarios;
        reader.report.made = made;
        Ok(Loaded {
            rules: reader.rules,
            described,
            correlations,
            probes: reader.probes,
            labels: reader.labels,
            report: reader.report,
        })
    } else {
        Err(reader.errors)
    }
}

struct Reader<'a> {
    placeholders: &'a Placeholders,
    lists: Lists<'a>,
    /// How many scenarios were carried over, and how many detections were made for them.
    scenarios: (usize, usize),
    probes: Probes,
    labels: Labels,
    rules: Vec<Compiled>,
    filters: Vec<Filter>,
    drafts: Vec<(Draft, Faults<'a>)>,
    /// What is wrong with our own rules.
    errors: Vec<RuleError>,
    /// How many foreign correlations and buckets are loaded.
    foreign_drafts: usize,
    report: Report,
}

impl<'a> Reader<'a> {
    fn file(&mut self, file: &'a RuleFile, foreign: bool) {
        if file.text.len() > RuleFile::MAX_BYTES {
            let problem = Problem::TooLong {
                what: "the file",
                limit: RuleFile::MAX_BYTES,
            };
            let error = RuleError {
                file: file.name.clone(),
                line: None,
                title: None,
                problem,
            };
            self.refuse(foreign, [error]);
            return;
        }
        let mut collection = Collection::default();
        for source in Source::documents(&file.text) {
            let mut faults = Faults::new(&file.name, source, foreign);
            match self.document(file, source, &mut collection, &mut faults) {
                Some(draft) if faults.is_empty() => self.drafts.push((draft, faults)),
                _ => self.refuse(foreign, faults.into_errors()),
            }
        }
    }

    fn refuse(&mut self, foreign: bool, errors: impl IntoIterator<Item = RuleError>) {
        if foreign {
            self.report.refused.extend(errors);
        } else {
            self.errors.extend(errors);
        }
    }

    /// Reads one document, if it is not empty; a correlation waits for all other rules. What is wrong
    /// with it is in the faults.
    fn document(
        &mut self,
        file: &RuleFile,
        source: Source<'_>,
        collection: &mut Collection,
        faults: &mut Faults<'_>,
    ) -> Option<Draft> {
        let value = parse(source, faults)?;
        let document = collection
            .take(&value)
            .map_err(|problem| faults.add(&["action"], problem))
            .ok()?;
        let (value, text) = match document {
            Document::Part => return None,
            Document::Itself => (value, source.text.to_owned()),
            Document::Merged(value) => {
                let text = yaml_serde::to_string(&value)
                    .map_err(|error| faults.add(&[], Problem::Yaml(error.to_string())))
                    .ok()?;
                (value, text)
            }
        };
        if faults.is_foreign() && crowdsec::is_scenario(&value) {
            return self.scenario(&value, file, faults);
        }
        structure::check(&value, faults);
        if !faults.is_empty() {
            return None;
        }
        if value.get(bucket::KEY).is_some() {
            return bucket_draft(&value, file, faults);
        }
        let parsed = sigma(&text, faults)?;
        if let Some(filter) = parsed.filters.first() {
            self.add_filter(filter, file, faults);
        } else if let Some(rule) = parsed.rules.first() {
            self.add_rule(rule, &value, file, faults);
        } else if let Some(sigma) = parsed.correlations.first() {
            return draft(sigma, &value, file, faults);
        } else {
            not_parsed(parsed, faults);
        }
        None
    }

    /// A scenario of CrowdSec: the detections that feed it are added, the bucket is the draft.
    fn scenario(
        &mut self,
        value: &Value,
        file: &RuleFile,
        faults: &mut Faults<'_>,
    ) -> Option<Draft> {
        let before = self.rules.len();
        let carried = crowdsec::carry(value, self.lists)
            .map_err(|why| faults.add(&["filter"], Problem::BadScenario(why)))
            .ok()?;
        for detection in &carried.detections {
            let text = yaml_serde::to_string(detection).ok()?;
            if let Some(rule) = sigma(&text, faults)?.rules.first() {
                self.add_rule(rule, detection, file, faults);
            }
        }
        let draft = bucket_draft(&carried.bucket, file, faults);
        if let Some(draft) = &draft
            && let Some((first, _)) = self
                .drafts
                .iter()
                .find(|one| one.0.rule.id == draft.rule.id)
        {
            let (title, first) = (first.rule.title.clone(), first.rule.file.clone());
            let problem = duplicate(&draft.rule, &title, &first).problem;
            faults.add(&["name"], problem);
        }
        if !faults.is_empty() || draft.is_none() {
            self.rules.truncate(before);
            return None;
        }
        let (scenarios, made) = &mut self.scenarios;
        *scenarios += 1;
        *made += carried.detections.len();
        draft
    }

    fn add_rule(
        &mut self,
        sigma: &SigmaRule,
        value: &Value,
        file: &RuleFile,
        faults: &mut Faults<'_>,
    ) {
        let log = LogSource::new(&sigma.logsource);
        let rule = metadata::read(sigma, value, file, faults);
        let takes_labels = faults.is_foreign() || !log.is_web();
        let Some((condition, taken)) = self.compile(&sigma.detection, takes_labels, faults) else {
            return;
        };
        let Some(rule) = rule.filter(|_| faults.is_empty()) else {
            return;
        };
        if log.is_web() && !taken.is_empty() {
            self.report.notes.push(RuleError {
                file: rule.file.clone(),
                line: Some(rule.line),
                title: Some(rule.title.clone()),
                problem: Problem::NotInWebLogs(taken.join("`, `")),
            });
        }
        self.rules.push(Compiled {
            rule,
            condition,
            log,
            name: sigma.name.clone(),
            foreign: faults.is_foreign(),
        });
    }

    fn add_filter(&mut self, filter: &FilterRule, file: &RuleFile, faults: &mut Faults<'_>) {
        let source = filter.logsource.as_ref().map(LogSource::new);
        let takes_labels = faults.is_foreign() || !source.is_some_and(|log| log.is_web());
        let compiled = self.compile(&filter.detection, takes_labels, faults);
        let first_line = faults.source().first_line;
        let line = faults.source().line_of(&["title"]).unwrap_or(first_line);
        if let Some((condition, _)) = compiled
            && faults.is_empty()
        {
            let place = (file.name.as_str(), line);
            self.filters
                .push(Filter::new(filter, condition, place, faults.is_foreign()));
        }
    }

    /// The condition, and the names in it that are no fields.
    fn compile(
        &mut self,
        detection: &Detections,
        takes_labels: bool,
        faults: &mut Faults<'_>,
    ) -> Option<(Condition, Vec<String>)> {
        let mut context = Context {
            labels: &mut self.labels,
            placeholders: self.placeholders,
            takes_labels,
            taken: Vec::new(),
        };
        let mut names: Vec<_> = detection.named.iter().collect();
        names.sort_unstable_by_key(|(name, _)| *name);
        let mut selections = Selections::new();
        let mut complete = true;
        for (name, detection) in names {
            let compiled = selection::compile(name, detection, &mut context, faults);
            complete &= compiled.is_some();
            // A broken selection still has a name: the condition is checked against it.
            let node = compiled.unwrap_or_else(|| Node::Any(Vec::new()));
            let node = node.map(&mut |mut leaf: Leaf| {
                if complete {
                    leaf.ask(&mut self.probes);
                }
                Arc::new(leaf)
            });
            let selection = Selection {
                name: name.clone(),
                node,
            };
            selections.insert(name.clone(), Arc::new(selection));
        }
        let mut conditions = Vec::new();
        for condition in &detection.conditions {
            match condition::compile(condition, &selections) {
                Ok(condition) => conditions.push(condition),
                Err(problem) => {
                    complete = false;
                    faults.add(&["detection", "condition"], problem);
                }
            }
        }
        complete.then(|| (Node::any(conditions), context.taken))
    }

    /// Takes away each rule whose id another one has already.
    fn remove_duplicates(&mut self) {
        let mut seen: HashMap<String, (String, String)> = HashMap::new();
        let mut kept = Vec::with_capacity(self.rules.len());
        for compiled in std::mem::take(&mut self.rules) {
            let rule = &compiled.rule;
            if let Some((title, file)) = seen.get(&rule.id) {
                let error = duplicate(rule, title, file);
                self.refuse(compiled.foreign, [error]);
            } else {
                seen.insert(rule.id.clone(), (rule.title.clone(), rule.file.clone()));
                kept.push(compiled);
            }
        }
        self.rules = kept;
    }

    /// Adds the filters to the rules they name.
    fn filter(&mut self) {
        for filter in std::mem::take(&mut self.filters) {
            let rules = self.rules.iter_mut().map(|compiled| Filtered {
                rule: &compiled.rule,
                name: compiled.name.as_deref(),
                log: &compiled.log,
                condition: &mut compiled.condition,
            });
            if let Err(problem) = filter.apply(rules) {
                let error = RuleError {
                    file: filter.file.clone(),
                    line: Some(filter.line),
                    title: Some(filter.title.clone()),
                    problem,
                };
                self.refuse(filter.lenient, [error]);
            }
        }
    }
}

/// One document; none if it is empty or no YAML. Text after its end would be another document,
/// which `---` has split off already.
fn parse(source: Source<'_>, faults: &mut Faults<'_>) -> Option<Value> {
    let value = match yaml_serde::Deserializer::from_str(source.text).next() {
        Some(document) => Value::deserialize(document),
        None => return None,
    };
    match value {
        Ok(value) => (!value.is_null()).then_some(value),
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
            None
        }
    }
}

fn duplicate(rule: &Rule, title: &str, file: &str) -> RuleError {
    RuleError {
        file: rule.file.clone(),
        line: Some(rule.line),
        title: Some(rule.title.clone()),
        problem: Problem::DuplicateId {
            id: rule.id.clone(),
            title: title.to_owned(),
            file: file.to_owned(),
        },
    }
}

fn draft(
    sigma: &CorrelationRule,
    value: &Value,
    file: &RuleFile,
    faults: &mut Faults<'_>,
) -> Option<Draft> {
    let parts = value.get("correlation");
    let has_condition = parts.is_some_and(|parts| parts.get("condition").is_some());
    correlation::read(sigma.clone(), value, has_condition, file, faults)
}

/// A bucket, as the correlation that it is read as.
fn bucket_draft(value: &Value, file: &RuleFile, faults: &mut Faults<'_>) -> Option<Draft> {
    let (shape, value) = bucket::read(value, faults)?;
    let text = yaml_serde::to_string(&value)
        .map_err(|error| faults.add(&[], Problem::Yaml(error.to_string())))
        .ok()?;
    let parsed = sigma(&text, faults)?;
    let Some(sigma) = parsed.correlations.first() else {
        not_parsed(parsed, faults);
        return None;
    };
    let mut draft = draft(sigma, &value, file, faults)?;
    draft.bucket = Some(shape);
    Some(draft)
}

fn sigma(text: &str, faults: &mut Faults<'_>) -> Option<SigmaCollection> {
    rsigma_parser::parse_sigma_yaml(text)
        .map_err(|error| faults.add(&[], Problem::Sigma(error.to_string())))
        .ok()
}

fn not_parsed(parsed: SigmaCollection, faults: &mut Faults<'_>) {
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
