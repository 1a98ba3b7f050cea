//! Learning from old logs that somebody vouches for, without a server.
//!
//! Owns: what is told of such a training. Never holds: files; where its profiles go is the command
//! line's choice.

use std::sync::Arc;

use serde::Serialize;
use vigil_decode::{Format, Proxies};
use vigil_detect::profile::{Learner, ModelStatus, Saved, State};
use vigil_detect::{DetectorOptions, Policy, ProfileOptions};
use vigil_event::Timestamp;
use vigil_rule::RuleSet;

use crate::offline::LineJudge;

/// Requests that are learned from together.
const LESSONS: usize = 1_024;
/// A site with fewer requests than this is not known.
const MIN_REQUESTS: u64 = 1_000;

/// Learns sites from lines that are vouched for.
pub struct Training {
    judge: LineJudge,
    learner: Learner,
    tally: Tally,
}

/// What became of the lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Lines that were read.
    pub lines: u64,
    /// Lines that are none of a known format.
    pub unparsed: u64,
    /// Lines that taught nothing: a rule found an attack in them, or they are no requests.
    pub left_out: u64,
}

/// What a training came to.
#[derive(Debug)]
pub struct Trained {
    /// What became of the lines.
    pub tally: Tally,
    /// How every site is; those that are active are good enough.
    pub sites: Vec<ModelStatus>,
    /// The profiles of those.
    pub saved: Saved,
}

/// What a training asks for, where the configuration asks for `options`.
fn vouched(options: &ProfileOptions) -> ProfileOptions {
    ProfileOptions {
        judges: false,
        min_requests: options.min_requests.min(MIN_REQUESTS),
        min_clients: 0,
        min_ms: 0,
        is_vouched: true,
        ..options.clone()
    }
}

impl Training {
    /// Knows nothing yet.
    pub fn new(
        rules: Arc<RuleSet>,
        options: &DetectorOptions,
        proxies: Proxies,
        format: Format,
    ) -> Self {
        let profiles = vouched(&options.profiles);
        let options = DetectorOptions {
            profiles: profiles.clone(),
            ..options.clone()
        };
        Self {
            judge: LineJudge::new(rules, &options, proxies, format),
            learner: Learner::new(profiles),
            tally: Tally::default(),
        }
    }

    /// Lets the policy hold, as it is by the wall clock's time `now`: what it lets pass may teach.
    pub fn follow(&mut self, policy: &Arc<Policy>, now: Timestamp) {
        self.judge.follow(policy, now);
    }

    /// Learns from a line. One without a time of its own happened at `read_at`.
    pub fn learn(&mut self, line: &[u8], read_at: Timestamp) {
        self.tally.lines += 1;
        let before = self.judge.lessons();
        if self.judge.judge(line, read_at).is_err() {
            self.tally.unparsed += 1;
        } else if self.judge.lessons() == before {
            self.tally.left_out += 1;
        }
        if self.judge.lessons() >= LESSONS {
            self.learner.learn(&self.judge.take_lessons());
        }
    }

    /// Ends it. With `anyway` a site is good enough even if too much of the log did not fit; `only`
    /// is the site that is wanted.
    pub fn conclude(mut self, anyway: bool, only: Option<&str>) -> Trained {
        self.learner.learn(&self.judge.take_lessons());
        self.learner.conclude(anyway);
        let is_wanted = |site: &str| only.is_none_or(|only| only == site);
        let mut sites = self.learner.status();
        sites.retain(|status| is_wanted(&status.site));
        let mut saved = self.learner.save(None);
        saved.models.retain(|site, _| {
            let state = self.learner.status_of(site).map(|status| status.state);
            is_wanted(site) && state == Some(State::Active)
        });
        Trained {
            tally: self.tally,
            sites,
            saved,
        }
    }
}
