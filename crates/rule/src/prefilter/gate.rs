//! What must be seen in an event for a rule to match: a condition that is cheap to check and never
//! excludes an event that the rule would match.
//!
//! A [`Probe`] is a set of literals, of which the pass over the event tells in which views one
//! occurs; a [`Mark`] is a probe or a set of bytes. A [`Gate`] is a conjunction of [`Clause`]s, a clause
//! a disjunction of marks in some views. What is negated requires nothing. A gate without clauses is
//! open: its rule always runs.

use std::collections::{BTreeMap, HashMap};

use crate::field::Scope;
use crate::prefilter::bytes::ByteSet;
use crate::prefilter::either::Either;
use crate::prefilter::literal::{self, Literal};

/// Something that is looked for, by its place in [`Probes`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Probe(u32);

impl Probe {
    pub(crate) const fn place(self) -> usize {
        self.0 as usize
    }
}

/// What must be seen in a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mark {
    Probe(Probe),
    /// One of these bytes. Nearly every text has some of those that are asked for, so that nothing is
    /// done about them until somebody asks.
    Bytes(ByteSet),
    /// The one or the other.
    Either(Probe, ByteSet),
}

/// What is looked for: one of several literals, one of several bytes, one of both, any text that is not known
/// from [`crate::seen::memory`], or any at all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Look {
    Literals(Vec<Literal>),
    Bytes(ByteSet),
    /// One of the literals or one of the bytes.
    Either(Vec<Literal>, ByteSet),
    Any,
    Present,
}

impl Look {
    /// From this worth on something tells enough to be looked for beside others: three letters that
    /// ordinary requests do not have, or a rare sign.
    pub(crate) const STRONG: u32 = 9;
    /// More literals cost more than they tell.
    const MAX_LITERALS: usize = 2048;

    /// One of these literals; none for a set that tells nothing.
    pub(crate) fn literals(mut set: Vec<Literal>) -> Option<Self> {
        set.sort_unstable();
        set.dedup();
        let tells =
            !set.is_empty() && set.len() <= Self::MAX_LITERALS && set.iter().all(Literal::is_rare);
        tells.then_some(Self::Literals(set))
    }

    /// One of these literals or one of these bytes, of which there may be none.
    pub(crate) fn either(either: Either) -> Option<Self> {
        let Either { literals, bytes } = either;
        if literals.is_empty() {
            return (bytes != ByteSet::default()).then_some(Self::Bytes(bytes));
        }
        match Self::literals(literals)? {
            Self::Literals(literals) if bytes != ByteSet::default() => {
                Some(Self::Either(literals, bytes))
            }
            look => Some(look),
        }
    }

    /// See [`literal::worth`].
    pub(crate) fn worth(&self) -> u32 {
        match self {
            Self::Literals(set) => literal::worth(set),
            Self::Bytes(set) => set.worth(),
            Self::Either(literals, set) => literal::worth(literals).min(set.worth()),
            Self::Any | Self::Present => 0,
        }
    }
}

/// All that some rule asks for; what is the same is one probe.
#[derive(Debug)]
pub(crate) struct Probes {
    looks: Vec<Look>,
    places: HashMap<Look, Probe>,
    /// For each probe the views in which it is asked for.
    scopes: Vec<Scope>,
    /// For each kind of bytes the views in which it is asked for.
    kinds: [Scope; ByteSet::KINDS],
    /// How many comparisons ask.
    comparisons: u32,
}

impl Default for Probes {
    fn default() -> Self {
        Self {
            looks: Vec::new(),
            places: HashMap::new(),
            scopes: Vec::new(),
            kinds: [Scope::default(); ByteSet::KINDS],
            comparisons: 0,
        }
    }
}

