//! Carries scenarios of CrowdSec over: their YAML to a detection in Sigma and a bucket over it.
//!
//! *Input*: a document with `type:`, `name:` and `filter:`, and the lists that filters name with
//! `File(…)`, by the name of their file. *Output*: documents as Vigil reads them. *Limits*: filters
//! that one line of a web server's access log or of sshd decides; what is not carried over is an
//! error that names it, and is not loaded.

mod expression;
mod field;
mod question;
mod queue;
mod token;
mod translate;

use serde::Deserialize;
use yaml_serde::{Mapping, Value};

use crate::RuleFile;
use expression::Filter;
use field::Log;
use question::Asked;

/// The lists that scenarios may name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lists<'a>(pub(crate) &'a [RuleFile]);

/// How the names of lists end.
const LIST_ENDINGS: [&str; 2] = [".txt", ".json"];

/// The documents that a scenario is made of.
#[derive(Debug)]
pub(crate) struct Carried {
    /// What is poured and what empties the bucket.
    pub(crate) detections: Vec<Value>,
    /// The bucket.
    pub(crate) bucket: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    filter: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    references: Vec<String>,
    groupby: Option<String>,
    distinct: Option<String>,
    capacity: Option<i64>,
    leakspeed: Option<String>,
    duration: Option<String>,
    blackhole: Option<String>,
    condition: Option<String>,
    overflow_filter: Option<String>,
    bayesian_prior: Option<f32>,
    bayesian_threshold: Option<f32>,
    bayesian_conditions: Option<Vec<Likely>>,
    cache_size: Option<i64>,
    cancel_on: Option<String>,
    #[serde(default)]
    labels: Mapping,
    // What changes nothing about what is found here.
    #[serde(rename = "format")]
    _format: Option<Value>,
    #[serde(rename = "version")]
    _version: Option<Value>,
    #[serde(rename = "debug")]
    _debug: Option<Value>,
    #[serde(rename = "reprocess")]
    _reprocess: Option<Value>,
    #[serde(rename = "scope")]
    _scope: Option<Value>,
    #[serde(rename = "data")]
    _data: Option<Value>,
}

/// What makes an attack more or less likely.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Likely {
    condition: String,
    prob_given_evil: f32,
    prob_given_benign: f32,
    #[serde(default)]
    guillotine: bool,
}

/// Whether a file is a list and no rules.
pub(crate) fn is_list(file: &RuleFile) -> bool {
    LIST_ENDINGS
        .iter()
        .any(|ending| file.name.ends_with(ending))
}

/// Whether a document is a scenario.
pub(crate) fn is_scenario(document: &Value) -> bool {
    let has = |key: &str| document.get(key).is_some();
    has("type")
        && has("name")
        && document.get("filter").is_some_and(Value::is_string)
        && !has("title")
}

impl Lists<'_> {
    /// What stands under the key in each line of the list, which is JSON.
    fn texts(self, name: &str, key: &str) -> Result<Vec<String>, String> {
        let text = |line: String| {
            let object: serde_json::Value = serde_json::from_str(&line).ok()?;
            Some(object.get(key)?.as_str()?.to_owned())
        };
        let texts = self.lines(name)?.into_iter().map(text);
        texts
            .collect::<Option<_>>()
            .ok_or_else(|| format!("the list `{name}` has a line without the text `{key}`"))
    }

    /// The lines of the list of that name, without comments.
    fn lines(self, name: &str) -> Result<Vec<String>, String> {
        let is_it =
            |file: &&RuleFile| is_list(file) && file.name.rsplit(['/', '\\']).next() == Some(name);
        let file =
            self.0.iter().find(is_it).ok_or_else(|| {
                format!("the list `{name}` is not there: put it beside the scenario")
            })?;
        if file.text.len() > RuleFile::MAX_BYTES {
            return Err(format!(
                "the list `{name}` is longer than {} bytes",
                RuleFile::MAX_BYTES
            ));
        }
        let lines = file
            .text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let lines: Vec<String> = lines.map(str::to_owned).collect();
        if lines.is_empty() {
            return Err(format!("the list `{name}` is empty"));
        }
        Ok(lines)
    }
}

