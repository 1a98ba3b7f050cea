//! The recorder: puts the judged parts back in order and stores them, threats and checkpoint in one
//! transaction. The store then publishes what it kept.
//!
//! When the store fails nothing is dropped: the recorder tries again, the queues before it fill, and
//! the logs are read no further.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use tokio::sync::oneshot;
use vigil_event::{Checkpoint, Clock, SourceId, Timestamp};
use vigil_source::{Stands, is_over, stands};
use vigil_store::{Entry, GroupedThreat, Store};

use super::intake::{Expected, Stored};
use super::state::{Begin, Save, Saver, Step};
use super::{Correlate, Health, LetPass, Message, Sequence, Sighted, Telemetry, by_source};

/// Threats in one transaction, beyond which a further batch waits for the next.
const THREATS_PER_ENTRY: usize = 1_024;
/// A checkpoint without threats is stored at most this often: what is read again after a crash is
/// benign and costs little.
const CHECKPOINT_EVERY_MS: i64 = 1_000;
/// So many slices are written down between two looks for messages.
const SLICES: usize = 4;
/// How long the recorder waits between two tries, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

struct Pending {
    parts: usize,
    submission: Expected,
    threats: Vec<GroupedThreat>,
    sighted: Vec<Sighted>,
    let_pass: LetPass,
}

pub(super) struct Recorder {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    telemetry: Arc<Telemetry>,
    health: Arc<Health>,
    stopping: Arc<AtomicBool>,
    correlate: Correlate,
    pending: BTreeMap<Sequence, Pending>,
    /// The number of the batch to be stored next.
    next: Sequence,
    /// Checkpoints that are not stored yet, the newest of each source.
    checkpoints: BTreeMap<SourceId, Checkpoint>,
    checkpointed_at: Timestamp,
    /// What suppressions took out up to those checkpoints. Stored with them, so that what is read
    /// again is not counted twice.
    let_pass: LetPass,
    alert_limit: Option<u32>,
    /// Sources of which a checkpoint is stored.
    known: BTreeSet<SourceId>,
    /// Where each source stands, stored or not.
    positions: BTreeMap<SourceId, Checkpoint>,
    /// Up to where sources are read again whose threats and hits are stored.
    read_again: BTreeMap<SourceId, Checkpoint>,
    /// Marks that have not come to their turn.
    marks: BTreeMap<Sequence, Save>,
    /// A mark whose turn has come; what is before it is not stored yet.
    marked: Option<(Save, Vec<Checkpoint>)>,
    /// While what is known together is written down.
    saver: Option<Saver>,
    /// The store failed until the server stopped: nothing more may be stored.
    gave_up: bool,
}

