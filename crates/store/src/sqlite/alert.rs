//! The life of alerts: how threats open, grow and reopen them, and what people do to them.
//!
//! Owns: the rules of that life, and when an alert is a scan. Never holds: the grouping, which comes
//! with the threat.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use vigil_event::{
    Alert, AlertAction, AlertChange, AlertKey, AlertState, Id, Kind, Outcome, Score, Threat,
    Timestamp,
};

use super::document::{self, state_number, to_state};
use super::failure::Failure;
use super::record::Transaction;
use crate::StoreError;

/// Who changes alerts by itself.
const VIGIL: &str = "vigil";

/// The longest note, in bytes.
const NOTE_MAX_BYTES: usize = 16_000;

/// The most changes of an alert that people make; a new threat still reopens it.
const MAX_CHANGES: i64 = 1_000;

/// The columns that [`from_row`] wants.
pub(super) const COLUMNS: &str = "id, opened_at, title, ip, country, family, severity, score, state, count, first_seen, last_seen, last_threat, assignee, families, worst, outcome";

/// An alert that new threats belong to.
pub(super) struct Growth {
    alert: Alert,
    opened_at: Timestamp,
    /// The title of the strongest detection.
    worst: String,
    is_new: bool,
    reopened: Option<AlertChange>,
}

impl Growth {
    /// The alert with its first new threat; opened if it is not there, reopened if it was resolved.
    pub(super) fn begin(
        sql: &Connection,
        id: Id,
        key: &AlertKey,
        threat: &Threat,
        at: Timestamp,
    ) -> Result<Self, Failure> {
        let mut growth = match load(sql, id)? {
            None => return Ok(Self::open(id, key, threat)),
            Some(stored) => Self {
                alert: stored.alert,
                opened_at: stored.opened_at,
                worst: stored.worst,
                is_new: false,
                reopened: None,
            },
        };
        if growth.alert.state == AlertState::Resolved {
            growth.reopen(at, None);
        }
        growth.add(threat, at);
        Ok(growth)
    }

    fn open(id: Id, key: &AlertKey, threat: &Threat) -> Self {
        let is_flood = key.family == Alert::FLOOD;
        let alert = Alert {
            id,
            title: title(threat).to_owned(),
            source_ip: key.source_ip,
            country_iso_code: country(threat).filter(|_| !is_flood).map(str::to_owned),
            family: key.family.clone(),
            families: Vec::new(),
            severity: threat.severity,
            score: threat.score,
            outcome: threat.outcome,
            state: AlertState::Open,
            count: 1,
            first_seen: threat.occurred_at,
            last_seen: threat.occurred_at,
            last_threat: threat.id,
            assignee: None,
            changes: Vec::new(),
        };
        let mut growth = Self {
            worst: alert.title.clone(),
            alert,
            opened_at: threat.occurred_at,
            is_new: true,
            reopened: None,
        };
        growth.join(family(threat));
        growth.name_it();
        growth
    }

    /// One more threat.
    pub(super) fn add(&mut self, threat: &Threat, at: Timestamp) {
        let is_new_kind = self.join(family(threat));
        let alert = &mut self.alert;
        alert.count += 1;
        alert.first_seen = alert.first_seen.min(threat.occurred_at);
        if threat.occurred_at >= alert.last_seen {
            alert.last_seen = threat.occurred_at;
            alert.last_threat = threat.id;
        }
        alert.severity = alert.severity.max(threat.severity);
        alert.outcome = alert.outcome.max(threat.outcome);
        let is_many = is_many(&alert.family);
        if threat.score > alert.score {
            alert.score = threat.score;
            title(threat).clone_into(&mut self.worst);
            if !is_many && alert.source_ip.is_some() {
                family(threat).clone_into(&mut alert.family);
            }
        }
        if alert.country_iso_code.is_none() && alert.family != Alert::FLOOD {
            alert.country_iso_code = country(threat).map(str::to_owned);
        }
        self.name_it();
        // Whoever acknowledged it has seen something else.
        if is_new_kind && !is_many && self.alert.state == AlertState::Acknowledged {
            let note = format!("a further kind of attack: {}", family(threat));
            self.reopen(at, Some(note));
        }
    }

    /// Notes a family; true if it is new to the alert.
    fn join(&mut self, family: &str) -> bool {
        let families = &mut self.alert.families;
        let is_new = !families.iter().any(|known| known == family);
        if is_new && families.len() < Alert::MAX_FAMILIES {
            families.push(family.to_owned());
        }
        is_new
    }

    /// Gives the alert the family and the title that fit what it has become.
    fn name_it(&mut self) {
        let alert = &mut self.alert;
        let kinds = alert.families.len();
        if alert.family == Alert::FLOOD {
            "Alert flood: attacks beyond the most new alerts a minute".clone_into(&mut alert.title);
        } else if kinds >= Alert::SCAN_FAMILIES && alert.source_ip.is_some() {
            Alert::SCAN.clone_into(&mut alert.family);
            alert.title = format!(
                "Scan with {kinds} kinds of attack, the worst: {}",
                self.worst
            );
        } else {
            alert.title.clone_from(&self.worst);
        }
    }

