//! The state of behaviour over a restart, through the binary: what is half told before and half after is
//! told, and nothing is told twice.

use std::io::Cursor;
use std::process::Command;

use serde_json::Value;
use vigil_detect::state::format::Reader;
use vigil_testkit::{Vigil, VigilBuilder, wait_until};

use crate::reload::status;
use crate::site::{BINARY, Site, metric, threats};

const RULES: &str = "title: Failed
id: 6f2f6b1c-9a55-4cb0-8d1e-0000000000b1
name: failed
level: low
logsource: {category: webserver}
detection: {it: {url.path: /login, sc-status: 401}, condition: it}
vigil: {family: guessing, risk: 0.1}
---
title: Slow Guessing
id: 6f2f6b1c-9a55-4cb0-8d1e-0000000000b2
level: high
bucket: {type: leaky, rules: [failed], groupby: source.ip, capacity: 9, leakspeed: 2h, blackhole: 6h}
---
title: Guessing by Many
id: 6f2f6b1c-9a55-4cb0-8d1e-0000000000b3
level: high
correlation:
  type: value_count
  rules: [failed]
  group-by: [url.path]
  timespan: 2h
  condition: {field: source.ip, gte: 12}
---
title: Mark
id: 6f2f6b1c-9a55-4cb0-8d1e-0000000000b4
level: critical
logsource: {category: webserver}
detection: {it: {url.query|contains: mark_of_the_test}, condition: it}
---
title: Known Client
id: 6f2f6b1c-9a55-4cb0-8d1e-0000000000b5
level: high
logsource: {category: webserver}
detection: {it: {url.path: /known, vigil.address.first_seen_seconds|gte: 60}, condition: it}
vigil: {family: test, score: 8.0}
";
const SLOW: &str = "6f2f6b1c-9a55-4cb0-8d1e-0000000000b2";
const BY_MANY: &str = "6f2f6b1c-9a55-4cb0-8d1e-0000000000b3";
const MARK: &str = "6f2f6b1c-9a55-4cb0-8d1e-0000000000b4";
const KNOWN: &str = "6f2f6b1c-9a55-4cb0-8d1e-0000000000b5";

fn line(address: &str, minute: u32, request: &str, status: u16) -> String {
    format!(
        "{address} - - [21/Nov/2026:{:02}:{:02}:00 +0000] \"{request} HTTP/1.1\" {status} 612 \"-\" \"Mozilla/5.0\"\n",
        2 + minute / 60,
        minute % 60
    )
}

fn failed(address: &str, minute: u32) -> String {
    line(address, minute, "POST /login", 401)
}

fn mark(minute: u32) -> String {
    line(
        "198.51.100.200",
        minute,
        &format!("GET /?{minute}=mark_of_the_test"),
        200,
    )
}

/// Of each kind of state the first half: five slow guesses of one address, six addresses that guess, four
/// names that are tried, one that is known from now on.
fn first_half() -> String {
    let mut lines: String = (0..5).map(|n| failed("203.0.113.9", n)).collect();
    lines.extend((0..5).map(|n| failed(&format!("198.51.100.{n}"), 5)));
    lines.extend((0..4).map(|n| line("203.0.113.77", 6, &format!("GET /try/{n}"), 404)));
    lines + &line("203.0.113.8", 6, "GET /known", 200) + &mark(7)
}

fn second_half() -> String {
    let mut lines: String = (8..13).map(|n| failed("203.0.113.9", n)).collect();
    lines.extend((20..26).map(|n| failed(&format!("198.51.100.{n}"), 14)));
    lines.extend((4..8).map(|n| line("203.0.113.77", 7, &format!("GET /try/{n}"), 404)));
    lines + &line("203.0.113.8", 15, "GET /known", 200) + &mark(16)
}

struct Kept {
    site: Site,
    threads: usize,
    every: u32,
}

impl Kept {
    fn new(every: u32) -> Self {
        let site = Site::new();
        fs_err::create_dir(site.path("rules")).unwrap();
        fs_err::write(site.path("rules/a.yml"), RULES).unwrap();
        site.append("");
        Self {
            site,
            threads: 2,
            every,
        }
    }

    fn builder(&self) -> VigilBuilder {
        self.site
            .following_by_rules(self.threads)
            .environment("VIGIL_DETECT__SAVE_STATE_SECONDS", &self.every.to_string())
    }

    /// Lets a server read so many lines, up to a mark.
    fn reads(&self, lines: &str) -> Vigil {
        let vigil = self.builder().serve();
        let before = found(&vigil, MARK);
        self.site.append(lines);
        wait_until("the mark is told", || found(&vigil, MARK) > before);
        vigil
    }

    /// From the next start on nothing is saved while it runs.
    fn saves_no_more(self) -> Self {
        let every = 3_600;
        Self { every, ..self }
    }

    fn stop(mut vigil: Vigil) {
        assert!(vigil.process().terminate().success());
    }
}

fn found(vigil: &Vigil, rule: &str) -> usize {
    let is_it = |threat: &Value| {
        let detections = threat["detections"].as_array().unwrap();
        detections.iter().any(|one| one["rule_id"] == rule)
    };
    threats(vigil.http()).into_iter().filter(is_it).count()
}

