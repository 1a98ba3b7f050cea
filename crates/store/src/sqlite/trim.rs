//! Retention: deletes what is too old or too much, a little at a time.
//!
//! Owns: what goes first. Never holds: the writer for longer than one small transaction.

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use vigil_event::Timestamp;

use super::document::only;
use super::failure::Failure;
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
    let mut trimmed = Trimmed::default();
    let steps: [&Work<'_>; 5] = [
        &|sql| old_publications(sql, retention, now),
        &|sql| old_threats(sql, retention, now),
        &|sql| old_alerts(sql, retention, now),
        &|sql| too_much(sql, retention),
        &|sql| give_back(sql, retention),
    ];
    for step in steps {
        loop {
            let done = transact(step)?;
            trimmed.publications += done.trimmed.publications;
            trimmed.threats += done.trimmed.threats;
            trimmed.alerts += done.trimmed.alerts;
            if !done.has_more {
                break;
            }
        }
    }
    Ok(trimmed)
}

/// What one transaction deleted, and whether there is more of the same.
#[derive(Default)]
pub(super) struct Step {
    trimmed: Trimmed,
    has_more: bool,
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
    for channel in channels(sql)? {
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

fn channels(sql: &Connection) -> Result<Vec<i64>, Failure> {
    let mut statement = sql.prepare_cached("SELECT seq FROM channel")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn old_threats(
    sql: &Transaction<'_>,
    retention: &Retention,
    now: Timestamp,
) -> Result<Step, Failure> {
    match retention.max_age_ms {
        Some(age) => oldest_threats(sql, now.plus_millis(-age).as_millis()),
        None => Ok(Step::default()),
    }
}

/// Deletes some of the oldest threats before a moment.
fn oldest_threats(sql: &Connection, before: i64) -> Result<Step, Failure> {
    let statement = "
        SELECT occurred_at, id FROM (
            SELECT occurred_at, id FROM threat WHERE occurred_at < ?1 ORDER BY occurred_at, id LIMIT ?2
        ) ORDER BY occurred_at DESC, id DESC LIMIT 1";
    let last = sql
        .prepare_cached(statement)?
        .query_row([before, CHUNK], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .optional()?;
    let Some((at, id)) = last else {
        return Ok(Step::default());
    };
    let statement = "
        DELETE FROM threat_rule WHERE rule = ?1 AND (occurred_at, threat) <= (?2, ?3)";
    for rule in rules(sql)? {
        sql.prepare_cached(statement)?
            .execute(params![rule, at, id])?;
    }
    let statement = "DELETE FROM threat WHERE (occurred_at, id) <= (?1, ?2)";
    let threats = sql.prepare_cached(statement)?.execute(params![at, id])? as u64;
    let publications = forget_publications(sql)?;
    let trimmed = Trimmed {
        threats,
        publications,
        ..Trimmed::default()
    };
    Ok(Step {
        trimmed,
        has_more: threats == CHUNK as u64,
    })
}

/// Publications whose threat is gone cannot be told again, nor can those before them be joined to
/// what comes after.
fn forget_publications(sql: &Connection) -> Result<u64, Failure> {
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

fn rules(sql: &Connection) -> Result<Vec<i64>, Failure> {
    let mut statement = sql.prepare_cached("SELECT seq FROM rule")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn old_alerts(
    sql: &Transaction<'_>,
    retention: &Retention,
    now: Timestamp,
) -> Result<Step, Failure> {
    match retention.max_age_ms {
        Some(age) => resolved_alerts(sql, now.plus_millis(-age).as_millis()),
        None => Ok(Step::default()),
    }
}

/// Deletes some of the oldest resolved alerts that were last seen before a moment, with their
/// changes.
fn resolved_alerts(sql: &Connection, before: i64) -> Result<Step, Failure> {
    // An alert was opened no later than it was last seen: the index ends the search.
    let statement = "
        DELETE FROM alert WHERE id IN (
            SELECT id FROM alert WHERE state = 2 AND opened_at < ?1 AND last_seen < ?1
            ORDER BY opened_at, id LIMIT ?2
        )";
    let deleted = sql.prepare_cached(statement)?.execute([before, CHUNK])? as u64;
    let trimmed = Trimmed {
        alerts: deleted,
        ..Trimmed::default()
    };
    Ok(Step {
        trimmed,
        has_more: deleted == CHUNK as u64,
    })
}

/// Deletes some of the oldest while the database is too large.
fn too_much(sql: &Transaction<'_>, retention: &Retention) -> Result<Step, Failure> {
    let Some(max_bytes) = retention.max_bytes else {
        return Ok(Step::default());
    };
    let size = Size::of(sql)?;
    if (size.pages - size.free) * size.page_bytes <= max_bytes {
        return Ok(Step::default());
    }
    let mut step = oldest_threats(sql, i64::MAX)?;
    if step.trimmed.threats == 0 {
        step = resolved_alerts(sql, i64::MAX)?;
    }
    step.has_more = step.trimmed != Trimmed::default();
    Ok(step)
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
