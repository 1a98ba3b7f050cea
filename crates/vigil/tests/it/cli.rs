//! The commands, as a user runs them.

use std::process::{Command, Output};

use serde_json::Value;

use crate::site::{BINARY, Site, append, line, threats};

fn run(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn explain_shows_views_evidence_and_the_sum() {
    let report = text(&run(&[
        "explain",
        "/?q=%253Cscript%253Ealert(1)%253C/script%253E",
    ]));
    for part in [
        "url.query",
        "repeated-percent",
        "<script>alert(1)",
        "undone 2 time(s)",
        "Score",
        "10 x (1 - ",
        "a threat",
    ] {
        assert!(report.contains(part), "`{part}` is not in\n{report}");
    }
    let quiet = text(&run(&["explain", "/products?page=2"]));
    assert!(quiet.contains("Nothing fired"), "{quiet}");
    let json: Value = serde_json::from_str(&text(&run(&["explain", "--json", "/.env"]))).unwrap();
    assert!(json["score"].as_f64().unwrap() >= 5.0);
}

#[test]
fn explain_cannot_steer_the_terminal() {
    let report = text(&run(&[
        "explain",
        "/?q=\u{1b}[31m<script>alert(1)</script>",
    ]));
    assert!(!report.contains('\u{1b}'), "{report:?}");
    // What a sensor was told stands in the detection's reason.
    let signature = "ET \u{1b}]0;x\u{7} \u{9b}31m \u{202e}";
    let alert = serde_json::json!({
        "timestamp": "2026-11-21T10:00:00.000000+0000", "event_type": "alert", "src_ip": "203.0.113.9",
        "alert": {"signature": signature, "category": "none", "severity": 1},
    })
    .to_string();
    let report = text(&run(&["explain", &alert]));
    assert!(report.contains("\\x1b]0;x\\x07"), "{report}");
    let json = text(&run(&["explain", "--json", &alert]));
    for printed in [&report, &json] {
        let steers = |one: char| one != '\n' && (one.is_control() || one == '\u{202e}');
        assert!(!printed.contains(steers), "{printed:?}");
    }
    let json: Value = serde_json::from_str(&json).unwrap();
    let reason = json["detections"][0]["reason"].as_str().unwrap();
    assert!(reason.contains(signature), "{reason:?}");
}

#[test]
fn replay_offline_counts_and_lists() {
    let site = Site::new();
    site.append(line("/harmless"));
    site.append("no log line at all\n");
    site.append(line("/x?file=../../../../etc/passwd"));
    let log = site.log();
    let log = log.to_str().unwrap();
    let summary = text(&run(&["replay", "--offline", log]));
    assert!(summary.starts_with("3 lines: 1 threats"), "{summary}");
    let listed = text(&run(&["replay", "--offline", "--json", log]));
    let threat: Value = serde_json::from_str(listed.trim()).unwrap();
    assert_eq!(threat["line"], 3);
    assert!(threat["score"].as_f64().unwrap() >= 5.0);
    assert!(threat["severity"].is_string() && !threat["rules"].as_array().unwrap().is_empty());
}

#[test]
fn replay_tells_what_each_rule_costs() {
    let site = Site::new();
    site.append(line("/harmless"));
    site.append(line("/x?file=../../../../etc/passwd"));
    let log = site.log();
    let log = log.to_str().unwrap();
    let table = text(&run(&["replay", "--offline", "--cost", log]));
    assert!(
        table.contains("ns an event") && table.contains("path_traversal/"),
        "{table}"
    );
    let listed = text(&run(&["replay", "--offline", "--cost", "--json", log]));
    let last: Value = serde_json::from_str(listed.lines().last().unwrap()).unwrap();
    let cost = &last["cost"];
    assert_eq!(
        (&cost["events"], &cost["events_hit"]),
        (&2.into(), &1.into())
    );
    let rules = cost["rules"].as_array().unwrap();
    let of_rules: f64 = rules
        .iter()
        .map(|rule| rule["share"].as_f64().unwrap())
        .sum();
    let shared =
        cost["shared_ns_per_event"].as_f64().unwrap() / cost["ns_per_event"].as_f64().unwrap();
    assert!(
        (of_rules + shared - 1.0).abs() < 1e-6,
        "{of_rules} {shared}"
    );
    assert!(
        rules
            .iter()
            .any(|rule| rule["hits"] == 1 && rule["last_hit"].is_string())
    );
    assert!(
        rules
            .iter()
            .all(|rule| rule["candidates"].as_u64() >= rule["hits"].as_u64())
    );
}

#[test]
fn replay_into_a_server_twice_stores_once() {
    let site = Site::new();
    for n in 0..50 {
        site.append(line(&format!("/{n}?file=../../../../etc/passwd")));
    }
    let vigil = site.vigil().serve();
    for _ in 0..2 {
        let output = site
            .vigil()
            .command("replay")
            .args(["--url", vigil.base()])
            .arg(site.log())
            .output()
            .unwrap();
        assert!(
            text(&output).starts_with("50 lines sent: 50 threats"),
            "{}",
            text(&output)
        );
        assert_eq!(threats(vigil.http()).len(), 50);
    }
}

#[test]
fn a_log_that_has_grown_is_replayed_without_doubling() {
    let site = Site::new();
    let vigil = site.vigil().serve();
    let log = site.path("access (1).log");
    for n in 0..3 {
        append(&log, line(&format!("/{n}?file=../../../../etc/passwd")));
        let output = site
            .vigil()
            .command("replay")
            .args(["--url", vigil.base()])
            .arg(&log)
            .output()
            .unwrap();
        text(&output);
        assert_eq!(threats(vigil.http()).len(), n + 1);
    }
}

#[test]
fn a_log_of_which_nothing_is_understood_is_told() {
    let site = Site::new();
    site.append("garbage\nmore garbage\n");
    let output = run(&["replay", "--offline", site.log().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--format"));
}

#[test]
fn watch_follows_a_channel() {
    let site = Site::new();
    site.append(line("/w\u{9b}\u{202e}?file=../../../../etc/passwd"));
    let vigil = site.following().arg("--from-start").serve();
    let watch = |more: &[&str]| {
        let arguments = ["--url", vigil.base(), "--last", "1", "--count", "1"];
        text(
            &site
                .vigil()
                .command("watch")
                .args(arguments)
                .args(more)
                .output()
                .unwrap(),
        )
    };
    vigil_testkit::wait_until("it is stored", || threats(vigil.http()).len() == 1);
    let shown = watch(&[]);
    assert!(
        shown.contains("203.0.113.7") && shown.contains("/etc/passwd"),
        "{shown}"
    );
    assert!(!shown.trim_end().chars().any(char::is_control), "{shown:?}");
    let printed = watch(&["threats", "--json"]);
    assert!(!printed.contains(['\u{9b}', '\u{202e}']), "{printed:?}");
    let frame: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(frame["type"], "threat.new");
    let path = frame["data"]["url"]["path"].as_str().unwrap();
    assert!(path.starts_with("/w\u{9b}\u{202e}"), "{path:?}");
    // A channel's name is a name, whatever is in it, and what has no form of its own is shown as it is.
    let message = serde_json::json!({"room": "a/b \u{9b}"});
    let room = serde_json::json!({"channel": "chat:a/b", "type": "message", "data": message});
    assert_eq!(vigil.http().post("/ws/publish", &room).status, 200);
    let said = watch(&["chat:a/b"]);
    assert!(!said.contains('\u{9b}'), "{said:?}");
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(said["data"]["room"], message["room"]);
}

#[test]
fn token_prints_the_token_and_nothing_else() {
    let site = Site::new();
    let _server = site.vigil().serve();
    let output = site
        .vigil()
        .command("token")
        .args(["--role", "viewer", "--expires", "8h"])
        .output()
        .unwrap();
    assert!(output.stderr.is_empty());
    let printed = text(&output);
    assert_eq!(printed.trim_end().lines().count(), 1);
    assert_eq!(printed.trim_end().split('.').count(), 3);
}

#[test]
fn health_says_whether_it_is_ready() {
    let site = Site::new();
    let vigil = site.vigil().serve();
    let output = site
        .vigil()
        .command("health")
        .args(["--url", vigil.base()])
        .output()
        .unwrap();
    assert_eq!(text(&output), "ready\n");
}

#[test]
fn config_shows_what_is_in_force() {
    let output = Command::new(BINARY)
        .args(["config", "--data-dir", "/srv/v"])
        .env("VIGIL_DETECT__THREADS", "3")
        .output();
    let shown = text(&output.unwrap());
    assert!(
        shown.contains("threads = 3") && shown.contains("/srv/v"),
        "{shown}"
    );
}

#[test]
fn the_demo_shows_attacks_at_once() {
    let output = run(&["demo", "--listen", "127.0.0.1:0", "--seconds", "2"]);
    let shown = text(&output);
    assert!(shown.contains("/ui/?ticket="), "{shown}");
}

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let help = text(&run(&["--help"]));
    for part in [
        "serve",
        "demo",
        "config",
        "health",
        "replay",
        "explain",
        "hunt",
        "rules",
        "test-rules",
        "token",
        "watch",
        "Exit codes",
    ] {
        assert!(help.contains(part), "{part}");
    }
}
