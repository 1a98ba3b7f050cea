//! Statistics, against counting in a list in memory.

use std::collections::BTreeMap;
use std::net::IpAddr;

use vigil_event::{Severity, SeverityCounts, Threat, Timestamp};

use super::Place;
use super::filters::filled;
use super::sample::NOON;
use crate::stats::MAX_BUCKETS;
use crate::{Stats, StatsQuery};

pub(super) fn statistics_count_like_a_list_would(place: &dyn Place) {
    let (store, threats) = filled(place);
    let second = |seconds: i64| NOON.plus_millis(seconds * 1_000);
    for (since, until) in [
        (second(0), second(500)),
        (second(10), second(77)),
        (second(-86_400), second(100)),
        (second(-86_400), second(0)),
    ] {
        let mut query = StatsQuery::between(Some(since), Some(until), NOON);
        query.top = 3;
        let stats = store.stats(&query).expect("counted");
        let all = threats.iter().map(|grouped| &grouped.threat);
        let within: Vec<_> = all
            .filter(|threat| (since..until).contains(&threat.occurred_at))
            .collect();
        assert!(stats.exact && (stats.since, stats.until) == (since, until));
        assert_eq!(stats.total, within.len() as u64);
        assert_eq!(stats.by_severity, severities(&within));
        assert_eq!(stats.alerts.open, 6, "whenever they were opened");
        bars_cover_the_range(&stats, &within);
        the_most_frequent_are_listed(&stats, &within);
    }
    let (since, until) = (Timestamp::from_millis(9), Timestamp::from_millis(3));
    let backwards = StatsQuery {
        since,
        until,
        top: 3,
    };
    assert_eq!(store.stats(&backwards).expect("counted").total, 0);
}

fn severities(threats: &[&Threat]) -> SeverityCounts {
    let mut counts = SeverityCounts::default();
    for threat in threats {
        counts.add(threat.severity, 1);
    }
    counts
}

fn bars_cover_the_range(stats: &Stats, within: &[&Threat]) {
    assert!(stats.over_time.len() <= MAX_BUCKETS as usize);
    let mut end = stats.over_time[0].start;
    assert!(end <= stats.since);
    let mut sum = SeverityCounts::default();
    for bar in &stats.over_time {
        assert_eq!(bar.start, end, "no hole");
        end = bar.start.plus_millis(stats.bucket_ms);
        let mut inside = within.to_vec();
        inside.retain(|threat| (bar.start..end).contains(&threat.occurred_at));
        assert_eq!(bar.by_severity, severities(&inside));
        for severity in Severity::ALL {
            sum.add(severity, bar.by_severity.get(severity));
        }
    }
    assert!(end >= stats.until && end <= stats.until.plus_millis(stats.bucket_ms));
    assert_eq!(sum, stats.by_severity);
}

fn the_most_frequent_are_listed(stats: &Stats, within: &[&Threat]) {
    let sources: Vec<_> = stats.sources.iter().map(|source| source.count).collect();
    assert_eq!(
        sources,
        top(within, |threat| threat.source.ip.into_iter().collect())
    );
    let paths: Vec<_> = stats.paths.iter().map(|path| path.count).collect();
    assert_eq!(paths, top(within, |threat| vec![threat.url.path.clone()]));
    let rules: Vec<_> = stats.rules.iter().map(|rule| rule.count).collect();
    let ids = |threat: &Threat| {
        threat
            .detections
            .iter()
            .map(|one| one.rule_id.clone())
            .collect()
    };
    assert_eq!(rules, top(within, ids));

    for source in &stats.sources {
        let of_it = within
            .iter()
            .filter(|threat| threat.source.ip == Some(source.ip))
            .count();
        assert_eq!(source.count, of_it as u64);
        let is_dutch = source.country_iso_code.as_deref() == Some("NL");
        assert_eq!(is_dutch, source.ip == IpAddr::from([192, 0, 2, 1]));
    }
    for path in &stats.paths {
        let of_it = within
            .iter()
            .filter(|threat| threat.url.path == path.path)
            .count();
        assert_eq!(path.count, of_it as u64);
    }
}

/// The three highest counts.
fn top<K: Ord>(threats: &[&Threat], keys: impl Fn(&Threat) -> Vec<K>) -> Vec<u64> {
    let mut counts: BTreeMap<K, u64> = BTreeMap::new();
    for key in threats.iter().flat_map(|threat| keys(threat)) {
        *counts.entry(key).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_values().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    counts.truncate(3);
    counts
}
