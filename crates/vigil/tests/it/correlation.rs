//! Correlations through the binary: on a log, and in a server with several detection threads.

use std::fmt::Write as _;
use std::process::Command;

use serde_json::Value;
use vigil_testkit::wait_until;

use crate::site::{BINARY, Site, threats};

/// Failed logins, three of which from one address are guessing, and at one place from forty
/// addresses a network of guessers.
const RULES: &str = "title: Failed
id: 6f2f6b1c-9a55-4cb0-8d1e-000000000001
name: failed
level: low
logsource: {category: webserver}
detection: {it: {url.path: /login, sc-status: 401}, condition: it}
---
title: Guessing
id: 6f2f6b1c-9a55-4cb0-8d1e-000000000002
level: high
correlation:
  type: event_count
  rules: [failed]
  group-by: [source.ip]
  timespan: 60s
  condition: {gte: 3}
---
title: Guessing by Many
id: 6f2f6b1c-9a55-4cb0-8d1e-000000000003
level: high
correlation:
  type: value_count
  rules: [failed]
  group-by: [url.path]
  timespan: 5m
  condition: {field: source.ip, gte: 40}
";
const GUESSING: &str = "6f2f6b1c-9a55-4cb0-8d1e-000000000002";
const BY_MANY: &str = "6f2f6b1c-9a55-4cb0-8d1e-000000000003";

fn failed(address: &str, second: u32) -> String {
    format!(
        "{address} - - [21/Nov/2026:02:{:02}:{:02} +0000] \"POST /login HTTP/1.1\" 401 612 \"-\" \"Mozilla/5.0\"\n",
        second / 60,
        second % 60
    )
}

fn site() -> Site {
    let site = Site::new();
    fs_err::create_dir(site.path("rules")).unwrap();
    fs_err::write(site.path("rules/login.yml"), RULES).unwrap();
    site
}

#[test]
fn replay_tells_what_fired_on_which_line() {
    let site = site();
    for (second, slow) in [0, 58, 59, 61, 62, 200, 201, 202].into_iter().zip(0..) {
        site.append(failed("203.0.113.9", second));
        site.append(failed("203.0.113.10", slow * 31));
    }
    let output = Command::new(BINARY)
        .args(["replay", "--offline", "--json", "--rules"])
        .args([site.path("rules"), site.log()])
        .output()
        .unwrap();
    let fired: Vec<(u64, String)> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|threat| {
            (
                threat["line"].as_u64().unwrap(),
                threat["rules"].to_string(),
            )
        })
        .collect();
    let guessing = format!("[\"{GUESSING}\"]");
    assert_eq!(fired, [(5, guessing.clone()), (15, guessing)]);
}

#[test]
fn threads_count_one_address_apart_and_many_together() {
    let site = site();
    let vigil = site.following_by_rules(4).serve();
    let mut lines = String::new();
    for n in 0..60 {
        lines.push_str(&failed(&format!("198.51.100.{n}"), n));
    }
    for second in 100..105 {
        _ = write!(lines, "{}", failed("203.0.113.9", second));
    }
    site.append(lines);
    wait_until("both are stored", || threats(vigil.http()).len() == 2);
    let mut found: Vec<(String, String, String)> = threats(vigil.http())
        .iter()
        .map(|threat| {
            let detection = &threat["detections"][0];
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            assert_eq!(detection["detector"], "correlation");
            (
                text(&detection["rule_id"]),
                text(&threat["source"]["ip"]),
                text(&detection["reason"]),
            )
        })
        .collect();
    found.sort();
    let expected = [
        (
            GUESSING,
            "203.0.113.9",
            "3 times \"Failed\" from 203.0.113.9 within 60 s",
        ),
        (
            BY_MANY,
            "198.51.100.39",
            "40 different values of source.ip in \"Failed\" with url.path \"/login\" within 5 min",
        ),
    ]
    .map(|(rule, address, reason)| (rule.to_owned(), address.to_owned(), reason.to_owned()));
    assert_eq!(found, expected);
}

/// Finds a word, to tell by a threat that all lines before it were taken in.
const MARK: &str = "title: Mark
id: 6f2f6b1c-9a55-4cb0-8d1e-000000000009
level: critical
logsource: {category: webserver}
detection: {it: {url.query|contains: mark_of_the_test}, condition: it}
";

fn mark(n: u32) -> String {
    format!(
        "203.0.113.9 - - [21/Nov/2026:02:01:{n:02} +0000] \"GET /?{n}=mark_of_the_test HTTP/1.1\" 200 612 \"-\" \"Mozilla/5.0\"\n"
    )
}

