//! One group of a correlation: what happened in it within the timespan.
//!
//! Everything holds for the window that is open at the old end: `(newest − timespan, newest]`.
//!
//! - **Counts** are exact. They are compared with numbers up to [`Correlation::MAX_COUNT`], and past
//!   the largest of these a larger count changes nothing: one more than that is remembered, the
//!   newest moments or values.
//! - **Steps** remember for each reference when it last matched, and for each beginning of the order
//!   the chain that began last. For events in the order of their time that is exact; a late one may
//!   complete a chain, and never a chain that was not there.
//! - **Sums and means** are exact up to [`MAX_SAMPLES`] events in the window; past that, events within
//!   a five-hundredth of the timespan leave the window together.
//! - **Percentiles** are those of the newest [`MAX_SAMPLES`] values in the window.

use std::collections::VecDeque;

use vigil_rule::Correlation;
use vigil_rule::correlation::{Kind, Presence};

/// The most samples that a sum, a mean or a percentile is made of.
pub(super) const MAX_SAMPLES: usize = 1_000;
/// Into how many slots the timespan is divided when there are more.
const SLOTS: i64 = 500;

/// What of a match is taken in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    /// That it happened.
    None,
    /// A text, as its hash.
    Hash(u64),
    /// A number.
    Number(f64),
    /// Which reference matched.
    Step(usize),
}

/// What a group holds.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// The event time of its newest match.
    pub(super) newest: Option<i64>,
    /// Event time from which it may fire again.
    pub(super) quiet_until: Option<i64>,
    pub(super) state: State,
}

#[derive(Debug, Default)]
pub(super) enum State {
    #[default]
    Empty,
    /// The moments of events, the oldest first.
    Moments(VecDeque<i64>),
    /// Values with the moment each was last seen at, the oldest first.
    Values(VecDeque<(i64, u64)>),
    /// For each reference.
    Steps(Vec<Step>),
    /// Numbers, the oldest first.
    Samples {
        samples: VecDeque<Sample>,
        /// Samples of one slot are put together.
        coarse: bool,
    },
}

/// What is known of a reference and of the chains that end in it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Step {
    /// When it last matched.
    pub(super) last: Option<i64>,
    /// The chain of all references up to this one that began last: when it began and ended.
    pub(super) chain: Option<(i64, i64)>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) at: i64,
    pub(super) sum: f64,
    pub(super) count: u32,
}

impl Group {
    /// Takes a match in; false when it is too old to be in the window.
    pub(super) fn take(&mut self, correlation: &Correlation, at: i64, value: Value) -> bool {
        let newest = self.newest.map_or(at, |newest| newest.max(at));
        let oldest = newest.saturating_sub(correlation.timespan_ms);
        if at <= oldest {
            return false;
        }
        self.newest = Some(newest);
        if matches!(self.state, State::Empty) {
            self.state = State::of(correlation);
        }
        self.state.forget(oldest);
        self.state.add(correlation, at, value);
        true
    }

    /// What was found, if the condition holds and the group has not fired within a timespan.
    pub(super) fn fire(
        &mut self,
        correlation: &Correlation,
        numbers: &mut Vec<f64>,
    ) -> Option<f64> {
        let newest = self.newest?;
        let found = self.state.found(correlation, numbers)?;
        if self.quiet_until.is_some_and(|until| newest < until) {
            return None;
        }
        self.quiet_until = Some(newest.saturating_add(correlation.timespan_ms));
        Some(found)
    }

    /// How many entries there is room for: what it costs, not only what it uses.
    pub(super) fn entries(&self) -> usize {
        match &self.state {
            State::Empty => 0,
            State::Moments(moments) => moments.capacity(),
            State::Values(values) => values.capacity(),
            State::Steps(steps) => steps.capacity(),
            State::Samples { samples, .. } => samples.capacity(),
        }
    }
}

#[cfg(test)]
impl Group {
    /// The sum of what a sum is made of.
    pub(super) fn sum_of_samples(&self) -> f64 {
        match &self.state {
            State::Samples { samples, .. } => sum(samples),
            _ => 0.0,
        }
    }
}

