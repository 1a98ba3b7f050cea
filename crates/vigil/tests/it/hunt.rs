//! Rules are tried before they go into production: on old logs, and on their own examples.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

use crate::site::{BINARY, Site, line};

fn run(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

const RULE: &str = "\
title: Wicked Words
id: 00000000-0000-4000-8000-000000000001
status: test
tags: [attack.initial-access, attack.t1190]
logsource: {category: webserver}
detection:
  words: {url.query|re: 'wicked\\s+deeds'}
  condition: words
level: high
vigil:
  family: wicked
  examples:
    match:
      - /?q=wicked+deeds
    no_match:
      - /?q=wicked+people
";

/// The rule that is active.
const ACTIVE: &str = "\
title: Password File
id: 00000000-0000-4000-8000-00000000000a
logsource: {category: webserver}
detection:
  file: {url.query|contains: etc/passwd}
  secret: {url.query|contains: shadow}
  condition: file or secret
level: high
---
title: Password File of a Friend
id: 00000000-0000-4000-8000-00000000000b
logsource: {category: webserver}
detection:
  file: {url.query|contains: etc/passwd}
  friend: {url.query|contains: friend}
  condition: file and friend
level: low
";

/// A site with an active rule, a rule file and a log: three wicked lines on two days from two addresses.
fn site() -> (Site, PathBuf) {
    let site = Site::new();
    let rule = site.path("wicked.yml");
    fs_err::write(&rule, RULE).unwrap();
    let active = active(&site);
    fs_err::create_dir(&active).unwrap();
    fs_err::write(PathBuf::from(active).join("active.yml"), ACTIVE).unwrap();
    site.append(line("/"));
    site.append(line("/a?q=wicked+deeds"));
    site.append(line("/a?q=wicked%20deeds\\x1b[2J"));
    site.append("garbage\n");
    let other = line("/b?q=wicked++deeds").replace("21/Nov", "22/Nov");
    site.append(other.replace("203.0.113.7", "198.51.100.1"));
    site.append(line("/x?file=../../../../etc/passwd"));
    (site, rule)
}

/// The directory of the active rules.
fn active(site: &Site) -> String {
    site.path("active").display().to_string()
}

fn hunt(site: &Site, rule: &str, log: &str, more: &[&str]) -> Value {
    let active = active(site);
    let arguments = ["hunt", rule, "--rules", &active, "--json", "--in", log];
    let output = run(&[&arguments, more].concat());
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_hunt_counts_and_compares() {
    let (site, rule) = site();
    let log = site.log();
    let (rule, log) = (rule.to_str().unwrap(), log.to_str().unwrap());
    let report = hunt(&site, rule, log, &[]);
    assert_eq!(
        (&report["lines"], &report["unparsed"]),
        (&6.into(), &1.into())
    );
    assert_eq!(report["days"], 2);
    let found = &report["rules"][0];
    assert_eq!(
        (&found["hits"], &found["addresses"]),
        (&3.into(), &2.into())
    );
    assert_eq!(found["hits_per_day"], 1.5);
    assert_eq!(found["by_day"]["2026-11-21"], 2);
    assert_eq!(found["top_paths"][0], serde_json::json!(["/a", 2]));
    assert_eq!(found["examples"][0]["line"], 2);
    assert_eq!(
        (&report["before"]["threats"], &report["after"]["threats"]),
        (&1.into(), &4.into())
    );
    assert_eq!(
        (&report["before"]["alerts"], &report["after"]["alerts"]),
        (&1.into(), &2.into())
    );
    assert_eq!(report["newly_threats"]["count"], 3);
    assert_eq!(report["no_longer_threats"]["count"], 0);
    let replaced = hunt(&site, rule, log, &["--replace"]);
    assert_eq!(replaced["no_longer_threats"]["count"], 1);
    assert_eq!(replaced["no_longer_threats"]["examples"][0]["line"], 6);
}

#[test]
fn a_hunt_reads_packed_logs_and_shows_nothing_raw() {
    let (site, rule) = site();
    let bytes = fs_err::read(site.log()).unwrap();
    let file = fs_err::File::create(site.path("access.log.1.gz")).unwrap();
    let mut gz = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    gz.write_all(&bytes).unwrap();
    gz.finish().unwrap();
    let zst =
        ruzstd::encoding::compress_to_vec(&bytes[..], ruzstd::encoding::CompressionLevel::Fastest);
    fs_err::write(site.path("access.log.2.zst"), zst).unwrap();
    let pattern = site.path("access.log*");
    let (rule, pattern) = (rule.to_str().unwrap(), pattern.to_str().unwrap());
    let report = hunt(&site, rule, pattern, &[]);
    assert_eq!(
        (&report["lines"], &report["rules"][0]["hits"]),
        (&18.into(), &9.into())
    );
    let shown = text(&run(&[
        "hunt",
        rule,
        "--rules",
        &active(&site),
        "--cost",
        "--in",
        pattern,
    ]));
    for part in [
        "9 hits, 4.5 a day",
        "newly threats",
        "alerts a day",
        "ns an event",
        "wicked.yml",
    ] {
        assert!(shown.contains(part), "`{part}` is not in\n{shown}");
    }
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn a_hunt_says_what_is_wrong_with_its_arguments() {
    let (site, rule) = site();
    let rule = rule.to_str().unwrap();
    let none = site.path("none*.log");
    let output = run(&["hunt", rule, "--in", none.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3));
    let broken = site.path("broken.yml");
    fs_err::write(&broken, RULE.replace("level: high", "level: awful")).unwrap();
    let log = site.log();
    let output = run(&[
        "hunt",
        broken.to_str().unwrap(),
        "--in",
        log.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("broken.yml:9"));
}

#[test]
fn test_rules_takes_files_and_says_why_examples_fail() {
    let (site, rule) = site();
    let rule = rule.to_str().unwrap();
    let output = run(&["test-rules", rule]);
    assert!(
        text(&output).contains("1 rules, 2 examples: 2 passed"),
        "{}",
        text(&output)
    );
    let wrong = site.path("wrong.yml");
    let examples = RULE
        .replace("/?q=wicked+deeds", "/?q=wicked+people+and+deeds")
        .replace("- /?q=wicked+people\n", "- /?q=very%20wicked%20%20deeds\n")
        .replace("0001", "0002");
    fs_err::write(&wrong, examples).unwrap();
    let report = site.path("junit.xml");
    let output = run(&[
        "test-rules",
        rule,
        wrong.to_str().unwrap(),
        "--junit",
        report.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1));
    let shown = text(&output);
    for part in [
        "must match, and does not",
        "view url.query",
        "must not match, and does",
        "matched url.query[",
        "wicked  deeds",
        "2 rules, 4 examples: 2 passed, 2 failed",
    ] {
        assert!(shown.contains(part), "`{part}` is not in\n{shown}");
    }
    let xml = fs_err::read_to_string(report).unwrap();
    assert!(xml.contains("tests=\"4\" failures=\"2\""), "{xml}");
    assert_eq!(xml.matches("<failure ").count(), 2);
}

#[test]
fn explain_says_what_would_change_it() {
    let (site, _) = site();
    let active = active(&site);
    let explain = |line: &str, more: &[&str]| {
        let arguments = ["explain", "--rules", &active, line];
        text(&run(&[&arguments, more].concat()))
    };
    let shown = explain("/?f=/etc/passwd&of=friend", &[]);
    for part in [
        "without Password File  ",
        " 3.0: no threat without it",
        "without Password File of a Friend",
        " 8.0\n",
    ] {
        assert!(shown.contains(part), "`{part}` is not in\n{shown}");
    }
    let shown = explain("/?page=2", &[]);
    assert!(
        shown.contains("one more detection of 5.0 or more"),
        "{shown}"
    );
    let json: Value = serde_json::from_str(&explain("/?f=/etc/passwd", &["--json"])).unwrap();
    let change = &json["change"];
    assert_eq!(
        (&change["missing"], &json["threshold"]),
        (&Value::Null, &5.0.into())
    );
    let without = &change["without"][0];
    assert_eq!(
        (&without["score"], &without["decisive"]),
        (&0.0.into(), &true.into())
    );
}

#[test]
fn rules_are_listed_and_their_coverage_shown() {
    let (site, rule) = site();
    let active = active(&site);
    fs_err::copy(rule, PathBuf::from(&active).join("wicked.yml")).unwrap();
    let rules = |arguments: &[&str]| {
        text(&run(
            &[&["rules"], arguments, &["--rules", &active]].concat()
        ))
    };
    let listed = rules(&[
        "list",
        "--family",
        "wicked",
        "--min-level",
        "high",
        "--technique",
        "t1190",
    ]);
    assert!(
        listed.contains("Wicked Words") && listed.ends_with("1 of 3 rules\n"),
        "{listed}"
    );
    let shown = rules(&["coverage"]);
    assert!(
        shown.contains("T1190") && shown.contains("Initial Access"),
        "{shown}"
    );
    assert!(
        shown.contains("3 rules, 1 techniques; 2 rules name none"),
        "{shown}"
    );
    let layer: Value = serde_json::from_str(&rules(&["coverage", "--navigator"])).unwrap();
    assert_eq!(layer["versions"]["layer"], "4.5");
    assert_eq!(layer["techniques"][0]["techniqueID"], "T1190");
}
