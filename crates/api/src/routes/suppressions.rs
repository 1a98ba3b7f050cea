//! Suppressions: what is let pass, by whom, why and until when.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use vigil_event::text::visible;
use vigil_event::{Id, Suppression, Timestamp};
use vigil_store::{Store, StoreError};

use crate::ApiError;
use crate::allowed::{Allowed, Read, Suppress};
use crate::error::ErrorBody;
use crate::extract::{Body, Parameters, PathId, parsed};
use crate::state::Shared;

/// Which suppressions.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SuppressionFilter {
    /// Also those that expired or were removed.
    #[serde(default, deserialize_with = "parsed")]
    #[param(default = false)]
    all: Option<bool>,
}

/// A suppression to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSuppression {
    /// A rule's id, a family, or `*` for whatever fires.
    #[schema(example = "sql_injection")]
    rule: String,
    /// Only for clients of this address or network.
    #[serde(default, deserialize_with = "network")]
    #[schema(value_type = Option<String>, example = "192.0.2.0/24")]
    network: Option<IpNet>,
    /// Only for paths like this; `*` stands for any text. It must cover the path as received and
    /// decoded.
    #[schema(example = "/editor/*")]
    path: Option<String>,
    /// Only for this host, or with `*.` before it for all below it.
    host: Option<String>,
    /// Why, for whoever wonders later.
    reason: String,
    /// From when on it does nothing any more. Without it, it holds until it is removed.
    expires_at: Option<Timestamp>,
}

/// Some suppressions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Suppressions)]
pub(super) struct SuppressionsBody {
    /// The last made first.
    items: Vec<Suppression>,
}

/// Reads a network; an address is the network of itself.
fn network<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<IpNet>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    text.parse::<IpNet>()
        .ok()
        .or_else(|| {
            text.parse()
                .ok()
                .map(|address: std::net::IpAddr| IpNet::from(address))
        })
        .map(|network| Some(network.trunc()))
        .ok_or_else(|| {
            serde::de::Error::custom(
                "`network` must be an address or network, such as 192.0.2.0/24",
            )
        })
}

/// Lists suppressions
///
/// Those in force, or all that are kept, with how many detections each took out.
#[utoipa::path(
    get, path = "/api/v1/suppressions", tag = "suppressions", operation_id = "list_suppressions",
    params(SuppressionFilter),
    responses(
        (status = 200, description = "The suppressions", body = SuppressionsBody),
        (status = 400, description = "A parameter is not understood", body = ErrorBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
    ),
)]
pub(super) async fn list(
    _allowed: Allowed<Read>,
    State(api): State<Shared>,
    Parameters(filter): Parameters<SuppressionFilter>,
) -> Result<Json<SuppressionsBody>, ApiError> {
    let now = api.state.clock.now();
    let active_at = (!filter.all.unwrap_or_default()).then_some(now);
    let items = api
        .archive
        .ask(move |store| store.suppressions(active_at))
        .await?;
    Ok(Json(SuppressionsBody { items }))
}

/// Makes a suppression
///
/// It holds from now on: what it covers is taken out of the score, counted, and still told on the
/// threats that remain. A reason is needed; what would silence everything is refused.
#[utoipa::path(
    post, path = "/api/v1/suppressions", tag = "suppressions", operation_id = "add_suppression",
    request_body(content = NewSuppression),
    responses(
        (status = 201, description = "The suppression", body = Suppression),
        (status = 400, description = "The body is not understood, or it is refused", body = ErrorBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
        (status = 413, description = "The body is longer than 64 KiB", body = ErrorBody),
        (status = 415, description = "The body is no JSON", body = ErrorBody),
    ),
)]
pub(super) async fn add(
    allowed: Allowed<Suppress>,
    State(api): State<Shared>,
    Body(new): Body<NewSuppression>,
) -> Result<(StatusCode, Json<Suppression>), ApiError> {
    let now = api.state.clock.now();
    let suppression = Suppression {
        id: api.state.ids.next(now),
        rule: new.rule.trim().to_owned(),
        network: new.network,
        path: new.path,
        host: new.host,
        reason: new.reason.trim().to_owned(),
        author: allowed.principal.subject,
        created_at: now,
        expires_at: new.expires_at,
        removed_by: None,
        removed_at: None,
        hits: 0,
        last_seen: None,
    };
    let made = change(&api, now, move |store| {
        store.add_suppression(&suppression)?;
        Ok(suppression)
    })
    .await?;
    tracing::info!(id = %made.id, by = %made.author, rule = %visible(&made.rule), reason = %visible(&made.reason), "suppression made");
    Ok((StatusCode::CREATED, Json(made)))
}

/// Ends a suppression
///
/// It stays in the list of all, with who ended it. Doing it again changes nothing.
#[utoipa::path(
    delete, path = "/api/v1/suppressions/{id}", tag = "suppressions", operation_id = "remove_suppression",
    params(("id" = inline(Id), Path, description = "The suppression")),
    responses(
        (status = 200, description = "The suppression as it is now", body = Suppression),
        (status = 400, description = "That is no id", body = ErrorBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
        (status = 404, description = "There is no such suppression", body = ErrorBody),
    ),
)]
pub(super) async fn remove(
    allowed: Allowed<Suppress>,
    State(api): State<Shared>,
    PathId(id): PathId,
) -> Result<Json<Suppression>, ApiError> {
    let now = api.state.clock.now();
    let by = allowed.principal.subject;
    let removed = change(&api, now, move |store| {
        store.remove_suppression(id, &by, now)
    })
    .await?;
    let by = removed.removed_by.as_deref().unwrap_or_default();
    tracing::info!(%id, by, rule = %visible(&removed.rule), "suppression removed");
    Ok(Json(removed))
}

/// Changes suppressions and lets what is then in force hold at once.
async fn change(
    api: &Shared,
    now: Timestamp,
    work: impl FnOnce(&dyn Store) -> Result<Suppression, StoreError> + Send + 'static,
) -> Result<Suppression, ApiError> {
    let in_force = Arc::clone(&api.state.suppressions);
    let suppressing = Arc::clone(&api.suppressing);
    api.archive
        .ask(move |store| {
            let _turn = suppressing.lock();
            let changed = work(store)?;
            in_force.replace(store.suppressions(Some(now))?);
            Ok(changed)
        })
        .await
}
