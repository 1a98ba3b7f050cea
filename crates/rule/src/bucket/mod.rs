//! Leaky buckets: rules that fire when what other rules find comes faster than it leaks away.
//!
//! *Input*: a document with `bucket:` instead of `detection:`, or a scenario of CrowdSec
//! ([`crowdsec`]). *Output*: a [`Correlation`](crate::Correlation) whose kind is a [`Bucket`], so that
//! buckets are grouped, chained, spread over threads and told like every other correlation. The
//! semantics are those of CrowdSec's scenarios. *Limits*: those of [`Bucket`].
//!
//! Owns: what a bucket asks for. Never holds: levels and moments; `vigil-detect` pours.

mod asked;
pub(crate) mod crowdsec;
mod duration;
mod read;
mod test;

pub(crate) use read::{KEY, Shape, read};
pub use test::{Belief, Contents, Likelihood, Tally, Test};

/// How matches are poured, and when that overflows.
#[derive(Clone, Debug, PartialEq)]
pub struct Bucket {
    /// What makes it overflow.
    pub kind: BucketKind,
    /// A value that was poured is not poured again while the bucket lives.
    pub distinct: bool,
    /// For so many milliseconds after an overflow further ones of the same group are not told.
    pub blackhole_ms: i64,
    /// Overflows for which this does not hold are not told.
    pub overflow_filter: Option<Test>,
    /// What is counted for the tests.
    pub tallies: Vec<Tally>,
    /// References from this one on are not poured: they empty the bucket.
    pub first_cancel: usize,
}

/// What makes a bucket overflow.
#[derive(Clone, Debug, PartialEq)]
pub enum BucketKind {
    /// A match more than the bucket holds, while one leaks out of it in every `leak_us`.
    Leaky {
        /// How many it holds.
        capacity: u32,
        /// How long it takes one to leak, in microseconds.
        leak_us: i64,
    },
    /// Every match.
    Trigger,
    /// The end of a time that the first match begins.
    Counter {
        /// How long, in milliseconds.
        duration_ms: i64,
    },
    /// More values in a period than the group is used to. What empties others takes its value back.
    Surge {
        /// So many are usual at least.
        capacity: u32,
        /// The length of a period, in milliseconds.
        period_ms: i64,
    },
    /// A match after which the condition holds. It lives for so long after the last match.
    Conditional {
        /// When it overflows.
        condition: Test,
        /// How long it lives, in milliseconds.
        lifetime_ms: i64,
    },
    /// A match after which an attack is likely. It lives for so long after the last match.
    Bayesian {
        /// How likely.
        belief: Belief,
        /// How long it lives, in milliseconds.
        lifetime_ms: i64,
    },
}

impl Bucket {
    /// The most that a leaky bucket holds.
    pub const MAX_CAPACITY: u32 = 1_000_000;
    /// The shortest and the longest time that a bucket may name, in microseconds.
    pub const TIME_US: std::ops::RangeInclusive<i64> = 1_000..=31 * 86_400_000_000;
    /// The most values that one distinct bucket remembers; then it forgets them all.
    pub const MAX_DISTINCT: usize = 10_000;
    /// So many periods a surge learns from, as good as: a week's hours.
    pub const SURGE_PERIODS: i64 = 168;

    /// How long after its last match nothing of a bucket is left, in milliseconds.
    pub fn lifetime_ms(&self) -> i64 {
        match self.kind {
            BucketKind::Leaky { capacity, leak_us } => {
                leak_us
                    .saturating_mul(i64::from(capacity) + 1)
                    .saturating_add(999)
                    / 1_000
            }
            BucketKind::Trigger => 0,
            BucketKind::Counter { duration_ms } => duration_ms,
            BucketKind::Surge { period_ms, .. } => period_ms.saturating_mul(Self::SURGE_PERIODS),
            BucketKind::Conditional { lifetime_ms, .. }
            | BucketKind::Bayesian { lifetime_ms, .. } => lifetime_ms,
        }
    }
}
