//! The clauses of rules that ask for bytes.
//!
//! Nearly every text has some of these bytes, so that nothing is done about them until all else is known
//! that was seen of an event. Many rules ask for the same bytes in the same views: whether they are there is
//! found out once for all of these rules.

use crate::field::Scope;
use crate::prefilter::bytes::ByteSet;
use crate::prefilter::gate::{Clause, Mark};
use crate::seen::Seen;
use crate::table::Table;

/// The clauses with sets of bytes, of all rules.
#[derive(Debug)]
pub(crate) struct LateClauses {
    /// What is asked, each once.
    asks: Vec<Ask>,
    /// For each rule its clauses.
    of_rules: Table<LateClause>,
    /// For each of `asks` the rules whose first clause it is, and that have no clauses but late ones.
    alone: Table<u32>,
    /// For each rule whether it is one of these.
    is_alone: Vec<bool>,
}

/// Sets of bytes of which one is to be seen in its views.
#[derive(Debug)]
struct Ask {
    sets: Vec<(ByteSet, Scope)>,
    /// All of its bytes.
    bytes: ByteSet,
}

/// A clause of a rule.
#[derive(Clone, Copy, Debug)]
struct LateClause {
    /// What stands for the clause where a probe of it was seen.
    bit: u8,
    /// Its place in [`LateClauses::asks`].
    ask: usize,
}

/// Which asks were answered about the event at hand, and how.
#[derive(Debug, Default)]
pub(crate) struct Answers(Vec<Option<bool>>);

impl LateClauses {
    /// Of each rule its clauses that have sets of bytes, by their bits, and whether it has no others.
    pub(crate) fn new<'a>(rules: impl Iterator<Item = (Vec<(u8, &'a Clause)>, bool)>) -> Self {
        let mut asks: Vec<Ask> = Vec::new();
        let (mut of_rules, mut firsts) = (Vec::new(), Vec::new());
        for (clauses, is_alone) in rules {
            let late: Vec<LateClause> = clauses
                .into_iter()
                .map(|(bit, clause)| {
                    let sets: Vec<_> = clause.sets().collect();
                    let place = asks.iter().position(|ask| ask.sets == sets);
                    let ask = place.unwrap_or_else(|| {
                        asks.push(Ask::new(sets));
                        asks.len() - 1
                    });
                    LateClause { bit, ask }
                })
                .collect();
            let first = late.first().map(|clause| clause.ask);
            firsts.push(first.filter(|_| is_alone));
            of_rules.push(late);
        }
        let mut alone = vec![Vec::new(); asks.len()];
        for (rule, first) in firsts.iter().enumerate() {
            if let Some(rules) = first.and_then(|ask| alone.get_mut(ask)) {
                rules.push(rule as u32);
            }
        }
        Self {
            asks,
            of_rules: of_rules.into_iter().collect(),
            alone: alone.into_iter().collect(),
            is_alone: firsts.iter().map(Option::is_some).collect(),
        }
    }

    /// Keeps of the candidates those that meet their late clauses, and adds the rules that have no others
    /// and meet these, in the order of the rules.
    pub(crate) fn settle(&self, seen: &mut Seen) {
        let (mut candidates, mut answers) = seen.take_candidates();
        answers.0.clear();
        answers.0.resize(self.asks.len(), None);
        candidates.retain(|rule| self.meets(*rule, seen, &mut answers));
        for ask in 0..self.asks.len() {
            let rules = self.alone.list(ask);
            if !rules.is_empty() && self.is_there(ask, seen, &mut answers) {
                let rules = rules.iter().copied();
                candidates.extend(rules.filter(|rule| self.meets(*rule, seen, &mut answers)));
            }
        }
        // A probe may stand for the first clause where its bytes are not there.
        for rule in seen.rules_met() {
            let is_alone = self.is_alone.get(*rule as usize) == Some(&true);
            let first = || self.of_rules.list(*rule as usize).first();
            if is_alone
                && first().is_some_and(|clause| !self.is_there(clause.ask, seen, &mut answers))
                && self.meets(*rule, seen, &mut answers)
            {
                candidates.push(*rule);
            }
        }
        candidates.sort_unstable();
        seen.set_candidates(candidates, answers);
    }

    /// Whether a rule meets its late clauses.
    fn meets(&self, rule: u32, seen: &Seen, answers: &mut Answers) -> bool {
        let mut clauses = self.of_rules.list(rule as usize).iter();
        clauses.all(|clause| {
            seen.has_met(rule, clause.bit) || self.is_there(clause.ask, seen, answers)
        })
    }

    /// Whether some of the bytes were seen.
    fn is_there(&self, ask: usize, seen: &Seen, answers: &mut Answers) -> bool {
        let (Some(answer), Some(ask)) = (answers.0.get_mut(ask), self.asks.get(ask)) else {
            return true;
        };
        *answer.get_or_insert_with(|| ask.is_met(seen))
    }
}

impl Ask {
    fn new(sets: Vec<(ByteSet, Scope)>) -> Self {
        let bytes = sets.iter().map(|(set, _)| *set);
        Self {
            bytes: bytes.fold(ByteSet::default(), ByteSet::with),
            sets,
        }
    }

    fn is_met(&self, seen: &Seen) -> bool {
        let is_there =
            |(set, views): &(ByteSet, Scope)| seen.views_of(Mark::Bytes(*set)).meets(*views);
        self.bytes.meets(seen.bytes()) && self.sets.iter().any(is_there)
    }
}
