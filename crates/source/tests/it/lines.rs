//! What is a line, and what becomes of a bad one.

use vigil_source::TailOptions;

use crate::{Logs, from_start, texts};

#[test]
fn bytes_are_passed_on_as_they_are() {
    let logs = Logs::new();
    logs.append(
        "a.log",
        b"plain\r\n\n\r\n\0nul\0\n\xff\xfe bad utf-8\n\x16\x03\x01\x02 tls\n",
    );
    let lines = logs.tail(&["a.log"]).lines();
    let texts: Vec<&[u8]> = lines.iter().map(|line| &*line.text).collect();
    assert_eq!(
        texts,
        [
            &b"plain"[..],
            b"\0nul\0",
            b"\xff\xfe bad utf-8",
            b"\x16\x03\x01\x02 tls"
        ]
    );
    assert_eq!(
        lines.iter().map(|line| line.offset).collect::<Vec<_>>(),
        [0, 10, 16, 29]
    );
}

#[test]
fn a_partial_line_waits_for_its_end() {
    let logs = Logs::new();
    logs.append("a.log", "one\ntw");
    let mut tail = logs.tail(&["a.log"]);
    assert_eq!(tail.texts(), ["one"]);
    assert_eq!(tail.status().lag_bytes, 2);
    logs.append("a.log", "o");
    assert_eq!(tail.texts(), [""; 0]);
    logs.append("a.log", "\nthree\n");
    assert_eq!(tail.texts(), ["two", "three"]);
    assert_eq!(tail.status().lag_bytes, 0);
}

#[test]
fn a_long_partial_line_is_not_lost_however_it_grows() {
    let logs = Logs::new();
    let mut tail = logs.tail(&["a.log"]);
    for _ in 0..40 {
        logs.append("a.log", [b'x'; 1000]);
        assert_eq!(tail.texts(), [""; 0]);
    }
    logs.append("a.log", "\nnext\n");
    let lines = tail.lines();
    assert_eq!(
        lines.iter().map(|line| line.text.len()).collect::<Vec<_>>(),
        [40_000, 4]
    );
    assert_eq!(lines[1].offset, 40_001);
}

#[test]
fn a_line_over_the_cap_is_cut_and_its_rest_passed_over_across_a_restart() {
    let logs = Logs::new();
    let options = TailOptions {
        max_line_bytes: 1000,
        keep_line_bytes: 10,
        batch_bytes: 64,
        ..from_start()
    };
    logs.append("a.log", [b'x'; 5000]);
    let mut tail = logs.tail_with(&["a.log"], options, Vec::new());
    let lines = tail.lines();
    assert_eq!(texts(&lines), ["xxxxxxxxxx"]);
    assert!(lines[0].truncated);
    assert_eq!(tail.tailer.telemetry().truncated_lines.get(), 1);

    let stored = tail.stored();
    drop(tail);
    logs.append("a.log", "the rest\nnext\n");
    let mut tail = logs.tail_with(&["a.log"], options, stored);
    let lines = tail.lines();
    assert_eq!(texts(&lines), ["next"]);
    assert!(!lines[0].truncated);
}

#[test]
fn a_huge_line_neither_fills_memory_nor_holds_up_others() {
    let logs = Logs::new();
    let options = TailOptions {
        max_line_bytes: 4096,
        keep_line_bytes: 100,
        batch_bytes: 1024,
        ..from_start()
    };
    logs.append("huge.log", vec![b'x'; 1 << 20]);
    logs.append("other.log", "short\n".repeat(1000));
    let mut tail = logs.tail_with(&["*.log"], options, Vec::new());
    let (mut others, mut huge) = (0, 0);
    while others < 1000 {
        let batch = tail.batch().unwrap();
        assert!(
            batch.bytes.capacity() <= 4096 + 1024,
            "{}",
            batch.bytes.capacity()
        );
        if batch.source.as_str().ends_with("huge.log") {
            huge += 1;
        } else {
            others += batch.records.len();
        }
    }
    assert!(
        huge <= 7,
        "the huge file had {huge} turns, as many as the other one"
    );
    logs.append("huge.log", "\nafter\n");
    let lines = tail.lines();
    assert_eq!(lines.last().map(|line| &*line.text), Some(&b"after"[..]));
}

#[test]
fn batches_are_bounded_and_files_take_turns() {
    let logs = Logs::new();
    logs.append("a.log", "a\n".repeat(100));
    logs.append("b.log", "b\n".repeat(100));
    let options = TailOptions {
        batch_records: 10,
        ..from_start()
    };
    let mut tail = logs.tail_with(&["*.log"], options, Vec::new());
    let first = tail.records();
    let second = tail.records();
    assert_eq!((first.records.len(), second.records.len()), (10, 10));
    assert_ne!(first.source, second.source);
    assert_eq!(tail.lines().len(), 180);
    assert_eq!(tail.tailer.telemetry().lines.get(), 200);
    assert_eq!(tail.tailer.telemetry().bytes.get(), 400);
}
