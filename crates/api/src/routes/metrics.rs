//! The server's own numbers, for Prometheus.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use prometheus::TextEncoder;

use crate::ApiError;
use crate::allowed::{Allowed, Observe};
use crate::error::ErrorBody;
use crate::state::Shared;

/// Shows the server's numbers
///
/// In the text format of Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "server", operation_id = "get_metrics",
    responses(
        (status = 200, description = "The numbers", content_type = "text/plain", body = String),
        (status = 401, description = "No token", body = ErrorBody),
    ),
)]
pub(super) async fn metrics(
    _allowed: Allowed<Observe>,
    State(api): State<Shared>,
) -> Result<Response, ApiError> {
    match TextEncoder::new().encode_to_string(&api.state.metrics.gather()) {
        Ok(text) => Ok(([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response()),
        Err(error) => {
            tracing::error!(%error, "the metrics can't be written");
            Err(ApiError::internal())
        }
    }
}
