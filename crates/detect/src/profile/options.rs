//! What a profile needs before it trusts, and how much it may hold.

/// What the profiles need to know. Times are milliseconds of event time.
#[derive(Clone, Debug, PartialEq)]
pub struct ProfileOptions {
    /// Whether requests are judged by the profiles; they learn all the same.
    pub judges: bool,
    /// A site is judged once it has learned from so many requests.
    pub min_requests: u64,
    /// And from so many addresses.
    pub min_clients: u64,
    /// And for so long.
    pub min_ms: i64,
    /// A shape is trusted once clients of so many networks have shown it; of a busy site more are
    /// needed, up to five times as many.
    pub trust_networks: u32,
    /// And in so many different periods.
    pub trust_periods: u32,
    /// The length of a period.
    pub period_ms: i64,
    /// The largest share of requests that a profile may find odd on trial, and still be activated.
    pub max_false_alarms: f64,
    /// A larger share than this, from many networks, is a site that has changed.
    pub drift: f64,
    /// The most sites that are learned.
    pub max_sites: usize,
    /// The most paths and parameters of a site together; what comes later is not learned.
    pub max_places: usize,
    /// Once a site is judged, one in so many ordinary requests teaches.
    pub sample: u32,
}

impl Default for ProfileOptions {
    fn default() -> Self {
        Self {
            judges: true,
            min_requests: 5_000,
            min_clients: 100,
            min_ms: 24 * 3_600_000,
            trust_networks: 8,
            trust_periods: 3,
            period_ms: 3_600_000,
            max_false_alarms: 0.003,
            drift: 0.02,
            max_sites: 32,
            max_places: 4_096,
            sample: 8,
        }
    }
}

/// When something is trusted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trust {
    pub(crate) networks: u32,
    pub(crate) periods: u32,
}

/// A busy site's shapes need up to so many times as many networks.
const MOST: u32 = 5;

impl Trust {
    pub(crate) fn of(options: &ProfileOptions) -> Self {
        Self {
            networks: options.trust_networks.max(1),
            periods: options.trust_periods.clamp(1, 16),
        }
    }

    /// Whether what so many of a crowd have shown is trusted.
    pub(crate) fn trusts(self, seen: &super::witness::Witness, crowd: u64) -> bool {
        seen.networks() >= self.needed(crowd, 200, self.networks) && seen.periods() >= self.periods
    }

    /// The same for what attacks are written with: of more networks, for longer.
    pub(crate) fn trusts_danger(self, seen: &super::witness::Witness, crowd: u64) -> bool {
        seen.networks() >= self.needed(crowd, 100, 2 * self.networks)
            && seen.periods() >= 2 * self.periods
    }

    fn needed(self, crowd: u64, share: u64, least: u32) -> u32 {
        let share = u32::try_from(crowd / share).unwrap_or(u32::MAX);
        share.clamp(least, (MOST * self.networks).max(least))
    }
}

/// How strong a sign is whose probability among honest requests is `probability`: nothing at one in
/// ten, 1.0 at one in a thousand, 1.25 at most.
pub(crate) fn strength(probability: f64) -> f64 {
    ((-probability.max(1e-9).log10() - 1.0) / 2.0).clamp(0.0, 1.25)
}
