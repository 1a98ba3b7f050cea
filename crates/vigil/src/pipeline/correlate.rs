//! The correlations over the events of all detection threads, and what is known about networks, sessions
//! and accounts, evaluated where the threads meet again and stand in order: at the recorder.
//!
//! Correlations that group by client address live on the detection threads, since all of an
//! address's events are judged on one. The others need every event that feeds them. These are few,
//! so each thread hands them over with what it found, and one correlator takes them in, batch after
//! batch and within a batch in the order of the records: the outcome is the same for any number of
//! threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use vigil_detect::{Judgement, Shared};
use vigil_event::Threat;
use vigil_rule::RuleSet;
use vigil_store::GroupedThreat;

use super::judge::Sighted;
use super::{JudgeOptions, LetPass, Lost};

/// Has the last word on the events that feed shared correlations.
pub struct Correlate {
    shared: Shared,
    options: JudgeOptions,
    lost: Lost,
    /// Events that made us panic.
    panics: u64,
}

impl Correlate {
    /// With nothing seen.
    pub fn new(rules: Arc<RuleSet>, options: JudgeOptions) -> Self {
        Self {
            shared: Shared::new(rules, &options.detector),
            options,
            lost: Lost::default(),
            panics: 0,
        }
    }

    /// Takes a batch's events in and adds those that are threats, and counts what was let pass; how many
    /// stay below the threshold.
    pub(super) fn conclude(
        &mut self,
        mut sighted: Vec<Sighted>,
        threats: &mut Vec<GroupedThreat>,
        let_pass: &mut LetPass,
    ) -> u64 {
        sighted.sort_by_key(|sighted| sighted.threat.record.offset);
        let mut below_threshold = 0;
        for sighted in sighted {
            let threat = self.judge_or_keep(sighted, let_pass);
            let fired = !threat.detections.is_empty();
            match self.options.grouped(threat) {
                Some(grouped) => threats.push(grouped),
                None => below_threshold += u64::from(fired),
            }
        }
        below_threshold
    }

    /// Judges an event; one that makes us panic is a bug of ours, told and counted: what was found on
    /// its own thread is kept, and what the correlations had counted is forgotten.
    fn judge_or_keep(&mut self, sighted: Sighted, let_pass: &mut LetPass) -> Threat {
        let kept = sighted.threat.clone();
        let judged = catch_unwind(AssertUnwindSafe(|| self.judge(sighted, let_pass)));
        judged.unwrap_or_else(|_| {
            self.panics += 1;
            self.shared.forget_correlations();
            self.lost = self.lost.without_correlations();
            tracing::error!(
                offset = kept.record.offset,
                "correlating this record failed, and correlations start anew; this is a bug, please report it"
            );
            kept
        })
    }

    fn judge(&mut self, sighted: Sighted, let_pass: &mut LetPass) -> Threat {
        let Sighted {
            sighting,
            threat,
            suppressed_by,
        } = sighted;
        self.shared.follow(&sighting);
        let here = Judgement {
            detections: threat.detections,
            suppressed: threat.suppressed,
            suppressed_by,
            score: threat.score,
            severity: threat.severity,
            outcome: threat.outcome,
        };
        let judgement = self.shared.conclude(&sighting, here);
        let_pass.count(&judgement, self.options.threshold, threat.occurred_at);
        Threat {
            suppressed: judgement.suppressed,
            detections: judgement.detections,
            score: judgement.score,
            severity: judgement.severity,
            ..threat
        }
    }

    /// How many events made us panic since this was last asked.
    pub(super) const fn take_panics(&mut self) -> u64 {
        std::mem::replace(&mut self.panics, 0)
    }

    /// What was lost since this was last asked.
    pub(super) fn take_lost(&mut self) -> Lost {
        Lost::of(self.shared.correlator(), self.shared.forgotten()).since(&mut self.lost)
    }
}
