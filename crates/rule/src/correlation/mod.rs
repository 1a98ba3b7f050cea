//! Correlations: rules over what other rules found, within a time and a group.
//!
//! *Input*: a Sigma document with `correlation:` instead of `detection:`. *Output*: a
//! [`Correlation`], in which every name of a rule, a field and an alias is resolved and every number
//! is within its bounds. *Limits*: those of [`Correlation`].
//!
//! Owns: what a correlation asks for. Never holds: what happened; `vigil-detect` counts.

mod condition;
mod order;
mod read;
mod resolve;
mod shape;

use std::hash::{DefaultHasher, Hasher as _};
use std::sync::Arc;

use vigil_event::Field;

use crate::bucket::Bucket;
use crate::rule::Rule;

pub use condition::{Bounds, Presence};
pub(crate) use read::{Draft, read};
pub(crate) use resolve::{Origin, Wrong, resolve};
pub(crate) use shape::check;

/// A checked correlation.
#[derive(Clone, Debug)]
pub struct Correlation {
    /// Its description's place in [`RuleSet::rules`](crate::RuleSet::rules).
    pub rule: usize,
    /// What is computed of a group, and when that fires.
    pub kind: Kind,
    /// The rules whose matches take part.
    pub feeds: Vec<Feed>,
    /// What each reference in `rules` is called, for people.
    pub steps: Vec<String>,
    /// The names of what is grouped by, as written.
    pub group_by: Vec<String>,
    /// The length of the sliding window in milliseconds of event time.
    pub timespan_ms: i64,
    /// Everything in a group comes from one client address: whoever sees all of an address's events
    /// sees all of the group.
    pub by_client: bool,
}

impl Correlation {
    /// The most references in `rules`.
    pub const MAX_STEPS: usize = 64;
    /// The most fields that are grouped by.
    pub const MAX_GROUP_FIELDS: usize = 8;
    /// The shortest and the longest timespan, in seconds.
    pub const TIMESPAN_SECONDS: std::ops::RangeInclusive<u64> = 1..=31 * 86_400;
    /// The largest number that a count is compared with.
    pub const MAX_COUNT: u64 = 10_000;

    /// Whether another, of another set of rules, has the same id and asks the same of matches of rules
    /// with the same ids: what was counted for one then goes for the other. How those rules look at
    /// events does not matter.
    pub fn is_same(&self, rules: &[Rule], other: &Self, others: &[Rule]) -> bool {
        let id = |correlation: &Self, rules: &[Rule]| {
            rules.get(correlation.rule).map(|rule| rule.id.clone())
        };
        id(self, rules) == id(other, others)
            && self.timespan_ms == other.timespan_ms
            && self.by_client == other.by_client
            && self.kind == other.kind
            && self.feeds_by_id(rules) == other.feeds_by_id(others)
    }

    /// What it asks for, as a number: those of two that [are the same](Self::is_same) are equal, also in
    /// two runs of the program.
    pub fn identity(&self, rules: &[Rule]) -> u64 {
        let feeds = self.feeds_by_id(rules);
        let asked = (self.timespan_ms, self.by_client, &self.kind, feeds);
        let mut hasher = DefaultHasher::new();
        hasher.write(format!("{asked:?}").as_bytes());
        hasher.finish()
    }

    /// What feeds it, by the rules' ids and in their order; places are those of one set only.
    fn feeds_by_id<'a>(&'a self, rules: &'a [Rule]) -> Vec<FeedById<'a>> {
        let by_id = |feed: &'a Feed| {
            let id = rules.get(feed.rule).map(|rule| &*rule.id);
            (id, feed.step, &*feed.group_by, &*feed.value)
        };
        let mut feeds: Vec<_> = self.feeds.iter().map(by_id).collect();
        feeds.sort_unstable_by_key(|(id, step, ..)| (*id, *step));
        feeds
    }
}

/// A feed, with the id of its rule: id, step, what is grouped by, what is counted.
type FeedById<'a> = (Option<&'a str>, usize, &'a [Subject], &'a [Subject]);

/// A rule whose matches take part in a correlation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// The rule's place in [`RuleSet::rules`](crate::RuleSet::rules); it may be a correlation.
    pub rule: usize,
    /// The reference in `rules` that it was named by.
    pub step: usize,
    /// What its events are grouped by.
    pub group_by: Vec<Subject>,
    /// What of its events is counted or computed with.
    pub value: Vec<Subject>,
}

/// What a correlation groups by, counts or computes with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A field of the event, as received.
    Field(Field),
    /// `rule.category`: the family of the rule that matched.
    Family,
    /// `rule.id`: the rule that matched.
    Rule,
    /// `source.network`: the /24 of the client's address, or the /64 of an IPv6 address.
    Network,
    /// `vigil.session`: the session that the client's cookie names.
    Session,
    /// `url.file`: what stands behind the last `/` of the path.
    File,
    /// `url.parameter.names`: the names of the query's parameters, one after the other and decoded.
    ParameterNames,
    /// What the record has under this name: of several values the first.
    Label(Arc<str>),
}

/// What is computed of the events of a group within the timespan, and when that fires.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// How many events.
    EventCount(Bounds),
    /// How many different values.
    ValueCount(Bounds),
    /// Which of the references matched, in any order.
    Temporal(Presence),
    /// All references matched in their order, and the condition holds as well.
    TemporalOrdered(Presence),
    /// The sum of the values.
    ValueSum(Bounds),
    /// Their mean.
    ValueAverage(Bounds),
    /// The value that so many percent (0 to 100) of the values do not exceed, interpolated between
    /// the two nearest; a median is 50.
    ValuePercentile {
        /// The percentage.
        percent: u8,
        /// What the value must be.
        bounds: Bounds,
    },
    /// Matches come faster than they leak away, and what else a bucket asks for.
    Bucket(Box<Bucket>),
}
