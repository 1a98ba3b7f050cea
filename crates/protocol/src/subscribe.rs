//! The options of a subscription, and of a look into a channel's history.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::client::{Data, Outer, Refusal, channel, invalid, is_object, option, text_of};
use crate::{Filter, Since};

/// The longest severity's name that is passed on.
pub(crate) const MAX_SEVERITY_BYTES: usize = 32;

/// The most fields that may be chosen.
pub const MAX_FIELDS: usize = 64;

/// The longest name of one.
const MAX_FIELD_BYTES: usize = 128;

/// The longest a batch may wait, and the most messages in one.
const MAX_BATCH_WAIT_MS: u64 = 10_000;
const MAX_BATCH_MESSAGES: usize = 1_000;

/// The most items that `history` gives at a time.
pub const MAX_HISTORY_ITEMS: usize = 1_000;

/// The longest name of a durable subscription.
pub const MAX_DURABLE_BYTES: usize = 64;

/// How urgent a subscription is. What is more urgent overtakes on the way to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Never skipped: a client that is too slow for it is closed with 4008 first.
    Critical,
    /// As most things are.
    Normal,
    /// Last; what a slow client can't take is skipped and told as a gap.
    Bulk,
}

impl Lane {
    /// Every lane, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Critical, Self::Normal, Self::Bulk];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Normal => "normal",
            Self::Bulk => "bulk",
        }
    }
}

/// How items are gathered into one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// How long the first item may wait for others.
    #[serde(default = "default_wait_ms")]
    pub max_wait_ms: u64,
    /// When so many are there, nobody waits any longer.
    #[serde(default = "default_batch")]
    pub max_messages: usize,
}

const fn default_wait_ms() -> u64 {
    100
}

const fn default_batch() -> usize {
    100
}

/// A subscription's options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscribe {
    /// The channel, or a namespace such as `investigations:*`.
    pub channel: String,
    /// From where; none = only what comes from now on.
    pub since: Option<Since>,
    /// Only what is at least this bad. The name of a severity, not yet checked.
    pub min_severity: Option<String>,
    /// Only what this lets through.
    pub filter: Option<Filter>,
    /// Only these fields of the data, as paths such as `source.ip`. Empty = all.
    pub fields: Vec<String>,
    /// Several items in one message.
    pub batch: Option<Batch>,
    /// How urgent it is; none = as the channel is.
    pub lane: Option<Lane>,
    /// Only the newest for each value of this field, where several wait.
    pub conflate: Option<String>,
    /// The name of a cursor that the server keeps for this user.
    pub durable: Option<String>,
    /// What else was said that has no meaning here, to be told to the client.
    pub ignored: Vec<String>,
}

/// What is asked of a channel's history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The channel.
    pub channel: String,
    /// From where; none = the newest.
    pub since: Option<Since>,
    /// At most so many.
    pub limit: Option<usize>,
    /// See [`Subscribe::min_severity`].
    pub min_severity: Option<String>,
    /// See [`Subscribe::filter`].
    pub filter: Option<Filter>,
    /// See [`Subscribe::fields`].
    pub fields: Vec<String>,
    /// See [`Subscribe::ignored`].
    pub ignored: Vec<String>,
}

pub(crate) fn subscribe(
    outer: &Outer<'_>,
    data: &Data<'_>,
    ignored: Vec<String>,
) -> Result<Subscribe, Refusal> {
    Ok(Subscribe {
        channel: channel(outer, data)?,
        since: option("since", data.since)?,
        min_severity: severity(data)?,
        filter: option("filter", data.filter)?,
        fields: fields(data.fields)?,
        batch: batch(data.batch)?,
        lane: option("lane", data.lane)?,
        conflate: path("conflate", data.conflate)?,
        durable: durable(data)?,
        ignored,
    })
}

pub(crate) fn history(
    outer: &Outer<'_>,
    data: &Data<'_>,
    ignored: Vec<String>,
) -> Result<History, Refusal> {
    let limit: Option<usize> = option("limit", data.limit)?;
    if limit.is_some_and(|limit| !(1..=MAX_HISTORY_ITEMS).contains(&limit)) {
        return Err(invalid(format!(
            "`data.limit` must be 1 to {MAX_HISTORY_ITEMS}"
        )));
    }
    Ok(History {
        channel: channel(outer, data)?,
        since: option("since", data.since)?,
        limit,
        min_severity: severity(data)?,
        filter: option("filter", data.filter)?,
        fields: fields(data.fields)?,
        ignored,
    })
}

fn severity(data: &Data<'_>) -> Result<Option<String>, Refusal> {
    let name = text_of("data.min_severity", data.min_severity, MAX_SEVERITY_BYTES)?;
    Ok(name.map(std::borrow::Cow::into_owned))
}

fn batch(raw: Option<&RawValue>) -> Result<Option<Batch>, Refusal> {
    if raw.is_some_and(|raw| !is_object(raw.get())) {
        return Err(invalid("`data.batch` must be an object"));
    }
    let batch: Option<Batch> = option("batch", raw)?;
    if batch.is_some_and(|batch| {
        batch.max_wait_ms > MAX_BATCH_WAIT_MS
            || !(1..=MAX_BATCH_MESSAGES).contains(&batch.max_messages)
    }) {
        return Err(invalid(format!(
            "`data.batch` may have max_wait_ms up to {MAX_BATCH_WAIT_MS} and max_messages of 1 to {MAX_BATCH_MESSAGES}"
        )));
    }
    Ok(batch)
}

fn fields(raw: Option<&RawValue>) -> Result<Vec<String>, Refusal> {
    let fields: Vec<String> = option("fields", raw)?.unwrap_or_default();
    if fields.len() > MAX_FIELDS || !fields.iter().all(|field| is_path(field)) {
        return Err(invalid(format!(
            "`data.fields` must be at most {MAX_FIELDS} paths such as \"source.ip\""
        )));
    }
    Ok(fields)
}

fn path(name: &str, raw: Option<&RawValue>) -> Result<Option<String>, Refusal> {
    let text: Option<String> = option(name, raw)?;
    if text.as_ref().is_some_and(|text| !is_path(text)) {
        return Err(invalid(format!(
            "`data.{name}` must be a path such as \"source.ip\""
        )));
    }
    Ok(text)
}

/// Whether the text can name a field: names with dots between them, not too long.
pub fn is_path(text: &str) -> bool {
    text.len() <= MAX_FIELD_BYTES && text.split('.').all(|part| !part.is_empty())
}

fn durable(data: &Data<'_>) -> Result<Option<String>, Refusal> {
    let name: Option<String> = option("durable", data.durable)?;
    if name.as_deref().is_some_and(|name| !is_durable_name(name)) {
        return Err(invalid(format!(
            "`data.durable` may have letters, digits and . _ - only, at most {MAX_DURABLE_BYTES}"
        )));
    }
    Ok(name)
}

/// Whether the text can name a durable subscription.
pub fn is_durable_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_DURABLE_BYTES
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}
