//! What was concluded about one event: what fired, what of it was let pass, and how bad it is.

use vigil_event::{Detection, Id, Outcome, Score, Severity, Suppressed};

use crate::policy::Excused;
use crate::sighting::Further;

/// What was concluded about one event.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// What fired, the strongest first. Empty only where all of it was let pass, or for an event that
    /// may yet complete a shared correlation.
    pub detections: Vec<Detection>,
    /// What fired and was let pass.
    pub suppressed: Vec<Suppressed>,
    /// The suppressions that let it pass, one for each detection that one took out.
    pub suppressed_by: Vec<Id>,
    /// The noisy-or of the detections.
    pub score: Score,
    /// The score's band.
    pub severity: Severity,
    /// Whether an attack succeeded, by how the request was answered.
    pub outcome: Outcome,
}

impl Judgement {
    /// What the score would be if nothing were let pass.
    pub fn score_without_suppression(&self) -> Score {
        let all = self.detections.iter().map(|one| one.score);
        Score::noisy_or(all.chain(self.suppressed.iter().map(|one| one.score)))
    }

    /// Whether nothing fired at all, not even what was let pass.
    pub const fn is_empty(&self) -> bool {
        self.detections.is_empty() && self.suppressed.is_empty()
    }

    /// Of something that was found apart from all else.
    pub fn alone(found: Detection) -> Self {
        Self::of(vec![found], Excused::default()).ending(Outcome::Attempt)
    }

    pub(crate) fn of(mut detections: Vec<Detection>, excused: Excused) -> Self {
        detections.sort_by(|a, b| b.score.value().total_cmp(&a.score.value()));
        let score = Score::noisy_or(detections.iter().map(|detection| detection.score));
        Self {
            detections,
            suppressed: excused.suppressed,
            suppressed_by: excused.by,
            score,
            severity: score.severity(),
            outcome: Outcome::Unknown,
        }
    }

    /// With what the events of all threads say about the same event.
    #[must_use]
    pub fn with(self, further: Further) -> Self {
        let mut excused = Excused {
            suppressed: self.suppressed,
            by: self.suppressed_by,
        };
        excused.suppressed.extend(further.excused.suppressed);
        excused.by.extend(further.excused.by);
        let mut detections = self.detections;
        detections.extend(further.detections);
        Self::of(detections, excused).ending(self.outcome)
    }

    pub(crate) fn ending(self, outcome: Outcome) -> Self {
        Self { outcome, ..self }
    }
}

impl Default for Judgement {
    /// Nothing fired.
    fn default() -> Self {
        Self::of(Vec::new(), Excused::default())
    }
}
