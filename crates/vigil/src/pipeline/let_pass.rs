//! What was let pass: counted by cause, and by suppression.

use std::collections::BTreeMap;

use vigil_detect::Judgement;
use vigil_event::{Cause, Id, Score, SuppressionHit, Timestamp};

/// What was let pass on some events.
#[derive(Clone, Debug, Default)]
pub struct LetPass {
    /// Detections, in the order of [`Cause::ALL`].
    detections: [u64; Cause::ALL.len()],
    /// Events that would have been threats.
    events: u64,
    by_suppression: BTreeMap<Id, (u64, Timestamp)>,
}

impl LetPass {
    /// Counts what was let pass on one event.
    pub(super) fn count(&mut self, judgement: &Judgement, threshold: Score, at: Timestamp) {
        if judgement.suppressed.is_empty() {
            return;
        }
        for suppressed in &judgement.suppressed {
            if let Some(count) = self.detections.get_mut(suppressed.cause as usize) {
                *count += 1;
            }
        }
        let is_below = judgement.score.value() < threshold.value();
        let was_above = judgement.score_without_suppression().value() >= threshold.value();
        self.events += u64::from(is_below && was_above);
        for id in &judgement.suppressed_by {
            self.count_hits(*id, 1, at);
        }
    }

    fn count_hits(&mut self, id: Id, hits: u64, at: Timestamp) {
        let (count, last) = self.by_suppression.entry(id).or_default();
        *count += hits;
        *last = (*last).max(at);
    }

    /// Adds what was let pass on other events.
    pub(super) fn add(&mut self, other: Self) {
        for (count, more) in self.detections.iter_mut().zip(other.detections) {
            *count += more;
        }
        self.events += other.events;
        for (id, (hits, at)) in other.by_suppression {
            self.count_hits(id, hits, at);
        }
    }

    /// Detections by their cause.
    pub fn detections(&self) -> impl Iterator<Item = (Cause, u64)> {
        Cause::ALL.into_iter().zip(self.detections)
    }

    /// Events that would have been threats, had nothing been let pass.
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// What each suppression took out.
    pub fn hits(&self) -> Vec<SuppressionHit> {
        let hit = |(id, (hits, last_seen)): (&Id, &(u64, Timestamp))| SuppressionHit {
            id: *id,
            hits: *hits,
            last_seen: *last_seen,
        };
        self.by_suppression.iter().map(hit).collect()
    }
}

#[cfg(test)]
mod tests {
    use vigil_event::{Severity, Suppressed};

    use super::*;

    #[test]
    fn it_counts_causes_suppressions_and_events() {
        let id = Id::derived(Timestamp::default(), &[b"s"]);
        let suppressed = Suppressed {
            rule_id: "r".to_owned(),
            title: "t".to_owned(),
            family: "f".to_owned(),
            score: Score::new(8.0),
            cause: Cause::Suppression,
            by: id.to_string(),
            reason: String::new(),
        };
        let judgement = Judgement {
            detections: Vec::new(),
            suppressed: vec![suppressed],
            suppressed_by: vec![id],
            score: Score::default(),
            severity: Severity::Informational,
            outcome: vigil_event::Outcome::Unknown,
        };
        let at = Timestamp::from_millis;
        let mut one = LetPass::default();
        one.count(&judgement, Score::new(5.0), at(7));
        one.count(&judgement, Score::new(9.0), at(5));
        let mut all = one.clone();
        all.add(one);
        let counted: Vec<_> = all.detections().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [(Cause::Suppression, 4)]);
        assert_eq!(all.events(), 2);
        let hit = SuppressionHit {
            id,
            hits: 4,
            last_seen: at(7),
        };
        assert_eq!(all.hits(), [hit]);
    }
}
