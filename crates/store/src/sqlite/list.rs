//! Lists of threats and alerts: filters, order, pages.
//!
//! A page is found in the narrow tables and their indexes; only its own documents are read.

use ipnet::IpNet;
use rusqlite::types::Value;
use rusqlite::{OptionalExtension as _, Transaction, params_from_iter};
use vigil_event::{Alert, Id, Outcome, Threat, Timestamp};

use super::alert;
use super::document::{self, state_number};
use super::failure::Failure;
use crate::cursor::Cursor;
use crate::query::{MAX_TEXT_BYTES, PAGE_MAX_BYTES, Sort, bounded};
use crate::{AlertQuery, Page, StoreError, ThreatQuery};

pub(super) fn threat(sql: &Transaction<'_>, id: Id) -> Result<Option<Threat>, Failure> {
    let statement =
        "SELECT document FROM threat_document WHERE seq = (SELECT seq FROM threat WHERE id = ?1)";
    let document: Option<String> = sql
        .prepare_cached(statement)?
        .query_row([id.as_bytes()], |row| row.get(0))
        .optional()?;
    document
        .map(|document| document::to_threat(&document))
        .transpose()
}

pub(super) fn threats(sql: &Transaction<'_>, query: &ThreatQuery) -> Result<Page<Threat>, Failure> {
    let limit = bounded(query.limit);
    let (statement, values) = threats_statement(query)?;
    let mut statement = sql.prepare_cached(&statement)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut page = PageBuilder::new(limit);
    let mut bytes = 0;
    // Documents are read one after the other, so that ending early also reads no more of them.
    while let Some(row) = rows.next()? {
        let document = row.get_ref("document")?;
        let document = document.as_str().map_err(rusqlite::Error::from)?;
        bytes += document.len();
        if bytes > PAGE_MAX_BYTES && !page.items.is_empty() {
            page.is_longer = true;
            break;
        }
        let cursor = Cursor {
            outcome: place_of(query.sort, Outcome::from_rank(row.get("outcome")?)),
            at: document::time(row, "at")?,
            id: document::id(row, "id")?,
        };
        page.push(cursor, || document::to_threat(document))?;
    }
    Ok(page.finish())
}

fn threats_statement(query: &ThreatQuery) -> Result<(String, Vec<Value>), Failure> {
    let (from, filter) = threat_filter(query)?;
    // The outcome is read only where it is a part of the order: the index by time does not have it.
    let (outcome, order) = match query.sort {
        Sort::Newest => ("1", "p.at DESC, p.id DESC"),
        Sort::Outcome => ("t.outcome", "p.outcome DESC, p.at DESC, p.id DESC"),
    };
    let statement = format!(
        "SELECT d.document, p.outcome, p.at, p.id FROM (
            SELECT t.seq, {outcome} AS outcome, {} AS at, {} AS id FROM {from} WHERE {} ORDER BY {} LIMIT {}
         ) p JOIN threat_document d ON d.seq = p.seq ORDER BY {order}",
        filter.at,
        filter.id,
        filter.condition(),
        filter.order(),
        bounded(query.limit) + 1
    );
    Ok((statement, filter.values))
}

