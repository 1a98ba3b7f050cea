//! The judgement of one event: rules, windows, lists and correlations together, less what is let pass,
//! scored.

use std::net::IpAddr;
use std::sync::Arc;

use vigil_event::{Detection, Detector as By, Event, Evidence, Outcome, Score, Timestamp};
use vigil_rule::seclang::{SecHit, SecScratch};
use vigil_rule::{Costs, Hit, Rule, RuleSet, Scratch};

use crate::correlation::{CorrelationOptions, Correlator, Firing, Scope};
use crate::first_seen::{Asked, FirstSeen};
use crate::judgement::Judgement;
use crate::policy::{Excused, Policy};
use crate::profile::{Eye, ProfileOptions};
use crate::risk::{Clients, Entity, Risk, RiskOptions, Signs};
use crate::sensor::{self, Alert};
use crate::sighting::Sighting;
use crate::spread::SpreadOptions;
use crate::state::Saves as _;
use crate::window::{Crossing, WindowOptions, Windows};

/// What a detector needs to know.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DetectorOptions {
    /// The windows' limits.
    pub windows: WindowOptions,
    /// How much the correlations may hold.
    pub correlations: CorrelationOptions,
    /// How evidence about somebody adds up.
    pub risk: RiskOptions,
    /// How sites are learned.
    pub profiles: ProfileOptions,
    /// When a scan by many networks is told.
    pub spread: SpreadOptions,
}

/// Judges events, one after the other, on one thread.
#[derive(Debug)]
pub struct Detector {
    rules: Arc<RuleSet>,
    scratch: Scratch,
    hits: Vec<Hit>,
    crs_scratch: SecScratch,
    crs_hits: Vec<SecHit>,
    windows: Windows,
    crossings: Vec<Crossing>,
    correlator: Correlator,
    firings: Vec<Firing>,
    /// The places of the rules that matched the event judged last and were not let pass, and of the
    /// correlations that fired.
    matched: Vec<usize>,
    /// For each rule whether it feeds a shared correlation.
    shared: Vec<bool>,
    accusations: Vec<Detection>,
    spread: SpreadOptions,
    /// The event judged last is the first one, or may be part of a scan by many: it has weak signs, or
    /// is a stray.
    is_for_all: bool,
    /// The event judged last asks for what is not there, and its client for nothing else.
    is_stray: bool,
    has_judged: bool,
    policy: Arc<Policy>,
    now: Timestamp,
    signs: Signs,
    risk: Risk,
    /// The clients of each network; none where risk is off.
    clients: Option<Clients>,
    eye: Eye,
    first_seen: Arc<FirstSeen>,
    /// What the rules ask for.
    asked: Asked,
    /// How many were forgotten that were known for some time.
    made_room: u64,
    /// While what is known is written down: the table whose turn it is.
    saving: Option<usize>,
    /// Stands where something is off.
    nothing: (),
}

impl Detector {
    /// A detector that has seen nothing, and has no policy until it is told one.
    pub fn new(rules: Arc<RuleSet>, options: &DetectorOptions) -> Self {
        Self {
            correlator: by_client(&rules, options.correlations.clone()),
            firings: Vec::new(),
            matched: Vec::new(),
            shared: feeds_shared(&rules),
            scratch: Scratch::new(&rules),
            hits: Vec::new(),
            crs_scratch: SecScratch::default(),
            crs_hits: Vec::new(),
            windows: Windows::new(options.windows.clone()),
            crossings: Vec::new(),
            accusations: Vec::new(),
            spread: options.spread.clone(),
            is_for_all: false,
            is_stray: false,
            has_judged: false,
            policy: Arc::default(),
            now: Timestamp::default(),
            signs: Signs::of(&rules),
            clients: options.risk.enabled.then(|| Clients::new(&options.risk)),
            risk: Risk::new(options.risk.clone()),
            eye: Eye::new(options.profiles.clone()),
            first_seen: Arc::default(),
            asked: Asked::by(&rules),
            made_room: 0,
            saving: None,
            nothing: (),
            rules,
        }
    }

