//! The compiled rules, and the evaluation of one event.

use std::sync::Arc;

use vigil_event::{Event, Evidence, Field, LogKind, View};

use crate::correlation::Subject;
use crate::cost::{Costs, Timing};
use crate::field::Scope;
use crate::label::Labels;
use crate::load::log_source::LogSource;
use crate::load::{self, Input, Loaded, Report};
use crate::matcher::Leaf;
use crate::matcher::condition::{Condition, each_leaf};
use crate::prefilter::Prefilter;
use crate::prefilter::gate::{Gate, Mark, Probe, Probes};
use crate::prefilter::numbers::Numbers;
use crate::seclang::SecRules;
use crate::seen::Seen;
use crate::seen::alike::Alike;
use crate::seen::memory::Lesson;
use crate::seen::repeat::{Looks, Repeats};
use crate::table::Table;
use crate::{Correlation, Placeholders, Rule, RuleError, RuleFile};

/// All rules, checked and compiled. Immutable: one set serves every thread, each with a [`Scratch`]
/// of its own.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    /// For each detection; they stand before the correlations.
    conditions: Vec<Condition>,
    /// For each probe the comparisons for which it is the best mark, then those for which bytes are.
    comparisons: Table<Arc<Leaf>>,
    correlations: Vec<Correlation>,
    /// For each detection.
    numbers: Vec<Numbers>,
    prefilter: Prefilter,
    looks: Looks,
    labels: Labels,
    logs: Logs,
    crs: Option<SecRules>,
}

/// The logs that rules are for.
#[derive(Debug)]
struct Logs {
    distinct: Vec<LogSource>,
    /// For each rule its log's place in `distinct`.
    of_rule: Vec<u32>,
    /// For each of `distinct` whether requests are of it.
    web: Vec<bool>,
}

impl Logs {
    fn new(of_rules: impl Iterator<Item = LogSource>) -> Self {
        let mut distinct: Vec<LogSource> = Vec::new();
        let of_rule = of_rules
            .map(|log| {
                let place = distinct.iter().position(|other| *other == log);
                place.unwrap_or_else(|| {
                    distinct.push(log);
                    distinct.len() - 1
                }) as u32
            })
            .collect();
        let request = Event::new();
        let web = distinct.iter().map(|log| log.covers(&request)).collect();
        Self {
            distinct,
            of_rule,
            web,
        }
    }

    /// For each distinct log whether the event is of it.
    fn of<'a>(&'a self, event: &Event, found: &'a mut Vec<bool>) -> &'a [bool] {
        if event.log == LogKind::Web {
            return &self.web;
        }
        found.clear();
        found.extend(self.distinct.iter().map(|log| log.covers(event)));
        found
    }

    fn allow(&self, rule: u32, logs: &[bool]) -> bool {
        let log = self.of_rule.get(rule as usize);
        log.is_some_and(|log| logs.get(*log as usize) == Some(&true))
    }
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
    repeats: Repeats,
    seen: Seen,
    logs: Vec<bool>,
    costs: Costs,
}

impl Scratch {
    /// For these rules. [`Scratch::renew`] makes it one for others.
    pub fn new(rules: &RuleSet) -> Self {
        Self {
            repeats: Repeats::default(),
            seen: Seen::of(&rules.prefilter),
            logs: Vec::new(),
            costs: Costs::new(rules.counts()),
        }
    }

    /// Serves other rules from now on: what was counted is forgotten, the stopwatch stays.
    pub fn renew(&mut self, rules: &RuleSet) {
        self.repeats = Repeats::default();
        self.seen = Seen::of(&rules.prefilter);
        self.costs.renew(rules.counts());
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
        let input = Input {
            own: files,
            foreign: &[],
            placeholders: &Placeholders::new(),
        };
        Self::load_all(input).map(|(rules, _)| rules)
    }

    /// Loads our own rules and foreign ones: with what became of the latter, or with what is wrong
    /// with our own.
    pub fn load_all(input: Input<'_>) -> Result<(Self, Report), Vec<RuleError>> {
        let Loaded {
            rules: compiled,
            described,
            correlations,
            probes,
            labels,
            report,
        } = load::read(input)?;
        let logs = Logs::new(compiled.iter().map(|one| one.log.clone()));
        let (mut rules, conditions): (Vec<_>, Vec<_>) = compiled
            .into_iter()
            .map(|one| (one.rule, one.condition))
            .unzip();
        rules.extend(described);
        let gates: Vec<Gate> = conditions
            .iter()
            .map(|condition| gate(condition, &probes))
            .collect();
        let comparisons = comparisons(&conditions, probes.len());
        let compared = comparisons
            .iter()
            .flatten()
            .fold(Scope::default(), |scope, leaf| scope.with(leaf.compared()));
        let prefilter = Prefilter::new(&probes, &gates, compared);
        let looks = Looks::of(&conditions, prefilter.ungated());
        let set = Self {
            numbers: conditions.iter().map(Numbers::of).collect(),
            rules,
            conditions,
            comparisons: comparisons.into_iter().collect(),
            correlations,
            prefilter,
            looks,
            labels,
            logs,
            crs: None,
        };
        Ok((set, report))
    }

