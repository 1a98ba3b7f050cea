//! What a client says: commands, read with as much patience as is safe.
//!
//! The frame is taken apart in two steps, so that an error can name the client's own `id` even
//! when the rest makes no sense, and so that data nobody asks for is never built in memory.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::beside;
use crate::publish::{self, Chat, Publish};
use crate::subscribe::{self, History, Subscribe, is_durable_name};
use crate::{ErrorCode, MAX_ID_BYTES, is_channel_name};

/// The commands there are, as an error lists them.
const COMMANDS: &str = "subscribe, unsubscribe, publish, history, presence, acknowledge, ack, \
                        status, ping, auth, chat, typing";

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
#[derive(Clone, Debug)]
pub struct ClientFrame {
    /// The client's own name for it.
    pub id: Option<RequestId>,
    /// What the client wants.
    pub command: Command,
}

/// What a client wants.
#[derive(Clone, Debug)]
pub enum Command {
    /// Hear a channel.
    Subscribe(Box<Subscribe>),
    /// Stop hearing a channel, or forget a durable subscription of it.
    Unsubscribe {
        /// The channel.
        channel: String,
        /// The cursor's name, if that is to be forgotten.
        durable: Option<String>,
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
    /// Say something in a channel.
    Publish(Publish),
    /// Say something in a chat.
    Chat(Chat),
    /// Say that somebody types, or stopped.
    Typing {
        /// The channel.
        channel: String,
        /// Whether they do.
        typing: bool,
    },
    /// Look back.
    History(Box<History>),
    /// Who is in a room.
    Presence {
        /// The channel.
        channel: String,
    },
    /// How the connection is.
    Status,
    /// A durable subscription is done with everything up to there.
    Ack {
        /// The cursor's name.
        durable: String,
        /// The channel.
        channel: String,
        /// The last offset that is done with.
        offset: u64,
    },
    /// Go on with a newer token.
    Auth {
        /// The token.
        token: Token,
    },
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
pub(crate) struct Outer<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    channel: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) data: Option<&'a RawValue>,
}

#[derive(Clone, Copy, Default, Deserialize)]
pub(crate) struct Data<'a> {
    #[serde(borrow)]
    pub(crate) channel: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) investigation_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) analysis_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) session_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) since: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) min_severity: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) alert_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) token: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) filter: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) fields: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) batch: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) lane: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) conflate: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) durable: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) limit: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) offset: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "data", deserialize_with = "present")]
    pub(crate) body: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) severity: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) message: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) idempotency_key: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) typing: Option<&'a RawValue>,
}

/// What is there, though it be null: that is a value which may be published.
pub(crate) fn present<'de: 'a, 'a, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl<'a> Data<'a> {
    /// The members of an object.
    pub(crate) fn within(raw: &'a RawValue) -> Result<Self, Refusal> {
        if !is_object(raw.get()) {
            return Err(invalid("`data` must be an object"));
        }
        serde_json::from_str(raw.get())
            .map_err(|error| invalid(format!("`data` is not understood: {}", plain(&error))))
    }
}

/// Whether it begins as an object does: a list of the same values in order would be read like one.
pub(crate) fn is_object(json: &str) -> bool {
    json.trim_ascii_start().starts_with('{')
}

pub(crate) type Refusal = (ErrorCode, String);

impl ClientFrame {
    /// Reads a frame. The caller bounds the text's length.
    pub fn decode(text: &str) -> Result<Self, FrameError> {
        let malformed = |message| FrameError {
            reply_to: None,
            code: ErrorCode::Malformed,
            message,
        };
        if !is_object(text) {
            return Err(malformed("the frame is no JSON object".to_owned()));
        }
        let outer: Outer<'_> = serde_json::from_str(text)
            .map_err(|error| malformed(format!("the frame is no JSON object: {error}")))?;
        let id = request_id(outer.id).map_err(|(code, message)| FrameError {
            reply_to: None,
            code,
            message,
        })?;
        match command(&outer, text) {
            Ok(command) => Ok(Self { id, command }),
            Err((code, message)) => Err(FrameError {
                reply_to: id,
                code,
                message,
            }),
        }
    }
}

pub(crate) fn invalid(message: impl Into<String>) -> Refusal {
    (ErrorCode::Invalid, message.into())
}

