//! The pipeline without its threads: one line in, one judgement out. What `explain`, `test-rules`,
//! `hunt` and `replay --offline` run, so that they can never say something else than the server.

use std::sync::Arc;

use vigil_decode::{Decoder, Format, ParseError, Proxies, Request};
use vigil_detect::profile::{Profiles, Requests};
use vigil_detect::{Detector, DetectorOptions, Judgement, Policy, Shared};
use vigil_event::{Detection, Event, Record, Timestamp};
use vigil_rule::{Costs, RuleSet};
use vigil_store::{SqliteStore, StoreError};

use crate::config::Config;
use crate::tables::{Tables, TablesError};

/// The policy that a server with this configuration follows, with the suppressions in force in its
/// data directory, and the reason why these are not known if they are not.
pub fn policy(
    config: &Config,
    now: Timestamp,
) -> Result<(Arc<Policy>, Option<StoreError>), TablesError> {
    let tables = Tables::open(config)?;
    let unknown = match SqliteStore::peek_suppressions(&config.database(), now) {
        Ok(suppressions) => {
            tables.suppress(suppressions);
            None
        }
        Err(error) => Some(error),
    };
    Ok((tables.policy(), unknown))
}

/// Judges events, one at a time, with every correlation.
pub struct EventJudge {
    detector: Detector,
    /// What the recorder has the last word on in the server.
    shared: Shared,
    /// It had the last word on the event judged last.
    concluded: bool,
    /// A scan by many that the event judged last completed.
    by_many: Option<Detection>,
}

impl EventJudge {
    /// A judge that has seen nothing.
    pub fn new(rules: Arc<RuleSet>, options: &DetectorOptions) -> Self {
        Self {
            shared: Shared::new(Arc::clone(&rules), options),
            detector: Detector::new(rules, options),
            concluded: false,
            by_many: None,
        }
    }

    /// Judges an event: something when at least one rule, window or correlation fired.
    pub fn judge(&mut self, event: &mut Event) -> Option<Judgement> {
        self.detector.introduce(event);
        let judgement = self.detector.judge(event);
        let sighting = self.detector.sighting(event);
        self.concluded = sighting.is_some();
        self.by_many = None;
        let Some(sighting) = sighting else {
            return judgement;
        };
        let judgement = judgement.unwrap_or_default();
        let mut further = self.shared.further(&sighting, &judgement);
        self.by_many = further.by_many.take();
        let judgement = judgement.with(further);
        (!judgement.is_empty()).then_some(judgement)
    }

    /// Lets the policy hold from now on, as it is by the wall clock's time `now`.
    pub fn follow(&mut self, policy: &Arc<Policy>, now: Timestamp) {
        self.detector.follow(policy, now);
    }

    /// Judges by these profiles of sites from now on. Nothing is learned.
    pub fn follow_profiles(&mut self, profiles: &Arc<Profiles>) {
        self.detector.eye_mut().follow(profiles);
    }
}

/// Judges lines, one at a time.
pub struct LineJudge {
    decoder: Decoder,
    judge: EventJudge,
    event: Event,
    /// The line at hand; parsing may append to it.
    bytes: Vec<u8>,
    proxies: Proxies,
    format: Format,
}

impl LineJudge {
    /// A judge that has seen nothing.
    pub fn new(
        rules: Arc<RuleSet>,
        options: &DetectorOptions,
        proxies: Proxies,
        format: Format,
    ) -> Self {
        Self {
            decoder: Decoder::new(),
            judge: EventJudge::new(rules, options),
            event: Event::new(),
            bytes: Vec::new(),
            proxies,
            format,
        }
    }

    /// Lets the policy hold from now on, as it is by the wall clock's time `now`.
    pub fn follow(&mut self, policy: &Arc<Policy>, now: Timestamp) {
        self.judge.follow(policy, now);
    }

    /// Judges by these profiles of sites from now on. Nothing is learned.
    pub fn follow_profiles(&mut self, profiles: &Arc<Profiles>) {
        self.judge.follow_profiles(profiles);
    }

    /// The requests judged so far that may teach, since this was last asked.
    pub fn take_lessons(&mut self) -> Requests {
        self.judge.detector.eye_mut().take(Requests::default())
    }

    /// How many such requests there are.
    pub fn lessons(&mut self) -> usize {
        self.judge.detector.eye_mut().waiting()
    }

    /// Judges a line. A line without a time of its own happened at `read_at`.
    pub fn judge(
        &mut self,
        line: &[u8],
        read_at: Timestamp,
    ) -> Result<Option<Judgement>, ParseError> {
        self.bytes.clear();
        self.bytes.extend_from_slice(line);
        let record = Record::of(line);
        let request: Request = vigil_decode::parse(
            &mut self.bytes,
            &record,
            self.format,
            &self.proxies,
            read_at,
        )?;
        self.decoder
            .decode(&self.bytes, &record, &request, &mut self.event);
        Ok(self.judge.judge(&mut self.event))
    }

    /// A scan by many that the line judged last completed: about its site, and nobody in particular.
    pub const fn take_by_many(&mut self) -> Option<Detection> {
        self.judge.by_many.take()
    }

    /// Whether the rule matched the line that was judged last, also if it only feeds correlations.
    pub fn matched(&self, rule: usize) -> bool {
        let judge = &self.judge;
        judge.detector.matched().contains(&rule)
            || judge.concluded && judge.shared.fired().contains(&rule)
    }

    /// Measures how long each rule takes on each line from now on.
    pub fn measure(&mut self) {
        self.judge
            .detector
            .costs_mut()
            .measure(crate::stopwatch::nanoseconds, 1);
    }

    /// What the rules cost so far.
    pub const fn costs(&self) -> &Costs {
        self.judge.detector.costs()
    }

    /// The event of the line that was judged last.
    pub const fn event(&self) -> &Event {
        &self.event
    }

    /// The same, for another judge.
    pub const fn event_mut(&mut self) -> &mut Event {
        &mut self.event
    }
}
