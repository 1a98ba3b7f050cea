//! Retention: deletes what is too old or too much, a little at a time.
//!
//! Owns: what goes first. Never holds: the writer for longer than one small transaction.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use vigil_event::{AlertState, Timestamp, channel};

use super::document::{only, state_number};
use super::failure::Failure;
use super::suppression;
use crate::{Retention, StoreError, Trimmed};

/// How much one transaction deletes, so that a writer waits for some milliseconds at most.
const CHUNK: i64 = 500;

/// How many pages one transaction gives back to the file system.
const VACUUM_PAGES: u64 = 1_000;

/// Free pages are kept for what comes next, up to this part of the file.
const FREE_PART: u64 = 4;

/// What one transaction does.
type Work<'a> = dyn Fn(&Transaction<'_>) -> Result<Step, Failure> + 'a;

/// Deletes what the retention does not keep. `transact` runs one transaction, alone.
pub(super) fn trim(
    mut transact: impl FnMut(&Work<'_>) -> Result<Step, StoreError>,
    retention: &Retention,
    now: Timestamp,
) -> Result<Trimmed, StoreError> {
    let mut total = Step::default();
    let steps: [&Work<'_>; 6] = [
        &|sql| ended_suppressions(sql, retention, now),
        &|sql| old_publications(sql, retention, now),
        &|sql| old_threats(sql, retention, now),
        &|sql| old_alerts(sql, retention, now),
        &|sql| too_much(sql, retention),
        &|sql| give_back(sql, retention),
    ];
    for step in steps {
        loop {
            let done = transact(step)?;
            total.add(done.trimmed);
            if !done.has_more {
                break;
            }
        }
    }
    Ok(total.trimmed)
}

/// What one transaction deleted, and whether there is more of the same.
#[derive(Default)]
pub(super) struct Step {
    trimmed: Trimmed,
    has_more: bool,
}

impl Step {
    const fn add(&mut self, trimmed: Trimmed) {
        self.trimmed.threats += trimmed.threats;
        self.trimmed.alerts += trimmed.alerts;
        self.trimmed.publications += trimmed.publications;
    }
}

fn ended_suppressions(
    sql: &Transaction<'_>,
    retention: &Retention,
    now: Timestamp,
) -> Result<Step, Failure> {
    if let Some(age) = retention.max_age_ms {
        suppression::forget(sql, now.plus_millis(-age))?;
    }
    Ok(Step::default())
}

fn old_publications(
    sql: &Transaction<'_>,
    retention: &Retention,
    now: Timestamp,
) -> Result<Step, Failure> {
    let oldest = retention
        .outbox_age_ms
        .map_or(i64::MIN, |age| now.plus_millis(-age).as_millis());
    let keep = i64::try_from(retention.outbox_items).unwrap_or(i64::MAX);
    let mut step = Step::default();
    for channel in numbers(sql, "SELECT seq FROM channel")? {
        // Always from the oldest on, so that what is left has no holes.
        let statement = r#"
            SELECT max("offset") FROM (
                SELECT "offset" FROM outbox
                WHERE channel = ?1
                  AND ("offset" < (SELECT next_offset FROM channel WHERE seq = ?1) - ?2 OR at < ?3)
                ORDER BY "offset" LIMIT ?4
            )"#;
        let cutoff: Option<i64> = sql
            .prepare_cached(statement)?
            .query_row(params![channel, keep, oldest, CHUNK], |row| row.get(0))?;
        let Some(cutoff) = cutoff else {
            continue;
        };
        let deleted = delete_publications(sql, channel, cutoff)?;
        step.has_more |= deleted >= CHUNK as u64;
        step.trimmed.publications += deleted;
    }
    Ok(step)
}

fn delete_publications(sql: &Connection, channel: i64, cutoff: i64) -> Result<u64, Failure> {
    let statement = r#"DELETE FROM outbox WHERE channel = ?1 AND "offset" <= ?2"#;
    Ok(sql
        .prepare_cached(statement)?
        .execute(params![channel, cutoff])? as u64)
}

/// The numbers that a query of one column gives.
fn numbers(sql: &Connection, query: &str) -> Result<Vec<i64>, Failure> {
    let mut statement = sql.prepare_cached(query)?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn old_threats(
    sql: &Transaction<'_>,
    retention: &Retention,
    now: Timestamp,
) -> Result<Step, Failure> {
    let Some(age) = retention.max_age_ms else {
        return Ok(Step::default());
    };
    let trimmed = oldest_threats(sql, now.plus_millis(-age).as_millis(), CHUNK)?;
    Ok(Step {
        trimmed,
        has_more: trimmed.threats == CHUNK as u64,
    })
}

/// Deletes at most `limit` of the oldest threats before a moment.
fn oldest_threats(sql: &Connection, before: i64, limit: i64) -> Result<Trimmed, Failure> {
    let statement = "
        SELECT occurred_at, id FROM (
            SELECT occurred_at, id FROM threat WHERE occurred_at < ?1 ORDER BY occurred_at, id LIMIT ?2
        ) ORDER BY occurred_at DESC, id DESC LIMIT 1";
    let last = sql
        .prepare_cached(statement)?
        .query_row([before, limit], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .optional()?;
    let Some((at, id)) = last else {
        return Ok(Trimmed::default());
    };
    let statement = "
        DELETE FROM threat_rule WHERE rule = ?1 AND (occurred_at, threat) <= (?2, ?3)";
    for rule in numbers(sql, "SELECT seq FROM rule")? {
        sql.prepare_cached(statement)?
            .execute(params![rule, at, id])?;
    }
    let statement = "DELETE FROM threat WHERE (occurred_at, id) <= (?1, ?2)";
    let threats = sql.prepare_cached(statement)?.execute(params![at, id])? as u64;
    Ok(Trimmed {
        threats,
        publications: forget_threats(sql)?,
        ..Trimmed::default()
    })
}

/// Publications whose threat is gone cannot be told again, nor can those before them be joined to
/// what comes after.
fn forget_threats(sql: &Connection) -> Result<u64, Failure> {
    let statement = r#"
        SELECT channel, max("offset") FROM outbox
        WHERE data IS NULL AND NOT EXISTS (SELECT 1 FROM threat t WHERE t.id = outbox.id)"#;
    let last: (Option<i64>, Option<i64>) = sql
        .prepare_cached(statement)?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    match last {
        (Some(channel), Some(cutoff)) => delete_publications(sql, channel, cutoff),
        _ => Ok(0),
    }
}

fn old_alerts(
    sql: &Transaction<'_>,
    retention: &Retention,
    now: Timestamp,
) -> Result<Step, Failure> {
    let Some(age) = retention.max_age_ms else {
        return Ok(Step::default());
    };
    let before = now.plus_millis(-age).as_millis();
    let trimmed = oldest_alerts(sql, before, CHUNK, Which::All)?;
    Ok(Step {
        trimmed,
        has_more: trimmed.alerts == CHUNK as u64,
    })
}

/// Which of some alerts are deleted.
#[derive(Clone, Copy)]
enum Which {
    Resolved,
    All,
}

/// Of the `limit` alerts that were last seen longest ago, before a moment, deletes those that are
/// asked for, with their changes.
fn oldest_alerts(
    sql: &Connection,
    before: i64,
    limit: i64,
    which: Which,
) -> Result<Trimmed, Failure> {
    let statement = "
        DELETE FROM alert WHERE id IN (
            SELECT id FROM (
                SELECT id, state FROM alert WHERE last_seen < ?1 ORDER BY last_seen, id LIMIT ?2
            ) WHERE state >= ?3
        )";
    let lowest = match which {
        Which::Resolved => state_number(AlertState::Resolved),
        Which::All => state_number(AlertState::Open),
    };
    let alerts = sql
        .prepare_cached(statement)?
        .execute(params![before, limit, lowest])? as u64;
    let publications = match alerts {
        0 => 0,
        _ => forget_alerts(sql)?,
    };
    Ok(Trimmed {
        alerts,
        publications,
        ..Trimmed::default()
    })
}

/// The oldest publications of alerts go when all they tell of is gone. Those after the first that
/// tells of an alert that is there stay: somebody may have changed an old alert just now.
fn forget_alerts(sql: &Connection) -> Result<u64, Failure> {
    let statement = r#"
        DELETE FROM outbox
        WHERE channel = (SELECT seq FROM channel WHERE name = ?1)
          AND "offset" < coalesce((
            SELECT o."offset" FROM outbox o
            WHERE o.channel = (SELECT seq FROM channel WHERE name = ?1)
              AND EXISTS (SELECT 1 FROM alert a WHERE a.id = unhex(o.data ->> '$.id', '-'))
            ORDER BY o."offset" LIMIT 1
          ), 9223372036854775807)"#;
    Ok(sql.prepare_cached(statement)?.execute([channel::ALERTS])? as u64)
}

/// Deletes some of the oldest while the database is too large.
///
/// Threats and alerts go together, in one order of time: were it only one of them, the other could
/// fill the file.
fn too_much(sql: &Transaction<'_>, retention: &Retention) -> Result<Step, Failure> {
    let fits = || -> Result<bool, Failure> {
        let Some(max_bytes) = retention.max_bytes else {
            return Ok(true);
        };
        let size = Size::of(sql)?;
        Ok((size.pages - size.free) * size.page_bytes <= max_bytes)
    };
    if fits()? {
        return Ok(Step::default());
    }
    let (threats, alerts) = oldest(sql)?;
    let mut step = Step::default();
    step.add(oldest_threats(sql, i64::MAX, threats)?);
    let mut of_alerts = Step::default();
    of_alerts.add(oldest_alerts(sql, i64::MAX, alerts, Which::Resolved)?);
    if !fits()? {
        // Without those that were resolved, the others of them are the oldest.
        let others = alerts - of_alerts.trimmed.alerts.cast_signed();
        of_alerts.add(oldest_alerts(sql, i64::MAX, others, Which::All)?);
    }
    let Trimmed {
        alerts,
        publications,
        ..
    } = of_alerts.trimmed;
    of_alerts.trimmed.publications +=
        oldest_alert_publications(sql, alerts.saturating_sub(publications).cast_signed())?;
    step.add(of_alerts.trimmed);
    step.has_more = step.trimmed != Trimmed::default();
    Ok(step)
}

/// Deletes at most `limit` of the oldest publications of alerts, also of those that are there. At
/// least one goes with each alert: otherwise they could fill the file while all else goes.
fn oldest_alert_publications(sql: &Connection, limit: i64) -> Result<u64, Failure> {
    let statement = r#"
        DELETE FROM outbox WHERE (channel, "offset") IN (
            SELECT channel, "offset" FROM outbox
            WHERE channel = (SELECT seq FROM channel WHERE name = ?1)
            ORDER BY "offset" LIMIT ?2
        )"#;
    Ok(sql
        .prepare_cached(statement)?
        .execute(params![channel::ALERTS, limit])? as u64)
}

/// How many of a chunk of the oldest things are threats and how many alerts. Those of the same moment
/// take turns: many logs tell only seconds.
const OLDEST: &str = "
    SELECT count(*) FILTER (WHERE NOT is_alert), count(*) FILTER (WHERE is_alert) FROM (
        SELECT is_alert FROM (
            SELECT occurred_at AS at, false AS is_alert,
                   row_number() OVER (ORDER BY occurred_at, id) AS place
            FROM (SELECT occurred_at, id FROM threat ORDER BY occurred_at, id LIMIT ?1)
            UNION ALL
            SELECT last_seen, true, row_number() OVER (ORDER BY last_seen, id)
            FROM (SELECT last_seen, id FROM alert ORDER BY last_seen, id LIMIT ?1)
        ) ORDER BY at, place, is_alert LIMIT ?1
    )";

fn oldest(sql: &Connection) -> Result<(i64, i64), Failure> {
    Ok(sql
        .prepare_cached(OLDEST)?
        .query_row([CHUNK], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// Gives free pages back to the file system.
fn give_back(sql: &Transaction<'_>, retention: &Retention) -> Result<Step, Failure> {
    let size = Size::of(sql)?;
    let is_too_large = retention
        .max_bytes
        .is_some_and(|max| size.pages * size.page_bytes > max);
    if size.free == 0 || !is_too_large && size.free <= size.pages / FREE_PART {
        return Ok(Step::default());
    }
    sql.execute_batch(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES})"))?;
    let has_more = Size::of(sql)?.free < size.free;
    Ok(Step {
        trimmed: Trimmed::default(),
        has_more,
    })
}

/// How large the database is.
struct Size {
    pages: u64,
    free: u64,
    page_bytes: u64,
}

impl Size {
    fn of(sql: &Connection) -> Result<Self, Failure> {
        Ok(Self {
            pages: only(sql, "PRAGMA page_count")?,
            free: only(sql, "PRAGMA freelist_count")?,
            page_bytes: only(sql, "PRAGMA page_size")?,
        })
    }
}

#[cfg(test)]
#[path = "trim_tests.rs"]
mod tests;
