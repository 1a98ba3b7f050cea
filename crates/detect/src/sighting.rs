//! What only whoever sees the events of all threads can say: correlations that do not group by client,
//! what is known about networks, sessions and accounts, and scans by many.

use std::sync::Arc;

use vigil_event::{Detection, Event, Score, Timestamp};
use vigil_rule::RuleSet;

use crate::correlation::{CorrelationOptions, Correlator, Scope};
use crate::detector::lets_pass;
use crate::policy::{Excused, Policy};
use crate::risk::{Entity, Risk, Sign, Signs};
use crate::secret::Secret;
use crate::spread::Spread;
use crate::state::{Part, Parts, Refused, Saved, Saves as _};
use crate::{DetectorOptions, Judgement};

/// An event that feeds a shared correlation, says something about more than its client or may be part of a
/// scan by many.
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
    /// It asks for what is not there, and its client for nothing else.
    pub(crate) is_stray: bool,
    /// How many clients its network has.
    pub(crate) clients: u32,
}

impl Sighting {
    /// The event.
    pub const fn event(&self) -> &Event {
        &self.event
    }
}

/// What the events of all threads say beside an event's own judgement.
#[derive(Clone, Debug, Default)]
pub struct Further {
    /// What fired, about the event.
    pub(crate) detections: Vec<Detection>,
    /// What fired and was let pass.
    pub(crate) excused: Excused,
    /// A scan by many that the event completes: about its site, and nobody in particular.
    pub by_many: Option<Detection>,
}

/// Has the last word on what the threads hand over, in the order of the log.
#[derive(Debug)]
pub struct Shared {
    rules: Arc<RuleSet>,
    limits: CorrelationOptions,
    correlator: Correlator,
    risk: Risk,
    spread: Spread,
    signs: Signs,
    /// The signs against one of those that an event is about.
    spare: Vec<Sign>,
    /// The correlations that fired on the event concluded last, by their rules' places.
    fired: Vec<usize>,
    secret: Secret,
    saving: Option<usize>,
}

/// The tables that come before those of the correlations.
const RISK: usize = 0;
const SCANS: usize = 1;
const SCANS_SINCE: usize = 2;
const CORRELATIONS: usize = 3;

impl Parts for Shared {
    fn table(&mut self, place: usize) -> Option<&mut dyn Saved> {
        match place {
            RISK => Some(self.risk.table_mut()),
            SCANS => Some(self.spread.watches_mut()),
            SCANS_SINCE => Some(self.spread.since_mut()),
            _ => self.correlator.table(place.checked_sub(CORRELATIONS)?),
        }
    }

    fn part(&self, place: usize) -> Option<Part> {
        let of = |name: &str| Part {
            name: name.to_owned(),
            identity: 0,
        };
        match place {
            RISK => Some(of("shared risk")),
            SCANS => Some(of("thin scans")),
            SCANS_SINCE => Some(of("thin scans since")),
            _ => self.correlator.part(place.checked_sub(CORRELATIONS)?),
        }
    }

    fn turn(&mut self) -> &mut Option<usize> {
        &mut self.saving
    }
}

impl Shared {
    /// With nothing seen.
    pub fn new(rules: Arc<RuleSet>, options: &DetectorOptions) -> Self {
        let limits = options.correlations.clone();
        Self {
            correlator: Correlator::new(Arc::clone(&rules), Scope::Shared, limits.clone()),
            limits,
            risk: Risk::new(options.risk.clone()),
            spread: Spread::new(options.spread.clone()),
            signs: Signs::of(&rules),
            spare: Vec::new(),
            fired: Vec::new(),
            secret: Secret::new(),
            saving: None,
            rules,
        }
        .keyed()
    }

    fn keyed(mut self) -> Self {
        self.risk.keyed_by(self.secret);
        self.correlator.keyed_by(self.secret);
        self.spread.keyed_by(self.secret);
        self
    }

    /// As [`Detector::keyed_by`](crate::Detector::keyed_by).
    #[must_use]
    pub fn keyed_by(mut self, secret: Secret) -> Self {
        self.secret = secret;
        self.keyed()
    }

