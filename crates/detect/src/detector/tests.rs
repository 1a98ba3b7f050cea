//! Rules, windows and what is let pass, together.

use vigil_event::{Field, LogKind, Severity};
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
    Detector::new(
        Arc::new(rules),
        &DetectorOptions {
            windows,
            ..DetectorOptions::default()
        },
    )
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
