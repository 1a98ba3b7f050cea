//! How values are built, where all are built alike.

use super::{FREE_FROM, MAX_PATTERNS, ValueProfile};
use crate::profile::options::{Part, Trust};
use crate::profile::shape::{Kind, Shape};
use crate::profile::witness::{Lesson, Witness};

impl ValueProfile {
    pub(super) fn learn_pattern(&mut self, pattern: u64, by: &Lesson<'_>, trust: Trust) {
        let found = self
            .patterns
            .iter_mut()
            .find(|(known, _)| *known == pattern);
        let is_new = found.as_ref().is_none_or(|(_, seen)| !trust.trusts(seen));
        self.new_patterns.see(self.count, is_new, by);
        if let Some((_, seen)) = found {
            seen.see(by);
            return;
        }
        let mut seen = Witness::default();
        seen.see(by);
        if self.patterns.len() < MAX_PATTERNS {
            self.patterns.push((pattern, seen));
            return;
        }
        self.other_patterns.see(by);
        let others = u64::from(self.other_patterns.count());
        if others * FREE_FROM > self.count && trust.trusts(&self.other_patterns) {
            self.follow_none();
            return;
        }
        let weakest = self.patterns.iter_mut();
        let weakest = weakest.min_by_key(|(_, one)| one.networks());
        if let Some(weakest) = weakest.filter(|(_, one)| one.networks() < 3) {
            *weakest = (pattern, seen);
        }
    }

    /// Values are built in too many ways.
    pub(super) fn follow_none(&mut self) {
        self.is_free = true;
        self.patterns = Vec::new();
    }

    /// How strong a sign is that a value is built unlike the others, where there are few ways.
    pub(super) fn pattern_score(&self, shape: &Shape, part: Part, trust: Trust) -> Option<f64> {
        // A list of values says more.
        if self.settled.patterns == 0 || self.settled.is_list || shape.kind == Kind::Empty {
            return None;
        }
        let seen = self
            .patterns
            .iter()
            .find(|(known, _)| *known == shape.pattern);
        if seen.is_some_and(|(_, seen)| trust.trusts(seen)) {
            return None;
        }
        let shown = seen.map_or(0, |(_, seen)| seen.networks());
        // Where numbers have several lengths, one more is only a number.
        let is_number = shape.kind == Kind::Number && self.settled.patterns > 1;
        let weight = if is_number { 2.5 } else { 5.5 };
        Some(weight * self.strength(&self.new_patterns, shown, part))
    }
}
