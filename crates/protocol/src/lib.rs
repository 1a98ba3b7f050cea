//! The wire, version 1: what clients and the server say to each other, as types and JSON codecs.
//!
//! A client's text becomes a [`ClientFrame`] or a [`FrameError`] that says what is wrong with it;
//! a [`ServerFrame`] or an [`Envelope`] becomes text. Every size is bounded, nothing panics on
//! input, and data that somebody else made ready is passed on without being parsed.
//!
//! Owns: the names of frames, error codes, close codes and their meaning. Never holds: sockets,
//! async code, the meaning of what a channel carries (a severity, a time or an id is text here).

#![warn(clippy::indexing_slicing)]

mod beside;
mod client;
mod close_code;
mod envelope;
mod error_code;
mod filter;
mod gap;
pub mod message_pack;
mod publish;
mod server;
mod since;
mod subscribe;
pub mod websocket;

pub use client::{ClientFrame, Command, FrameError, RequestId, Token};
pub use close_code::{CloseCode, CloseReason};
pub use envelope::{Envelope, Received, batch};
pub use error_code::ErrorCode;
pub use filter::{Filter, MAX_EXPRESSION_BYTES};
pub use gap::{Gap, GapReason};
pub use publish::{Chat, MAX_CHAT_BYTES, MAX_KEY_BYTES, Publish};
pub use server::{
    Acknowledged, Authenticated, DurableCursor, ErrorBody, Expiring, Heartbeat, HistorySaid,
    Incoming, LimitsSaid, Member, Message, Notification, Position, PresenceSaid, PublishedSaid,
    ServerFrame, StatusSaid, Subscribed, SubscriptionSaid, Unsubscribed, Welcome,
};
pub use since::{NotASince, Since};
pub use subscribe::{
    Batch, History, Lane, MAX_DURABLE_BYTES, MAX_FIELDS, MAX_HISTORY_ITEMS, Subscribe,
    is_durable_name, is_path,
};

/// The protocol's version, as `welcome` says it.
pub const VERSION: u32 = 1;

/// The sub-protocol that selects this version in JSON.
pub const SUBPROTOCOL_JSON: &str = "vigil.v1.json";

/// The longest channel name.
pub const MAX_CHANNEL_BYTES: usize = 256;

/// The longest text in a client's `id`.
pub const MAX_ID_BYTES: usize = 128;

/// The longest epoch.
pub const MAX_EPOCH_BYTES: usize = 64;

/// What a channel's name may have beside letters and digits: a user's room is named for the user, and
/// identity providers give names such as `anna@example.org` and `auth0|7`.
const CHANNEL_MARKS: &[u8] = b"._-:*@+|/=~";

/// Whether the text can be a channel's name: letters, digits and `. _ - : * @ + | / = ~`, not too long.
pub fn is_channel_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_CHANNEL_BYTES
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || CHANNEL_MARKS.contains(&byte))
}

/// Whether the text can be an epoch: letters, digits and `_ -`, not too long.
pub(crate) fn is_epoch(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_EPOCH_BYTES
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
