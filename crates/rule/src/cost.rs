//! What rules cost and how often they hit: counted by whoever evaluates, on one thread, without
//! locks and without allocation.
//!
//! Owns: the counts of one [`Scratch`](crate::Scratch). Never holds: a clock of its own; whoever
//! wants to know times gives a [`Stopwatch`].

use std::ops::AddAssign;

use vigil_event::Timestamp;

/// Tells nanoseconds since some moment that stays the same.
pub type Stopwatch = fn() -> u64;

/// What was counted of one rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// How often the rule was a candidate and was evaluated, or was known to match.
    pub candidates: u64,
    /// How often it matched.
    pub hits: u64,
    /// The newest event it matched, by the event's own time.
    pub last_hit: Option<Timestamp>,
    /// How many of its evaluations were timed.
    pub timed: u64,
    /// How long those took, in nanoseconds.
    pub timed_ns: u64,
}

impl Cost {
    /// How long all evaluations took, in nanoseconds, going by those that were timed.
    pub fn estimated_ns(&self) -> f64 {
        if self.timed == 0 {
            return 0.0;
        }
        self.timed_ns as f64 / self.timed as f64 * self.candidates as f64
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.candidates += other.candidates;
        self.hits += other.hits;
        self.last_hit = self.last_hit.max(other.last_hit);
        self.timed += other.timed;
        self.timed_ns += other.timed_ns;
    }
}

/// What was counted since the counts were last taken.
#[derive(Debug)]
pub struct Costs {
    /// For each rule.
    rules: Vec<Cost>,
    /// Where those of OWASP CRS begin.
    before_crs: usize,
    /// The pass over the events that all rules share: `candidates` counts events, `hits` those that
    /// some rule matched.
    pass: Cost,
    /// See [`Costs::examined`].
    examined: u64,
    /// None measures no time.
    stopwatch: Option<Stopwatch>,
    /// Every how many events time is measured.
    every: u32,
    /// Events until the next one that is timed.
    until_timed: u32,
    /// What a look at the stopwatch itself takes.
    look_ns: u64,
}

/// The time of the event at hand.
pub(crate) struct Timing(Option<(Stopwatch, u64)>);

impl Costs {
    /// For so many rules, and so many of OWASP CRS.
    pub(crate) fn new((rules, crs): (usize, usize)) -> Self {
        Self {
            rules: vec![Cost::default(); rules + crs],
            before_crs: rules,
            pass: Cost::default(),
            examined: 0,
            stopwatch: None,
            every: 1,
            until_timed: 0,
            look_ns: 0,
        }
    }

    /// Measures the time of one event in `every`.
    pub fn measure(&mut self, stopwatch: Stopwatch, every: u32) {
        // The fastest of a few: what is slower was interrupted.
        self.look_ns = (0..64)
            .map(|_| {
                let start = stopwatch();
                stopwatch().saturating_sub(start)
            })
            .min()
            .unwrap_or_default();
        self.stopwatch = Some(stopwatch);
        self.every = every.max(1);
        self.until_timed = 0;
    }

    /// The shared pass over the events: `candidates` counts events, `hits` those that some rule
    /// matched.
    pub const fn pass(&self) -> Cost {
        self.pass
    }

    /// How many bytes were searched for literals or compared, each as often as that was done: what the
    /// work grows with, since each search and each comparison takes linear time.
    pub const fn examined(&self) -> u64 {
        self.examined
    }

    /// Of each rule, in the order of [`RuleSet::all_rules`](crate::RuleSet::all_rules). Those of OWASP
    /// CRS are evaluated together: of each is counted how often it matched, and no time.
    pub fn rules(&self) -> &[Cost] {
        &self.rules
    }

    /// Forgets what was counted. The stopwatch stays.
    pub fn clear(&mut self) {
        self.rules.fill(Cost::default());
        self.pass = Cost::default();
        self.examined = 0;
    }

    /// Forgets what was counted, and makes room for another number of rules.
    pub(crate) fn renew(&mut self, (rules, crs): (usize, usize)) {
        self.clear();
        self.rules.resize(rules + crs, Cost::default());
        self.before_crs = rules;
    }

    pub(crate) fn start(&mut self) -> Timing {
        let Some(stopwatch) = self.stopwatch else {
            return Timing(None);
        };
        if self.until_timed > 0 {
            self.until_timed -= 1;
            return Timing(None);
        }
        self.until_timed = self.every - 1;
        Timing(Some((stopwatch, stopwatch())))
    }

