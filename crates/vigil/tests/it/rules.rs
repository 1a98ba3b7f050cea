//! The stock rules: their examples hold, and real browsing stays quiet.

use std::sync::Arc;

use vigil::demo::Traffic;
use vigil::examples::check;
use vigil::offline::LineJudge;
use vigil_decode::{Format, Proxies};
use vigil_detect::{DetectorOptions, WindowOptions};
use vigil_event::Timestamp;
use vigil_rule::RuleKind;

#[test]
fn every_example_of_every_rule_holds() {
    let rules = Arc::new(vigil::rules::load(None).unwrap());
    assert!(rules.rules().len() >= 30);
    let failed: Vec<String> = check(&rules)
        .into_iter()
        .filter_map(|verdict| Some(format!("{}: {}", verdict.file, verdict.problem?)))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    for rule in rules.rules() {
        for should_match in [true, false] {
            let any = rule
                .examples
                .iter()
                .any(|example| example.should_match == should_match);
            assert!(
                any,
                "{}: has no example that must{} match",
                rule.file,
                if should_match { "" } else { " not" }
            );
        }
    }
}

#[test]
fn every_family_has_rules() {
    let rules = vigil::rules::load(None).unwrap();
    for family in [
        "sql_injection",
        "cross_site_scripting",
        "path_traversal",
        "file_inclusion",
        "command_injection",
        "log4shell",
        "server_side_request_forgery",
        "xml_external_entity",
        "crlf_injection",
        "open_redirect",
        "multiple_encoding",
        "scanner",
        "sensitive_file",
    ] {
        assert!(
            rules.rules().iter().any(|rule| rule.family == family),
            "{family}"
        );
    }
}

#[test]
fn real_browsing_stays_below_the_threshold() {
    let rules = Arc::new(vigil::rules::load(None).unwrap());
    let corpus = fs_err::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../rules/benign.txt"
    ))
    .unwrap();
    let mut judge = LineJudge::new(
        rules,
        &DetectorOptions::default(),
        Proxies::new(Vec::new()),
        Format::Auto,
    );
    let mut lines = 0;
    for line in corpus
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        lines += 1;
        let judgement = judge.judge(line.as_bytes(), Timestamp::default()).unwrap();
        let score = judgement
            .as_ref()
            .map_or(0.0, |judgement| judgement.score.value());
        assert!(score < 5.0, "{score} for {line}: {judgement:?}");
    }
    assert!(lines >= 200, "{lines}");
}

#[test]
fn the_traffic_of_the_demo_is_told_apart() {
    let rules = Arc::new(vigil::rules::load(None).unwrap());
    // Documentation addresses attack far faster than any window allows; only the rules count here.
    let windows = WindowOptions {
        request_rate: u32::MAX,
        error_ratio: 2.0,
        path_spread: u32::MAX,
        ..WindowOptions::default()
    };
    let options = DetectorOptions {
        windows,
        ..DetectorOptions::default()
    };
    let mut judge = LineJudge::new(rules, &options, Proxies::new(Vec::new()), Format::Combined);
    let mut traffic = Traffic::new(3, 0.5);
    for _ in 0..2_000 {
        let mut line = Vec::new();
        let attack = traffic.write_line(&mut line, Timestamp::from_millis(1_795_176_598_000));
        let judgement = judge
            .judge(line.trim_ascii_end(), Timestamp::default())
            .unwrap();
        let score = judgement.map_or(0.0, |judgement| judgement.score.value());
        assert_eq!(
            score >= 5.0,
            attack,
            "{score} for {}",
            String::from_utf8_lossy(&line)
        );
    }
}

#[test]
fn no_weak_rule_makes_a_threat_on_its_own() {
    let stock = Arc::new(vigil::rules::load(None).unwrap());
    let mut judge = LineJudge::new(
        Arc::clone(&stock),
        &DetectorOptions::default(),
        Proxies::new(Vec::new()),
        Format::Auto,
    );
    let mut weak = 0;
    // A rule that only feeds correlations says nothing on its own, and a correlation takes several
    // events: its examples are run as sequences elsewhere.
    let weak_rules = stock.rules().iter().filter(|rule| {
        rule.score.value() < 5.0 && !rule.feeds_only && rule.kind == RuleKind::Detection
    });
    for rule in weak_rules {
        weak += 1;
        for example in rule.examples.iter().filter(|example| example.should_match) {
            let line = example.to_line();
            let judgement = judge.judge(line.as_bytes(), Timestamp::default()).unwrap();
            let judgement = judgement.unwrap();
            let own = judgement
                .detections
                .iter()
                .filter(|one| one.rule_id == rule.id);
            // However often it fires on one event.
            let score = vigil_event::Score::noisy_or(own.map(|one| one.score));
            assert!(score.value() < 5.0, "{}: {score} for {line}", rule.title);
        }
    }
    assert!(weak > 20, "{weak}");
}
