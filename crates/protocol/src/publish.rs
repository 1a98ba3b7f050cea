//! What a client says in a channel: publications, chat, and that somebody is typing.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::beside;
use crate::client::{
    Data, Outer, Refusal, channel, invalid, is_object, option, plain, present, text_of,
};
use crate::subscribe::MAX_SEVERITY_BYTES;

/// The longest name of what a publication tells.
const MAX_KIND_BYTES: usize = 64;

/// The longest key by which a repeated publication is known again.
pub const MAX_KEY_BYTES: usize = 128;

/// The longest chat message.
pub const MAX_CHAT_BYTES: usize = 16 * 1024;

/// How deep what is published may be nested: readers of JSON have bounds, and what is deeper would be
/// no message to them.
const MAX_DEPTH: usize = 64;

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
    #[serde(borrow, default, deserialize_with = "present")]
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
    Ok(Publish {
        channel,
        kind: owned("type", body.kind, MAX_KIND_BYTES)?,
        severity: owned("severity", body.severity, MAX_SEVERITY_BYTES)?,
        data: payload(
            body.data
                .ok_or_else(|| invalid("`data` of the publication is missing"))?,
        )?,
        idempotency_key: key(body.idempotency_key)?,
    })
}

/// `{"type":"publish","channel":…,"data":{"type":…,"data":…,"idempotency_key":…}}`. Where `data` has
/// no `data` of its own, it is itself what is published, whatever it is; severity and key stand beside
/// it then.
pub(crate) fn publish(outer: &Outer<'_>, text: &str) -> Result<Publish, Refusal> {
    let Some(raw) = outer.data else {
        return Err(invalid("`data` is missing"));
    };
    let beside = beside::beside(text)?;
    let within = if is_object(raw.get()) {
        Data::within(raw)?
    } else {
        Data::default()
    };
    let ids = [
        beside.channel,
        beside.investigation_id,
        beside.analysis_id,
        beside.session_id,
    ];
    let is_named = ids.iter().any(Option::is_some);
    let published = match within.body {
        Some(_) => {
            let channel = channel(outer, &beside::joined(outer, text)?)?;
            let body: Body<'_> = serde_json::from_str(raw.get()).map_err(|error| {
                invalid(format!(
                    "`data` of `publish` may have channel, type, severity, data, idempotency_key: {}",
                    plain(&error)
                ))
            })?;
            from_body(channel, &body)?
        }
        None => Publish {
            // What is published may well have members of these names.
            channel: channel(outer, if is_named { &beside } else { &within })?,
            kind: None,
            severity: None,
            data: payload(raw)?,
            idempotency_key: None,
        },
    };
    Ok(Publish {
        severity: match published.severity {
            None => owned("severity", beside.severity, MAX_SEVERITY_BYTES)?,
            said => said,
        },
        idempotency_key: match published.idempotency_key {
            None => key(beside.idempotency_key)?,
            said => said,
        },
        ..published
    })
}

/// What is published, which everybody who hears it has to be able to read.
fn payload(raw: &RawValue) -> Result<Box<RawValue>, Refusal> {
    if is_deeper(raw.get(), MAX_DEPTH) {
        return Err(invalid(format!(
            "`data` of the publication is nested deeper than {MAX_DEPTH} levels"
        )));
    }
    Ok(raw.to_owned())
}

/// Whether JSON has more lists and objects within each other.
fn is_deeper(json: &str, levels: usize) -> bool {
    let (mut depth, mut in_text, mut is_escaped) = (0_usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_text,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > levels {
            return true;
        }
    }
    false
}

/// A key by which a repeated publication is known again.
fn key(raw: Option<&RawValue>) -> Result<Option<String>, Refusal> {
    let key = owned("idempotency_key", raw, MAX_KEY_BYTES)?;
    if key.as_deref() == Some("") {
        return Err(invalid("`idempotency_key` is empty: leave it out"));
    }
    Ok(key)
}

fn owned(name: &str, raw: Option<&RawValue>, max: usize) -> Result<Option<String>, Refusal> {
    text_of(name, raw, max).map(|text| text.map(std::borrow::Cow::into_owned))
}

pub(crate) fn chat(outer: &Outer<'_>, data: &Data<'_>) -> Result<Chat, Refusal> {
    let message = text_of("data.message", data.message, MAX_CHAT_BYTES)?
        .filter(|text| !text.is_empty())
        .ok_or_else(|| invalid("`data.message` is missing"))?
        .into_owned();
    Ok(Chat {
        channel: channel(outer, data)?,
        message,
        idempotency_key: key(data.idempotency_key)?,
    })
}

pub(crate) fn typing(outer: &Outer<'_>, data: &Data<'_>) -> Result<(String, bool), Refusal> {
    let typing: Option<bool> = option("typing", data.typing)?;
    Ok((channel(outer, data)?, typing.unwrap_or(true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_could_read_is_not_published() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        let body = |data: &str| format!(r#"{{"channel":"events","data":{data}}}"#);
        let said = |data: &str| Publish::decode(&body(data), None);
        assert!(said(&nested(MAX_DEPTH)).is_ok());
        let error = said(&nested(MAX_DEPTH + 1)).unwrap_err();
        assert!(error.contains("64 levels"), "{error}");
        assert!(said(&format!("[{},{}]", nested(60), nested(60))).is_ok());
        let brackets = "[{".repeat(100);
        assert!(said(&format!(r#""{brackets}\"{brackets}""#)).is_ok());
        assert!(said(&format!(r#"["\\",{}]"#, nested(MAX_DEPTH))).is_err());
    }
}
