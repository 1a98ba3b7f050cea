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
    /// How the profiles of sites are.
    pub const MODELS: &str = "models";
    /// Who connected, heard, was refused and left.
    pub const AUDIT: &str = "audit";

    /// Every one of the platform's own.
    pub const PLATFORM: [&str; 12] = [
        THREATS,
        ALERTS,
        STATUS,
        "metrics",
        "events",
        "correlations",
        "network",
        "packets",
        "honeypots",
        MODELS,
        "decisions",
        AUDIT,
    ];
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
    /// An event below the threshold of threats.
    #[serde(rename = "event.seen")]
    EventSeen,
    /// Several events that belong together.
    #[serde(rename = "correlation.new")]
    CorrelationNew,
    /// Numbers about the stream of events.
    #[serde(rename = "metrics.update")]
    MetricsUpdate,
    /// A flow between two addresses.
    #[serde(rename = "network.flow")]
    NetworkFlow,
    /// A flow that is unlike the others.
    #[serde(rename = "network.anomaly")]
    NetworkAnomaly,
    /// Who talks to whom.
    #[serde(rename = "network.topology")]
    NetworkTopology,
    /// A packet.
    #[serde(rename = "packet.seen")]
    PacketSeen,
    /// Somebody touched a honeypot.
    #[serde(rename = "honeypot.activity")]
    HoneypotActivity,
    /// A model learns.
    #[serde(rename = "model.training")]
    ModelTraining,
    /// How a model is.
    #[serde(rename = "model.status")]
    ModelStatus,
    /// Something is to be done about a source.
    #[serde(rename = "decision.added")]
    DecisionAdded,
    /// A decision is over.
    #[serde(rename = "decision.expired")]
    DecisionExpired,
    /// Something was handed to another system.
    #[serde(rename = "siem.forwarded")]
    SiemForwarded,
    /// Something could not be handed to another system.
    #[serde(rename = "siem.failed")]
    SiemFailed,
    /// Something that is kept was changed.
    #[serde(rename = "database.changed")]
    DatabaseChanged,
    /// An investigation goes on.
    #[serde(rename = "investigation.progress")]
    InvestigationProgress,
    /// An investigation met something odd.
    #[serde(rename = "investigation.anomaly")]
    InvestigationAnomaly,
    /// An investigation found something.
    #[serde(rename = "investigation.finding")]
    InvestigationFinding,
    /// An investigation's report.
    #[serde(rename = "investigation.report")]
    InvestigationReport,
    /// An analysis goes on.
    #[serde(rename = "analysis.status")]
    AnalysisStatus,
    /// A part of an analysis.
    #[serde(rename = "analysis.partial")]
    AnalysisPartial,
    /// An analysis failed.
    #[serde(rename = "analysis.error")]
    AnalysisError,
    /// An analysis is done.
    #[serde(rename = "analysis.complete")]
    AnalysisComplete,
    /// Somebody said something.
    #[serde(rename = "chat.message")]
    ChatMessage,
    /// A piece of an answer that is being written.
    #[serde(rename = "chat.delta")]
    ChatDelta,
    /// An answer is whole.
    #[serde(rename = "chat.complete")]
    ChatComplete,
    /// Somebody is writing, or stopped.
    #[serde(rename = "chat.typing")]
    ChatTyping,
    /// Something for one user or everybody to know.
    #[serde(rename = "notification")]
    Notification,
    /// Anything else that a client published.
    #[serde(rename = "message")]
    Message,
    /// Somebody came to a room.
    #[serde(rename = "presence.join")]
    PresenceJoin,
    /// Somebody left a room.
    #[serde(rename = "presence.leave")]
    PresenceLeave,
    /// A client connected.
    #[serde(rename = "audit.connected")]
    AuditConnected,
    /// A client hears a channel.
    #[serde(rename = "audit.subscribed")]
    AuditSubscribed,
    /// A client was refused something.
    #[serde(rename = "audit.refused")]
    AuditRefused,
    /// A client's connection ended.
    #[serde(rename = "audit.disconnected")]
    AuditDisconnected,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 41] = [
        Self::ThreatNew,
        Self::AlertNew,
        Self::AlertUpdated,
        Self::AlertAcknowledged,
        Self::AlertResolved,
        Self::StatusUpdate,
        Self::EventSeen,
        Self::CorrelationNew,
        Self::MetricsUpdate,
        Self::NetworkFlow,
        Self::NetworkAnomaly,
        Self::NetworkTopology,
        Self::PacketSeen,
        Self::HoneypotActivity,
        Self::ModelTraining,
        Self::ModelStatus,
        Self::DecisionAdded,
        Self::DecisionExpired,
        Self::SiemForwarded,
        Self::SiemFailed,
        Self::DatabaseChanged,
        Self::InvestigationProgress,
        Self::InvestigationAnomaly,
        Self::InvestigationFinding,
        Self::InvestigationReport,
        Self::AnalysisStatus,
        Self::AnalysisPartial,
        Self::AnalysisError,
        Self::AnalysisComplete,
        Self::ChatMessage,
        Self::ChatDelta,
        Self::ChatComplete,
        Self::ChatTyping,
        Self::Notification,
        Self::Message,
        Self::PresenceJoin,
        Self::PresenceLeave,
        Self::AuditConnected,
        Self::AuditSubscribed,
        Self::AuditRefused,
        Self::AuditDisconnected,
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
            Self::EventSeen => "event.seen",
            Self::CorrelationNew => "correlation.new",
            Self::MetricsUpdate => "metrics.update",
            Self::NetworkFlow => "network.flow",
            Self::NetworkAnomaly => "network.anomaly",
            Self::NetworkTopology => "network.topology",
            Self::PacketSeen => "packet.seen",
            Self::HoneypotActivity => "honeypot.activity",
            Self::ModelTraining => "model.training",
            Self::ModelStatus => "model.status",
            Self::DecisionAdded => "decision.added",
            Self::DecisionExpired => "decision.expired",
            Self::SiemForwarded => "siem.forwarded",
            Self::SiemFailed => "siem.failed",
            Self::DatabaseChanged => "database.changed",
            Self::InvestigationProgress => "investigation.progress",
            Self::InvestigationAnomaly => "investigation.anomaly",
            Self::InvestigationFinding => "investigation.finding",
            Self::InvestigationReport => "investigation.report",
            Self::AnalysisStatus => "analysis.status",
            Self::AnalysisPartial => "analysis.partial",
            Self::AnalysisError => "analysis.error",
            Self::AnalysisComplete => "analysis.complete",
            Self::ChatMessage => "chat.message",
            Self::ChatDelta => "chat.delta",
            Self::ChatComplete => "chat.complete",
            Self::ChatTyping => "chat.typing",
            Self::Notification => "notification",
            Self::Message => "message",
            Self::PresenceJoin => "presence.join",
            Self::PresenceLeave => "presence.leave",
            Self::AuditConnected => "audit.connected",
            Self::AuditSubscribed => "audit.subscribed",
            Self::AuditRefused => "audit.refused",
            Self::AuditDisconnected => "audit.disconnected",
        }
    }

    /// Whether it tells of a moment only: heard as it happens, and left out of a channel's history.
    pub const fn is_fleeting(self) -> bool {
        matches!(
            self,
            Self::ChatDelta | Self::ChatTyping | Self::PresenceJoin | Self::PresenceLeave
        )
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
        let (channel, kind) = (channel::STATUS, Kind::StatusUpdate);
        Self::of(channel, kind, data, severity, id, at)
    }

    /// Tells anything on a channel. `id` is the message's own.
    pub fn of(
        channel: &str,
        kind: Kind,
        data: &impl Serialize,
        severity: Severity,
        id: Id,
        at: Timestamp,
    ) -> Self {
        Self {
            channel: Arc::from(channel),
            kind,
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
