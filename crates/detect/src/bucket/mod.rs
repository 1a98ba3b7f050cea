//! Leaky buckets: how full each group's bucket is, and what pouring does.
//!
//! *What.* One [`Cell`] for each group of a bucket. *Input.* Matches, in about the order of their own
//! time. *Output.* [`Poured::Overflow`] with how much was poured. *Limits.* A plain bucket is nothing
//! but its cell; one that is distinct or tells references apart has memory of its own, bounded by
//! [`Bucket::MAX_DISTINCT`] values.
//!
//! The semantics are those of CrowdSec's scenarios in event time:
//!
//! - A match that finds the bucket full overflows it; an overflow empties it. One match leaks out in
//!   every `leakspeed`, so what matters is one moment, the one at which it would be empty: if that lies
//!   `capacity × leakspeed` ahead already, the next match is one too many (the generic cell rate
//!   algorithm; ITU-T I.371).
//! - A value that was poured is not poured again before the bucket is empty: until an overflow, what
//!   empties it, or `(capacity + 1) × leakspeed` without a match that was poured.
//! - An overflow that its filter refuses is none. For the time of the blackhole after one that was
//!   told, others empty the bucket and are not told; they do not prolong it.
//! - A counter overflows at the end of its time, and says so with the first match after that: a threat
//!   is an event, and nothing happens when nothing does.
//!
//! What is Vigil's own is in [`surge`].
//!
//! A match that comes late is poured as if it came with the group's newest; one that is older than that
//! by the bucket's whole life is late and not poured.

mod contents;
#[cfg(test)]
mod model;
mod saved;
#[cfg(test)]
mod scenario_tests;
mod surge;
#[cfg(test)]
mod surge_tests;
#[cfg(test)]
mod tests;

use std::hash::{BuildHasherDefault, Hasher};

use hashbrown::HashSet;
use vigil_rule::bucket::{Bucket, BucketKind};

use contents::{Counted, Full};
use surge::{Surge, Usual};

/// The bucket of one group.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    /// When a leaky bucket is empty, in microseconds; when a counter began, in milliseconds.
    mark: i64,
    /// Until when overflows are not told, in milliseconds.
    hidden_until: i64,
    /// What only some buckets must remember.
    more: Option<Box<More>>,
    /// How much was poured since it was empty.
    poured: u32,
}

#[derive(Debug, Default)]
struct More {
    values: HashSet<u64, BuildHasherDefault<AsItIs>>,
    /// The references of what was poured, as bits.
    steps: u64,
    /// When something was poured last, in milliseconds; duplicates are not.
    last_poured: i64,
    /// By the bucket's tallies.
    counted: Box<[Counted]>,
    /// The conditions that have held for good, as bits.
    settled: u64,
    surge: Option<Box<Surge>>,
}

/// Values are hashes already.
#[derive(Clone, Copy, Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What of an event is poured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Match {
    /// When it happened, in milliseconds.
    pub(crate) at: i64,
    /// The value that is poured only once, where the bucket is distinct.
    pub(crate) value: u64,
    /// The references that matched, as bits; none if it only empties the bucket.
    pub(crate) steps: u64,
    /// It empties the bucket.
    pub(crate) cancels: bool,
}

/// What became of a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Poured {
    /// Nothing is to be told.
    Quiet,
    /// It was too old.
    Late,
    /// The bucket ran over with so many.
    Overflow(u32),
    /// There are more than usual.
    Surge {
        /// So many.
        count: u32,
        /// At most so many were expected.
        expected: u32,
    },
}

