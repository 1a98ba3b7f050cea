//! Learns the sites from the requests of all threads, and says when a profile may judge.
//!
//! Owns: for each host what is known, its state, its trial and a profile that is learned anew beside
//! it. Never holds: files, clocks, threads. Every request is judged before it teaches, so that a
//! profile is known to be good before it is put in force, and when the site has changed.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::eye::{Profiles, SiteInForce};
use super::options::{ProfileOptions, Trust};
use super::seen::{Request, Requests};
use super::site::{Site, Verdict};
use super::value::STRONG;
use super::witness::Witness;

/// Requests of one trial.
const TRIAL: u64 = 2_000;
/// What of a network does not fit teaches nothing any more once it is so many different things within
/// a week.
const ODD_THINGS: usize = 3;
/// Networks of which that is counted.
const MAX_ODD: usize = 4_096;
/// What does not fit teaches only after so long, if its network is not known for more by then.
const QUARANTINE_MS: i64 = 3_600_000;
/// So many such requests wait at most.
const MAX_WAITING: usize = 2_048;
/// A site has changed only when so many networks show the same thing; attackers try many.
const DRIFT_NETWORKS: u32 = 12;
/// Things that are told apart in a trial.
const MAX_THINGS: usize = 256;
/// A site that learns is settled again after so many requests at least, or a tenth more.
const SETTLE_EVERY: u64 = 500;
/// A version is kept at least this often, in milliseconds of event time.
const VERSION_EVERY_MS: i64 = DAY_MS;
const DAY_MS: i64 = 24 * 3_600_000;
const NOTORIOUS_MS: i64 = 7 * DAY_MS;

/// Where a profile stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It learns, and judges nothing.
    #[default]
    Learning,
    /// It judges, and goes on learning.
    Active,
    /// It judges, and what is only new counts less: much of what comes does not fit any more.
    Drifting,
}

impl State {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Learning => "learning",
            Self::Active => "active",
            Self::Drifting => "drifting",
        }
    }
}

/// How many requests a profile would have found odd, before it learned from them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Trial {
    requests: u64,
    alarms: u64,
    /// What did not fit, by what it was.
    things: HashMap<u64, Witness>,
    /// Of the trial that was finished last.
    share: Option<f64>,
    /// The same of what many networks have shown alike.
    changed: f64,
}

impl Trial {
    /// Counts a request; true when a trial is finished by it.
    fn count(&mut self, request: &Request<'_>) -> bool {
        self.requests = self.requests.saturating_add(u64::from(request.weight()));
        if self.requests < TRIAL {
            return false;
        }
        let all = self.requests as f64;
        self.share = Some(self.alarms as f64 / all);
        let alike = self
            .things
            .values()
            .filter(|seen| seen.networks() >= DRIFT_NETWORKS);
        self.changed = alike.map(|seen| f64::from(seen.count())).sum::<f64>() / all;
        self.requests = 0;
        self.alarms = 0;
        self.things.clear();
        true
    }

    /// Counts a request that does not fit, after it has waited.
    fn count_odd(&mut self, request: &Request<'_>, thing: u64) {
        self.alarms = self.alarms.saturating_add(u64::from(request.weight()));
        if self.things.len() < MAX_THINGS || self.things.contains_key(&thing) {
            self.things.entry(thing).or_default().see(&request.lesson());
        }
    }
}

/// A site that is learned, with its trial.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Course {
    site: Site,
    trial: Trial,
    settled_at: u64,
    /// What of a network did not fit, since the week began.
    odd: HashMap<u64, [u64; ODD_THINGS]>,
    odd_since_ms: i64,
    /// What does not fit and may teach later.
    #[serde(skip)]
    waiting: VecDeque<(Requests, u64)>,
}

