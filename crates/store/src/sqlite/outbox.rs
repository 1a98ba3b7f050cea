//! The outbox: every publication with its channel's offset, committed with what it tells.
//!
//! Owns: offsets and epochs. Never holds: who listens.

use std::sync::Arc;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use vigil_event::{Id, Kind, Publication, Timestamp};

use super::failure::Failure;
use super::{document, room};
use crate::{Backlog, StoreError};

/// Gives a channel's next offsets within one transaction.
pub(super) struct Channel {
    seq: i64,
    name: Arc<str>,
    epoch: Arc<str>,
    first: u64,
    next: u64,
}

/// Where a publication's data stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Data {
    /// In the outbox itself.
    Own,
    /// In the document of the threat with the publication's id.
    OfThreat,
}

impl Channel {
    pub(super) fn load(sql: &Connection, name: &str) -> Result<Self, Failure> {
        let statement = "SELECT seq, name, epoch, next_offset FROM channel WHERE name = ?1";
        let found = sql.prepare_cached(statement)?.query_row([name], |row| {
            Ok(Self {
                seq: row.get(0)?,
                name: row.get(1)?,
                epoch: row.get(2)?,
                first: row.get(3)?,
                next: row.get(3)?,
            })
        });
        Ok(found
            .optional()?
            .ok_or_else(|| StoreError::UnknownChannel(name.chars().take(64).collect()))?)
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// An id for the next publication, of what it tells about: the same one only in the same place.
    pub(super) fn next_id(&self, about: Id, at: Timestamp) -> Id {
        Id::derived(
            at,
            &[
                b"publication",
                self.epoch.as_bytes(),
                about.as_bytes(),
                &self.next.to_le_bytes(),
            ],
        )
    }

    /// Appends a publication and gives its offset.
    pub(super) fn push(
        &mut self,
        sql: &Connection,
        publication: &Publication,
        data: Data,
    ) -> Result<u64, Failure> {
        let offset = self.next;
        let statement = r#"
            INSERT INTO outbox (channel, "offset", id, kind, at, severity, data)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"#;
        let own = (data == Data::Own)
            .then(|| text(&publication.data))
            .transpose()?;
        sql.prepare_cached(statement)?.execute(params![
            self.seq,
            offset,
            publication.id.as_bytes(),
            publication.kind.name(),
            publication.timestamp.as_millis(),
            publication.severity.rank(),
            own,
        ])?;
        self.next += 1;
        Ok(offset)
    }

    /// Writes down which offset comes next.
    pub(super) fn save(&self, sql: &Connection) -> Result<(), Failure> {
        if self.next != self.first {
            let statement = "UPDATE channel SET next_offset = ?2 WHERE seq = ?1";
            sql.prepare_cached(statement)?
                .execute(params![self.seq, self.next])?;
        }
        Ok(())
    }
}

/// JSON that `serde_json` wrote, which is always UTF-8.
pub(super) fn text(data: &Bytes) -> Result<&str, Failure> {
    std::str::from_utf8(data).map_err(|error| Failure::bad_row("a publication", &error))
}

/// The newest publications of a channel, back to the first that is gone.
pub(super) fn backlog(sql: &Transaction<'_>, name: &str, limit: usize) -> Result<Backlog, Failure> {
    let channel = Channel::load(sql, name)?;
    let statement = r#"
        SELECT o."offset", o.id, o.kind, o.at, o.severity, coalesce(o.data, d.document) AS data
        FROM outbox o
        LEFT JOIN threat t ON o.data IS NULL AND t.id = o.id
        LEFT JOIN threat_document d ON d.seq = t.seq
        WHERE o.channel = ?1 ORDER BY o."offset" DESC LIMIT ?2"#;
    let mut statement = sql.prepare_cached(statement)?;
    let mut rows = statement.query(params![
        channel.seq,
        i64::try_from(limit).unwrap_or(i64::MAX)
    ])?;
    let mut publications = Vec::new();
    let mut expected = channel.next;
    while let Some(row) = rows.next()? {
        let offset: u64 = row.get("offset")?;
        let Some(publication) = to_publication(row, channel.name())? else {
            break;
        };
        if offset + 1 != expected {
            break;
        }
        expected = offset;
        publications.push((offset, publication));
    }
    publications.reverse();
    Ok(Backlog {
        epoch: channel.epoch,
        next_offset: channel.next,
        publications,
    })
}

/// None when the threat that it tells of is gone.
fn to_publication(row: &Row<'_>, channel: &Arc<str>) -> Result<Option<Publication>, Failure> {
    let Some(data) = row.get::<_, Option<String>>("data")? else {
        return Ok(None);
    };
    let kind: String = row.get("kind")?;
    let kind = Kind::from_name(&kind)
        .ok_or_else(|| Failure::bad_row("a publication", &format!("kind `{kind}`")))?;
    Ok(Some(Publication {
        channel: Arc::clone(channel),
        kind,
        id: document::id(row, "id")?,
        timestamp: document::time(row, "at")?,
        severity: document::severity(row, "severity")?,
        data: Bytes::from(data),
    }))
}

/// Gives every channel a new epoch if the machine failed while the store was open.
///
/// Clients may then have seen offsets whose entries were lost and that will be given again. Must run
/// with full synchronisation: what it writes has to be on the disk before anything is published.
pub(super) fn renew_epochs_after_crash(
    connection: &mut Connection,
    boot: &str,
) -> Result<(), Failure> {
    let transaction = connection.transaction()?;
    let meta = |key| {
        transaction.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| {
            row.get::<_, String>(0)
        })
    };
    if meta("closed")? == "no" && meta("boot")? != boot {
        tracing::warn!("the machine stopped while the store was open: channels get a new epoch");
        transaction.execute("UPDATE channel SET epoch = lower(hex(randomblob(5)))", [])?;
    }
    room::renew_epochs_unless_whole(&transaction)?;
    transaction.execute("UPDATE meta SET value = 'no' WHERE key = 'closed'", [])?;
    transaction.execute("UPDATE meta SET value = ?1 WHERE key = 'boot'", [boot])?;
    Ok(transaction.commit()?)
}

/// Writes down that nothing can have been lost.
pub(super) fn close_well(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute("UPDATE meta SET value = 'yes' WHERE key = 'closed'", [])?;
    Ok(())
}