fn found_by(vigil: &vigil_testkit::Vigil, rule: &str) -> usize {
    let found = |threat: &Value| {
        let detections = threat["detections"].as_array().unwrap();
        detections.iter().any(|one| one["rule_id"] == rule)
    };
    threats(vigil.http()).into_iter().filter(found).count()
}

#[test]
fn what_was_counted_goes_on_across_a_reload() {
    let site = site();
    fs_err::write(site.path("rules/mark.yml"), MARK).unwrap();
    let vigil = site.following_by_rules(2).serve();
    let mut lines: String = (0..38)
        .map(|n| failed(&format!("198.51.100.{n}"), n))
        .collect();
    for second in 40..42 {
        lines.push_str(&failed("203.0.113.9", second));
    }
    site.append(lines + &mark(0));
    wait_until("all is taken in", || threats(vigil.http()).len() == 1);
    // Another rule stands before all others, and the correlations are the same.
    let another = MARK
        .replace("000009", "000008")
        .replace("mark_of", "another");
    fs_err::write(site.path("rules/another.yml"), another).unwrap();
    let reloaded = vigil
        .http()
        .post("/api/v1/rules/reload", &serde_json::json!({}));
    assert_eq!(reloaded.json()["changed"], true, "{}", reloaded.text);
    site.append(failed("203.0.113.9", 43) + &failed("198.51.100.99", 44) + &mark(1));
    wait_until("the second mark", || {
        found_by(&vigil, "6f2f6b1c-9a55-4cb0-8d1e-000000000009") == 2
    });
    assert_eq!(
        found_by(&vigil, GUESSING),
        1,
        "the third failure of the address"
    );
    assert_eq!(found_by(&vigil, BY_MANY), 1, "the fortieth address");
    // With another number the one begins anew, and the other goes on.
    let changed = RULES.replace("gte: 3", "gte: 2");
    fs_err::write(site.path("rules/login.yml"), changed).unwrap();
    vigil
        .http()
        .post("/api/v1/rules/reload", &serde_json::json!({}));
    site.append(failed("192.0.2.1", 50) + &mark(2));
    wait_until("the third mark", || {
        found_by(&vigil, "6f2f6b1c-9a55-4cb0-8d1e-000000000009") == 3
    });
    assert_eq!(found_by(&vigil, GUESSING), 1);
    site.append(failed("192.0.2.1", 51));
    wait_until("two failures", || found_by(&vigil, GUESSING) == 2);
}

#[test]
fn what_is_suppressed_feeds_no_correlation_of_many() {
    let site = site();
    fs_err::write(site.path("rules/mark.yml"), MARK).unwrap();
    let vigil = site.following_by_rules(2).serve();
    let suppress = |arguments: &[&str]| {
        let output = Command::new(BINARY)
            .arg("suppress")
            .args(arguments)
            .args(["--data-dir", site.path("data").to_str().unwrap()])
            .args(["--url", vigil.base()])
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let failed_rule = "6f2f6b1c-9a55-4cb0-8d1e-000000000001";
    let id = suppress(&["add", failed_rule, "--reason", "a test", "--expires", "1h"]);
    let from = |first: u32, count: u32, second: u32| -> String {
        (first..first + count)
            .map(|n| failed(&format!("198.51.100.{n}"), second))
            .collect()
    };
    site.append(from(0, 60, 1) + &mark(0));
    wait_until("the first mark", || threats(vigil.http()).len() == 1);
    assert_eq!(
        found_by(&vigil, BY_MANY),
        0,
        "what was let pass counts for nothing"
    );
    assert_eq!(suppress(&["remove", id.trim()]).trim(), "removed");
    // The sixty from before are not among the forty.
    site.append(from(100, 39, 2) + &mark(1));
    wait_until("the second mark", || threats(vigil.http()).len() == 2);
    assert_eq!(found_by(&vigil, BY_MANY), 0);
    site.append(from(200, 1, 3));
    wait_until("forty", || found_by(&vigil, BY_MANY) == 1);
    // A suppression of the correlation itself lets pass what it finds.
    suppress(&["add", BY_MANY, "--reason", "a test", "--expires", "1h"]);
    site.append(
        (0..45)
            .map(|n| failed(&format!("192.0.2.{n}"), 3_600))
            .collect::<String>()
            + &mark(3),
    );
    wait_until("the third mark", || {
        found_by(&vigil, "6f2f6b1c-9a55-4cb0-8d1e-000000000009") == 3
    });
    assert_eq!(found_by(&vigil, BY_MANY), 1);
}