impl Course {
    /// Judges a request and learns from it; true when a trial is finished by it.
    fn take(&mut self, request: &Request<'_>, options: &ProfileOptions, is_drifting: bool) -> bool {
        let mut is_finished = false;
        self.release(request.at_ms(), options);
        if self.settled_at > 0 {
            let verdict = self.site.judge(request, Trust::of(options), is_drifting);
            let is_odd = verdict.score >= STRONG;
            if is_odd && self.is_notorious_after(request, &verdict) {
                return false;
            }
            is_finished = self.trial.count(request);
            if is_odd {
                let thing = verdict.misfits.first().map_or(0, |one| one.thing);
                self.waiting.push_back((request.alone(), thing));
                return is_finished;
            }
        }
        self.site.learn(request, options);
        is_finished
    }

    /// Learns from what has waited, but for that of networks that turned out to be notorious.
    fn release(&mut self, now_ms: i64, options: &ProfileOptions) {
        while let Some((first, _)) = self.waiting.front() {
            let is_over = first
                .last()
                .is_none_or(|one| now_ms.saturating_sub(one.at_ms()) >= QUARANTINE_MS);
            if !is_over && self.waiting.len() <= MAX_WAITING {
                return;
            }
            let Some((waited, thing)) = self.waiting.pop_front() else {
                return;
            };
            if let Some(request) = waited.last()
                && !self.is_notorious(request.who().network)
            {
                self.trial.count_odd(&request, thing);
                self.site.learn(&request.as_odd(), options);
            }
        }
    }

    fn is_notorious(&self, network: u64) -> bool {
        let things = self.odd.get(&network);
        things.is_some_and(|things| things.iter().all(|thing| *thing != 0))
    }

    /// Whether so much of its network did not fit that this request neither counts nor teaches.
    fn is_notorious_after(&mut self, request: &Request<'_>, verdict: &Verdict) -> bool {
        let at = request.at_ms();
        if at.saturating_sub(self.odd_since_ms) >= NOTORIOUS_MS {
            self.odd.clear();
            self.odd_since_ms = at;
        }
        let network = request.who().network;
        if self.odd.len() >= MAX_ODD && !self.odd.contains_key(&network) {
            return false;
        }
        let was = self.is_notorious(network);
        let things = self.odd.entry(network).or_default();
        let of_request = verdict
            .misfits
            .iter()
            .filter(|one| one.aspect.is_of_request());
        for misfit in of_request {
            let thing = misfit.thing.max(1);
            if !things.contains(&thing)
                && let Some(free) = things.iter_mut().find(|one| **one == 0)
            {
                *free = thing;
            }
        }
        was
    }

    fn settle(&mut self, options: &ProfileOptions) {
        self.site.settle(options);
        self.settled_at = self.site.count().max(1);
    }

    fn is_bounded(&self, options: &ProfileOptions) -> bool {
        self.site.is_bounded(options)
            && self.odd.len() <= MAX_ODD
            && self.trial.things.len() <= MAX_THINGS
    }

    fn settle_if_due(&mut self, options: &ProfileOptions) {
        let due = self.settled_at + (self.settled_at / 10).max(SETTLE_EVERY);
        if self.site.count() >= due {
            self.settle(options);
        }
    }

    /// Why it may not judge yet, if anything.
    fn lacks(&self, options: &ProfileOptions) -> Option<String> {
        let (count, clients) = (self.site.count(), self.site.clients());
        if count < options.min_requests {
            return Some(format!("{count} of {} requests", options.min_requests));
        }
        if clients < options.min_clients {
            return Some(format!("{clients} of {} addresses", options.min_clients));
        }
        if self.site.span_ms() < options.min_ms {
            let minutes = |ms: i64| ms / 60_000;
            return Some(format!(
                "{} of {} minutes",
                minutes(self.site.span_ms()),
                minutes(options.min_ms)
            ));
        }
        match self.trial.share {
            None => Some("the first trial runs".to_owned()),
            Some(share) if share > options.max_false_alarms => Some(format!(
                "on trial {:.2} % of requests were odd, more than {:.2} %",
                share * 100.0,
                options.max_false_alarms * 100.0
            )),
            Some(_) => None,
        }
    }