impl Cell {
    /// Pours a match in, where the group's newest before it happened at `before`.
    pub(crate) fn pour(&mut self, bucket: &Bucket, one: Match, before: Option<i64>) -> Poured {
        if let BucketKind::Trigger = bucket.kind {
            self.poured = 1;
            if let Some(more) = self.more_of(bucket) {
                more.steps = one.steps;
                contents::count(&mut more.counted, &bucket.tallies, one);
            }
            return self.overflow(bucket, one.at, one.steps);
        }
        let newest = before.map_or(one.at, |before| before.max(one.at));
        let life = bucket.lifetime_ms();
        if one.at < newest.saturating_sub(life) {
            return Poured::Late;
        }
        if let BucketKind::Surge {
            capacity: least,
            period_ms,
        } = bucket.kind
        {
            return self.surge(bucket, Usual { least, period_ms }, one, newest);
        }
        let ended = self.let_time_pass(bucket, newest, before);
        if bucket.distinct && !self.is_new(one.value) {
            return ended;
        }
        if one.cancels {
            self.empty();
            return ended;
        }
        self.poured = self.poured.saturating_add(1);
        if let Some(more) = self.more_of(bucket) {
            more.steps |= one.steps;
            more.last_poured = newest;
            contents::count(&mut more.counted, &bucket.tallies, one);
        }
        match &bucket.kind {
            BucketKind::Leaky { capacity, leak_us } => {
                let now = newest.saturating_mul(1_000);
                let empty_at = self.mark.max(now).saturating_add(*leak_us);
                if empty_at - now > leak_us.saturating_mul(i64::from(*capacity)) {
                    return self.overflow(bucket, newest, one.steps);
                }
                self.mark = empty_at;
            }
            BucketKind::Conditional { condition, .. } if condition.holds(&self.full(one.steps)) => {
                return self.overflow(bucket, newest, one.steps);
            }
            BucketKind::Bayesian { belief, .. } => {
                let mut settled = self.more.as_ref().map_or(0, |more| more.settled);
                let posterior = belief.posterior(&self.full(one.steps), &mut settled);
                if belief.overflows(posterior) {
                    return self.overflow(bucket, newest, one.steps);
                }
                if let Some(more) = &mut self.more {
                    more.settled = settled;
                }
            }
            BucketKind::Counter { .. } if self.poured == 1 => self.mark = newest,
            _ => {}
        }
        ended
    }

    /// Takes a match into what is learned; a surge that was told is hidden for the time of the blackhole.
    fn surge(&mut self, bucket: &Bucket, usual: Usual, one: Match, now: i64) -> Poured {
        let more = self.more.get_or_insert_default();
        let poured = more.surge.get_or_insert_default().take(usual, one, now);
        if poured == Poured::Quiet || now < self.hidden_until {
            return Poured::Quiet;
        }
        let hidden_ms = bucket.blackhole_ms.max(usual.period_ms);
        self.hidden_until = now.saturating_add(hidden_ms);
        poured
    }

    /// Empties the bucket.
    pub(crate) fn empty(&mut self) {
        self.mark = 0;
        self.poured = 0;
        self.more = None;
    }

    /// How many values there is room for: what it costs, not only what it uses.
    pub(crate) fn entries(&self) -> usize {
        self.more.as_ref().map_or(0, |more| {
            let counted = more.counted.iter().map(Counted::entries).sum::<usize>();
            let surge = more.surge.as_ref().map_or(0, |surge| surge.entries());
            more.values.capacity() + 2 + counted + surge
        })
    }

    /// What it holds, where the match poured last has these references.
    fn full(&self, last: u64) -> Full<'_> {
        let more = self.more.as_deref();
        Full {
            poured: self.poured,
            held: more.map_or(last, |more| more.steps),
            last,
            counted: more.map_or(&[], |more| &more.counted),
        }
    }

    /// Empties it if its time has come; for a counter that is an overflow.
    fn let_time_pass(&mut self, bucket: &Bucket, now: i64, before: Option<i64>) -> Poured {
        let life = bucket.lifetime_ms();
        if let BucketKind::Counter { .. } = bucket.kind {
            let end = self.mark.saturating_add(life);
            if self.poured > 0 && now >= end {
                return self.overflow(bucket, end, 0);
            }
            return Poured::Quiet;
        }
        let last = self.more.as_ref().map(|more| more.last_poured).or(before);
        if last.is_some_and(|last| now > last.saturating_add(life)) {
            self.empty();
        }
        Poured::Quiet
    }

    /// Whether the value was not poured yet; it counts as poured from now on.
    fn is_new(&mut self, value: u64) -> bool {
        let values = &mut self.more.get_or_insert_default().values;
        if values.len() >= Bucket::MAX_DISTINCT {
            values.clear();
        }
        values.insert(value)
    }

    /// The memory of a bucket that needs more than its cell.
    fn more_of(&mut self, bucket: &Bucket) -> Option<&mut More> {
        let needs = bucket.distinct
            || bucket.overflow_filter.is_some()
            || matches!(
                bucket.kind,
                BucketKind::Conditional { .. } | BucketKind::Bayesian { .. }
            );
        needs.then(|| &mut **self.more.get_or_insert_default())
    }

    /// Empties the bucket, and says so if that is to be told; `last` are the references of the match
    /// that made it overflow.
    fn overflow(&mut self, bucket: &Bucket, at: i64, last: u64) -> Poured {
        let poured = self.poured;
        let full = self.full(last);
        let told = bucket
            .overflow_filter
            .as_ref()
            .is_none_or(|filter| filter.holds(&full));
        self.empty();
        if !told || at < self.hidden_until {
            return Poured::Quiet;
        }
        if bucket.blackhole_ms > 0 {
            self.hidden_until = at.saturating_add(bucket.blackhole_ms);
        }
        Poured::Overflow(poured)
    }
}