/// Carries a scenario over, or says what is in the way.
pub(crate) fn carry(document: &Value, lists: Lists<'_>) -> Result<Carried, String> {
    let scenario: Scenario =
        yaml_serde::from_value(document.clone()).map_err(|error| error.to_string())?;
    let filter = expression::read(&scenario.filter)?;
    let poured = translate::detection(&filter, lists)?;
    let log = poured.log;
    let mut detections = vec![detection(&scenario.reference("poured"), poured)];
    // CrowdSec looks only at what was to be poured.
    let of_poured = |asked: Filter| {
        let both = Filter::All(vec![filter.clone(), asked]);
        let found = translate::detection(&both, lists)?;
        if found.log == log {
            Ok(found)
        } else {
            Err("it asks for events of another log than those that are poured".to_owned())
        }
    };
    let mut asked = Asked::of(&scenario.name);
    let questions = scenario.questions(&mut asked)?;
    let names: Vec<String> = asked.filters.iter().map(|(name, _)| name.clone()).collect();
    for (name, filter) in asked.filters {
        detections.push(detection(&name, of_poured(filter)?));
    }
    if let Some(cancel) = &scenario.cancel_on {
        let cancel = of_poured(expression::read(cancel)?)?;
        detections.push(detection(&scenario.reference("cancel"), cancel));
    }
    Ok(Carried {
        detections,
        bucket: scenario.bucket(log, names, questions)?,
    })
}

impl Scenario {
    fn reference(&self, part: &str) -> String {
        format!("{}/{part}", self.name)
    }

    /// What is asked of the bucket, by key.
    fn questions(&self, asked: &mut Asked) -> Result<Mapping, String> {
        let mut map = Mapping::new();
        let keys = [
            ("condition", &self.condition),
            ("overflow_filter", &self.overflow_filter),
        ];
        for (key, text) in keys {
            if let Some(text) = text {
                let written = self.question(text, asked);
                let written = written.map_err(|why| format!("`{key}`: {why}"))?;
                map.insert(key.into(), written);
            }
        }
        let Some(conditions) = &self.bayesian_conditions else {
            return Ok(map);
        };
        let mut list = Vec::new();
        for one in conditions {
            let mut condition = Mapping::new();
            let written = self.question(&one.condition, asked);
            let written = written.map_err(|why| format!("`bayesian_conditions`: {why}"))?;
            condition.insert("condition".into(), written);
            condition.insert("prob_given_evil".into(), one.prob_given_evil.into());
            condition.insert("prob_given_benign".into(), one.prob_given_benign.into());
            condition.insert("guillotine".into(), one.guillotine.into());
            list.push(Value::Mapping(condition));
        }
        map.insert("bayesian_conditions".into(), Value::Sequence(list));
        Ok(map)
    }

    fn question(&self, text: &str, asked: &mut Asked) -> Result<Value, String> {
        let question = queue::read(text)?;
        let is_limited = self.cache_size.is_some_and(|size| size > 0)
            || self.kind == "leaky"
            || self.kind != "trigger" && self.capacity.is_some_and(|capacity| capacity != -1);
        if is_limited && question::asks_queue(&question) {
            let why = "it asks for the events that the bucket holds, of which `capacity` or `cache_size` keeps only the newest";
            return Err(why.to_owned());
        }
        asked.written(&question)
    }

