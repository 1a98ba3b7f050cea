//! What judges: rules, windows, and the profiles of sites with their versions.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vigil_event::text::visible;

use crate::allowed::{Allowed, Read, Train};
use crate::error::ErrorBody;
use crate::extract::Body;
use crate::state::Shared;
use crate::{ActiveWindow, ApiError, ErrorCode, ModelDesk, ModelError, SiteModel, SiteProfile};

/// Stands for the site without a name, in a path.
const NAMELESS: &str = "-";

/// What judges events.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ModelsStatus {
    /// The sites whose profiles are in force.
    active: Vec<String>,
    /// The same in words.
    message: String,
    /// How many rules are in force.
    rules: usize,
    /// The windows in force: counts over time for each address.
    windows: Vec<ActiveWindow>,
}

/// Some profiles.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Models {
    /// Those with most requests first.
    items: Vec<SiteModel>,
}

/// Which site is to be learned from new.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Retrain {
    /// The host. Without it, every site.
    site: Option<String>,
}

/// What was begun.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Retraining {
    /// How many sites are learned from new.
    retraining: usize,
}

/// Which version is to be in force.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rollback {
    /// Its number.
    version: u32,
}

/// Says which models are active
///
/// The profiles of sites that are in force, beside rules and windows.
#[utoipa::path(
    get, path = "/api/v1/models/status", tag = "models", operation_id = "get_models_status",
    responses(
        (status = 200, description = "What judges events", body = ModelsStatus),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
    ),
)]
pub(super) async fn status(
    _allowed: Allowed<Read>,
    State(api): State<Shared>,
) -> Result<Json<ModelsStatus>, ApiError> {
    let rules = api.state.rules.in_force().set.rules().len();
    let windows = api.state.windows.clone();
    let sites = ask(&api, |desk| desk.sites()).await?;
    let in_force = sites.into_iter().filter(|one| one.state != "learning");
    let active: Vec<String> = in_force.map(|one| one.site).collect();
    let with = format!("{rules} rules and {} windows", windows.len());
    let message = match active.len() {
        0 => format!("No profile is in force: threats are found by {with} alone."),
        1 => format!("The profile of one site is in force, beside {with}."),
        many => format!("The profiles of {many} sites are in force, beside {with}."),
    };
    Ok(Json(ModelsStatus {
        active,
        message,
        rules,
        windows,
    }))
}

/// Lists the profiles of sites
///
/// How far each is, and which versions are kept.
#[utoipa::path(
    get, path = "/api/v1/models", tag = "models", operation_id = "list_models",
    responses(
        (status = 200, description = "The profiles", body = Models),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
    ),
)]
pub(super) async fn list(
    _allowed: Allowed<Read>,
    State(api): State<Shared>,
) -> Result<Json<Models>, ApiError> {
    let items = ask(&api, |desk| desk.sites()).await?;
    Ok(Json(Models { items }))
}

/// Shows what is known of a site
#[utoipa::path(
    get, path = "/api/v1/models/{site}", tag = "models", operation_id = "get_model",
    params(("site" = String, Path, description = "The host; - for the one without a name")),
    responses(
        (status = 200, description = "What is known", body = SiteProfile),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
        (status = 404, description = "There is no such site", body = ErrorBody),
    ),
)]
pub(super) async fn one(
    _allowed: Allowed<Read>,
    State(api): State<Shared>,
    Path(site): Path<String>,
) -> Result<Json<SiteProfile>, ApiError> {
    let name = named(&site).to_owned();
    let found = ask(&api, move |desk| desk.site(&name)).await?;
    found.map(Json).ok_or_else(|| unknown(&site))
}

/// Exports a profile
///
/// Everything that was learned of a site. It has values that many clients sent, and no secrets.
#[utoipa::path(
    get, path = "/api/v1/models/{site}/export", tag = "models", operation_id = "export_model",
    params(("site" = String, Path, description = "The host; - for the one without a name")),
    responses(
        (status = 200, description = "The profile", content_type = "application/json", body = String),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
        (status = 404, description = "There is no such site", body = ErrorBody),
    ),
)]
pub(super) async fn export(
    _allowed: Allowed<Train>,
    State(api): State<Shared>,
    Path(site): Path<String>,
) -> Result<impl IntoResponse, ApiError> {
    let name = named(&site).to_owned();
    let json = ask(&api, move |desk| desk.export(&name)).await?;
    let json = json.ok_or_else(|| unknown(&site))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json))
}

