//! What credentials are no longer accepted, by whose word and why.

use serde::{Deserialize, Serialize};

use crate::{Id, Timestamp};

/// What is revoked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Revoked {
    /// The token of that id (its claim `jti`), and the sessions and tickets that were opened with it.
    Token(String),
    /// Every credential of that user that was issued up to the revocation; what is issued later is
    /// accepted. A credential that does not say when it was issued, such as an API key, is refused.
    User(String),
    /// The API key of that name, or every token that was signed with the key of that id (`kid`).
    Key(String),
}

impl Revoked {
    /// The longest value, in bytes.
    pub const MAX_BYTES: usize = 512;

    /// What is named: `token`, `user` or `key`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Token(_) => "token",
            Self::User(_) => "user",
            Self::Key(_) => "key",
        }
    }

    /// Which of its kind.
    pub fn value(&self) -> &str {
        match self {
            Self::Token(value) | Self::User(value) | Self::Key(value) => value,
        }
    }

    /// Of a kind's name and a value; none where there is no such kind.
    pub fn of(kind: &str, value: String) -> Option<Self> {
        match kind {
            "token" => Some(Self::Token(value)),
            "user" => Some(Self::User(value)),
            "key" => Some(Self::Key(value)),
            _ => None,
        }
    }
}

/// Credentials that are no longer accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Revocation {
    /// Its own.
    pub id: Id,
    /// Which credentials.
    pub revoked: Revoked,
    /// Why, for whoever wonders later.
    pub reason: String,
    /// Who revoked them.
    pub author: String,
    /// When.
    pub created_at: Timestamp,
    /// From when on it is forgotten, since the credentials have ended by themselves; none for one
    /// that holds until it is lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_back() {
        for revoked in [
            Revoked::Token("t".to_owned()),
            Revoked::User("u".to_owned()),
            Revoked::Key("k".to_owned()),
        ] {
            let again = Revoked::of(revoked.kind(), revoked.value().to_owned());
            assert_eq!(again.as_ref(), Some(&revoked));
            let json = serde_json::to_value(&revoked).unwrap();
            assert_eq!(json[revoked.kind()], revoked.value());
        }
        assert_eq!(Revoked::of("role", String::new()), None);
    }
}
