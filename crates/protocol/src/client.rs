//! What a client says: commands, read with as much patience as is safe.
//!
//! The frame is taken apart in two steps, so that an error can name the client's own `id` even
//! when the rest makes no sense, and so that data nobody asks for is never built in memory.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{ErrorCode, MAX_ID_BYTES, Since, is_channel_name};

/// The commands there are, as an error lists them.
const COMMANDS: &str = "subscribe, unsubscribe, ping, acknowledge, auth";

/// Options of `subscribe` that have a meaning but no effect yet. Leaving one out in silence would
/// send the client other things than it asked for.
const NOT_YET: [&str; 6] = ["filter", "fields", "batch", "lane", "conflate", "durable"];

/// The longest severity's name that is passed on.
const MAX_SEVERITY_BYTES: usize = 32;

/// The longest token.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// The client's own name for a command, given back in the answer as it came: text or a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RequestId {
    /// A number.
    Number(serde_json::Number),
    /// A text of at most [`MAX_ID_BYTES`].
    Text(String),
}

/// A command and the name its answer should carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFrame {
    /// The client's own name for it.
    pub id: Option<RequestId>,
    /// What the client wants.
    pub command: Command,
}

/// What a client wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Hear a channel.
    Subscribe(Subscribe),
    /// Stop hearing a channel.
    Unsubscribe {
        /// The channel.
        channel: String,
    },
    /// Say that you are there, and where each subscription stands.
    Ping,
    /// The answer to a `ping` frame. Needs no reply.
    Pong,
    /// Take an alert in hand.
    Acknowledge {
        /// The alert's id, as text.
        alert_id: String,
    },
    /// Go on with a newer token.
    Auth {
        /// The token.
        token: Token,
    },
}

/// A subscription's options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// The channel.
    pub channel: String,
    /// From where; none = only what comes from now on.
    pub since: Option<Since>,
    /// Only what is at least this bad. The name of a severity, not yet checked.
    pub min_severity: Option<String>,
}

/// A token. Never shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(pub String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Why a client's frame can't be carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FrameError {
    /// The frame's id, where it could be read.
    pub reply_to: Option<RequestId>,
    /// The kind of error.
    pub code: ErrorCode,
    /// What is wrong, for people.
    pub message: String,
}

#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    channel: Option<&'a RawValue>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    channel: Option<&'a RawValue>,
    #[serde(borrow)]
    investigation_id: Option<&'a RawValue>,
    #[serde(borrow)]
    since: Option<&'a RawValue>,
    #[serde(borrow)]
    min_severity: Option<&'a RawValue>,
    #[serde(borrow)]
    alert_id: Option<&'a RawValue>,
    #[serde(borrow)]
    token: Option<&'a RawValue>,
    #[serde(borrow)]
    filter: Option<&'a RawValue>,
    #[serde(borrow)]
    fields: Option<&'a RawValue>,
    #[serde(borrow)]
    batch: Option<&'a RawValue>,
    #[serde(borrow)]
    lane: Option<&'a RawValue>,
    #[serde(borrow)]
    conflate: Option<&'a RawValue>,
    #[serde(borrow)]
    durable: Option<&'a RawValue>,
}

type Refusal = (ErrorCode, String);

impl ClientFrame {
    /// Reads a frame. The caller bounds the text's length.
    pub fn decode(text: &str) -> Result<Self, FrameError> {
        let outer: Outer<'_> = serde_json::from_str(text).map_err(|error| FrameError {
            reply_to: None,
            code: ErrorCode::Malformed,
            message: format!("the frame is no JSON object: {error}"),
        })?;
        let id = request_id(outer.id).map_err(|(code, message)| FrameError {
            reply_to: None,
            code,
            message,
        })?;
        match command(&outer) {
            Ok(command) => Ok(Self { id, command }),
            Err((code, message)) => Err(FrameError {
                reply_to: id,
                code,
                message,
            }),
        }
    }
}

fn invalid(message: impl Into<String>) -> Refusal {
    (ErrorCode::Invalid, message.into())
}

fn request_id(raw: Option<&RawValue>) -> Result<Option<RequestId>, Refusal> {
    let Some(raw) = raw else { return Ok(None) };
    if raw.get() == "null" {
        return Ok(None);
    }
    let id = serde_json::from_str(raw.get())
        .map_err(|_| invalid("`id` must be a string or a number"))?;
    if matches!(&id, RequestId::Text(text) if text.len() > MAX_ID_BYTES) {
        return Err(invalid(format!("`id` is longer than {MAX_ID_BYTES} bytes")));
    }
    Ok(Some(id))
}

