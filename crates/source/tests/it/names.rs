//! Which files are tailed: later ones, linked ones, unreadable ones.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use vigil_event::RecordBatch;
use vigil_source::TailOptions;

use crate::{Logs, Tail, lines_of, texts};

const LONG: Duration = Duration::from_mins(1);

/// Waits for the next batch with records.
fn wait(tail: &mut Tail) -> RecordBatch {
    loop {
        let batch = tail
            .tailer
            .next_batch(LONG)
            .unwrap()
            .expect("something comes");
        if !batch.records.is_empty() {
            return batch;
        }
    }
}

#[test]
fn a_file_and_a_directory_may_appear_later() {
    let logs = Logs::new();
    let mut tail = logs.tail_with(
        &["a.log", "sub/deep/b.log"],
        TailOptions::default(),
        Vec::new(),
    );
    assert_eq!(tail.texts(), [""; 0]);
    assert!(
        tail.tailer
            .status()
            .iter()
            .all(|status| status.missing && status.error.is_none())
    );
    logs.append("a.log", "from the beginning\n");
    assert_eq!(tail.texts(), ["from the beginning"]);
    fs::create_dir_all(logs.path("sub/deep")).unwrap();
    logs.append("sub/deep/b.log", "too\n");
    assert_eq!(tail.texts(), ["too"]);
    fs::remove_dir_all(logs.path("sub")).unwrap();
    assert_eq!(tail.texts(), [""; 0]);
    fs::create_dir_all(logs.path("sub/deep")).unwrap();
    logs.append("sub/deep/b.log", "again\n");
    assert_eq!(tail.texts(), ["again"]);
}

#[test]
fn only_what_comes_after_the_start_is_read_unless_asked_otherwise() {
    let logs = Logs::new();
    logs.append("a.log", "old\nhalf a ");
    let mut tail = logs.tail_with(&["a.log"], TailOptions::default(), Vec::new());
    assert_eq!(tail.texts(), [""; 0]);
    logs.append("a.log", "line\nnew\n");
    assert_eq!(tail.texts(), ["half a line", "new"]);
    assert_eq!(logs.tail(&["a.log"]).texts(), ["old", "half a line", "new"]);
}

#[test]
fn globs_gain_files_later() {
    let logs = Logs::new();
    logs.append("a.log", "a\n");
    let mut tail = logs.tail_with(&["*.log", "*/x.log"], TailOptions::default(), Vec::new());
    assert_eq!(tail.texts(), [""; 0]);
    logs.append("b.log", "b\n");
    fs::create_dir(logs.path("sub")).unwrap();
    assert_eq!(tail.texts(), ["b"]);
    logs.append("sub/x.log", "x\n");
    assert_eq!(tail.texts(), ["x"]);
}

#[test]
fn a_file_that_several_names_lead_to_is_tailed_once() {
    let logs = Logs::new();
    logs.append("a.log", "1\n");
    symlink("a.log", logs.path("link.log")).unwrap();
    fs::hard_link(logs.path("a.log"), logs.path("hard.log")).unwrap();
    let mut tail = logs.tail(&["a.log", "*.log", "./a.log", "link.log"]);
    assert_eq!(tail.texts(), ["1"]);
    logs.append("a.log", "2\n");
    assert_eq!(tail.texts(), ["2"]);
}

#[test]
fn rotated_files_that_a_glob_matches_are_read_as_the_past_of_their_name() {
    let logs = Logs::new();
    logs.append("a.log", "1\n");
    let mut tail = logs.tail(&["a.log*"]);
    assert_eq!(tail.texts(), ["1"]);
    for round in 2..6 {
        logs.append("a.log", format!("{round}\n"));
        logs.rename("a.log", &format!("a.log-2026112{round}"));
        logs.append("a.log", format!("new {round}\n"));
        let lines = tail.lines();
        assert_eq!(texts(&lines), [format!("{round}"), format!("new {round}")]);
        assert!(lines.iter().all(|line| line.source.ends_with("/a.log")));
    }
}

