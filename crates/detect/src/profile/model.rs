//! The profile of one host: where it stands, the version in force, what is learned anew beside it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::course::Course;
use super::eye::SiteInForce;
use super::learner::Change;
use super::options::ProfileOptions;
use super::seen::Request;
use super::trial::Trial;

/// A version is kept at least this often, in milliseconds of event time.
const VERSION_EVERY_MS: i64 = 24 * 3_600_000;

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

/// The profile of one host.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Model {
    pub(super) course: Course,
    pub(super) state: State,
    /// How often a profile was put in force; 0 for never.
    pub(super) version: u32,
    pub(super) version_at_ms: i64,
    /// What is learned from new beside the profile in force.
    pub(super) anew: Option<Box<Course>>,
    #[serde(skip)]
    pub(super) in_force: Option<Arc<SiteInForce>>,
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

impl Model {
    pub(super) fn take(
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
        if is_finished && !options.is_vouched {
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

    pub(super) fn after_trial(
        &mut self,
        (host, options): (&str, &ProfileOptions),
        changes: &mut Vec<Change>,
    ) {
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

    pub(super) fn activate(&mut self, host: &str, changes: &mut Vec<Change>) {
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
    pub(super) fn is_bounded(&self, options: &ProfileOptions) -> bool {
        self.course.is_bounded(options)
            && self
                .anew
                .as_ref()
                .is_none_or(|course| course.is_bounded(options))
    }

    pub(super) fn retrain(&mut self) {
        if self.state == State::Learning {
            self.course = Course::default();
        } else {
            self.anew = Some(Box::default());
        }
    }

    /// Goes on learning, and judges again once a new trial is passed; what is learned from new goes before what was in
    /// force.
    pub(super) fn try_again(&mut self) {
        if let Some(anew) = self.anew.take() {
            self.course = *anew;
        }
        self.course.trial = Trial::default();
        self.state = State::Learning;
    }

    pub(super) fn publish(&mut self, options: &ProfileOptions) -> Option<Arc<SiteInForce>> {
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

    pub(super) fn status(&self, host: &str, options: &ProfileOptions) -> ModelStatus {
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
