//! Going on from a checkpoint, whatever happened in between.

use std::fs;
use std::time::{Duration, SystemTime};

use vigil_source::TailOptions;

use crate::{Line, Logs, Tail, from_start, texts};

/// Reads `1` and stores that, then reads `2`, which is not stored.
fn crash_after_two(logs: &Logs) -> (Vec<vigil_event::Checkpoint>, Vec<Line>) {
    logs.append("a.log", "1\n2\n");
    let options = TailOptions {
        batch_records: 1,
        ..from_start()
    };
    let mut tail = logs.tail_with(&["a.log"], options, Vec::new());
    let mut seen = crate::lines_of(&tail.records());
    let stored = tail.stored();
    seen.extend(tail.lines());
    assert_eq!(texts(&seen), ["1", "2"]);
    (stored, seen)
}

fn reopen(logs: &Logs, stored: Vec<vigil_event::Checkpoint>) -> Tail {
    logs.tail_with(&["a.log"], TailOptions::default(), stored)
}

#[test]
fn reading_goes_on_right_behind_the_stored_line() {
    let logs = Logs::new();
    let (stored, seen) = crash_after_two(&logs);
    logs.append("a.log", "3\n");
    let lines = reopen(&logs, stored).lines();
    assert_eq!(texts(&lines), ["2", "3"]);
    assert_eq!(lines[0], seen[1], "the same line has the same key");
}

#[test]
fn a_partial_line_is_read_again_as_a_whole() {
    let logs = Logs::new();
    logs.append("a.log", "1\nhal");
    let mut tail = logs.tail(&["a.log"]);
    assert_eq!(tail.texts(), ["1"]);
    let stored = tail.stored();
    drop(tail);
    logs.append("a.log", "f\n");
    let lines = reopen(&logs, stored).lines();
    assert_eq!(texts(&lines), ["half"]);
    assert_eq!(lines[0].offset, 2);
}

#[test]
fn files_rotated_during_the_downtime_are_read_in_order() {
    let logs = Logs::new();
    logs.append("a.log.9", "long ago\n");
    let (stored, seen) = crash_after_two(&logs);
    logs.append("a.log", "3\n");
    logs.rename("a.log", "a.log-20261120");
    logs.append("a.log", "4\n");
    logs.rename("a.log", "a.log.old");
    logs.append("a.log", "5\n");
    let mut tail = reopen(&logs, stored);
    let lines = tail.lines();
    assert_eq!(texts(&lines), ["2", "3", "4", "5"]);
    assert_eq!(
        lines[0], seen[1],
        "the same line has the same key under another name"
    );
    assert_eq!(tail.status().lost_generations, 0);
}

#[test]
fn a_crash_in_the_middle_of_a_rotated_rest_goes_on_there() {
    let logs = Logs::new();
    let (mut stored, mut seen) = crash_after_two(&logs);
    seen.truncate(1);
    logs.append("a.log", "3\n4\n");
    logs.rename("a.log", "a.log.1");
    logs.append("a.log", "5\n6\n");
    let options = TailOptions {
        batch_records: 1,
        ..from_start()
    };
    loop {
        let mut tail = logs.tail_with(&["a.log"], options, stored);
        let Some(batch) = tail.batch() else { break };
        seen.extend(crate::lines_of(&batch));
        stored = tail.stored();
    }
    assert_eq!(texts(&seen), ["1", "2", "3", "4", "5", "6"]);
}

#[test]
fn a_file_without_its_name_is_read_though_no_new_one_is_there() {
    let logs = Logs::new();
    let (stored, _) = crash_after_two(&logs);
    logs.rename("a.log", "a.log.1");
    let mut tail = logs.tail_with(&["*.log"], TailOptions::default(), stored);
    assert_eq!(tail.texts(), ["2"]);
    assert!(tail.status().missing);
    logs.append("a.log", "3\n");
    assert_eq!(tail.texts(), ["3"]);
}

#[test]
fn late_lines_of_the_file_before_are_read_after_a_restart() {
    let logs = Logs::new();
    logs.append("a.log", "1\n");
    let mut tail = logs.tail(&["a.log"]);
    assert_eq!(tail.texts(), ["1"]);
    logs.rename("a.log", "a.log.1");
    logs.append("a.log", "2\n");
    assert_eq!(tail.texts(), ["2"]);
    let stored = tail.stored();
    drop(tail);
    logs.append("a.log.1", "late\n");
    logs.append("a.log", "3\n");
    assert_eq!(reopen(&logs, stored).texts(), ["late", "3"]);
}

#[test]
fn an_empty_file_is_not_mistaken_for_another_log_with_its_inode() {
    let logs = Logs::new();
    logs.append("a.log", "");
    let mut tail = logs.tail(&["a.log"]);
    assert!(tail.texts().is_empty());
    logs.rename("a.log", "b.log");
    logs.append("a.log", "1\n");
    assert_eq!(tail.texts(), ["1"]);
    let stored = tail.stored();
    drop(tail);
    logs.append("b.log", "of another log\n");
    logs.append("a.log", "2\n");
    assert_eq!(reopen(&logs, stored).texts(), ["2"]);
}

