//! The load program, with small numbers: what it counts must be right; what it times is not looked at.

use std::process::Command;

use serde_json::Value;

use crate::site::{BINARY, Site};
use crate::tls::Authority;

fn run(arguments: &[&str]) -> Value {
    let output = Command::new(BINARY)
        .arg("bench")
        .args([
            "--subscribers",
            "20",
            "--seconds",
            "1",
            "--rate",
            "20",
            "--json",
        ])
        .args(arguments)
        .env("VIGIL_LOG", "warn")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_scenario_delivers_everything_once() {
    let report = run(&["--flood-rate", "100", "--joined-rate", "40"]);
    let outcomes = report["outcomes"].as_array().unwrap();
    for (name, deliveries) in [
        ("connect", 0),
        ("fan-out", 20 * 20),
        ("fan-out, raw loop", 20 * 20),
        ("joined writes", 40 * 20),
        ("joined writes, half the rate", 20 * 20),
        ("reconnect storm and resume", 100 * 20),
        ("critical, alone", 20 * 20),
        ("critical, under a flood", 20 * 20),
    ] {
        let outcome = outcomes
            .iter()
            .find(|outcome| outcome["name"] == name)
            .unwrap_or_else(|| panic!("{name} is not in {report}"));
        assert_eq!(outcome["clients"], 20, "{outcome}");
        assert_eq!(outcome["deliveries"], deliveries, "{outcome}");
    }
    for outcome in outcomes {
        for count in ["lost", "duplicates", "failed"] {
            assert_eq!(outcome[count], 0, "{count}: {outcome}");
        }
        assert!(outcome["rss_bytes"].as_u64().unwrap() > 0, "{outcome}");
    }
    let ratios = report["ratios"].as_array().unwrap();
    for name in [
        "throughput: one by one / raw loop",
        "throughput: one thread / raw loop, both polled",
    ] {
        assert!(ratios.iter().any(|ratio| ratio["name"] == name), "{name}");
    }
}

/// Everything came once, and nobody was sent away.
fn is_whole(outcome: &Value) -> bool {
    outcome["clients"] == 20
        && ["lost", "duplicates", "gaps", "failed"]
            .iter()
            .all(|count| outcome[count] == 0)
}

#[test]
fn a_running_server_is_measured_from_outside() {
    let site = Site::new();
    let config = site.path("vigil.toml");
    fs_err::write(&config, "[stream]\nconnections_per_user = 100\n").unwrap();
    let server = site.vigil().arg("--config").arg(config.to_str().unwrap());
    let vigil = server.serve();
    let token_file = site.path("token");
    fs_err::write(&token_file, site.vigil().token("admin")).unwrap();
    let token_file = token_file.to_str().unwrap();
    let to_it = ["--url", vigil.base(), "--token-file", token_file];
    let scenarios = ["connect", "fan-out", "resume"];
    let only = scenarios.map(|name| ["--only", name]);
    let report = run(&[&to_it, only.as_flattened()].concat());
    let outcomes = report["outcomes"].as_array().unwrap();
    for (outcome, deliveries) in outcomes.iter().zip([0, 20 * 20, 100 * 20]) {
        assert!(is_whole(outcome), "{outcome}");
        assert_eq!(outcome["deliveries"], deliveries, "{outcome}");
    }
    assert_eq!(outcomes.len(), 3, "there is no raw loop there: {report}");
    let made = report["ratios"].as_array().unwrap().iter().find(|ratio| {
        let name = ratio["name"].as_str().unwrap();
        name.starts_with("resume: ")
    });
    // Each missed message is looked up and encoded once for all twenty who come back.
    assert_eq!(made.unwrap()["value"], 1.0, "{report}");
}

#[test]
fn what_needs_a_process_of_its_own_is_said() {
    let output = Command::new(BINARY)
        .args(["bench", "--url", "http://127.0.0.1:1", "--only", "joined"])
        .env("VIGIL_TOKEN", "x")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("--only"),
        "{said}"
    );
}

#[test]
fn a_server_that_speaks_tls_is_measured_too() {
    let site = Site::new();
    let pair = Authority::new().pair(1);
    let (certificate, key) = (site.path("certificate.pem"), site.path("key.pem"));
    fs_err::write(&certificate, &pair.chain_pem).unwrap();
    fs_err::write(&key, &pair.key_pem).unwrap();
    let report = run(&[
        "--tls-certificate",
        certificate.to_str().unwrap(),
        "--tls-key",
        key.to_str().unwrap(),
        "--only",
        "resume",
    ]);
    let outcome = &report["outcomes"][0];
    assert!(is_whole(outcome), "{outcome}");
    assert_eq!(outcome["deliveries"], 100 * 20);
}
