//! The correlations over the events of all detection threads, what is known about networks, sessions and
//! accounts, and scans by many, evaluated where the threads meet again and stand in order: at the recorder.
//!
//! Correlations that group by client address live on the detection threads, since all of an
//! address's events are judged on one. The others need every event that feeds them. These are few,
//! so each thread hands them over with what it found, and one correlator takes them in, batch after
//! batch and within a batch in the order of the records: the outcome is the same for any number of
//! threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use vigil_detect::state::{Next, Part, Refused, Saves as _};
use vigil_detect::{Further, Judgement, Provenance, Secret, Shared, Sighting};
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

    /// Makes keys by this secret, that of what is saved.
    #[must_use]
    pub fn keyed_by(mut self, secret: Secret) -> Self {
        self.shared = self.shared.keyed_by(secret);
        self
    }

    /// Takes back what was saved of what all threads know together.
    pub(super) fn take_back(&mut self, part: &Part, bytes: &[u8]) -> Result<u64, Refused> {
        self.shared.take_back(part, bytes)
    }

    /// Begins to write that down as it stands now.
    pub(super) fn begin_saving(&mut self) {
        self.shared.begin_saving();
    }

    /// What is written down next.
    pub(super) fn next_slice(&mut self) -> Next {
        self.shared.next_slice()
    }

    /// Writes nothing further down.
    pub(super) fn stop_saving(&mut self) {
        self.shared.stop_saving();
    }

    /// Takes a batch's events in and adds those that are threats, and counts what was let pass; how many
    /// stay below the threshold.
    pub fn conclude(
        &mut self,
        mut sighted: Vec<Sighted>,
        threats: &mut Vec<GroupedThreat>,
        let_pass: &mut LetPass,
    ) -> u64 {
        sighted.sort_by_key(|sighted| sighted.provenance.key.offset);
        let mut below_threshold = 0;
        for sighted in sighted {
            let Sighted {
                sighting,
                judgement,
                provenance,
            } = sighted;
            let event = sighting.event();
            let mut further = self.further(&sighting, &judgement, &provenance);
            let by_many = further.by_many.take();
            let judgement = judgement.with(further);
            let_pass.count(&judgement, self.options.threshold, event.occurred_at);
            if let Some(found) = by_many {
                let threat = vigil_detect::threat_of_many(event, found, provenance.clone());
                threats.extend(self.options.grouped(threat));
            }
            if judgement.score.value() < self.options.threshold.value() {
                below_threshold += u64::from(!judgement.detections.is_empty());
            } else if !judgement.is_empty() {
                let threat = vigil_detect::threat(event, judgement, provenance);
                threats.extend(self.options.grouped(threat));
            }
        }
        below_threshold
    }

    /// The last word on an event, and a scan by many that it completes. One that makes us panic is a bug of
    /// ours, told and counted: there is no more to say of it than its own thread did, and what the
    /// correlations had counted is forgotten.
    fn further(
        &mut self,
        sighting: &Sighting,
        judgement: &Judgement,
        provenance: &Provenance,
    ) -> Further {
        let further = catch_unwind(AssertUnwindSafe(|| {
            self.shared.follow(sighting);
            self.shared.further(sighting, judgement)
        }));
        further.unwrap_or_else(|_| {
            self.panics += 1;
            self.shared.forget_correlations();
            self.lost = self.lost.without_correlations();
            tracing::error!(
                offset = provenance.key.offset,
                "correlating this record failed, and correlations start anew; this is a bug, please report it"
            );
            Further::default()
        })
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
