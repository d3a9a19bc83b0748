//! Jobs: reading and steering them.

use super::Service;
use linkyard_core::Result;
use linkyard_core::id::{JobId, ProviderId};
use linkyard_core::job::{Job, JobState};
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::scope::Scope;
use linkyard_store::RequestKey;
use linkyard_store::ledger::JobReason;
use std::collections::HashMap;

impl Service {
    /// One job.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn job_get(&self, scope: &Scope, id: JobId) -> Result<Job> {
        self.jobs.ask((scope.organization, id)).await?
    }

    /// How many jobs of each provider are under way, without children.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn jobs_live_by_provider(&self, scope: &Scope) -> Result<HashMap<ProviderId, u64>> {
        self.store.jobs_live_by_provider(scope).await
    }

    /// Jobs, newest first.
    ///
    /// # Errors
    /// `NotFound` for a provider of nobody's or another's; `Invalid` for a foreign page key.
    pub async fn job_list(
        &self,
        scope: &Scope,
        provider: Option<ProviderId>,
        states: &[JobState],
        with_children: bool,
        page: &PageRequest,
    ) -> Result<Page<Job>> {
        if let Some(provider) = provider {
            self.store.provider_get(scope, provider).await?;
        }
        self.store.job_list(scope, provider, states, with_children, page).await
    }

    /// Why rows of a job were held or failed, by reason.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn job_reasons(&self, scope: &Scope, id: JobId) -> Result<Vec<JobReason>> {
        self.store.job_reasons(scope, id).await
    }

    /// Stops a job for good at its next checkpoint.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it has ended.
    pub async fn job_cancel(&self, scope: &Scope, id: JobId, request: Option<&RequestKey>) -> Result<Job> {
        let job = self.store.job_cancel(scope, id, request).await?;
        self.ring();
        Ok(job)
    }

    /// Runs an ended job again, for its failed rows only.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` in any other state.
    pub async fn job_retry(&self, scope: &Scope, id: JobId, request: Option<&RequestKey>) -> Result<Job> {
        let job = self.store.job_retry(scope, id, request).await?;
        self.ring();
        Ok(job)
    }
}
