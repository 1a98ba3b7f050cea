//! What the server says besides publications: answers, heartbeats, gaps, warnings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{ErrorCode, Gap, Lane, Received, RequestId, Since};

/// A place in a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The channel's epoch.
    pub epoch: String,
    /// The offset of the last item that is behind.
    pub offset: u64,
}

impl From<Position> for Since {
    fn from(position: Position) -> Self {
        Self::Position {
            epoch: position.epoch,
            offset: position.offset,
        }
    }
}

/// The first frame of every connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The connection's id, for questions to whoever runs the server.
    pub connection_id: String,
    /// The server's time.
    pub server_time: String,
    /// The machine's name.
    pub node: String,
    /// [`VERSION`](crate::VERSION).
    pub protocol_version: u32,
    /// Who the client is, as the token says.
    pub subject: String,
    /// What the client is, as the token says.
    pub role: String,
    /// When the token ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// What the client said the connection is for: `general`, `investigation`, `analysis` or `chat`.
    pub connection_type: String,
    /// The channels this token may hear, rooms as patterns such as `investigations:*`.
    pub channels: Vec<String>,
    /// The durable subscriptions that the server keeps for this user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub durable: Vec<DurableCursor>,
    /// How often the server pings.
    pub ping_interval_ms: u64,
    /// What the client must keep to.
    pub limits: LimitsSaid,
}

/// Where a durable subscription stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DurableCursor {
    /// Its name.
    pub durable: String,
    /// The channel.
    pub channel: String,
    /// Everything up to here was acknowledged by the client.
    pub position: Position,
}

/// The limits that `welcome` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsSaid {
    /// The longest message a client may send.
    pub max_message_bytes: usize,
    /// How many channels a connection may hear.
    pub max_subscriptions: usize,
    /// How many rooms it may hear through namespaces.
    pub max_rooms: usize,
    /// The longest data that a client may publish.
    pub max_publish_bytes: usize,
    /// How many messages a second a client may send.
    pub messages_per_second: u32,
    /// How many at once.
    pub message_burst: u32,
    /// After this long without a sign of life the server closes the connection.
    pub silence_ms: u64,
}

/// The answer to `subscribe`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscribed {
    /// The subscription goes on after this position; none of a namespace, whose rooms have one each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// The channel's newest position now: what lies between is sent first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Position>,
    /// Whether everything that was asked for with `since` is there. False means a `gap` follows.
    pub recovered: bool,
    /// The least severity that is sent, if one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_severity: Option<String>,
    /// How urgent it is.
    pub lane: Lane,
    /// The durable subscription's name, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durable: Option<String>,
    /// Options of the command that have no meaning here, such as a name that was misspelt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
}

/// The answer to `publish`, `chat` and `typing`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedSaid {
    /// The message's id.
    pub id: String,
    /// Where it stands.
    pub position: Position,
    /// Whether it was published before with the same key, and not again now.
    pub duplicate: bool,
}

/// The answer to `history`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HistorySaid {
    /// Publications, the oldest first.
    pub items: Vec<Box<RawValue>>,
    /// To go on, ask with `since` of this position.
    pub position: Position,
    /// The channel's newest position.
    pub head: Position,
    /// Whether there is more after this.
    pub more: bool,
    /// What was asked for and is no longer there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// See [`Subscribed::ignored`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<String>,
}

/// The answer to `presence`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceSaid {
    /// Who is there, by connection; the first so many.
    pub members: Vec<Member>,
    /// How many connections there are in all.
    pub connections: usize,
    /// How many different users.
    pub users: usize,
}

/// Somebody who hears a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Their connection.
    pub connection_id: String,
    /// Who it is.
    pub user: String,
    /// Since when.
    pub joined_at: String,
}

/// The answer to `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusSaid {
    /// The server's time.
    pub server_time: String,
    /// The connection.
    pub connection_id: String,
    /// See [`Welcome::connection_type`].
    pub connection_type: String,
    /// Who the client is.
    pub subject: String,
    /// What the client is.
    pub role: String,
    /// How long the connection lasts.
    pub connected_ms: u64,
    /// What it hears.
    pub subscriptions: Vec<SubscriptionSaid>,
}

/// One subscription of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscriptionSaid {
    /// The channel, or the namespace such as `investigations:*`.
    pub channel: String,
    /// Where it stands; not for a namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// How urgent it is.
    pub lane: Lane,
    /// How many rooms of a namespace are heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rooms: Option<usize>,
    /// The durable subscription's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durable: Option<String>,
}

/// Something said to one connection only, outside of any channel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Notification {
    /// The message's id.
    pub id: String,
    /// When it was said.
    pub timestamp: String,
    /// Who said it.
    pub from: String,
    /// What.
    pub message: Box<RawValue>,
}

/// What is no longer heard, or no longer kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsubscribed {
    /// The channel.
    pub channel: String,
    /// The durable subscription that is forgotten, where one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durable: Option<String>,
}

/// The data of `ping` and `pong`: where each subscription stands, also when nothing was sent
/// because nothing matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The server's time.
    pub server_time: String,
    /// By channel: everything up to here was sent, filtered out or declared in a gap.
    pub positions: BTreeMap<String, Position>,
}

/// The answer to `acknowledge`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Acknowledged {
    /// The alert as it is now.
    pub alert: Box<RawValue>,
}

/// The answer to `auth`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authenticated {
    /// Who the client is now.
    pub subject: String,
    /// What the client is now.
    pub role: String,
    /// When the new token ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// The channels the new token may hear.
    pub channels: Vec<String>,
}

