//! A disk that fills up under a running server: it says so, loses nothing, and goes on once there is room.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use vigil_testkit::{VigilBuilder, wait_for, wait_until};

use crate::site::{BINARY, Site, line, threats};

/// Attacks in the log: too many for the room there is.
const ATTACKS: usize = 1_500;

/// The program, none of whose files may grow past two MiB until it is allowed to.
fn cramped(site: &Site) -> VigilBuilder {
    let script = site.path("cramped");
    // Blocks of 512 bytes. Without the trap the first write beyond them would end the process.
    let text = format!("#!/bin/sh\ntrap '' XFSZ\nulimit -S -f 4096\nexec '{BINARY}' \"$@\"\n");
    fs_err::write(&script, text).unwrap();
    let mode = std::fs::Permissions::from_mode(0o700);
    fs_err::set_permissions(&script, mode).unwrap();
    VigilBuilder::new(script, site.path("data"))
        .log(&site.log())
        .arg("--from-start")
}

#[test]
fn a_disk_that_fills_up_is_told_and_nothing_is_lost() {
    let site = Site::new();
    let attack = |n| line(&format!("/?n={n}&id=1+union+select+1,2,3--"));
    site.append((0..ATTACKS).map(attack).collect::<String>());
    let mut vigil = cramped(&site).serve();
    let answer = wait_for("it is told that there is no room", || {
        let answer = vigil.http().get("/ready");
        answer.text.contains("store: ").then_some(answer)
    });
    assert_eq!(answer.status, 503, "{}", answer.text);
    // It lives, answers, and says how often it tried.
    assert_eq!(vigil.http().get("/health").status, 200);
    let failures = || {
        let metrics = vigil.http().get("/metrics").text;
        let count = metrics.lines().find_map(|line| {
            let count = line.strip_prefix("vigil_store_failures_total ")?;
            count.parse::<u64>().ok()
        });
        count.unwrap()
    };
    let before = failures();
    wait_until("it tries again", || failures() > before);
    assert!(threats(vigil.http()).len() < ATTACKS);
    // What comes meanwhile is read later.
    site.append(attack(ATTACKS));

    let process = vigil.process().inner().id().to_string();
    let allowed = Command::new("prlimit")
        .args(["--pid", &process, "--fsize=unlimited:"])
        .status();
    assert!(allowed.unwrap().success(), "prlimit allows it to write");
    wait_until("all is stored", || threats(vigil.http()).len() > ATTACKS);
    wait_until("it is ready again", || {
        vigil.http().get("/ready").status == 200
    });
    let mut stored: BTreeMap<String, usize> = BTreeMap::new();
    for threat in threats(vigil.http()) {
        let url = threat["url"]["original"].as_str().unwrap().to_owned();
        *stored.entry(url).or_default() += 1;
    }
    assert_eq!(stored.len(), ATTACKS + 1);
    assert!(stored.values().all(|times| *times == 1), "{stored:?}");
}