impl Probes {
    /// What must be seen where something is asked for in some views; none once there are too many.
    pub(crate) fn mark(&mut self, look: Look, scope: Scope) -> Option<Mark> {
        match look {
            Look::Bytes(set) => Some(Mark::Bytes(self.ask_for_bytes(set, scope))),
            Look::Either(literals, set) => {
                let probe = self.probe(Look::Literals(literals), scope)?;
                Some(Mark::Either(probe, self.ask_for_bytes(set, scope)))
            }
            look => self.probe(look, scope).map(Mark::Probe),
        }
    }

    fn ask_for_bytes(&mut self, set: ByteSet, scope: Scope) -> ByteSet {
        for kind in set.kinds() {
            if let Some(asked) = self.kinds.get_mut(kind) {
                *asked = asked.with(scope);
            }
        }
        set
    }

    fn probe(&mut self, look: Look, scope: Scope) -> Option<Probe> {
        let next = Probe(u32::try_from(self.looks.len()).ok()?);
        let probe = *self.places.entry(look).or_insert_with_key(|look| {
            self.looks.push(look.clone());
            self.scopes.push(Scope::default());
            next
        });
        if let Some(asked) = self.scopes.get_mut(probe.place()) {
            *asked = asked.with(scope);
        }
        Some(probe)
    }

    /// The number of the next comparison.
    pub(crate) const fn number(&mut self) -> u32 {
        self.comparisons += 1;
        self.comparisons
    }

    /// How many probes there are.
    pub(crate) const fn len(&self) -> usize {
        self.looks.len()
    }

    /// Every probe with what it looks for and the views in which that is asked for.
    pub(crate) fn looks(&self) -> impl Iterator<Item = (Probe, Scope, &Look)> {
        let looks = self.looks.iter().zip(&self.scopes).enumerate();
        looks.map(|(place, (look, scope))| (Probe(place as u32), *scope, look))
    }

    /// For each kind of bytes the views in which it is asked for.
    pub(crate) const fn kinds(&self) -> [Scope; ByteSet::KINDS] {
        self.kinds
    }

    /// See [`literal::worth`].
    fn worth(&self, mark: Mark) -> u32 {
        match mark {
            Mark::Probe(probe) => self.looks.get(probe.place()).map_or(0, Look::worth),
            Mark::Bytes(set) => set.worth(),
            Mark::Either(probe, set) => self.worth(Mark::Probe(probe)).min(set.worth()),
        }
    }
}

/// Marks of which one must be seen in one of its views.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clause {
    /// Probes and sets of bytes.
    pub(crate) marks: BTreeMap<Mark, Scope>,
    /// See [`literal::worth`].
    worth: u32,
}

impl Clause {
    pub(crate) fn new(mark: Mark, scope: Scope, probes: &Probes) -> Self {
        let marks = match mark {
            Mark::Either(probe, set) => vec![Mark::Probe(probe), Mark::Bytes(set)],
            one => vec![one],
        };
        Self {
            marks: marks.into_iter().map(|mark| (mark, scope)).collect(),
            worth: probes.worth(mark),
        }
    }

    /// Met where one of these is.
    fn any(clauses: Vec<&Self>) -> Option<Self> {
        let worth = clauses.iter().map(|clause| clause.worth).min()?;
        let mut marks: BTreeMap<Mark, Scope> = BTreeMap::new();
        for (mark, scope) in clauses.into_iter().flat_map(|clause| &clause.marks) {
            let views = marks.entry(*mark).or_default();
            *views = views.with(*scope);
        }
        Some(Self { marks, worth })
    }

    /// Its probes with their views.
    pub(crate) fn probes(&self) -> impl Iterator<Item = (Probe, Scope)> {
        self.marks.iter().filter_map(|(mark, views)| match mark {
            Mark::Probe(probe) => Some((*probe, *views)),
            Mark::Bytes(_) | Mark::Either(..) => None,
        })
    }

    /// Its sets of bytes with their views.
    pub(crate) fn sets(&self) -> impl Iterator<Item = (ByteSet, Scope)> {
        self.marks.iter().filter_map(|(mark, views)| match mark {
            Mark::Probe(_) | Mark::Either(..) => None,
            Mark::Bytes(set) => Some((*set, *views)),
        })
    }
}