impl Recorder {
    pub(super) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        telemetry: Arc<Telemetry>,
        health: Arc<Health>,
        stopping: Arc<AtomicBool>,
        correlate: Correlate,
        (alert_limit, begin): (Option<u32>, Begin),
    ) -> Self {
        Self {
            store,
            clock,
            telemetry,
            health,
            stopping,
            correlate,
            pending: BTreeMap::new(),
            next: 0,
            checkpoints: BTreeMap::new(),
            checkpointed_at: Timestamp::default(),
            let_pass: LetPass::default(),
            alert_limit,
            known: BTreeSet::new(),
            positions: by_source(&begin.positions),
            read_again: by_source(&begin.stored),
            marks: BTreeMap::new(),
            marked: None,
            saver: None,
            gave_up: false,
        }
    }

    /// Works until every stage before it is gone, then stores what is left.
    pub(super) fn run(mut self, messages: &Receiver<Message>) {
        loop {
            match messages.recv_timeout(self.save_some()) {
                Ok(message) => {
                    self.take(message);
                    while let Ok(message) = messages.try_recv() {
                        self.take(message);
                        if self.waiting_threats() >= THREATS_PER_ENTRY {
                            break;
                        }
                    }
                    self.store_complete();
                }
                Err(RecvTimeoutError::Timeout) => self.store_complete(),
                Err(RecvTimeoutError::Disconnected) => {
                    self.store_complete();
                    if !self.gave_up {
                        self.store(&mut [], self.clock.now());
                    }
                    if let Some(saver) = self.saver.take() {
                        saver.finish(|| self.correlate.next_slice());
                    }
                    return;
                }
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Expect {
                sequence,
                parts,
                submission,
            } => {
                self.pending.insert(
                    sequence,
                    Pending {
                        parts,
                        submission,
                        threats: Vec::new(),
                        sighted: Vec::new(),
                        let_pass: LetPass::default(),
                    },
                );
            }
            Message::Save { sequence, save } => {
                self.marks.insert(sequence, save);
            }
            Message::Part { sequence, part } => {
                self.telemetry.judged(part.below_threshold, part.failed);
                self.telemetry.correlations_lost(part.lost);
                self.telemetry.let_pass(&part.let_pass);
                if let Some(pending) = self.pending.get_mut(&sequence) {
                    pending.parts -= 1;
                    pending.threats.extend(part.threats);
                    pending.sighted.extend(part.sighted);
                    pending.let_pass.add(part.let_pass);
                }
            }
        }
    }

    /// Writes a little of what is known together down, if it is to; how long to wait for a message then.
    fn save_some(&mut self) -> Duration {
        for _ in 0..SLICES {
            let Some(saver) = &mut self.saver else {
                return Duration::from_millis(CHECKPOINT_EVERY_MS.unsigned_abs() / 2);
            };
            match saver.step(|| self.correlate.next_slice()) {
                Step::Worked => {}
                Step::Waits => break,
                Step::Ended => {
                    self.correlate.stop_saving();
                    self.saver = None;
                }
            }
        }
        Duration::from_millis(1)
    }

    /// The batch whose turn it is, if all its parts are there.
    fn take_complete(&mut self) -> Option<Pending> {
        // A mark has its turn like a batch: what is known together is that of all before it.
        while let Some(save) = self.marks.remove(&self.next) {
            self.next += 1;
            self.correlate.begin_saving();
            self.saver = None;
            let now = self.clock.now();
            self.positions.retain(|_, position| !is_over(position, now));
            self.marked = Some((save, self.positions.values().cloned().collect()));
        }
        let is_complete = self.pending.get(&self.next).map(|one| one.parts == 0);
        if is_complete != Some(true) {
            return None;
        }
        let complete = self.pending.remove(&self.next);
        self.next += 1;
        complete
    }

    /// Notes where a source stands after a batch; whether what is in it was stored before, as when it is read
    /// again to complete the state.
    fn moves_to(&mut self, source: &SourceId, checkpoint: Option<&Checkpoint>) -> bool {
        let Some(checkpoint) = checkpoint else {
            return false;
        };
        self.positions.insert(source.clone(), checkpoint.clone());
        let Some(stored) = self.read_again.get(source) else {
            return false;
        };
        let is_stored = matches!(stands(checkpoint, stored), Stands::Before(_) | Stands::Here);
        if !is_stored {
            self.read_again.remove(source);
        }
        is_stored
    }

    fn waiting_threats(&self) -> usize {
        self.pending
            .values()
            .map(|pending| pending.threats.len() + pending.sighted.len())
            .sum()
    }

    /// Stores every batch that is complete and has none before it that is not.
    fn store_complete(&mut self) {
        if self.gave_up {
            return;
        }
        let mut threats = Vec::new();
        let mut done = Vec::new();
        while let Some(Pending {
            submission,
            threats: mut found,
            sighted,
            let_pass,
            ..
        }) = self.take_complete()
        {
            let mut concluded = LetPass::default();
            let below_threshold = self.correlate.conclude(sighted, &mut found, &mut concluded);
            self.telemetry
                .judged(below_threshold, self.correlate.take_panics());
            self.telemetry.correlations_lost(self.correlate.take_lost());
            self.telemetry.let_pass(&concluded);
            let is_stored = self.moves_to(&submission.source, submission.checkpoint.as_ref());
            if !is_stored {
                self.let_pass.add(let_pass);
                self.let_pass.add(concluded);
            }
            found.sort_by_key(|grouped| grouped.threat.record.offset);
            if let Some(waiting) = submission.done {
                done.push((waiting, outcome(&submission.counts, found.len())));
            }
            // What is read again lies before what is stored, which must not go back: hits behind it are
            // stored as well.
            if let Some(checkpoint) = submission.checkpoint
                && !is_stored
            {
                self.checkpoints.insert(submission.source, checkpoint);
            }
            threats.extend(found);
        }
        let now = self.clock.now();
        let is_due = !threats.is_empty() || self.marked.is_some() || self.checkpoint_due(now);
        if !is_due || self.store(&mut threats, now) {
            tell(done);
            let marked = self.marked.take();
            let saver = marked.map(|(save, positions)| Saver::of_all(save, positions));
            self.saver = saver.or(self.saver.take());
        } else {
            // What was not stored is read again at the next start, so no checkpoint may pass it.
            self.gave_up = true;
        }
    }

    /// A source's first checkpoint says where reading began: without it, what is written before the
    /// second would be passed over after a crash.
    fn checkpoint_due(&self, now: Timestamp) -> bool {
        now.millis_since(self.checkpointed_at) >= CHECKPOINT_EVERY_MS
            || self
                .checkpoints
                .keys()
                .any(|source| !self.known.contains(source))
    }

    /// Stores until it works; false when the server stops before that.
    fn store(&mut self, threats: &mut [GroupedThreat], now: Timestamp) -> bool {
        let hits = self.let_pass.hits();
        if threats.is_empty() && self.checkpoints.is_empty() && hits.is_empty() {
            return true;
        }
        let checkpoints: Vec<Checkpoint> = self.checkpoints.values().cloned().collect();
        let mut wait = RETRY.0;
        loop {
            let at = self.clock.now();
            for grouped in threats.iter_mut() {
                grouped.threat.stages.stored_at = at;
            }
            match self.store.record(&Entry {
                threats,
                checkpoints: &checkpoints,
                at,
                suppression_hits: &hits,
                new_alerts_per_minute: self.alert_limit,
            }) {
                Ok(recorded) => {
                    self.health.report("store", None);
                    self.telemetry.recorded(threats, recorded, self.clock.now());
                    self.known
                        .extend(std::mem::take(&mut self.checkpoints).into_keys());
                    self.checkpointed_at = now;
                    self.let_pass = LetPass::default();
                    return true;
                }
                Err(error) => {
                    tracing::error!(%error, "cannot store; trying again, nothing is lost");
                    self.health.report("store", Some(error.to_string()));
                    self.telemetry.store_failed();
                    if self.stopping.load(Ordering::SeqCst) {
                        return false;
                    }
                    std::thread::sleep(wait);
                    wait = (wait * 2).min(RETRY.1);
                }
            }
        }
    }
}