    /// With the rules of OWASP CRS beside these.
    #[must_use]
    pub fn with_crs(self, crs: SecRules) -> Self {
        Self {
            crs: Some(crs),
            ..self
        }
    }

    /// The rules of OWASP CRS, if they were added. They are evaluated by themselves.
    pub const fn crs(&self) -> Option<&SecRules> {
        self.crs.as_ref()
    }

    /// Every rule that can fire: these, and those of OWASP CRS.
    pub fn all_rules(&self) -> impl Iterator<Item = &Rule> {
        let crs = self.crs.iter().flat_map(SecRules::rules);
        self.rules.iter().chain(crs)
    }

    /// How many rules there are, and how many of OWASP CRS.
    fn counts(&self) -> (usize, usize) {
        let crs = self.crs.as_ref().map_or(0, |crs| crs.rules().len());
        (self.rules.len(), crs)
    }

    /// The detections in the order of their files, then the correlations.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The correlations, each after those that feed it.
    pub fn correlations(&self) -> &[Correlation] {
        &self.correlations
    }

    /// The rules that no literal is required for: each of them is looked at for every event, though
    /// most are dismissed by the bytes they require.
    pub fn ungated(&self) -> impl Iterator<Item = &Rule> {
        self.prefilter
            .ungated()
            .iter()
            .filter_map(|place| self.rules.get(*place as usize))
    }

    /// What is seen of the event, and the rules of whose required texts all were, without those that
    /// require none and those for other logs.
    pub(crate) fn gated_candidates<'s>(
        &self,
        event: &Event,
        scratch: &'s mut Scratch,
    ) -> (&'s Seen, Vec<usize>) {
        let seen = &mut scratch.seen;
        seen.commons.clear();
        self.prefilter.look(event, seen);
        seen.name_labels(event, &self.labels);
        let mut logs = Vec::new();
        let logs = self.logs.of(event, &mut logs);
        let ungated = self.prefilter.ungated();
        let candidates = seen
            .candidates()
            .iter()
            .filter(|rule| self.logs.allow(**rule, logs) && !ungated.contains(*rule))
            .map(|rule| *rule as usize)
            .collect();
        (seen, candidates)
    }

    /// Whether a rule looks at a field, or a correlation groups by it or counts it.
    pub fn asks_for(&self, field: Field) -> bool {
        let mut is_asked = false;
        for condition in &self.conditions {
            each_leaf(condition, &mut |leaf| is_asked |= leaf.looks_at(field));
        }
        let feeds = self.correlations.iter().flat_map(|one| &one.feeds);
        let mut subjects = feeds.flat_map(|feed| feed.group_by.iter().chain(&feed.value));
        is_asked || subjects.any(|subject| *subject == Subject::Field(field))
    }

    pub(crate) fn condition(&self, rule: usize) -> Option<&Condition> {
        self.conditions.get(rule)
    }

    /// Makes ready what is otherwise made when an event first asks for it, some milliseconds for an
    /// expression and some seconds for all of them: for a thread beside those that evaluate.
    pub fn prepare(&self) {
        for condition in &self.conditions {
            each_leaf(condition, &mut |leaf| leaf.prepare());
        }
        if let Some(crs) = &self.crs {
            crs.prepare();
        }
    }

    /// Puts the rules that match the event into `hits`, in their order; what was in it is removed.
    /// Allocates nothing when no rule matches and the scratch has served these rules before.
    pub fn evaluate(&self, event: &Event, scratch: &mut Scratch, hits: &mut Vec<Hit>) {
        hits.clear();
        let mut timing = scratch.costs.start();
        let commons = &mut scratch.seen.commons;
        let Some(known) = scratch.repeats.recall(event, &self.looks, commons) else {
            return self.look(event, scratch, timing, hits);
        };
        let costs = &mut scratch.costs;
        costs.passed(&mut timing);
        for hit in known {
            costs.known(hit.rule, event.occurred_at);
        }
        hits.extend_from_slice(known);
        costs.finish(hits.len(), 0);
    }

    /// Adds the rules that match the event to `hits`, by looking at it.
    fn look(&self, event: &Event, scratch: &mut Scratch, mut timing: Timing, hits: &mut Vec<Hit>) {
        let Scratch {
            repeats,
            seen,
            logs,
            costs,
        } = scratch;
        self.prefilter.look(event, seen);
        seen.name_labels(event, &self.labels);
        let logs = self.logs.of(event, logs);
        costs.passed(&mut timing);
        for rule in seen.candidates() {
            let place = *rule as usize;
            let may_have = |numbers: &Numbers| numbers.allow(event);
            if !self.logs.allow(*rule, logs) || !self.numbers.get(place).is_some_and(may_have) {
                continue;
            }
            let hit = self.hit(place, event, seen);
            let hit_at = hit.as_ref().map(|_| event.occurred_at);
            costs.evaluated(place, hit_at, &mut timing);
            hits.extend(hit);
        }
        self.learn(event, seen);
        let candidates = seen.candidates().iter();
        let candidates = candidates.filter(|rule| self.logs.allow(**rule, logs));
        repeats.learn(&self.looks, (seen, candidates), hits);
        costs.finish(hits.len(), seen.take_examined());
    }

    /// Compares the texts that came for the second time with all that rules compare them with.
    fn learn(&self, event: &Event, seen: &mut Seen) {
        while let Some(again) = seen.next_again() {
            let Some(view) = event.view_at(again.place) else {
                continue;
            };
            let lesson = if again.is_alike {
                self.lesson_alike(&view, seen)
            } else {
                self.lesson(&view, seen)
            };
            seen.learn(again, view.text, &lesson);
        }
    }

    /// What is to be known of a text.
    fn lesson(&self, view: &View<'_>, seen: &Seen) -> Lesson {
        let mut lesson = Lesson::default();
        let one = Scope::of(view);
        for leaf in self.compared(seen.probes_in(one)) {
            leaf.learn(one, view.text, seen, &mut lesson);
        }
        self.prefilter
            .learn_parts(Scope::scanned(view), seen, &mut lesson);
        lesson
    }

    /// What is to be known of all texts that are alike.
    fn lesson_alike(&self, view: &View<'_>, seen: &mut Seen) -> Lesson {
        let mut lesson = Lesson::default();
        let (one, scanned) = (Scope::of(view), Scope::scanned(view));
        seen.sight(&self.prefilter, view);
        let (texts, sights) = (Alike(view.text), seen.sights());
        for leaf in self.compared(sights.probes().iter().copied()) {
            leaf.learn_alike(one, texts, sights, &mut lesson);
        }
        self.prefilter
            .learn_parts_alike(scanned, sights, &mut lesson);
        lesson
    }

    /// The comparisons of which one of these probes is the best mark, and those for which bytes are.
    fn compared(&self, probes: impl Iterator<Item = Probe>) -> impl Iterator<Item = &Leaf> {
        let of_bytes = self.comparisons.len() - 1;
        let lists = probes.map(Probe::place).chain([of_bytes]);
        let leaves = lists.flat_map(|list| self.comparisons.list(list));
        leaves.map(|leaf| &**leaf)
    }

    /// The rules that match, each evaluated without the help of the prefilter.
    #[cfg(test)]
    pub(crate) fn evaluate_each(&self, event: &Event) -> Vec<Hit> {
        let mut seen = Seen::everything(&self.prefilter, event);
        seen.name_labels(event, &self.labels);
        let mut logs = Vec::new();
        let logs = self.logs.of(event, &mut logs);
        let candidates = seen.candidates().iter();
        candidates
            .filter(|rule| self.logs.allow(**rule, logs))
            .filter_map(|rule| self.hit(*rule as usize, event, &seen))
            .collect()
    }

    fn hit(&self, rule: usize, event: &Event, seen: &Seen) -> Option<Hit> {
        let condition = self.conditions.get(rule)?;
        condition
            .holds(&|selection| selection.holds(&|leaf: &Arc<Leaf>| leaf.holds(event, seen)))
            .then(|| Hit {
                rule,
                evidence: evidence(condition, event, seen),
            })
    }
}

