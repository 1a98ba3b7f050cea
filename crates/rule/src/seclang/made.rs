//! What rules made in the request at hand: the variables they set, and what matched.

use super::collection::Collection;
use super::program::{Compiled, Program};
use super::read::{Pick, Read};
use super::run::{MAX_VARIABLES, Matched, Work, full_name};

impl Program {
    /// The members of a collection that rules made: names and texts.
    pub(super) fn made(&self, read: &Read, work: &Work) -> Vec<(Vec<u8>, Vec<u8>)> {
        let full_name = |one: &Matched| full_name(one.collection, &one.name);
        let text = |one: &Matched| work.texts.bytes(one.text).to_vec();
        let matched = work.matched.iter();
        let mut all: Vec<(Vec<u8>, Vec<u8>)> = match read.collection {
            Collection::MatchedVar => matched
                .last()
                .map(|one| (full_name(one), text(one)))
                .into_iter()
                .collect(),
            Collection::MatchedVarName => matched
                .last()
                .map(|one| (full_name(one), full_name(one)))
                .into_iter()
                .collect(),
            Collection::MatchedVars => matched.map(|one| (full_name(one), text(one))).collect(),
            Collection::MatchedVarsNames => matched
                .map(|one| (full_name(one), full_name(one)))
                .collect(),
            _ => return self.variables_of(read, work),
        };
        all.retain(|(name, _)| read.takes(name));
        all
    }

    fn variables_of(&self, read: &Read, work: &Work) -> Vec<(Vec<u8>, Vec<u8>)> {
        if let Pick::Name(name) = &read.pick {
            let value = self.variable(name, work);
            return value
                .map(|value| (name.clone(), value.to_vec()))
                .into_iter()
                .collect();
        }
        let is_set = |name: &[u8]| work.set.iter().any(|(own, _)| own == name);
        let before = read.presets.iter().filter(|name| !is_set(name));
        let before = before.filter_map(|name| Some((name, self.variables.get(name)?)));
        let now = work.set.iter().filter(|(name, _)| read.takes(name));
        let now = now.filter_map(|(name, value)| Some((name, value.as_ref()?)));
        before
            .chain(now)
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    pub(super) fn variable<'a>(&'a self, name: &[u8], work: &'a Work) -> Option<&'a [u8]> {
        match work.set.iter().find(|(own, _)| own == name) {
            Some((_, value)) => value.as_deref(),
            None => self.variables.get(name).map(Vec::as_slice),
        }
    }

    /// Whether another rule takes a variable of which its own second link takes those it set.
    pub(super) fn leaves_something(&self, place: usize, rule: &Compiled, work: &Work) -> bool {
        let takes = |rule: &Compiled, name: &[u8]| {
            let mut reads = rule.links.iter().flat_map(|link| &link.reads);
            reads.any(|read| read.collection == Collection::Tx && read.takes(name))
        };
        let others = || self.rules.iter().enumerate().filter(|(at, _)| *at != place);
        let own = work.set.iter().filter(|(name, _)| takes(rule, name));
        let mut known = own.filter(|(name, _)| others().any(|(_, other)| takes(other, name)));
        work.set.len() >= MAX_VARIABLES || known.next().is_some()
    }
}