fn outcome(counts: &super::intake::Counts, threats: usize) -> Stored {
    Stored {
        records: counts.records,
        unparsed: counts.unparsed,
        truncated: counts.truncated,
        threats: threats as u64,
    }
}

fn tell(done: Vec<(oneshot::Sender<Stored>, Stored)>) {
    for (waiting, outcome) in done {
        // Whoever waited may have gone; the records are stored all the same.
        _ = waiting.send(outcome);
    }
}

#[cfg(test)]
mod tests {
    use vigil_detect::DetectorOptions;
    use vigil_event::{Score, Severity};
    use vigil_rule::RuleSet;
    use vigil_store::SqliteStore;
    use vigil_testkit::ManualClock;

    use super::*;
    use crate::pipeline::intake::Counts;
    use crate::pipeline::{JudgeOptions, read_to};

    fn at(offset: u64) -> Checkpoint {
        read_to("/a", 1, offset)
    }

    #[test]
    fn what_is_read_again_takes_no_checkpoint_back() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("vigil.db"), Box::new(|_| {}));
        let store: Arc<dyn Store> = Arc::new(store.unwrap());
        let registry = prometheus::Registry::new();
        let rules = Arc::new(RuleSet::load(&[]).unwrap());
        let options = JudgeOptions {
            detector: DetectorOptions::default(),
            threshold: Score::new(7.0),
            alert_severity: Severity::High,
            alert_window_ms: 1,
            node: String::new(),
        };
        let begin = Begin {
            positions: vec![at(20)],
            stored: vec![at(70)],
        };
        let mut recorder = Recorder::new(
            Arc::clone(&store),
            Arc::new(ManualClock::new(Timestamp::from_millis(1))),
            Arc::new(Telemetry::new(&registry).unwrap()),
            Arc::default(),
            Arc::default(),
            Correlate::new(rules, options),
            (None, begin),
        );
        let mut read = |sequence, offset| {
            recorder.take(Message::Expect {
                sequence,
                parts: 0,
                submission: Expected {
                    source: SourceId::new("/a"),
                    checkpoint: Some(at(offset)),
                    counts: Counts::default(),
                    done: None,
                },
            });
            recorder.store_complete();
            let stands: Vec<Checkpoint> = recorder.positions.values().cloned().collect();
            assert_eq!(stands, [at(offset)], "the next save is of there");
            store.checkpoints().unwrap()
        };
        assert_eq!(read(0, 50), []);
        assert_eq!(read(1, 70), []);
        assert_eq!(read(2, 80), [at(80)]);
    }
}
