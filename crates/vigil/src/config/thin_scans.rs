//! When a scan that is spread over many networks is told: the section `detect.thin_scans`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigil_event::Severity;

/// When a scan that is spread over many networks is told.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ThinScansConfig {
    /// Tell scans that are spread thinly: many networks, each of which sends a little that is odd, too little
    /// for an alert, and that nobody else sends.
    pub enabled: bool,
    /// So many networks (/24, of IPv6 /48) must take part within an hour of the log's time, 3 to 500.
    pub min_networks: u32,
    /// And so many times as many as is usual for the site and the kind of sign, 1.0 to 100.0.
    pub times_usual: f64,
    /// Nothing is told before so many hours of the log's time have been seen, 0 to 168.
    pub learn_hours: u32,
    /// The score, 0.1 to 9.9.
    pub score: f64,
}

impl Default for ThinScansConfig {
    fn default() -> Self {
        let spread = vigil_detect::SpreadOptions::default();
        Self {
            enabled: spread.enabled,
            min_networks: spread.min_networks,
            times_usual: spread.times_usual,
            learn_hours: (spread.learn_ms / 3_600_000) as u32,
            score: spread.score,
        }
    }
}

impl ThinScansConfig {
    /// What the detectors are told, where from that severity up an event opens an alert.
    pub(super) fn options(&self, alert_severity: Severity) -> vigil_detect::SpreadOptions {
        vigil_detect::SpreadOptions {
            enabled: self.enabled,
            min_networks: self.min_networks,
            times_usual: self.times_usual,
            learn_ms: i64::from(self.learn_hours) * 3_600_000,
            alert_severity,
            score: self.score,
        }
    }

    /// What is wrong with the values.
    pub(super) fn problems(&self) -> impl Iterator<Item = &'static str> {
        let networks = (3..=500).contains(&self.min_networks);
        let times = (1.0..=100.0).contains(&self.times_usual);
        let hours = self.learn_hours <= 168;
        let score = (0.1..=9.9).contains(&self.score);
        [
            (networks, "detect.thin_scans.min_networks: must be 3 to 500"),
            (times, "detect.thin_scans.times_usual: must be 1.0 to 100.0"),
            (hours, "detect.thin_scans.learn_hours: must be 0 to 168"),
            (score, "detect.thin_scans.score: must be 0.1 to 9.9"),
        ]
        .into_iter()
        .filter_map(|(well, problem)| (!well).then_some(problem))
    }
}
