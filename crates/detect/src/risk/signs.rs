//! The signs on one event, and how much each weighs.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use hashbrown::HashMap;
use vigil_event::{Detection, Event, LogKind, Score};
use vigil_rule::{Rule, RuleSet};

use crate::sensor::Sensed;

/// The most titles that are remembered; then all are forgotten.
const MAX_TITLES: usize = 8_192;

/// The weight of a score: weights add up as scores do by noisy-or.
pub(super) fn weight(score: Score) -> f64 {
    -(1.0 - score.value().min(9.95) / 10.0).ln()
}

/// The score of a weight.
pub(super) fn score(weight: f64) -> Score {
    Score::new(10.0 * (1.0 - (-weight.max(0.0)).exp()))
}

/// Something that speaks against whom an event is about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sign {
    /// A hash of the rule's id.
    pub(super) rule: u64,
    pub(super) title: Arc<str>,
    pub(super) weight: f64,
}

impl Sign {
    /// A sign of which less than this share counts any more is of no use.
    pub(super) const LEAST: f64 = 1.0 / 16.0;
}

/// Collects signs.
#[derive(Debug, Default)]
pub(crate) struct Signs {
    /// What each rule says, by its place; none where that is nothing.
    of_rules: Vec<Option<Sign>>,
    titles: HashMap<u64, Arc<str>>,
    /// Those on the present event.
    pub(crate) found: Vec<Sign>,
}

fn hash(id: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(id)
}

/// What a rule says whenever it matches.
fn sign(rule: &Rule) -> Option<Sign> {
    let score = rule.risk();
    (score.value() > 0.0).then(|| Sign {
        rule: hash(&rule.id),
        title: rule.title.as_str().into(),
        weight: weight(score),
    })
}

impl Signs {
    /// A collector of what these rules say.
    pub(crate) fn of(rules: &RuleSet) -> Self {
        let mut signs = Self::default();
        signs.renew(rules);
        signs
    }

    /// Goes on with other rules.
    pub(crate) fn renew(&mut self, rules: &RuleSet) {
        self.of_rules = rules.rules().iter().map(sign).collect();
    }

    /// Whether the event is a sign by itself, whatever rules say.
    pub(crate) fn has(event: &Event) -> bool {
        event.log != LogKind::Web && event.source_ip.is_some() && Sensed::of(event).is_some()
    }

    /// The signs on an event: the rules that matched, by their places, and what else was detected.
    pub(crate) fn collect(
        &mut self,
        event: &Event,
        rules: &RuleSet,
        matched: &[usize],
        detections: &[Detection],
    ) {
        self.found.clear();
        if let Some(sensed) = Sensed::of(event) {
            self.add(&sensed.id, &sensed.title, Score::new(sensed.score));
        }
        for place in matched {
            self.add_rule(*place);
        }
        let matched = matched.iter().filter_map(|place| rules.rules().get(*place));
        for detection in detections {
            if !matched.clone().any(|rule| rule.id == detection.rule_id) {
                self.add(&detection.rule_id, &detection.title, detection.score);
            }
        }
    }

    /// Adds what the rule at that place says.
    pub(crate) fn add_rule(&mut self, place: usize) {
        let Some(Some(sign)) = self.of_rules.get(place) else {
            return;
        };
        if !self.found.iter().any(|known| known.rule == sign.rule) {
            self.found.push(sign.clone());
        }
    }

    /// Adds what anything else says.
    pub(super) fn add(&mut self, id: &str, title: &str, score: Score) {
        if score.value() <= 0.0 {
            return;
        }
        let rule = hash(id);
        if self.found.iter().any(|sign| sign.rule == rule) {
            return;
        }
        if self.titles.len() >= MAX_TITLES {
            self.titles.clear();
        }
        let title = self.titles.entry(rule).or_insert_with(|| Arc::from(title));
        self.found.push(Sign {
            rule,
            title: Arc::clone(title),
            weight: weight(score),
        });
    }
}
