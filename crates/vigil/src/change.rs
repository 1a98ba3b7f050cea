//! What would change a verdict: which detection is decisive, what is missing to the threshold, which
//! rules nearly fired.

use serde::Serialize;
use vigil_detect::Judgement;
use vigil_event::{Event, Score};
use vigil_rule::{RuleSet, Scratch};

/// The most rules that are listed as nearly fired.
const MAX_NEAR: usize = 20;

/// What would change the verdict on one event.
#[derive(Debug, Serialize)]
pub struct WhatIf {
    /// For each detection, in their order, the score without it.
    pub without: Vec<Without>,
    /// The score that one more detection would need for a threat; none for a threat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<f64>,
    /// Rules whose required texts all occur and which did not fire: those of which a part
    /// matches first, then by score.
    pub nearly_fired: Vec<NearlyFired>,
    /// How many more there are of those.
    pub nearly_fired_more: usize,
}

/// A detection taken away.
#[derive(Debug, Serialize)]
pub struct Without {
    /// The rule or window.
    pub rule_id: String,
    /// Its title.
    pub title: String,
    /// The score of the others.
    pub score: f64,
    /// Whether the event is a threat with it and none without.
    pub decisive: bool,
}

/// A rule that nearly fired.
#[derive(Debug, Serialize)]
pub struct NearlyFired {
    /// The rule.
    pub rule_id: String,
    /// Its title.
    pub title: String,
    /// Its file.
    pub file: String,
    /// Its score.
    pub rule_score: f64,
    /// The score of the event, had it fired.
    pub score: f64,
    /// Whether that would make the event a threat, which it is not.
    pub decisive: bool,
    /// The selections that match.
    pub met: Vec<String>,
    /// The selections that would have to match, and do not.
    pub unmet: Vec<String>,
    /// The selections that match and stand under a `not`.
    pub excluding: Vec<String>,
}

impl WhatIf {
    /// Of an event that was judged by these rules.
    pub fn of(
        event: &Event,
        judgement: Option<&Judgement>,
        rules: &RuleSet,
        threshold: f64,
    ) -> Self {
        let detections = judgement.map_or(&[][..], |judgement| &judgement.detections);
        let score = judgement.map_or(0.0, |judgement| judgement.score.value());
        let without = detections.iter().enumerate().map(|(place, detection)| {
            let others = detections.iter().enumerate();
            let others = others
                .filter(|(other, _)| *other != place)
                .map(|(_, detection)| detection.score);
            let rest = Score::noisy_or(others).value();
            Without {
                rule_id: detection.rule_id.clone(),
                title: detection.title.clone(),
                score: rest,
                decisive: score >= threshold && rest < threshold,
            }
        });
        let mut nearly_fired = nearly_fired(event, rules, score, threshold);
        let nearly_fired_more = nearly_fired.len().saturating_sub(MAX_NEAR);
        nearly_fired.truncate(MAX_NEAR);
        Self {
            without: without.collect(),
            missing: (score < threshold).then(|| missing(score, threshold)),
            nearly_fired,
            nearly_fired_more,
        }
    }
}

/// The score of a further detection that would lift a score to the threshold.
fn missing(score: f64, threshold: f64) -> f64 {
    10.0 * (1.0 - (1.0 - threshold / 10.0) / (1.0 - score / 10.0))
}

fn nearly_fired(event: &Event, rules: &RuleSet, score: f64, threshold: f64) -> Vec<NearlyFired> {
    let misses = rules.near_misses(event, &mut Scratch::new(rules));
    let mut near: Vec<NearlyFired> = misses
        .into_iter()
        .filter_map(|miss| {
            let rule = rules.rules().get(miss.rule)?;
            let with = Score::noisy_or([Score::new(score), rule.score]).value();
            Some(NearlyFired {
                rule_id: rule.id.clone(),
                title: rule.title.clone(),
                file: rule.file.clone(),
                rule_score: rule.score.value(),
                score: with,
                decisive: score < threshold && with >= threshold,
                met: miss.met,
                unmet: miss.unmet,
                excluding: miss.excluding,
            })
        })
        .collect();
    // A rule of which a part matches came nearer than one of which only fixed texts occur.
    near.sort_by(|a, b| {
        let part = a.met.is_empty().cmp(&b.met.is_empty());
        part.then(b.rule_score.total_cmp(&a.rule_score))
    });
    near
}

impl NearlyFired {
    /// What is met and what is not, in words.
    pub fn why(&self) -> String {
        let names = |names: &[String]| {
            let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            quoted.join(", ")
        };
        let mut parts = Vec::new();
        if !self.met.is_empty() {
            parts.push(format!("met: {}", names(&self.met)));
        }
        if !self.unmet.is_empty() {
            parts.push(format!("not met: {}", names(&self.unmet)));
        }
        if !self.excluding.is_empty() {
            parts.push(format!("excluded by: {}", names(&self.excluding)));
        }
        parts.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_lifts_the_score_to_the_threshold() {
        for score in [0.0, 2.5, 4.9] {
            let missing = missing(score, 5.0);
            let lifted = Score::noisy_or([Score::new(score), Score::new(missing)]);
            assert!((lifted.value() - 5.0).abs() < 1e-6, "{score}: {missing}");
        }
    }
}