/// Clauses of which each must be met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gate(Vec<Clause>);

impl Gate {
    /// The most clauses a gate keeps: the bits of the byte that counts them.
    pub(crate) const MAX_CLAUSES: usize = 8;
    /// The most that are kept of what several gates have in common.
    const MAX_OF_ANY: usize = 2;

    /// Requires nothing.
    pub(crate) const fn open() -> Self {
        Self(Vec::new())
    }

    /// Requires these clauses, or the best of them.
    pub(crate) fn of(clauses: impl IntoIterator<Item = Clause>) -> Self {
        let mut kept: Vec<Clause> = Vec::new();
        for clause in clauses {
            if !kept.contains(&clause) {
                kept.push(clause);
            }
        }
        kept.sort_by_key(|clause| std::cmp::Reverse(clause.worth));
        kept.truncate(Self::MAX_CLAUSES);
        Self(kept)
    }

    /// The clauses, the best first.
    pub(crate) fn clauses(&self) -> &[Clause] {
        &self.0
    }

    /// What is required when all of several things are.
    pub(crate) fn all(gates: impl IntoIterator<Item = Self>) -> Self {
        Self::of(gates.into_iter().flat_map(|gate| gate.0))
    }

    /// What is required when one of several things is: the best clause of one of them, and the second best
    /// of one of those that have two, or the only one of another.
    pub(crate) fn any(gates: impl IntoIterator<Item = Self>) -> Self {
        let gates: Vec<Self> = gates.into_iter().collect();
        let union = |place: usize| {
            let clauses = gates.iter().map(|gate| gate.0.get(place).or(gate.0.last()));
            let clauses: Option<Vec<&Clause>> = clauses.collect();
            Clause::any(clauses.filter(|clauses| !clauses.is_empty())?)
        };
        Self::of((0..Self::MAX_OF_ANY).filter_map(union))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keeps_every_clause_and_any_the_best_two_of_each() {
        let mut probes = Probes::default();
        let mut clause = |text: &str| {
            let look = Look::literals(vec![Literal::of(text.as_bytes())]).unwrap();
            let mark = probes.mark(look, Scope::keywords()).unwrap();
            Clause::new(mark, Scope::keywords(), &probes)
        };
        let (union, select, schema) = (
            clause("union"),
            clause("select"),
            clause("information_schema"),
        );
        let one = |clause: &Clause| Gate::of([clause.clone()]);
        let both = Gate::all([one(&union), one(&schema)]);
        assert_eq!(both.clauses(), [schema.clone(), union.clone()]);
        assert_eq!(Gate::all([both.clone(), Gate::open(), one(&union)]), both);
        let either = Gate::any([both, one(&select)]);
        let marks: Vec<Vec<Mark>> = either
            .clauses()
            .iter()
            .map(|clause| clause.marks.keys().copied().collect())
            .collect();
        let with_select = |other: &Clause| {
            let marks = other.marks.keys().chain(select.marks.keys());
            let mut marks: Vec<Mark> = marks.copied().collect();
            marks.sort();
            marks
        };
        assert_eq!(marks, [with_select(&schema), with_select(&union)]);
        assert_eq!(Gate::any([one(&union), Gate::open()]), Gate::open());
        assert_eq!(Gate::any([]), Gate::open());
    }

    #[test]
    fn equal_sets_are_one_probe() {
        let mut probes = Probes::default();
        let set = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| Literal::of(text.as_bytes()))
                .collect::<Vec<_>>()
        };
        let mut probe = |texts: &[&str]| {
            Look::literals(set(texts)).and_then(|look| probes.mark(look, Scope::keywords()))
        };
        let first = probe(&["union", "select"]);
        assert!(first.is_some());
        assert_eq!(first, probe(&["SELECT", "union", "union"]));
        assert_ne!(first, probe(&["union"]));
        assert_eq!(probe(&["union", "="]), None);
        assert_eq!(probe(&[]), None);
        assert_eq!(probes.len(), 2);
    }
}