impl State {
    fn of(correlation: &Correlation) -> Self {
        match correlation.kind {
            Kind::EventCount(_) => Self::Moments(VecDeque::new()),
            Kind::ValueCount(_) => Self::Values(VecDeque::new()),
            Kind::Temporal(_) | Kind::TemporalOrdered(_) => {
                Self::Steps(vec![Step::default(); correlation.steps.len()])
            }
            Kind::ValueSum(_) | Kind::ValueAverage(_) | Kind::ValuePercentile { .. } => {
                Self::Samples {
                    samples: VecDeque::new(),
                    coarse: false,
                }
            }
            // A bucket is no group.
            Kind::Bucket(_) => Self::Empty,
        }
    }

    /// Forgets what happened at that moment or before.
    fn forget(&mut self, oldest: i64) {
        match self {
            Self::Empty => {}
            Self::Moments(moments) => forget_oldest(moments, |at| *at <= oldest),
            Self::Values(values) => forget_oldest(values, |(at, _)| *at <= oldest),
            Self::Samples { samples, .. } => {
                forget_oldest(samples, |sample| sample.at <= oldest);
            }
            Self::Steps(steps) => {
                for step in steps {
                    step.last = step.last.filter(|at| *at > oldest);
                    step.chain = step.chain.filter(|(begin, _)| *begin > oldest);
                }
            }
        }
    }

    fn add(&mut self, correlation: &Correlation, at: i64, value: Value) {
        match (self, value) {
            (Self::Moments(moments), Value::None) => {
                let place = moments.partition_point(|moment| *moment <= at);
                moments.insert(place, at);
                if moments.len() > most(correlation) {
                    moments.pop_front();
                }
            }
            (Self::Values(values), Value::Hash(value)) => {
                add_value(values, at, value, most(correlation));
            }
            (Self::Steps(steps), Value::Step(step)) => add_step(steps, at, step),
            (Self::Samples { samples, coarse }, Value::Number(number)) => {
                add_sample(samples, coarse, (at, number), correlation);
            }
            _ => {}
        }
    }

    /// What is computed, if the condition holds for it.
    fn found(&self, correlation: &Correlation, numbers: &mut Vec<f64>) -> Option<f64> {
        let number = match (self, &correlation.kind) {
            (Self::Steps(steps), Kind::Temporal(presence)) => {
                return present(steps, presence);
            }
            (Self::Steps(steps), Kind::TemporalOrdered(presence)) => {
                steps.last()?.chain?;
                return present(steps, presence);
            }
            (Self::Moments(moments), _) => moments.len() as f64,
            (Self::Values(values), _) => values.len() as f64,
            (Self::Samples { samples, .. }, Kind::ValueSum(_)) => sum(samples),
            (Self::Samples { samples, .. }, Kind::ValueAverage(_)) => {
                let count: f64 = samples.iter().map(|sample| f64::from(sample.count)).sum();
                sum(samples) / count
            }
            (Self::Samples { samples, .. }, Kind::ValuePercentile { percent, .. }) => {
                percentile(samples, *percent, numbers)?
            }
            _ => return None,
        };
        let bounds = match &correlation.kind {
            Kind::EventCount(bounds)
            | Kind::ValueCount(bounds)
            | Kind::ValueSum(bounds)
            | Kind::ValueAverage(bounds)
            | Kind::ValuePercentile { bounds, .. } => bounds,
            Kind::Temporal(_) | Kind::TemporalOrdered(_) | Kind::Bucket(_) => return None,
        };
        bounds.holds(number).then_some(number)
    }
}

/// How many moments or values tell every count apart that the condition tells apart.
fn most(correlation: &Correlation) -> usize {
    match &correlation.kind {
        Kind::EventCount(bounds) | Kind::ValueCount(bounds) => {
            bounds.largest().min(Correlation::MAX_COUNT) as usize + 1
        }
        _ => 1,
    }
}

fn forget_oldest<T>(entries: &mut VecDeque<T>, is_old: impl Fn(&T) -> bool) {
    while entries.front().is_some_and(&is_old) {
        entries.pop_front();
    }
    // A group that was busy once must not cost what it did then for ever.
    if entries.capacity() > 64 && entries.len() < entries.capacity() / 8 {
        entries.shrink_to(entries.len() * 2);
    }
}

