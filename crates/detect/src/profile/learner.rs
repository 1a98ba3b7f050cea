//! Learns the sites from the requests of all threads, and says when a profile may judge.
//!
//! Owns: for each host what is known, its state, its trial and a profile that is learned anew beside
//! it. Never holds: files, clocks, threads. Every request is judged before it teaches, so that a
//! profile is known to be good before it is put in force, and when the site has changed.

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::eye::Profiles;
use super::model::{Model, ModelStatus, State};
use super::options::ProfileOptions;
use super::seen::Requests;
use super::site::Site;

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
    /// The format that this version writes and reads. It goes up when requests are read otherwise, as when what stands
    /// in JSON got names of its own.
    pub const FORMAT: u32 = 2;

    /// Whether it was written as this version writes it.
    pub const fn check_format(&self) -> Result<(), SavedError> {
        if self.format == Self::FORMAT {
            Ok(())
        } else {
            Err(SavedError::Format(self.format))
        }
    }
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
                // Anybody can make up names: what fewest networks were served, and not for the longest, goes
                // first. Whoever has one network may have thousands of addresses in it.
                let weakest = self
                    .models
                    .iter()
                    .filter(|(_, model)| model.state == State::Learning)
                    .map(|(host, model)| {
                        let site = &model.course.site;
                        (site.networks_served(), site.last_ms(), host)
                    })
                    .min()
                    .filter(|(networks, ..)| *networks < self.options.trust_networks.max(3))?
                    .2
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

    /// Ends learning from a log that somebody vouches for: the profiles that are good enough, or all
    /// where that does not matter, are active from now on, and can be put in force by
    /// [`roll_back`](Self::roll_back).
    pub fn conclude(&mut self, anyway: bool) {
        for model in self.models.values_mut() {
            model.course.trial.end();
            if anyway || model.course.lacks(&self.options).is_none() {
                model.course.settle(&self.options);
                model.state = State::Active;
            }
        }
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
        saved.check_format()?;
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

    /// Goes on with what was saved. What an earlier version learned is on trial again: it read requests otherwise, and
    /// would take visitors for attackers.
    pub fn restore(&mut self, mut saved: Saved) -> Result<(), SavedError> {
        let is_earlier = (1..Saved::FORMAT).contains(&saved.format);
        if is_earlier {
            saved.format = Saved::FORMAT;
        }
        self.check(&saved)?;
        self.models = saved.models;
        for model in self.models.values_mut() {
            if is_earlier {
                model.try_again();
            }
            model.course.settle(&self.options);
            if let Some(anew) = &mut model.anew {
                anew.settle(&self.options);
            }
        }
        Ok(())
    }
}
