//! What the routes work with.
//!
//! Never holds: state of its own; everything here is shared with the rest of the program.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Semaphore;
use utoipa::ToSchema;
use vigil_auth::Gatekeeper;
use vigil_event::{Clock, IdSource};
use vigil_store::Store;

use crate::archive::Archive;
use crate::{Intake, ModelDesk, Readiness, Rulebook, SuppressionsInForce};

/// What the binary gives to the routes.
pub struct ApiState {
    /// Answers for threats, alerts and statistics.
    pub store: Arc<dyn Store>,
    /// The rules in force; they may change at any time.
    pub rules: Arc<dyn Rulebook>,
    /// The windows in force.
    pub windows: Vec<ActiveWindow>,
    /// Takes batches of lines.
    pub intake: Arc<dyn Intake>,
    /// Says why the server is not ready.
    pub readiness: Arc<dyn Readiness>,
    /// What `/metrics` shows.
    pub metrics: prometheus::Registry,
    /// Issues tickets.
    pub gatekeeper: Arc<Gatekeeper>,
    /// Tells the present.
    pub clock: Arc<dyn Clock>,
    /// Names batches that come without a key of their own.
    pub ids: Arc<IdSource>,
    /// Answers for the profiles of sites.
    pub models: Arc<dyn ModelDesk>,
    /// Lets suppressions hold at once.
    pub suppressions: Arc<dyn SuppressionsInForce>,
}

/// A count over time that can make a detection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ActiveWindow {
    /// The id that its detections carry as `rule_id`.
    pub id: String,
    /// What it finds, for people.
    pub title: String,
}

/// How many batches arrive at one moment; each may take some tens of megabytes until it is read.
const ARRIVING_BATCHES: usize = 8;

/// The state with what bounds its use.
pub(crate) struct Api {
    pub(crate) archive: Archive,
    pub(crate) arriving: Arc<Semaphore>,
    /// The OpenAPI document.
    pub(crate) document: Bytes,
    /// Held while suppressions change, so that the last change is the one in force.
    pub(crate) suppressing: Arc<Mutex<()>>,
    /// Held while revocations change, for the same reason.
    pub(crate) revoking: Arc<Mutex<()>>,
    pub(crate) state: ApiState,
}

impl Api {
    pub(crate) fn new(state: ApiState) -> Self {
        Self {
            archive: Archive::new(Arc::clone(&state.store)),
            document: crate::openapi_json().into(),
            suppressing: Arc::default(),
            revoking: Arc::default(),
            arriving: Arc::new(Semaphore::new(ARRIVING_BATCHES)),
            state,
        }
    }
}

/// What every route takes.
pub(crate) type Shared = Arc<Api>;
