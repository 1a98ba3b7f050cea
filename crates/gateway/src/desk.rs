//! Where a client's change of an alert goes: a door to whatever keeps the alerts.

use std::pin::Pin;

use vigil_event::{Alert, Id};

/// A change that is on its way.
pub type Change<'a> = Pin<Box<dyn Future<Output = Result<Alert, DeskError>> + Send + 'a>>;

/// Changes alerts for clients.
///
/// - **Who may.** The gateway has checked the right; the desk does not ask again.
/// - **Order, atomicity.** A change is whole or absent when the future ends. What it publishes comes
///   over the bus, before or after the answer.
/// - **Cancellation.** The future may be dropped; the change may then still happen.
/// - **Blocking.** It must not block the thread; the gateway waits for ten seconds at most.
pub trait AlertDesk: Send + Sync {
    /// Takes an alert in hand, in the name of `by`.
    fn acknowledge(&self, id: Id, by: String) -> Change<'_>;
}

/// Why an alert was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeskError {
    /// No such alert.
    #[error("there is no alert {0}: it may have been removed by retention")]
    NotFound(Id),
    /// Its state does not allow that.
    #[error("{0}")]
    Conflict(String),
    /// What keeps the alerts does not work now. The text is for the log, not for clients.
    #[error("alerts can't be changed now: {0}")]
    Unavailable(String),
}
