//! Whether the server does its work, and if not, why.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::allowed::{Allowed, Observe};
use crate::error::ErrorBody;
use crate::state::Shared;

/// Whether the server does its work.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ready {
    /// Whether all is well.
    ready: bool,
    /// What is not; empty when all is well.
    reasons: Vec<String>,
}

/// Says whether the server does its work
#[utoipa::path(
    get, path = "/ready", tag = "server", operation_id = "get_ready",
    responses(
        (status = 200, description = "It does", body = Ready),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 503, description = "It does not, and why", body = Ready),
    ),
)]
pub(super) async fn ready(
    _allowed: Allowed<Observe>,
    State(api): State<Shared>,
) -> (StatusCode, Json<Ready>) {
    let reasons = api.state.readiness.reasons();
    let ready = reasons.is_empty();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(Ready { ready, reasons }))
}
