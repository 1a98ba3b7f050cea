//! What a client says in a channel: publications, chat, and that somebody is typing.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::client::{Data, Outer, Refusal, channel, invalid, option, text_of};

/// The longest name of what a publication tells.
const MAX_KIND_BYTES: usize = 64;

/// The longest key by which a repeated publication is known again.
pub const MAX_KEY_BYTES: usize = 128;

/// The longest chat message.
pub const MAX_CHAT_BYTES: usize = 16 * 1024;

/// Something to publish.
#[derive(Clone, Debug)]
pub struct Publish {
    /// The channel.
    pub channel: String,
    /// What it tells, such as `investigation.finding`; none = `message`.
    pub kind: Option<String>,
    /// How bad that is. The name of a severity, not yet checked.
    pub severity: Option<String>,
    /// One JSON value, as it came.
    pub data: Box<RawValue>,
    /// The same key within a few minutes is published once.
    pub idempotency_key: Option<String>,
}

/// Something said in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// The channel, such as `chat:ab12`.
    pub channel: String,
    /// What is said.
    pub message: String,
    /// See [`Publish::idempotency_key`].
    pub idempotency_key: Option<String>,
}

/// The body of a publication, the same in a frame's `data` and in a request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<'a> {
    #[serde(borrow, default)]
    channel: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow, default)]
    severity: Option<&'a RawValue>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    idempotency_key: Option<&'a RawValue>,
}

impl Publish {
    /// Reads the body of a request to publish; `channel` where the path names it.
    pub fn decode(text: &str, named: Option<&str>) -> Result<Self, String> {
        let body: Body<'_> = serde_json::from_str(text).map_err(|error| {
            format!("the body must be an object of channel, type, severity, data, idempotency_key: {error}")
        })?;
        let inside = text_of("channel", body.channel, crate::MAX_CHANNEL_BYTES)
            .map_err(|(_, message)| message)?;
        let channel = match (named, inside) {
            (Some(name), _) => name.to_owned(),
            (None, Some(name)) if crate::is_channel_name(&name) => name.into_owned(),
            (None, Some(_)) => return Err("`channel` is no channel's name".to_owned()),
            (None, None) => return Err("`channel` is missing".to_owned()),
        };
        from_body(channel, &body).map_err(|(_, message)| message)
    }
}

fn from_body(channel: String, body: &Body<'_>) -> Result<Publish, Refusal> {
    let owned = |name: &str, raw, max| {
        text_of(name, raw, max).map(|text| text.map(std::borrow::Cow::into_owned))
    };
    Ok(Publish {
        channel,
        kind: owned("type", body.kind, MAX_KIND_BYTES)?,
        severity: owned("severity", body.severity, 32)?,
        data: body
            .data
            .ok_or_else(|| invalid("`data` of the publication is missing"))?
            .to_owned(),
        idempotency_key: owned("idempotency_key", body.idempotency_key, MAX_KEY_BYTES)?,
    })
}

/// `{"type":"publish","channel":…,"data":{"type":…,"data":…,"idempotency_key":…}}`. Where `data` has
/// no `data` of its own, it is itself what is published.
pub(crate) fn publish(outer: &Outer<'_>, data: &Data<'_>) -> Result<Publish, Refusal> {
    let channel = channel(outer, data)?;
    let Some(raw) = outer.data else {
        return Err(invalid("`data` is missing"));
    };
    if data.data.is_some() {
        let body: Body<'_> = serde_json::from_str(raw.get()).map_err(|error| {
            invalid(format!(
                "`data` of `publish` may have channel, type, severity, data, idempotency_key: {error}"
            ))
        })?;
        return from_body(channel, &body);
    }
    Ok(Publish {
        channel,
        kind: None,
        severity: None,
        data: raw.to_owned(),
        idempotency_key: None,
    })
}

pub(crate) fn chat(outer: &Outer<'_>, data: &Data<'_>) -> Result<Chat, Refusal> {
    let message = text_of("data.message", data.message, MAX_CHAT_BYTES)?
        .filter(|text| !text.is_empty())
        .ok_or_else(|| invalid("`data.message` is missing"))?
        .into_owned();
    let key = text_of("data.idempotency_key", data.idempotency_key, MAX_KEY_BYTES)?;
    Ok(Chat {
        channel: channel(outer, data)?,
        message,
        idempotency_key: key.map(std::borrow::Cow::into_owned),
    })
}

pub(crate) fn typing(outer: &Outer<'_>, data: &Data<'_>) -> Result<(String, bool), Refusal> {
    let typing: Option<bool> = option("typing", data.typing)?;
    Ok((channel(outer, data)?, typing.unwrap_or(true)))
}
