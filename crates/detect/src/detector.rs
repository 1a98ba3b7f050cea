//! The judgement of one event: rules, windows and lists together, less what is let pass, scored.

use std::sync::Arc;

use vigil_event::{
    Detection, Detector as By, Event, Field, Id, LogKind, Score, Severity, Suppressed, Timestamp,
};
use vigil_rule::{Costs, Hit, Rule, RuleSet, Scratch};

use crate::policy::{Excused, Policy};
use crate::window::{Crossing, WindowOptions, Windows};

/// What a detector needs to know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DetectorOptions {
    /// The windows' limits.
    pub windows: WindowOptions,
}

/// What was concluded about one event.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// What fired, the strongest first. Empty only where all of it was let pass.
    pub detections: Vec<Detection>,
    /// What fired and was let pass.
    pub suppressed: Vec<Suppressed>,
    /// The suppressions that let it pass, one for each detection that one took out.
    pub suppressed_by: Vec<Id>,
    /// The noisy-or of the detections.
    pub score: Score,
    /// The score's band.
    pub severity: Severity,
}

impl Judgement {
    /// What the score would be if nothing were let pass.
    pub fn score_without_suppression(&self) -> Score {
        let all = self.detections.iter().map(|one| one.score);
        Score::noisy_or(all.chain(self.suppressed.iter().map(|one| one.score)))
    }

    fn of(mut detections: Vec<Detection>, excused: Excused) -> Self {
        detections.sort_by(|a, b| b.score.value().total_cmp(&a.score.value()));
        let score = Score::noisy_or(detections.iter().map(|detection| detection.score));
        Self {
            detections,
            suppressed: excused.suppressed,
            suppressed_by: excused.by,
            score,
            severity: score.severity(),
        }
    }
}

/// Judges events, one after the other, on one thread.
#[derive(Debug)]
pub struct Detector {
    rules: Arc<RuleSet>,
    scratch: Scratch,
    hits: Vec<Hit>,
    windows: Windows,
    crossings: Vec<Crossing>,
    accusations: Vec<Detection>,
    policy: Arc<Policy>,
    now: Timestamp,
}

impl Detector {
    /// A detector with empty windows, and no policy until it is told one.
    pub fn new(rules: Arc<RuleSet>, options: &DetectorOptions) -> Self {
        Self {
            scratch: Scratch::new(&rules),
            rules,
            hits: Vec::new(),
            windows: Windows::new(options.windows.clone()),
            crossings: Vec::new(),
            accusations: Vec::new(),
            policy: Arc::default(),
            now: Timestamp::default(),
        }
    }

    /// Tells the policy in force from now on, and what time it is by the wall clock: suppressions
    /// end by it. Everything else goes by the events' own time.
    pub fn follow(&mut self, policy: &Arc<Policy>, now: Timestamp) {
        self.policy.clone_from(policy);
        self.now = now;
    }

    /// Judges an event: something only when at least one rule, window or list fired, however weak,
    /// and even if all of it was let pass.
    ///
    /// Allocates nothing when none did.
    pub fn judge(&mut self, event: &Event) -> Option<Judgement> {
        self.hits.clear();
        self.crossings.clear();
        self.rules
            .evaluate(event, &mut self.scratch, &mut self.hits);
        // The windows count requests, whoever logged them.
        if event.log == LogKind::Web || event.raw(Field::Method).is_some() {
            self.windows.observe(event, &mut self.crossings);
        }
        self.policy.accuse(event, &mut self.accusations);
        if self.hits.is_empty() && self.crossings.is_empty() && self.accusations.is_empty() {
            return None;
        }
        let by_rule = self.hits.drain(..).filter_map(|hit| {
            self.rules
                .rules()
                .get(hit.rule)
                .map(|rule| detection(rule, hit))
        });
        let by_window = self.crossings.drain(..).map(Crossing::into_detection);
        let mut detections: Vec<Detection> = by_rule.chain(by_window).collect();
        detections.append(&mut self.accusations);
        let excused = self.policy.excuse(event, self.now, &mut detections);
        Some(Judgement::of(detections, excused))
    }

    /// The rules in force.
    pub const fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }

    /// Goes on with other rules. The windows keep what they have counted; the rules' costs begin
    /// anew, so take them before.
    pub fn replace_rules(&mut self, rules: Arc<RuleSet>) {
        self.scratch.renew(&rules);
        self.rules = rules;
    }

    /// What the rules cost since that was last cleared.
    pub const fn costs(&self) -> &Costs {
        self.scratch.costs()
    }

    /// To measure time, or to clear the counts.
    pub const fn costs_mut(&mut self) -> &mut Costs {
        self.scratch.costs_mut()
    }

    /// How many addresses the windows hold, and how many were evicted or came too late to count.
    pub const fn windows(&self) -> &Windows {
        &self.windows
    }
}

