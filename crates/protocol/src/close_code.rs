//! The closed list of why the server ends a connection, and what the client should do then.

use serde::{Deserialize, Serialize};

/// Why a connection ends. Codes below 4000 are those of RFC 6455 and its registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// The work is done.
    Normal,
    /// The server stops.
    GoingAway,
    /// The client sent bytes that are no WebSocket frames.
    Protocol,
    /// A text message was no UTF-8.
    NotText,
    /// The client broke a rule that has no code of its own.
    Policy,
    /// A message is longer than allowed.
    TooBig,
    /// A fault in the server.
    Internal,
    /// The server stops and comes back.
    Restart,
    /// The server has too much to do.
    Overloaded,
    /// The token is not valid, or no longer.
    Unauthenticated,
    /// Commands kept coming after the limit was said.
    RateLimited,
    /// A right was lost.
    Forbidden,
    /// The client does not take what is sent.
    SlowConsumer,
    /// Nothing was heard from the client, not even answers to pings.
    Silent,
}

/// What stands in a close frame's reason, as JSON of at most 123 bytes (RFC 6455, 5.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseReason {
    /// The code's name.
    pub code: String,
    /// Whether the client should connect again, and resume.
    pub reconnect: bool,
    /// How long it should wait before that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl CloseCode {
    /// Every code.
    pub const ALL: [Self; 14] = [
        Self::Normal,
        Self::GoingAway,
        Self::Protocol,
        Self::NotText,
        Self::Policy,
        Self::TooBig,
        Self::Internal,
        Self::Restart,
        Self::Overloaded,
        Self::Unauthenticated,
        Self::RateLimited,
        Self::Forbidden,
        Self::SlowConsumer,
        Self::Silent,
    ];

    /// The number in the close frame.
    pub const fn number(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::GoingAway => 1001,
            Self::Protocol => 1002,
            Self::NotText => 1007,
            Self::Policy => 1008,
            Self::TooBig => 1009,
            Self::Internal => 1011,
            Self::Restart => 1012,
            Self::Overloaded => 1013,
            Self::Unauthenticated => 4001,
            Self::RateLimited => 4002,
            Self::Forbidden => 4003,
            Self::SlowConsumer => 4008,
            Self::Silent => 4009,
        }
    }

    /// The code of that number.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.number() == number)
    }

    /// The name in the reason.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::GoingAway => "going_away",
            Self::Protocol => "protocol",
            Self::NotText => "not_text",
            Self::Policy => "policy",
            Self::TooBig => "too_big",
            Self::Internal => "internal",
            Self::Restart => "restart",
            Self::Overloaded => "overloaded",
            Self::Unauthenticated => "unauthenticated",
            Self::RateLimited => "rate_limited",
            Self::Forbidden => "forbidden",
            Self::SlowConsumer => "slow_consumer",
            Self::Silent => "silent",
        }
    }

    /// Whether connecting again with the same token can help.
    pub const fn reconnect(self) -> bool {
        match self {
            Self::GoingAway
            | Self::Internal
            | Self::Restart
            | Self::Overloaded
            | Self::RateLimited
            | Self::SlowConsumer
            | Self::Silent => true,
            Self::Normal
            | Self::Protocol
            | Self::NotText
            | Self::Policy
            | Self::TooBig
            | Self::Unauthenticated
            | Self::Forbidden => false,
        }
    }

    /// What it means, for people.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Normal => "the work is done",
            Self::GoingAway => "the server stops",
            Self::Protocol => "the client sent bytes that are no WebSocket frames",
            Self::NotText => "a text message was no UTF-8",
            Self::Policy => "the client broke a rule",
            Self::TooBig => "a message is longer than allowed",
            Self::Internal => "a fault in the server",
            Self::Restart => "the server stops and comes back",
            Self::Overloaded => "the server has too much to do",
            Self::Unauthenticated => "the token is not valid, or no longer",
            Self::RateLimited => "commands kept coming after the limit was said",
            Self::Forbidden => "a right was lost",
            Self::SlowConsumer => "the client does not take what is sent",
            Self::Silent => "nothing was heard from the client",
        }
    }

    /// The close frame's reason.
    pub fn reason(self, retry_after_ms: Option<u64>) -> String {
        let reason = CloseReason {
            code: self.name().to_owned(),
            reconnect: self.reconnect(),
            retry_after_ms,
        };
        serde_json::to_string(&reason).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_reasons_are_read_back() {
        for code in CloseCode::ALL {
            assert_eq!(CloseCode::from_number(code.number()), Some(code));
            let text = code.reason(Some(u64::MAX));
            assert!(text.len() <= 123, "{text}");
            let reason: CloseReason = serde_json::from_str(&text).unwrap();
            assert_eq!(reason.code, code.name());
            assert_eq!(reason.reconnect, code.reconnect());
        }
        assert_eq!(CloseCode::from_number(1005), None);
    }

    #[test]
    fn a_reason_looks_like_this() {
        assert_eq!(
            CloseCode::Restart.reason(Some(1_500)),
            r#"{"code":"restart","reconnect":true,"retry_after_ms":1500}"#
        );
        assert_eq!(
            CloseCode::Unauthenticated.reason(None),
            r#"{"code":"unauthenticated","reconnect":false}"#
        );
    }
}
