//! The store, asked from async code: on threads that may block, and only so many at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use vigil_store::{Store, StoreError};

use crate::{ApiError, ErrorCode};

/// How many questions the store answers at one moment.
const TURNS: usize = 8;

/// How long a question waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// The store behind a bounded number of turns.
pub(crate) struct Archive {
    store: Arc<dyn Store>,
    turns: Arc<Semaphore>,
}

impl Archive {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            turns: Arc::new(Semaphore::new(TURNS)),
        }
    }

    /// Asks the store. The turn lasts until the store has answered, even when nobody waits for the
    /// answer any more.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned())
            .await
            .ok()
            .and_then(Result::ok)
            .ok_or_else(|| {
                ApiError::new(
                    ErrorCode::Unavailable,
                    "too many questions to the store at once",
                )
                .hint("try again, and ask for shorter ranges of time")
                .retry_after(Duration::from_secs(1))
            })?;
        let store = Arc::clone(&self.store);
        let answer = tokio::task::spawn_blocking(move || {
            let answer = question(&*store);
            drop(turn);
            answer
        })
        .await;
        match answer {
            Ok(answer) => answer.map_err(ApiError::from),
            Err(failure) => {
                tracing::error!(%failure, "a question to the store did not end");
                Err(ApiError::internal())
            }
        }
    }
}
