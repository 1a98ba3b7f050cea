//! How long deliveries take, as a histogram that counts many of them in one step: a fan-out writes the
//! same message thousands of times.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus::core::{Collector, Desc};
use prometheus::proto::{Bucket, Histogram, Metric, MetricFamily, MetricType};

/// The upper bounds, in milliseconds.
const BOUNDS_MS: [u64; 13] = [
    1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000,
];

/// A histogram of milliseconds, shown in seconds. Clones count together.
#[derive(Clone, Debug)]
pub(crate) struct Latency(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    name: &'static str,
    help: &'static str,
    desc: Desc,
    /// How many are at most so long and longer than the bound before; the last one has no bound.
    buckets: [AtomicU64; BOUNDS_MS.len() + 1],
    sum_ms: AtomicU64,
}

impl Latency {
    pub(crate) fn new(name: &'static str, help: &'static str) -> Result<Self, prometheus::Error> {
        Ok(Self(Arc::new(Counts {
            name,
            help,
            desc: Desc::new(
                name.to_owned(),
                help.to_owned(),
                Vec::new(),
                std::collections::HashMap::new(),
            )?,
            buckets: Default::default(),
            sum_ms: AtomicU64::new(0),
        })))
    }

    /// So many deliveries took so long.
    pub(crate) fn observe(&self, count: u64, milliseconds: u64) {
        let place = BOUNDS_MS.partition_point(|bound| *bound < milliseconds);
        if let Some(bucket) = self.0.buckets.get(place) {
            bucket.fetch_add(count, Ordering::Relaxed);
        }
        self.0
            .sum_ms
            .fetch_add(count.saturating_mul(milliseconds), Ordering::Relaxed);
    }
}

impl Collector for Latency {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.0.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut histogram = Histogram::default();
        let mut count = 0;
        let mut buckets = Vec::with_capacity(BOUNDS_MS.len());
        for (place, bucket) in self.0.buckets.iter().enumerate() {
            count += bucket.load(Ordering::Relaxed);
            if let Some(bound) = BOUNDS_MS.get(place) {
                let mut shown = Bucket::default();
                shown.set_cumulative_count(count);
                shown.set_upper_bound(*bound as f64 / 1_000.0);
                buckets.push(shown);
            }
        }
        histogram.set_bucket(buckets);
        histogram.set_sample_count(count);
        histogram.set_sample_sum(self.0.sum_ms.load(Ordering::Relaxed) as f64 / 1_000.0);
        let mut metric = Metric::default();
        metric.set_histogram(histogram);
        let mut family = MetricFamily::default();
        family.set_name(self.0.name.to_owned());
        family.set_help(self.0.help.to_owned());
        family.set_field_type(MetricType::HISTOGRAM);
        family.set_metric(vec![metric]);
        vec![family]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_counted_in_one_step() {
        let latency = Latency::new("a_seconds", "How long.").unwrap();
        latency.observe(1_000, 0);
        latency.observe(3, 1);
        latency.observe(2, 7);
        latency.observe(1, 60_000);
        let registry = prometheus::Registry::new();
        registry.register(Box::new(latency)).unwrap();
        let shown = prometheus::TextEncoder::new()
            .encode_to_string(&registry.gather())
            .unwrap();
        for line in [
            "# TYPE a_seconds histogram",
            "a_seconds_bucket{le=\"0.001\"} 1003",
            "a_seconds_bucket{le=\"0.005\"} 1003",
            "a_seconds_bucket{le=\"0.01\"} 1005",
            "a_seconds_bucket{le=\"10\"} 1005",
            "a_seconds_bucket{le=\"+Inf\"} 1006",
            "a_seconds_sum 60.017",
            "a_seconds_count 1006",
        ] {
            assert!(shown.lines().any(|shown| shown == line), "{line}:\n{shown}");
        }
    }
}
