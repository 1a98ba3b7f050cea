//! Alerts: a list with filters and pages, one with its changes, and what people do to it.

use std::net::IpAddr;
use std::str::FromStr;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request, State};
use ipnet::IpNet;
use serde::Deserialize;
use utoipa::ToSchema;
use vigil_event::{Alert, AlertAction, AlertChange, AlertState, Id, Outcome, Severity, Timestamp};
use vigil_store::{AlertQuery, Page, Sort, StoreError};

use super::threats::{limit, network, parsed_network};
use crate::allowed::{Allowed, ChangeAlerts, ReadAlerts};
use crate::error::ErrorBody;
use crate::extract::{Body, Parameters, PathId, parsed};
use crate::state::Shared;
use crate::{ApiError, ErrorCode};

/// The longest note, in characters.
const MAX_NOTE_CHARS: usize = 4_000;

/// Which alerts. Every filter that is given must hold.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AlertFilter {
    /// In one of these states, with commas between them.
    #[serde(default, deserialize_with = "parsed")]
    #[param(value_type = Option<String>, example = "open,acknowledged")]
    state: Option<States>,
    /// Exactly this severity.
    #[serde(default, deserialize_with = "parsed")]
    #[param(inline)]
    severity: Option<Severity>,
    /// At least this severity.
    #[serde(default, deserialize_with = "parsed")]
    #[param(inline)]
    min_severity: Option<Severity>,
    /// With this as the worst outcome of its threats: attempt, unknown or likely_success.
    #[serde(default, deserialize_with = "parsed")]
    #[param(inline)]
    outcome: Option<Outcome>,
    /// Of this address.
    #[serde(default, deserialize_with = "parsed")]
    #[param(value_type = Option<String>, example = "203.0.113.7")]
    address: Option<IpAddr>,
    /// Of this network. Not together with `address`.
    #[serde(default, deserialize_with = "parsed_network")]
    #[param(value_type = Option<String>, example = "203.0.113.0/24")]
    network: Option<IpNet>,
    /// Of this family.
    #[param(example = "sql_injection")]
    family: Option<String>,
    /// Last seen at or after this time.
    #[serde(default, deserialize_with = "parsed")]
    #[param(inline)]
    since: Option<Timestamp>,
    /// First seen before this time.
    #[serde(default, deserialize_with = "parsed")]
    #[param(inline)]
    until: Option<Timestamp>,
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

/// Some states, written with commas.
#[derive(Debug, Default)]
struct States(Vec<AlertState>);

impl FromStr for States {
    type Err = <AlertState as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut states = Vec::new();
        for state in text.split(',') {
            let state = state.trim().parse()?;
            if !states.contains(&state) {
                states.push(state);
            }
        }
        Ok(Self(states))
    }
}

impl AlertFilter {
    fn query(self) -> Result<AlertQuery, ApiError> {
        Ok(AlertQuery {
            states: self.state.unwrap_or_default().0,
            severity: self.severity,
            min_severity: self.min_severity,
            outcome: self.outcome,
            network: network(self.address, self.network)?,
            family: self.family,
            since: self.since,
            until: self.until,
            sort: self.sort.unwrap_or_default(),
            cursor: self.cursor,
            limit: limit(self.limit)?,
        })
    }
}

/// What is said with a change.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoteBody {
    /// The note: at most 4,000 characters, and 16,000 bytes.
    #[schema(max_length = 4000)]
    note: Option<String>,
}

/// Lists alerts
///
/// The last opened first, or by outcome; without their changes. A page's `next` is the `cursor` of the
/// page that follows.
#[utoipa::path(
    get, path = "/api/v1/alerts", tag = "alerts", operation_id = "list_alerts",
    params(AlertFilter),
    responses(
        (status = 200, description = "A page of alerts", body = Page<Alert>),
        (status = 400, description = "A parameter is not understood", body = ErrorBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
        (status = 503, description = "The store does not work now, or the question took too long", body = ErrorBody),
    ),
)]
pub(super) async fn list(
    _allowed: Allowed<ReadAlerts>,
    State(api): State<Shared>,
    Parameters(filter): Parameters<AlertFilter>,
) -> Result<Json<Page<Alert>>, ApiError> {
    let query = filter.query()?;
    api.archive
        .ask(move |store| store.alerts(&query))
        .await
        .map(Json)
}

/// Shows an alert
///
/// With every change: who did what and when.
#[utoipa::path(
    get, path = "/api/v1/alerts/{id}", tag = "alerts", operation_id = "get_alert",
    params(("id" = inline(Id), Path, description = "The alert")),
    responses(
        (status = 200, description = "The alert", body = Alert),
        (status = 400, description = "That is no id", body = ErrorBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
        (status = 404, description = "There is no such alert", body = ErrorBody),
    ),
)]
pub(super) async fn one(
    _allowed: Allowed<ReadAlerts>,
    State(api): State<Shared>,
    PathId(id): PathId,
) -> Result<Json<Alert>, ApiError> {
    let alert = api.archive.ask(move |store| store.alert(id)).await?;
    alert
        .map(Json)
        .ok_or_else(|| ApiError::from(StoreError::NotFound(id)))
}

