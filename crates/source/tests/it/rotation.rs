//! Rotation while the tailer runs.

use crate::{Logs, texts};

#[test]
fn the_rest_of_a_renamed_file_is_read_before_the_new_one() {
    let logs = Logs::new();
    logs.append("a.log", "1\n");
    let mut tail = logs.tail(&["a.log"]);
    assert_eq!(tail.texts(), ["1"]);
    logs.append("a.log", "2\n");
    logs.rename("a.log", "a.log.1");
    logs.append("a.log.1", "3\n");
    logs.append("a.log", "4\n");
    let lines = tail.lines();
    assert_eq!(texts(&lines), ["2", "3", "4"]);
    assert_eq!(lines[0].stream, lines[1].stream);
    assert_ne!(lines[1].stream, lines[2].stream);
    assert_eq!(tail.tailer.telemetry().rotations.get(), 1);
}

#[test]
fn a_writer_that_goes_on_with_the_renamed_file_is_still_read() {
    let logs = Logs::new();
    logs.append("a.log", "1\n");
    let mut tail = logs.tail(&["a.log"]);
    assert_eq!(tail.texts(), ["1"]);
    logs.rename("a.log", "a.log.1");
    logs.append("a.log.1", "2\n");
    assert_eq!(tail.texts(), ["2"]);
    assert!(tail.status().missing);
    logs.append("a.log", "3\n");
    assert_eq!(tail.texts(), ["3"]);
    logs.append("a.log.1", "late\n");
    assert_eq!(tail.texts(), ["late"]);
    logs.append("a.log", "4\n");
    assert_eq!(tail.texts(), ["4"]);
}

#[test]
fn several_rotations_between_two_looks_lose_nothing() {
    let logs = Logs::new();
    logs.append("a.log", "1\n");
    let mut tail = logs.tail(&["a.log"]);
    assert_eq!(tail.texts(), ["1"]);
    logs.append("a.log", "2\n");
    for round in 3..6 {
        for number in (1..4).rev() {
            if logs.path(&format!("a.log.{number}")).exists() {
                logs.rename(&format!("a.log.{number}"), &format!("a.log.{}", number + 1));
            }
        }
        logs.rename("a.log", "a.log.1");
        logs.append("a.log", format!("{round}\n"));
    }
    assert_eq!(tail.texts(), ["2", "3", "4", "5"]);
    assert_eq!(tail.status().lost_generations, 0);
}

#[test]
fn an_unfinished_line_of_a_rotated_file_is_given_out_once_nobody_can_finish_it() {
    let logs = Logs::new();
    logs.append("a.log", "1\nunfini");
    let mut tail = logs.tail(&["a.log"]);
    assert_eq!(tail.texts(), ["1"]);
    logs.rename("a.log", "a.log.1");
    logs.append("a.log", "2\n");
    assert_eq!(tail.texts(), ["2"]);
    logs.append("a.log.1", "shed");
    assert_eq!(tail.texts(), [""; 0]);
    logs.rename("a.log.1", "a.log.2");
    logs.rename("a.log", "a.log.1");
    logs.append("a.log", "3\n");
    assert_eq!(tail.texts(), ["unfinished", "3"]);
}

#[test]
fn a_truncated_file_is_a_new_stream_even_with_the_same_first_line() {
    let logs = Logs::new();
    logs.append("a.log", "same\nother\n");
    let mut tail = logs.tail(&["a.log"]);
    let first = tail.lines();
    logs.truncate("a.log");
    logs.append("a.log", "same\n");
    let second = tail.lines();
    assert_eq!(texts(&second), ["same"]);
    assert_eq!(second[0].offset, first[0].offset);
    assert_ne!(second[0].stream, first[0].stream);
    assert_eq!(tail.tailer.telemetry().truncations.get(), 1);
}

#[test]
fn a_truncated_file_that_grew_past_the_old_size_is_noticed() {
    let logs = Logs::new();
    logs.append("a.log", "old\n");
    let mut tail = logs.tail(&["a.log"]);
    assert_eq!(tail.texts(), ["old"]);
    logs.truncate("a.log");
    logs.append("a.log", "new line 1\nnew line 2\n");
    assert_eq!(tail.texts(), ["new line 1", "new line 2"]);
}

#[test]
fn what_was_unread_before_a_copytruncate_is_read_from_the_copy() {
    let logs = Logs::new();
    logs.append("a.log", "1\n");
    let mut tail = logs.tail(&["a.log"]);
    let before = tail.lines();
    logs.append("a.log", "2\n3\n");
    logs.copy("a.log", "a.log.1");
    logs.truncate("a.log");
    logs.append("a.log", "4\n");
    let lines = tail.lines();
    assert_eq!(texts(&lines), ["2", "3", "4"]);
    assert_eq!(lines[0].stream, before[0].stream, "as if read before");
    assert_ne!(lines[2].stream, before[0].stream);
}

#[test]
fn what_is_truncated_unread_without_a_copy_is_told() {
    let logs = Logs::new();
    logs.append("a.log", "1\nunread");
    let mut tail = logs.tail(&["a.log"]);
    assert_eq!(tail.texts(), ["1"]);
    logs.truncate("a.log");
    logs.append("a.log", "\n");
    assert_eq!(tail.texts(), [""; 0]);
    let status = tail.status();
    assert_eq!(status.lost_generations, 1);
    assert!(status.note.unwrap().contains("6 bytes unread"));
    assert_eq!(tail.tailer.telemetry().lost_generations.get(), 1);
}

#[test]
fn a_deleted_file_is_read_to_its_end_and_its_inode_used_again_is_another_stream() {
    let logs = Logs::new();
    logs.append("a.log", "same\n");
    let mut tail = logs.tail(&["a.log"]);
    let mut streams = vec![tail.lines()[0].stream.clone()];
    for _ in 0..4 {
        logs.append("a.log", "more\n");
        logs.remove("a.log");
        assert_eq!(tail.texts(), ["more"]);
        logs.append("a.log", "same\n");
        let lines = tail.lines();
        assert_eq!(texts(&lines), ["same"]);
        streams.push(lines[0].stream.clone());
    }
    let count = streams.len();
    streams.sort();
    streams.dedup();
    assert_eq!(streams.len(), count);
}

#[test]
fn a_file_renamed_away_and_back_is_not_read_again() {
    let logs = Logs::new();
    logs.append("a.log", "1\n");
    let mut tail = logs.tail(&["a.log"]);
    let before = tail.lines();
    logs.rename("a.log", "b");
    assert_eq!(tail.texts(), [""; 0]);
    logs.rename("b", "a.log");
    logs.append("a.log", "2\n");
    let lines = tail.lines();
    assert_eq!(texts(&lines), ["2"]);
    assert_eq!(lines[0].stream, before[0].stream);
}

#[test]
fn copies_beside_the_log_are_not_taken_for_rotated_files() {
    let logs = Logs::new();
    logs.append("a.log", "1\n2\n");
    let mut tail = logs.tail(&["a.log"]);
    assert_eq!(tail.texts(), ["1", "2"]);
    logs.copy("a.log", "a.log.bak");
    logs.rename("a.log", "a.log.1");
    logs.append("a.log", "3\n");
    assert_eq!(tail.texts(), ["3"]);
}