    /// How far it is, 0.0 to 1.0.
    fn progress(&self, options: &ProfileOptions) -> f64 {
        let part = |is: f64, needed: f64| {
            if needed > 0.0 {
                (is / needed).min(1.0)
            } else {
                1.0
            }
        };
        let trial = f64::from(u8::from(self.lacks(options).is_none()));
        [
            part(self.site.count() as f64, options.min_requests as f64),
            part(self.site.clients() as f64, options.min_clients as f64),
            part(self.site.span_ms() as f64, options.min_ms as f64),
        ]
        .into_iter()
        .fold(1.0, f64::min)
            * 0.1f64.mul_add(trial, 0.9)
    }
}

/// The profile of one host.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Model {
    course: Course,
    state: State,
    /// How often a profile was put in force; 0 for never.
    version: u32,
    version_at_ms: i64,
    /// What is learned from new beside the profile in force.
    anew: Option<Box<Course>>,
    #[serde(skip)]
    in_force: Option<Arc<SiteInForce>>,
}

/// How a profile is, for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelStatus {
    /// The host; empty where the log does not name one.
    pub site: String,
    /// Where it stands.
    pub state: State,
    /// The version in force; 0 for none.
    pub version: u32,
    /// Requests that it learned from.
    pub requests: u64,
    /// From about so many addresses.
    pub addresses: u64,
    /// For so much of the log's own time, in seconds.
    pub learned_seconds: i64,
    /// Paths and parameters that it knows, trusted or not.
    pub places: usize,
    /// Requests that were not learned since there were too many paths.
    pub left_out: u64,
    /// About how much memory it takes.
    pub bytes: usize,
    /// The share of requests that it found odd on its last trial.
    pub odd_share: Option<f64>,
    /// How far learning is, 0.0 to 1.0.
    pub progress: f64,
    /// What is lacking until it is put in force, in words.
    pub lacks: Option<String>,
    /// It is learned from new beside the version in force.
    pub is_retraining: bool,
}

/// What became of a profile.
#[derive(Clone, Debug)]
pub enum Change {
    /// It stands elsewhere now.
    State(Box<str>),
    /// A version was put in force, or is worth keeping.
    Version {
        /// The host.
        site: Box<str>,
        /// Its number.
        version: u32,
    },
}

/// What is kept of a version, or of everything.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Saved {
    /// The format; others are not read.
    pub format: u32,
    /// The profiles by host.
    pub models: HashMap<Box<str>, Model>,
}

/// Why saved profiles are not read.
#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    /// They are of another version of the program.
    #[error("it is of format {0}, and this version reads {format}", format = Saved::FORMAT)]
    Format(u32),
    /// They hold more than they may.
    #[error("the profile of `{0}` holds more than it may")]
    Unbounded(String),
    /// There are more than there may be.
    #[error("it has more sites than there may be")]
    TooMany,
}

impl Saved {
    /// The format that this version writes and reads.
    pub const FORMAT: u32 = 1;
}

/// Learns, and puts in force what is good enough.
#[derive(Debug, Default)]
pub struct Learner {
    options: ProfileOptions,
    models: HashMap<Box<str>, Model>,
    left_out: u64,
    changes: Vec<Change>,
}

impl Learner {
    /// Knows nothing yet.
    pub fn new(options: ProfileOptions) -> Self {
        Self {
            options,
            ..Self::default()
        }
    }

    /// Learns from these requests, in their order.
    pub fn learn(&mut self, requests: &Requests) {
        for request in requests.iter() {
            let Some(host) = self.room_for(request.host()) else {
                self.left_out = self.left_out.saturating_add(u64::from(request.weight()));
                continue;
            };
            let Some(model) = self.models.get_mut(host) else {
                continue;
            };
            model.take(&request, (host, &self.options), &mut self.changes);
        }
    }