/// Acknowledges an alert
///
/// Says that somebody looks at it. Doing it again changes nothing. The body may be left out.
#[utoipa::path(
    post, path = "/api/v1/alerts/{id}/acknowledge", tag = "alerts", operation_id = "acknowledge_alert",
    params(("id" = inline(Id), Path, description = "The alert")),
    request_body(content = Option<NoteBody>),
    responses(
        (status = 200, description = "The alert as it is now, with its changes", body = Alert),
        (status = 400, description = "The id or the body is not understood", body = ErrorBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
        (status = 404, description = "There is no such alert", body = ErrorBody),
        (status = 409, description = "It is resolved", body = ErrorBody),
        (status = 413, description = "The body is longer than 64 KiB", body = ErrorBody),
        (status = 415, description = "The body is no JSON", body = ErrorBody),
    ),
)]
pub(super) async fn acknowledge(
    allowed: Allowed<ChangeAlerts>,
    State(api): State<Shared>,
    PathId(id): PathId,
    request: Request,
) -> Result<Json<Alert>, ApiError> {
    let note = optional_note(request).await?;
    change(&api, id, AlertAction::Acknowledge, allowed, note).await
}

/// Resolves an alert
///
/// Says that it is over. Doing it again changes nothing. The body may be left out.
#[utoipa::path(
    post, path = "/api/v1/alerts/{id}/resolve", tag = "alerts", operation_id = "resolve_alert",
    params(("id" = inline(Id), Path, description = "The alert")),
    request_body(content = Option<NoteBody>),
    responses(
        (status = 200, description = "The alert as it is now, with its changes", body = Alert),
        (status = 400, description = "The id or the body is not understood", body = ErrorBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
        (status = 404, description = "There is no such alert", body = ErrorBody),
        (status = 413, description = "The body is longer than 64 KiB", body = ErrorBody),
        (status = 415, description = "The body is no JSON", body = ErrorBody),
    ),
)]
pub(super) async fn resolve(
    allowed: Allowed<ChangeAlerts>,
    State(api): State<Shared>,
    PathId(id): PathId,
    request: Request,
) -> Result<Json<Alert>, ApiError> {
    let note = optional_note(request).await?;
    change(&api, id, AlertAction::Resolve, allowed, note).await
}

/// Says something about an alert
#[utoipa::path(
    post, path = "/api/v1/alerts/{id}/note", tag = "alerts", operation_id = "note_alert",
    params(("id" = inline(Id), Path, description = "The alert")),
    request_body(content = NoteBody),
    responses(
        (status = 200, description = "The alert as it is now, with its changes", body = Alert),
        (status = 400, description = "The id is none, or there is no note", body = ErrorBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
        (status = 404, description = "There is no such alert", body = ErrorBody),
        (status = 413, description = "The body is longer than 64 KiB", body = ErrorBody),
        (status = 415, description = "The body is no JSON", body = ErrorBody),
    ),
)]
pub(super) async fn note(
    allowed: Allowed<ChangeAlerts>,
    State(api): State<Shared>,
    PathId(id): PathId,
    Body(body): Body<NoteBody>,
) -> Result<Json<Alert>, ApiError> {
    let note =
        checked(body.note)?.ok_or_else(|| ApiError::invalid("`note` is missing or empty"))?;
    change(&api, id, AlertAction::Note, allowed, Some(note)).await
}

async fn change(
    api: &Shared,
    id: Id,
    action: AlertAction,
    allowed: Allowed<ChangeAlerts>,
    note: Option<String>,
) -> Result<Json<Alert>, ApiError> {
    let change = AlertChange {
        action,
        by: allowed.principal.subject,
        at: api.state.clock.now(),
        note,
    };
    api.archive
        .ask(move |store| store.change_alert(id, change))
        .await
        .map(Json)
}

/// The note of a body that may be left out.
async fn optional_note(request: Request) -> Result<Option<String>, ApiError> {
    let (parts, body) = request.into_parts();
    let bytes = Bytes::from_request(Request::from_parts(parts.clone(), body), &())
        .await
        .map_err(|rejection| crate::extract::unread(&rejection, super::BODY_BYTES))?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let request = Request::from_parts(parts, bytes.into());
    let Body(body) = Body::<NoteBody>::from_request(request, &()).await?;
    checked(body.note)
}

fn checked(note: Option<String>) -> Result<Option<String>, ApiError> {
    let note = note
        .map(|note| note.trim().to_owned())
        .filter(|note| !note.is_empty());
    if note
        .as_ref()
        .is_some_and(|note| note.chars().count() > MAX_NOTE_CHARS)
    {
        let message = format!("`note` is longer than {MAX_NOTE_CHARS} characters");
        return Err(ApiError::new(ErrorCode::Invalid, message));
    }
    Ok(note)
}
