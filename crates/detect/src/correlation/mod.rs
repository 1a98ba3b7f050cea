//! Correlations: what rules found together over time.
//!
//! *What.* For each correlation a table of groups, in which it counts, sums or remembers the matches
//! of the rules that feed it. *Input.* Events with the rules that matched, in about the order of
//! their own time. *Output.* A [`Firing`] when a condition holds over the timespan that ends at the
//! group's newest event; the group then stays quiet for one timespan. *Limits.*
//! [`CorrelationOptions`] groups and entries, beyond which the coldest group makes room and is
//! counted. Leaky buckets are in [`crate::bucket`]. An event older than the group's newest by a timespan or more is late: not counted here,
//! but as late. What a group holds is in [`group`].
//!
//! An event that no correlation waits for costs one look at a list for each rule that matched it.

mod group;
mod held;
mod key;
mod pour;
mod reason;
mod saved;

#[cfg(test)]
mod model;
#[cfg(test)]
mod other_rules;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use vigil_event::{Detection, Detector, Event, Evidence};
use vigil_rule::correlation::{Feed, Kind};
use vigil_rule::{Correlation, Rule, RuleSet};

use group::{Group, Value};
use held::Held;
use key::{Key, Keys};
use pour::Pour;

use crate::secret::Secret;

/// How much the correlations of one correlator may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorrelationOptions {
    /// The most groups of one correlation.
    pub max_groups: usize,
    /// The most entries in all groups together: moments, values and steps, each of at most 24 bytes.
    pub max_entries: usize,
}

impl Default for CorrelationOptions {
    fn default() -> Self {
        Self {
            max_groups: 50_000,
            max_entries: 2_000_000,
        }
    }
}

/// Which correlations a correlator evaluates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those whose groups never mix client addresses: exact where one thread sees all events of an
    /// address.
    Client,
    /// The others, which only whoever sees all events can evaluate.
    Shared,
}

impl Scope {
    const fn covers(self, correlation: &Correlation) -> bool {
        correlation.by_client == matches!(self, Self::Client)
    }
}

/// A correlation that fired.
#[derive(Clone, Debug, PartialEq)]
pub struct Firing {
    /// The rule's place in [`RuleSet::rules`].
    pub rule: usize,
    /// What was found, in words.
    reason: String,
    /// The group's fields.
    evidence: Vec<Evidence>,
}

impl Firing {
    /// As a detection; none where the correlation only feeds others.
    pub fn into_detection(self, rules: &RuleSet) -> Option<Detection> {
        let rule = rules.rules().get(self.rule)?;
        (!rule.feeds_only).then(|| Detection {
            rule_id: rule.id.clone(),
            title: rule.title.clone(),
            family: rule.family.clone(),
            detector: Detector::Correlation,
            score: rule.score,
            techniques: rule.techniques.clone(),
            evidence: self.evidence,
            reason: Some(self.reason),
        })
    }
}

/// The groups of one correlation.
#[derive(Debug)]
struct Tracked {
    /// The correlation's place in the rule set.
    place: usize,
    held: Held,
    /// The entries of all groups.
    entries: usize,
}

impl Tracked {
    /// What it holds: each group is an entry, and has some.
    fn weight(&self) -> usize {
        self.entries + self.held.len()
    }

    /// Takes the entries of an evicted group off the count.
    fn lose(&mut self, lost: usize) {
        self.entries = self.entries.saturating_sub(lost);
    }
}

/// A match that waits to be taken in: which of the tracked correlations it feeds, by which feed.
type Pending = (usize, usize);

/// Evaluates the correlations of one scope.
#[derive(Debug)]
pub struct Correlator {
    rules: Arc<RuleSet>,
    scope: Scope,
    options: CorrelationOptions,
    keys: Keys,
    tracked: Vec<Tracked>,
    /// For each rule what it feeds.
    feeds: Vec<Vec<Pending>>,
    pending: Vec<Pending>,
    /// The groups of the present correlation that the present event belongs to, each with the feed
    /// that led there.
    touched: Vec<(Key, usize)>,
    /// What of the present event is poured into the present bucket.
    pours: Vec<Pour>,
    numbers: Vec<f64>,
    late: u64,
    /// Groups that made room in correlations that are gone.
    evicted_before: u64,
}

