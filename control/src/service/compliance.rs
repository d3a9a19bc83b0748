//! Compliance: coverages, and what the directory shows of them.

use super::Service;
use linkyard_core::Result;
use linkyard_core::compliance::{Coverage, NewCoverage};
use linkyard_core::id::{CoverageId, PartyId, ProviderId};
use linkyard_core::job::{Job, JobKind, Lane, NewJob};
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::scope::Scope;
use linkyard_store::{CoverageFilter, InsuranceFilter, InsuranceLine, LineCounts, RequestKey};

impl Service {
    /// States coverages, all or none.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::coverages_create`].
    pub async fn coverages_create(
        &self,
        scope: &Scope,
        new: &[(PartyId, NewCoverage)],
        request: Option<&RequestKey>,
    ) -> Result<Vec<Coverage>> {
        let coverages = self.store.coverages_create(scope, new, request).await?;
        self.ring();
        Ok(coverages)
    }

    /// One coverage.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn coverage_get(&self, scope: &Scope, id: CoverageId) -> Result<Coverage> {
        self.store.coverage_get(scope, id).await
    }

    /// The tenant's coverages, oldest first.
    ///
    /// # Errors
    /// `NotFound` for a party that is not the tenant's; `Invalid` for a foreign page key.
    pub async fn coverage_list(&self, scope: &Scope, filter: &CoverageFilter, page: &PageRequest) -> Result<Page<Coverage>> {
        if let Some(party) = filter.party {
            self.store.party_get(scope, party).await?;
        }
        self.store.coverage_list(scope, filter, page).await
    }

    /// Restates coverages, all or none.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::coverages_update`].
    pub async fn coverages_update(
        &self,
        scope: &Scope,
        changes: &[(CoverageId, Option<i64>, NewCoverage)],
        request: Option<&RequestKey>,
    ) -> Result<Vec<Coverage>> {
        let coverages = self.store.coverages_update(scope, changes, request).await?;
        self.ring();
        Ok(coverages)
    }

    /// Deletes a coverage; its insurances are retired.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::coverage_delete`].
    pub async fn coverage_delete(
        &self,
        scope: &Scope,
        id: CoverageId,
        expected_revision: Option<i64>,
        request: Option<&RequestKey>,
    ) -> Result<()> {
        self.store.coverage_delete(scope, id, expected_revision, request).await?;
        self.ring();
        Ok(())
    }

    /// The insurances of a provider.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for a foreign page key.
    pub async fn insurance_list(
        &self,
        scope: &Scope,
        provider: ProviderId,
        filter: &InsuranceFilter,
        page: &PageRequest,
    ) -> Result<Page<InsuranceLine>> {
        self.store.insurance_list(scope, provider, filter, page).await
    }

    /// How many insurances of a provider are in each state.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn insurance_counts(&self, scope: &Scope, provider: ProviderId) -> Result<LineCounts> {
        self.store.insurance_counts(scope, provider).await
    }

    /// Asks for a push; one that is under way is answered, and does the comparison as well where one is asked for.
    ///
    /// # Errors
    /// `NotFound`; `Conflict(State)` while the provider waits for approval.
    pub async fn compliance_push(
        &self,
        scope: &Scope,
        provider: ProviderId,
        compare: bool,
        request: Option<&RequestKey>,
    ) -> Result<Job> {
        let new = NewJob {
            provider: Some(provider),
            parent: None,
            kind: JobKind::PushCompliance,
            dedupe_key: provider.to_string(),
            lane: Lane::Person,
            payload: serde_json::json!({}),
            run_at_ms: None,
        };
        if compare {
            self.store.comparison_ask(scope, provider).await?;
        }
        let job = self.store.job_enqueue(scope, &new, request).await?;
        self.ring();
        Ok(job)
    }
}
