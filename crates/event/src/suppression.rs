//! What is let pass on purpose, by whom and why.
//!
//! An *allowlist* is about entities (networks, bots, paths) and stands in the configuration; a
//! *suppression* is a rule within a scope and for a time, made while working.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{Id, Score, Timestamp};

/// A rule that is let pass, within a scope and until a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Suppression {
    /// Its own.
    pub id: Id,
    /// A rule's id, a family, or `*` for whatever fires.
    pub rule: String,
    /// Only for clients of this network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub network: Option<IpNet>,
    /// Only for paths like this; `*` stands for any text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Only for this host, or with `*.` before it for all below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Why, for whoever wonders later.
    pub reason: String,
    /// Who made it.
    pub author: String,
    /// When.
    pub created_at: Timestamp,
    /// From when on it does nothing any more; none for one that holds until it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Who removed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_by: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<Timestamp>,
    /// How many detections it took out.
    pub hits: u64,
    /// When the last of them happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
}

impl Suppression {
    /// Whether it does anything at that moment.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.removed_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// What a suppression took out since this was last told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuppressionHit {
    /// The suppression.
    pub id: Id,
    /// How many detections.
    pub hits: u64,
    /// When the last of them happened.
    pub last_seen: Timestamp,
}

/// Why a detection was let pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Cause {
    /// The client is in an allowed network.
    AllowedNetwork,
    /// The client is a good bot, and in its networks.
    GoodBot,
    /// The path is allowed.
    AllowedPath,
    /// The rule is allowed on that path.
    AllowedRule,
    /// Somebody suppressed it for a time.
    Suppression,
}

impl Cause {
    /// Every cause, in the order of its discriminant.
    pub const ALL: [Self; 5] = [
        Self::AllowedNetwork,
        Self::GoodBot,
        Self::AllowedPath,
        Self::AllowedRule,
        Self::Suppression,
    ];

    /// The name on the wire and in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AllowedNetwork => "allowed_network",
            Self::GoodBot => "good_bot",
            Self::AllowedPath => "allowed_path",
            Self::AllowedRule => "allowed_rule",
            Self::Suppression => "suppression",
        }
    }
}

/// A detection that was let pass: taken out of the score, and still told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Suppressed {
    /// The rule that fired.
    pub rule_id: String,
    /// What it is, for people.
    pub title: String,
    /// Its family.
    pub family: String,
    /// What it would have added to.
    pub score: Score,
    /// Why it was let pass.
    pub cause: Cause,
    /// By which list, bot, path or suppression.
    pub by: String,
    /// Why that is so, in its author's words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suppression_ends_by_itself_or_by_hand() {
        let at = Timestamp::from_millis;
        let mut one = Suppression {
            id: Id::derived(at(1), &[b"s"]),
            rule: "*".to_owned(),
            network: None,
            path: Some("/health".to_owned()),
            host: None,
            reason: "probe".to_owned(),
            author: "anna".to_owned(),
            created_at: at(1),
            expires_at: Some(at(10)),
            removed_by: None,
            removed_at: None,
            hits: 0,
            last_seen: None,
        };
        assert!(one.is_active(at(9)));
        assert!(!one.is_active(at(10)));
        one.removed_at = Some(at(5));
        assert!(!one.is_active(at(9)));
    }

    #[test]
    fn causes_follow_their_discriminants_and_are_named_as_on_the_wire() {
        for (place, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, place);
            let name = serde_json::to_value(cause).unwrap();
            assert_eq!(name.as_str(), Some(cause.name()));
        }
    }
}
