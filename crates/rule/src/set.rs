//! The compiled rules, and the evaluation of one event.

use vigil_event::{Event, Evidence};

use crate::condition::Condition;
use crate::cost::Costs;
use crate::gate::{Gate, Probes};
use crate::load::{self, Loaded};
use crate::matcher::Leaf;
use crate::prefilter::{Prefilter, Seen};
use crate::{Problem, Rule, RuleError, RuleFile};

/// All rules, checked and compiled. Immutable: one set serves every thread, each with a [`Scratch`]
/// of its own.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    /// For each rule.
    conditions: Vec<Condition>,
    prefilter: Prefilter,
}

/// A rule that matched.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The rule's place in [`RuleSet::rules`].
    pub rule: usize,
    /// What matched where: something of each selection that made the rule match, at most
    /// [`Hit::MAX_EVIDENCE`]. Empty for a rule that matched by what is absent.
    pub evidence: Vec<Evidence>,
}

impl Hit {
    /// The most evidence that is kept of a match.
    pub const MAX_EVIDENCE: usize = 4;
    /// The most evidence that is kept of one selection.
    const MAX_OF_SELECTION: usize = 2;
}

/// What an evaluation writes on, made once for each thread and reused for each event.
#[derive(Debug)]
pub struct Scratch {
    seen: Seen,
    costs: Costs,
}

impl Scratch {
    /// For these rules. [`Scratch::renew`] makes it one for others.
    pub fn new(rules: &RuleSet) -> Self {
        Self {
            seen: Seen::of(&rules.prefilter),
            costs: Costs::new(rules.rules.len()),
        }
    }

    /// Serves other rules from now on: what was counted is forgotten, the stopwatch stays.
    pub fn renew(&mut self, rules: &RuleSet) {
        self.seen = Seen::of(&rules.prefilter);
        self.costs.renew(rules.rules.len());
    }

    pub(crate) const fn seen(&self) -> &Seen {
        &self.seen
    }

    /// What was counted since the counts were last cleared.
    pub const fn costs(&self) -> &Costs {
        &self.costs
    }

    /// To measure time, or to clear the counts.
    pub const fn costs_mut(&mut self) -> &mut Costs {
        &mut self.costs
    }
}

impl RuleSet {
    /// Loads all rules, or says of each broken one where it stands, what is wrong and what to do.
    pub fn load(files: &[RuleFile]) -> Result<Self, Vec<RuleError>> {
        let Loaded { rules, probes } = load::read(files)?;
        let (rules, conditions): (Vec<_>, Vec<_>) = rules.into_iter().unzip();
        let gates: Vec<Gate> = conditions
            .iter()
            .map(|condition| gate(condition, &probes))
            .collect();
        let prefilter = Prefilter::new(&probes, &gates).map_err(|why| {
            vec![RuleError {
                file: files
                    .first()
                    .map(|file| file.name.clone())
                    .unwrap_or_default(),
                line: None,
                title: None,
                problem: Problem::TooManyLiterals(why),
            }]
        })?;
        Ok(Self {
            rules,
            conditions,
            prefilter,
        })
    }

    /// The rules, in the order of their files.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rules that no literal is required for: each of them is looked at for every event, though
    /// most are dismissed by the bytes they require.
    pub fn ungated(&self) -> impl Iterator<Item = &Rule> {
        self.prefilter
            .ungated()
            .iter()
            .filter_map(|place| self.rules.get(*place as usize))
    }

    pub(crate) fn ungated_places(&self) -> impl Iterator<Item = usize> {
        self.prefilter.ungated().iter().map(|place| *place as usize)
    }

    pub(crate) fn condition(&self, rule: usize) -> Option<&Condition> {
        self.conditions.get(rule)
    }

    /// Puts the rules that match the event into `hits`, in their order; what was in it is removed.
    /// Allocates nothing when no rule matches and the scratch has served these rules before.
    pub fn evaluate(&self, event: &Event, scratch: &mut Scratch, hits: &mut Vec<Hit>) {
        hits.clear();
        let Scratch { seen, costs } = scratch;
        let mut timing = costs.start();
        self.prefilter.look(event, seen);
        costs.passed(&mut timing);
        for rule in seen.candidates() {
            let rule = *rule as usize;
            let hit = self.hit(rule, event, seen);
            let hit_at = hit.as_ref().map(|_| event.occurred_at);
            costs.evaluated(rule, hit_at, &mut timing);
            hits.extend(hit);
        }
        costs.finish(hits.len());
    }

    /// The rules that match, each evaluated without the help of the prefilter.
    #[cfg(test)]
    pub(crate) fn evaluate_each(&self, event: &Event) -> Vec<Hit> {
        let seen = Seen::everything(&self.prefilter);
        let candidates = seen.candidates().iter();
        candidates
            .filter_map(|rule| self.hit(*rule as usize, event, &seen))
            .collect()
    }

    fn hit(&self, rule: usize, event: &Event, seen: &Seen) -> Option<Hit> {
        let condition = self.conditions.get(rule)?;
        condition
            .holds(&|selection| selection.holds(&|leaf: &Leaf| leaf.holds(event, seen)))
            .then(|| Hit {
                rule,
                evidence: evidence(condition, event, seen),
            })
    }
}

fn gate(condition: &Condition, probes: &Probes) -> Gate {
    condition.gate(&|selection| selection.gate(&|leaf: &Leaf| leaf.gate(probes)))
}

fn evidence(condition: &Condition, event: &Event, seen: &Seen) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    condition.prove(&mut evidence, &mut |selection, evidence| {
        let limit = (evidence.len() + Hit::MAX_OF_SELECTION).min(Hit::MAX_EVIDENCE);
        selection.prove(evidence, &mut |leaf: &Leaf, evidence| {
            let holds = leaf.holds(event, seen);
            if holds && evidence.len() < limit {
                let found = leaf
                    .evidence(event)
                    .filter(|found| !evidence.contains(found));
                evidence.extend(found);
            }
            holds
        })
    });
    evidence
}