#[test]
fn a_deleted_or_compressed_file_is_counted_as_lost() {
    let logs = Logs::new();
    let (stored, _) = crash_after_two(&logs);
    logs.remove("a.log");
    logs.append("a.log.1.gz", "not text");
    logs.append("a.log", "new\n");
    let mut tail = reopen(&logs, stored);
    assert_eq!(tail.texts(), ["new"]);
    let status = tail.status();
    assert_eq!(status.lost_generations, 1);
    assert!(status.note.unwrap().contains("may be lost"));
    assert_eq!(tail.tailer.telemetry().lost_generations.get(), 1);
}

#[test]
fn files_that_came_and_were_compressed_during_the_downtime_are_counted_as_lost() {
    let logs = Logs::new();
    let (stored, _) = crash_after_two(&logs);
    let file = fs::File::options()
        .write(true)
        .open(logs.path("a.log"))
        .unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000))
        .unwrap();
    logs.rename("a.log", "a.log.2");
    logs.append("a.log.1.gz", "not text");
    logs.append("a.log", "new\n");
    let mut tail = reopen(&logs, stored);
    assert_eq!(tail.texts(), ["2", "new"]);
    assert_eq!(tail.status().lost_generations, 1);
}

#[test]
fn a_copytruncate_during_the_downtime_is_a_new_stream_after_the_rest_of_its_copy() {
    let logs = Logs::new();
    let (stored, seen) = crash_after_two(&logs);
    logs.append("a.log", "3\n");
    logs.copy("a.log", "a.log.1");
    logs.truncate("a.log");
    logs.append("a.log", "4\n5\n");
    let mut tail = reopen(&logs, stored);
    let lines = tail.lines();
    assert_eq!(texts(&lines), ["2", "3", "4", "5"]);
    assert_eq!(
        lines[0], seen[1],
        "the same line has the same key in the copy"
    );
    assert_ne!(lines[2].stream, seen[0].stream);
    assert_eq!(tail.status().lost_generations, 0);
}

#[test]
fn a_shorter_file_is_a_new_generation_from_its_first_byte() {
    let logs = Logs::new();
    logs.append("a.log", "same\nlast line\n");
    let mut tail = logs.tail(&["a.log"]);
    let seen = tail.lines();
    let stored = tail.stored();
    drop(tail);
    logs.truncate("a.log");
    logs.append("a.log", "same\n");
    let mut tail = reopen(&logs, stored);
    let lines = tail.lines();
    assert_eq!(texts(&lines), ["same"]);
    assert_ne!(lines[0].stream, seen[0].stream);
    assert_eq!(
        tail.status().lost_generations,
        1,
        "what was written before the truncation"
    );
    // And from there it is stable.
    let again = reopen(&logs, tail.stored()).lines();
    assert_eq!(again, []);
}

#[test]
fn a_new_generation_keeps_its_identity_when_it_was_not_stored() {
    let logs = Logs::new();
    let (stored, _) = crash_after_two(&logs);
    logs.truncate("a.log");
    logs.append("a.log", "other\n");
    let first = reopen(&logs, stored.clone()).lines();
    let second = reopen(&logs, stored).lines();
    assert_eq!(texts(&first), ["other"]);
    assert_eq!(first, second);
}

#[test]
fn a_start_at_the_end_is_remembered_though_nothing_was_read() {
    let logs = Logs::new();
    logs.append("a.log", "old\n");
    let options = TailOptions::default();
    let mut tail = logs.tail_with(&["a.log", "late.log"], options, Vec::new());
    let mut stored = Vec::new();
    while let Some(batch) = tail.batch() {
        assert!(batch.records.is_empty());
        stored.extend(batch.checkpoint);
    }
    drop(tail);
    logs.append("a.log", "new\n");
    logs.append("late.log", "late\n");
    let mut texts = logs
        .tail_with(&["a.log", "late.log"], options, stored)
        .texts();
    texts.sort();
    assert_eq!(texts, ["late", "new"]);
}

#[test]
fn a_broken_checkpoint_is_told_and_nothing_is_passed_over() {
    let logs = Logs::new();
    let (mut stored, _) = crash_after_two(&logs);
    stored[0].state = "{".to_owned();
    let mut tail = reopen(&logs, stored);
    assert_eq!(tail.texts(), ["1", "2"]);
    assert!(tail.status().note.unwrap().contains("checkpoint"));
}

#[test]
fn checkpoints_of_other_names_are_left_alone() {
    let logs = Logs::new();
    let (stored, _) = crash_after_two(&logs);
    logs.append("b.log", "b\n");
    let mut tail = logs.tail_with(&["b.log"], from_start(), stored);
    assert_eq!(tail.texts(), ["b"]);
    assert_eq!(tail.tailer.status().len(), 1);
}