/// How SQLite goes about a question.
#[cfg(test)]
pub(super) fn explain(sql: &Transaction<'_>, query: &ThreatQuery) -> Result<Vec<String>, Failure> {
    let (statement, values) = threats_statement(query)?;
    let mut statement = sql.prepare(&format!("EXPLAIN QUERY PLAN {statement}"))?;
    let rows = statement.query_map(params_from_iter(values), |row| row.get("detail"))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn threat_filter(query: &ThreatQuery) -> Result<(&'static str, Filter), Failure> {
    let narrow = query.alert.is_some() || query.network.is_some_and(is_narrow);
    // The first table drives: `CROSS JOIN` keeps SQLite from turning them around.
    let (from, at, id) = match &query.rule_id {
        Some(_) if !narrow => (
            "threat_rule r CROSS JOIN threat t ON t.id = r.threat",
            "r.occurred_at",
            "r.threat",
        ),
        _ => ("threat t", "t.occurred_at", "t.id"),
    };
    let mut filter = Filter::new(by_outcome(query.sort, "t.outcome"), at, id);
    if let Some(rule) = &query.rule_id {
        let number = "(SELECT seq FROM rule WHERE id = ?)";
        if narrow {
            filter.and(
                &format!(
                    "EXISTS (SELECT 1 FROM threat_rule r WHERE r.rule = {number} AND r.occurred_at = t.occurred_at AND r.threat = t.id)"
                ),
                [Value::Text(rule.clone())],
            );
        } else {
            filter.and(&format!("r.rule = {number}"), [Value::Text(rule.clone())]);
        }
    }
    if let Some(alert) = query.alert {
        filter.and("t.alert = ?", [blob(alert.as_bytes())]);
    }
    if let Some(severity) = query.severity {
        filter.and("t.severity = ?", [Value::Integer(severity.rank().into())]);
    }
    if let Some(severity) = query.min_severity {
        filter.and("t.severity >= ?", [Value::Integer(severity.rank().into())]);
    }
    if let Some(outcome) = query.outcome {
        filter.and("t.outcome = ?", [Value::Integer(outcome.rank().into())]);
    }
    if let Some(network) = query.network {
        filter.and_network("t.ip", network);
    }
    if let Some(since) = query.since {
        filter.and(&format!("{at} >= ?"), [moment(since)]);
    }
    if let Some(until) = query.until {
        filter.and(&format!("{at} < ?"), [moment(until)]);
    }
    if let Some(text) = &query.text {
        filter.and_text(text)?;
    }
    filter.and_cursor(query.cursor.as_deref(), query.sort)?;
    Ok((from, filter))
}

pub(super) fn alerts(sql: &Transaction<'_>, query: &AlertQuery) -> Result<Page<Alert>, Failure> {
    let limit = bounded(query.limit);
    let filter = alert_filter(query)?;
    let statement = format!(
        "SELECT {} FROM alert WHERE {} ORDER BY {} LIMIT {}",
        alert::COLUMNS,
        filter.condition(),
        filter.order(),
        limit + 1
    );
    let mut statement = sql.prepare_cached(&statement)?;
    let mut rows = statement.query(params_from_iter(filter.values))?;
    let mut page = PageBuilder::new(limit);
    while let Some(row) = rows.next()? {
        let stored = alert::from_row(row)?;
        page.push(
            Cursor {
                outcome: place_of(query.sort, stored.alert.outcome),
                at: stored.opened_at,
                id: stored.alert.id,
            },
            || Ok(stored.alert),
        )?;
    }
    Ok(page.finish())
}

fn alert_filter(query: &AlertQuery) -> Result<Filter, Failure> {
    let mut filter = Filter::new(by_outcome(query.sort, "outcome"), "opened_at", "id");
    if !query.states.is_empty() {
        let marks = vec!["?"; query.states.len()].join(", ");
        let states = query
            .states
            .iter()
            .map(|state| Value::Integer(state_number(*state).into()));
        filter.and(&format!("state IN ({marks})"), states);
    }
    if let Some(severity) = query.severity {
        filter.and("severity = ?", [Value::Integer(severity.rank().into())]);
    }
    if let Some(severity) = query.min_severity {
        filter.and("severity >= ?", [Value::Integer(severity.rank().into())]);
    }
    if let Some(outcome) = query.outcome {
        filter.and("outcome = ?", [Value::Integer(outcome.rank().into())]);
    }
    if let Some(network) = query.network {
        filter.and_network("ip", network);
    }
    if let Some(family) = &query.family {
        filter.and("family = ?", [Value::Text(family.clone())]);
    }
    if let Some(since) = query.since {
        filter.and("last_seen >= ?", [moment(since)]);
    }
    if let Some(until) = query.until {
        filter.and("first_seen < ?", [moment(until)]);
    }
    filter.and_cursor(query.cursor.as_deref(), query.sort)?;
    Ok(filter)
}

/// Conditions that must all hold, with the values for their `?`, and what the list is ordered by.
struct Filter {
    conditions: Vec<String>,
    values: Vec<Value>,
    /// Before all else, where the list is by outcome.
    outcome: Option<&'static str>,
    at: &'static str,
    id: &'static str,
}

/// The column that a list in this order has in front.
fn by_outcome(sort: Sort, column: &'static str) -> Option<&'static str> {
    (sort == Sort::Outcome).then_some(column)
}

/// What a cursor of a list in this order says of the outcome.
fn place_of(sort: Sort, outcome: Outcome) -> Option<Outcome> {
    (sort == Sort::Outcome).then_some(outcome)
}

impl Filter {
    const fn new(outcome: Option<&'static str>, at: &'static str, id: &'static str) -> Self {
        Self {
            conditions: Vec::new(),
            values: Vec::new(),
            outcome,
            at,
            id,
        }
    }

    /// The worst outcome first where that was asked for, and the newest.
    fn order(&self) -> String {
        let columns = self.outcome.into_iter().chain([self.at, self.id]);
        let columns: Vec<_> = columns.map(|column| format!("{column} DESC")).collect();
        columns.join(", ")
    }

    fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.conditions.push(condition.to_owned());
        self.values.extend(values);
    }

    fn and_network(&mut self, column: &str, network: IpNet) {
        let network = canonical(network);
        let (first, last) = document::range(network);
        if first == last {
            self.and(&format!("{column} = ?"), [blob(&first)]);
            return;
        }
        // The plus keeps SQLite from using the column's index.
        let column = if is_narrow(network) {
            column.to_owned()
        } else {
            format!("+{column}")
        };
        self.and(
            &format!("{column} BETWEEN ? AND ?"),
            [blob(&first), blob(&last)],
        );
        if matches!(network, IpNet::V6(_)) {
            // IPv4 is stored within IPv6's range, and is no part of an IPv6 network.
            self.and(
                &format!("substr({column}, 1, 12) <> x'00000000000000000000ffff'"),
                [],
            );
        }
    }

    fn and_text(&mut self, text: &str) -> Result<(), Failure> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(StoreError::TextTooLong {
                max_bytes: MAX_TEXT_BYTES,
            }
            .into());
        }
        let pattern = format!("%{}%", escape_like(text));
        let condition = ["event", "url", "user_agent"]
            .map(|place| format!("x.document ->> '$.{place}.original' LIKE ? ESCAPE '\\'"))
            .join(" OR ");
        self.and(
            &format!(
                "EXISTS (SELECT 1 FROM threat_document x WHERE x.seq = t.seq AND ({condition}))"
            ),
            std::iter::repeat_n(Value::Text(pattern), 3),
        );
        Ok(())
    }

    fn and_cursor(&mut self, cursor: Option<&str>, sort: Sort) -> Result<(), Failure> {
        let Some(cursor) = cursor else {
            return Ok(());
        };
        let cursor = Cursor::decode(cursor, sort)?;
        let (at, id) = (moment(cursor.at), blob(cursor.id.as_bytes()));
        if let Some((column, outcome)) = self.outcome.zip(cursor.outcome) {
            let condition = format!("({column}, {}, {}) < (?, ?, ?)", self.at, self.id);
            let rank = Value::Integer(outcome.rank().into());
            self.and(&condition, [rank, at, id]);
        } else {
            let condition = format!("({}, {}) < (?, ?)", self.at, self.id);
            self.and(&condition, [at, id]);
        }
        Ok(())
    }

    fn condition(&self) -> String {
        if self.conditions.is_empty() {
            "true".to_owned()
        } else {
            self.conditions.join(" AND ")
        }
    }
}

