//! The registry: parties, projects, party types and compliance profiles.

use super::Service;
use linkyard_core::Result;
use linkyard_core::id::{ComplianceProfileId, PartyId, PartyTypeId, ProjectId};
use linkyard_core::mapping::{OnLookalike, Subject};
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::registry::{Named, NewParty, NewProject, Party, PartyChange, Project, ProjectChange};
use linkyard_core::scope::Scope;
use linkyard_matching::{name_key, project_key};
use linkyard_store::{Creating, Merge, NameKey, RegistryFilter, RequestKey};

impl Service {
    /// Creates parties, all or none; with [`OnLookalike::Hold`] only where nothing like them is there.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::parties_create`].
    pub async fn parties_create(
        &self,
        scope: &Scope,
        new: &[NewParty],
        on_lookalike: OnLookalike,
        request: Option<&RequestKey>,
    ) -> Result<Vec<Party>> {
        let creating = self.creating(scope, Subject::Vendor, on_lookalike);
        let parties = self.store.parties_create(scope, new, creating, request).await?;
        self.ring();
        Ok(parties)
    }

    /// The party type and compliance profile that a new party has when nobody says: the organization's first by
    /// name, if it has any.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn party_defaults(&self, scope: &Scope) -> Result<(Option<PartyTypeId>, Option<ComplianceProfileId>)> {
        let party_type = self.store.party_types(scope).await?.first().map(|first| first.id);
        let profile = self.store.compliance_profiles(scope).await?.first().map(|first| first.id);
        Ok((party_type, profile))
    }

    /// One party.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn party_get(&self, scope: &Scope, id: PartyId) -> Result<Party> {
        self.store.party_get(scope, id).await
    }

    /// The tenant's parties, oldest first.
    ///
    /// # Errors
    /// `NotFound` for a provider that is not the tenant's; `Invalid` for a foreign page key.
    pub async fn party_list(&self, scope: &Scope, filter: &RegistryFilter, page: &PageRequest) -> Result<Page<Party>> {
        self.check(scope, filter).await?;
        self.store.party_list(scope, filter, page).await
    }

    fn creating(&self, scope: &Scope, subject: Subject, on_lookalike: OnLookalike) -> Creating {
        let key: NameKey = match subject {
            Subject::Vendor => name_key,
            Subject::Project => project_key,
        };
        match on_lookalike {
            OnLookalike::Hold => Creating::unless_alike(key, self.gates.of(scope.organization, subject)),
            OnLookalike::Create => Creating::from(key),
        }
    }

    /// Creates projects, all or none, as [`Service::parties_create`].
    ///
    /// # Errors
    /// As [`linkyard_store::Store::projects_create`].
    pub async fn projects_create(
        &self,
        scope: &Scope,
        new: &[NewProject],
        on_lookalike: OnLookalike,
        request: Option<&RequestKey>,
    ) -> Result<Vec<Project>> {
        let creating = self.creating(scope, Subject::Project, on_lookalike);
        let projects = self.store.projects_create(scope, new, creating, request).await?;
        self.ring();
        Ok(projects)
    }

    /// Changes a party.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::party_update`].
    pub async fn party_update(
        &self,
        scope: &Scope,
        id: PartyId,
        change: &PartyChange,
        expected_revision: Option<i64>,
        request: Option<&RequestKey>,
    ) -> Result<Party> {
        self.store.party_update(scope, id, change, expected_revision, name_key, request).await
    }

    /// Deletes a party that is not linked.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::party_delete`].
    pub async fn party_delete(
        &self,
        scope: &Scope,
        id: PartyId,
        expected_revision: Option<i64>,
        request: Option<&RequestKey>,
    ) -> Result<()> {
        self.store.party_delete(scope, id, expected_revision, request).await
    }

    /// Makes two parties one.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::parties_merge`].
    pub async fn parties_merge(&self, scope: &Scope, merge: &Merge, request: Option<&RequestKey>) -> Result<Party> {
        let party = self.store.parties_merge(scope, merge, request).await?;
        self.ring();
        Ok(party)
    }

    /// Deletes a project that is not linked.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::project_delete`].
    pub async fn project_delete(
        &self,
        scope: &Scope,
        id: ProjectId,
        expected_revision: Option<i64>,
        request: Option<&RequestKey>,
    ) -> Result<()> {
        self.store.project_delete(scope, id, expected_revision, request).await
    }

    /// One project.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn project_get(&self, scope: &Scope, id: ProjectId) -> Result<Project> {
        self.store.project_get(scope, id).await
    }

    /// The tenant's projects, oldest first.
    ///
    /// # Errors
    /// `NotFound` for a provider that is not the tenant's; `Invalid` for a foreign page key.
    pub async fn project_list(&self, scope: &Scope, filter: &RegistryFilter, page: &PageRequest) -> Result<Page<Project>> {
        self.check(scope, filter).await?;
        self.store.project_list(scope, filter, page).await
    }

    /// A filter by a provider that is not the tenant's is a mistake, not an empty list.
    async fn check(&self, scope: &Scope, filter: &RegistryFilter) -> Result<()> {
        if let Some(provider) = filter.provider {
            self.store.provider_get(scope, provider).await?;
        }
        Ok(())
    }

    /// The parties on a project.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn project_parties(&self, scope: &Scope, id: ProjectId, page: &PageRequest) -> Result<Page<Named<PartyId>>> {
        self.store.project_parties(scope, id, page).await
    }

    /// The projects that a party is on.
    ///
    /// # Errors
    /// `Invalid` for a foreign page key.
    pub async fn party_projects(&self, scope: &Scope, id: PartyId, page: &PageRequest) -> Result<Page<Named<ProjectId>>> {
        self.store.party_projects(scope, id, page).await
    }

    /// The party types, by name.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn party_types(&self, scope: &Scope) -> Result<Vec<Named<PartyTypeId>>> {
        self.store.party_types(scope).await
    }

    /// The compliance profiles, by name.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn compliance_profiles(&self, scope: &Scope) -> Result<Vec<Named<ComplianceProfileId>>> {
        self.store.compliance_profiles(scope).await
    }

    /// Makes a party type; the one with this name where it exists.
    ///
    /// # Errors
    /// `Invalid` for a name that is empty or too long.
    pub async fn party_type_create(&self, scope: &Scope, name: &str, request: Option<&RequestKey>) -> Result<Named<PartyTypeId>> {
        self.store.party_type_create(scope, name, request).await
    }

    /// Makes a compliance profile; the one with this name where it exists.
    ///
    /// # Errors
    /// `Invalid` for a name that is empty or too long.
    pub async fn compliance_profile_create(
        &self,
        scope: &Scope,
        name: &str,
        request: Option<&RequestKey>,
    ) -> Result<Named<ComplianceProfileId>> {
        self.store.compliance_profile_create(scope, name, request).await
    }

    /// Changes a project.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::project_update`].
    pub async fn project_update(
        &self,
        scope: &Scope,
        id: ProjectId,
        change: &ProjectChange,
        expected_revision: Option<i64>,
        request: Option<&RequestKey>,
    ) -> Result<Project> {
        self.store.project_update(scope, id, change, expected_revision, project_key, request).await
    }

    /// Puts parties on a project, all or none.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::project_parties_add`].
    pub async fn project_parties_add(
        &self,
        scope: &Scope,
        id: ProjectId,
        parties: &[PartyId],
        request: Option<&RequestKey>,
    ) -> Result<Project> {
        self.store.project_parties_add(scope, id, parties, request).await
    }

    /// Takes parties off a project, all or none.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::project_parties_remove`].
    pub async fn project_parties_remove(
        &self,
        scope: &Scope,
        id: ProjectId,
        parties: &[PartyId],
        request: Option<&RequestKey>,
    ) -> Result<Project> {
        self.store.project_parties_remove(scope, id, parties, request).await
    }

    /// Renames a party type.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::party_type_rename`].
    pub async fn party_type_rename(
        &self,
        scope: &Scope,
        id: PartyTypeId,
        name: &str,
        request: Option<&RequestKey>,
    ) -> Result<Named<PartyTypeId>> {
        self.store.party_type_rename(scope, id, name, request).await
    }

    /// Renames a compliance profile.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::compliance_profile_rename`].
    pub async fn compliance_profile_rename(
        &self,
        scope: &Scope,
        id: ComplianceProfileId,
        name: &str,
        request: Option<&RequestKey>,
    ) -> Result<Named<ComplianceProfileId>> {
        self.store.compliance_profile_rename(scope, id, name, request).await
    }

    /// Deletes a party type that nobody uses.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::party_type_delete`].
    pub async fn party_type_delete(&self, scope: &Scope, id: PartyTypeId, request: Option<&RequestKey>) -> Result<()> {
        self.store.party_type_delete(scope, id, request).await
    }

    /// Deletes a compliance profile that nobody uses.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::compliance_profile_delete`].
    pub async fn compliance_profile_delete(
        &self,
        scope: &Scope,
        id: ComplianceProfileId,
        request: Option<&RequestKey>,
    ) -> Result<()> {
        self.store.compliance_profile_delete(scope, id, request).await
    }
}