    /// The shared pass is done.
    pub(crate) fn passed(&mut self, timing: &mut Timing) {
        self.pass.candidates += 1;
        timing.lap(&mut self.pass, self.look_ns);
    }

    /// A candidate was evaluated.
    pub(crate) fn evaluated(
        &mut self,
        rule: usize,
        hit_at: Option<Timestamp>,
        timing: &mut Timing,
    ) {
        let Some(cost) = self.rules.get_mut(rule) else {
            return;
        };
        cost.candidates += 1;
        if hit_at.is_some() {
            cost.hits += 1;
            cost.last_hit = cost.last_hit.max(hit_at);
        }
        timing.lap(cost, self.look_ns);
    }

    /// A rule matched that was not evaluated, since it is known to match.
    pub(crate) fn known(&mut self, rule: usize, hit_at: Timestamp) {
        self.evaluated(rule, Some(hit_at), &mut Timing(None));
    }

    /// A rule of OWASP CRS matched, by its place in [`SecRules::rules`](crate::seclang::SecRules::rules).
    pub fn crs_matched(&mut self, rule: usize, at: Timestamp) {
        if let Some(cost) = self.rules.get_mut(self.before_crs + rule) {
            cost.candidates += 1;
            cost.hits += 1;
            cost.last_hit = cost.last_hit.max(Some(at));
        }
    }

    /// All candidates are done, for which so many bytes were examined.
    pub(crate) fn finish(&mut self, hits: usize, examined: u64) {
        self.pass.hits += u64::from(hits > 0);
        self.examined += examined;
    }
}

impl Timing {
    fn lap(&mut self, cost: &mut Cost, look_ns: u64) {
        if let Some((stopwatch, last)) = &mut self.0 {
            let now = stopwatch();
            cost.timed += 1;
            cost.timed_ns += now.saturating_sub(*last).saturating_sub(look_ns);
            *last = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static NOW: Cell<u64> = const { Cell::new(0) };
    }

    /// Ten nanoseconds pass at each look.
    fn watch() -> u64 {
        NOW.with(|now| now.replace(now.get() + 10))
    }

    fn pass_time(ns: u64) {
        NOW.with(|now| now.set(now.get() + ns));
    }

    #[test]
    fn counts_all_and_times_some() {
        let mut costs = Costs::new((2, 1));
        costs.measure(watch, 3);
        let at = Timestamp::from_millis(7);
        for n in 0..6 {
            let mut timing = costs.start();
            pass_time(100);
            costs.passed(&mut timing);
            pass_time(50);
            costs.evaluated(1, (n % 2 == 0).then_some(at), &mut timing);
            costs.finish(usize::from(n % 2 == 0), 10);
        }
        let expected = Cost {
            candidates: 6,
            hits: 3,
            last_hit: None,
            timed: 2,
            timed_ns: 200,
        };
        assert_eq!((costs.pass(), costs.examined()), (expected, 60));
        let expected = Cost {
            last_hit: Some(at),
            timed_ns: 100,
            ..expected
        };
        assert_eq!(costs.rules(), [Cost::default(), expected, Cost::default()]);
        costs.crs_matched(0, at);
        costs.crs_matched(1, at);
        let counts = costs
            .rules()
            .iter()
            .map(|cost| (cost.candidates, cost.hits));
        assert_eq!(counts.collect::<Vec<_>>(), [(0, 0), (6, 3), (1, 1)]);
        assert!((expected.estimated_ns() - 300.0).abs() < 1e-9);
        let mut sum = expected;
        sum += expected;
        assert_eq!((sum.hits, sum.timed_ns, sum.last_hit), (6, 200, Some(at)));
        costs.clear();
        assert_eq!(costs.rules(), [Cost::default(); 3]);
    }

    #[test]
    fn without_a_stopwatch_no_time_is_measured() {
        let mut costs = Costs::new((1, 0));
        let mut timing = costs.start();
        costs.passed(&mut timing);
        costs.evaluated(0, None, &mut timing);
        // A rule that is not there is not counted.
        costs.evaluated(1, None, &mut timing);
        let counted = Cost {
            candidates: 1,
            ..Cost::default()
        };
        assert_eq!(costs.rules(), [counted]);
        assert!(counted.estimated_ns() < 1e-9);
    }
}
