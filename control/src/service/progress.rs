//! How things go, for pictures of it: linking over time, failures by reason, how old what is known is.

use super::Service;
use linkyard_core::Result;
use linkyard_core::scope::Scope;
use linkyard_store::ledger::JobReason;
use linkyard_store::{Fresh, HourLinked, ProgressSample};

impl Service {
    /// How far the linking of every list was in the last `minutes` minutes, oldest first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn progress(&self, scope: &Scope, minutes: u32) -> Result<Vec<ProgressSample>> {
        self.store.progress(scope, minutes).await
    }

    /// How much of each directory was linked in the last 24 hours, hour by hour.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn linked_by_hour(&self, scope: &Scope) -> Result<Vec<HourLinked>> {
        self.store.linked_by_hour(scope).await
    }

    /// Why rows of the tenant are held or failed now, by reason, most rows first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn failure_reasons(&self, scope: &Scope) -> Result<Vec<JobReason>> {
        self.store.failure_reasons(scope).await
    }

    /// How old what is known of each directory is.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn freshness(&self, scope: &Scope) -> Result<Vec<Fresh>> {
        self.store.freshness(scope).await
    }

    /// The database's time, milliseconds since 1970.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn now_ms(&self) -> Result<i64> {
        self.store.now_ms().await
    }
}
