//! Random scripts of what happens to a log, against a model of what must be read.
//!
//! The model knows every complete line that was written. Whatever is done to the file's name, and
//! however often the tailer is started again from its last stored checkpoint, each is read, and
//! read under one key only.

use std::collections::HashMap;

use proptest::prelude::*;
use vigil_event::Checkpoint;
use vigil_source::TailOptions;

use crate::{Line, Logs, Tail, from_start, lines_of};

const ROTATED: usize = 4;

#[derive(Clone, Debug)]
enum Act {
    /// Appends that many whole lines; the first goes on with what is unfinished.
    Append(usize),
    /// Appends text without a line's end.
    AppendPartial,
    /// Renames the log, with that many late lines to the old file, and makes a new one if told.
    Rotate { late: usize, create: bool },
    /// Copies the log away and truncates it, after everything was read.
    CopyTruncate,
    /// Truncates the log, after everything was read.
    Truncate,
    /// Deletes the log, after everything was read.
    Delete,
    /// Reads that many batches at most.
    Read(usize),
    /// Stores all batches read so far.
    Store,
    /// Stops, as by `kill -9`, and starts again from what was stored.
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (1..6usize).prop_map(Act::Append),
        2 => Just(Act::AppendPartial),
        4 => (0..3usize, any::<bool>()).prop_map(|(late, create)| Act::Rotate { late, create }),
        1 => Just(Act::CopyTruncate),
        1 => Just(Act::Truncate),
        1 => Just(Act::Delete),
        4 => (1..5usize).prop_map(Act::Read),
        3 => Just(Act::Store),
        3 => Just(Act::Restart),
    ]
}

struct World {
    logs: Logs,
    options: TailOptions,
    tail: Option<Tail>,
    stored: Vec<Checkpoint>,
    /// The number of the next line; every line's text is its own.
    next: usize,
    /// What was appended to the log without a line's end.
    partial: String,
    /// Lines that are complete.
    written: Vec<String>,
    /// All that was read, in order; what was read twice, twice.
    read: Vec<Line>,
}

impl World {
    fn new(options: TailOptions) -> Self {
        let logs = Logs::new();
        let mut tail = logs.tail_with(&["a.log"], options, Vec::new());
        assert!(
            tail.batch().unwrap().records.is_empty(),
            "where reading starts"
        );
        Self {
            stored: tail.stored(),
            logs,
            options,
            tail: Some(tail),
            next: 0,
            partial: String::new(),
            written: Vec::new(),
            read: Vec::new(),
        }
    }

    fn text(&mut self) -> String {
        self.next += 1;
        // Now and then an empty line. The end is the line's own, since a file rewritten to end
        // alike at the same size cannot be told from an untouched one.
        let blank = if self.next.is_multiple_of(7) {
            "\n"
        } else {
            ""
        };
        format!(
            "{blank}line {} of {}",
            "x".repeat(self.next * 31 % 90),
            self.next
        )
    }

    fn append(&mut self, name: &str, lines: usize) {
        for _ in 0..lines {
            let text = format!("{}{}", std::mem::take(&mut self.partial), self.text());
            let tail = text
                .strip_prefix(&self.partial_on_disk(name))
                .unwrap()
                .to_owned();
            self.logs.append(name, format!("{tail}\n"));
            self.written.extend(
                text.split('\n')
                    .filter(|line| !line.is_empty())
                    .map(str::to_owned),
            );
        }
    }

    /// What stands in the file behind its last line end.
    fn partial_on_disk(&self, name: &str) -> String {
        let text = fs_err::read(self.logs.path(name)).unwrap_or_default();
        let text = String::from_utf8(text).unwrap();
        text.rsplit('\n').next().unwrap_or_default().to_owned()
    }

    fn read(&mut self, batches: usize) {
        let tail = self.tail.as_mut().unwrap();
        for _ in 0..batches {
            let Some(batch) = tail.batch() else { break };
            self.read.extend(lines_of(&batch));
        }
    }

    fn store(&mut self) {
        let last = self.tail.as_ref().and_then(|tail| tail.checkpoint.clone());
        if let Some(checkpoint) = last {
            self.stored = vec![checkpoint];
        }
    }

    fn rotate(&mut self, late: usize, create: bool) {
        if !self.logs.path("a.log").exists() {
            return;
        }
        for number in (1..ROTATED).rev() {
            if self.logs.path(&format!("a.log.{number}")).exists() {
                self.logs
                    .rename(&format!("a.log.{number}"), &format!("a.log.{}", number + 1));
            }
        }
        self.logs.rename("a.log", "a.log.1");
        if create {
            self.logs.append("a.log", "");
        }
        self.append("a.log.1", late + usize::from(!self.partial.is_empty()));
    }

