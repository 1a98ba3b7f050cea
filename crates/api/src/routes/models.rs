//! What judges: honestly, rules and windows, and no trained model.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ActiveWindow;
use crate::allowed::{Allowed, Read};
use crate::error::ErrorBody;
use crate::state::Shared;

/// What judges events.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModelsStatus {
    /// The trained models in force. There are none in this version.
    active: Vec<String>,
    /// The same in words.
    message: String,
    /// How many rules are in force.
    rules: usize,
    /// The windows in force: counts over time for each address.
    windows: Vec<ActiveWindow>,
}

/// Says which models are active
///
/// None: this version judges by rules and windows alone.
#[utoipa::path(
    get, path = "/api/v1/models/status", tag = "rules", operation_id = "get_models_status",
    responses(
        (status = 200, description = "What judges events", body = ModelsStatus),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
    ),
)]
pub(super) async fn status(
    _allowed: Allowed<Read>,
    State(api): State<Shared>,
) -> Json<ModelsStatus> {
    let rules = api.state.rules.in_force().set.rules().len();
    let windows = api.state.windows.clone();
    let message = format!(
        "No model is active: threats are found by {rules} rules and {} windows alone.",
        windows.len()
    );
    Json(ModelsStatus {
        active: Vec::new(),
        message,
        rules,
        windows,
    })
}
