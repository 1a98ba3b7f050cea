//! Brings a database's schema up to date.
//!
//! To change the schema: add `migrations/NNNN_name.sql` and a line in [`MIGRATIONS`]. A migration
//! that was released is never edited.

use rusqlite::{Connection, TransactionBehavior};

use super::failure::Failure;

/// Every migration, in order. The version of a schema is how many of them it has had.
const MIGRATIONS: [&str; 9] = [
    include_str!("../../migrations/0001_first.sql"),
    include_str!("../../migrations/0002_alert_seen.sql"),
    include_str!("../../migrations/0003_suppression.sql"),
    include_str!("../../migrations/0004_alert_families.sql"),
    include_str!("../../migrations/0005_revocation.sql"),
    include_str!("../../migrations/0006_outcome.sql"),
    include_str!("../../migrations/0007_by_outcome.sql"),
    include_str!("../../migrations/0008_room.sql"),
    include_str!("../../migrations/0009_room_owner.sql"),
];

/// Marks the file as ours (`VGIL`): the fields that SQLite keeps for this in its header.
const APPLICATION_ID: i64 = 0x5647_494c;

/// The version of a schema that this program made.
pub(super) const KNOWN: i64 = MIGRATIONS.len().cast_signed() as i64;

/// The version of a schema that has suppressions.
pub(super) const WITH_SUPPRESSIONS: i64 = 3;

/// Applies what is missing, each migration in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Failure> {
    let found = recognise(connection)?;
    if found > KNOWN {
        return Err(Failure::Newer {
            found,
            known: KNOWN,
        });
    }
    for (done, migration) in MIGRATIONS.iter().enumerate().skip(found as usize) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", done + 1)?;
        transaction.commit()?;
        tracing::debug!(version = done + 1, "store schema brought up to date");
    }
    Ok(())
}

/// The version of the schema, 0 for an empty file; an error for a database that is not ours.
pub(super) fn recognise(connection: &Connection) -> Result<i64, Failure> {
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let application = number("PRAGMA application_id")?;
    let version = number("PRAGMA user_version")?;
    let is_empty =
        application == 0 && version == 0 && number("SELECT count(*) FROM sqlite_schema")? == 0;
    if application == APPLICATION_ID && version >= 0 || is_empty {
        Ok(version)
    } else {
        Err(Failure::Foreign)
    }
}
