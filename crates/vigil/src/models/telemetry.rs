//! What is counted of the profiles, for `/metrics`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntCounter, IntGaugeVec, Opts, Registry};

use super::Models;

/// Reads the numbers when they are asked for.
struct Numbers {
    models: Arc<Models>,
    sites: IntGaugeVec,
    bytes: prometheus::IntGauge,
    left_out: IntCounter,
}

impl Models {
    /// Registers the numbers where `/metrics` finds them.
    pub fn register(self: &Arc<Self>, registry: &Registry) -> prometheus::Result<()> {
        registry.register(Box::new(Numbers {
            models: Arc::clone(self),
            sites: IntGaugeVec::new(
                Opts::new("vigil_profile_sites", "Sites that are learned, by state."),
                &["state"],
            )?,
            bytes: prometheus::IntGauge::new(
                "vigil_profile_bytes",
                "About how much memory the profiles of sites take.",
            )?,
            left_out: IntCounter::new(
                "vigil_profile_requests_dropped_total",
                "Requests that taught nothing since the learner could not follow or there are too many sites.",
            )?,
        }))
    }
}

impl Collector for Numbers {
    fn desc(&self) -> Vec<&Desc> {
        let mut all = self.sites.desc();
        all.extend(self.bytes.desc());
        all.extend(self.left_out.desc());
        all
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let learner = self.models.learner.lock();
        let (all, too_many) = (learner.status(), learner.left_out());
        drop(learner);
        for state in ["learning", "active", "drifting"] {
            let count = all.iter().filter(|one| one.state.name() == state).count();
            self.sites
                .with_label_values(&[state])
                .set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        let bytes: usize = all.iter().map(|one| one.bytes).sum();
        self.bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        let lost = self.models.left_out.load(Ordering::Relaxed) + too_many;
        self.left_out
            .inc_by(lost.saturating_sub(self.left_out.get()));
        let mut families = self.sites.collect();
        families.extend(self.bytes.collect());
        families.extend(self.left_out.collect());
        families
    }
}
