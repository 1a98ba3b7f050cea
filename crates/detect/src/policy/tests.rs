//! What is let pass, on what grounds, and what is not.

use vigil_event::{Detector, Field, Score};

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_000);

fn event(address: &str, path: &str) -> Event {
    let mut event = Event::new();
    event.source_ip = Some(address.parse().unwrap());
    event.set(Field::UrlPath, path.as_bytes());
    event.set(Field::UrlDomain, b"shop.example");
    event.set(Field::UserAgent, b"Goodbot/1.0");
    event
}

fn fired(rules: &[(&str, &str)]) -> Vec<Detection> {
    let one = |(rule, family): &(&str, &str)| Detection {
        rule_id: (*rule).to_owned(),
        title: "t".to_owned(),
        family: (*family).to_owned(),
        detector: Detector::Rule,
        score: Score::new(8.0),
        techniques: vec![],
        evidence: vec![],
        reason: None,
    };
    rules.iter().map(one).collect()
}

fn suppression(rule: &str) -> Suppression {
    Suppression {
        id: Id::derived(NOW, &[rule.as_bytes()]),
        rule: rule.to_owned(),
        network: None,
        path: None,
        host: None,
        reason: "known".to_owned(),
        author: "anna".to_owned(),
        created_at: NOW,
        expires_at: Some(Timestamp::from_millis(2_000)),
        removed_by: None,
        removed_at: None,
        hits: 0,
        last_seen: None,
    }
}

fn with(suppression: Suppression) -> Policy {
    Policy {
        suppressions: Arc::new(Suppressions::new([suppression])),
        ..Policy::default()
    }
}

/// What is left of `a` (family `x`) and `b` (family `y`), and the first cause.
fn left(policy: &Policy, event: &Event, now: Timestamp) -> (String, Option<Cause>) {
    let mut detections = fired(&[("a", "x"), ("b", "y")]);
    let excused = policy.excuse(event, now, &mut detections);
    assert_eq!(detections.len() + excused.suppressed.len(), 2);
    let ids: Vec<&str> = detections.iter().map(|one| one.rule_id.as_str()).collect();
    (
        ids.concat(),
        excused.suppressed.first().map(|one| one.cause),
    )
}

#[test]
fn a_suppression_takes_out_a_detection_and_not_the_event() {
    let here = event("192.0.2.1", "/a");
    for (rule, wanted) in [("a", "b"), ("x", "b"), ("*", ""), ("z", "ab")] {
        let (ids, cause) = left(&with(suppression(rule)), &here, NOW);
        assert_eq!(ids, wanted, "{rule}");
        assert_eq!(cause, (wanted != "ab").then_some(Cause::Suppression));
    }
}

#[test]
fn every_part_of_a_scope_must_hold() {
    let narrow = Suppression {
        network: Some("192.0.2.0/24".parse().unwrap()),
        path: Some("/a/*".to_owned()),
        host: Some("*.example".to_owned()),
        ..suppression("a")
    };
    let policy = with(narrow);
    assert_eq!(left(&policy, &event("192.0.2.1", "/a/b"), NOW).0, "b");
    assert_eq!(left(&policy, &event("192.0.3.1", "/a/b"), NOW).0, "ab");
    assert_eq!(left(&policy, &event("192.0.2.1", "/b"), NOW).0, "ab");
    assert_eq!(
        left(&policy, &event("::ffff:192.0.2.1", "/a/b"), NOW).0,
        "b"
    );
    let mut elsewhere = event("192.0.2.1", "/a/b");
    elsewhere.clear();
    elsewhere.source_ip = Some("192.0.2.1".parse().unwrap());
    elsewhere.set(Field::UrlPath, b"/a/b");
    assert_eq!(left(&policy, &elsewhere, NOW).0, "ab", "no host");
}

#[test]
fn a_suppression_ends_when_it_expires_or_is_removed() {
    let here = event("192.0.2.1", "/a");
    let late = Timestamp::from_millis(2_000);
    assert_eq!(left(&with(suppression("a")), &here, late).0, "ab");
    let removed = Suppression {
        removed_at: Some(NOW),
        ..suppression("a")
    };
    assert_eq!(left(&with(removed), &here, NOW).0, "ab");
}

#[test]
fn allowed_networks_bots_paths_and_rules_let_pass() {
    let network = |text: &str| Arc::new(NetworkMap::new(vec![(text.parse().unwrap(), ())]));
    let bot = GoodBot {
        name: "good".to_owned(),
        user_agents: vec!["goodbot".to_owned()],
        networks: network("198.51.100.0/24"),
        false_score: Score::new(4.5),
    };
    let office = AllowedNetworks {
        name: "office".to_owned(),
        reason: "our own".to_owned(),
        networks: Arc::new(NetworkMap::new(vec![(
            "192.0.2.0/24".parse().unwrap(),
            Listing::default(),
        )])),
    };
    let rule = AllowedRule {
        scope: Scope {
            rule: "x".to_owned(),
            network: None,
            path: Some(PathPattern::new("/editor")),
            host: None,
        },
        reason: "people write HTML there".to_owned(),
    };
    let policy = Policy {
        bots: Arc::new(GoodBots::new(vec![bot]).unwrap()),
        networks: Arc::new([office]),
        paths: Arc::new([PathPattern::new("/health")]),
        rules: Arc::new([rule]),
        ..Policy::default()
    };
    for (address, path, wanted, cause) in [
        ("192.0.2.1", "/", "", Some(Cause::AllowedNetwork)),
        ("198.51.100.1", "/", "", Some(Cause::GoodBot)),
        ("203.0.113.1", "/health", "", Some(Cause::AllowedPath)),
        ("203.0.113.1", "/editor", "b", Some(Cause::AllowedRule)),
        ("203.0.113.1", "/", "ab", None),
    ] {
        let got = left(&policy, &event(address, path), NOW);
        assert_eq!(got, (wanted.to_owned(), cause), "{address} {path}");
    }
    let mut accused = Vec::new();
    policy.accuse(&event("203.0.113.1", "/"), &mut accused);
    assert_eq!(accused[0].rule_id, FALSE_BOT_RULE);
    accused.clear();
    policy.accuse(&event("198.51.100.1", "/"), &mut accused);
    assert!(accused.is_empty(), "{accused:?}");
}

#[test]
fn an_address_on_several_lists_is_told_by_each() {
    let list = |name: &str, network: &str| AddressList {
        name: name.to_owned(),
        kind: ListKind::Reputation,
        score: Score::new(3.0),
        reason: String::new(),
        networks: Arc::new(NetworkMap::new(vec![(
            network.parse().unwrap(),
            Listing::default(),
        )])),
    };
    let policy = Policy {
        lists: Arc::new([list("one", "192.0.2.0/24"), list("two", "192.0.0.0/16")]),
        ..Policy::default()
    };
    let mut detections = Vec::new();
    policy.accuse(&event("192.0.2.1", "/"), &mut detections);
    let ids: Vec<_> = detections.iter().map(|one| one.rule_id.as_str()).collect();
    assert_eq!(ids, ["list-one", "list-two"]);
}
