//! Rooms: what was said in them, written down a moment after it was published.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, Row, params};
use vigil_event::{Kind, Publication, Timestamp};

use super::document;
use super::failure::Failure;
use super::outbox::text;
use crate::Room;

pub(super) fn keep(sql: &Connection, rooms: &[Room]) -> Result<(), Failure> {
    rooms.iter().try_for_each(|room| keep_one(sql, room))
}

fn keep_one(sql: &Connection, room: &Room) -> Result<(), Failure> {
    // Another epoch is another log: nothing of the one before has a place in it.
    sql.prepare_cached(
        "DELETE FROM room_item
         WHERE room = (SELECT seq FROM room WHERE name = ?1 AND epoch <> ?2)",
    )?
    .execute(params![room.channel, room.epoch])?;
    let seq: i64 = sql
        .prepare_cached(
            "INSERT INTO room (name, epoch, next_offset, owner) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (name) DO UPDATE SET epoch = ?2, next_offset = ?3, owner = ?4 RETURNING seq",
        )?
        .query_row(
            params![room.channel, room.epoch, room.next_offset, room.owner],
            |row| row.get(0),
        )?;
    sql.prepare_cached(r#"DELETE FROM room_item WHERE room = ?1 AND "offset" < ?2"#)?
        .execute(params![seq, room.first])?;
    if room.swept_to > 0 {
        sql.prepare_cached(&format!(
            r#"DELETE FROM room_item WHERE room = ?1 AND "offset" <= ?2 AND severity = 0
               AND kind IN ({})"#,
            fleeting_kinds()
        ))?
        .execute(params![seq, room.swept_to])?;
    }
    let mut insert = sql.prepare_cached(
        r#"INSERT OR REPLACE INTO room_item (room, "offset", id, kind, at, severity, data)
           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"#,
    )?;
    for (offset, publication) in &room.publications {
        insert.execute(params![
            seq,
            offset,
            publication.id.as_bytes(),
            publication.kind.name(),
            publication.timestamp.as_millis(),
            publication.severity.rank(),
            text(&publication.data)?,
        ])?;
    }
    Ok(())
}

/// The kinds that may be swept out, as a list of SQL. They are the program's own words.
fn fleeting_kinds() -> String {
    let fleeting = Kind::ALL.into_iter().filter(|kind| kind.is_fleeting());
    let quoted: Vec<String> = fleeting.map(|kind| format!("'{}'", kind.name())).collect();
    quoted.join(", ")
}

/// Every room, by name.
pub(super) fn all(sql: &Connection) -> Result<Vec<Room>, Failure> {
    let mut rooms = Vec::new();
    let mut statement =
        sql.prepare("SELECT seq, name, epoch, next_offset, owner FROM room ORDER BY name")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (seq, channel): (i64, Arc<str>) = (row.get(0)?, row.get(1)?);
        let publications = items(sql, seq, &channel)?;
        let next_offset = row.get(3)?;
        rooms.push(Room {
            channel,
            epoch: row.get(2)?,
            owner: row.get(4)?,
            first: publications
                .first()
                .map_or(next_offset, |(offset, _)| *offset),
            swept_to: 0,
            next_offset,
            publications,
        });
    }
    Ok(rooms)
}

fn items(
    sql: &Connection,
    seq: i64,
    channel: &Arc<str>,
) -> Result<Vec<(u64, Publication)>, Failure> {
    let mut statement = sql.prepare_cached(
        r#"SELECT "offset", id, kind, at, severity, data FROM room_item
           WHERE room = ?1 ORDER BY "offset""#,
    )?;
    let mut rows = statement.query([seq])?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        items.push((row.get("offset")?, publication(row, channel)?));
    }
    Ok(items)
}

fn publication(row: &Row<'_>, channel: &Arc<str>) -> Result<Publication, Failure> {
    let kind: String = row.get("kind")?;
    let kind = Kind::from_name(&kind)
        .ok_or_else(|| Failure::bad_row("a room", &format!("kind `{kind}`")))?;
    Ok(Publication {
        channel: Arc::clone(channel),
        kind,
        id: document::id(row, "id")?,
        timestamp: document::time(row, "at")?,
        severity: document::severity(row, "severity")?,
        data: Bytes::from(row.get::<_, String>("data")?),
    })
}

/// Forgets what is older, and rooms of which nothing is left.
pub(super) fn forget(sql: &Connection, namespace: &str, before: Timestamp) -> Result<(), Failure> {
    // A namespace ends with the colon, and `;` comes after it.
    let (from, to) = (format!("{namespace}:"), format!("{namespace};"));
    sql.execute(
        "DELETE FROM room_item WHERE at < ?3
         AND room IN (SELECT seq FROM room WHERE name >= ?1 AND name < ?2)",
        params![from, to, before.as_millis()],
    )?;
    sql.execute(
        "DELETE FROM room WHERE name >= ?1 AND name < ?2
         AND NOT EXISTS (SELECT 1 FROM room_item WHERE room = seq)",
        params![from, to],
    )?;
    Ok(())
}

/// Writes down that nothing can have been lost.
pub(super) fn close(sql: &Connection) -> Result<(), Failure> {
    sql.execute(
        "UPDATE meta SET value = 'yes' WHERE key = 'rooms_whole'",
        [],
    )?;
    Ok(())
}

/// Gives every room a new epoch if something that was published may not have been written down. Must
/// run with full synchronisation, as for the other channels.
pub(super) fn renew_epochs_unless_whole(sql: &Connection) -> rusqlite::Result<()> {
    let whole: String = sql.query_row(
        "SELECT value FROM meta WHERE key = 'rooms_whole'",
        [],
        |row| row.get(0),
    )?;
    if whole != "yes" {
        sql.execute("UPDATE room SET epoch = lower(hex(randomblob(5)))", [])?;
    }
    sql.execute("UPDATE meta SET value = 'no' WHERE key = 'rooms_whole'", [])?;
    Ok(())
}