impl Correlator {
    /// A correlator that has seen nothing.
    pub fn new(rules: Arc<RuleSet>, scope: Scope, options: CorrelationOptions) -> Self {
        let mut tracked: Vec<Tracked> = Vec::new();
        let mut feeds = vec![Vec::new(); rules.rules().len()];
        for (place, correlation) in rules.correlations().iter().enumerate() {
            if !scope.covers(correlation) {
                continue;
            }
            for (feed, Feed { rule, .. }) in correlation.feeds.iter().enumerate() {
                if let Some(of_rule) = feeds.get_mut(*rule) {
                    of_rule.push((tracked.len(), feed));
                }
            }
            tracked.push(Tracked {
                place,
                held: Held::of(correlation, options.max_groups),
                entries: 0,
            });
        }
        Self {
            rules,
            scope,
            options,
            keys: Keys::new(Secret::new(), scope == Scope::Client),
            tracked,
            feeds,
            pending: Vec::new(),
            touched: Vec::new(),
            pours: Vec::new(),
            numbers: Vec::new(),
            late: 0,
            evicted_before: 0,
        }
    }

    /// Goes on with other rules. What is held of a correlation stays if the other rules have the same
    /// one ([`Correlation::is_same`]); the others begin with nothing. The counts of what was lost go on.
    pub fn replace_rules(&mut self, rules: &Arc<RuleSet>) {
        let new = Self::new(Arc::clone(rules), self.scope, self.options.clone());
        let old = std::mem::replace(self, new);
        self.late = old.late;
        self.keys = old.keys;
        self.evicted_before = old.evicted_before;
        let mut here: HashMap<&str, &mut Tracked> = HashMap::new();
        for tracked in &mut self.tracked {
            if let Some((_, rule)) = described(rules, tracked.place) {
                here.insert(&rule.id, tracked);
            }
        }
        for tracked in old.tracked {
            let same = described(&old.rules, tracked.place).and_then(|(before, rule)| {
                let now = here.remove(&*rule.id)?;
                let (after, _) = described(rules, now.place)?;
                before
                    .is_same(old.rules.rules(), after, rules.rules())
                    .then_some(now)
            });
            match same {
                Some(now) => {
                    now.held = tracked.held;
                    now.entries = tracked.entries;
                }
                None => self.evicted_before += tracked.held.evicted(),
            }
        }
    }

    /// Makes its keys with this secret from now on; to be told before it has seen anything.
    pub(crate) fn keyed_by(&mut self, secret: Secret) {
        self.keys = Keys::new(secret, self.scope == Scope::Client);
    }

    /// Whether matches of the rule feed a correlation.
    pub fn waits_for(&self, rule: usize) -> bool {
        self.feeds.get(rule).is_some_and(|feeds| !feeds.is_empty())
    }

    /// Takes an event in, with the places of the rules that matched it, and adds what fired.
    pub fn observe(
        &mut self,
        event: &Event,
        matched: impl IntoIterator<Item = usize>,
        firings: &mut Vec<Firing>,
    ) {
        self.observe_unless(event, matched, &|_| false, firings);
    }

    /// The same, where what is let pass of what fires, by the rule's place, feeds nothing further.
    pub fn observe_unless(
        &mut self,
        event: &Event,
        matched: impl IntoIterator<Item = usize>,
        lets_pass: &dyn Fn(usize) -> bool,
        firings: &mut Vec<Firing>,
    ) {
        self.pending.clear();
        for rule in matched {
            self.pending
                .extend(self.feeds.get(rule).into_iter().flatten());
        }
        let mut done = 0;
        // A correlation that fires feeds only later ones, so what is taken in stays in order.
        while done < self.pending.len() {
            let rest = self.pending.get_mut(done..).unwrap_or_default();
            rest.sort_unstable();
            let first = rest.first().map_or(0, |(tracked, _)| *tracked);
            let end = rest.partition_point(|(tracked, _)| *tracked == first);
            self.take_in(event, (first, done..done + end), lets_pass, firings);
            done += end;
        }
    }

