//! The OpenAPI document of these routes.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::allowed::{Allowed, Observe};
use crate::error::ErrorBody;
use crate::state::Shared;

/// Shows this document
#[utoipa::path(
    get, path = "/api/v1/openapi.json", tag = "server", operation_id = "get_openapi",
    responses(
        (status = 200, description = "The OpenAPI document", content_type = "application/json", body = Object),
        (status = 401, description = "No token", body = ErrorBody),
    ),
)]
pub(super) async fn document(_allowed: Allowed<Observe>, State(api): State<Shared>) -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        api.document.clone(),
    )
        .into_response()
}
