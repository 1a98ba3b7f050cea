//! What the clients have seen, together.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

/// The longest latency that is told apart: a minute.
const LONGEST_NS: u64 = 60_000_000_000;

/// What the clients have seen, together.
#[derive(Debug)]
pub(super) struct Tally {
    /// From the moment a message was meant to be sent to the moment it was read.
    pub(super) latency: Histogram<u64>,
    /// Messages of the measured channels.
    pub(super) deliveries: u64,
    /// Messages of the other channels.
    pub(super) others: u64,
    /// Messages that came again.
    pub(super) duplicates: u64,
    /// Messages that a client did not get.
    pub(super) missing: u64,
    /// Messages that the server said are missing.
    pub(super) declared: u64,
    /// Connections that the server closed, by code.
    pub(super) closed: BTreeMap<u16, u64>,
    /// Connections that ended without a close frame, and subscriptions that were refused.
    pub(super) failed: u64,
}

/// A distribution of latencies, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// The half is faster.
    pub p50_us: f64,
    /// Nine of ten are.
    pub p90_us: f64,
    /// 99 of a hundred.
    pub p99_us: f64,
    /// 999 of a thousand.
    pub p999_us: f64,
    /// The slowest.
    pub max_us: f64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            latency: histogram(),
            deliveries: 0,
            others: 0,
            duplicates: 0,
            missing: 0,
            declared: 0,
            closed: BTreeMap::new(),
            failed: 0,
        }
    }
}

/// An empty histogram of latencies in nanoseconds.
pub(super) fn histogram() -> Histogram<u64> {
    let histogram = Histogram::new_with_bounds(1, LONGEST_NS, 3);
    // The bounds are fixed, and right.
    histogram.unwrap_or_else(|_| Histogram::new(3).expect("three digits are allowed"))
}

impl Latency {
    /// Of a histogram of nanoseconds.
    pub(super) fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
        Self {
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: histogram.max() as f64 / 1_000.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_in_microseconds() {
        let mut latencies = histogram();
        for millisecond in 1..=1_000_u64 {
            latencies.saturating_record(millisecond * 1_000_000);
        }
        latencies.saturating_record(u64::MAX);
        let latency = Latency::of(&latencies);
        assert!((latency.p50_us - 500_000.0).abs() < 5_000.0);
        assert!((latency.p99_us - 990_000.0).abs() < 5_000.0);
        assert!(latency.max_us >= 60_000_000.0);
    }
}