    fn reopen(&mut self, at: Timestamp, note: Option<String>) {
        self.alert.state = AlertState::Open;
        self.reopened.get_or_insert(AlertChange {
            action: AlertAction::Reopen,
            by: VIGIL.to_owned(),
            at,
            note,
        });
    }

    pub(super) const fn is_new(&self) -> bool {
        self.is_new
    }

    pub(super) const fn alert(&self) -> &Alert {
        &self.alert
    }

    /// What its publication tells.
    pub(super) const fn kind(&self) -> Kind {
        if self.is_new {
            Kind::AlertNew
        } else {
            Kind::AlertUpdated
        }
    }

    pub(super) fn save(&self, sql: &Connection) -> Result<(), Failure> {
        save(sql, &self.alert, self.opened_at, &self.worst)?;
        if let Some(change) = &self.reopened {
            append_change(sql, self.alert.id, change)?;
        }
        Ok(())
    }
}

/// What a change does to an alert in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// It gets this state, and who did it becomes its assignee.
    Becomes(AlertState, Kind),
    /// Only what was said is kept.
    Says,
    /// It was done already.
    Nothing,
    /// It makes no sense in this state.
    Conflict,
}

const fn effect(action: AlertAction, state: AlertState) -> Effect {
    match (action, state) {
        (AlertAction::Acknowledge, AlertState::Open) => {
            Effect::Becomes(AlertState::Acknowledged, Kind::AlertAcknowledged)
        }
        (AlertAction::Resolve, AlertState::Open | AlertState::Acknowledged) => {
            Effect::Becomes(AlertState::Resolved, Kind::AlertResolved)
        }
        (AlertAction::Reopen, AlertState::Resolved) => {
            Effect::Becomes(AlertState::Open, Kind::AlertUpdated)
        }
        (AlertAction::Note, _) => Effect::Says,
        (AlertAction::Acknowledge, AlertState::Acknowledged)
        | (AlertAction::Resolve, AlertState::Resolved)
        | (AlertAction::Reopen, AlertState::Open) => Effect::Nothing,
        (AlertAction::Acknowledge, AlertState::Resolved)
        | (AlertAction::Reopen, AlertState::Acknowledged) => Effect::Conflict,
    }
}

impl Transaction<'_> {
    pub(super) fn change_alert(
        &mut self,
        id: Id,
        mut change: AlertChange,
    ) -> Result<Alert, Failure> {
        let StoredAlert {
            mut alert,
            opened_at,
            worst,
        } = load(self.sql, id)?.ok_or_else(|| Failure::not_found(id))?;
        check(self.sql, id, &change)?;
        let kind = match effect(change.action, alert.state) {
            Effect::Conflict => {
                return Err(StoreError::Conflict {
                    id,
                    state: alert.state,
                    action: change.action,
                }
                .into());
            }
            Effect::Nothing if change.note.is_none() => return with_changes(self.sql, alert),
            Effect::Nothing | Effect::Says => {
                change.action = AlertAction::Note;
                Kind::AlertUpdated
            }
            Effect::Becomes(state, kind) => {
                alert.state = state;
                alert.assignee = Some(change.by.clone());
                kind
            }
        };
        save(self.sql, &alert, opened_at, &worst)?;
        append_change(self.sql, id, &change)?;
        self.publish_alert(kind, &alert, change.at)?;
        with_changes(self.sql, alert)
    }
}

fn check(sql: &Connection, id: Id, change: &AlertChange) -> Result<(), Failure> {
    let note = change.note.as_deref().unwrap_or_default();
    let statement = "SELECT count(*) FROM alert_change WHERE alert = ?1";
    let changes: i64 = sql
        .prepare_cached(statement)?
        .query_row([id.as_bytes()], |row| row.get(0))?;
    let reason = if change.action == AlertAction::Note && note.trim().is_empty() {
        "a note needs a text"
    } else if note.len() > NOTE_MAX_BYTES {
        "a note may have 16000 bytes: shorten it"
    } else if changes >= MAX_CHANGES {
        "it has been changed 1000 times already: go on elsewhere"
    } else {
        return Ok(());
    };
    Err(StoreError::BadChange { id, reason }.into())
}

/// The alert with every change.
pub(super) fn load_with_changes(sql: &Connection, id: Id) -> Result<Option<Alert>, Failure> {
    load(sql, id)?
        .map(|stored| with_changes(sql, stored.alert))
        .transpose()
}

fn with_changes(sql: &Connection, mut alert: Alert) -> Result<Alert, Failure> {
    let statement = "SELECT action, by, at, note FROM alert_change WHERE alert = ?1 ORDER BY n";
    let mut statement = sql.prepare_cached(statement)?;
    let mut rows = statement.query([alert.id.as_bytes()])?;
    while let Some(row) = rows.next()? {
        alert.changes.push(to_change(row)?);
    }
    Ok(alert)
}

