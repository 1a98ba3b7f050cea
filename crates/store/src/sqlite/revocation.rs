//! Revocations: kept so that they outlive a restart.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use vigil_event::{Id, Revocation, Revoked, Timestamp};

use super::document;
use super::failure::Failure;
use crate::StoreError;
use crate::revocation::{MAX_KEPT, problem};

const COLUMNS: &str = "id, kind, value, reason, author, created_at, expires_at";

pub(super) fn add(sql: &Connection, revocation: &Revocation) -> Result<(), Failure> {
    if let Some(reason) = problem(revocation) {
        return Err(StoreError::BadRevocation { reason }.into());
    }
    // What has expired makes room.
    sql.prepare_cached("DELETE FROM revocation WHERE expires_at <= ?1")?
        .execute([revocation.created_at.as_millis()])?;
    let kept: usize = sql
        .prepare_cached("SELECT count(*) FROM revocation")?
        .query_row([], |row| row.get(0))?;
    if kept >= MAX_KEPT {
        let reason = "10000 are kept already: lift some, or revoke by user or key";
        return Err(StoreError::BadRevocation { reason }.into());
    }
    let statement =
        format!("INSERT INTO revocation ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    sql.prepare_cached(&statement)?.execute(params![
        revocation.id.as_bytes(),
        revocation.revoked.kind(),
        revocation.revoked.value(),
        revocation.reason,
        revocation.author,
        revocation.created_at.as_millis(),
        revocation.expires_at.map(Timestamp::as_millis),
    ])?;
    Ok(())
}

pub(super) fn lift(sql: &Connection, id: Id) -> Result<Revocation, Failure> {
    let statement = format!("DELETE FROM revocation WHERE id = ?1 RETURNING {COLUMNS}");
    sql.prepare_cached(&statement)?
        .query_row([id.as_bytes()], from_row)
        .optional()?
        .ok_or_else(|| StoreError::NoRevocation(id).into())
}

/// Those in force at that moment, the last made first.
pub(super) fn list(sql: &Connection, at: Timestamp) -> Result<Vec<Revocation>, Failure> {
    let statement = format!(
        "SELECT {COLUMNS} FROM revocation WHERE expires_at IS NULL OR expires_at > ?1
         ORDER BY created_at DESC, id DESC"
    );
    let mut statement = sql.prepare_cached(&statement)?;
    let rows = statement.query_map([at.as_millis()], from_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Revocation> {
    let kind: String = row.get("kind")?;
    let value: String = row.get("value")?;
    Ok(Revocation {
        id: document::id(row, "id")?,
        // The table takes no other kind.
        revoked: Revoked::of(&kind, value).ok_or(rusqlite::Error::InvalidQuery)?,
        reason: row.get("reason")?,
        author: row.get("author")?,
        created_at: document::time(row, "created_at")?,
        expires_at: row
            .get::<_, Option<i64>>("expires_at")?
            .map(Timestamp::from_millis),
    })
}
