//! Every route, one file for each resource.
//!
//! Owns: the list of what is documented, and the short paths beside it.

mod alerts;
mod coverage;
mod document;
mod health;
mod ingest;
mod metrics;
mod models;
mod ready;
mod revocations;
mod rules;
mod stats;
mod suppressions;
mod threats;
mod tickets;

use axum::extract::DefaultBodyLimit;
use axum::http::Uri;
use axum::routing::{get, post};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::Shared;
use crate::{ApiError, ErrorCode, openapi, page};

/// The longest body, in bytes, but for batches of lines.
pub(crate) const BODY_BYTES: usize = 64 * 1024;

/// The routes that the OpenAPI document describes.
fn documented() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(threats::list))
        .routes(routes!(threats::one))
        .routes(routes!(alerts::list))
        .routes(routes!(alerts::one))
        .routes(routes!(alerts::acknowledge))
        .routes(routes!(alerts::resolve))
        .routes(routes!(alerts::note))
        .routes(routes!(suppressions::list, suppressions::add))
        .routes(routes!(suppressions::remove))
        .routes(routes!(stats::stats))
        .routes(routes!(rules::list))
        .routes(routes!(rules::one))
        .routes(routes!(rules::reload))
        .routes(routes!(coverage::coverage))
        .routes(routes!(models::list))
        .routes(routes!(models::status))
        .routes(routes!(models::retrain))
        .routes(routes!(models::one, models::reset))
        .routes(routes!(models::export))
        .routes(routes!(models::roll_back))
        .routes(routes!(tickets::issue))
        .routes(routes!(revocations::list, revocations::add))
        .routes(routes!(revocations::lift))
        .routes(routes!(document::document))
        .routes(routes!(health::health))
        .routes(routes!(ready::ready))
        .routes(routes!(metrics::metrics))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .merge(ingest::documented())
}

/// The document of what is documented.
pub(crate) fn document() -> OpenApi {
    documented().into_openapi()
}

/// All routes.
pub(crate) fn router(api: Shared) -> axum::Router {
    axum::Router::from(documented())
        .route("/threats", get(threats::list))
        .route("/stats", get(stats::stats))
        .route("/models/status", get(models::status))
        .route(
            "/ingest/batch",
            post(ingest::batch).layer(DefaultBodyLimit::max(ingest::BODY_BYTES)),
        )
        .merge(page::routes())
        .fallback(nothing_here)
        .with_state(api)
}

async fn nothing_here(uri: Uri) -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        format!("there is nothing at {}", uri.path()),
    )
    .hint("/api/v1/openapi.json lists what there is")
}
