//! Pours the matches of one event into the buckets of one rule.

use std::fmt::Write as _;
use std::ops::Range;

use vigil_event::Event;
use vigil_rule::Correlation;
use vigil_rule::bucket::{Bucket, BucketKind};
use vigil_rule::correlation::Feed;

use super::held::Held;
use super::key::Key;
use super::{Correlator, Firing, reason};
use crate::bucket::{Cell, Match, Poured};

/// What of an event goes into the bucket of one group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pour {
    key: Key,
    /// A feed that led there, the first that is poured.
    feed: usize,
    one: Match,
}

impl Correlator {
    /// Pours what matched into its groups' buckets. However many rules matched, it is one event.
    pub(super) fn pour_in(
        &mut self,
        event: &Event,
        (correlation, bucket, tracked): (&Correlation, &Bucket, usize),
        matches: Range<usize>,
        lets_pass: &dyn Fn(usize) -> bool,
        firings: &mut Vec<Firing>,
    ) {
        self.pours.clear();
        for place in matches {
            let feed = self.pending.get(place).map(|(_, feed)| *feed);
            if let Some(feed) = feed.and_then(|feed| Some((feed, correlation.feeds.get(feed)?))) {
                self.note(event, bucket, feed);
            }
        }
        for place in 0..self.pours.len() {
            let Some(pour) = self.pours.get(place).copied() else {
                continue;
            };
            let (count, expected) = match self.pour(bucket, tracked, pour) {
                Poured::Quiet => continue,
                Poured::Late => {
                    self.late += 1;
                    continue;
                }
                Poured::Overflow(count) => (count, None),
                Poured::Surge { count, expected } => (count, Some(expected)),
            };
            let Some(feed) = correlation.feeds.get(pour.feed) else {
                continue;
            };
            let found = f64::from(count);
            let mut reason = reason::of(&self.rules, correlation, feed, event, found);
            if let Some(expected) = expected {
                _ = write!(reason, ", where {expected} are usual at most");
            }
            self.fired(event, (correlation, feed), reason, lets_pass, firings);
        }
        self.make_room();
    }

    /// Notes a match for the bucket of its group.
    fn note(&mut self, event: &Event, bucket: &Bucket, (place, feed): (usize, &Feed)) {
        let Some(rule) = self.rules.rules().get(feed.rule) else {
            return;
        };
        let Some(key) = self.keys.of_bucket(event, rule, &feed.group_by) else {
            return;
        };
        let cancels = feed.step >= bucket.first_cancel;
        let bit = if cancels { 0 } else { 1 << feed.step };
        match self.pours.iter_mut().find(|pour| pour.key == key) {
            Some(pour) => {
                if pour.one.steps == 0 && !cancels {
                    pour.feed = place;
                }
                pour.one.steps |= bit;
                pour.one.cancels |= cancels;
            }
            None => self.pours.push(Pour {
                key,
                feed: place,
                one: Match {
                    at: event.occurred_at.as_millis(),
                    value: self.keys.of_distinct(event, rule, &feed.value),
                    steps: bit,
                    cancels,
                },
            }),
        }
    }

    fn pour(&mut self, bucket: &Bucket, tracked: usize, pour: Pour) -> Poured {
        let Some(of) = self.tracked.get_mut(tracked) else {
            return Poured::Quiet;
        };
        let Held::Cells(cells) = &mut of.held else {
            return Poured::Quiet;
        };
        if pour.one.steps == 0 && !matches!(bucket.kind, BucketKind::Surge { .. }) {
            // There is nothing to empty where nothing was poured.
            if let Some(cell) = cells.get_mut(&pour.key) {
                of.entries = of.entries.saturating_sub(cell.entries());
                cell.empty();
            }
            return Poured::Quiet;
        }
        let found = cells.entry(pour.key, pour.one.at, Cell::default);
        let before = found.value.entries();
        let poured = found.value.pour(bucket, pour.one, found.before);
        let lost = found.evicted.as_ref().map_or(0, Cell::entries);
        of.entries = (of.entries + found.value.entries()).saturating_sub(before);
        of.lose(lost);
        poured
    }
}