/// Every comparison that looks at nothing but a text, once, with the best of the marks that it asks
/// for: for each probe a list, and one for all bytes.
fn comparisons(conditions: &[Condition], probes: usize) -> Vec<Vec<Arc<Leaf>>> {
    let mut lists: Vec<Vec<Arc<Leaf>>> = vec![Vec::new(); probes + 1];
    let mut add = |leaf: &Arc<Leaf>| {
        let place = leaf.marks.first().map(|mark| match mark {
            Mark::Probe(probe) => probe.place(),
            Mark::Bytes(_) | Mark::Either(..) => probes,
        });
        if let Some(list) = place.and_then(|place| lists.get_mut(place))
            && leaf.compared() != Scope::default()
            && !list.iter().any(|other| Arc::ptr_eq(other, leaf))
        {
            list.push(Arc::clone(leaf));
        }
    };
    for condition in conditions {
        each_leaf(condition, &mut add);
    }
    lists
}

fn gate(condition: &Condition, probes: &Probes) -> Gate {
    condition.gate(&|selection| selection.gate(&|leaf: &Arc<Leaf>| leaf.gate(probes)))
}

fn evidence(condition: &Condition, event: &Event, seen: &Seen) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    condition.prove(&mut evidence, &mut |selection, evidence| {
        let limit = (evidence.len() + Hit::MAX_OF_SELECTION).min(Hit::MAX_EVIDENCE);
        selection.prove(evidence, &mut |leaf: &Arc<Leaf>, evidence| {
            if evidence.len() >= limit {
                return leaf.holds(event, seen);
            }
            let found = leaf.evidence(event, seen);
            let holds = found.is_some() || (leaf.may_show_nothing() && leaf.holds(event, seen));
            evidence.extend(found.filter(|found| !evidence.contains(found)));
            holds
        })
    });
    evidence
}
