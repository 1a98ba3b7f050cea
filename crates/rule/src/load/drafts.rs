//! From drafts of correlations and buckets to correlations, once all rules that they can name are known.

use std::collections::HashSet;

use super::{Compiled, Reader, duplicate};
use crate::correlation::{self, Correlation, Draft, Origin, Wrong};
use crate::load::faults::Faults;
use crate::{Rule, RuleError};

impl<'a> Reader<'a> {
    /// The correlations with their descriptions, once all that they can name is known. Foreign ones that
    /// cannot be resolved are left out, and so is what names them.
    pub(super) fn correlate(&mut self) -> Result<(Vec<Rule>, Vec<Correlation>), Vec<RuleError>> {
        let mut drafts = std::mem::take(&mut self.drafts);
        let detections = self.rules.len();
        loop {
            let mut rules: Vec<Rule> = self.rules.iter().map(|one| one.rule.clone()).collect();
            let origin = |one: &Compiled| Origin {
                foreign: one.foreign,
                takes_labels: one.foreign || !one.log.is_web(),
            };
            let mut origins: Vec<Origin> = self.rules.iter().map(origin).collect();
            let mut wrong: Vec<Wrong> = Vec::new();
            for (place, (draft, faults)) in drafts.iter().enumerate() {
                if let Some(first) = rules.iter().find(|rule| rule.id == draft.rule.id) {
                    wrong.push((
                        place,
                        vec![duplicate(&draft.rule, &first.title, &first.file)],
                    ));
                }
                rules.push(draft.rule.clone());
                let foreign = faults.is_foreign();
                origins.push(Origin {
                    foreign,
                    takes_labels: foreign,
                });
            }
            if wrong.is_empty() {
                match correlation::resolve(&mut drafts, &mut rules, &mut origins) {
                    Ok(correlations) => {
                        let made = origins.iter().skip(detections);
                        self.foreign_drafts = made.filter(|one| one.foreign).count();
                        let described = rules.split_off(detections);
                        for (compiled, rule) in self.rules.iter_mut().zip(rules) {
                            compiled.rule = rule;
                        }
                        return Ok((described, correlations));
                    }
                    Err(unresolved) => wrong = unresolved,
                }
            }
            self.leave_out(&mut drafts, wrong)?;
        }
    }

    /// Leaves out what is foreign of what is wrong, with its reasons. If all of it is ours, these are
    /// errors.
    fn leave_out(
        &mut self,
        drafts: &mut Vec<(Draft, Faults<'a>)>,
        wrong: Vec<Wrong>,
    ) -> Result<(), Vec<RuleError>> {
        let is_foreign = |place: usize| drafts.get(place).is_some_and(|(_, one)| one.is_foreign());
        let (foreign, ours): (Vec<_>, Vec<_>) =
            wrong.into_iter().partition(|(place, _)| is_foreign(*place));
        if foreign.is_empty() {
            return Err(ours.into_iter().flat_map(|(_, errors)| errors).collect());
        }
        let gone: HashSet<usize> = foreign.iter().map(|(place, _)| *place).collect();
        self.refuse(true, foreign.into_iter().flat_map(|(_, errors)| errors));
        let mut place = 0;
        drafts.retain(|_| {
            place += 1;
            !gone.contains(&(place - 1))
        });
        Ok(())
    }
}
