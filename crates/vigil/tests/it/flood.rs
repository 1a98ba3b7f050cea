//! A flood from made-up addresses through a running server: bounded memory, told losses, and an attacker who
//! is found all the same; and events that come late.

use std::fmt::Write as _;

use vigil_testkit::{Http, wait_for, wait_until};

use crate::site::{Site, threats};

/// So many addresses have room, for each kind of what is kept.
const ROOM: usize = 1_000;
/// Lines of the flood between two requests of the attacker.
const BETWEEN: usize = 400;
/// Names that the attacker tries.
const TRIED: usize = 12;

const CONFIG: &str = "[detect]\nthreads = 2\n[detect.windows]\nmax_addresses = 1000\n\
                      [detect.risk]\nmax_entities = 1000\n[detect.correlations]\nmax_groups = 1000\n";

fn line(address: &str, second: usize, target: &str, status: u16) -> String {
    let (hour, minute, second) = (2 + second / 3_600, second / 60 % 60, second % 60);
    format!(
        "{address} - - [21/Nov/2026:{hour:02}:{minute:02}:{second:02} +0000] \"GET {target} HTTP/1.1\" {status} 612 \"-\" \"Mozilla/5.0\"\n"
    )
}

/// What the server lost for that reason.
fn lost(http: &Http, reason: &str) -> u64 {
    let name = format!("vigil_correlation_dropped_total{{reason=\"{reason}\"}} ");
    let metrics = http.get("/metrics").text;
    let count = metrics.lines().find_map(|line| line.strip_prefix(&name));
    count.map_or(0, |count| count.parse().unwrap())
}

#[test]
fn made_up_addresses_push_out_one_another_and_not_an_attacker() {
    let site = Site::new();
    fs_err::write(site.path("vigil.toml"), CONFIG).unwrap();
    let mut lines = String::new();
    for n in 0..TRIED {
        let second = n * 5;
        for m in 0..BETWEEN {
            let made_up = n * BETWEEN + m;
            let address = format!("10.{}.{}.1", made_up / 250, made_up % 250);
            // One in five asks for what is not there, as the attacker does.
            let status = if m % 5 == 0 { 404 } else { 200 };
            _ = write!(lines, "{}", line(&address, second, "/news", status));
        }
        let target = format!("/tried-{n}/");
        _ = write!(lines, "{}", line("203.0.113.9", second, &target, 404));
    }
    site.append(lines);
    let config = site.path("vigil.toml");
    let vigil = site
        .following()
        .arg("--from-start")
        .arg("--config")
        .arg(config.to_str().unwrap())
        .serve();
    let found = wait_for("the attacker is found", || {
        threats(vigil.http()).into_iter().find(|threat| {
            let detections = threat["detections"].as_array().unwrap();
            let rules = detections.iter().map(|one| &one["rule_id"]);
            rules.into_iter().any(|rule| rule == "window-scan")
        })
    });
    assert_eq!(found["source"]["ip"], "203.0.113.9");
    let all = TRIED * BETWEEN;
    wait_until("what made room is counted", || {
        lost(vigil.http(), "forgotten") as usize > all - 4 * ROOM
    });
    assert_eq!(threats(vigil.http()).len(), 1, "and nobody else is");
}

#[test]
fn what_comes_out_of_order_counts_within_a_bound_and_is_told_beyond_it() {
    let site = Site::new();
    let mut lines = String::new();
    // Names tried in a minute, the newest first.
    for n in (0..12).rev() {
        let target = format!("/tried-{n}/");
        _ = write!(lines, "{}", line("203.0.113.9", n * 5, &target, 404));
    }
    // An hour later, and then once more what is an hour old.
    _ = write!(lines, "{}", line("203.0.113.7", 3_600, "/", 200));
    for n in 0..12 {
        let target = format!("/tried-{n}/");
        _ = write!(lines, "{}", line("203.0.113.7", n * 5, &target, 404));
    }
    site.append(lines);
    let vigil = site.following().arg("--from-start").serve();
    let found = wait_for("the first is found", || {
        threats(vigil.http()).into_iter().next()
    });
    assert_eq!(found["source"]["ip"], "203.0.113.9");
    wait_until("what came too late is counted", || {
        lost(vigil.http(), "late") >= 12
    });
    assert_eq!(threats(vigil.http()).len(), 1, "and accuses nobody");
}
