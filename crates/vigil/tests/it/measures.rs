//! Every measure of behaviour, of everything that it can be taken of, as rules of a user's own through the
//! binary: request rate, share of errors, missing pages, distinct paths, parameters and agents, failed
//! logins, time since first seen; by address, network, session, host and account.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::site::{BINARY, Site};

/// What somebody is called in `group-by`, and in the field that says since when they are known.
const GROUPS: [(&str, &str); 5] = [
    ("source.ip", "address"),
    ("source.network", "network"),
    ("vigil.session", "session"),
    ("url.domain", "host"),
    ("user.name", "account"),
];

/// What the measures are fed with.
const FED: &str = "title: Any
id: 6f2f6b1c-9a55-4cb0-8d1e-000000000001
name: any
level: low
logsource: {category: webserver}
detection: {it: {url.path|exists: true}, condition: it}
---
title: Error
id: 6f2f6b1c-9a55-4cb0-8d1e-000000000002
name: error
level: low
logsource: {category: webserver}
detection: {it: {sc-status|gte: 400}, condition: it}
---
title: Missing
id: 6f2f6b1c-9a55-4cb0-8d1e-000000000003
name: missing
level: low
logsource: {category: webserver}
detection: {it: {sc-status: 404}, condition: it}
---
title: Refused
id: 6f2f6b1c-9a55-4cb0-8d1e-000000000004
name: refused
level: low
logsource: {category: webserver}
detection: {it: {url.path: /login, sc-status: 401}, condition: it}
";

/// A measure's name, and what stands under it: `{by}` is who it is taken of.
const MEASURES: [(&str, &str); 7] = [
    (
        "request rate",
        "correlation: {type: event_count, rules: [any], group-by: [{by}], timespan: 1m, condition: {gte: 40}}",
    ),
    (
        "error ratio",
        "bucket: {type: counter, rules: [any, error], groupby: {by}, duration: 1m, \
         overflow_filter: [{gte: 40}, {of: error, share: {gte: 0.6}}]}",
    ),
    (
        "404 spread",
        "correlation: {type: value_count, rules: [missing], group-by: [{by}], timespan: 5m, \
         condition: {field: url.path, gte: 20}}",
    ),
    (
        "paths",
        "correlation: {type: value_count, rules: [any], group-by: [{by}], timespan: 5m, \
         condition: {field: url.path, gte: 20}}",
    ),
    (
        "parameters",
        "correlation: {type: value_count, rules: [any], group-by: [{by}], timespan: 5m, \
         condition: {field: url.parameter.names, gte: 20}}",
    ),
    (
        "agents",
        "correlation: {type: value_count, rules: [any], group-by: [{by}], timespan: 5m, \
         condition: {field: user_agent.original, gte: 20}}",
    ),
    (
        "failed logins",
        "bucket: {type: leaky, rules: [refused], groupby: {by}, capacity: 10, leakspeed: 10s}",
    ),
];

/// Every measure of everybody, as one file; for each rule's id what it measures of whom.
fn rules() -> (String, BTreeMap<String, (String, &'static str)>) {
    let mut text = FED.to_owned();
    let mut names = BTreeMap::new();
    for (place, (by, called)) in GROUPS.into_iter().enumerate() {
        let known = (
            "first seen",
            "logsource: {category: webserver}\ndetection: {it: {url.path: /login, \
             'vigil.{called}.first_seen_seconds|gte': 50}, condition: it}",
        );
        for (number, (measure, document)) in MEASURES.into_iter().chain([known]).enumerate() {
            let id = format!("6f2f6b1c-9a55-4cb0-8d1e-{place:06}{number:06}");
            let document = document.replace("{by}", by).replace("{called}", called);
            _ = write!(
                text,
                "---\ntitle: {measure} by {called}\nid: 7{}\nlevel: high\n{document}\n",
                &id[1..]
            );
            names.insert(format!("7{}", &id[1..]), (measure.to_owned(), called));
        }
    }
    (text, names)
}

/// Sixty requests within a minute, and one two minutes later, in which only what is called `shared` is
/// always the same; half of them fail to sign in, the others are not there.
fn block(day: usize, shared: &str) -> String {
    let mut lines = String::new();
    for n in (0..60).chain([180]) {
        let same = |called: &str, one: &str, each: String| {
            if called == shared {
                one.to_owned()
            } else {
                each
            }
        };
        let address = match shared {
            "network" => format!("192.0.2.{}", n + 1),
            "network of version 6" => format!("2001:db8:0:9::{n:x}"),
            _ => same("address", "198.51.100.1", format!("10.{day}.{n}.1")),
        };
        let status = if n % 2 == 0 { 401 } else { 404 };
        let target = if n % 2 == 0 {
            format!("/login?p{n}=1")
        } else {
            format!("/page/{n}?q{n}=1")
        };
        let line = json!({
            "time_iso8601": format!("2026-11-{:02}T02:{:02}:{:02}+00:00", day + 1, n / 60, n % 60),
            "remote_addr": address,
            "remote_user": same("account", "ann", format!("user-{day}-{n}")),
            "host": same("host", "one.example", format!("h{n}-{day}.example")),
            "http_cookie": format!("sid={}", same("session", "one", format!("s-{day}-{n}"))),
            "request": format!("POST {target} HTTP/1.1"),
            "status": status,
            "body_bytes_sent": 612,
            "http_user_agent": format!("Agent/{n}"),
        });
        _ = writeln!(lines, "{line}");
    }
    lines
}

#[test]
fn every_measure_of_everybody_can_be_written_as_a_rule() {
    let site = Site::new();
    let (text, names) = rules();
    fs_err::create_dir(site.path("rules")).unwrap();
    fs_err::write(site.path("rules/measures.yml"), text).unwrap();
    let blocks = [
        ("address", vec!["address", "network"]),
        ("network", vec!["network"]),
        ("network of version 6", vec!["network"]),
        ("session", vec!["session"]),
        ("host", vec!["host"]),
        ("account", vec!["account"]),
        ("nothing", vec![]),
    ];
    for (day, (shared, _)) in blocks.iter().enumerate() {
        site.append(block(day, shared));
    }
    let output = Command::new(BINARY)
        .args(["replay", "--offline", "--json", "--rules"])
        .args([site.path("rules"), site.log()])
        .output()
        .unwrap();
    let mut found = vec![BTreeSet::new(); blocks.len()];
    for threat in String::from_utf8(output.stdout).unwrap().lines() {
        let threat: Value = serde_json::from_str(threat).unwrap();
        let block = (threat["line"].as_u64().unwrap() as usize - 1) / 61;
        let rules = threat["rules"].as_array().unwrap();
        let known = rules.iter().filter_map(|id| names.get(id.as_str()?));
        found[block].extend(known.cloned());
    }
    for ((shared, expected), found) in blocks.iter().zip(found) {
        let expected: BTreeSet<_> = names
            .values()
            .filter(|(_, called)| expected.contains(called))
            .cloned()
            .collect();
        assert_eq!(found, expected, "one {shared}");
    }
}
