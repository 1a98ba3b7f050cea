//! The load program, with small numbers: what it counts must be right; what it times is not looked at.

use std::process::Command;

use serde_json::Value;

use crate::site::BINARY;

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
    assert!(
        ratios
            .iter()
            .any(|ratio| ratio["name"] == "throughput: one by one / raw loop")
    );
}