fn found_all(vigil: &Vigil) -> [usize; 4] {
    [SLOW, BY_MANY, "window-scan", KNOWN].map(|rule| found(vigil, rule))
}

/// Waits until all that was read so far is saved: by the second save at the latest, since the first may have
/// begun before.
pub(crate) fn saved(site: &Site, vigil: &Vigil) {
    for n in 0..2 {
        let saves = || metric(vigil.http(), "vigil_state_save_seconds_count");
        let before = saves();
        let request = format!("GET /something/{n}");
        site.append(line("198.51.100.201", 7, &request, 200));
        wait_until("the state is saved", || saves() > before);
    }
}

/// Waits until what was read is stored with its checkpoint, so that only the state makes it be read again.
fn all_is_stored(kept: &Kept) {
    let stored = || {
        let path = kept.site.path("data/vigil.db");
        let database = rusqlite::Connection::open(path).unwrap();
        let state: String = database
            .query_row("SELECT state FROM checkpoint", [], |row| row.get(0))
            .unwrap();
        let state: Value = serde_json::from_str(&state).unwrap();
        state["files"].as_array().unwrap().last().unwrap()["offset"].as_u64()
    };
    let length = fs_err::metadata(kept.site.log()).unwrap().len();
    wait_until("the checkpoint is stored", || stored() == Some(length));
}

#[test]
fn neither_half_tells_what_both_do() {
    for half in [first_half(), second_half()] {
        let kept = Kept::new(60);
        let vigil = kept.reads(&half);
        assert_eq!(found_all(&vigil), [0; 4]);
    }
}

#[test]
fn what_began_before_a_restart_is_told_after_it() {
    let kept = Kept::new(60);
    let vigil = kept.reads(&first_half());
    assert_eq!(found_all(&vigil), [0; 4]);
    Kept::stop(vigil);
    let vigil = kept.reads(&second_half());
    assert_eq!(found_all(&vigil), [1; 4]);
    assert!(metric(vigil.http(), "vigil_state_restored_keys") > 10);
    assert_eq!(metric(vigil.http(), "vigil_state_refused_parts"), 0);
    // The blackhole outlives a restart as well.
    Kept::stop(vigil);
    let again: String = (17..60).map(|n| failed("203.0.113.9", n)).collect();
    let vigil = kept.reads(&(again + &mark(60)));
    assert_eq!(found_all(&vigil), [1; 4]);
}

#[test]
fn on_another_number_of_threads_it_goes_on() {
    let mut kept = Kept::new(60);
    Kept::stop(kept.reads(&first_half()));
    kept.threads = 3;
    let vigil = kept.reads(&second_half());
    assert_eq!(found_all(&vigil), [1; 4]);
}

#[test]
fn where_it_is_not_kept_it_is_forgotten() {
    let kept = Kept::new(0);
    Kept::stop(kept.reads(&first_half()));
    assert!(!kept.site.path("data/behaviour.state").exists());
    let vigil = kept.reads(&second_half());
    assert_eq!(found_all(&vigil), [0; 4]);
}

/// A server killed after a save, and one after it that reads a sixth to eighth guess which no save sees.
fn three_more_than_saved() -> (Kept, Vigil) {
    let kept = Kept::new(1);
    let mut vigil = kept.reads(&first_half());
    saved(&kept.site, &vigil);
    vigil.process().kill();
    let kept = kept.saves_no_more();
    let more: String = (8..11).map(|n| failed("203.0.113.9", n)).collect();
    let vigil = kept.reads(&(more + &mark(11)));
    (kept, vigil)
}

#[test]
fn a_kill_after_a_save_loses_nothing_and_counts_nothing_twice() {
    let (kept, mut vigil) = three_more_than_saved();
    // They are read again.
    all_is_stored(&kept);
    vigil.process().kill();
    let marks = |vigil: &Vigil| found(vigil, MARK);
    let vigil = kept.reads(&(failed("203.0.113.9", 12) + &mark(13)));
    assert_eq!(found(&vigil, SLOW), 0, "nine are no overflow");
    assert_eq!(marks(&vigil), 3, "what is read again is not told again");
    assert!(metric(vigil.http(), "vigil_threats_repeated_total") >= 1);
    kept.site.append(failed("203.0.113.9", 14) + &mark(15));
    wait_until("the fourth mark", || marks(&vigil) == 4);
    assert_eq!(found(&vigil, SLOW), 1, "the tenth is");
}

#[test]
fn what_was_rotated_between_a_save_and_a_kill_is_read_again() {
    let (kept, mut vigil) = three_more_than_saved();
    fs_err::rename(kept.site.log(), kept.site.path("access.log.1")).unwrap();
    kept.site.append(failed("203.0.113.9", 12) + &mark(13));
    wait_until("the third mark", || found(&vigil, MARK) == 3);
    all_is_stored(&kept);
    vigil.process().kill();
    let vigil = kept.reads(&mark(14));
    assert_eq!(found(&vigil, SLOW), 0, "nine are no overflow");
    kept.site.append(failed("203.0.113.9", 15) + &mark(16));
    wait_until("the fifth mark", || found(&vigil, MARK) == 5);
    assert_eq!(found(&vigil, SLOW), 1, "the tenth is");
}

