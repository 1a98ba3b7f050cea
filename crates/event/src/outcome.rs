//! Whether an attack succeeded or was only tried, as far as a log can tell.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How an attack ended; ordered from least to worst.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Outcome {
    /// It was refused, failed, or was answered as always.
    Attempt,
    /// The log does not say.
    #[default]
    Unknown,
    /// It was served, and not in the way this path is usually answered.
    LikelySuccess,
}

impl Outcome {
    /// All, from least to worst.
    pub const ALL: [Self; 3] = [Self::Attempt, Self::Unknown, Self::LikelySuccess];

    /// What the status alone says: errors are attempts, anything else may be either.
    pub const fn by_status(status: u16) -> Self {
        match status {
            400.. => Self::Attempt,
            _ => Self::Unknown,
        }
    }

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attempt => "attempt",
            Self::Unknown => "unknown",
            Self::LikelySuccess => "likely_success",
        }
    }

    /// The place in the order, 0 for an attempt to 2 for a likely success.
    pub const fn rank(self) -> u8 {
        self as u8
    }

    /// The outcome at a place in the order; anything past the end is unknown.
    pub const fn from_rank(rank: u8) -> Self {
        match rank {
            0 => Self::Attempt,
            2 => Self::LikelySuccess,
            _ => Self::Unknown,
        }
    }
}

/// The text names no outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no outcome: use attempt, unknown or likely_success")]
pub struct NotAnOutcome(pub String);

impl FromStr for Outcome {
    type Err = NotAnOutcome;

    fn from_str(text: &str) -> Result<Self, NotAnOutcome> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.name() == text)
            .ok_or_else(|| NotAnOutcome(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_ranks_come_back() {
        for outcome in Outcome::ALL {
            assert_eq!(outcome.name().parse(), Ok(outcome));
            assert_eq!(Outcome::from_rank(outcome.rank()), outcome);
            let json = serde_json::to_string(&outcome).unwrap();
            assert_eq!(json, format!("\"{}\"", outcome.name()));
        }
        assert!("success".parse::<Outcome>().is_err());
    }

    #[test]
    fn errors_are_attempts() {
        for (status, outcome) in [
            (0, Outcome::Unknown),
            (200, Outcome::Unknown),
            (302, Outcome::Unknown),
            (404, Outcome::Attempt),
            (500, Outcome::Attempt),
        ] {
            assert_eq!(Outcome::by_status(status), outcome, "{status}");
        }
    }
}
