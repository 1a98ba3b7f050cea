//! Counts over a range of time.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use vigil_event::Timestamp;
use vigil_store::{Stats, StatsQuery};

use crate::ApiError;
use crate::allowed::{Allowed, ReadNumbers};
use crate::error::ErrorBody;
use crate::extract::{Parameters, parsed};
use crate::state::Shared;

/// The longest top list.
const MAX_TOP: usize = vigil_store::stats::MAX_TOP;

/// Which range of time.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Range {
    /// From this time on; 24 hours before `until` where it is not given.
    #[serde(default, deserialize_with = "parsed")]
    #[param(inline)]
    since: Option<Timestamp>,
    /// Before this time; now where it is not given.
    #[serde(default, deserialize_with = "parsed")]
    #[param(inline)]
    until: Option<Timestamp>,
    /// The length of the top lists.
    #[serde(default, deserialize_with = "parsed")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    top: Option<usize>,
}

/// Counts threats
///
/// By severity, address, path and rule, and over time; and how many alerts stand where.
#[utoipa::path(
    get, path = "/api/v1/stats", tag = "stats", operation_id = "get_stats",
    params(Range),
    responses(
        (status = 200, description = "The counts", body = Stats),
        (status = 400, description = "A parameter is not understood", body = ErrorBody),
        (status = 401, description = "No token", body = ErrorBody),
        (status = 403, description = "The token does not allow this", body = ErrorBody),
        (status = 503, description = "The store does not work now, or the question took too long", body = ErrorBody),
    ),
)]
pub(super) async fn stats(
    _allowed: Allowed<ReadNumbers>,
    State(api): State<Shared>,
    Parameters(range): Parameters<Range>,
) -> Result<Json<Stats>, ApiError> {
    let mut query = StatsQuery::between(range.since, range.until, api.state.clock.now());
    if query.since >= query.until {
        return Err(ApiError::invalid("`since` must be before `until`"));
    }
    match range.top {
        None => {}
        Some(top @ 1..=MAX_TOP) => query.top = top,
        Some(top) => {
            return Err(ApiError::invalid(format!(
                "`top` is {top}: give 1 to {MAX_TOP}"
            )));
        }
    }
    api.archive
        .ask(move |store| store.stats(&query))
        .await
        .map(Json)
}