/// Said a minute before the token ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expiring {
    /// When it ends.
    pub expires_at: String,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The kind.
    pub code: ErrorCode,
    /// What is wrong and what to do, for people.
    pub message: String,
    /// Whether the same command may succeed later.
    pub retryable: bool,
    /// After how long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The channels there are, where an unknown one was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
}

impl ErrorBody {
    /// An error of that kind.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retryable: code.retryable(),
            retry_after_ms: None,
            channels: Vec::new(),
        }
    }
}

/// What a frame says.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Message {
    /// The first frame.
    Welcome(Welcome),
    /// Answers `subscribe`.
    Subscribed(Subscribed),
    /// Answers `unsubscribe`.
    Unsubscribed(Unsubscribed),
    /// The server's heartbeat.
    Ping(Heartbeat),
    /// Answers `ping`.
    Pong(Heartbeat),
    /// Answers `acknowledge`.
    Acknowledged(Acknowledged),
    /// Answers `auth`.
    Authenticated(Authenticated),
    /// Answers `publish`, `chat` and `typing`.
    Published(PublishedSaid),
    /// Answers `history`.
    History(HistorySaid),
    /// Answers `presence`.
    Presence(PresenceSaid),
    /// Answers `status`.
    Status(StatusSaid),
    /// Answers `ack`.
    Acked(DurableCursor),
    /// Somebody says something to this connection only.
    Notification(Notification),
    /// The token ends soon.
    Expiring(Expiring),
    /// Something was not delivered.
    Gap(Gap),
    /// A command was not carried out.
    Error(ErrorBody),
}

impl Message {
    /// The frame's `type`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Welcome(_) => "welcome",
            Self::Subscribed(_) => "subscribed",
            Self::Unsubscribed(_) => "unsubscribed",
            Self::Ping(_) => "ping",
            Self::Pong(_) => "pong",
            Self::Acknowledged(_) => "acknowledged",
            Self::Authenticated(_) => "authenticated",
            Self::Published(_) => "published",
            Self::History(_) => "history",
            Self::Presence(_) => "presence",
            Self::Status(_) => "status",
            Self::Acked(_) => "acked",
            Self::Notification(_) => "notification",
            Self::Expiring(_) => "expiring",
            Self::Gap(_) => "gap",
            Self::Error(_) => "error",
        }
    }
}

/// A frame that is no publication.
#[derive(Clone, Debug)]
pub struct ServerFrame {
    /// The id of the command that this answers.
    pub reply_to: Option<RequestId>,
    /// The channel it is about.
    pub channel: Option<String>,
    /// What it says.
    pub message: Message,
}

#[derive(Serialize)]
struct Wire<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<&'a RequestId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    data: &'a Message,
}

impl ServerFrame {
    /// The frame as JSON.
    pub fn encode(&self) -> String {
        let wire = Wire {
            kind: self.message.name(),
            reply_to: self.reply_to.as_ref(),
            channel: self.channel.as_deref(),
            data: &self.message,
        };
        // Text, numbers and maps with text keys: there is nothing that JSON can't hold.
        serde_json::to_string(&wire).unwrap_or_default()
    }
}

/// Anything the server sends, as a client reads it.
#[derive(Clone, Debug)]
pub enum Incoming {
    /// An item of a channel.
    Publication(Received),
    /// Several items of channels.
    Batch(Vec<Received>),
    /// Anything else that this version knows.
    Frame(ServerFrame),
    /// A type that a newer server may send: to be passed over.
    Other(String),
}

#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    reply_to: Option<RequestId>,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    offset: Option<u64>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

impl Incoming {
    /// Reads what a server sent.
    pub fn decode(text: &str) -> Result<Self, serde_json::Error> {
        let outer: Outer<'_> = serde_json::from_str(text)?;
        if outer.offset.is_some() {
            return serde_json::from_str(text).map(Self::Publication);
        }
        let data = outer.data.map_or("null", RawValue::get);
        let message = match outer.kind.as_str() {
            "welcome" => Message::Welcome(serde_json::from_str(data)?),
            "subscribed" => Message::Subscribed(serde_json::from_str(data)?),
            "unsubscribed" => Message::Unsubscribed(serde_json::from_str(data)?),
            "ping" => Message::Ping(serde_json::from_str(data)?),
            "pong" => Message::Pong(serde_json::from_str(data)?),
            "acknowledged" => Message::Acknowledged(serde_json::from_str(data)?),
            "authenticated" => Message::Authenticated(serde_json::from_str(data)?),
            "batch" => return serde_json::from_str(data).map(Self::Batch),
            "published" => Message::Published(serde_json::from_str(data)?),
            "history" => Message::History(serde_json::from_str(data)?),
            "presence" => Message::Presence(serde_json::from_str(data)?),
            "status" => Message::Status(serde_json::from_str(data)?),
            "acked" => Message::Acked(serde_json::from_str(data)?),
            "notification" => Message::Notification(serde_json::from_str(data)?),
            "expiring" => Message::Expiring(serde_json::from_str(data)?),
            "gap" => Message::Gap(serde_json::from_str(data)?),
            "error" => Message::Error(serde_json::from_str(data)?),
            _ => return Ok(Self::Other(outer.kind)),
        };
        Ok(Self::Frame(ServerFrame {
            reply_to: outer.reply_to,
            channel: outer.channel,
            message,
        }))
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
