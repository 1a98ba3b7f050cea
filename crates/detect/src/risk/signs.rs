//! The signs on one event, and how much each weighs.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use hashbrown::HashMap;
use vigil_event::{Detection, Event, Score};
use vigil_rule::RuleSet;

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
    titles: HashMap<u64, Arc<str>>,
    /// Those on the present event.
    pub(crate) found: Vec<Sign>,
}

impl Signs {
    /// Whether the event is a sign by itself, whatever rules say.
    pub(crate) fn has(event: &Event) -> bool {
        Sensed::of(event).is_some() && event.source_ip.is_some()
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
        let matched = matched.iter().filter_map(|place| rules.rules().get(*place));
        for rule in matched.clone() {
            self.add(&rule.id, &rule.title, rule.risk());
        }
        for detection in detections {
            if !matched.clone().any(|rule| rule.id == detection.rule_id) {
                self.add(&detection.rule_id, &detection.title, detection.score);
            }
        }
    }

    /// Adds what a rule says.
    pub(crate) fn add(&mut self, id: &str, title: &str, score: Score) {
        if score.value() <= 0.0 {
            return;
        }
        let rule = BuildHasherDefault::<DefaultHasher>::default().hash_one(id);
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
