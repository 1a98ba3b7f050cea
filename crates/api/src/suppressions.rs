//! What the binary does when suppressions change.

use vigil_event::Suppression;

/// Lets suppressions hold from the moment they are kept.
pub trait SuppressionsInForce: Send + Sync {
    /// Puts these in force, in place of those before. Short, and may be called from any thread; calls
    /// come one after the other.
    fn replace(&self, active: Vec<Suppression>);
}
