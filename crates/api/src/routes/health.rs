//! Whether the process answers at all. The one route that is open.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

/// It answers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// Answers
///
/// Says only that the process answers; `/ready` says whether it does its work.
#[utoipa::path(
    get, path = "/health", tag = "server", operation_id = "get_health", security(()),
    responses((status = 200, description = "It answers", body = Health)),
)]
pub(super) async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}