    /// Tells the policy in force from now on, and what time it is by the wall clock: suppressions
    /// end by it. Everything else goes by the events' own time.
    pub fn follow(&mut self, policy: &Arc<Policy>, now: Timestamp) {
        self.policy.clone_from(policy);
        self.now = now;
    }

    /// Shares with the detectors of other threads since when everybody is known.
    pub fn share(&mut self, first_seen: &Arc<FirstSeen>) {
        self.first_seen.clone_from(first_seen);
    }

    /// Tells an event, before it is judged, since when those that it is about are known, and what its client
    /// has tried just before. Costs nothing where no rule asks.
    pub fn introduce(&mut self, event: &mut Event) {
        if self.asked.tries {
            event.tries = self.windows.tries(event);
        }
        if self.asked != Asked::default() {
            self.made_room += self.first_seen.tell(event, self.asked);
        }
    }

    /// Judges an event: something only when at least one rule, window, list or correlation fired,
    /// however weak, or what is known about its client adds up, and even if all of it was let pass.
    /// Rules that only feed correlations do not count. What is let pass feeds no correlation and
    /// speaks against nobody.
    ///
    /// Allocates nothing when none did.
    pub fn judge(&mut self, event: &Event) -> Option<Judgement> {
        self.clear();
        let is_first = !std::mem::replace(&mut self.has_judged, true);
        let judgement = self.conclude(event);
        let is_weak = |judgement: &Judgement| judgement.severity < self.spread.alert_severity;
        self.is_stray = self.is_stray && self.policy.whole_event(event).is_none();
        self.is_for_all = self.spread.enabled
            && (is_first || self.is_stray || judgement.as_ref().is_some_and(is_weak));
        let of_others = |judgement: &Judgement| {
            let others = judgement.detections.iter();
            let believed = others.filter(|one| self.eye.believes(one.detector));
            Score::noisy_or(believed.map(|one| one.score))
        };
        let score = judgement.as_ref().map(of_others).unwrap_or_default();
        self.eye.conclude(event, score.value());
        judgement
    }

    /// Tells who comes next. What is kept of so many addresses lies in memory far from the processor, and
    /// a look at each in its turn waits for it several times; looks at some of them in a row wait
    /// together. Whoever judges may leave it out.
    pub fn expect(&self, addresses: impl Iterator<Item = IpAddr>) {
        for address in addresses {
            let clients = self.clients.as_ref();
            let clients = clients.map_or(0, |clients| clients.approach(address));
            std::hint::black_box(self.windows.approach(address) ^ clients);
        }
    }

    fn conclude(&mut self, event: &Event) -> Option<Judgement> {
        self.look(event);
        if self.hits.is_empty()
            && self.crs_hits.is_empty()
            && self.crossings.is_empty()
            && self.accusations.is_empty()
            && !Signs::has(event)
        {
            return None;
        }
        let policy = Arc::clone(&self.policy);
        let whole = policy.whole_event(event);
        self.correlate(event, whole.is_some());
        let mut detections = self.detections(event);
        if let Some(whole) = &event.whole {
            crate::mask::mask(&mut detections, whole);
        }
        let mut excused = if detections.is_empty() {
            Excused::default()
        } else {
            policy.excuse_by(whole.as_ref(), event, self.now, &mut detections)
        };
        if whole.is_none()
            && let Some(found) = self.add_up(event, &detections)
        {
            let mut found = vec![found];
            let more = policy.excuse_by(None, event, self.now, &mut found);
            excused.suppressed.extend(more.suppressed);
            excused.by.extend(more.by);
            detections.append(&mut found);
        }
        let is_blocked = Alert::of(event).is_some_and(|alert| alert.is_blocked());
        let outcome = if is_blocked {
            Outcome::Attempt
        } else {
            self.eye.outcome(event)
        };
        let judgement = Judgement::of(detections, excused).ending(outcome);
        (!judgement.is_empty()).then_some(judgement)
    }

