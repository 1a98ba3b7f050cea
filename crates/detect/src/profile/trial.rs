//! What a profile would have found odd of what came, before it learned from it: whether it is good enough, and
//! whether the site has changed.

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::seen::Request;
use super::witness::Witness;

/// Requests of one trial.
pub(super) const TRIAL: u64 = 2_000;
/// A site has changed only when so many networks show the same thing; attackers try many.
const DRIFT_NETWORKS: u32 = 12;
/// Things that are told apart in a trial.
const MAX_THINGS: usize = 256;
/// Known visitors make at least so much of all requests.
const FEWEST: f64 = 0.25;
/// What strangers alone show counts for a tenth when it is asked whether a site has changed.
const STRANGERS: f64 = 0.1;

/// The largest share of a trial that may be odd where so much may be in the long run: by chance it is one standard
/// deviation more in one trial of six.
pub(super) fn most_on_trial(share: f64) -> f64 {
    share + (share / TRIAL as f64).sqrt()
}

/// How many requests a profile would have found odd, before it learned from them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Trial {
    pub(super) requests: u64,
    pub(super) alarms: u64,
    /// The alarms of these that visitors made and no change of the site explains, one of each network, but for those of networks that
    /// turned out to send other odd things: below 0 where more of these came before.
    #[serde(default)]
    pub(super) noise: i64,
    /// Requests of known visitors of whom nothing else did not fit.
    #[serde(default)]
    pub(super) by_visitors: u64,
    /// The share of the noise in these, in the trial that was finished last.
    #[serde(default)]
    pub(super) noise_share: f64,
    /// What did not fit, by what it was.
    pub(super) things: HashMap<u64, Witness>,
    /// The same of networks that are no visitors.
    #[serde(default)]
    of_strangers: HashMap<u64, Witness>,
    /// Of the trial that was finished last.
    pub(super) share: Option<f64>,
    /// The same of what many networks have shown alike.
    pub(super) changed: f64,
    /// Requests and alarms of the trial that was finished last.
    #[serde(default)]
    finished: [u64; 2],
}

impl Trial {
    /// Counts a request; true when a trial is finished by it.
    pub(super) fn count(&mut self, request: &Request<'_>) -> bool {
        self.requests = self.requests.saturating_add(u64::from(request.weight()));
        if self.requests < TRIAL {
            return false;
        }
        let all = self.requests as f64;
        self.share = Some(self.alarms as f64 / all);
        // Where hardly any visitor is known it is a share of all.
        let of = (self.by_visitors as f64).max(all * FEWEST);
        self.noise_share = self.noise.max(0) as f64 / of;
        let alike = |things: &HashMap<u64, Witness>| {
            let alike = things.values();
            let alike = alike.filter(|seen| seen.networks() >= DRIFT_NETWORKS);
            alike.map(|seen| f64::from(seen.count())).sum::<f64>()
        };
        self.changed = alike(&self.of_strangers).mul_add(STRANGERS, alike(&self.things)) / all;
        self.finished = [self.requests, self.alarms];
        self.requests = 0;
        self.alarms = 0;
        self.noise = self.noise.min(0);
        self.by_visitors = 0;
        self.things.clear();
        self.of_strangers.clear();
        true
    }

    /// Ends with a trial that is not finished, taken together with the one before.
    pub(super) fn end(&mut self) {
        let [requests, alarms] = self.finished;
        let (requests, alarms) = (requests + self.requests, alarms + self.alarms);
        if requests > 0 {
            self.share = Some(alarms as f64 / requests as f64);
        }
    }

    /// Counts a request that does not fit, after it has waited. It is no false alarm if by then its network has tried
    /// other things that did not fit either.
    pub(super) fn count_odd(&mut self, request: &Request<'_>, thing: u64, by: By, is_alone: bool) {
        if is_alone && !matches!(by, By::StrangerAgain) {
            self.alarms = self.alarms.saturating_add(u64::from(request.weight()));
        }
        let things = match by {
            By::Visitor => &mut self.things,
            By::Stranger | By::StrangerAgain => &mut self.of_strangers,
        };
        if things.len() < MAX_THINGS || things.contains_key(&thing) {
            things.entry(thing).or_default().see(&request.lesson());
        }
    }

    pub(super) fn is_bounded(&self) -> bool {
        self.things.len().max(self.of_strangers.len()) <= MAX_THINGS
    }
}

/// Who sends what does not fit: attackers send nothing else, visitors other things too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Of what its network asked at least as much fitted as did not.
    Visitor,
    /// A network of which nothing else is known.
    Stranger,
    /// One of which only such things are known.
    StrangerAgain,
}
