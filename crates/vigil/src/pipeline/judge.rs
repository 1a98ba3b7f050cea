//! A detection thread: decodes each of its requests, judges it, and makes threats of what is bad
//! enough.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use vigil_decode::{Decoder, Request};
use vigil_detect::profile::{Profiles, Requests};
use vigil_detect::state::{self, Saves as _};
use vigil_detect::{Detector, DetectorOptions, FirstSeen, Judgement, Provenance, Secret, Sighting};
use vigil_event::threat::Stages;
use vigil_event::{Clock, Event, Record, RecordBatch, Score, Severity, Threat, Timestamp};
use vigil_rule::RuleSet;
use vigil_store::GroupedThreat;

use super::intake::ParsedBatch;
use super::state::{Save, Saver, Step};
use super::{LetPass, Lost, Message, Part, Task, Work};
use crate::models::Models;
use crate::rulebook::ActiveRules;
use crate::tables::Tables;

/// What a judge needs to know.
#[derive(Clone, Debug)]
pub struct JudgeOptions {
    /// The limits of windows and correlations.
    pub detector: DetectorOptions,
    /// From this score up an event is a threat.
    pub threshold: Score,
    /// From this severity up a threat belongs to an alert.
    pub alert_severity: Severity,
    /// Threats of one source within this time are one alert, in milliseconds.
    pub alert_window_ms: i64,
    /// This machine's name.
    pub node: String,
}

impl JudgeOptions {
    /// The threat, with the alert it belongs to; none below the threshold.
    pub(super) fn grouped(&self, threat: Threat) -> Option<GroupedThreat> {
        if threat.score.value() < self.threshold.value() {
            return None;
        }
        let alert = (threat.severity >= self.alert_severity)
            .then(|| vigil_detect::alert_key(&threat, self.alert_window_ms));
        Some(GroupedThreat { threat, alert })
    }
}

/// What became of a request on which something fired.
pub enum Judged {
    /// A threat.
    Threat(Box<GroupedThreat>),
    /// Correlations over the events of all threads have the last word.
    Sighted(Box<Sighted>),
}

impl Judged {
    /// The score as far as one thread can tell.
    pub fn score(&self) -> Score {
        match self {
            Self::Threat(grouped) => grouped.threat.score,
            Self::Sighted(sighted) => sighted.judgement.score,
        }
    }
}

/// An event that feeds such a correlation. Most come to nothing: a threat is made of it once it is one.
pub struct Sighted {
    pub(super) sighting: Sighting,
    /// What fired on this thread, which may be nothing; what was let pass is not yet counted.
    pub(super) judgement: Judgement,
    pub(super) provenance: Provenance,
}

/// Decodes, judges and makes threats, on one thread, without a queue or a store in sight: also what
/// `vigil replay --offline` and the benchmarks drive.
pub struct Judge {
    options: JudgeOptions,
    decoder: Decoder,
    event: Event,
    detector: Detector,
    tables: Arc<Tables>,
    clock: Arc<dyn Clock>,
    below_threshold: u64,
    let_pass: LetPass,
    panics: u64,
    /// What was told of what the correlations lost.
    lost: Lost,
    /// Where other rules come from, and where the rules' costs go.
    rulebook: Option<Arc<ActiveRules>>,
    /// When the costs were handed over.
    costs_at: Timestamp,
    /// The profiles of sites, and where what teaches them goes.
    models: Option<Arc<Models>>,
    /// Its place among the threads.
    thread: u32,
    /// While what it knows is written down.
    saver: Option<Saver>,
}

/// The time of one event in so many is measured: a look at the clock a rule costs as much as a cheap
/// rule does.
const TIMED_EVERY: u32 = 64;
/// While there is always work, the rules' costs are handed over this often, in milliseconds.
const COSTS_EVERY_MS: i64 = 1_000;
/// How long to wait for room for what is written down, where there is nothing else to do.
const SAVER_WAIT: Duration = Duration::from_millis(2);
/// While there is always work, so many requests teach together.
const LESSONS: usize = 1_024;

impl Judge {
    /// A judge that has seen nothing.
    pub fn new(
        rules: Arc<RuleSet>,
        tables: Arc<Tables>,
        clock: Arc<dyn Clock>,
        options: JudgeOptions,
    ) -> Self {
        Self {
            detector: Detector::new(rules, &options.detector),
            decoder: Decoder::new(),
            event: Event::new(),
            tables,
            clock,
            options,
            below_threshold: 0,
            let_pass: LetPass::default(),
            panics: 0,
            lost: Lost::default(),
            rulebook: None,
            costs_at: Timestamp::default(),
            models: None,
            thread: 0,
            saver: None,
        }
    }

    /// It is the judge of that thread, and makes keys by this secret, that of what is saved.
    #[must_use]
    pub fn saved_as(mut self, thread: u32, secret: Secret) -> Self {
        self.detector = self.detector.keyed_by(secret);
        self.thread = thread;
        self
    }