fn request_id(raw: Option<&RawValue>) -> Result<Option<RequestId>, Refusal> {
    let Some(raw) = raw else { return Ok(None) };
    if raw.get() == "null" {
        return Ok(None);
    }
    let id = serde_json::from_str(raw.get())
        .map_err(|_| invalid("`id` must be a string or a number"))?;
    match &id {
        RequestId::Text(text) if text.len() > MAX_ID_BYTES => {
            Err(invalid(format!("`id` is longer than {MAX_ID_BYTES} bytes")))
        }
        // It would be answered with another one.
        RequestId::Number(number) if number.is_f64() && is_whole(raw.get()) => {
            Err(invalid("`id` is too large a number: send it as a string"))
        }
        _ => Ok(Some(id)),
    }
}

/// Whether a number is written without a fraction and an exponent.
fn is_whole(number: &str) -> bool {
    number != "-0" && !number.contains(['.', 'e', 'E'])
}

fn command(outer: &Outer<'_>, text: &str) -> Result<Command, Refusal> {
    let kind = text_of("type", outer.kind, 64)?.ok_or_else(|| invalid("`type` is missing"))?;
    match &*kind {
        "publish" => return publish::publish(outer, text).map(Command::Publish),
        "status" => return Ok(Command::Status),
        "ping" => return Ok(Command::Ping),
        "pong" => return Ok(Command::Pong),
        _ => {}
    }
    let data = beside::joined(outer, text)?;
    match &*kind {
        "subscribe" => {
            let asked = subscribe::subscribe(outer, &data, beside::ignored(outer, text)?)?;
            Ok(Command::Subscribe(Box::new(asked)))
        }
        "history" => {
            let asked = subscribe::history(outer, &data, beside::ignored(outer, text)?)?;
            Ok(Command::History(Box::new(asked)))
        }
        "chat" => publish::chat(outer, &data).map(Command::Chat),
        "typing" => publish::typing(outer, &data)
            .map(|(channel, typing)| Command::Typing { channel, typing }),
        "presence" => channel(outer, &data).map(|channel| Command::Presence { channel }),
        "ack" => ack(outer, &data),
        "unsubscribe" => Ok(Command::Unsubscribe {
            channel: channel(outer, &data)?,
            durable: durable(&data)?,
        }),
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

fn ack(outer: &Outer<'_>, data: &Data<'_>) -> Result<Command, Refusal> {
    Ok(Command::Ack {
        durable: durable(data)?.ok_or_else(no_durable_name)?,
        channel: channel(outer, data)?,
        offset: option("offset", data.offset)?
            .ok_or_else(|| invalid("`data.offset` is missing"))?,
    })
}

/// The name of a durable subscription; nothing where it is missing or null.
fn durable(data: &Data<'_>) -> Result<Option<String>, Refusal> {
    let name: Option<String> = option("durable", data.durable)?;
    if name.as_deref().is_some_and(|name| !is_durable_name(name)) {
        return Err(no_durable_name());
    }
    Ok(name)
}

fn no_durable_name() -> Refusal {
    invalid("`data.durable` must be the name of a durable subscription")
}

/// An option of any type; nothing where it is missing or null.
pub(crate) fn option<'a, T: Deserialize<'a>>(
    name: &str,
    raw: Option<&'a RawValue>,
) -> Result<Option<T>, Refusal> {
    match raw {
        Some(raw) if raw.get() != "null" => serde_json::from_str(raw.get())
            .map(Some)
            .map_err(|error| invalid(format!("`data.{name}`: {}", plain(&error)))),
        _ => Ok(None),
    }
}

/// The channel, from any of the places where clients put it.
pub(crate) fn channel(outer: &Outer<'_>, data: &Data<'_>) -> Result<String, Refusal> {
    let limit = crate::MAX_CHANNEL_BYTES;
    let mut named = vec![
        text_of("channel", outer.channel, limit)?,
        text_of("data.channel", data.channel, limit)?,
    ];
    for (namespace, name, raw) in [
        (
            "investigations",
            "data.investigation_id",
            data.investigation_id,
        ),
        ("analysis", "data.analysis_id", data.analysis_id),
        ("chat", "data.session_id", data.session_id),
    ] {
        let id = match raw {
            // A number is as good as its text.
            Some(raw) if raw.get().bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(Cow::Borrowed(raw.get()))
            }
            raw => text_of(name, raw, limit)?,
        };
        named.push(id.map(|id| Cow::Owned(format!("{namespace}:{id}"))));
    }
    let mut named = named.into_iter().flatten();
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
            "`channel` may have letters, digits and . _ - : * @ + | / = ~ only, at most 256",
        ));
    }
    Ok(channel.into_owned())
}

pub(crate) fn text_of<'a>(
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
pub(crate) fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split_once(" at line ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
