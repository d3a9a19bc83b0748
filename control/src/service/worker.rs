//! Worker processes, for operators of the installation.

use super::Service;
use linkyard_core::Result;
use linkyard_core::id::WorkerId;
use linkyard_core::worker::Worker;

/// A worker that was not heard of for so long is taken as dead, milliseconds: as long as a lease lasts, which it would have renewed
/// together with its word.
const ALIVE_MS: i64 = 30_000;

impl Service {
    /// The workers that are there, longest running first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn worker_list(&self) -> Result<Vec<Worker>> {
        self.store.workers_alive(ALIVE_MS).await
    }

    /// Asks a worker to take no more jobs and to end.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn worker_drain(&self, id: WorkerId) -> Result<()> {
        self.store.worker_drain(id).await
    }
}
