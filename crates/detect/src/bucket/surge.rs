//! Surges: more values within a period than the group is used to.
//!
//! *What.* In each period of event time it is counted how many values (networks, say) were poured and not
//! taken back, for which each has a share of the period ([`GRACE`]); how many are expected is learned from the
//! periods before. The counts go through
//! Page's cumulative sum for Poisson counts (1954; Lucas, *Counted Data CUSUMs*, 1985): each period moves
//! the logarithm of the odds that there are [`TIMES`] as many as expected, never below even. At [`DECIDED`]
//! it is a surge. One loud period is enough if it is loud enough, and several that are each a little too
//! loud are as well. *Input.* Matches. *Output.* How many there are, and how many are expected.
//!
//! *What is expected* is the mean of the periods, times what the load is above its mean: a busy hour brings
//! more mistakes, and more who get it right. The load are the values that were taken back, so who floods
//! with mistakes does not raise it. One that does not get it right beside every [`HONEST`] who do is never
//! odd: on a day on which everybody has a new password there are many. Where nearly nobody is seen to get
//! it right the load says nothing, and the loudest period of late is expected instead of the mean.
//!
//! *Poisoning.* In the first [`LEARNED`] periods [`UNKNOWN`] times the least are expected. A period teaches no
//! more than twice what was expected, so that what is told becomes usual only if it goes on for weeks. The loudest
//! period grows by one part in [`LEARNED`] with each that is louder: there it takes days.
//!
//! *Limits.* [`Bucket::MAX_DISTINCT`] values within a period; further ones are not counted.

use std::collections::BTreeSet;
use std::hash::BuildHasherDefault;

use hashbrown::HashMap;
use vigil_rule::bucket::Bucket;

use super::{AsItIs, Match, Poured};
use crate::state::code::{write_fixed, write_moments};
use crate::state::{Input, Kept};

/// So many times what is expected is a surge.
const TIMES: f64 = 3.0;
/// The logarithm of the odds at which it is decided: one surge in a million that is none.
const DECIDED: f64 = 13.8;
/// Past this the odds do not grow, so that it is over soon after it is over.
const MOST: f64 = 2.0 * DECIDED;
/// Beside so many who get it right one who does not is never odd.
const HONEST: f64 = 4.0;
/// This part of a period each value has to be taken back in before it counts: who has forgotten a password
/// asks for another one and waits for the mail.
const GRACE: i64 = 4;
/// So many periods are learned from before what is usual is known, and so many times the least are expected
/// until then.
const LEARNED: u32 = 24;
const UNKNOWN: f64 = 5.0;
/// So many periods make up most of what is usual.
const REMEMBERED: u32 = Bucket::SURGE_PERIODS as u32;

/// What a surge is told apart from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usual {
    /// How many values are expected at least.
    pub(super) least: u32,
    /// The length of a period in milliseconds.
    pub(super) period_ms: i64,
}

/// What became of a value that was poured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It counts from that time on.
    Waits(i64),
    Counts,
    TakenBack,
}

/// The values of the present period, and what was learned of those before.
#[derive(Debug, Default)]
pub(super) struct Surge {
    /// The present period's number.
    period: i64,
    values: HashMap<u64, Fate, BuildHasherDefault<AsItIs>>,
    /// Those that wait, by the time at which they count.
    waiting: BTreeSet<(i64, u64)>,
    /// How many count, and how many were taken back.
    count: u32,
    taken_back: u32,
    /// The logarithm of the odds by the periods before.
    odds: f64,
    /// How many values a period has, and how many are taken back.
    mean: f64,
    mean_load: f64,
    /// How many the loudest period of late had.
    loudest: f64,
    /// How many periods were learned from.
    learned: u32,
}

impl Surge {
    /// Takes a match in that counts at `now`.
    pub(super) fn take(&mut self, usual: Usual, one: Match, now: i64) -> Poured {
        self.advance(usual, now.div_euclid(usual.period_ms.max(1)));
        self.note(one, now.saturating_add(usual.period_ms / GRACE));
        while let Some((_, value)) = self.waiting.first().filter(|(at, _)| *at <= now) {
            self.decide(*value, Fate::Counts);
        }
        let odds = self.odds + self.step(usual);
        if one.steps == 0 || odds < DECIDED {
            return Poured::Quiet;
        }
        Poured::Surge {
            count: self.count,
            expected: self.expected(usual).round() as u32,
        }
    }

    /// Notes that a value is poured, which counts from that time on, or taken back. What is poured after it
    /// was taken back waits anew.
    fn note(&mut self, one: Match, counts_at: i64) {
        let known = self.values.get(&one.value);
        if known.is_none() && self.values.len() >= Bucket::MAX_DISTINCT {
            return;
        }
        match known {
            _ if one.steps == 0 => self.decide(one.value, Fate::TakenBack),
            None | Some(Fate::TakenBack) => self.decide(one.value, Fate::Waits(counts_at)),
            Some(Fate::Waits(_) | Fate::Counts) => {}
        }
    }