/// Collects one item more than a page has, to know whether another page follows.
struct PageBuilder<T> {
    items: Vec<T>,
    limit: usize,
    last: Option<Cursor>,
    is_longer: bool,
}

impl<T> PageBuilder<T> {
    const fn new(limit: usize) -> Self {
        Self {
            items: Vec::new(),
            limit,
            last: None,
            is_longer: false,
        }
    }

    fn push(
        &mut self,
        cursor: Cursor,
        item: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<(), Failure> {
        if self.items.len() == self.limit {
            self.is_longer = true;
            return Ok(());
        }
        self.items.push(item()?);
        self.last = Some(cursor);
        Ok(())
    }

    fn finish(self) -> Page<T> {
        let next = self
            .last
            .filter(|_| self.is_longer)
            .map(|cursor| cursor.encode());
        Page {
            items: self.items,
            next,
        }
    }
}

/// A network of IPv4 addresses in IPv6's notation is that IPv4 network.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else {
        return network;
    };
    v6.addr()
        .to_ipv4_mapped()
        .zip(v6.prefix_len().checked_sub(96))
        .and_then(|(address, prefix)| IpNet::new(address.into(), prefix).ok())
        .unwrap_or(network)
}

/// Whether a network is looked up in the index of addresses. A larger one has so much in it that
/// going through time and filtering is faster than sorting it.
fn is_narrow(network: IpNet) -> bool {
    match canonical(network) {
        IpNet::V4(v4) => v4.prefix_len() >= 16,
        // What one site gets.
        IpNet::V6(v6) => v6.prefix_len() >= 48,
    }
}

/// The text for `LIKE … ESCAPE '\'`, where `%` and `_` would mean anything.
fn escape_like(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

const fn moment(at: Timestamp) -> Value {
    Value::Integer(at.as_millis())
}

fn blob(bytes: &[u8]) -> Value {
    Value::Blob(bytes.to_vec())
}