    /// The host under which a request is learned, with room for it.
    fn room_for<'a>(&mut self, host: &'a [u8]) -> Option<&'a str> {
        let host = std::str::from_utf8(host).ok()?;
        if !self.models.contains_key(host) {
            if self.models.len() >= self.options.max_sites.max(1) {
                let weakest = self
                    .models
                    .iter()
                    .filter(|(_, model)| model.state == State::Learning)
                    .map(|(host, model)| (model.course.site.clients(), host))
                    .min()
                    .filter(|(clients, _)| *clients < 3)?
                    .1
                    .clone();
                self.models.remove(&weakest);
            }
            self.models.insert(host.into(), Model::default());
        }
        Some(host)
    }

    /// What changed since this was last asked.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Requests to sites beyond the most there may be.
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The profiles that judge, as they are now. Copies those that changed.
    pub fn publish(&mut self) -> Profiles {
        let mut sites = HashMap::new();
        for (host, model) in &mut self.models {
            if let Some(site) = model.publish(&self.options) {
                sites.insert(host.clone(), site);
            }
        }
        Profiles { sites }
    }

    /// How every profile is, those with most requests first.
    pub fn status(&self) -> Vec<ModelStatus> {
        let mut all: Vec<_> = self
            .models
            .iter()
            .map(|(host, model)| model.status(host, &self.options))
            .collect();
        all.sort_by(|a, b| b.requests.cmp(&a.requests).then(a.site.cmp(&b.site)));
        all
    }

    /// How the profile of a host is.
    pub fn status_of(&self, host: &str) -> Option<ModelStatus> {
        let model = self.models.get(host)?;
        Some(model.status(host, &self.options))
    }

    /// What is known of a host.
    pub fn site(&self, host: &str) -> Option<&Site> {
        self.models.get(host).map(|model| &model.course.site)
    }

    /// Begins to learn a host, or all, from new beside what is in force; how many that are.
    pub fn retrain(&mut self, host: Option<&str>) -> usize {
        let wanted = |name: &str| host.is_none_or(|host| host == name);
        let mut count = 0;
        for (name, model) in &mut self.models {
            if wanted(name) {
                model.retrain();
                self.changes.push(Change::State(name.clone()));
                count += 1;
            }
        }
        count
    }

    /// Forgets a host, or all; how many that were.
    pub fn reset(&mut self, host: Option<&str>) -> usize {
        let before = self.models.len();
        match host {
            Some(host) => drop(self.models.remove(host)),
            None => self.models.clear(),
        }
        before - self.models.len()
    }

    /// Puts a kept version of a host in force again. It gets a new number.
    pub fn roll_back(&mut self, host: &str, mut kept: Model) -> Result<(), SavedError> {
        if !kept.is_bounded(&self.options) {
            return Err(SavedError::Unbounded(host.to_owned()));
        }
        let version = self
            .models
            .get(host)
            .map_or(kept.version, |model| model.version);
        kept.state = State::Active;
        kept.anew = None;
        kept.course.settle(&self.options);
        kept.version = version;
        kept.activate(host, &mut self.changes);
        self.models.insert(host.into(), kept);
        Ok(())
    }

    /// What is worth keeping over a restart: everything, or one host.
    pub fn save(&self, host: Option<&str>) -> Saved {
        let kept = self.models.iter();
        let kept = kept.filter(|(name, _)| host.is_none_or(|host| host == &***name));
        Saved {
            format: Saved::FORMAT,
            models: kept
                .map(|(name, model)| (name.clone(), model.clone()))
                .collect(),
        }
    }

    /// Checks what was saved.
    pub fn check(&self, saved: &Saved) -> Result<(), SavedError> {
        if saved.format != Saved::FORMAT {
            return Err(SavedError::Format(saved.format));
        }
        if saved.models.len() > 2 * self.options.max_sites.max(1) {
            return Err(SavedError::TooMany);
        }
        let beyond = saved
            .models
            .iter()
            .find(|(_, model)| !model.is_bounded(&self.options));
        match beyond {
            Some((host, _)) => Err(SavedError::Unbounded(host.to_string())),
            None => Ok(()),
        }
    }

    /// Goes on with what was saved.
    pub fn restore(&mut self, saved: Saved) -> Result<(), SavedError> {
        self.check(&saved)?;
        self.models = saved.models;
        for model in self.models.values_mut() {
            model.course.settle(&self.options);
            if let Some(anew) = &mut model.anew {
                anew.settle(&self.options);
            }
        }
        Ok(())
    }
}