    /// Nothing unread may be left where data is destroyed. It is stored as well: what is not
    /// stored is read again after a crash, if it is still there.
    fn settle(&mut self) {
        if !self.partial.is_empty() {
            self.append("a.log", 1);
        }
        self.read(usize::MAX);
        self.store();
    }

    fn act(&mut self, act: &Act) {
        match act {
            Act::Append(lines) => self.append("a.log", *lines),
            Act::AppendPartial => {
                let text = format!("partial {} ", self.next);
                self.logs.append("a.log", &text);
                self.partial.push_str(&text);
            }
            Act::Rotate { late, create } => {
                // The oldest is removed by the rotation: it must have been read.
                if self.logs.path(&format!("a.log.{ROTATED}")).exists() {
                    self.settle();
                }
                self.rotate(*late, *create);
            }
            Act::CopyTruncate | Act::Truncate if self.logs.path("a.log").exists() => {
                self.settle();
                if matches!(act, Act::CopyTruncate) {
                    self.logs.copy("a.log", "a.log.copy");
                }
                self.logs.truncate("a.log");
            }
            Act::Delete if self.logs.path("a.log").exists() => {
                self.settle();
                self.logs.remove("a.log");
            }
            Act::CopyTruncate | Act::Truncate | Act::Delete => {}
            Act::Read(batches) => self.read(*batches),
            Act::Store => self.store(),
            Act::Restart => {
                self.tail = None;
                let stored = self.stored.clone();
                self.tail = Some(self.logs.tail_with(&["a.log"], self.options, stored));
            }
        }
    }

    /// Each line was read, under one key, in its order in its stream.
    fn check(&self) {
        let mut by_key: HashMap<(&str, u64), &[u8]> = HashMap::new();
        let mut keys: HashMap<&[u8], (&str, u64)> = HashMap::new();
        for line in &self.read {
            let key = (&*line.stream, line.offset);
            let same = by_key
                .insert(key, &line.text)
                .is_none_or(|text| text == line.text);
            assert!(same, "one key for two lines: {key:?}");
            let same = keys
                .insert(&line.text, key)
                .is_none_or(|other| other == key);
            assert!(
                same,
                "two keys for {:?}",
                String::from_utf8_lossy(&line.text)
            );
        }
        let mut last: HashMap<&str, u64> = HashMap::new();
        for line in &self.written {
            let (stream, offset) = keys
                .get(line.as_bytes())
                .unwrap_or_else(|| panic!("not read: {line:?}"));
            let before = last.insert(stream, *offset);
            assert!(
                before.is_none_or(|before| before < *offset),
                "out of order: {line:?}"
            );
        }
        assert_eq!(
            keys.len(),
            self.written.len(),
            "more was read than was written"
        );
    }
}

/// A script that once failed: where inodes are used again at once (ext4), the one of an empty
/// file that was deleted comes back with lines, after a checkpoint that still has it as empty.
#[test]
fn the_inode_of_an_empty_file_comes_back() {
    let rotate = |late, create| Act::Rotate { late, create };
    let script = [
        Act::Append(1),
        rotate(0, true),
        Act::Restart,
        Act::Delete,
        Act::Append(1),
        Act::Delete,
        Act::Append(1),
        rotate(2, false),
        Act::Read(4),
        Act::Append(2),
        Act::Read(3),
        Act::Restart,
        Act::Append(1),
    ];
    let mut world = World::new(from_start());
    for act in &script {
        world.act(act);
    }
    world.settle();
    world.check();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_line_is_read_under_one_key(
        script in proptest::collection::vec(act(), 1..60),
        batch_records in 1..8usize,
        batch_bytes in 16..300usize,
    ) {
        let options = TailOptions { batch_records, batch_bytes, max_line_bytes: 4096, ..from_start() };
        let mut world = World::new(options);
        for act in &script {
            world.act(act);
        }
        world.settle();
        world.check();
    }

    /// Without a crash, no line is given out twice.
    #[test]
    fn nothing_is_read_twice_without_a_restart(
        script in proptest::collection::vec(act(), 1..60),
    ) {
        let mut world = World::new(from_start());
        for act in script.iter().filter(|act| !matches!(act, Act::Restart)) {
            world.act(act);
        }
        world.settle();
        world.check();
        prop_assert_eq!(world.read.len(), world.written.len());
    }
}