fn detection(rule: &Rule, hit: Hit) -> Detection {
    Detection {
        rule_id: rule.id.clone(),
        title: rule.title.clone(),
        family: rule.family.clone(),
        detector: By::Rule,
        score: rule.score,
        techniques: rule.techniques.clone(),
        evidence: hit.evidence,
        reason: None,
    }
}

#[cfg(test)]
mod tests {
    use vigil_rule::RuleFile;

    use super::*;
    use crate::policy::PathPattern;

    const RULE: &str = "
title: Marker
id: 6a2f6f0e-0f5b-4a8e-9f0b-0d8a3a5f1c11
status: test
logsource: {category: webserver}
detection:
  marker: {url.query|contains: evil}
  condition: marker
level: high
vigil: {family: sql_injection, score: 8.0, examples: {match: ['/?q=evil'], no_match: ['/?q=good']}}
";

    fn detector() -> Detector {
        let file = RuleFile {
            name: "marker.yml".into(),
            text: RULE.into(),
        };
        let rules = RuleSet::load(&[file]).unwrap();
        let windows = WindowOptions {
            request_rate: 3,
            request_rate_score: 5.0,
            ..WindowOptions::default()
        };
        Detector::new(Arc::new(rules), &DetectorOptions { windows })
    }

    fn event(query: &[u8]) -> Event {
        let mut event = Event::new();
        event.source_ip = Some("203.0.113.7".parse().unwrap());
        event.set(Field::UrlPath, b"/");
        event.set(Field::UrlQuery, query);
        event
    }

    #[test]
    fn a_benign_event_has_no_judgement() {
        assert_eq!(detector().judge(&event(b"q=good")), None);
    }

    #[test]
    fn windows_count_requests_only() {
        let mut detector = detector();
        let mut message = event(b"");
        message.log = LogKind::Syslog;
        for _ in 0..9 {
            assert_eq!(detector.judge(&message), None);
        }
        assert_eq!(detector.judge(&event(b"q=good")), None);
    }

    #[test]
    fn rules_and_windows_add_up_the_strongest_first() {
        let mut detector = detector();
        assert_eq!(detector.judge(&event(b"q=good")), None);
        assert_eq!(detector.judge(&event(b"q=good")), None);
        let judgement = detector.judge(&event(b"q=evil")).unwrap();
        let ids: Vec<_> = judgement
            .detections
            .iter()
            .map(|detection| detection.detector)
            .collect();
        assert_eq!(ids, [By::Rule, By::Window]);
        assert!(
            (judgement.score.value() - 9.0).abs() < 1e-9,
            "{}",
            judgement.score
        );
        assert_eq!(judgement.severity, Severity::Critical);
    }

    #[test]
    fn what_is_let_pass_is_out_of_the_score_and_still_told() {
        let mut detector = detector();
        let policy = Arc::new(Policy {
            paths: Arc::new([PathPattern::new("/")]),
            ..Policy::default()
        });
        detector.follow(&policy, Timestamp::from_millis(1));
        assert_eq!(detector.judge(&event(b"q=good")), None);
        let judgement = detector.judge(&event(b"q=evil")).unwrap();
        assert!(judgement.detections.is_empty());
        assert_eq!(judgement.score, Score::new(0.0));
        assert_eq!(judgement.severity, Severity::Informational);
        assert_eq!(judgement.suppressed.len(), 1);
        assert_eq!(judgement.score_without_suppression(), Score::new(8.0));
    }

    #[test]
    fn windows_remember_across_other_rules() {
        let mut detector = detector();
        assert_eq!(detector.judge(&event(b"q=good")), None);
        assert_eq!(detector.judge(&event(b"q=good")), None);
        let file = RuleFile {
            name: "other.yml".into(),
            text: RULE.replace("evil", "wicked"),
        };
        let rules = Arc::new(RuleSet::load(&[file]).unwrap());
        detector.replace_rules(Arc::clone(&rules));
        assert!(Arc::ptr_eq(detector.rules(), &rules));
        assert_eq!(detector.costs().pass().candidates, 0);
        let judgement = detector.judge(&event(b"q=wicked")).unwrap();
        assert_eq!(
            judgement.detections.len(),
            2,
            "the rule and the third request"
        );
    }
}