impl Model {
    fn take(
        &mut self,
        request: &Request<'_>,
        (host, options): (&str, &ProfileOptions),
        changes: &mut Vec<Change>,
    ) {
        let is_drifting = self.state == State::Drifting;
        let is_finished = self.course.take(request, options, is_drifting);
        if self.state == State::Learning {
            self.course.settle_if_due(options);
        }
        if is_finished {
            self.after_trial((host, options), changes);
        }
        if let Some(anew) = &mut self.anew {
            let is_finished = anew.take(request, options, false);
            anew.settle_if_due(options);
            if is_finished && anew.lacks(options).is_none() {
                if let Some(anew) = self.anew.take() {
                    self.course = *anew;
                }
                self.activate(host, changes);
            }
        }
    }

    fn after_trial(&mut self, (host, options): (&str, &ProfileOptions), changes: &mut Vec<Change>) {
        let trial = &self.course.trial;
        let share = trial.share.unwrap_or_default();
        let has_changed = trial.changed > options.drift;
        match self.state {
            State::Learning if self.course.lacks(options).is_none() => self.activate(host, changes),
            State::Active if has_changed => {
                self.state = State::Drifting;
                changes.push(Change::State(host.into()));
            }
            State::Drifting if trial.changed <= options.drift / 2.0 => {
                self.state = State::Active;
                changes.push(Change::State(host.into()));
            }
            State::Active
                if share <= options.max_false_alarms
                    && self.course.site.last_ms() - self.version_at_ms >= VERSION_EVERY_MS =>
            {
                self.activate(host, changes);
            }
            _ => {}
        }
    }

    fn activate(&mut self, host: &str, changes: &mut Vec<Change>) {
        self.state = State::Active;
        self.version += 1;
        self.version_at_ms = self.course.site.last_ms();
        changes.push(Change::Version {
            site: host.into(),
            version: self.version,
        });
        changes.push(Change::State(host.into()));
    }

    /// Whether what was read from a file keeps the bounds.
    fn is_bounded(&self, options: &ProfileOptions) -> bool {
        self.course.is_bounded(options)
            && self
                .anew
                .as_ref()
                .is_none_or(|course| course.is_bounded(options))
    }

    fn retrain(&mut self) {
        if self.state == State::Learning {
            self.course = Course::default();
        } else {
            self.anew = Some(Box::default());
        }
    }

    fn publish(&mut self, options: &ProfileOptions) -> Option<Arc<SiteInForce>> {
        if self.state == State::Learning {
            self.in_force = None;
            return None;
        }
        let is_drifting = self.state == State::Drifting;
        let is_same = |one: &Arc<SiteInForce>| {
            one.site.count() == self.course.site.count() && one.is_drifting == is_drifting
        };
        if !self.in_force.as_ref().is_some_and(is_same) {
            self.course.settle(options);
            self.in_force = Some(Arc::new(SiteInForce {
                site: self.course.site.clone(),
                is_drifting,
            }));
        }
        self.in_force.clone()
    }

    fn status(&self, host: &str, options: &ProfileOptions) -> ModelStatus {
        let course = self.anew.as_deref().unwrap_or(&self.course);
        let site = &self.course.site;
        let is_learning = self.state == State::Learning || self.anew.is_some();
        ModelStatus {
            site: host.to_owned(),
            state: self.state,
            version: self.version,
            requests: site.count(),
            addresses: site.clients(),
            learned_seconds: site.span_ms() / 1_000,
            places: site.places(),
            left_out: site.left_out(),
            bytes: site.bytes(),
            odd_share: self.course.trial.share,
            progress: if is_learning {
                course.progress(options)
            } else {
                1.0
            },
            lacks: is_learning.then(|| course.lacks(options)).flatten(),
            is_retraining: self.anew.is_some(),
        }
    }

    /// The number of the version.
    pub const fn version(&self) -> u32 {
        self.version
    }
}
