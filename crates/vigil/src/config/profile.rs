//! How sites are learned, and when a profile may judge.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigil_detect::ProfileOptions;

use super::check::{Problems, expect};

const MINUTE_MS: i64 = 60_000;

/// What is learned of each site from its own traffic.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProfilesConfig {
    /// What does not fit a site's profile is a detection. Without this the sites are learned all the
    /// same, and how an attack was answered is compared with them.
    pub judge: bool,
    /// A site is judged once it has learned from so many requests.
    pub min_requests: u64,
    /// And from so many addresses.
    pub min_clients: u64,
    /// And for so many minutes of the log's own time.
    pub min_minutes: u32,
    /// A shape is trusted once clients of so many networks (/24, of IPv6 /48) have shown it; on a busy
    /// site up to five times as many.
    pub trust_networks: u32,
    /// And in so many different periods.
    pub trust_periods: u32,
    /// The length of a period in minutes.
    pub period_minutes: u32,
    /// A profile that finds more than this share of requests odd on trial is not put in force.
    pub max_false_alarms: f64,
    /// When more than this share does not fit, from many networks, the site is taken to have changed.
    pub drift: f64,
    /// The most sites that are learned.
    pub max_sites: usize,
    /// The most paths and parameters of one site together.
    pub max_places: usize,
    /// Once a site is judged, one in so many requests that fit teaches.
    pub sample: u32,
}

impl Default for ProfilesConfig {
    fn default() -> Self {
        let options = ProfileOptions::default();
        Self {
            judge: options.judges,
            min_requests: options.min_requests,
            min_clients: options.min_clients,
            min_minutes: (options.min_ms / MINUTE_MS) as u32,
            trust_networks: options.trust_networks,
            trust_periods: options.trust_periods,
            period_minutes: (options.period_ms / MINUTE_MS) as u32,
            max_false_alarms: options.max_false_alarms,
            drift: options.drift,
            max_sites: options.max_sites,
            max_places: options.max_places,
            sample: options.sample,
        }
    }
}

impl ProfilesConfig {
    /// The same as the detector takes it.
    pub(super) fn options(&self) -> ProfileOptions {
        ProfileOptions {
            judges: self.judge,
            min_requests: self.min_requests,
            min_clients: self.min_clients,
            min_ms: i64::from(self.min_minutes) * MINUTE_MS,
            trust_networks: self.trust_networks,
            trust_periods: self.trust_periods,
            period_ms: i64::from(self.period_minutes) * MINUTE_MS,
            max_false_alarms: self.max_false_alarms,
            drift: self.drift,
            max_sites: self.max_sites,
            max_places: self.max_places,
            sample: self.sample,
            is_vouched: false,
        }
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        expect(
            problems,
            (500..=100_000_000).contains(&self.min_requests),
            "detect.profiles.min_requests: must be 500 to 100000000",
        );
        expect(
            problems,
            (1..=16).contains(&self.trust_periods) && (1..=40).contains(&self.trust_networks),
            "detect.profiles: trust_periods must be 1 to 16, trust_networks 1 to 40",
        );
        expect(
            problems,
            (1..=1_440).contains(&self.period_minutes) && self.min_minutes <= 525_600,
            "detect.profiles: period_minutes must be 1 to 1440, min_minutes at most 525600",
        );
        expect(
            problems,
            is_share(self.max_false_alarms) && is_share(self.drift),
            "detect.profiles: max_false_alarms and drift must be 0.0 to 1.0",
        );
        expect(
            problems,
            (1..=1_024).contains(&self.max_sites) && (64..=65_536).contains(&self.max_places),
            "detect.profiles: max_sites must be 1 to 1024, max_places 64 to 65536",
        );
        expect(
            problems,
            (1..=1_000).contains(&self.sample),
            "detect.profiles.sample: must be 1 to 1000",
        );
    }
}
