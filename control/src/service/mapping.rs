//! Mappings of vendors and of projects: reading them, drafts, confirming. One implementation over the subject.

use super::Service;
use linkyard_core::Result;
use linkyard_core::id::{ProviderId, RecordId};
use linkyard_core::mapping::{Choice, Mapping, MappingFilter, MappingState, MappingView, Subject};
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::plan::Selection;
use linkyard_core::scope::Scope;
use linkyard_core::suggestion::BandPrecision;
use linkyard_store::{Brought, Confirmed, DeclineRow, RequestKey, UnlinkRow};
use std::collections::HashMap;

impl Service {
    /// One mapping, in full.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn mapping_get(&self, scope: &Scope, provider: ProviderId, subject: Subject, record: RecordId) -> Result<Mapping> {
        self.store.mapping_get(scope, provider, subject, record).await
    }

    /// Mappings of a provider.
    ///
    /// # Errors
    /// `NotFound` for the provider; `Invalid` for a foreign page key.
    pub async fn mapping_list(
        &self,
        scope: &Scope,
        provider: ProviderId,
        subject: Subject,
        filter: &MappingFilter,
        view: MappingView,
        page: &PageRequest,
    ) -> Result<Page<Mapping>> {
        self.store.mapping_list(scope, provider, subject, filter, view, page).await
    }

    /// How many mappings are in which state.
    ///
    /// # Errors
    /// `NotFound` for the provider.
    pub async fn mapping_counts(
        &self,
        scope: &Scope,
        provider: ProviderId,
        subject: Subject,
    ) -> Result<Vec<(MappingState, u64)>> {
        self.store.mapping_counts(scope, provider, subject).await
    }

    /// Every band of suggestions with what waits in it and what people made of it.
    ///
    /// # Errors
    /// `NotFound` for the provider.
    pub async fn band_precision(&self, scope: &Scope, provider: ProviderId, subject: Subject) -> Result<Vec<BandPrecision>> {
        self.store.band_precision(scope, provider, subject).await
    }

    /// Saves or clears drafts, all or none.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::mapping_drafts_save`].
    pub async fn mapping_drafts_save(
        &self,
        scope: &Scope,
        provider: ProviderId,
        subject: Subject,
        drafts: &[(RecordId, Option<Choice>, Option<i64>)],
        request: Option<&RequestKey>,
    ) -> Result<Vec<Mapping>> {
        self.store.mapping_drafts_save(scope, provider, subject, drafts, request).await
    }

    /// Says what records are not, all or none.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::mapping_decline`].
    pub async fn mapping_decline(
        &self,
        scope: &Scope,
        provider: ProviderId,
        subject: Subject,
        rows: &[DeclineRow],
        request: Option<&RequestKey>,
    ) -> Result<Vec<Mapping>> {
        self.store.mapping_decline(scope, provider, subject, rows, request).await
    }

    /// Takes links away, all or none.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::mapping_unlink`].
    pub async fn mapping_unlink(
        &self,
        scope: &Scope,
        provider: ProviderId,
        subject: Subject,
        rows: &[UnlinkRow],
        request: Option<&RequestKey>,
    ) -> Result<Vec<Mapping>> {
        let mappings = self.store.mapping_unlink(scope, provider, subject, rows, request).await?;
        self.ring();
        Ok(mappings)
    }

    /// Makes the plan of a confirm and, unless `plan_only`, carries it out and starts the linking.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::mapping_confirm`].
    pub async fn mapping_confirm(
        &self,
        scope: &Scope,
        provider: ProviderId,
        subject: Subject,
        selection: &Selection,
        plan_only: bool,
        request: Option<&RequestKey>,
    ) -> Result<Confirmed> {
        let confirmed = self.store.mapping_confirm(scope, provider, subject, selection, plan_only, request).await?;
        if confirmed.job.is_some() {
            self.ring();
        }
        Ok(confirmed)
    }

    /// These mappings in full, in the order of their record ids; unknown ones are left out.
    ///
    /// # Errors
    /// `NotFound` for the provider.
    pub async fn mapping_several(
        &self,
        scope: &Scope,
        provider: ProviderId,
        subject: Subject,
        records: &[RecordId],
    ) -> Result<Vec<Mapping>> {
        self.store.mapping_several(scope, provider, subject, records).await
    }

    /// When these mappings last changed, milliseconds since 1970; unknown ones are left out.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn mapping_changed_at(
        &self,
        scope: &Scope,
        provider: ProviderId,
        subject: Subject,
        records: &[RecordId],
    ) -> Result<HashMap<RecordId, i64>> {
        self.store.mapping_changed_at(scope, provider, subject, records).await
    }

    /// How many rows have a draft.
    ///
    /// # Errors
    /// `NotFound` for the provider.
    pub async fn mapping_drafts_count(&self, scope: &Scope, provider: ProviderId, subject: Subject) -> Result<u64> {
        self.store.mapping_drafts_count(scope, provider, subject).await
    }

    /// How many rows a filter selects, whatever their state; counting ends at `most`, where that is given.
    ///
    /// # Errors
    /// `NotFound` for the provider; `Invalid` for a search that is too long.
    pub async fn mapping_selected(
        &self,
        scope: &Scope,
        provider: ProviderId,
        subject: Subject,
        filter: &MappingFilter,
        most: Option<u64>,
    ) -> Result<u64> {
        self.store.mapping_selected(scope, provider, subject, filter, most).await
    }

    /// Which parties these projects of a directory bring; projects without a vendor are left out.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn mapping_brought(
        &self,
        scope: &Scope,
        provider: ProviderId,
        projects: &[RecordId],
    ) -> Result<HashMap<RecordId, Brought>> {
        self.store.mapping_brought(scope, provider, projects).await
    }
}
