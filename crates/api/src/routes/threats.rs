//! Threats: a list with filters and pages, and one.

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use ipnet::IpNet;
use serde::Deserialize;
use vigil_event::{Id, Outcome, Severity, Threat, Timestamp};
use vigil_store::{Page, Sort, ThreatQuery};

use crate::allowed::{Allowed, ReadThreats};
use crate::error::ErrorBody;
use crate::extract::{Parameters, PathId, parsed};
use crate::state::Shared;
use crate::{ApiError, ErrorCode};

/// The longest text to look for, in characters.
const MAX_TEXT_CHARS: usize = 256;

/// Which threats. Every filter that is given must hold.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ThreatFilter {
    /// Exactly this severity.
    #[serde(default, deserialize_with = "parsed")]
    #[param(inline)]
    severity: Option<Severity>,
    /// At least this severity.
    #[serde(default, deserialize_with = "parsed")]
    #[param(inline)]
    min_severity: Option<Severity>,
    /// Exactly this outcome: attempt, unknown or likely_success.
    #[serde(default, deserialize_with = "parsed")]
    #[param(inline)]
    outcome: Option<Outcome>,
    /// From this address.
    #[serde(default, deserialize_with = "parsed")]
    #[param(value_type = Option<String>, example = "203.0.113.7")]
    address: Option<IpAddr>,
    /// From this network. Not together with `address`.
    #[serde(default, deserialize_with = "parsed_network")]
    #[param(value_type = Option<String>, example = "203.0.113.0/24")]
    network: Option<IpNet>,
    /// Found by the rule or window of this id.
    rule: Option<String>,
    /// Grouped into the alert of this id.
    #[serde(default, deserialize_with = "parsed")]
    #[param(inline)]
    alert: Option<Id>,
    /// Occurred at or after this time.
    #[serde(default, deserialize_with = "parsed")]
    #[param(inline)]
    since: Option<Timestamp>,
    /// Occurred before this time.
    #[serde(default, deserialize_with = "parsed")]
    #[param(inline)]
    until: Option<Timestamp>,
    /// This text stands in the log line, the URL or the user agent, in any case of ASCII letters.
    #[param(max_length = 256)]
    text: Option<String>,
    /// What comes first: `newest`, or with `outcome` what likely succeeded, then what is unknown, then
    /// attempts, of each the newest first.
    #[serde(default, deserialize_with = "parsed")]
    #[param(inline)]
    sort: Option<Sort>,
    /// The `next` of the page before, of a list in the same order.
    cursor: Option<String>,
    /// The most items.
    #[serde(default, deserialize_with = "parsed")]
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<usize>,
}

impl ThreatFilter {
    fn query(self) -> Result<ThreatQuery, ApiError> {
        if self
            .text
            .as_ref()
            .is_some_and(|text| text.chars().count() > MAX_TEXT_CHARS)
        {
            return Err(ApiError::invalid(format!(
                "`text` is longer than {MAX_TEXT_CHARS} characters"
            )));
        }
        Ok(ThreatQuery {
            severity: self.severity,
            min_severity: self.min_severity,
            outcome: self.outcome,
            network: network(self.address, self.network)?,
            rule_id: self.rule,
            alert: self.alert,
            since: self.since,
            until: self.until,
            text: self.text,
            sort: self.sort.unwrap_or_default(),
            cursor: self.cursor,
            limit: limit(self.limit)?,
        })
    }
}

/// The network that the two filters mean.
pub(super) fn network(
    address: Option<IpAddr>,
    network: Option<IpNet>,
) -> Result<Option<IpNet>, ApiError> {
    match (address, network) {
        (Some(_), Some(_)) => Err(ApiError::invalid("give `address` or `network`, not both")),
        (address, network) => Ok(network.or(address.map(IpNet::from))),
    }
}

/// The limit within its bounds; what is not given is left to the store.
pub(super) fn limit(given: Option<usize>) -> Result<usize, ApiError> {
    const MOST: usize = vigil_store::query::MAX_LIMIT;
    match given {
        None => Ok(0),
        Some(limit @ 1..=MOST) => Ok(limit),
        Some(limit) => Err(ApiError::invalid(format!(
            "`limit` is {limit}: give 1 to {MOST}"
        ))),
    }
}

/// Reads a network; the library's own error does not say what one looks like.
pub(super) fn parsed_network<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<IpNet>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(|_| {
        let shown: String = text.chars().take(64).collect();
        serde::de::Error::custom(format!(
            "`{shown}` is no network: write it like 203.0.113.0/24 or 2001:db8::/32"
        ))
    })
}

/// Lists threats
///
/// The newest first, or by outcome. A page's `next` is the `cursor` of the page that follows.
#[utoipa::path(
    get, path = "/api/v1/threats", tag = "threats", operation_id = "list_threats",
    params(ThreatFilter),
    responses(
        (status = 200, description = "A page of threats", body = Page<Threat>),
        (status = 400, description = "A parameter is not understood", body = ErrorBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
        (status = 503, description = "The store does not work now, or the question took too long", body = ErrorBody),
    ),
)]
pub(super) async fn list(
    _allowed: Allowed<ReadThreats>,
    State(api): State<Shared>,
    Parameters(filter): Parameters<ThreatFilter>,
) -> Result<Json<Page<Threat>>, ApiError> {
    let query = filter.query()?;
    api.archive
        .ask(move |store| store.threats(&query))
        .await
        .map(Json)
}

/// Shows a threat
#[utoipa::path(
    get, path = "/api/v1/threats/{id}", tag = "threats", operation_id = "get_threat",
    params(("id" = inline(Id), Path, description = "The threat")),
    responses(
        (status = 200, description = "The threat", body = Threat),
        (status = 400, description = "That is no id", body = ErrorBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
        (status = 404, description = "There is no such threat", body = ErrorBody),
    ),
)]
pub(super) async fn one(
    _allowed: Allowed<ReadThreats>,
    State(api): State<Shared>,
    PathId(id): PathId,
) -> Result<Json<Threat>, ApiError> {
    let threat = api.archive.ask(move |store| store.threat(id)).await?;
    threat.map(Json).ok_or_else(|| {
        ApiError::new(ErrorCode::NotFound, format!("there is no threat {id}"))
            .hint("it may have been deleted for its age")
    })
}
