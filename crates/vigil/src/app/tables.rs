//! Keeps the tables in step with their files and with the suppressions that the store keeps.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vigil_api::SuppressionsInForce;
use vigil_event::Suppression;

use crate::pipeline::{Health, Telemetry};
use crate::tables::Tables;

/// How often the files are looked at. A changed one is read at the second look.
const EVERY: Duration = Duration::from_secs(1);

/// Reads files again that change, until the server stops.
pub(super) struct TableWatch {
    pub(super) tables: Arc<Tables>,
    pub(super) health: Arc<Health>,
    pub(super) telemetry: Arc<Telemetry>,
}

impl TableWatch {
    /// Tells what is in force now.
    pub(super) fn tell(&self) {
        self.health.note("tables", self.tables.problems());
        self.telemetry.lists(&self.tables.sizes());
    }

    pub(super) async fn run(self, shutdown: CancellationToken) {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            let tables = Arc::clone(&self.tables);
            let refreshed = tokio::task::spawn_blocking(move || tables.refresh(false)).await;
            if let Err(error) = refreshed {
                tracing::error!(%error, "looking at the tables' files ended early; trying again");
            }
            self.tell();
        }
    }
}

/// Puts suppressions in force as soon as the store keeps them.
pub(super) struct InForce(pub(super) Arc<Tables>);

impl SuppressionsInForce for InForce {
    fn replace(&self, active: Vec<Suppression>) {
        self.0.suppress(active);
    }
}