fn command(outer: &Outer<'_>) -> Result<Command, Refusal> {
    let kind = text_of("type", outer.kind, 64)?.ok_or_else(|| invalid("`type` is missing"))?;
    let data: Data<'_> = match outer.data {
        Some(raw) if raw.get() != "null" => serde_json::from_str(raw.get())
            .map_err(|error| invalid(format!("`data` is not understood: {error}")))?,
        _ => Data::default(),
    };
    match &*kind {
        "subscribe" => subscribe(outer, &data),
        "unsubscribe" => Ok(Command::Unsubscribe {
            channel: channel(outer, &data)?,
        }),
        "ping" => Ok(Command::Ping),
        "pong" => Ok(Command::Pong),
        "acknowledge" => match text_of("data.alert_id", data.alert_id, MAX_ID_BYTES)? {
            Some(alert_id) => Ok(Command::Acknowledge {
                alert_id: alert_id.into_owned(),
            }),
            None => Err(invalid("`data.alert_id` is missing")),
        },
        "auth" => match text_of("data.token", data.token, MAX_TOKEN_BYTES)? {
            Some(token) => Ok(Command::Auth {
                token: Token(token.into_owned()),
            }),
            None => Err(invalid("`data.token` is missing")),
        },
        other => {
            let shown: String = other.chars().take(64).collect();
            Err((
                ErrorCode::UnknownType,
                format!("`{shown}` is no command: use {COMMANDS}"),
            ))
        }
    }
}

fn subscribe(outer: &Outer<'_>, data: &Data<'_>) -> Result<Command, Refusal> {
    let given = [
        data.filter,
        data.fields,
        data.batch,
        data.lane,
        data.conflate,
        data.durable,
    ];
    let mut options = NOT_YET.iter().zip(given);
    if let Some((name, _)) = options.find(|(_, value)| value.is_some()) {
        return Err((
            ErrorCode::Unsupported,
            format!("`data.{name}` is not supported yet: leave it out"),
        ));
    }
    let since = match data.since {
        Some(raw) if raw.get() != "null" => {
            Some(serde_json::from_str(raw.get()).map_err(|error| invalid(plain(&error)))?)
        }
        _ => None,
    };
    let min_severity =
        text_of("data.min_severity", data.min_severity, MAX_SEVERITY_BYTES)?.map(Cow::into_owned);
    Ok(Command::Subscribe(Subscribe {
        channel: channel(outer, data)?,
        since,
        min_severity,
    }))
}

/// The channel, from any of the places where clients put it.
fn channel(outer: &Outer<'_>, data: &Data<'_>) -> Result<String, Refusal> {
    let limit = crate::MAX_CHANNEL_BYTES;
    let room = match data.investigation_id {
        // An investigation's number is as good as its text.
        Some(raw) if raw.get().bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(Cow::Borrowed(raw.get()))
        }
        raw => text_of("data.investigation_id", raw, limit)?,
    };
    let mut named = [
        text_of("channel", outer.channel, limit)?,
        text_of("data.channel", data.channel, limit)?,
        room.map(|id| Cow::Owned(format!("investigations:{id}"))),
    ]
    .into_iter()
    .flatten();
    let channel = named
        .next()
        .ok_or_else(|| invalid("`channel` is missing"))?;
    if named.any(|other| other != channel) {
        return Err(invalid(
            "the frame names two channels: send one frame for each",
        ));
    }
    if !is_channel_name(&channel) {
        return Err(invalid(
            "`channel` may have letters, digits and . _ - : * only, at most 256",
        ));
    }
    Ok(channel.into_owned())
}

fn text_of<'a>(
    name: &str,
    raw: Option<&'a RawValue>,
    max_bytes: usize,
) -> Result<Option<Cow<'a, str>>, Refusal> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

    let Some(raw) = raw.filter(|raw| raw.get() != "null") else {
        return Ok(None);
    };
    let Text(text) = serde_json::from_str(raw.get())
        .map_err(|_| invalid(format!("`{name}` must be a string")))?;
    if text.len() > max_bytes {
        return Err(invalid(format!(
            "`{name}` is longer than {max_bytes} bytes"
        )));
    }
    Ok(Some(text))
}

/// The error's own words, without the place in a part of the frame that the client never sees.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split_once(" at line ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