    /// Takes back what was saved, as far as it is about this thread's clients where there are so many
    /// threads.
    pub fn take_back(
        &mut self,
        part: &state::Part,
        bytes: &[u8],
        threads: usize,
    ) -> Result<u64, state::Refused> {
        let thread = self.thread as usize;
        let mine = |lane| usize::from(lane) % threads.max(1) == thread;
        self.detector.take_back(part, bytes, &mine)
    }

    /// Judges by these profiles of sites from now on, and teaches them.
    #[must_use]
    pub fn teaching(mut self, models: Arc<Models>) -> Self {
        self.models = Some(models);
        self
    }

    /// Shares with the judges of other threads since when everybody is known.
    #[must_use]
    pub fn sharing(mut self, first_seen: &Arc<FirstSeen>) -> Self {
        self.detector.share(first_seen);
        self
    }

    /// Judges by these profiles of sites from now on, and teaches nobody.
    pub fn follow_profiles(&mut self, profiles: &Arc<Profiles>) {
        self.detector.eye_mut().follow(profiles);
    }

    /// Takes its rules from there from now on, between batches, and tells there what they cost.
    #[must_use]
    pub fn following(mut self, rulebook: Arc<ActiveRules>) -> Self {
        self.detector
            .costs_mut()
            .measure(crate::stopwatch::nanoseconds, TIMED_EVERY);
        self.rulebook = Some(rulebook);
        self
    }

    /// So many requests are looked ahead: their addresses' counts fit into the nearest cache.
    pub const EXPECTED: usize = 16;

