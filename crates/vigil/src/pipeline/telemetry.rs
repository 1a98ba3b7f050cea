//! What the pipeline counts. The page's status and `/metrics` show the same numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use vigil_event::{Severity, SourceId, Timestamp};
use vigil_source::FileStatus;
use vigil_store::{GroupedThreat, Recorded};

use super::intake::Counts;
use super::noise_telemetry::NoiseTelemetry;
use super::{LetPass, Lost};
use crate::tables::ListSize;

/// The pipeline's counters.
pub struct Telemetry {
    records: IntCounter,
    unparsed: IntCounterVec,
    unparsed_in_all: AtomicU64,
    truncated: IntCounter,
    ahead: IntCounter,
    threats: IntCounterVec,
    repeated: IntCounter,
    below_threshold: IntCounter,
    noise: NoiseTelemetry,
    judge_failures: IntCounter,
    correlation_losses: IntCounterVec,
    store_failures: IntCounter,
    read_failures: IntCounter,
    lag_bytes: IntGauge,
    read_to_stored: Histogram,
}

/// The label of records that came over HTTP: a sender's own name must not make a new series.
const INGEST_LABEL: &str = "ingest";

fn read_to_stored(registry: &Registry) -> prometheus::Result<Histogram> {
    let histogram = Histogram::with_opts(
        HistogramOpts::new(
            "vigil_read_to_stored_seconds",
            "Time from reading a threat's record to its storing.",
        )
        .buckets(vec![
            0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0,
        ]),
    )?;
    registry.register(Box::new(histogram.clone()))?;
    Ok(histogram)
}

impl Telemetry {
    /// Counters that are registered where `/metrics` finds them.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            prometheus::Result::Ok(counter)
        };
        let counters = |name: &str, help: &str, label: &str| {
            let counters = IntCounterVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(counters.clone()))?;
            prometheus::Result::Ok(counters)
        };
        let lag_bytes = IntGauge::new(
            "vigil_source_lag_bytes",
            "Bytes of the logs that are not read yet.",
        )?;
        registry.register(Box::new(lag_bytes.clone()))?;
        let telemetry = Self {
            records: counter("vigil_records_total", "Records that were read.")?,
            unparsed: counters(
                "vigil_records_unparsed_total",
                "Records that are no log line.",
                "source",
            )?,
            unparsed_in_all: AtomicU64::new(0),
            truncated: counter(
                "vigil_records_truncated_total",
                "Records that were longer than the limit and cut.",
            )?,
            ahead: counter(
                "vigil_records_ahead_total",
                "Records whose time lay too far ahead, and that count as of when they were read: a clock is wrong.",
            )?,
            threats: counters(
                "vigil_threats_total",
                "Threats that were stored.",
                "severity",
            )?,
            repeated: counter(
                "vigil_threats_repeated_total",
                "Threats that were read again and known already.",
            )?,
            below_threshold: counter(
                "vigil_events_below_threshold_total",
                "Events on which something fired that stayed below the threshold for threats.",
            )?,
            noise: NoiseTelemetry::new(registry)?,
            judge_failures: counter(
                "vigil_records_dropped_total",
                "Records that could not be judged and were skipped. Any is a bug.",
            )?,
            correlation_losses: counters(
                "vigil_correlation_dropped_total",
                "What correlations did not keep: groups evicted for others, matches too late (also requests, for the windows); and of whom windows and risk forgot what they knew.",
                "reason",
            )?,
            store_failures: counter(
                "vigil_store_failures_total",
                "Tries to store that failed and were repeated.",
            )?,
            read_failures: counter(
                "vigil_read_failures_total",
                "Tries to read the logs that failed.",
            )?,
            lag_bytes,
            read_to_stored: read_to_stored(registry)?,
        };
        for severity in Severity::ALL {
            telemetry.threats.with_label_values(&[severity.name()]);
        }
        Ok(telemetry)
    }

    /// Tells how large the lists are.
    pub fn lists(&self, sizes: &[ListSize]) {
        self.noise.lists(sizes);
    }

    pub(super) fn let_pass(&self, let_pass: &LetPass) {
        self.noise.let_pass(let_pass);
    }

    pub(super) fn batch_parsed(&self, source: &SourceId, counts: Counts) {
        self.records.inc_by(counts.records);
        self.truncated.inc_by(counts.truncated);
        self.ahead.inc_by(counts.ahead);
        let label = if source.as_str().starts_with('/') {
            source.as_str()
        } else {
            INGEST_LABEL
        };
        self.unparsed
            .with_label_values(&[label])
            .inc_by(counts.unparsed);
        self.unparsed_in_all
            .fetch_add(counts.unparsed, Ordering::Relaxed);
    }

    pub(super) fn judged(&self, below_threshold: u64, failed: u64) {
        self.below_threshold.inc_by(below_threshold);
        self.judge_failures.inc_by(failed);
    }

    pub(super) fn correlations_lost(&self, lost: Lost) {
        for (reason, count) in [
            ("evicted", lost.evicted),
            ("late", lost.late),
            ("forgotten", lost.forgotten),
        ] {
            self.correlation_losses
                .with_label_values(&[reason])
                .inc_by(count);
        }
    }

    pub(super) fn recorded(&self, threats: &[GroupedThreat], recorded: Recorded, at: Timestamp) {
        self.repeated.inc_by(recorded.already as u64);
        self.noise.gathered(recorded.gathered);
        if recorded.stored == 0 {
            return;
        }
        for GroupedThreat { threat, .. } in threats {
            self.threats
                .with_label_values(&[threat.severity.name()])
                .inc();
            let waited = at.millis_since(threat.stages.read_at).max(0);
            self.read_to_stored.observe(waited as f64 / 1_000.0);
        }
    }

    pub(super) fn store_failed(&self) {
        self.store_failures.inc();
    }

    pub(super) fn read_failed(&self) {
        self.read_failures.inc();
    }

    pub(super) fn lagging(&self, files: &[FileStatus]) {
        let lag: u64 = files.iter().map(|file| file.lag_bytes).sum();
        self.lag_bytes.set(i64::try_from(lag).unwrap_or(i64::MAX));
    }

    /// Records that were read.
    pub fn records(&self) -> u64 {
        self.records.get()
    }

    /// Records of a source that are no log line.
    pub fn unparsed(&self, source: &str) -> u64 {
        self.unparsed.with_label_values(&[source]).get()
    }

    /// Records of all sources that are no log line.
    pub fn unparsed_in_all(&self) -> u64 {
        self.unparsed_in_all.load(Ordering::Relaxed)
    }

    /// Threats that were stored.
    pub fn threats(&self) -> u64 {
        Severity::ALL
            .iter()
            .map(|severity| self.threats.with_label_values(&[severity.name()]).get())
            .sum()
    }
}
