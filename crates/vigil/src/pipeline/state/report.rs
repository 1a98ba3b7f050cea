//! What is told of the state of behaviour: when it was saved, and what of it was restored.

use std::time::Duration;

use parking_lot::Mutex;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, Registry};
use serde::Serialize;
use vigil_detect::state::format::TakenBack;
use vigil_event::Timestamp;

use super::file::Written;

/// So many parts that were refused are told by name.
const TOLD: usize = 16;

/// What is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct StateTold {
    /// When it was saved last, by this process.
    #[serde(skip_serializing_if = "Option::is_none")]
    saved_at: Option<Timestamp>,
    /// How many keys that were, and bytes.
    keys: u64,
    bytes: u64,
    /// How long it took.
    milliseconds: u64,
    /// Why it could not be saved the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// What was restored at the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored: Option<RestoredTold>,
}

/// What was restored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct RestoredTold {
    /// When that was saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    saved_at: Option<Timestamp>,
    keys: u64,
    /// Tables that were taken back.
    parts: usize,
    /// Tables that were not, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<String>,
}

/// What is counted of it.
pub struct StateTelemetry {
    seconds: Histogram,
    keys: IntGauge,
    bytes: IntGauge,
    saved_at: IntGauge,
    failures: IntCounter,
    restored: IntGauge,
    refused: IntGauge,
}

impl StateTelemetry {
    /// Registered where `/metrics` finds it.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            prometheus::Result::Ok(gauge)
        };
        let seconds = Histogram::with_opts(
            HistogramOpts::new(
                "vigil_state_save_seconds",
                "Time that saving the state of behaviour took, beside everything else.",
            )
            .buckets(vec![0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0]),
        )?;
        registry.register(Box::new(seconds.clone()))?;
        let failures = IntCounter::new(
            "vigil_state_save_failures_total",
            "Times the state of behaviour could not be saved.",
        )?;
        registry.register(Box::new(failures.clone()))?;
        Ok(Self {
            seconds,
            keys: gauge(
                "vigil_state_saved_keys",
                "Addresses, groups and others in the state of behaviour that was saved last.",
            )?,
            bytes: gauge(
                "vigil_state_saved_bytes",
                "Size of the state of behaviour that was saved last.",
            )?,
            saved_at: gauge(
                "vigil_state_saved_timestamp_seconds",
                "When the state of behaviour was saved last; 0 before that.",
            )?,
            failures,
            restored: gauge(
                "vigil_state_restored_keys",
                "Addresses, groups and others of which something was known again after the start.",
            )?,
            refused: gauge(
                "vigil_state_refused_parts",
                "Tables of the saved state that were not taken back at the start.",
            )?,
        })
    }
}

/// Gathers what is told.
pub struct StateReport {
    told: Mutex<StateTold>,
    telemetry: StateTelemetry,
}

impl StateReport {
    /// Nothing was saved or restored yet.
    pub fn new(telemetry: StateTelemetry) -> Self {
        Self {
            told: Mutex::default(),
            telemetry,
        }
    }

    /// What is to be told now.
    pub fn told(&self) -> StateTold {
        self.told.lock().clone()
    }

    pub(super) fn saved(&self, at: Timestamp, written: Written, took: Duration) {
        self.telemetry.seconds.observe(took.as_secs_f64());
        let number = |count| i64::try_from(count).unwrap_or(i64::MAX);
        self.telemetry.keys.set(number(written.keys));
        self.telemetry.bytes.set(number(written.bytes));
        self.telemetry.saved_at.set(at.as_millis() / 1_000);
        let mut told = self.told.lock();
        told.saved_at = Some(at);
        told.keys = written.keys;
        told.bytes = written.bytes;
        told.milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        told.problem = None;
    }

    /// What fails is told once, until it works again.
    pub(super) fn failed(&self, error: &dyn std::error::Error) {
        self.telemetry.failures.inc();
        let problem = self.told.lock().problem.replace(error.to_string());
        if problem.is_none() {
            tracing::error!(%error, "the state of behaviour can't be saved; trying again");
        }
    }

    pub(super) fn restored(&self, saved_at: Timestamp, taken: &TakenBack) {
        self.telemetry
            .restored
            .set(i64::try_from(taken.keys).unwrap_or(i64::MAX));
        let refused = i64::try_from(taken.refused.len()).unwrap_or(i64::MAX);
        self.telemetry.refused.set(refused);
        for (part, why) in &taken.refused {
            tracing::warn!(part = part.name, %why, "what was saved of this can't be used, and it begins anew");
        }
        let refused = taken.refused.iter().take(TOLD);
        self.told.lock().restored = Some(RestoredTold {
            saved_at: Some(saved_at),
            keys: taken.keys,
            parts: taken.parts.len(),
            refused: refused
                .map(|(part, why)| format!("{}: {why}", part.name))
                .collect(),
        });
    }

    pub(super) fn refused(&self, why: String) {
        self.telemetry.refused.set(1);
        self.told.lock().restored = Some(RestoredTold {
            refused: vec![why],
            ..RestoredTold::default()
        });
    }
}
