//! How evidence about somebody adds up: the section `detect.risk`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How evidence about an address, a network, a session or an account adds up.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RiskConfig {
    /// Whether evidence about addresses, networks, sessions and accounts is added up.
    pub enabled: bool,
    /// From this score up, 1.0 to 9.9, what is known of somebody is a detection of its own.
    pub threshold: f64,
    /// After this many minutes of the log's time half of what is known has faded. Once told, somebody is
    /// not told again before.
    pub half_life_minutes: u32,
    /// The most addresses, and the most networks, sessions and accounts, of which something is known at
    /// once, for each detection thread.
    pub max_entities: usize,
}

impl Default for RiskConfig {
    fn default() -> Self {
        let risk = vigil_detect::RiskOptions::default();
        Self {
            enabled: risk.enabled,
            threshold: risk.threshold,
            half_life_minutes: (risk.half_life_ms / 60_000) as u32,
            max_entities: risk.max_entities,
        }
    }
}

impl RiskConfig {
    /// What the detectors are told.
    pub(super) fn options(&self) -> vigil_detect::RiskOptions {
        vigil_detect::RiskOptions {
            enabled: self.enabled,
            threshold: self.threshold,
            half_life_ms: i64::from(self.half_life_minutes) * 60_000,
            max_entities: self.max_entities,
            ..vigil_detect::RiskOptions::default()
        }
    }

    /// What is wrong with the values.
    pub(super) fn problems(&self) -> impl Iterator<Item = &'static str> {
        let threshold = (1.0..=9.9).contains(&self.threshold);
        let half_life = (1..=44_640).contains(&self.half_life_minutes);
        let entities = (1_000..=10_000_000).contains(&self.max_entities);
        [
            (threshold, "detect.risk.threshold: must be 1.0 to 9.9"),
            (
                half_life,
                "detect.risk.half_life_minutes: must be 1 to 44640",
            ),
            (
                entities,
                "detect.risk.max_entities: must be 1000 to 10000000",
            ),
        ]
        .into_iter()
        .filter_map(|(well, problem)| (!well).then_some(problem))
    }
}
