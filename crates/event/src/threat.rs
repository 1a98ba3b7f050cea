//! A threat: an event with its detections and its score. Immutable.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{Detection, Id, Outcome, RecordKey, Score, Severity, Suppressed, Timestamp};

/// An event with its detections and its final score, in the shape of the Elastic Common Schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Threat {
    /// Derived from the record's place: the same line read twice is the same threat.
    pub id: Id,
    /// When it happened, as the record says.
    #[serde(rename = "@timestamp")]
    pub occurred_at: Timestamp,
    /// The noisy-or of the detections.
    pub score: Score,
    /// The score's band.
    pub severity: Severity,
    /// Whether it succeeded, by how the request was answered.
    #[serde(default)]
    pub outcome: Outcome,
    /// Who did it.
    pub source: Source,
    /// The request and the response.
    pub http: Http,
    /// What was asked for.
    pub url: Url,
    /// With what.
    pub user_agent: UserAgent,
    /// The raw record and when it was read.
    pub event: Original,
    /// Why it is a threat, the strongest first. Never empty.
    pub detections: Vec<Detection>,
    /// What else fired and was let pass; it is no part of the score.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suppressed: Vec<Suppressed>,
    /// The record's place.
    pub record: RecordKey,
    /// The machine that read it.
    pub node: String,
    /// When each stage was done with it.
    pub stages: Stages,
}

/// Who did it: ECS `source`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Source {
    /// The client's real address; none where the record has no valid one.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub ip: Option<IpAddr>,
    /// The client's port, where it is logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Where that is, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub geo: Option<Geo>,
    /// Whose network that is, if known.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub autonomous_system: Option<AutonomousSystem>,
}

/// ECS `geo`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Geo {
    /// ISO 3166-1 alpha-2.
    pub country_iso_code: String,
    /// The country's English name, where the database has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_name: Option<String>,
    /// The city's English name, where the database has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city_name: Option<String>,
    /// About where that is, where the database has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// A place on the earth: ECS `geo_point`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Location {
    /// Degrees north, -90 to 90.
    pub lat: f64,
    /// Degrees east, -180 to 180.
    pub lon: f64,
}

/// ECS `as`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AutonomousSystem {
    /// The number.
    pub number: u32,
    /// Who runs it, where the database has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
}

/// ECS `http`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Http {
    /// The request.
    pub request: HttpRequest,
    /// The response.
    pub response: HttpResponse,
    /// The protocol's version, such as `1.1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// ECS `http.request`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HttpRequest {
    /// The method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The referrer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
}

/// ECS `http.response`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HttpResponse {
    /// The status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    /// The body's size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_bytes: Option<u64>,
}

/// ECS `url`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Url {
    /// Path and query as received.
    pub original: String,
    /// The path.
    pub path: String,
    /// The query, without `?`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The host that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
}

/// ECS `user_agent`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserAgent {
    /// As received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<String>,
}

/// ECS `event`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Original {
    /// The raw record; bytes that are no UTF-8 as `\xHH`.
    pub original: String,
    /// The record was longer than the limit and was cut.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// When we read it.
    pub ingested: Timestamp,
}

/// When each stage was done with a threat. When it was published stands on the publication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Stages {
    /// Read from the source.
    pub read_at: Timestamp,
    /// Decoded.
    pub decoded_at: Timestamp,
    /// Judged.
    pub detected_at: Timestamp,
    /// Handed to the store.
    pub stored_at: Timestamp,
}