/// Learns sites from new
///
/// Beside the version in force, which judges until the new one has passed its trial. How far it is is
/// told on the channel `models`. A site that was never in force begins from nothing.
#[utoipa::path(
    post, path = "/api/v1/models/retrain", tag = "models", operation_id = "retrain_models",
    request_body(content = Retrain),
    responses(
        (status = 202, description = "It has begun", body = Retraining),
        (status = 400, description = "The body is not understood", body = ErrorBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
        (status = 404, description = "There is no such site", body = ErrorBody),
        (status = 413, description = "The body is longer than 64 KiB", body = ErrorBody),
        (status = 415, description = "The body is no JSON", body = ErrorBody),
    ),
)]
pub(super) async fn retrain(
    allowed: Allowed<Train>,
    State(api): State<Shared>,
    Body(body): Body<Retrain>,
) -> Result<impl IntoResponse, ApiError> {
    let site = body.site.clone();
    let retraining = ask(&api, move |desk| desk.retrain(site.as_deref())).await?;
    if let (0, Some(site)) = (retraining, &body.site) {
        return Err(unknown(site));
    }
    let by = &allowed.principal.subject;
    tracing::info!(%by, site = %visible(body.site.as_deref().unwrap_or("all")), "sites are learned from new");
    Ok((
        axum::http::StatusCode::ACCEPTED,
        Json(Retraining { retraining }),
    ))
}

/// Puts a kept version in force again
///
/// It gets a new number, and goes on learning from there.
#[utoipa::path(
    post, path = "/api/v1/models/{site}/rollback", tag = "models", operation_id = "roll_back_model",
    params(("site" = String, Path, description = "The host; - for the one without a name")),
    request_body(content = Rollback),
    responses(
        (status = 200, description = "How the profile is now", body = SiteModel),
        (status = 400, description = "The body is not understood", body = ErrorBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
        (status = 404, description = "There is no such site or version", body = ErrorBody),
        (status = 409, description = "The version cannot be used any more", body = ErrorBody),
        (status = 413, description = "The body is longer than 64 KiB", body = ErrorBody),
        (status = 415, description = "The body is no JSON", body = ErrorBody),
    ),
)]
pub(super) async fn roll_back(
    allowed: Allowed<Train>,
    State(api): State<Shared>,
    Path(site): Path<String>,
    Body(body): Body<Rollback>,
) -> Result<Json<SiteModel>, ApiError> {
    let name = named(&site).to_owned();
    let rolled = ask(&api, move |desk| desk.roll_back(&name, body.version)).await?;
    let by = &allowed.principal.subject;
    tracing::info!(%by, site = %visible(&site), version = body.version, "a profile was rolled back");
    rolled.map(Json).map_err(|error| match error {
        ModelError::NotFound => ApiError::new(
            ErrorCode::NotFound,
            format!("version {} of this site is not kept", body.version),
        )
        .hint("GET /api/v1/models lists the versions"),
        ModelError::Unusable(why) => ApiError::new(ErrorCode::Conflict, why),
    })
}

/// Forgets a site
///
/// It is learned from nothing. The kept versions stay.
#[utoipa::path(
    delete, path = "/api/v1/models/{site}", tag = "models", operation_id = "reset_model",
    params(("site" = String, Path, description = "The host; - for the one without a name")),
    responses(
        (status = 204, description = "It is forgotten"),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
        (status = 404, description = "There is no such site", body = ErrorBody),
    ),
)]
pub(super) async fn reset(
    allowed: Allowed<Train>,
    State(api): State<Shared>,
    Path(site): Path<String>,
) -> Result<axum::http::StatusCode, ApiError> {
    let name = named(&site).to_owned();
    if !ask(&api, move |desk| desk.reset(&name)).await? {
        return Err(unknown(&site));
    }
    let by = &allowed.principal.subject;
    tracing::info!(%by, site = %visible(&site), "a profile was forgotten");
    Ok(axum::http::StatusCode::NO_CONTENT)
}

fn named(site: &str) -> &str {
    if site == NAMELESS { "" } else { site }
}

fn unknown(site: &str) -> ApiError {
    let message = format!("nothing is known of the site `{}`", visible(site));
    ApiError::new(ErrorCode::NotFound, message).hint("GET /api/v1/models lists the sites")
}

/// Asks the desk on a thread that may wait.
async fn ask<T: Send + 'static>(
    api: &Shared,
    question: impl FnOnce(&dyn ModelDesk) -> T + Send + 'static,
) -> Result<T, ApiError> {
    let desk = Arc::clone(&api.state.models);
    tokio::task::spawn_blocking(move || question(&*desk))
        .await
        .map_err(|failure| {
            tracing::error!(%failure, "a question to the profiles did not end");
            ApiError::internal()
        })
}
