//! Counts over a range of time.
//!
//! One pass over the index of times (`threat_time`), which holds all that is counted, and one count
//! in the key of `threat_rule` for each rule; rows are read only for the few that are shown, and no
//! document at all. The time it takes grows with the threats in the range.

use std::collections::HashMap;
use std::hash::Hash;

use rusqlite::{OptionalExtension as _, Transaction, params};
use vigil_event::{AlertState, Severity, SeverityCounts, Timestamp};

use super::document::{self, to_state};
use super::failure::Failure;
use crate::stats::{AlertCounts, Bucket, MAX_TOP, TopPath, TopRule, TopSource};
use crate::{Stats, StatsQuery};

/// The most different addresses or paths that are counted at once; some 10 MB each.
const MAX_DISTINCT: usize = 1 << 18;

pub(super) fn stats(sql: &Transaction<'_>, query: &StatsQuery) -> Result<Stats, Failure> {
    let top = query.top.min(MAX_TOP);
    let bucket_ms = query.bucket_ms();
    let pass = Pass::run(sql, query, bucket_ms)?;
    let mut by_severity = SeverityCounts::default();
    for bucket in &pass.over_time {
        for severity in Severity::ALL {
            by_severity.add(severity, bucket.by_severity.get(severity));
        }
    }
    Ok(Stats {
        since: query.since,
        until: query.until,
        total: by_severity.total(),
        by_severity,
        exact: pass.sources.is_exact && pass.paths.is_exact,
        sources: top_sources(sql, pass.sources, top)?,
        paths: top_paths(sql, pass.paths, top)?,
        rules: top_rules(sql, query, top)?,
        bucket_ms,
        over_time: pass.over_time,
        alerts: alert_counts(sql)?,
    })
}

/// What one pass over the threats of the range counts.
struct Pass {
    over_time: Vec<Bucket>,
    sources: Tally<[u8; 16]>,
    /// By the path's hash; with the row of one threat that has it.
    paths: Tally<i64>,
}

impl Pass {
    fn run(sql: &Transaction<'_>, query: &StatsQuery, bucket_ms: i64) -> Result<Self, Failure> {
        let first = query.since.as_millis() / bucket_ms;
        let mut pass = Self {
            over_time: empty_buckets(query, bucket_ms),
            sources: Tally::default(),
            paths: Tally::default(),
        };
        let statement = "
            SELECT occurred_at, severity, ip, path_hash, seq FROM threat
            WHERE occurred_at >= ?1 AND occurred_at < ?2";
        let mut statement = sql.prepare_cached(statement)?;
        let mut rows =
            statement.query(params![query.since.as_millis(), query.until.as_millis()])?;
        while let Some(row) = rows.next()? {
            let occurred_at: i64 = row.get(0)?;
            let seq: i64 = row.get(4)?;
            if let Some(bucket) = pass
                .over_time
                .get_mut((occurred_at / bucket_ms - first) as usize)
            {
                bucket.by_severity.add(Severity::from_rank(row.get(1)?), 1);
            }
            if let Some(ip) = row.get::<_, Option<[u8; 16]>>(2)? {
                pass.sources.count(ip, seq);
            }
            pass.paths.count(row.get(3)?, seq);
        }
        Ok(pass)
    }
}

/// Every bar of the range.
fn empty_buckets(query: &StatsQuery, bucket_ms: i64) -> Vec<Bucket> {
    let first = query.since.as_millis() / bucket_ms;
    let last = (query.until.as_millis() - 1).max(query.since.as_millis()) / bucket_ms;
    (first..=last)
        .map(|bucket| Bucket {
            start: Timestamp::from_millis(bucket * bucket_ms),
            by_severity: SeverityCounts::default(),
        })
        .collect()
}

/// Counts by a key, bounded: when there are too many keys, the rarest are forgotten.
struct Tally<K> {
    counts: HashMap<K, (u64, i64)>,
    is_exact: bool,
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self {
            counts: HashMap::new(),
            is_exact: true,
        }
    }
}