    /// Takes the matches that feed one correlation into its groups, and evaluates these.
    fn take_in(
        &mut self,
        event: &Event,
        (tracked, matches): (usize, Range<usize>),
        lets_pass: &dyn Fn(usize) -> bool,
        firings: &mut Vec<Firing>,
    ) {
        let rules = Arc::clone(&self.rules);
        let place = self.tracked.get(tracked).map(|tracked| tracked.place);
        let Some(correlation) = place.and_then(|place| rules.correlations().get(place)) else {
            return;
        };
        if let Kind::Bucket(bucket) = &correlation.kind {
            self.pour_in(
                event,
                (correlation, bucket, tracked),
                matches,
                lets_pass,
                firings,
            );
            return;
        }
        self.touched.clear();
        let at = event.occurred_at.as_millis();
        // From the last step to the first: one event is never two steps of a chain.
        for place in matches.rev() {
            let Some(feed) = self.pending.get(place).map(|(_, feed)| *feed) else {
                continue;
            };
            self.take(event, at, (correlation, tracked), feed);
        }
        for place in 0..self.touched.len() {
            let Some((key, feed)) = self.touched.get(place).copied() else {
                continue;
            };
            let group = self
                .tracked
                .get_mut(tracked)
                .and_then(|tracked| tracked.held.group(key));
            let found = group.and_then(|group| group.fire(correlation, &mut self.numbers));
            if let (Some(found), Some(feed)) = (found, correlation.feeds.get(feed)) {
                let reason = reason::of(&rules, correlation, feed, event, found);
                self.fired(event, (correlation, feed), reason, lets_pass, firings);
            }
        }
    }

    /// Notes that a correlation fired; what is not let pass feeds others.
    fn fired(
        &mut self,
        event: &Event,
        (correlation, feed): (&Correlation, &Feed),
        reason: String,
        lets_pass: &dyn Fn(usize) -> bool,
        firings: &mut Vec<Firing>,
    ) {
        firings.push(Firing {
            rule: correlation.rule,
            reason,
            evidence: reason::evidence(feed, event),
        });
        if !lets_pass(correlation.rule) {
            self.pending
                .extend(self.feeds.get(correlation.rule).into_iter().flatten());
        }
    }

    /// Takes one match into its group.
    fn take(
        &mut self,
        event: &Event,
        at: i64,
        (correlation, tracked): (&Correlation, usize),
        feed: usize,
    ) {
        let Some(Feed {
            rule,
            step,
            group_by,
            value,
        }) = correlation.feeds.get(feed)
        else {
            return;
        };
        let Some(rule) = self.rules.rules().get(*rule) else {
            return;
        };
        let Some(key) = self.keys.of_group(event, rule, group_by) else {
            return;
        };
        let seen = self.touched.iter().any(|(touched, _)| *touched == key);
        let value = match correlation.kind {
            Kind::Temporal(_) | Kind::TemporalOrdered(_) => Some(Value::Step(*step)),
            Kind::ValueCount(_) => self.keys.of(event, rule, value).map(Value::Hash),
            // However many of the rules matched, it is one event.
            _ if seen => None,
            Kind::EventCount(_) => Some(Value::None),
            _ => key::number(event, value).map(Value::Number),
        };
        let (Some(value), Some(of)) = (value, self.tracked.get_mut(tracked)) else {
            return;
        };
        let Held::Groups(groups) = &mut of.held else {
            return;
        };
        let found = groups.entry(key, at, Group::default);
        let before = found.value.entries();
        let timely = found.value.take(correlation, at, value);
        let lost = found.evicted.as_ref().map_or(0, Group::entries);
        of.entries = (of.entries + found.value.entries()).saturating_sub(before);
        of.lose(lost);
        if !timely {
            self.late += 1;
        } else if !seen {
            self.touched.push((key, feed));
        }
        self.make_room();
    }

    /// Evicts cold groups of the correlation that holds the most until all fit.
    fn make_room(&mut self) {
        while self.entries() > self.options.max_entries {
            let heaviest = self.tracked.iter_mut().max_by_key(|one| one.weight());
            let Some((tracked, lost)) =
                heaviest.and_then(|one| one.held.evict().map(|lost| (one, lost)))
            else {
                return;
            };
            tracked.lose(lost);
        }
    }

    /// How many groups are held.
    pub fn groups(&self) -> usize {
        self.tracked.iter().map(|one| one.held.len()).sum()
    }

    /// How many entries are held, a group itself being one.
    pub fn entries(&self) -> usize {
        self.tracked.iter().map(Tracked::weight).sum()
    }

    /// The bytes of the tables of groups, without what the groups hold beside that.
    pub fn bytes(&self) -> usize {
        self.tracked.iter().map(|one| one.held.bytes()).sum()
    }

    /// How many groups were evicted to make room.
    pub fn evicted(&self) -> u64 {
        let tracked = self.tracked.iter().map(|one| one.held.evicted());
        self.evicted_before + tracked.sum::<u64>()
    }

    /// How many matches came too late to be counted.
    pub const fn late(&self) -> u64 {
        self.late
    }
}

/// A correlation by its place, with the rule that describes it.
fn described(rules: &RuleSet, place: usize) -> Option<(&Correlation, &Rule)> {
    let correlation = rules.correlations().get(place)?;
    Some((correlation, rules.rules().get(correlation.rule)?))
}
