//! How values are built, where all are built alike.

use super::{FREE_FROM, MAX_PATTERNS, ValueProfile};
use crate::profile::options::{Part, Trust};
use crate::profile::shape::{Kind, Shape};
use crate::profile::witness::{Lesson, Witness};

/// Longer numbers have no length of their own.
const LONGEST_NUMBER: u64 = 20;
/// Values are built alike if there are at most so many ways.
const FEW_PATTERNS: u8 = 4;

impl ValueProfile {
    /// How a value is built: where there are tokens as long, it is one of them.
    fn pattern_of(&self, shape: &Shape, trust: Trust) -> u64 {
        let is_known = |pattern: &u64| {
            let mut known = self.patterns.iter();
            known.any(|(one, seen)| one == pattern && trust.trusts(seen))
        };
        let token = shape.token_pattern().filter(is_known);
        token.unwrap_or(shape.pattern)
    }

    pub(super) fn learn_pattern(&mut self, shape: &Shape, by: &Lesson<'_>, trust: Trust) {
        let pattern = self.pattern_of(shape, trust);
        let found = self
            .patterns
            .iter_mut()
            .find(|(known, _)| *known == pattern);
        let is_new = found
            .as_ref()
            .is_none_or(|(_, seen)| !trust.trusts(seen) && !by.is_odd);
        self.new_patterns.see_odd_too(self.count, is_new, by);
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

    /// How many lengths of numbers are trusted.
    fn lengths_of_numbers(&self, trust: Trust) -> usize {
        let trusted = self.patterns.iter().filter(|(_, seen)| trust.trusts(seen));
        let is_number =
            |pattern| (1..=LONGEST_NUMBER).any(|one| Shape::number_pattern(one) == pattern);
        trusted.filter(|(pattern, _)| is_number(*pattern)).count()
    }

    /// How strong a sign is that a value is built unlike the others, where there are few ways.
    pub(super) fn pattern_score(&self, shape: &Shape, part: Part, trust: Trust) -> Option<f64> {
        // A list of values says more.
        if self.settled.patterns == 0 || self.settled.is_list || shape.kind == Kind::Empty {
            return None;
        }
        let pattern = self.pattern_of(shape, trust);
        let seen = self.patterns.iter().find(|(known, _)| *known == pattern);
        if seen.is_some_and(|(_, seen)| trust.trusts(seen)) {
            return None;
        }
        let shown = seen.map_or(0, |(_, seen)| seen.networks());
        // Where numbers have several lengths, one more is only a number.
        let is_number = shape.kind == Kind::Number && self.lengths_of_numbers(trust) > 1;
        let weight = match self.settled.patterns {
            _ if is_number => 2.5,
            ..=FEW_PATTERNS => 5.5,
            // Where there are so many ways one more is hardly odd.
            _ => 4.2,
        };
        Some(weight * self.strength(&self.new_patterns, shown, part))
    }
}
