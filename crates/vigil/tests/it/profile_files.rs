//! The file of what was learned: of an earlier version, through kills, and on a full disk.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use vigil_testkit::wait_until;

use crate::site::{BINARY, Site};

/// Written by a version that knew fewer fields, after 5,001 requests such as `/item/123?colour=red`.
const EARLIER: &str = include_str!("data/profiles-of-an-earlier-version.json");

/// A log of so many requests of one client that tries things out.
fn log(requests: usize) -> String {
    let mut text = String::new();
    for number in 0..requests {
        let (minute, second) = (number / 60 % 60, number % 60);
        writeln!(
            text,
            "192.0.2.7 - - [20/Nov/2026:10:{minute:02}:{second:02} +0000] \"GET /shop/item?id={} HTTP/1.1\" 200 {} \"-\" \"Mozilla/5.0\"",
            1 + number % 9,
            3_000 + number % 400
        )
        .unwrap();
    }
    text
}

/// The profiles in a data directory; the test fails where they are none.
fn kept(data: &Path) -> Value {
    let text = fs_err::read_to_string(data.join("profiles.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// `vigil profile train` into the data directory.
fn train(log: &Path, data: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.args(["profile", "train"]).arg(log);
    command.arg("--data-dir").arg(data);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

/// A data directory with the profiles of an earlier version, and a log to train on.
fn prepared() -> (Site, std::path::PathBuf, std::path::PathBuf) {
    let site = Site::new();
    let (data, text) = (site.path("data"), site.path("train.log"));
    fs_err::create_dir(&data).unwrap();
    fs_err::write(data.join("profiles.json"), EARLIER).unwrap();
    fs_err::write(&text, log(6_000)).unwrap();
    (site, data, text)
}

#[test]
fn what_an_earlier_version_learned_is_gone_on_with() {
    let earlier: Value = serde_json::from_str(EARLIER).unwrap();
    let course = &earlier["models"]["shop.example"]["course"];
    assert!(
        course.get("asked").is_none() && course["trial"].get("finished").is_none(),
        "fields that this version writes"
    );
    let site = Site::new();
    fs_err::create_dir(site.path("data")).unwrap();
    fs_err::write(site.path("data/profiles.json"), EARLIER).unwrap();
    let mut vigil = site.following().serve();
    let model = vigil.http().get("/api/v1/models/shop.example").json();
    // It judges again once it has passed a trial of what this version reads.
    assert_eq!(earlier["models"]["shop.example"]["state"], "active");
    assert_eq!(model["state"], "learning", "{model}");
    assert_eq!(model["requests"], 5_001, "{model}");
    vigil.process().terminate();
    let after = kept(&site.path("data"));
    assert_eq!(
        after["models"]["shop.example"]["course"]["site"]["count"],
        course["site"]["count"]
    );
    assert!(!site.path("data/profiles.broken").exists());
}

#[test]
fn a_training_that_is_killed_leaves_the_old_file_or_the_new_one() {
    let (_site, data, text) = prepared();
    let fresh = data.join("profiles.new");
    // A log whose end does not come: nothing is written down before it has.
    let endless = data.join("endless.log");
    let made = Command::new("mkfifo").arg(&endless).status().unwrap();
    assert!(made.success());
    let mut options = fs_err::OpenOptions::new();
    let mut pipe = options.read(true).write(true).open(&endless).unwrap();
    let mut outcomes = [0; 2];
    for round in 0..6 {
        fs_err::write(data.join("profiles.json"), EARLIER).unwrap();
        drop(fs_err::remove_file(&fresh));
        // Half of them are killed before they write, half while they do or right after.
        let is_late = round % 2 == 1;
        let log_file = if is_late { &text } else { &endless };
        let mut training = train(log_file, &data).spawn().unwrap();
        if is_late {
            wait_until("it writes", || {
                fresh.exists() || training.try_wait().unwrap().is_some()
            });
        } else {
            pipe.write_all(log(100).as_bytes()).unwrap();
        }
        training.kill().unwrap();
        training.wait().unwrap();
        let file = fs_err::read_to_string(data.join("profiles.json")).unwrap();
        let is_old = file == EARLIER;
        if !is_old {
            let models = kept(&data);
            assert!(models["models"]["shop.example"].is_object(), "{models}");
            assert_eq!(models["models"].as_object().unwrap().len(), 2);
        }
        outcomes[usize::from(is_old)] += 1;
    }
    assert!(
        outcomes[1] >= 3,
        "killed early it is the old one: {outcomes:?}"
    );
    // What a kill left behind is in nobody's way.
    fs_err::write(&fresh, "{").unwrap();
    let output = train(&text, &data).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(!fresh.exists());
    assert_eq!(kept(&data)["models"].as_object().unwrap().len(), 2);
}

#[test]
fn a_disk_that_is_full_keeps_the_old_file_and_is_told() {
    let (_site, data, text) = prepared();
    // No file may grow past a few KiB, which is less than the profiles take.
    let limited = "trap '' XFSZ; ulimit -f 8; exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command.arg("-c").arg(limited).arg(BINARY);
    command.args(["profile", "train"]).arg(&text);
    let output = command.arg("--data-dir").arg(&data).output().unwrap();
    let told = said(&output);
    assert!(!output.status.success(), "{told}");
    assert!(
        told.contains("profiles.new") && told.contains("File too large"),
        "{told}"
    );
    let file = fs_err::read_to_string(data.join("profiles.json")).unwrap();
    assert_eq!(file, EARLIER);
    assert!(
        !data.join("profiles.new").exists(),
        "half a file is in nobody's way"
    );
}
