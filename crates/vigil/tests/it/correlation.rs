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
    let config = site.path("vigil.toml");
    fs_err::write(&config, "[detect]\nthreads = 4\n").unwrap();
    let vigil = site
        .following()
        .arg("--from-start")
        .arg("--config")
        .arg(config.to_str().unwrap())
        .arg("--rules")
        .arg(site.path("rules").to_str().unwrap())
        .serve();
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