    /// Lets everything look at the event that looks at each by itself, and counts it.
    fn look(&mut self, event: &Event) {
        self.rules
            .evaluate(event, &mut self.scratch, &mut self.hits);
        // The windows count requests, whoever logged them.
        if sensor::is_request(event) {
            if let Some(crs) = self.rules.crs() {
                crs.evaluate(event, &mut self.crs_scratch, &mut self.crs_hits);
                for hit in &self.crs_hits {
                    let costs = self.scratch.costs_mut();
                    costs.crs_matched(hit.rule, event.occurred_at);
                }
            }
            self.is_stray = self.windows.observe(event, &mut self.crossings);
            self.accusations.extend(self.eye.look(event));
        }
        self.policy.accuse(event, &mut self.accusations);
        if let (Some(clients), Some(address)) = (&mut self.clients, event.source_ip) {
            clients.note(address, event.occurred_at.as_millis());
        }
    }

    /// Lets the rules that matched and are not let pass feed correlations.
    fn correlate(&mut self, event: &Event, is_let_pass: bool) {
        if self.hits.is_empty() {
            return;
        }
        let lets_pass = lets_pass(&self.policy, &self.rules, (event, is_let_pass), self.now);
        let matched = self.hits.iter().map(|hit| hit.rule);
        self.matched
            .extend(matched.filter(|rule| !lets_pass(*rule)));
        let matched = self.matched.iter().copied();
        self.correlator
            .observe_unless(event, matched, &lets_pass, &mut self.firings);
        let fired = self.firings.iter().map(|firing| firing.rule);
        self.matched.extend(fired.filter(|rule| !lets_pass(*rule)));
    }

    /// What was found, as detections.
    fn detections(&mut self, event: &Event) -> Vec<Detection> {
        let rules = &*self.rules;
        let alert = Alert::of(event);
        let found = [self.hits.len(), self.crossings.len(), self.firings.len()];
        let more = [self.accusations.len(), self.crs_hits.len()];
        // One more has room: what adds up.
        let expected = found.iter().chain(&more).sum::<usize>() + 1;
        let by_rule = self.hits.drain(..).filter_map(|hit| {
            let rule = rules.rules().get(hit.rule)?;
            let told = alert.filter(|_| Alert::is_told_by(&hit.evidence));
            (!rule.feeds_only).then(|| Detection {
                reason: told.map(|alert| alert.words()),
                ..detection(rule, hit.evidence)
            })
        });
        let by_window = self.crossings.drain(..).map(Crossing::into_detection);
        let by_correlation = self
            .firings
            .drain(..)
            .filter_map(|firing| firing.into_detection(rules));
        let mut detections = Vec::with_capacity(expected);
        detections.extend(by_rule.chain(by_window).chain(by_correlation));
        detections.append(&mut self.accusations);
        let by_crs = self.crs_hits.drain(..).filter_map(|hit| {
            let rule = rules.crs()?.rules().get(hit.rule)?;
            Some(detection(rule, hit.evidence))
        });
        detections.extend(by_crs);
        detections
    }

    /// Adds the event's signs to what is known about its client; what comes of it.
    fn add_up(&mut self, event: &Event, detections: &[Detection]) -> Option<Detection> {
        self.clients.as_ref()?;
        let address = event.source_ip?;
        self.signs
            .collect(event, &self.rules, &self.matched, detections);
        let own = Score::noisy_or(detections.iter().map(|one| one.score));
        let entity = Entity::Address(address);
        self.risk
            .observe(event, &entity, &mut self.signs.found, own, 0)
    }

    /// Forgets the event before, also one whose judgement ended in a panic: what it left behind must
    /// not be held against the next one.
    fn clear(&mut self) {
        self.hits.clear();
        self.crs_hits.clear();
        self.crossings.clear();
        self.firings.clear();
        self.accusations.clear();
        self.matched.clear();
        self.signs.found.clear();
        self.is_stray = false;
        self.eye.forget();
    }

    /// The profiles on this thread.
    pub const fn eye_mut(&mut self) -> &mut Eye {
        &mut self.eye
    }

