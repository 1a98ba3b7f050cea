//! Counts over a range of time.

use std::net::IpAddr;

use serde::Serialize;
use vigil_event::{SeverityCounts, Timestamp};

/// The most bars of [`Stats::over_time`].
pub const MAX_BUCKETS: i64 = 120;

/// The longest top list.
pub const MAX_TOP: usize = 100;

/// How long a bar of [`Stats::over_time`] may be, in milliseconds, from 1 s to 30 days.
const BUCKETS_MS: [i64; 16] = [
    1_000,
    5_000,
    15_000,
    30_000,
    60_000,
    300_000,
    900_000,
    1_800_000,
    3_600_000,
    10_800_000,
    21_600_000,
    43_200_000,
    86_400_000,
    604_800_000,
    1_209_600_000,
    2_592_000_000,
];

const DAY_MS: i64 = 86_400_000;

/// Which range of time, and how long the top lists are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatsQuery {
    /// The range's first moment.
    pub since: Timestamp,
    /// The moment after the range.
    pub until: Timestamp,
    /// The length of the top lists, at most [`MAX_TOP`].
    pub top: usize,
}

impl StatsQuery {
    /// The range between two moments: up to now, and for the 24 hours before, where one is not given.
    pub fn between(since: Option<Timestamp>, until: Option<Timestamp>, now: Timestamp) -> Self {
        // What is stored at this very millisecond belongs to the present.
        let until = until.unwrap_or_else(|| now.plus_millis(1));
        Self {
            since: since.unwrap_or_else(|| until.plus_millis(-DAY_MS)),
            until,
            top: 10,
        }
    }

    /// The length of a bar: the shortest one that leaves at most [`MAX_BUCKETS`] of them.
    pub(crate) fn bucket_ms(&self) -> i64 {
        let span = self.until.millis_since(self.since).max(1);
        let most = MAX_BUCKETS - 1; // the range may begin in the middle of a bar
        BUCKETS_MS
            .into_iter()
            .find(|bucket| span <= bucket * most)
            .unwrap_or_else(|| (span / most / DAY_MS + 1) * DAY_MS)
    }
}

/// Counts of the threats that occurred in a range of time, and of the alerts there are.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stats {
    /// The range's first moment.
    pub since: Timestamp,
    /// The moment after the range.
    pub until: Timestamp,
    /// How many threats.
    pub total: u64,
    /// How many of each severity.
    pub by_severity: SeverityCounts,
    /// The addresses with the most threats.
    pub sources: Vec<TopSource>,
    /// The paths with the most threats.
    pub paths: Vec<TopPath>,
    /// The rules that fired most.
    pub rules: Vec<TopRule>,
    /// False when there were too many different addresses or paths to count them all: the top lists
    /// may then count too few.
    pub exact: bool,
    /// How long a bar of `over_time` is, in milliseconds.
    pub bucket_ms: i64,
    /// How many threats over time: every bar of the range, the empty ones too.
    pub over_time: Vec<Bucket>,
    /// How many alerts stand where, whenever they were opened.
    pub alerts: AlertCounts,
}

/// An address with how many threats came from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TopSource {
    /// The address.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub ip: IpAddr,
    /// ISO 3166-1 alpha-2, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country_iso_code: Option<String>,
    /// How many threats.
    pub count: u64,
}

/// A path with how many threats asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TopPath {
    /// The path, cut to 512 bytes.
    pub path: String,
    /// How many threats.
    pub count: u64,
}

/// A rule with how many threats it fired on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TopRule {
    /// The rule.
    pub rule_id: String,
    /// What it was called last.
    pub title: String,
    /// How many threats.
    pub count: u64,
}

/// A bar of a chart over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Bucket {
    /// Its first moment: a multiple of its length since 1970.
    pub start: Timestamp,
    /// How many of each severity.
    pub by_severity: SeverityCounts,
}

/// How many alerts stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlertCounts {
    /// How many nobody has looked at.
    pub open: u64,
    /// How many somebody looks at.
    pub acknowledged: u64,
    /// How many are over.
    pub resolved: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_any_length_have_a_bounded_number_of_bars() {
        for span in [
            0,
            1,
            999,
            60_000,
            DAY_MS,
            31 * DAY_MS,
            400 * DAY_MS,
            3_000_000 * DAY_MS,
        ] {
            let since = Timestamp::from_millis(1);
            let query = StatsQuery::between(Some(since), Some(since.plus_millis(span)), since);
            let bucket = query.bucket_ms();
            let bars = query.until.as_millis() / bucket - since.as_millis() / bucket + 1;
            assert!(
                (1..=MAX_BUCKETS).contains(&bars),
                "{span}: {bars} bars of {bucket} ms"
            );
        }
    }

    #[test]
    fn the_last_day_is_the_default() {
        let now = Timestamp::from_millis(5 * DAY_MS);
        let query = StatsQuery::between(None, None, now);
        assert_eq!(query.until.millis_since(query.since), DAY_MS);
        assert_eq!(query.bucket_ms(), 900_000);
    }
}
