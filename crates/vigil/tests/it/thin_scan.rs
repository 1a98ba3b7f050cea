//! Scans by many over a restart of the server.

use serde_json::Value;
use vigil_testkit::{wait_for, wait_until};

use crate::behaviour::{ODD, line_of_site};
use crate::site::{Site, threats};
use crate::state::saved;

/// Tells that all before it was seen.
const MARK: &str = "title: Mark
id: 6f2f6b1c-9a55-4cb0-8d1e-0000000000a1
level: high
logsource: {category: webserver}
detection: {it: {url.path|startswith: /mark}, condition: it}
vigil: {family: test, score: 8.0}
";

/// A site with a log of a day, at the end of which ten networks have sent something of their own.
fn begun() -> Site {
    let site = Site::new();
    fs_err::create_dir(site.path("rules")).unwrap();
    fs_err::write(site.path("rules/odd.yml"), ODD).unwrap();
    fs_err::write(site.path("rules/mark.yml"), MARK).unwrap();
    let mut lines = String::new();
    for n in 0..1_440 {
        let address = format!("10.{}.{}.7", n / 200, n % 200);
        lines += &line_of_site(&address, n, "/news", 200);
    }
    site.append(lines + &scan(0..10) + &line_of_site("192.0.2.1", 1_456, "/mark/1", 200));
    site
}

/// One request of each network, none like another.
fn scan(networks: std::ops::Range<usize>) -> String {
    let lines = networks.map(|n| {
        let address = format!("172.{}.{n}.9", 20 + n % 3);
        line_of_site(&address, 1_445 + n, &format!("/item/{n}?id={n}%27"), 200)
    });
    lines.collect()
}

/// What is told by the time that the mark of that number is.
fn told_by(site: &Site, mark: usize) -> Vec<String> {
    let mut vigil = site.following_by_rules(2).serve();
    let all = wait_for("the mark is told", || {
        let all = threats(vigil.http());
        let path = format!("/mark/{mark}");
        let is_mark = |one: &Value| one["url"]["path"] == path.as_str();
        all.iter().any(is_mark).then_some(all)
    });
    assert!(vigil.process().terminate().success());
    let rules = all
        .iter()
        .map(|one| one["detections"][0]["rule_id"].clone());
    rules
        .filter_map(|rule| Some(rule.as_str()?.to_owned()))
        .collect()
}

#[test]
fn a_scan_by_many_is_seen_although_the_server_was_restarted() {
    let site = begun();
    let is_scan = |rule: &String| rule == "thin-scan";
    assert!(!told_by(&site, 1).iter().any(is_scan));
    site.append(scan(10..14) + &line_of_site("192.0.2.1", 1_470, "/mark/2", 200));
    assert!(told_by(&site, 2).iter().any(is_scan));
}

#[test]
fn a_kill_hides_nobody_who_was_saved() {
    let site = begun();
    let builder = site.following_by_rules(2);
    let mut vigil = builder
        .environment("VIGIL_DETECT__SAVE_STATE_SECONDS", "1")
        .serve();
    wait_until("the mark is told", || !threats(vigil.http()).is_empty());
    saved(&site, &vigil);
    vigil.process().kill();
    site.append(scan(10..14) + &line_of_site("192.0.2.1", 1_470, "/mark/2", 200));
    assert!(told_by(&site, 2).iter().any(|rule| rule == "thin-scan"));
}

#[test]
fn what_an_earlier_version_kept_of_it_is_removed_and_that_is_told() {
    let site = begun();
    let (kept, told) = (site.path("data/scans.json"), site.path("told.log"));
    fs_err::create_dir(site.path("data")).unwrap();
    fs_err::write(&kept, "{\"format\":1}").unwrap();
    let mut vigil = site.following_by_rules(2).telling(&told).serve();
    assert!(vigil.process().terminate().success());
    assert!(!kept.exists());
    let told = fs_err::read_to_string(told).unwrap();
    assert!(told.contains("thin scans is not taken over"), "{told}");
}
