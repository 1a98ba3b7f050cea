//! What must occur in an event for a rule to match: a condition that is cheap to check and never
//! excludes an event that the rule would match.
//!
//! A [`Gate`] is a conjunction of [`Clause`]s; of each clause at least one literal must occur in
//! one of the literal's views. Case is ignored, as the pass over all literals ignores it. What is
//! negated requires nothing. A gate without clauses is open: its rule always runs.

use std::collections::BTreeMap;

use crate::field::Scope;

/// A literal in lower case, and the views in which it counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Required {
    pub(crate) literal: Vec<u8>,
    pub(crate) scope: Scope,
}

/// Literals of which at least one must occur. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clause(Vec<Required>);

/// Clauses of which each must be met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gate(Vec<Clause>);

/// A rarer clause is worth more; below this, literals occur in too many events to tell anything.
const MIN_RARITY: u32 = 4;
/// More literals make a clause that is met too often for its cost.
const MAX_LITERALS: usize = 2048;

impl Clause {
    /// A clause of literals in the same views; none if a literal is too common.
    pub(crate) fn new(literals: impl IntoIterator<Item = Vec<u8>>, scope: Scope) -> Option<Self> {
        let mut required: Vec<_> = literals
            .into_iter()
            .map(|literal| Required {
                literal: literal.to_ascii_lowercase(),
                scope,
            })
            .collect();
        required.sort_unstable();
        required.dedup();
        let clause = Self(required);
        (!clause.0.is_empty() && clause.0.len() <= MAX_LITERALS && clause.rarity() >= MIN_RARITY)
            .then_some(clause)
    }

    /// The literals.
    pub(crate) fn required(&self) -> &[Required] {
        &self.0
    }

    fn rarity(&self) -> u32 {
        self.0
            .iter()
            .map(|required| rarity(&required.literal))
            .min()
            .unwrap_or(0)
    }

    /// What the clause is worth: the rarity of its most common literal, less for many literals.
    fn worth(&self) -> u32 {
        (self.rarity() * 4).saturating_sub(self.0.len().ilog2())
    }
}

impl Gate {
    /// The most clauses a gate keeps: the bits of the byte that counts them.
    pub(crate) const MAX_CLAUSES: usize = 8;

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
        kept.sort_by_key(|clause| std::cmp::Reverse(clause.worth()));
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

    /// What is required when one of several things is: a literal of the best clause of each.
    pub(crate) fn any(gates: impl IntoIterator<Item = Self>) -> Self {
        let mut union: BTreeMap<Vec<u8>, Scope> = BTreeMap::new();
        for gate in gates {
            let Some(best) = gate.0.into_iter().next() else {
                return Self::open();
            };
            for Required { literal, scope } in best.0 {
                let views = union.entry(literal).or_default();
                *views = views.with(scope);
            }
        }
        let union = union
            .into_iter()
            .map(|(literal, scope)| Required { literal, scope })
            .collect();
        let clause = Clause(union);
        if clause.0.is_empty() || clause.0.len() > MAX_LITERALS {
            Self::open()
        } else {
            Self(vec![clause])
        }
    }
}

/// How rare a literal is in benign requests: two for each byte that is common there, five for one
/// that is not, and one more for two or more signs in a row.
pub(crate) fn rarity(literal: &[u8]) -> u32 {
    let bytes: u32 = literal
        .iter()
        .map(|byte| match byte {
            b' ' | b'%' | b'&' | b'(' | b')' | b'+' | b',' | b'-' | b'.' | b'/' | b':' | b';'
            | b'=' | b'?' | b'_' => 2,
            byte if byte.is_ascii_alphanumeric() => 2,
            _ => 5,
        })
        .sum();
    let signs = literal.len() > 1 && !literal.iter().any(u8::is_ascii_alphanumeric);
    bytes + u32::from(signs)
}

/// Whether a literal is rare enough to be required by itself.
pub(crate) fn is_rare(literal: &[u8]) -> bool {
    rarity(literal) >= MIN_RARITY
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(clauses: &[&[&str]]) -> Gate {
        Gate::of(clauses.iter().map(|literals| {
            Clause::new(
                literals.iter().map(|text| text.as_bytes().to_vec()),
                Scope::keywords(),
            )
            .unwrap()
        }))
    }

    #[test]
    fn all_keeps_every_clause_and_any_the_best_of_each() {
        let (union, select) = (gate(&[&["union"]]), gate(&[&["select", "delete"]]));
        assert_eq!(
            Gate::all([union.clone(), select.clone()]),
            gate(&[&["select", "delete"], &["union"]])
        );
        assert_eq!(
            Gate::any([union.clone(), select.clone()]),
            gate(&[&["union", "select", "delete"]])
        );
        let both = Gate::all([union.clone(), gate(&[&["information_schema"]])]);
        assert_eq!(
            Gate::any([both, select]),
            gate(&[&["information_schema", "select", "delete"]])
        );
    }

    #[test]
    fn an_open_alternative_opens_the_whole() {
        assert_eq!(Gate::any([gate(&[&["union"]]), Gate::open()]), Gate::open());
        assert_eq!(Gate::any([]), Gate::open());
        assert_eq!(
            Gate::all([gate(&[&["union"]]), Gate::open()]),
            gate(&[&["union"]])
        );
    }

    #[test]
    fn common_literals_require_nothing() {
        for (literals, kept) in [
            (&["or"][..], true),
            (&["select", "a"], false),
            (&["<"], true),
            (&["="], false),
            (&["a="], true),
            (&["--"], true),
            (&["${"], true),
            (&["../"], true),
            (&[], false),
        ] {
            let clause = Clause::new(
                literals.iter().map(|text| text.as_bytes().to_vec()),
                Scope::keywords(),
            );
            assert_eq!(clause.is_some(), kept, "{literals:?}");
        }
    }
}