fn to_change(row: &Row<'_>) -> Result<AlertChange, Failure> {
    let name: String = row.get("action")?;
    let action = [
        AlertAction::Acknowledge,
        AlertAction::Resolve,
        AlertAction::Note,
        AlertAction::Reopen,
    ]
    .into_iter()
    .find(|action| action.name() == name)
    .ok_or_else(|| Failure::bad_row("a change of an alert", &format!("action `{name}`")))?;
    Ok(AlertChange {
        action,
        by: row.get("by")?,
        at: document::time(row, "at")?,
        note: row.get("note")?,
    })
}

/// An alert without its changes, with what is kept beside it.
pub(super) struct StoredAlert {
    pub(super) alert: Alert,
    pub(super) opened_at: Timestamp,
    worst: String,
}

fn load(sql: &Connection, id: Id) -> Result<Option<StoredAlert>, Failure> {
    let statement = format!("SELECT {COLUMNS} FROM alert WHERE id = ?1");
    Ok(sql
        .prepare_cached(&statement)?
        .query_row([id.as_bytes()], from_row)
        .optional()?)
}

pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<StoredAlert> {
    let families: String = row.get("families")?;
    let alert = Alert {
        id: document::id(row, "id")?,
        title: row.get("title")?,
        source_ip: row.get::<_, Option<_>>("ip")?.map(document::to_address),
        country_iso_code: row.get("country")?,
        family: row.get("family")?,
        // It is only shown: what cannot be read is left out.
        families: serde_json::from_str(&families).unwrap_or_default(),
        severity: document::severity(row, "severity")?,
        score: Score::new(row.get("score")?),
        outcome: Outcome::from_rank(row.get("outcome")?),
        state: to_state(row.get("state")?),
        count: row.get("count")?,
        first_seen: document::time(row, "first_seen")?,
        last_seen: document::time(row, "last_seen")?,
        last_threat: document::id(row, "last_threat")?,
        assignee: row.get("assignee")?,
        changes: Vec::new(),
    };
    Ok(StoredAlert {
        alert,
        opened_at: document::time(row, "opened_at")?,
        worst: row.get("worst")?,
    })
}

fn save(sql: &Connection, alert: &Alert, opened_at: Timestamp, worst: &str) -> Result<(), Failure> {
    let families = serde_json::to_string(&alert.families).unwrap_or_default();
    // Not `INSERT OR REPLACE`, which would delete the row and its changes with it.
    let statement = format!(
        "INSERT INTO alert ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
         ON CONFLICT (id) DO UPDATE SET
            title = excluded.title, family = excluded.family, country = excluded.country, severity = excluded.severity,
            score = excluded.score, state = excluded.state, count = excluded.count,
            first_seen = excluded.first_seen, last_seen = excluded.last_seen,
            last_threat = excluded.last_threat, assignee = excluded.assignee,
            families = excluded.families, worst = excluded.worst, outcome = excluded.outcome"
    );
    sql.prepare_cached(&statement)?.execute(params![
        alert.id.as_bytes(),
        opened_at.as_millis(),
        alert.title,
        alert.source_ip.map(document::address),
        alert.country_iso_code,
        alert.family,
        alert.severity.rank(),
        alert.score.value(),
        state_number(alert.state),
        alert.count,
        alert.first_seen.as_millis(),
        alert.last_seen.as_millis(),
        alert.last_threat.as_bytes(),
        alert.assignee,
        families,
        worst,
        alert.outcome.rank(),
    ])?;
    Ok(())
}

fn append_change(sql: &Connection, id: Id, change: &AlertChange) -> Result<(), Failure> {
    let statement = "
        INSERT INTO alert_change (alert, n, action, by, at, note)
        SELECT ?1, coalesce(max(n), 0) + 1, ?2, ?3, ?4, ?5 FROM alert_change WHERE alert = ?1";
    sql.prepare_cached(statement)?.execute(params![
        id.as_bytes(),
        change.action.name(),
        change.by,
        change.at.as_millis(),
        change.note,
    ])?;
    Ok(())
}

fn title(threat: &Threat) -> &str {
    threat
        .detections
        .first()
        .map_or("", |strongest| strongest.title.as_str())
}

fn family(threat: &Threat) -> &str {
    threat
        .detections
        .first()
        .map_or("", |strongest| strongest.family.as_str())
}

/// Whether an alert of that family stands for many kinds of attack already.
fn is_many(family: &str) -> bool {
    family == Alert::SCAN || family == Alert::FLOOD
}

pub(super) fn country(threat: &Threat) -> Option<&str> {
    threat
        .source
        .geo
        .as_ref()
        .map(|geo| geo.country_iso_code.as_str())
}