    /// As [`Detector::take_back`](crate::Detector::take_back), of everybody.
    pub fn take_back(&mut self, part: &Part, bytes: &[u8]) -> Result<u64, Refused> {
        if let Some(taken) = self.correlator.take_back(part, bytes, &|_| true) {
            return taken;
        }
        let is_it = |place: &usize| Parts::part(self, *place).as_ref() == Some(part);
        let place = (0..CORRELATIONS).find(is_it).ok_or(Refused::Unknown)?;
        let taken = match place {
            SCANS => self.spread.take_back(bytes),
            SCANS_SINCE => self.spread.take_back_since(bytes),
            _ => self.risk.table_mut().take_back(bytes, &|_| true, |_, _| {}),
        };
        taken.ok_or(Refused::Damaged)
    }

    /// Forgets what correlations have counted.
    pub fn forget_correlations(&mut self) {
        let rules = Arc::clone(&self.rules);
        self.stop_saving();
        self.correlator = Correlator::new(rules, Scope::Shared, self.limits.clone());
        self.correlator.keyed_by(self.secret);
    }

    /// Goes on with the rules by which the event was judged, if they are others; correlations that are
    /// the same in both keep what they have counted.
    pub fn follow(&mut self, sighting: &Sighting) {
        if !Arc::ptr_eq(&self.rules, &sighting.rules) {
            self.stop_saving();
            self.rules = Arc::clone(&sighting.rules);
            self.correlator.replace_rules(&self.rules);
            self.signs.renew(&self.rules);
        }
    }

    /// What fires once the event is taken in, beside its judgement, less what of it is let pass; that feeds
    /// nothing further.
    pub fn further(&mut self, sighting: &Sighting, judgement: &Judgement) -> Further {
        let Sighting {
            event, policy, now, ..
        } = sighting;
        let mut excused = Excused::default();
        let mut excuse = |found: &mut Vec<Detection>, event: &Event| {
            let more = policy.excuse(event, *now, found);
            excused.suppressed.extend(more.suppressed);
            excused.by.extend(more.by);
        };
        let mut detections = self.correlate(sighting);
        excuse(&mut detections, event);
        let own = judgement.detections.iter().chain(&detections);
        let own = Score::noisy_or(own.map(|one| one.score));
        let mut found = self.add_up(sighting, own);
        excuse(&mut found, event);
        detections.append(&mut found);
        let all = judgement.detections.iter().chain(&detections);
        let score = Score::noisy_or(all.map(|one| one.score));
        let weak = judgement.detections.iter();
        let told = self.spread.observe(event, weak, score, sighting.is_stray);
        let mut by_many: Vec<Detection> = told.into_iter().collect();
        if !by_many.is_empty() {
            // It is about nobody in particular: who is let pass makes no difference.
            let mut event = event.clone();
            event.source_ip = None;
            excuse(&mut by_many, &event);
        }
        Further {
            detections,
            excused,
            by_many: by_many.pop(),
        }
    }

    fn correlate(&mut self, sighting: &Sighting) -> Vec<Detection> {
        let mut firings = Vec::new();
        let (rules, event) = (&sighting.rules, &sighting.event);
        let whole = sighting.policy.whole_event(event).is_some();
        let lets_pass = lets_pass(&sighting.policy, rules, (event, whole), sighting.now);
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
    /// The event scores `own` by itself.
    fn add_up(&mut self, sighting: &Sighting, mut own: Score) -> Vec<Detection> {
        self.signs.found.clone_from(&sighting.signs);
        for place in &self.fired {
            self.signs.add_rule(*place);
        }
        let mut found = Vec::new();
        for entity in Entity::shared(&sighting.event) {
            self.spare.clone_from(&self.signs.found);
            let (signs, clients) = (&mut self.spare, sighting.clients);
            let told = self
                .risk
                .observe(&sighting.event, &entity, signs, own, clients);
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

    /// Of how many networks, sessions, accounts and sites what was known made room for others.
    pub const fn forgotten(&self) -> u64 {
        self.risk.evicted() + self.spread.evicted()
    }

    /// How many groups the correlations hold, and how many were evicted or came too late.
    pub const fn correlator(&self) -> &Correlator {
        &self.correlator
    }
}
