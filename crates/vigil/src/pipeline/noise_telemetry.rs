//! What is counted of lists, of what is let pass and of floods of alerts.

use prometheus::{IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry};
use vigil_event::Cause;

use super::LetPass;
use crate::tables::ListSize;

pub(super) struct NoiseTelemetry {
    detections: IntCounterVec,
    threats: IntCounter,
    gathered: IntCounter,
    list_networks: IntGaugeVec,
    list_bad_lines: IntGaugeVec,
}

impl NoiseTelemetry {
    pub(super) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            prometheus::Result::Ok(counter)
        };
        let list_gauge = |name: &str, help: &str| {
            let gauge = IntGaugeVec::new(Opts::new(name, help), &["list"])?;
            registry.register(Box::new(gauge.clone()))?;
            prometheus::Result::Ok(gauge)
        };
        let detections = IntCounterVec::new(
            Opts::new(
                "vigil_detections_suppressed_total",
                "Detections that were let pass, by why.",
            ),
            &["cause"],
        )?;
        registry.register(Box::new(detections.clone()))?;
        for cause in Cause::ALL {
            detections.with_label_values(&[cause.name()]);
        }
        Ok(Self {
            detections,
            threats: counter(
                "vigil_threats_suppressed_total",
                "Events that would be threats, had nothing on them been let pass.",
            )?,
            gathered: counter(
                "vigil_threats_gathered_total",
                "Threats that were gathered in an alert flood, since too many alerts were opened.",
            )?,
            list_networks: list_gauge("vigil_list_networks", "Networks on a list.")?,
            list_bad_lines: list_gauge(
                "vigil_list_bad_lines",
                "Lines of a list that were not understood and left out.",
            )?,
        })
    }

    pub(super) fn lists(&self, sizes: &[ListSize]) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        for size in sizes {
            let name = [size.name.as_str()];
            let (networks, bad_lines) = (number(size.networks), number(size.bad_lines));
            self.list_networks.with_label_values(&name).set(networks);
            self.list_bad_lines.with_label_values(&name).set(bad_lines);
        }
    }

    pub(super) fn let_pass(&self, let_pass: &LetPass) {
        for (cause, count) in let_pass.detections() {
            self.detections
                .with_label_values(&[cause.name()])
                .inc_by(count);
        }
        self.threats.inc_by(let_pass.events());
    }

    pub(super) fn gathered(&self, threats: usize) {
        self.gathered.inc_by(threats as u64);
    }
}