    /// Tells which requests come next, at most [`Judge::EXPECTED`]: judging them is quicker then.
    pub fn expect<'r>(&self, requests: impl Iterator<Item = &'r Request>) {
        self.detector
            .expect(requests.filter_map(|request| request.source_ip));
    }

    /// Judges one request: something if it is a threat or may become
    /// one. `decoded_at` is when its batch was taken up.
    pub fn judge(
        &mut self,
        batch: &RecordBatch,
        record: &Record,
        request: &Request,
        decoded_at: Timestamp,
    ) -> Option<Judged> {
        self.decoder
            .decode(&batch.bytes, record, request, &mut self.event);
        self.detector.introduce(&mut self.event);
        let judgement = self.detector.judge(&self.event);
        if let Some(sighting) = self.detector.sighting(&self.event) {
            return Some(Judged::Sighted(Box::new(Sighted {
                sighting,
                judgement: judgement.unwrap_or_default(),
                provenance: self.provenance(batch, record, decoded_at),
            })));
        }
        let judgement = judgement?;
        let threshold = self.options.threshold;
        self.let_pass
            .count(&judgement, threshold, self.event.occurred_at);
        if judgement.score.value() < threshold.value() {
            self.below_threshold += u64::from(!judgement.detections.is_empty());
            return None;
        }
        let provenance = self.provenance(batch, record, decoded_at);
        let threat = vigil_detect::threat(&self.event, judgement, provenance);
        let grouped = self.options.grouped(threat)?;
        Some(Judged::Threat(Box::new(grouped)))
    }

    /// Records that could not be judged, since this was last asked.
    fn take_panics(&mut self) -> u64 {
        std::mem::take(&mut self.panics)
    }

    /// What was let pass since this was last asked.
    pub fn take_let_pass(&mut self) -> LetPass {
        std::mem::take(&mut self.let_pass)
    }

    /// Events on which something fired that stayed below the threshold, since this was last asked.
    pub fn take_below_threshold(&mut self) -> u64 {
        std::mem::take(&mut self.below_threshold)
    }

    /// Where the event judged last came from.
    fn provenance(
        &self,
        batch: &RecordBatch,
        record: &Record,
        decoded_at: Timestamp,
    ) -> Provenance {
        let detected_at = self.clock.now();
        let ip = self.event.source_ip;
        let enricher = self.tables.enricher();
        Provenance {
            key: batch.key(record),
            truncated: record.truncated,
            node: self.options.node.clone(),
            geo: ip.and_then(|ip| enricher.geo(ip)),
            autonomous_system: ip.and_then(|ip| enricher.autonomous_system(ip)),
            stages: Stages {
                read_at: batch.read_at,
                decoded_at,
                detected_at,
                stored_at: detected_at,
            },
        }
    }

    /// What the correlations and windows of this thread lost, since this was last asked.
    fn take_lost(&mut self) -> Lost {
        let mut lost = Lost::of(self.detector.correlator(), self.detector.forgotten());
        lost.late += self.detector.windows().late();
        lost.since(&mut self.lost)
    }

    /// Works until the intake is gone.
    pub(super) fn run(mut self, work: &Receiver<Task>, recorder: &Sender<Message>) {
        while let Some(task) = self.next_task(work) {
            let part = match task {
                Task::Judge(work) => Some(self.judge_all(&work)),
                Task::Save(save) => {
                    self.begin_saving(save);
                    None
                }
            };
            // Behind either: what was judged before a save must not wait for what comes after it.
            self.hand_over_costs(work.is_empty());
            self.teach(work.is_empty());
            if let Some(part) = part
                && recorder.send(part).is_err()
            {
                return;
            }
            self.save_some();
        }
        if let Some(saver) = self.saver.take() {
            saver.finish(|| self.detector.next_slice());
        }
    }

    fn judge_all(&mut self, work: &Work) -> Message {
        self.take_up_rules();
        if let Some(models) = &self.models {
            self.detector.eye_mut().follow(&models.in_force());
        }
        let part = self.part(&work.parsed, &work.requests);
        let sequence = work.sequence;
        Message::Part { sequence, part }
    }

    /// What to do next. While nothing comes, what it knows is written down, if it is to be.
    fn next_task(&mut self, work: &Receiver<Task>) -> Option<Task> {
        while self.saver.is_some() {
            let wait = match self.save_some() {
                Step::Waits => SAVER_WAIT,
                Step::Worked | Step::Ended => Duration::ZERO,
            };
            match work.recv_timeout(wait) {
                Ok(task) => return Some(task),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
        work.recv().ok()
    }

    fn begin_saving(&mut self, save: Save) {
        self.detector.begin_saving();
        self.saver = Some(Saver::of_thread(save, self.thread));
    }

    /// Writes a little of what it knows down, if it is to.
    fn save_some(&mut self) -> Step {
        let Some(saver) = &mut self.saver else {
            return Step::Ended;
        };
        let step = saver.step(|| self.detector.next_slice());
        if step == Step::Ended {
            self.detector.stop_saving();
            self.saver = None;
        }
        step
    }

    /// Hands over the requests that may teach, when there are some or nobody waits.
    fn teach(&mut self, now: bool) {
        let Some(models) = &self.models else {
            return;
        };
        let eye = self.detector.eye_mut();
        if now || eye.waiting() >= LESSONS {
            let requests = eye.take(Requests::default());
            models.teach(requests, eye.take_left_out());
        }
    }

    /// Goes on with the rules in force. Windows, and correlations that are the same in them, keep what
    /// they have counted.
    fn take_up_rules(&mut self) {
        let Some(rulebook) = self.rulebook.clone() else {
            return;
        };
        let set = rulebook.set();
        if !Arc::ptr_eq(&set, self.detector.rules()) {
            self.hand_over_costs(true);
            self.detector.replace_rules(set);
        }
    }

    /// Tells what the rules cost since the last time, when nobody waits or it was long ago.
    fn hand_over_costs(&mut self, now: bool) {
        let Some(rulebook) = &self.rulebook else {
            return;
        };
        let at = self.clock.now();
        if now || at.millis_since(self.costs_at) >= COSTS_EVERY_MS {
            rulebook.add_costs(self.detector.rules(), self.detector.costs());
            self.detector.costs_mut().clear();
            self.costs_at = at;
        }
    }

    fn part(&mut self, parsed: &ParsedBatch, requests: &[u32]) -> Part {
        let decoded_at = self.clock.now();
        self.detector.follow(&self.tables.policy(), decoded_at);
        let batch = &parsed.batch;
        let mut part = Part::default();
        for places in requests.chunks(Self::EXPECTED) {
            let requests = places
                .iter()
                .filter_map(|place| parsed.requests.get(*place as usize));
            self.expect(requests.clone().map(|(_, request)| request));
            let judged = requests
                .filter_map(|(record, request)| {
                    Some((batch.records.get(*record as usize)?, request))
                })
                .filter_map(|(record, request)| {
                    self.judge_or_skip(batch, record, request, decoded_at)
                });
            for judged in judged {
                match judged {
                    Judged::Threat(threat) => part.threats.push(*threat),
                    Judged::Sighted(sighted) => part.sighted.push(*sighted),
                }
            }
        }
        part.below_threshold = self.take_below_threshold();
        part.failed = self.take_panics();
        part.lost = self.take_lost();
        part.let_pass = self.take_let_pass();
        part
    }

    /// Judges a request; one that makes us panic is a bug of ours, told and counted, and must not
    /// keep the lines after it from being judged, now and at every start.
    fn judge_or_skip(
        &mut self,
        batch: &RecordBatch,
        record: &Record,
        request: &Request,
        decoded_at: Timestamp,
    ) -> Option<Judged> {
        let judged = catch_unwind(AssertUnwindSafe(|| {
            self.judge(batch, record, request, decoded_at)
        }));
        judged.unwrap_or_else(|_| {
            self.panics += 1;
            tracing::error!(
                source = batch.source.as_str(),
                offset = record.offset,
                "judging this record failed and it was skipped; this is a bug, please report it"
            );
            None
        })
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
