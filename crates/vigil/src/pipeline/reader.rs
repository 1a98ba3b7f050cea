//! The reader's thread: takes batches from the logs and hands them in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use vigil_decode::Format;
use vigil_event::{Checkpoint, Record, RecordBatch, SourceId};
use vigil_source::{Stands, Tailer, stands};

use super::intake::Stopped;
use super::{Health, Intake, Submission, Telemetry};

/// How long the reader waits for something to read before it looks at everything again.
const WAIT: Duration = Duration::from_millis(500);

/// Which log is in which format.
#[derive(Clone, Debug, Default)]
pub struct Formats {
    by_pattern: Vec<(glob::Pattern, Format)>,
}

impl Formats {
    /// From the configured paths or patterns, made absolute.
    pub fn new(logs: impl IntoIterator<Item = (String, Format)>) -> Self {
        let compile =
            |(path, format): (String, Format)| Some((glob::Pattern::new(&path).ok()?, format));
        Self {
            by_pattern: logs.into_iter().filter_map(compile).collect(),
        }
    }

    /// The format of a log: that of the first pattern it fits, or to be found out.
    pub fn of(&self, source: &SourceId) -> Format {
        self.by_pattern
            .iter()
            .find(|(pattern, _)| pattern.matches(source.as_str()))
            .map(|(_, format)| *format)
            .unwrap_or_default()
    }
}

pub(super) struct Reader {
    pub(super) tailer: Tailer,
    pub(super) formats: Formats,
    pub(super) intake: Intake,
    pub(super) health: Arc<Health>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) stopping: Arc<AtomicBool>,
    /// Up to where each source is stored that is read again.
    pub(super) stored: BTreeMap<SourceId, Checkpoint>,
}

impl Reader {
    pub(super) fn run(mut self) {
        let mut told = tokio::time::Instant::now();
        self.tell_files();
        while !self.stopping.load(Ordering::SeqCst) {
            match self.tailer.next_batch(WAIT) {
                Ok(Some(batch)) => {
                    if self.hand_in(batch).is_err() {
                        return;
                    }
                    self.health.report("source", None);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot read the logs; trying again");
                    self.health.report("source", Some(error.to_string()));
                    self.telemetry.read_failed();
                    std::thread::sleep(WAIT);
                }
            }
            if told.elapsed() >= WAIT {
                told = tokio::time::Instant::now();
                self.tell_files();
            }
        }
    }

    /// Hands a batch in. What of it was stored before is a batch of its own: only the rest counts once more
    /// where hits are counted.
    fn hand_in(&mut self, mut batch: RecordBatch) -> Result<(), Stopped> {
        let format = self.formats.of(&batch.source);
        let submit = |batch| {
            self.intake.submit(Submission {
                batch,
                format,
                done: None,
            })
        };
        if let Some(stored) = take_stored(&mut batch, &mut self.stored) {
            submit(stored)?;
        }
        submit(batch)
    }

    fn tell_files(&self) {
        let files = self.tailer.status();
        self.telemetry.lagging(&files);
        self.health.report_files(files);
    }
}

/// Takes off a batch what was stored before, where the batch is the first that goes beyond that.
fn take_stored(
    batch: &mut RecordBatch,
    stored: &mut BTreeMap<SourceId, Checkpoint>,
) -> Option<RecordBatch> {
    let up_to = stored.get(&batch.source)?;
    let offset = match stands(batch.checkpoint.as_ref()?, up_to) {
        Stands::Before(_) | Stands::Here => return None,
        Stands::Behind(offset) => offset,
        Stands::Elsewhere => 0,
    };
    let checkpoint = stored.remove(&batch.source);
    let is_stored = |record: &Record| record.offset < offset;
    let count = batch.records.partition_point(is_stored);
    let further = batch.records.split_off(count);
    let records = std::mem::replace(&mut batch.records, further);
    (count > 0).then(|| RecordBatch {
        source: batch.source.clone(),
        stream: Arc::clone(&batch.stream),
        bytes: batch.bytes.clone(),
        records,
        read_at: batch.read_at,
        checkpoint,
    })
}

#[cfg(test)]
mod tests {
    use vigil_event::Timestamp;

    use super::*;
    use crate::pipeline::read_to;

    fn at(inode: u32, offset: u64) -> Checkpoint {
        read_to("/a", inode, offset)
    }

    /// Lines of ten bytes from one offset to another.
    fn batch(from: u64, to: u64) -> RecordBatch {
        let record = |offset| Record {
            offset,
            ..Record::of(b"123456789")
        };
        RecordBatch {
            source: SourceId::new("/a"),
            stream: "s".into(),
            bytes: b"123456789".to_vec(),
            records: (from..to).step_by(10).map(record).collect(),
            read_at: Timestamp::default(),
            checkpoint: Some(at(1, to)),
        }
    }

    #[test]
    fn what_was_stored_is_a_batch_of_its_own() {
        let offsets = |batch: &RecordBatch| -> Vec<u64> {
            batch.records.iter().map(|record| record.offset).collect()
        };
        let mut stored = BTreeMap::from([(SourceId::new("/a"), at(1, 70))]);
        for to in [30, 70] {
            let mut before = batch(to - 30, to);
            assert!(take_stored(&mut before, &mut stored).is_none());
            assert_eq!(before.records.len(), 3);
        }
        let mut spanning = batch(50, 100);
        let before = take_stored(&mut spanning, &mut stored).unwrap();
        assert_eq!(offsets(&before), [50, 60]);
        assert_eq!(before.checkpoint, Some(at(1, 70)));
        assert_eq!(offsets(&spanning), [70, 80, 90]);
        assert_eq!(spanning.checkpoint, Some(at(1, 100)));
        let mut further = batch(50, 100);
        assert!(take_stored(&mut further, &mut stored).is_none(), "once");
        assert_eq!(further.records.len(), 5);
    }

    #[test]
    fn what_was_not_read_before_is_left_whole() {
        // It goes on where it stood; and there was a rotation.
        for up_to in [at(1, 50), at(2, 70)] {
            let mut stored = BTreeMap::from([(SourceId::new("/a"), up_to)]);
            let mut fresh = batch(50, 100);
            assert!(take_stored(&mut fresh, &mut stored).is_none());
            assert_eq!((fresh.records.len(), stored.len()), (5, 0));
        }
        let mut sent = batch(0, 30);
        sent.checkpoint = None;
        assert!(take_stored(&mut sent, &mut BTreeMap::new()).is_none());
    }
}
