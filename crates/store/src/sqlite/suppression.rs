//! Suppressions: kept with who made and who ended them, and what they took out.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use vigil_event::{Id, Suppression, SuppressionHit, Timestamp};

use super::document;
use super::failure::Failure;
use crate::StoreError;
use crate::suppression::{MAX_ACTIVE, problem};

const COLUMNS: &str = "id, rule, network, path, host, reason, author, created_at, expires_at, removed_by, removed_at, hits, last_seen";

/// What is in force at a moment, as SQL with the moment as its first parameter.
const ACTIVE: &str = "removed_at IS NULL AND (expires_at IS NULL OR expires_at > ?1)";

pub(super) fn add(sql: &Connection, suppression: &Suppression) -> Result<(), Failure> {
    if let Some(reason) = problem(suppression) {
        return Err(StoreError::BadSuppression { reason }.into());
    }
    let statement = format!("SELECT count(*) FROM suppression WHERE {ACTIVE}");
    let active: usize = sql
        .prepare_cached(&statement)?
        .query_row([suppression.created_at.as_millis()], |row| row.get(0))?;
    if active >= MAX_ACTIVE {
        let reason = "1000 are in force already: remove one, or make one of a wider scope";
        return Err(StoreError::BadSuppression { reason }.into());
    }
    let statement = format!(
        "INSERT INTO suppression ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, NULL, NULL, 0, NULL)"
    );
    sql.prepare_cached(&statement)?.execute(params![
        suppression.id.as_bytes(),
        suppression.rule,
        suppression.network.map(|network| network.to_string()),
        suppression.path,
        suppression.host,
        suppression.reason,
        suppression.author,
        suppression.created_at.as_millis(),
        suppression.expires_at.map(Timestamp::as_millis),
    ])?;
    Ok(())
}

pub(super) fn remove(
    sql: &Connection,
    id: Id,
    by: &str,
    at: Timestamp,
) -> Result<Suppression, Failure> {
    // Who removed it first is kept.
    let statement = "UPDATE suppression SET removed_by = ?2, removed_at = ?3 WHERE id = ?1 AND removed_at IS NULL";
    sql.prepare_cached(statement)?
        .execute(params![id.as_bytes(), by, at.as_millis()])?;
    let statement = format!("SELECT {COLUMNS} FROM suppression WHERE id = ?1");
    sql.prepare_cached(&statement)?
        .query_row([id.as_bytes()], from_row)
        .optional()?
        .ok_or_else(|| StoreError::NoSuppression(id).into())
}

/// The last made first: those in force at that moment, or all that are kept.
pub(super) fn list(
    sql: &Connection,
    active_at: Option<Timestamp>,
) -> Result<Vec<Suppression>, Failure> {
    let filter = if active_at.is_some() {
        ACTIVE
    } else {
        "?1 IS NULL"
    };
    let statement = format!(
        "SELECT {COLUMNS} FROM suppression WHERE {filter} ORDER BY created_at DESC, id DESC LIMIT {}",
        crate::suppression::MAX_LISTED
    );
    let mut statement = sql.prepare_cached(&statement)?;
    let rows = statement.query_map([active_at.map(Timestamp::as_millis)], from_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Counts what suppressions took out. One that is gone is not counted.
pub(super) fn count(sql: &Connection, hits: &[SuppressionHit]) -> Result<(), Failure> {
    let statement = "
        UPDATE suppression SET hits = hits + ?2, last_seen = max(coalesce(last_seen, 0), ?3)
        WHERE id = ?1";
    let mut statement = sql.prepare_cached(statement)?;
    for hit in hits {
        statement.execute(params![
            hit.id.as_bytes(),
            hit.hits,
            hit.last_seen.as_millis()
        ])?;
    }
    Ok(())
}

/// Deletes those that ended before that moment.
pub(super) fn forget(sql: &Connection, ended_before: Timestamp) -> Result<(), Failure> {
    let statement = "DELETE FROM suppression WHERE min(coalesce(removed_at, expires_at), coalesce(expires_at, removed_at)) < ?1";
    sql.prepare_cached(statement)?
        .execute([ended_before.as_millis()])?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Suppression> {
    let time = |column: &str| -> rusqlite::Result<Option<Timestamp>> {
        Ok(row
            .get::<_, Option<i64>>(column)?
            .map(Timestamp::from_millis))
    };
    let network: Option<String> = row.get("network")?;
    Ok(Suppression {
        id: document::id(row, "id")?,
        rule: row.get("rule")?,
        // It was a network when it was written.
        network: network.and_then(|text| text.parse().ok()),
        path: row.get("path")?,
        host: row.get("host")?,
        reason: row.get("reason")?,
        author: row.get("author")?,
        created_at: document::time(row, "created_at")?,
        expires_at: time("expires_at")?,
        removed_by: row.get("removed_by")?,
        removed_at: time("removed_at")?,
        hits: row.get("hits")?,
        last_seen: time("last_seen")?,
    })
}
