//! Changes alerts for clients of the gateway.

use std::sync::Arc;

use vigil_event::{AlertAction, AlertChange, Clock, Id};
use vigil_gateway::{AlertDesk, Change, DeskError};
use vigil_store::{Store, StoreError};

pub(super) struct StoreDesk {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
}

impl AlertDesk for StoreDesk {
    fn acknowledge(&self, id: Id, by: String) -> Change<'_> {
        let store = Arc::clone(&self.store);
        let change = AlertChange {
            action: AlertAction::Acknowledge,
            by,
            at: self.clock.now(),
            note: None,
        };
        Box::pin(async move {
            tokio::task::spawn_blocking(move || store.change_alert(id, change))
                .await
                .map_err(|error| DeskError::Unavailable(error.to_string()))?
                .map_err(|error| match error {
                    StoreError::NotFound(_) => DeskError::NotFound(id),
                    StoreError::Conflict { .. } => DeskError::Conflict(error.to_string()),
                    error => DeskError::Unavailable(error.to_string()),
                })
        })
    }
}
