//! Clocks that are wrong: what a line says that lies far ahead hides nobody, though the line itself counts.

use vigil_event::{Clock as _, SystemClock, Timestamp};
use vigil_testkit::wait_until;

use crate::site::{Site, metric, threats};

/// A line of this moment, as nginx writes JSON.
fn line(at: Timestamp, address: &str, target: &str, status: u16) -> String {
    format!(
        "{{\"time_iso8601\":\"{at}\",\"remote_addr\":\"{address}\",\"request\":\"GET {target} HTTP/1.1\",\
         \"status\":{status},\"body_bytes_sent\":612,\"http_user_agent\":\"Mozilla/5.0\"}}\n"
    )
}

/// Whether somebody who tries names now is found, of whom a line tells that lies so far ahead.
fn is_found(ahead_ms: i64, max_ahead_seconds: &str) -> (bool, u64) {
    let site = Site::new();
    site.append("");
    let builder = site.following().arg("--from-start");
    let vigil = builder
        .environment("VIGIL_DECODE__MAX_AHEAD_SECONDS", max_ahead_seconds)
        .serve();
    let now = SystemClock.now();
    site.append(line(now.plus_millis(ahead_ms), "203.0.113.9", "/", 200));
    let tries = (0..12).map(|n| line(now, "203.0.113.9", &format!("/try/{n}"), 404));
    site.append(tries.collect::<String>());
    site.append(line(
        now,
        "198.51.100.7",
        "/?q=1%20union%20select%20password%20from%20users--",
        200,
    ));
    let rules = || -> Vec<String> {
        let all = threats(vigil.http());
        let found = all
            .iter()
            .flat_map(|one| one["detections"].as_array().unwrap());
        found.map(|one| one["rule_id"].to_string()).collect()
    };
    wait_until("the last line is told", || !rules().is_empty());
    let is_it = |rule: &String| rule.contains("window-scan");
    let ahead = metric(vigil.http(), "vigil_records_ahead_total");
    (rules().iter().any(is_it), ahead)
}

#[test]
fn a_line_from_the_future_hides_nobody() {
    let year = 365 * 86_400_000;
    assert_eq!(is_found(0, "600"), (true, 0));
    assert_eq!(is_found(year, "600"), (true, 1));
    assert_eq!(is_found(-year, "600"), (true, 0));
    assert_eq!(is_found(year, "0"), (false, 0), "if it is believed");
}
