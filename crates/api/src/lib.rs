//! The HTTP interface: REST with its OpenAPI document, the embedded page, and who may come in.
//!
//! [`router`] answers; [`authenticate`] wraps the whole application, also the routes of others, so
//! that nothing but `GET /health` and the sign-in is open. What only the binary can do is asked for
//! through traits: [`Intake`] stores batches of lines, [`Readiness`] says why the server is not
//! ready, [`Rulebook`] keeps the rules in force, [`SuppressionsInForce`] lets suppressions hold at
//! once.
//!
//! Owns: routes, their rights, errors as JSON, sessions in the browser, security headers. Never
//! holds: SQL, the pipeline, sockets.
//!
//! To add a resource: a file in `routes/`, whose functions take [`Allowed`] with the right they need
//! and are described by `#[utoipa::path]`; a line in `routes::documented`; then `UPDATE_GOLDEN=1 cargo
//! test -p vigil-api` writes the OpenAPI document anew.

mod allowed;
mod archive;
mod authentication;
mod error;
mod extract;
mod header;
mod intake;
mod models;
mod openapi;
mod page;
mod readiness;
mod routes;
mod rulebook;
mod state;
mod suppressions;

pub use allowed::{Allowed, Right};
pub use authentication::{Access, Hosts, OverTls, SESSION_COOKIE, Witness, authenticate};
pub use error::{ApiError, ErrorCode};
pub use intake::{IngestBatch, IngestOutcome, Intake, IntakeError, RequestBatch, SentRequest};
pub use models::{ModelDesk, ModelError, SiteModel, SiteParameter, SitePath, SiteProfile};
pub use readiness::Readiness;
pub use rulebook::{RuleCosts, RuleProblem, Rulebook, RulesInForce, RulesRefused};
pub use state::{ActiveWindow, ApiState};
pub use suppressions::SuppressionsInForce;

/// The REST interface, its OpenAPI document and the page, not yet protected: hand it to
/// [`authenticate`].
pub fn router(state: ApiState) -> axum::Router {
    routes::router(std::sync::Arc::new(state::Api::new(state)))
}

/// The OpenAPI document as JSON, as `/api/v1/openapi.json` answers it.
pub fn openapi_json() -> String {
    openapi::json(&routes::document())
}
