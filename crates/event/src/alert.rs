//! An alert: threats grouped by a key, with a life that people drive.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{Id, Outcome, Score, Severity, Timestamp};

/// What threats are grouped by. The alert's id follows from it, so grouping needs no memory and
/// comes out the same after a restart.
///
/// All that one source does within one window is one alert, whatever it tries: a scan that goes
/// through twenty kinds of attack is one thing to look at. What has no source is told apart by its
/// family instead.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlertKey {
    /// Who.
    pub source_ip: Option<IpAddr>,
    /// What kind, such as `sql_injection`. Part of the id only where there is no source.
    pub family: String,
    /// Which site, where that is known. Part of the id only where there is no source.
    pub host: Option<String>,
    /// The start of the time window that the threat falls in.
    pub window_start: Timestamp,
}

impl AlertKey {
    /// The alert's id.
    pub fn id(&self) -> Id {
        let Some(ip) = self.source_ip else {
            let family = self.family.as_bytes();
            let mut parts = vec![&b"alert"[..], b"", family];
            parts.extend(self.host.as_ref().map(String::as_bytes));
            return Id::derived(self.window_start, &parts);
        };
        Id::derived(
            self.window_start,
            &[b"alert", ip.to_string().as_bytes(), b""],
        )
    }

    /// The key of what is gathered in the same window once too many alerts are opened at a time.
    #[must_use]
    pub fn flood(&self) -> Self {
        Self {
            source_ip: None,
            family: Alert::FLOOD.to_owned(),
            host: None,
            window_start: self.window_start,
        }
    }
}

/// Where an alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AlertState {
    /// Nobody has looked at it.
    Open,
    /// Somebody has.
    Acknowledged,
    /// It is over. A new threat of the same key opens it again.
    Resolved,
}

impl AlertState {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }
}

impl std::str::FromStr for AlertState {
    type Err = NotAState;

    fn from_str(text: &str) -> Result<Self, NotAState> {
        [Self::Open, Self::Acknowledged, Self::Resolved]
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or_else(|| NotAState(text.chars().take(64).collect()))
    }
}

/// The text names no state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no alert state: use open, acknowledged or resolved")]
pub struct NotAState(pub String);

/// What a person works on: threats of one source within a window of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Alert {
    /// Follows from the [`AlertKey`].
    pub id: Id,
    /// What it is, for people: the title of the strongest detection; for a scan and for a flood of
    /// alerts, what they are.
    pub title: String,
    /// See [`AlertKey::source_ip`].
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub source_ip: Option<IpAddr>,
    /// ISO 3166-1 alpha-2, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_iso_code: Option<String>,
    /// The family of its strongest threat; `scan` once its threats are of
    /// [`Alert::SCAN_FAMILIES`] families; `alert_flood` for what is gathered of many sources.
    pub family: String,
    /// The families of its threats, in the order in which they came; at most
    /// [`Alert::MAX_FAMILIES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<String>,
    /// The worst severity of its threats.
    pub severity: Severity,
    /// The highest score of its threats.
    pub score: Score,
    /// The worst outcome of its threats.
    #[serde(default)]
    pub outcome: Outcome,
    /// Where it stands.
    pub state: AlertState,
    /// How many threats it groups.
    pub count: u64,
    /// The first threat's time.
    pub first_seen: Timestamp,
    /// The last threat's time.
    pub last_seen: Timestamp,
    /// The last threat.
    pub last_threat: Id,
    /// Who acknowledged or resolved it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignee: Option<String>,
    /// Every change, the oldest first. Only where one alert is asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<AlertChange>,
}

impl Alert {
    /// The family of an alert whose threats are of many families.
    pub const SCAN: &str = "scan";
    /// The family of the alert that gathers the threats of many sources at once.
    pub const FLOOD: &str = "alert_flood";
    /// From so many families on, what one source does within a window is a scan.
    pub const SCAN_FAMILIES: usize = 3;
    /// The most families that are named.
    pub const MAX_FAMILIES: usize = 32;
}

/// What is done to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum AlertAction {
    /// Somebody looks at it.
    Acknowledge,
    /// It is over.
    Resolve,
    /// Somebody says something about it.
    Note,
    /// A new threat came after it was resolved.
    Reopen,
}

impl AlertAction {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Resolve => "resolve",
            Self::Note => "note",
            Self::Reopen => "reopen",
        }
    }
}

/// One change of an alert, with who and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AlertChange {
    /// What was done.
    pub action: AlertAction,
    /// Who did it: the token's subject, or `vigil`.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}
