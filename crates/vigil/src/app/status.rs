//! How Vigil itself is: told on the channel `status`, and asked by `/ready`.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;
use vigil_api::{Readiness, Rulebook as _};
use vigil_bus::Bus;
use vigil_event::{Clock, IdSource, Publication, Severity, Timestamp};
use vigil_store::Store;

use crate::pipeline::{Health, Queue, StateReport, StateTold, Telemetry};
use crate::rulebook::ActiveRules;

/// How often it is told.
const EVERY: Duration = Duration::from_secs(2);

/// What is told.
#[derive(Debug, Serialize)]
struct Status {
    version: &'static str,
    uptime_seconds: u64,
    lines_total: u64,
    lines_per_second: f64,
    unparsed_total: u64,
    threats_total: u64,
    rules: usize,
    rules_fingerprint: String,
    rules_loaded_at: Timestamp,
    /// Why the last reload was refused, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    rules_problem: Option<String>,
    sources: Vec<SourceStatus>,
    queues: Vec<Queue>,
    connections: u64,
    /// When the state of behaviour was saved, and what of it was restored.
    state: StateTold,
    ready: bool,
    reasons: Vec<String>,
    /// What is wrong and keeps nothing from working: a list that cannot be read again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct SourceStatus {
    path: String,
    offset: u64,
    lag_bytes: u64,
    unparsed: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// Tells the status until the server stops.
pub(super) struct StatusTeller {
    pub(super) bus: Arc<dyn Bus>,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: Arc<IdSource>,
    pub(super) health: Arc<Health>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) state: Arc<StateReport>,
    pub(super) gateway: Arc<vigil_gateway::Telemetry>,
    pub(super) rules: Arc<ActiveRules>,
}

impl StatusTeller {
    pub(super) async fn tell(self, shutdown: CancellationToken) {
        let started = tokio::time::Instant::now();
        let mut last = (started, self.telemetry.records());
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
                () = self.rules.changed() => {}
            }
            self.health.observe_queues();
            self.check_store().await;
            let now = tokio::time::Instant::now();
            let lines = self.telemetry.records();
            let passed = now.duration_since(last.0).as_secs_f64();
            let rate = if passed > 0.0 {
                (lines - last.1) as f64 / passed
            } else {
                0.0
            };
            last = (now, lines);
            let status = self.status(started.elapsed().as_secs(), lines, rate);
            let severity = if !status.ready || status.rules_problem.is_some() {
                Severity::High
            } else if !status.notes.is_empty() {
                Severity::Medium
            } else {
                Severity::Informational
            };
            let at = self.clock.now();
            self.bus.publish(Publication::status(
                &status,
                severity,
                self.ids.next(at),
                at,
            ));
        }
    }

    /// Whether the store can be written, though nothing may have to be written now.
    async fn check_store(&self) {
        let store = Arc::clone(&self.store);
        if let Ok(checked) = tokio::task::spawn_blocking(move || store.check()).await {
            self.health
                .report("store check", checked.err().map(|error| error.to_string()));
        }
    }

    fn status(&self, uptime_seconds: u64, lines_total: u64, lines_per_second: f64) -> Status {
        let reasons = self.health.reasons();
        let rules = self.rules.in_force();
        let source = |file: vigil_source::FileStatus| {
            let path = file.path.display().to_string();
            SourceStatus {
                unparsed: self.telemetry.unparsed(&path),
                offset: file.offset,
                lag_bytes: file.lag_bytes,
                error: file.error,
                note: file.note,
                path,
            }
        };
        Status {
            version: env!("CARGO_PKG_VERSION"),
            uptime_seconds,
            lines_total,
            lines_per_second: (lines_per_second * 10.0).round() / 10.0,
            unparsed_total: self.telemetry.unparsed_in_all(),
            threats_total: self.telemetry.threats(),
            rules: rules.set.rules().len(),
            rules_fingerprint: rules.fingerprint.clone(),
            rules_loaded_at: rules.loaded_at,
            rules_problem: self.rules.problem(),
            sources: self.health.files().into_iter().map(source).collect(),
            queues: self.health.queues(),
            connections: self.gateway.open_connections(),
            state: self.state.told(),
            ready: reasons.is_empty(),
            reasons,
            notes: self.health.notes(),
        }
    }
}

/// Answers `/ready`.
pub(super) struct HealthReadiness(pub(super) Arc<Health>);

impl Readiness for HealthReadiness {
    fn reasons(&self) -> Vec<String> {
        self.0.reasons()
    }
}
