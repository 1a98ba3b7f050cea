//! A publication: an item in a channel, before the channel's log gives it a position.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{Alert, Id, Severity, Threat, Timestamp};

/// The names of the platform's own channels.
pub mod channel {
    /// Every threat.
    pub const THREATS: &str = "threats";
    /// Every change of an alert.
    pub const ALERTS: &str = "alerts";
    /// How Vigil itself is.
    pub const STATUS: &str = "status";
}

/// What a publication tells: the `type` of its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A threat was stored.
    #[serde(rename = "threat.new")]
    ThreatNew,
    /// An alert was opened.
    #[serde(rename = "alert.new")]
    AlertNew,
    /// An alert grew, was reopened or got a note.
    #[serde(rename = "alert.updated")]
    AlertUpdated,
    /// Somebody looks at an alert.
    #[serde(rename = "alert.acknowledged")]
    AlertAcknowledged,
    /// An alert is over.
    #[serde(rename = "alert.resolved")]
    AlertResolved,
    /// How Vigil itself is.
    #[serde(rename = "status.update")]
    StatusUpdate,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::ThreatNew,
        Self::AlertNew,
        Self::AlertUpdated,
        Self::AlertAcknowledged,
        Self::AlertResolved,
        Self::StatusUpdate,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ThreatNew => "threat.new",
            Self::AlertNew => "alert.new",
            Self::AlertUpdated => "alert.updated",
            Self::AlertAcknowledged => "alert.acknowledged",
            Self::AlertResolved => "alert.resolved",
            Self::StatusUpdate => "status.update",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// An item for a channel. Its data is JSON, made once and shared from here to every socket.
#[derive(Clone, Debug, PartialEq)]
pub struct Publication {
    /// The channel.
    pub channel: Arc<str>,
    /// What it tells.
    pub kind: Kind,
    /// The message's id: the same when it is published again.
    pub id: Id,
    /// When it was made.
    pub timestamp: Timestamp,
    /// How bad what it tells is, for filters and for what a gap says.
    pub severity: Severity,
    /// The `data` of the frame: one JSON value.
    pub data: Bytes,
}

impl Publication {
    /// Tells of a new threat.
    pub fn threat(threat: &Threat, at: Timestamp) -> Self {
        Self {
            channel: Arc::from(channel::THREATS),
            kind: Kind::ThreatNew,
            id: threat.id,
            timestamp: at,
            severity: threat.severity,
            data: json(threat),
        }
    }

    /// Tells of an alert's change. `id` is the message's own.
    pub fn alert(kind: Kind, alert: &Alert, id: Id, at: Timestamp) -> Self {
        Self {
            channel: Arc::from(channel::ALERTS),
            kind,
            id,
            timestamp: at,
            severity: alert.severity,
            data: json(alert),
        }
    }

    /// Tells how Vigil itself is.
    pub fn status(data: &impl Serialize, severity: Severity, id: Id, at: Timestamp) -> Self {
        Self {
            channel: Arc::from(channel::STATUS),
            kind: Kind::StatusUpdate,
            id,
            timestamp: at,
            severity,
            data: json(data),
        }
    }
}

/// These types have only string keys and finite numbers, which JSON can always hold.
fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).map_or_else(|_| Bytes::from_static(b"null"), Bytes::from)
}