    fn decide(&mut self, value: u64, fate: Fate) {
        let before = self.values.insert(value, fate);
        if let Some(Fate::Waits(at)) = before {
            self.waiting.remove(&(at, value));
        }
        if let Fate::Waits(at) = fate {
            self.waiting.insert((at, value));
        }
        for (one, count) in [
            (Fate::Counts, &mut self.count),
            (Fate::TakenBack, &mut self.taken_back),
        ] {
            *count = *count + u32::from(fate == one) - u32::from(before == Some(one));
        }
    }

    /// How many are expected in the present period.
    fn expected(&self, usual: Usual) -> f64 {
        let load = f64::from(self.taken_back);
        let by_load = if self.mean_load < self.mean {
            self.loudest
        } else {
            self.mean * (load / self.mean_load.max(1.0)).max(1.0)
        };
        let least = f64::from(usual.least);
        let least = if self.learned < LEARNED {
            least * UNKNOWN
        } else {
            least
        };
        by_load.max(load / HONEST).max(least)
    }

    /// How far the present period moves the odds.
    fn step(&self, usual: Usual) -> f64 {
        f64::from(self.count) * TIMES.ln() - (TIMES - 1.0) * self.expected(usual)
    }

    /// Goes on to a period.
    fn advance(&mut self, usual: Usual, period: i64) {
        if period <= self.period || self.learned == 0 && self.values.is_empty() {
            self.period = self.period.max(period);
            return;
        }
        let quiet = period.saturating_sub(self.period).saturating_sub(1);
        self.period = period;
        self.odds = (self.odds + self.step(usual)).clamp(0.0, MOST);
        self.learn(usual);
        self.values.retain(|_, fate| matches!(fate, Fate::Waits(_)));
        (self.count, self.taken_back) = (0, 0);
        // Nothing is left of what is older than all that is remembered.
        for _ in 0..quiet.min(i64::from(8 * REMEMBERED)) {
            self.odds = (self.odds + self.step(usual)).max(0.0);
            self.learn(usual);
        }
    }

    /// Learns from the present period.
    fn learn(&mut self, usual: Usual) {
        let count = f64::from(self.count);
        let at_most = 2.0 * self.expected(usual);
        self.learned = self.learned.saturating_add(1);
        let share = 1.0 / f64::from(self.learned.min(REMEMBERED));
        self.mean += (count.min(at_most) - self.mean) * share;
        self.mean_load += (f64::from(self.taken_back) - self.mean_load) * share;
        let faded = self.loudest * (1.0 - 0.5 / f64::from(REMEMBERED));
        let louder = if self.learned <= LEARNED {
            at_most
        } else {
            let known = self.loudest.max(f64::from(usual.least));
            at_most.min(known * (1.0 + 1.0 / f64::from(LEARNED)))
        };
        self.loudest = faded.max(count.min(louder));
    }

    /// How many values there is room for.
    pub(super) fn entries(&self) -> usize {
        self.values.capacity() + 2 * self.waiting.len() + 4
    }
}

impl Kept for Surge {
    fn write(&self, out: &mut Vec<u8>) {
        self.period.write(out);
        (self.values.len() as u64).write(out);
        for (value, fate) in &self.values {
            write_fixed(*value, out);
            out.push(match fate {
                Fate::Waits(_) => 0,
                Fate::Counts => 1,
                Fate::TakenBack => 2,
            });
        }
        write_moments(self.waiting.iter().map(|(at, _)| at), out);
        for (_, value) in &self.waiting {
            write_fixed(*value, out);
        }
        for number in [self.odds, self.mean, self.mean_load, self.loudest] {
            number.write(out);
        }
        self.learned.write(out);
    }

    fn read(input: &mut Input<'_>) -> Option<Self> {
        let period = i64::read(input)?;
        let value = |input: &mut Input<'_>| {
            let value = input.fixed()?;
            let fate = match input.byte()? {
                0 => Fate::Waits(i64::MIN),
                1 => Fate::Counts,
                2 => Fate::TakenBack,
                _ => return None,
            };
            Some((value, fate))
        };
        let values = input.all(Bucket::MAX_DISTINCT, value)?;
        let mut values: HashMap<u64, Fate, _> = values.into_iter().collect();
        let of = |one: Fate| values.values().filter(|fate| **fate == one).count() as u32;
        let (count, taken_back) = (of(Fate::Counts), of(Fate::TakenBack));
        let mut waiting = BTreeSet::new();
        for at in input.moments(Bucket::MAX_DISTINCT)? {
            let value = input.fixed()?;
            if let Some(Fate::Waits(until)) = values.get_mut(&value) {
                waiting.remove(&(*until, value));
                waiting.insert((at, value));
                *until = at;
            }
        }
        Some(Self {
            period,
            waiting,
            count,
            taken_back,
            values,
            odds: input.weight()?,
            mean: input.weight()?,
            mean_load: input.weight()?,
            loudest: input.weight()?,
            learned: u32::read(input)?,
        })
    }
}