impl<K: Eq + Hash + Ord> Tally<K> {
    /// Counts one of the key, seen in that row.
    fn count(&mut self, key: K, seq: i64) {
        let (count, last) = self.counts.entry(key).or_default();
        *count += 1;
        *last = seq;
        if self.counts.len() > MAX_DISTINCT {
            self.forget_rarest();
        }
    }

    fn forget_rarest(&mut self) {
        self.is_exact = false;
        let mut least = 1;
        while self.counts.len() > MAX_DISTINCT / 2 {
            self.counts.retain(|_, (count, _)| *count > least);
            least *= 2;
        }
    }

    /// The keys with the highest counts, each with one row that has it.
    fn top(self, length: usize) -> Vec<(K, u64, i64)> {
        let mut all: Vec<_> = self
            .counts
            .into_iter()
            .map(|(key, (count, seq))| (key, count, seq))
            .collect();
        all.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        all.truncate(length);
        all
    }
}

fn top_sources(
    sql: &Transaction<'_>,
    sources: Tally<[u8; 16]>,
    top: usize,
) -> Result<Vec<TopSource>, Failure> {
    let mut statement = sql.prepare_cached("SELECT country FROM threat WHERE seq = ?1")?;
    let mut listed = Vec::new();
    for (ip, count, seq) in sources.top(top) {
        let country: Option<Option<String>> =
            statement.query_row([seq], |row| row.get(0)).optional()?;
        listed.push(TopSource {
            ip: document::to_address(ip),
            country_iso_code: country.flatten(),
            count,
        });
    }
    Ok(listed)
}

fn top_paths(
    sql: &Transaction<'_>,
    paths: Tally<i64>,
    top: usize,
) -> Result<Vec<TopPath>, Failure> {
    let mut statement = sql.prepare_cached("SELECT path FROM threat WHERE seq = ?1")?;
    let mut listed = Vec::new();
    for (_, count, seq) in paths.top(top) {
        listed.push(TopPath {
            path: statement.query_row([seq], |row| row.get(0))?,
            count,
        });
    }
    Ok(listed)
}

fn top_rules(
    sql: &Transaction<'_>,
    query: &StatsQuery,
    top: usize,
) -> Result<Vec<TopRule>, Failure> {
    let statement = "
        SELECT id, title, (
            SELECT count(*) FROM threat_rule r
            WHERE r.rule = rule.seq AND r.occurred_at >= ?1 AND r.occurred_at < ?2
        ) AS fired
        FROM rule ORDER BY fired DESC, id LIMIT ?3";
    let mut statement = sql.prepare_cached(statement)?;
    let rows = statement.query_map(
        params![query.since.as_millis(), query.until.as_millis(), top],
        |row| {
            Ok(TopRule {
                rule_id: row.get(0)?,
                title: row.get(1)?,
                count: row.get(2)?,
            })
        },
    )?;
    let mut listed: Vec<_> = rows.collect::<Result<_, _>>()?;
    listed.retain(|rule| rule.count > 0);
    Ok(listed)
}

fn alert_counts(sql: &Transaction<'_>) -> Result<AlertCounts, Failure> {
    let mut counts = AlertCounts::default();
    let mut statement = sql.prepare_cached("SELECT state, count(*) FROM alert GROUP BY state")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let counter = match to_state(row.get(0)?) {
            AlertState::Open => &mut counts.open,
            AlertState::Acknowledged => &mut counts.acknowledged,
            AlertState::Resolved => &mut counts.resolved,
        };
        *counter += row.get::<_, u64>(1)?;
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_keys_lose_only_the_rare_ones() {
        let mut tally = Tally::default();
        for seq in 0..MAX_DISTINCT.cast_signed() as i64 * 2 {
            tally.count(seq, seq);
            tally.count(-1 - seq % 3, seq);
        }
        assert!(!tally.is_exact && tally.counts.len() <= MAX_DISTINCT);
        let mut top: Vec<_> = tally.top(3).into_iter().map(|(key, ..)| key).collect();
        top.sort_unstable();
        assert_eq!(top, [-3, -2, -1]);
    }
}
