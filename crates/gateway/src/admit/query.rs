//! What a URL may say of a stream, or of a look into a channel's history.

use std::collections::BTreeMap;

use axum::extract::rejection::QueryRejection;
use serde::Deserialize;
use vigil_protocol::{Filter, MAX_EXPRESSION_BYTES, MAX_FIELDS, Since, Subscribe, is_path};

use crate::admit::refusal::Refusal;
use crate::connection::roster::Purpose;

/// What of a URL is somebody else's, and never told.
const CREDENTIALS: [&str; 2] = ["ticket", "token"];

/// So many names that mean nothing are told, and so much of each.
const MAX_TOLD: usize = 8;
const MAX_TOLD_BYTES: usize = 64;

/// What a stream's URL may say.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct StreamOptions {
    since: Option<String>,
    last: Option<String>,
    min_severity: Option<String>,
    filter: Option<String>,
    fields: Option<String>,
    connection_type: Option<String>,
    /// What means nothing here.
    #[serde(flatten)]
    others: BTreeMap<String, String>,
}

impl StreamOptions {
    pub(crate) fn subscribe(&self, channel: &str) -> Result<Subscribe, Refusal> {
        let last = self.last.as_deref().map(str::parse).transpose();
        let last = last.map_err(|_| Refusal::bad("`last` must be a number"))?;
        let others = self.others.keys().map(String::as_str);
        let ignored = others.filter(|name| !CREDENTIALS.contains(name));
        let ignored = ignored.map(|name| vigil_event::text::truncated(name, MAX_TOLD_BYTES));
        Ok(Subscribe {
            channel: channel.to_owned(),
            since: since_of(self.since.as_deref(), last)?,
            ignored: ignored.take(MAX_TOLD).map(Into::into).collect(),
            min_severity: self.min_severity.clone(),
            filter: filter_of(self.filter.as_ref())?,
            fields: fields_of(self.fields.as_deref())?,
            ..Subscribe::default()
        })
    }

    /// What the connection is for, where it says so.
    pub(crate) fn purpose(&self, usual: Purpose) -> Result<Purpose, Refusal> {
        let Some(asked) = self.connection_type.as_deref() else {
            return Ok(usual);
        };
        let known = Purpose::ALL.into_iter().find(|known| known.name() == asked);
        known.ok_or_else(|| {
            let names = Purpose::ALL.map(Purpose::name).join(", ");
            Refusal::bad(format!("`connection_type` must be one of {names}"))
        })
    }
}

/// Says what is wrong with a query.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what `map_err` hands over"
)]
pub(crate) fn not_understood(error: QueryRejection) -> Refusal {
    Refusal::bad(format!("the query is not understood: {error}"))
}

/// From where, said in one of two ways.
pub(crate) fn since_of(since: Option<&str>, last: Option<u64>) -> Result<Option<Since>, Refusal> {
    match (since, last) {
        (Some(_), Some(_)) => Err(Refusal::bad(
            "`since` and `last` exclude each other: leave one out",
        )),
        (Some(text), None) => since_from(text).map(Some),
        (None, last) => Ok(last.map(Since::Last)),
    }
}

/// From the one-line form, as in a query or a `Last-Event-ID`.
pub(crate) fn since_from(text: &str) -> Result<Since, Refusal> {
    Since::from_line(text).map_err(|error| Refusal::bad(error.to_string()))
}

/// A filter, as an expression.
pub(crate) fn filter_of(expression: Option<&String>) -> Result<Option<Filter>, Refusal> {
    if expression.is_some_and(|text| text.len() > MAX_EXPRESSION_BYTES) {
        return Err(Refusal::bad(format!(
            "`filter` is longer than {MAX_EXPRESSION_BYTES} bytes"
        )));
    }
    Ok(expression.map(|expression| Filter {
        expression: Some(expression.clone()),
        ..Filter::default()
    }))
}

/// Fields, with commas between them.
pub(crate) fn fields_of(text: Option<&str>) -> Result<Vec<String>, Refusal> {
    let fields = text.unwrap_or_default().split(',');
    let fields: Vec<&str> = fields.filter(|field| !field.is_empty()).collect();
    if fields.len() > MAX_FIELDS || !fields.iter().all(|field| is_path(field)) {
        return Err(Refusal::bad(format!(
            "`fields` must be at most {MAX_FIELDS} paths such as source.ip, with commas between"
        )));
    }
    Ok(fields.into_iter().map(str::to_owned).collect())
}
