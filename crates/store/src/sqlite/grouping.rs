//! Which alerts an entry's threats open and grow.
//!
//! Owns: the limit on alerts that are opened in one minute, beyond which threats are gathered in one
//! alert of their window. The minute is one of event time and the count is of what is stored, so the
//! same lines read again group the same way. Never holds: what an alert makes of a threat.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, params};
use vigil_event::{Alert, AlertKey, Id, Threat, Timestamp};

use super::alert::Growth;
use super::failure::Failure;

const MINUTE_MS: i64 = 60_000;

/// The alert that a threat belongs to.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) id: Id,
    key: AlertKey,
    /// Its own alert would be one too many.
    pub(super) is_gathered: bool,
}

/// The alerts that an entry opens or grows, in the order in which it does.
#[derive(Default)]
pub(super) struct Growths {
    pub(super) in_order: Vec<Growth>,
    places: HashMap<Id, usize>,
    /// Alerts that were opened in each minute that was asked for.
    opened: HashMap<i64, u64>,
}

impl Growths {
    /// Which alert a threat belongs to. Changes nothing.
    pub(super) fn place(
        &mut self,
        sql: &Connection,
        key: &AlertKey,
        threat: &Threat,
        new_per_minute: Option<u32>,
    ) -> Result<Place, Failure> {
        let own = Place {
            id: key.id(),
            key: key.clone(),
            is_gathered: false,
        };
        let Some(limit) = new_per_minute else {
            return Ok(own);
        };
        if self.places.contains_key(&own.id) || exists(sql, own.id)? {
            return Ok(own);
        }
        let minute = minute_of(threat);
        let opened = match self.opened.get(&minute) {
            Some(opened) => *opened,
            None => opened_in(sql, minute)?,
        };
        self.opened.insert(minute, opened);
        if opened < u64::from(limit) {
            return Ok(own);
        }
        let key = key.flood();
        Ok(Place {
            id: key.id(),
            key,
            is_gathered: true,
        })
    }

    /// Adds a new threat to its alert.
    pub(super) fn grow(
        &mut self,
        sql: &Connection,
        place: &Place,
        threat: &Threat,
        at: Timestamp,
    ) -> Result<(), Failure> {
        let known = self.places.get(&place.id).copied();
        if let Some(growth) = known.and_then(|known| self.in_order.get_mut(known)) {
            growth.add(threat, at);
            return Ok(());
        }
        let growth = Growth::begin(sql, place.id, &place.key, threat, at)?;
        if growth.is_new()
            && !place.is_gathered
            && let Some(opened) = self.opened.get_mut(&minute_of(threat))
        {
            *opened += 1;
        }
        self.places.insert(place.id, self.in_order.len());
        self.in_order.push(growth);
        Ok(())
    }
}

fn minute_of(threat: &Threat) -> i64 {
    threat.occurred_at.as_millis().div_euclid(MINUTE_MS)
}

fn exists(sql: &Connection, id: Id) -> Result<bool, Failure> {
    let found = sql
        .prepare_cached("SELECT 1 FROM alert WHERE id = ?1")?
        .query_row([id.as_bytes()], |_| Ok(()))
        .optional()?;
    Ok(found.is_some())
}

fn opened_in(sql: &Connection, minute: i64) -> Result<u64, Failure> {
    let statement =
        "SELECT count(*) FROM alert WHERE opened_at >= ?1 AND opened_at < ?2 AND family <> ?3";
    let from = minute * MINUTE_MS;
    Ok(sql
        .prepare_cached(statement)?
        .query_row(params![from, from + MINUTE_MS, Alert::FLOOD], |row| {
            row.get(0)
        })?)
}