    /// The event judged last, if it feeds a correlation that sees the events of all threads, says
    /// something about its network, session or account, or may be part of a scan by many. So is the
    /// first one, by which is known since when there are events.
    pub fn sighting(&self, event: &Event) -> Option<Sighting> {
        let is_shared = |rule: &&usize| self.shared.get(**rule).is_some_and(|shared| *shared);
        let matched: Vec<usize> = self.matched.iter().filter(is_shared).copied().collect();
        let signs = &self.signs.found;
        if matched.is_empty() && signs.is_empty() && !self.is_for_all {
            return None;
        }
        let clients = self.clients.as_ref().zip(event.source_ip);
        Some(Sighting {
            rules: Arc::clone(&self.rules),
            event: event.clone(),
            matched,
            policy: Arc::clone(&self.policy),
            now: self.now,
            signs: signs.clone(),
            is_stray: self.is_stray,
            clients: clients.map_or(0, |(clients, address)| clients.of_network(address)),
        })
    }

    /// The places of the rules that matched the event judged last, also of those that only feed
    /// correlations, and of the correlations that fired; without what was let pass.
    pub fn matched(&self) -> &[usize] {
        &self.matched
    }

    /// How many groups the correlations hold, and how many were evicted or came too late.
    pub const fn correlator(&self) -> &Correlator {
        &self.correlator
    }

    /// The rules in force.
    pub const fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }

    /// Goes on with other rules. The windows keep what they have counted, and so do correlations that
    /// are the same in both; what is known about clients stays. The rules' costs begin anew, so take
    /// them before.
    pub fn replace_rules(&mut self, rules: Arc<RuleSet>) {
        self.stop_saving();
        self.scratch.renew(&rules);
        self.correlator.replace_rules(&rules);
        self.shared = feeds_shared(&rules);
        self.signs.renew(&rules);
        self.matched.clear();
        self.asked = Asked::by(&rules);
        self.rules = rules;
    }

    /// What the rules cost since that was last cleared.
    pub const fn costs(&self) -> &Costs {
        self.scratch.costs()
    }

    /// To measure time, or to clear the counts.
    pub const fn costs_mut(&mut self) -> &mut Costs {
        self.scratch.costs_mut()
    }

    /// Of how many addresses and others what windows and risk knew, or since when they are known, made
    /// room for others.
    pub fn forgotten(&self) -> u64 {
        let clients = self.clients.as_ref().map_or(0, Clients::evicted);
        self.windows.evicted() + self.risk.evicted() + clients + self.made_room
    }

    /// How many addresses the windows hold, and how many were evicted or came too late to count.
    pub const fn windows(&self) -> &Windows {
        &self.windows
    }
}

/// Whether the policy lets what a rule, by its place, says of the event pass, where it is known whether
/// the whole event is.
pub(crate) fn lets_pass<'a>(
    policy: &'a Policy,
    rules: &'a RuleSet,
    (event, is_let_pass): (&'a Event, bool),
    now: Timestamp,
) -> impl Fn(usize) -> bool + 'a {
    move |place| {
        let rule = || rules.rules().get(place);
        is_let_pass
            || rule()
                .is_some_and(|rule| policy.lets_rule_pass(event, (&rule.id, &rule.family), now))
    }
}

fn by_client(rules: &Arc<RuleSet>, options: CorrelationOptions) -> Correlator {
    Correlator::new(Arc::clone(rules), Scope::Client, options)
}

fn feeds_shared(rules: &Arc<RuleSet>) -> Vec<bool> {
    let options = CorrelationOptions::default();
    let shared = Correlator::new(Arc::clone(rules), Scope::Shared, options);
    let places = 0..rules.rules().len();
    places.map(|rule| shared.waits_for(rule)).collect()
}

fn detection(rule: &Rule, evidence: Vec<Evidence>) -> Detection {
    Detection {
        rule_id: rule.id.clone(),
        title: rule.title.clone(),
        family: rule.family.clone(),
        detector: By::Rule,
        score: rule.score,
        techniques: rule.techniques.clone(),
        evidence,
        reason: None,
    }
}

mod saved;
#[cfg(test)]
mod tests;
