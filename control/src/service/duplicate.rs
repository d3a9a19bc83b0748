//! Suspected duplicates.

use super::Service;
use linkyard_core::Result;
use linkyard_core::duplicate::{DuplicateGroup, Searched};
use linkyard_core::id::{DuplicateGroupId, TargetId};
use linkyard_core::mapping::Subject;
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::scope::Scope;
use linkyard_store::RequestKey;

impl Service {
    /// The open groups of a list, or the dismissed ones, in the order in which they were found.
    ///
    /// # Errors
    /// `NotFound` for the provider; `Invalid` for a foreign page key.
    pub async fn duplicate_list(
        &self,
        scope: &Scope,
        searched: Searched,
        dismissed: bool,
        page: &PageRequest,
    ) -> Result<Page<DuplicateGroup>> {
        self.store.duplicate_list(scope, searched, dismissed, page).await
    }

    /// The open groups of the registry that a party or a project is in.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn duplicates_of(&self, scope: &Scope, subject: Subject, target: TargetId) -> Result<Vec<DuplicateGroup>> {
        self.store.duplicates_of(scope, subject, target).await
    }

    /// One group, with its first 1,000 records.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn duplicate_get(&self, scope: &Scope, id: DuplicateGroupId) -> Result<DuplicateGroup> {
        self.store.duplicate_get(scope, id).await
    }

    /// Says that the records of a group are different (`dismissed`), or takes that back.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::duplicate_dismiss`].
    pub async fn duplicate_dismiss(
        &self,
        scope: &Scope,
        id: DuplicateGroupId,
        dismissed: bool,
        request: Option<&RequestKey>,
    ) -> Result<DuplicateGroup> {
        self.store.duplicate_dismiss(scope, id, dismissed, request).await
    }
}
