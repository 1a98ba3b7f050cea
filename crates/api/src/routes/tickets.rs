//! Tickets: open a socket or the page once, where no header can carry a token.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ApiError;
use crate::allowed::{Allowed, Read};
use crate::error::ErrorBody;
use crate::state::Shared;

/// A ticket for the one who asked.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TicketBody {
    /// Opens once, for some minutes: `/ws?ticket=…` or `/ui/?ticket=…`.
    ticket: String,
}

/// Issues a ticket
///
/// It carries the rights of the one who asks, opens once and soon expires.
#[utoipa::path(
    post, path = "/api/v1/tickets", tag = "access", operation_id = "issue_ticket",
    responses(
        (status = 200, description = "The ticket", body = TicketBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
    ),
)]
pub(super) async fn issue(
    allowed: Allowed<Read>,
    State(api): State<Shared>,
) -> Result<Json<TicketBody>, ApiError> {
    let now = api.state.clock.now();
    match api.state.gatekeeper.tickets.issue(allowed.principal, now) {
        Ok(ticket) => Ok(Json(TicketBody { ticket })),
        Err(error) => {
            tracing::error!(%error, "no ticket could be issued");
            Err(ApiError::internal())
        }
    }
}
