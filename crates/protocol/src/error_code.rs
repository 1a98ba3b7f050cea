//! The closed list of what an `error` frame can say.

use serde::{Deserialize, Serialize};

/// Why a command was not carried out. The connection stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The frame is no JSON object.
    Malformed,
    /// A field is missing, has the wrong type or a value that is not understood.
    Invalid,
    /// No command has this name.
    UnknownType,
    /// No channel has this name.
    UnknownChannel,
    /// The command is known; this channel or connection can't do it.
    Unsupported,
    /// The token's rights don't reach that far.
    Forbidden,
    /// The token in an `auth` command is not accepted.
    Unauthenticated,
    /// The connection hears this channel already.
    AlreadySubscribed,
    /// The connection does not hear this channel.
    NotSubscribed,
    /// The connection hears as many channels as it may.
    TooManySubscriptions,
    /// The user opened as many rooms as they may.
    TooManyRooms,
    /// More commands came than are allowed in that time.
    RateLimited,
    /// No such thing.
    NotFound,
    /// The thing is in a state where that can't be done.
    Conflict,
    /// A part of the server that is needed does not work now.
    Unavailable,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 15] = [
        Self::Malformed,
        Self::Invalid,
        Self::UnknownType,
        Self::UnknownChannel,
        Self::Unsupported,
        Self::Forbidden,
        Self::Unauthenticated,
        Self::AlreadySubscribed,
        Self::NotSubscribed,
        Self::TooManySubscriptions,
        Self::TooManyRooms,
        Self::RateLimited,
        Self::NotFound,
        Self::Conflict,
        Self::Unavailable,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Invalid => "invalid",
            Self::UnknownType => "unknown_type",
            Self::UnknownChannel => "unknown_channel",
            Self::Unsupported => "unsupported",
            Self::Forbidden => "forbidden",
            Self::Unauthenticated => "unauthenticated",
            Self::AlreadySubscribed => "already_subscribed",
            Self::NotSubscribed => "not_subscribed",
            Self::TooManySubscriptions => "too_many_subscriptions",
            Self::TooManyRooms => "too_many_rooms",
            Self::RateLimited => "rate_limited",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
        }
    }

    /// Whether the same command may succeed later.
    pub const fn retryable(self) -> bool {
        matches!(self, Self::RateLimited | Self::Unavailable)
    }

    /// What it means, for people.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Malformed => "the frame is no JSON object",
            Self::Invalid => "a field is missing or has a value that is not understood",
            Self::UnknownType => "no command has this name",
            Self::UnknownChannel => "no channel has this name",
            Self::Unsupported => "this channel or connection can't do that",
            Self::Forbidden => "the token does not grant this",
            Self::Unauthenticated => "the token is not accepted",
            Self::AlreadySubscribed => "this connection hears the channel already",
            Self::NotSubscribed => "this connection does not hear the channel",
            Self::TooManySubscriptions => "this connection hears as many channels as it may",
            Self::TooManyRooms => "this user opened as many rooms as they may",
            Self::RateLimited => "too many commands in that time",
            Self::NotFound => "there is no such thing",
            Self::Conflict => "it is in a state where that can't be done",
            Self::Unavailable => "a needed part of the server does not work now",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_serde_writes() {
        for code in ErrorCode::ALL {
            let json = format!("\"{}\"", code.name());
            assert_eq!(serde_json::to_string(&code).unwrap(), json);
            assert_eq!(serde_json::from_str::<ErrorCode>(&json).unwrap(), code);
            assert!(!code.text().is_empty());
        }
    }
}