#[test]
fn a_linked_log_is_followed_where_it_leads() {
    let logs = Logs::new();
    fs::create_dir(logs.path("real")).unwrap();
    symlink("real/today", logs.path("a.log")).unwrap();
    let mut tail = logs.tail(&["a.log"]);
    logs.append("real/today", "1\n");
    let lines = tail.lines();
    assert_eq!(texts(&lines), ["1"]);
    assert!(lines[0].source.ends_with("/a.log"));
    // Rotated behind the link.
    logs.append("real/today", "2\n");
    logs.rename("real/today", "real/today.1");
    logs.append("real/today", "3\n");
    assert_eq!(tail.texts(), ["2", "3"]);
    // The link is turned to another file.
    logs.append("real/today", "4\n");
    logs.append("real/tomorrow", "5\n");
    symlink("real/tomorrow", logs.path("next")).unwrap();
    logs.rename("next", "a.log");
    assert_eq!(tail.texts(), ["4", "5"]);
    logs.append("real/tomorrow", "6\n");
    assert_eq!(tail.texts(), ["6"]);
}

#[test]
fn what_cannot_be_read_is_told_and_tried_again_and_stops_nothing_else() {
    let logs = Logs::new();
    fs::create_dir(logs.path("a.log")).unwrap();
    symlink("loop.log", logs.path("loop.log")).unwrap();
    let mut tail = logs.tail(&["a.log", "loop.log", "good.log"]);
    logs.append("good.log", "good\n");
    assert_eq!(tail.texts(), ["good"]);
    let status = tail.tailer.status();
    let error = |name: &str| {
        status
            .iter()
            .find(|s| s.path.ends_with(name))
            .unwrap()
            .error
            .clone()
    };
    assert!(error("a.log").unwrap().contains("not a regular file"));
    assert!(error("loop.log").is_some());
    assert_eq!(error("good.log"), None);
    assert!(tail.tailer.telemetry().read_errors.get() >= 2);

    fs::remove_dir(logs.path("a.log")).unwrap();
    logs.append("a.log", "readable\n");
    assert_eq!(tail.texts(), ["readable"]);
    assert!(
        tail.tailer
            .status()
            .iter()
            .find(|s| s.path.ends_with("a.log"))
            .unwrap()
            .error
            .is_none()
    );
}

#[test]
fn a_blocked_call_returns_when_a_line_is_written() {
    let logs = Logs::new();
    let mut tail = logs.tail(&["sub/a.log"]);
    let path = logs.path("sub/a.log");
    let writer = std::thread::spawn(move || {
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(path, "there\n").unwrap();
    });
    assert_eq!(texts(&lines_of(&wait(&mut tail))), ["there"]);
    writer.join().unwrap();
}

#[test]
fn a_blocked_call_returns_when_it_is_woken() {
    let logs = Logs::new();
    let mut tail = logs.tail(&["a.log"]);
    assert_eq!(tail.texts(), [""; 0]);
    let waker = tail.tailer.waker();
    let woken = std::thread::spawn(move || waker.wake());
    let start = Instant::now();
    assert!(tail.tailer.next_batch(LONG).unwrap().is_none());
    assert!(start.elapsed() < LONG);
    woken.join().unwrap();
    logs.append("a.log", "after\n");
    assert_eq!(tail.texts(), ["after"]);
}

#[test]
fn many_changes_at_once_are_all_found() {
    let logs = Logs::new();
    let mut tail = logs.tail(&["*.log"]);
    for number in 0..300 {
        logs.append(&format!("{number}.log"), format!("{number}\n"));
    }
    assert_eq!(tail.lines().len(), 300);
    for number in 0..300 {
        logs.append(&format!("{number}.log"), "more\n");
        logs.append(&format!("{number}.other"), "noise\n");
    }
    assert_eq!(tail.lines().len(), 300);
}
