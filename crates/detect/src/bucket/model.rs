//! Every kind of bucket against an oracle that is written as CrowdSec's documentation tells it: tokens
//! that come back, a set of values, a list of hidden keys.

use std::collections::BTreeSet;

use proptest::prelude::*;
use vigil_rule::bucket::{Bucket, BucketKind, Contents};

use super::{Cell, Match, Poured};

/// One group's bucket, events in the order of their time.
#[derive(Default)]
struct Oracle {
    /// Present once something was poured, and gone with an overflow.
    bucket: Option<Held>,
    hidden_until: i64,
}

struct Held {
    /// How many there is room for.
    room: f64,
    last: i64,
    values: BTreeSet<u64>,
    poured: u32,
    began: i64,
}

/// Numbers are all that the buckets here ask for.
struct Counts(u32);

impl Contents for Counts {
    fn poured(&self) -> u32 {
        self.0
    }
    fn held(&self) -> u64 {
        1
    }
    fn last(&self) -> u64 {
        1
    }
    fn count(&self, _tally: usize) -> u32 {
        0
    }
    fn median_interval_ms(&self, _tally: usize, _newest: usize) -> Option<f64> {
        None
    }
}

impl Oracle {
    fn pour(&mut self, bucket: &Bucket, one: Match) -> Option<u32> {
        let life = bucket.lifetime_ms();
        let counts = matches!(bucket.kind, BucketKind::Counter { .. });
        let mut told = None;
        if let Some(held) = &self.bucket {
            if counts && one.at >= held.began + life {
                told = self.overflow(bucket, self.bucket.as_ref()?.began + life);
            } else if !counts && one.at > held.last + life {
                self.bucket = None;
            }
        }
        let room = match bucket.kind {
            BucketKind::Leaky { capacity, .. } => f64::from(capacity),
            _ => f64::INFINITY,
        };
        let held = self.bucket.get_or_insert_with(|| Held {
            room,
            last: one.at,
            values: BTreeSet::new(),
            poured: 0,
            began: one.at,
        });
        if bucket.distinct && !held.values.insert(one.value) {
            if held.poured == 0 {
                self.bucket = None;
            }
            return told;
        }
        if one.cancels {
            self.bucket = None;
            return told;
        }
        held.poured += 1;
        if let BucketKind::Leaky { capacity, leak_us } = bucket.kind {
            let came_back = (one.at - held.last) as f64 * 1_000.0 / leak_us as f64;
            held.room = (held.room + came_back).min(f64::from(capacity));
            held.last = one.at;
            if held.room < 1.0 - 1e-9 {
                return self.overflow(bucket, one.at);
            }
            held.room -= 1.0;
        }
        held.last = one.at;
        let poured = held.poured;
        if let BucketKind::Conditional { condition, .. } = &bucket.kind
            && condition.holds(&Counts(poured))
        {
            return self.overflow(bucket, one.at);
        }
        told
    }

    fn overflow(&mut self, bucket: &Bucket, at: i64) -> Option<u32> {
        let held = self.bucket.take()?;
        let told = bucket
            .overflow_filter
            .as_ref()
            .is_none_or(|filter| filter.holds(&Counts(held.poured)));
        if !told || self.hidden_until > at {
            return None;
        }
        if bucket.blackhole_ms > 0 {
            self.hidden_until = at + bucket.blackhole_ms;
        }
        Some(held.poured)
    }
}

/// Buckets as rules write them, so that what is tried is what can be loaded.
const BUCKETS: [&str; 8] = [
    "type: leaky, capacity: 2, leakspeed: 1s",
    "type: leaky, capacity: 1, leakspeed: 0.5s, blackhole: 4s",
    "type: leaky, capacity: 3, leakspeed: 1s, distinct: url.path",
    "type: leaky, capacity: 2, leakspeed: 700ms, distinct: url.path, blackhole: 2s",
    "type: leaky, capacity: 2, leakspeed: 1s, overflow_filter: {gte: 4}",
    "type: counter, duration: 3s, capacity: -1",
    "type: counter, duration: 2s, distinct: url.path, blackhole: 5s, overflow_filter: {gte: 2}",
    "type: conditional, leakspeed: 1500ms, capacity: -1, condition: {gte: 3}",
];

fn bucket(parts: &str) -> Bucket {
    super::tests::buckets(parts, "")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn pours_as_the_oracle_does(
        which in 0..BUCKETS.len(),
        steps in proptest::collection::vec((0_i64..1_500, 0_u64..5, 0_u8..12), 1..60),
    ) {
        let bucket = bucket(BUCKETS[which]);
        let (mut cell, mut oracle) = (Cell::default(), Oracle::default());
        let (mut at, mut before) = (1_000_000, None);
        for (wait, value, cancels) in steps {
            at += wait;
            let one = Match { at, value, steps: 1, cancels: cancels == 0 };
            let poured = cell.pour(&bucket, one, before);
            before = Some(at);
            let expected = oracle.pour(&bucket, one).map_or(Poured::Quiet, Poured::Overflow);
            prop_assert_eq!(poured, expected, "{} at {}", BUCKETS[which], at);
        }
    }
}
