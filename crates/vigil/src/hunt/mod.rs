//! Rules tried on old logs: what they find, and what they would change.
//!
//! Each line is decoded once and judged twice, by the active rules and by the rules as they would
//! be, with windows and scores: what the server does, so that it cannot say something else.
//!
//! Owns: the two judges, the counts. Never holds: files, a terminal. Every table has a bound; where
//! one is reached the report says so.

mod overlay;
mod report;
mod tally;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use vigil_decode::{Format, ParseError, Proxies};
use vigil_detect::{DetectorOptions, Judgement, Policy, Provenance};
use vigil_event::text::{escape_invalid, truncated};
use vigil_event::threat::Stages;
use vigil_event::{Field, Id, RecordKey, Score, Severity, SourceId, Timestamp};
use vigil_rule::{Costs, RuleSet};

use crate::offline::{EventJudge, LineJudge};
pub use overlay::{Overlay, overlay};
pub use report::{Change, Example, HuntReport, RuleFindings, Verdicts};
use tally::{Bounded, Tally};

/// A day in milliseconds.
const DAY_MS: i64 = 86_400_000;
/// The longest example, in bytes.
const EXAMPLE_BYTES: usize = 2_048;
/// The most alerts that are told apart.
const MAX_ALERTS: usize = 1_000_000;
/// The most days that are told apart.
const MAX_DAYS: usize = 10_000;

/// What a hunt needs to know.
#[derive(Clone, Debug)]
pub struct HuntOptions {
    /// The limits of windows and correlations.
    pub detector: DetectorOptions,
    /// Finds the client's real address.
    pub proxies: Proxies,
    /// The lines' format.
    pub format: Format,
    /// From this score up an event is a threat.
    pub threshold: Score,
    /// From this severity up a threat belongs to an alert.
    pub alert_severity: Severity,
    /// Threats of one source within this time are one alert, in milliseconds.
    pub alert_window_ms: i64,
    /// The most examples of each kind.
    pub examples: usize,
}

/// A hunt under way.
pub struct Hunt {
    options: HuntOptions,
    after: LineJudge,
    before: EventJudge,
    /// By rule id, of the hunted rules.
    tallies: BTreeMap<String, Tally>,
    rules: Arc<RuleSet>,
    hunted: HashSet<String>,
    active: usize,
    lines: u64,
    unparsed: u64,
    days: BTreeMap<i64, u64>,
    sides: [Side; 2],
    newly: Change,
    no_longer: Change,
}

/// What one set of rules concludes.
#[derive(Default)]
struct Side {
    threats: u64,
    alerts: Bounded<HashSet<Id>>,
}

/// Where a line stands.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The file's name.
    pub file: &'a str,
    /// The line, counted from 1.
    pub line: u64,
}

impl Hunt {
    /// Begins with nothing seen.
    pub fn new(overlay: Overlay, options: HuntOptions) -> Self {
        let Overlay {
            active,
            after,
            hunted,
        } = overlay;
        let after = Arc::new(after);
        Self {
            after: LineJudge::new(
                Arc::clone(&after),
                &options.detector,
                options.proxies.clone(),
                options.format,
            ),
            active: active.rules().len(),
            before: EventJudge::new(Arc::new(active), &options.detector),
            tallies: BTreeMap::new(),
            rules: after,
            hunted,
            lines: 0,
            unparsed: 0,
            days: BTreeMap::new(),
            sides: [Side::default(), Side::default()],
            newly: Change::default(),
            no_longer: Change::default(),
            options,
        }
    }

    /// Lets the policy hold from now on, as it is by the wall clock's time `now`.
    pub fn follow(&mut self, policy: &Arc<Policy>, now: Timestamp) {
        self.before.follow(policy, now);
        self.after.follow(policy, now);
    }

    /// Measures how long each rule takes on each line from now on.
    pub fn measure(&mut self) {
        self.after.measure();
    }

    /// The rules as they would be, and what they cost so far.
    pub fn costs(&self) -> (&RuleSet, &Costs) {
        (&self.rules, self.after.costs())
    }

    /// The ids of the hunted rules.
    pub const fn hunted(&self) -> &HashSet<String> {
        &self.hunted
    }

    /// Takes a line. A line without a time of its own happened at `now`.
    pub fn take(&mut self, place: Place<'_>, line: &[u8], now: Timestamp) {
        self.lines += 1;
        match self.judge(line, now) {
            Ok((before, after)) => self.count(place, line, before, after),
            Err(_) => self.unparsed += 1,
        }
    }

    fn judge(
        &mut self,
        line: &[u8],
        now: Timestamp,
    ) -> Result<(Option<Judgement>, Option<Judgement>), ParseError> {
        let after = self.after.judge(line, now)?;
        Ok((self.before.judge(self.after.event_mut()), after))
    }

    fn count(
        &mut self,
        place: Place<'_>,
        line: &[u8],
        before: Option<Judgement>,
        after: Option<Judgement>,
    ) {
        let day = self.after.event().occurred_at.as_millis() / DAY_MS;
        if self.days.len() < MAX_DAYS || self.days.contains_key(&day) {
            *self.days.entry(day).or_default() += 1;
        }
        let scores = [&before, &after]
            .map(|judgement| judgement.as_ref().map_or(0.0, |one| one.score.value()));
        let threshold = self.options.threshold.value();
        let is_threat = scores.map(|score| score >= threshold);
        if before.is_none() && after.is_none() {
            return;
        }
        let example = || Example {
            file: place.file.to_owned(),
            line: place.line,
            score_before: scores[0],
            score_after: scores[1],
            text: truncated(&escape_invalid(line), EXAMPLE_BYTES).to_owned(),
        };
        let most = self.options.examples;
        match is_threat {
            [false, true] => self.newly.add(most, example),
            [true, false] => self.no_longer.add(most, example),
            _ => {}
        }
        if let Some(after) = &after {
            let event = self.after.event();
            let fired = after.detections.iter().map(|one| one.rule_id.as_str());
            for id in fired.filter(|id| self.hunted.contains(*id)) {
                let tally = self.tallies.entry(id.to_owned()).or_default();
                let path = event.raw(Field::UrlPath).unwrap_or_default();
                tally.add(day, event.source_ip, path, is_threat[1]);
                tally.example(most, example);
            }
        }
        for (side, judgement) in [before, after].into_iter().enumerate() {
            if let Some(judgement) = judgement.filter(|_| is_threat.get(side) == Some(&true)) {
                self.threat(side, judgement);
            }
        }
    }

    /// Counts a threat of one side, and the alert it would open or grow.
    fn threat(&mut self, side: usize, judgement: Judgement) {
        let alerts = judgement.severity >= self.options.alert_severity;
        let at = self.after.event().occurred_at;
        let provenance = Provenance {
            key: RecordKey {
                source: SourceId::new("hunt"),
                stream: String::new(),
                offset: self.lines,
            },
            truncated: false,
            node: String::new(),
            geo: None,
            autonomous_system: None,
            stages: Stages {
                read_at: at,
                decoded_at: at,
                detected_at: at,
                stored_at: at,
            },
        };
        let Some(counts) = self.sides.get_mut(side) else {
            return;
        };
        counts.threats += 1;
        if alerts {
            let threat = vigil_detect::threat(self.after.event(), judgement, provenance);
            let key = vigil_detect::alert_key(&threat, self.options.alert_window_ms).id();
            counts.alerts.insert(key, MAX_ALERTS);
        }
    }
}