#[test]
fn what_was_told_before_a_kill_is_not_told_again() {
    let kept = Kept::new(1);
    let mut vigil = kept.reads(&first_half());
    saved(&kept.site, &vigil);
    vigil.process().kill();
    // Here it overflows, and is told, and no save sees that.
    let kept = kept.saves_no_more();
    let mut vigil = kept.reads(&second_half());
    assert_eq!(found_all(&vigil), [1; 4]);
    vigil.process().kill();
    let more: String = (17..30).map(|n| failed("203.0.113.9", n)).collect();
    let vigil = kept.reads(&(more + &mark(31)));
    assert_eq!(found(&vigil, MARK), 3);
    assert_eq!(found_all(&vigil), [1; 4]);
}

/// How often suppressions took something out.
fn hits(vigil: &Vigil) -> u64 {
    let listed = vigil.http().get("/api/v1/suppressions").json();
    listed["items"][0]["hits"].as_u64().unwrap()
}

#[test]
fn what_was_suppressed_before_a_kill_is_counted_once() {
    let kept = Kept::new(1);
    let mut vigil = kept.builder().serve();
    let suppressed = Command::new(BINARY)
        .args(["suppress", "add", MARK, "--network", "203.0.113.9"])
        .args(["--reason", "a test", "--expires", "1h"])
        .args(["--data-dir", kept.site.path("data").to_str().unwrap()])
        .args(["--url", vigil.base()])
        .output()
        .unwrap();
    assert!(suppressed.status.success(), "{suppressed:?}");
    let suppressed = |minutes: std::ops::Range<u32>| -> String {
        let one = |n| line("203.0.113.9", n, "GET /?x=mark_of_the_test", 200);
        minutes.map(one).collect()
    };
    kept.site.append(suppressed(0..4) + &mark(4));
    wait_until("the first mark", || found(&vigil, MARK) == 1);
    saved(&kept.site, &vigil);
    assert_eq!(hits(&vigil), 4);
    vigil.process().kill();
    let kept = kept.saves_no_more();
    let mut vigil = kept.reads(&(suppressed(8..11) + &mark(11)));
    assert_eq!(hits(&vigil), 7);
    all_is_stored(&kept);
    vigil.process().kill();
    // This is there before the start, so that it comes in one piece with what is read again.
    kept.site.append(suppressed(12..14) + &mark(14));
    let vigil = kept.builder().serve();
    wait_until("the third mark", || found(&vigil, MARK) == 3);
    assert_eq!(hits(&vigil), 9);
}

/// Where what is saved of a part begins.
fn first_byte_of(file: &[u8], part: &str) -> usize {
    let mut reader = Reader::open(Cursor::new(file)).unwrap();
    // Behind the magic and the format.
    let (mut at, mut found) = (12, None);
    let look = |place: &vigil_detect::state::format::Place, bytes: &[u8]| {
        if place.part.name == part {
            found.get_or_insert(at);
        }
        at += bytes.len();
    };
    reader.slices(look).unwrap();
    found.unwrap()
}

#[test]
fn a_damaged_file_is_put_aside_and_a_damaged_part_costs_only_itself() {
    let kept = Kept::new(60);
    Kept::stop(kept.reads(&first_half()));
    let path = kept.site.path("data/behaviour.state");
    let good = fs_err::read(&path).unwrap();
    let mut bad = good.clone();
    bad[first_byte_of(&good, &format!("rule:{SLOW}"))] ^= 0xff;
    fs_err::write(&path, &bad).unwrap();
    let vigil = kept.reads(&second_half());
    assert_eq!(found_all(&vigil), [0, 1, 1, 1], "only that rule is lost");
    assert_eq!(metric(vigil.http(), "vigil_state_refused_parts"), 1);
    Kept::stop(vigil);
    fs_err::write(&path, &good[..good.len() / 2]).unwrap();
    let vigil = kept.builder().serve();
    assert!(kept.site.path("data/behaviour.broken").exists());
    Kept::stop(vigil);
    assert!(path.exists());
}

#[test]
fn a_changed_rule_is_counted_anew_and_the_others_go_on() {
    let kept = Kept::new(60);
    Kept::stop(kept.reads(&first_half()));
    let changed = RULES.replace("capacity: 9", "capacity: 8");
    fs_err::write(kept.site.path("rules/a.yml"), changed).unwrap();
    let told = kept.site.path("told.log");
    let vigil = kept.builder().telling(&told).serve();
    kept.site.append(second_half());
    wait_until("the second mark", || found(&vigil, MARK) == 2);
    assert_eq!(found_all(&vigil), [0, 1, 1, 1]);
    let told = fs_err::read_to_string(told).unwrap();
    assert!(told.contains(SLOW) && told.contains("has changed since"));
    let is_told = |status: &Value| {
        let restored = &status["state"]["restored"];
        restored["refused"].to_string().contains(SLOW) && restored["keys"].as_u64() > Some(10)
    };
    status(&kept.site, &vigil, is_told);
}
