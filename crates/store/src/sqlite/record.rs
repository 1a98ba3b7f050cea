//! Storing what the pipeline concluded: threats, their alerts, their publications, checkpoints.
//!
//! Owns: what one writing transaction has touched so far. Never holds: locks, the publish hook.

use std::collections::HashMap;

use rusqlite::{Connection, params};
use vigil_event::{
    Checkpoint, Detection, Id, Kind, Publication, SourceId, Threat, Timestamp, channel,
};

use super::failure::Failure;
use super::grouping::Growths;
use super::outbox::{self, Channel, Data};
use super::{alert, document, suppression};
use crate::{Entry, Recorded};

/// Rules that are remembered; a rule set is far smaller.
const MAX_RULES: usize = 10_000;

/// One writing transaction: collects what is to be published once it is committed.
pub(super) struct Transaction<'a> {
    pub(super) sql: &'a Connection,
    rules: &'a mut HashMap<String, (i64, String)>,
    channels: Vec<Channel>,
    published: Vec<(u64, Publication)>,
}

impl<'a> Transaction<'a> {
    pub(super) const fn new(
        sql: &'a Connection,
        rules: &'a mut HashMap<String, (i64, String)>,
    ) -> Self {
        Self {
            sql,
            rules,
            channels: Vec::new(),
            published: Vec::new(),
        }
    }

    /// What to tell after the commit, in order.
    pub(super) fn finish(self) -> Result<Vec<(u64, Publication)>, Failure> {
        for channel in &self.channels {
            channel.save(self.sql)?;
        }
        Ok(self.published)
    }

    pub(super) fn record(&mut self, entry: &Entry<'_>) -> Result<Recorded, Failure> {
        let mut recorded = Recorded::default();
        let mut growths = Growths::default();
        for grouped in entry.threats {
            let threat = &grouped.threat;
            let place = |key| growths.place(self.sql, key, threat, entry.new_alerts_per_minute);
            let alert = grouped.alert.as_ref().map(place).transpose()?;
            let Some(seq) = self.insert(threat, alert.as_ref().map(|alert| alert.id))? else {
                recorded.already += 1;
                continue;
            };
            recorded.stored += 1;
            let publication = Publication::threat(threat, entry.at);
            let statement = "INSERT INTO threat_document (seq, document) VALUES (?1, ?2)";
            self.sql
                .prepare_cached(statement)?
                .execute(params![seq, outbox::text(&publication.data)?])?;
            self.publish(publication, Data::OfThreat)?;
            if let Some(alert) = alert {
                recorded.gathered += usize::from(alert.is_gathered);
                growths.grow(self.sql, &alert, threat, entry.at)?;
            }
        }
        for growth in growths.in_order {
            growth.save(self.sql)?;
            self.publish_alert(growth.kind(), growth.alert(), entry.at)?;
        }
        for checkpoint in entry.checkpoints {
            self.move_checkpoint(checkpoint)?;
        }
        suppression::count(self.sql, entry.suppression_hits)?;
        Ok(recorded)
    }

    /// Tells of an alert's change.
    pub(super) fn publish_alert(
        &mut self,
        kind: Kind,
        alert: &vigil_event::Alert,
        at: Timestamp,
    ) -> Result<(), Failure> {
        let id = self.channel(channel::ALERTS)?.next_id(alert.id, at);
        self.publish(Publication::alert(kind, alert, id, at), Data::Own)
    }

    fn publish(&mut self, publication: Publication, data: Data) -> Result<(), Failure> {
        let sql = self.sql;
        let offset = self
            .channel(&publication.channel)?
            .push(sql, &publication, data)?;
        self.published.push((offset, publication));
        Ok(())
    }

    fn channel(&mut self, name: &str) -> Result<&mut Channel, Failure> {
        let known = self
            .channels
            .iter()
            .position(|channel| **channel.name() == *name);
        let place = if let Some(place) = known {
            place
        } else {
            self.channels.push(Channel::load(self.sql, name)?);
            self.channels.len() - 1
        };
        Ok(&mut self.channels[place])
    }

    /// Its row; none when the threat's id is known.
    fn insert(&mut self, threat: &Threat, alert: Option<Id>) -> Result<Option<i64>, Failure> {
        let path = document::counted_path(threat);
        let statement = "
            INSERT INTO threat (id, occurred_at, severity, score, ip, country, path, path_hash, alert, outcome)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
            ON CONFLICT (id) DO NOTHING";
        let inserted = self.sql.prepare_cached(statement)?.execute(params![
            threat.id.as_bytes(),
            threat.occurred_at.as_millis(),
            threat.severity.rank(),
            threat.score.value(),
            threat.source.ip.map(document::address),
            alert::country(threat),
            path,
            document::path_hash(path),
            alert.as_ref().map(Id::as_bytes),
            threat.outcome.rank(),
        ])?;
        if inserted == 0 {
            return Ok(None);
        }
        let seq = self.sql.last_insert_rowid();
        for detection in &threat.detections {
            let rule = self.rule(detection)?;
            // A rule may have fired more than once on the same threat.
            let statement =
                "INSERT OR IGNORE INTO threat_rule (rule, occurred_at, threat) VALUES (?1, ?2, ?3)";
            self.sql.prepare_cached(statement)?.execute(params![
                rule,
                threat.occurred_at.as_millis(),
                threat.id.as_bytes()
            ])?;
        }
        Ok(Some(seq))
    }

    /// The number of a rule, with its title up to date.
    fn rule(&mut self, detection: &Detection) -> Result<i64, Failure> {
        if let Some((seq, title)) = self.rules.get(&detection.rule_id)
            && *title == detection.title
        {
            return Ok(*seq);
        }
        let statement = "
            INSERT INTO rule (id, title) VALUES (?1, ?2)
            ON CONFLICT (id) DO UPDATE SET title = excluded.title
            RETURNING seq";
        let seq = self
            .sql
            .prepare_cached(statement)?
            .query_row([&detection.rule_id, &detection.title], |row| row.get(0))?;
        if self.rules.len() >= MAX_RULES {
            self.rules.clear();
        }
        self.rules
            .insert(detection.rule_id.clone(), (seq, detection.title.clone()));
        Ok(seq)
    }

    fn move_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), Failure> {
        let statement = "
            INSERT INTO checkpoint (source, state) VALUES (?1, ?2)
            ON CONFLICT (source) DO UPDATE SET state = excluded.state";
        self.sql
            .prepare_cached(statement)?
            .execute([checkpoint.source.as_str(), &checkpoint.state])?;
        Ok(())
    }
}

pub(super) fn checkpoints(sql: &rusqlite::Transaction<'_>) -> Result<Vec<Checkpoint>, Failure> {
    let mut statement =
        sql.prepare_cached("SELECT source, state FROM checkpoint ORDER BY source")?;
    let rows = statement.query_map([], |row| {
        Ok(Checkpoint {
            source: SourceId::new(row.get::<_, String>(0)?),
            state: row.get(1)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn forget_checkpoints(sql: &Connection, sources: &[SourceId]) -> Result<(), Failure> {
    let mut statement = sql.prepare_cached("DELETE FROM checkpoint WHERE source = ?1")?;
    for source in sources {
        statement.execute([source.as_str()])?;
    }
    Ok(())
}
