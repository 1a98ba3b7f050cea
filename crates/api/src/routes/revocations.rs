//! Revocations: which tokens, users and keys are no longer accepted, by whose word and why.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vigil_event::text::visible;
use vigil_event::{Id, Revocation, Revoked, Timestamp};
use vigil_store::{Store, StoreError};

use crate::ApiError;
use crate::allowed::{Allowed, Manage};
use crate::error::ErrorBody;
use crate::extract::{Body, PathId};
use crate::state::Shared;

/// A revocation to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRevocation {
    /// Which credentials: exactly one of `token` (its id, the claim `jti`), `user` and `key`.
    revoked: Revoked,
    /// Why, for whoever wonders later.
    reason: String,
    /// From when on it is forgotten: the end of the longest token that it covers. Without it, it
    /// holds until it is lifted.
    expires_at: Option<Timestamp>,
}

/// The revocations in force.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Revocations)]
pub(super) struct RevocationsBody {
    /// The last made first.
    items: Vec<Revocation>,
}

/// Lists revocations
///
/// Those in force, the last made first.
#[utoipa::path(
    get, path = "/api/v1/tokens/revocations", tag = "access", operation_id = "list_revocations",
    responses(
        (status = 200, description = "The revocations", body = RevocationsBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
    ),
)]
pub(super) async fn list(
    _allowed: Allowed<Manage>,
    State(api): State<Shared>,
) -> Result<Json<RevocationsBody>, ApiError> {
    let now = api.state.clock.now();
    let items = api.archive.ask(move |store| store.revocations(now)).await?;
    Ok(Json(RevocationsBody { items }))
}

/// Revokes credentials
///
/// From now on they open nothing, and connections that were opened with them end. It outlives a
/// restart.
#[utoipa::path(
    post, path = "/api/v1/tokens/revocations", tag = "access", operation_id = "revoke",
    request_body(content = NewRevocation),
    responses(
        (status = 201, description = "The revocation", body = Revocation),
        (status = 400, description = "The body is not understood, or it is refused", body = ErrorBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
        (status = 413, description = "The body is longer than 64 KiB", body = ErrorBody),
        (status = 415, description = "The body is no JSON", body = ErrorBody),
    ),
)]
pub(super) async fn add(
    allowed: Allowed<Manage>,
    State(api): State<Shared>,
    Body(new): Body<NewRevocation>,
) -> Result<(StatusCode, Json<Revocation>), ApiError> {
    let now = api.state.clock.now();
    let revocation = Revocation {
        id: api.state.ids.next(now),
        revoked: new.revoked,
        reason: new.reason.trim().to_owned(),
        author: allowed.principal.subject,
        created_at: now,
        expires_at: new.expires_at,
    };
    let made = change(&api, now, move |store| {
        store.add_revocation(&revocation)?;
        Ok(revocation)
    })
    .await?;
    let Revocation {
        revoked, reason, ..
    } = &made;
    tracing::info!(id = %made.id, by = %made.author, kind = revoked.kind(), value = %visible(revoked.value()), reason = %visible(reason), "revoked");
    Ok((StatusCode::CREATED, Json(made)))
}

/// Lifts a revocation
///
/// What it covered is accepted again, where it has not ended by itself.
#[utoipa::path(
    delete, path = "/api/v1/tokens/revocations/{id}", tag = "access", operation_id = "lift_revocation",
    params(("id" = inline(Id), Path, description = "The revocation")),
    responses(
        (status = 200, description = "The revocation as it was", body = Revocation),
        (status = 400, description = "That is no id", body = ErrorBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
        (status = 404, description = "There is no such revocation", body = ErrorBody),
    ),
)]
pub(super) async fn lift(
    allowed: Allowed<Manage>,
    State(api): State<Shared>,
    PathId(id): PathId,
) -> Result<Json<Revocation>, ApiError> {
    let now = api.state.clock.now();
    let lifted = change(&api, now, move |store| store.lift_revocation(id)).await?;
    let by = &allowed.principal.subject;
    tracing::info!(%id, by, kind = lifted.revoked.kind(), value = %visible(lifted.revoked.value()), "revocation lifted");
    Ok(Json(lifted))
}

/// Changes revocations and lets what is then in force hold at once.
async fn change(
    api: &Shared,
    now: Timestamp,
    work: impl FnOnce(&dyn Store) -> Result<Revocation, StoreError> + Send + 'static,
) -> Result<Revocation, ApiError> {
    let gatekeeper = Arc::clone(&api.state.gatekeeper);
    let revoking = Arc::clone(&api.revoking);
    api.archive
        .ask(move |store| {
            let _turn = revoking.lock();
            let changed = work(store)?;
            gatekeeper.revocations.replace(store.revocations(now)?);
            Ok(changed)
        })
        .await
}