fn add_value(values: &mut VecDeque<(i64, u64)>, at: i64, value: u64, most: usize) {
    if let Some(place) = values.iter().rposition(|(_, known)| *known == value) {
        if values.get(place).is_some_and(|(last, _)| *last >= at) {
            return;
        }
        values.remove(place);
    }
    let place = values.partition_point(|(last, _)| *last <= at);
    values.insert(place, (at, value));
    if values.len() > most {
        values.pop_front();
    }
}

fn add_step(steps: &mut [Step], at: i64, place: usize) {
    // The chain that this match ends: that of the step before it, or one that begins here.
    let begin = match place.checked_sub(1) {
        None => Some(at),
        Some(before) => steps
            .get(before)
            .and_then(|step| step.chain)
            .filter(|(_, end)| *end <= at)
            .map(|(begin, _)| begin),
    };
    let Some(step) = steps.get_mut(place) else {
        return;
    };
    step.last = step.last.max(Some(at));
    let better = |begin: i64| {
        step.chain
            .is_none_or(|(known, end)| begin > known || begin == known && at < end)
    };
    let Some(begin) = begin.filter(|begin| better(*begin)) else {
        return;
    };
    step.chain = Some((begin, at));
    // A late match may lead to steps that are known already.
    let mut end = at;
    for next in steps.iter_mut().skip(place + 1) {
        let Some(last) = next.last.filter(|last| *last > end) else {
            return;
        };
        if next.chain.is_some_and(|(known, _)| known >= begin) {
            return;
        }
        next.chain = Some((begin, last));
        end = last;
    }
}

fn present(steps: &[Step], presence: &Presence) -> Option<f64> {
    let matched = |place: usize| steps.get(place).is_some_and(|step| step.last.is_some());
    presence
        .holds(steps.len(), matched)
        .then(|| steps.iter().filter(|step| step.last.is_some()).count() as f64)
}

fn add_sample(
    samples: &mut VecDeque<Sample>,
    coarse: &mut bool,
    (at, number): (i64, f64),
    correlation: &Correlation,
) {
    let slot = (correlation.timespan_ms / SLOTS).max(1);
    let sample = Sample {
        at,
        sum: number,
        count: 1,
    };
    let place = samples.partition_point(|known| known.at <= at);
    let before = place
        .checked_sub(1)
        .and_then(|place| samples.get_mut(place));
    match before.filter(|known| *coarse && known.at.div_euclid(slot) == at.div_euclid(slot)) {
        Some(known) => known.put(sample),
        None => samples.insert(place, sample),
    }
    if samples.len() <= MAX_SAMPLES {
        return;
    }
    if matches!(correlation.kind, Kind::ValuePercentile { .. }) {
        samples.pop_front();
        return;
    }
    *coarse = true;
    let mut slots: VecDeque<Sample> = VecDeque::new();
    for sample in samples.drain(..) {
        match slots.back_mut() {
            Some(last) if last.at.div_euclid(slot) == sample.at.div_euclid(slot) => {
                last.put(sample);
            }
            _ => slots.push_back(sample),
        }
    }
    *samples = slots;
}

impl Sample {
    fn put(&mut self, other: Self) {
        self.at = self.at.max(other.at);
        self.sum += other.sum;
        self.count = self.count.saturating_add(other.count);
    }
}

fn sum(samples: &VecDeque<Sample>) -> f64 {
    samples.iter().map(|sample| sample.sum).sum()
}

/// The value that so many percent of the samples do not exceed, between the two nearest.
fn percentile(samples: &VecDeque<Sample>, percent: u8, numbers: &mut Vec<f64>) -> Option<f64> {
    numbers.clear();
    numbers.extend(samples.iter().map(|sample| sample.sum));
    numbers.sort_unstable_by(f64::total_cmp);
    let last = numbers.len().checked_sub(1)?;
    let place = f64::from(percent) / 100.0 * last as f64;
    let below = *numbers.get(place as usize)?;
    let above = numbers.get(place as usize + 1).copied().unwrap_or(below);
    Some(below + (above - below) * place.fract())
}
