//! What only whoever sees the events of all threads can say: correlations that do not group by client,
//! and what is known about networks, sessions and accounts.

use std::sync::Arc;

use vigil_event::{Detection, Event, Score, Timestamp};
use vigil_rule::RuleSet;

use crate::correlation::{CorrelationOptions, Correlator, Scope};
use crate::detector::lets_pass;
use crate::policy::{Excused, Policy};
use crate::risk::{Entity, Risk, Sign, Signs};
use crate::{DetectorOptions, Judgement};

/// An event that feeds a shared correlation or says something about more than its client.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// The rules in force when it was judged.
    pub(crate) rules: Arc<RuleSet>,
    pub(crate) event: Event,
    /// The rules that matched and were not let pass, by their places.
    pub(crate) matched: Vec<usize>,
    /// What is let pass, as it was when it was judged.
    pub(crate) policy: Arc<Policy>,
    pub(crate) now: Timestamp,
    /// What speaks against whom it is about.
    pub(crate) signs: Vec<Sign>,
    /// How many clients its network has.
    pub(crate) clients: u32,
}

/// Has the last word on what the threads hand over, in the order of the log.
#[derive(Debug)]
pub struct Shared {
    rules: Arc<RuleSet>,
    limits: CorrelationOptions,
    correlator: Correlator,
    risk: Risk,
    signs: Signs,
    /// The correlations that fired on the event concluded last, by their rules' places.
    fired: Vec<usize>,
}

impl Shared {
    /// With nothing seen.
    pub fn new(rules: Arc<RuleSet>, options: &DetectorOptions) -> Self {
        let limits = options.correlations.clone();
        Self {
            correlator: Correlator::new(Arc::clone(&rules), Scope::Shared, limits.clone()),
            rules,
            limits,
            risk: Risk::new(options.risk.clone()),
            signs: Signs::default(),
            fired: Vec::new(),
        }
    }

    /// Forgets what correlations have counted.
    pub fn forget_correlations(&mut self) {
        let rules = Arc::clone(&self.rules);
        self.correlator = Correlator::new(rules, Scope::Shared, self.limits.clone());
    }

    /// Goes on with the rules by which the event was judged, if they are others; correlations that are
    /// the same in both keep what they have counted.
    pub fn follow(&mut self, sighting: &Sighting) {
        if !Arc::ptr_eq(&self.rules, &sighting.rules) {
            self.rules = Arc::clone(&sighting.rules);
            self.correlator.replace_rules(&self.rules);
        }
    }

    /// The judgement with what fires once the event is taken in, less what of it is let pass; that
    /// feeds nothing further.
    pub fn conclude(&mut self, sighting: &Sighting, judgement: Judgement) -> Judgement {
        let Sighting {
            event, policy, now, ..
        } = sighting;
        let mut fired = self.correlate(sighting);
        let mut excused = Excused {
            suppressed: judgement.suppressed,
            by: judgement.suppressed_by,
        };
        let mut excuse = |found: &mut Vec<Detection>| {
            let more = policy.excuse(event, *now, found);
            excused.suppressed.extend(more.suppressed);
            excused.by.extend(more.by);
        };
        excuse(&mut fired);
        let outcome = judgement.outcome;
        let mut detections = judgement.detections;
        detections.append(&mut fired);
        let mut found = self.add_up(sighting, &detections);
        excuse(&mut found);
        detections.append(&mut found);
        Judgement::of(detections, excused).ending(outcome)
    }

    fn correlate(&mut self, sighting: &Sighting) -> Vec<Detection> {
        let mut firings = Vec::new();
        let (rules, event) = (&sighting.rules, &sighting.event);
        let lets_pass = lets_pass(&sighting.policy, rules, event, sighting.now);
        let matched = sighting.matched.iter().copied();
        self.correlator
            .observe_unless(event, matched, &lets_pass, &mut firings);
        self.fired.clear();
        self.fired.extend(firings.iter().map(|firing| firing.rule));
        let firings = firings.into_iter();
        firings
            .filter_map(|firing| firing.into_detection(rules))
            .collect()
    }

    /// Adds the event's signs to what is known about its network, session and account; what comes of it.
    fn add_up(&mut self, sighting: &Sighting, detections: &[Detection]) -> Vec<Detection> {
        self.signs.found.clone_from(&sighting.signs);
        for place in &self.fired {
            if let Some(rule) = sighting.rules.rules().get(*place) {
                self.signs.add(&rule.id, &rule.title, rule.risk());
            }
        }
        let mut own = Score::noisy_or(detections.iter().map(|one| one.score));
        let mut found = Vec::new();
        for entity in Entity::shared(&sighting.event) {
            let mut signs = self.signs.found.clone();
            let clients = sighting.clients;
            let told = self
                .risk
                .observe(&sighting.event, &entity, &mut signs, own, clients);
            if let Some(told) = told {
                own = Score::noisy_or([own, told.score]);
                found.push(told);
            }
        }
        found
    }

    /// The correlations that fired on the event concluded last, by their rules' places.
    pub fn fired(&self) -> &[usize] {
        &self.fired
    }

    /// Of how many networks, sessions and accounts what was known made room for others.
    pub const fn forgotten(&self) -> u64 {
        self.risk.evicted()
    }

    /// How many groups the correlations hold, and how many were evicted or came too late.
    pub const fn correlator(&self) -> &Correlator {
        &self.correlator
    }
}