    fn bucket(&self, log: Log, asked: Vec<String>, questions: Mapping) -> Result<Value, String> {
        let mut map = self.described();
        let subjects = |text: &str| -> Result<Vec<Value>, String> {
            let mut subjects = Vec::new();
            for name in expression::names(text)? {
                subjects.extend(field::subject(&name, log)?.map(Value::from));
            }
            Ok(subjects)
        };
        let mut bucket = Mapping::new();
        bucket.insert("type".into(), self.kind.clone().into());
        let list = |names: Vec<Value>| Value::Sequence(names);
        let poured = std::iter::once(self.reference("poured")).chain(asked);
        bucket.insert("rules".into(), list(poured.map(Value::from).collect()));
        bucket.extend(questions);
        let numbers = [
            ("bayesian_prior", self.bayesian_prior),
            ("bayesian_threshold", self.bayesian_threshold),
        ];
        for (key, number) in numbers {
            if let Some(number) = number {
                bucket.insert(key.into(), number.into());
            }
        }
        if self.cancel_on.is_some() {
            bucket.insert(
                "cancel_on".into(),
                list(vec![self.reference("cancel").into()]),
            );
        }
        for (key, text) in [("groupby", &self.groupby), ("distinct", &self.distinct)] {
            let subjects = text
                .as_deref()
                .map(subjects)
                .transpose()?
                .unwrap_or_default();
            if !subjects.is_empty() {
                bucket.insert(key.into(), list(subjects));
            }
        }
        if let Some(capacity) = self.capacity {
            bucket.insert("capacity".into(), capacity.into());
        }
        let times = [
            ("leakspeed", &self.leakspeed),
            ("duration", &self.duration),
            ("blackhole", &self.blackhole),
        ];
        for (key, time) in times {
            if let Some(time) = time {
                bucket.insert(key.into(), time.clone().into());
            }
        }
        map.insert(super::KEY.into(), Value::Mapping(bucket));
        Ok(Value::Mapping(map))
    }

    /// What the scenario says about itself.
    fn described(&self) -> Mapping {
        let label = |key: &str| self.labels.get(key).and_then(Value::as_str);
        let title = label("label").unwrap_or("CrowdSec");
        let mut map = Mapping::new();
        map.insert("title".into(), format!("{title} ({})", self.name).into());
        map.insert("name".into(), self.name.clone().into());
        if !self.description.is_empty() {
            map.insert("description".into(), self.description.clone().into());
        }
        let references = self.references.iter().map(|one| Value::from(one.as_str()));
        map.insert("references".into(), references.collect());
        let tags = self
            .labels
            .get("classification")
            .and_then(Value::as_sequence);
        let tags = tags.into_iter().flatten().filter_map(Value::as_str);
        let tags = tags.map(|tag| Value::from(tag.to_ascii_lowercase()));
        map.insert("tags".into(), tags.collect());
        // What CrowdSec would block for is an alert; what it only tells is a threat.
        let blocks = self.labels.get("remediation") == Some(&Value::Bool(true));
        let mut own = Mapping::new();
        own.insert(
            "family".into(),
            family(label("behavior").unwrap_or_default()).into(),
        );
        own.insert("score".into(), if blocks { 7.5 } else { 5.5 }.into());
        map.insert(
            "level".into(),
            if blocks { "high" } else { "medium" }.into(),
        );
        map.insert("vigil".into(), Value::Mapping(own));
        map
    }
}

/// What is poured, what is asked of it, or what empties the bucket: a rule that only feeds it.
fn detection(name: &str, detection: translate::Detection) -> Value {
    let mut log = Mapping::new();
    match detection.log {
        Log::Web => log.insert("category".into(), "webserver".into()),
        Log::Ssh => {
            log.insert("product".into(), "linux".into());
            log.insert("service".into(), "sshd".into())
        }
    };
    let mut map = Mapping::new();
    map.insert("title".into(), format!("What Is Poured ({name})").into());
    map.insert("name".into(), name.into());
    map.insert("logsource".into(), Value::Mapping(log));
    map.insert("detection".into(), Value::Mapping(detection.map));
    map.insert("level".into(), "informational".into());
    Value::Mapping(map)
}

/// The family of a behaviour such as `http:bruteforce`.
fn family(behaviour: &str) -> &'static str {
    let kind = behaviour.rsplit(':').next().unwrap_or_default();
    match kind {
        "scan" | "crawl" => "scanning",
        "bruteforce" | "user-enumeration" => "password_guessing",
        "exploit" => "known_exploit",
        "dos" => "flood",
        "spam" => "bad_bot",
        _ => "uncategorized",
    }
}
