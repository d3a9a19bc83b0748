//! Changing and deleting what is in the registry. What a directory follows can not be deleted: its link is taken away first.

use super::entry;
use super::marks;
use super::parties::choices;
use crate::gate::{self, TargetKey};
use crate::row::get;
use crate::sql::{end, execute, one};
use crate::{NameKey, RequestKey, Store, audit, request, text};
use linkyard_core::directory::Address;
use linkyard_core::error::{ConflictReason, Violations};
use linkyard_core::id::{PartyId, ProjectId, TargetId};
use linkyard_core::mapping::Subject;
use linkyard_core::registry::{Party, PartyChange, Project, ProjectChange};
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, DatabaseTransaction, Value};
use uuid::Uuid;

impl Store {
    /// Changes a party. A new name is found by look-alikes from then on, and so is the old one: the firm is the same.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` with every violation; `Conflict(Version)`; `Conflict(RequestIdReused)`.
    pub async fn party_update(
        &self,
        scope: &Scope,
        id: PartyId,
        change: &PartyChange,
        expected_revision: Option<i64>,
        name_key: NameKey,
        request: Option<&RequestKey>,
    ) -> Result<Party> {
        let tx = self.begin().await?;
        let result = async {
            if request::replay(&tx, scope.organization, request).await?.is_none() {
                gate::lock(&tx, scope.organization).await?;
                require(&tx, scope, Subject::Vendor, id.0, expected_revision).await?;
                check(&tx, scope, change).await?;
                write(&tx, scope, id, change, name_key).await?;
                audit::note(&tx, scope.organization, &scope.actor, "party.update", "party", &id.to_string(), "").await?;
                request::remember(&tx, scope.organization, request, b"updated").await?;
            }
            entry::of_id(&tx, scope.organization, id.0).await
        };
        let result = result.await;
        end(tx, result).await
    }

    /// Changes a project, as [`Store::party_update`].
    ///
    /// # Errors
    /// As [`Store::party_update`].
    pub async fn project_update(
        &self,
        scope: &Scope,
        id: ProjectId,
        change: &ProjectChange,
        expected_revision: Option<i64>,
        name_key: NameKey,
        request: Option<&RequestKey>,
    ) -> Result<Project> {
        let tx = self.begin().await?;
        let result = async {
            if request::replay(&tx, scope.organization, request).await?.is_none() {
                gate::lock(&tx, scope.organization).await?;
                require(&tx, scope, Subject::Project, id.0, expected_revision).await?;
                let mut violations = Violations::default();
                if let Some(name) = &change.name {
                    marks::check_name(name, "name".to_owned(), &mut violations);
                }
                violations.finish(())?;
                write_project(&tx, scope, id, change, name_key).await?;
                audit::note(&tx, scope.organization, &scope.actor, "project.update", "project", &id.to_string(), "").await?;
                request::remember(&tx, scope.organization, request, b"updated").await?;
            }
            entry::of_id(&tx, scope.organization, id.0).await
        };
        let result = result.await;
        end(tx, result).await
    }

    /// Deletes a party with its coverages, associations, drafts and suggestions.
    ///
    /// # Errors
    /// `NotFound`; `Conflict(State)` while it is linked; `Conflict(Version)`; `Conflict(RequestIdReused)`.
    pub async fn party_delete(
        &self,
        scope: &Scope,
        id: PartyId,
        expected_revision: Option<i64>,
        request: Option<&RequestKey>,
    ) -> Result<()> {
        let tx = self.begin().await?;
        let result = delete(&tx, scope, Subject::Vendor, id.0, expected_revision, request).await;
        end(tx, result).await
    }

    /// Deletes a project with its associations, drafts and suggestions.
    ///
    /// # Errors
    /// As [`Store::party_delete`].
    pub async fn project_delete(
        &self,
        scope: &Scope,
        id: ProjectId,
        expected_revision: Option<i64>,
        request: Option<&RequestKey>,
    ) -> Result<()> {
        let tx = self.begin().await?;
        let result = delete(&tx, scope, Subject::Project, id.0, expected_revision, request).await;
        end(tx, result).await
    }
}

/// Checks that the party or project is there, at the revision that the person saw.
pub(super) async fn require(
    tx: &DatabaseTransaction,
    scope: &Scope,
    subject: Subject,
    id: Uuid,
    expected_revision: Option<i64>,
) -> Result<()> {
    let target = subject.target();
    let sql = format!("select revision from {target} where id = $1 and organization_id = $2 {{lock}}");
    let found = one(tx, &sql, [id.into(), scope.organization.0.into()]).await?;
    let revision: i64 = get(&found.ok_or_else(|| Error::not_found(target, id))?, "revision")?;
    if expected_revision.is_some_and(|expected| expected != revision) {
        let message = format!("{target} {id} changed since it was read (now at revision {revision}); read it again");
        return Err(Error::Conflict { reason: ConflictReason::Version, resource: target, id: id.to_string(), message });
    }
    Ok(())
}

async fn check(connection: &impl ConnectionTrait, scope: &Scope, change: &PartyChange) -> Result<()> {
    let mut violations = Violations::default();
    if let Some(name) = &change.name {
        marks::check_name(name, "name".to_owned(), &mut violations);
    }
    if let Some(party_type) = change.party_type
        && !choices(connection, scope.organization, "party_type").await?.contains(&party_type.0)
    {
        violations.add("party_type", format!("there is no party type {party_type}"));
    }
    if let Some(profile) = change.compliance_profile
        && !choices(connection, scope.organization, "compliance_profile").await?.contains(&profile.0)
    {
        violations.add("compliance_profile", format!("there is no compliance profile {profile}"));
    }
    violations.finish(())
}

/// The columns of a party or project that change.
struct Sets {
    columns: String,
    /// The record's id and the organization come first.
    values: Vec<Value>,
}

impl Sets {
    fn of(scope: &Scope, id: Uuid) -> Self {
        Self { columns: String::new(), values: vec![id.into(), scope.organization.0.into()] }
    }

    fn set(&mut self, column: &str, value: impl Into<Value>) {
        self.values.push(value.into());
        self.columns.push_str(&format!("{column} = ${}, ", self.values.len()));
    }

    fn address(&mut self, address: &Address) {
        let parts = [
            ("street", &address.street),
            ("city", &address.city),
            ("region", &address.region),
            ("postal_code", &address.postal_code),
            ("country", &address.country),
        ];
        parts.into_iter().for_each(|(column, part)| self.set(column, marks::known(part.as_deref())));
    }

    /// A new name, and its key beside the old one.
    async fn name(
        &mut self,
        tx: &DatabaseTransaction,
        scope: &Scope,
        subject: Subject,
        id: Uuid,
        key: (&str, NameKey),
    ) -> Result<()> {
        let (name, name_key) = key;
        let name = text::kept(name).into_owned();
        let key = TargetKey { key: text::key(&name_key(&name)).into_owned(), target: TargetId(id) };
        gate::insert_keys(tx, scope.organization, subject, &[key]).await?;
        self.set("name_search", text::searched(&name));
        self.set("name", name);
        Ok(())
    }

    async fn write(self, tx: &DatabaseTransaction, subject: Subject) -> Result<()> {
        let sql = format!(
            "update {} set {}keyed = false, revision = revision + 1, updated_at_ms = {{now}} where id = $1 and organization_id = $2",
            subject.target(),
            self.columns
        );
        execute(tx, &sql, self.values).await.map(|_| ())
    }
}

async fn write(tx: &DatabaseTransaction, scope: &Scope, id: PartyId, change: &PartyChange, name_key: NameKey) -> Result<()> {
    let mut sets = Sets::of(scope, id.0);
    if let Some(name) = &change.name {
        sets.name(tx, scope, Subject::Vendor, id.0, (name, name_key)).await?;
    }
    if let Some(party_type) = change.party_type {
        sets.set("party_type_id", party_type.0);
    }
    if let Some(profile) = change.compliance_profile {
        sets.set("compliance_profile_id", profile.0);
    }
    if let Some(address) = &change.address {
        sets.address(address);
    }
    if let Some(phone) = &change.phone {
        sets.set("phone", marks::known(phone.as_deref()));
    }
    if let Some(email) = &change.email {
        sets.set("email", marks::known(email.as_deref()));
    }
    sets.write(tx, Subject::Vendor).await
}

async fn write_project(
    tx: &DatabaseTransaction,
    scope: &Scope,
    id: ProjectId,
    change: &ProjectChange,
    name_key: NameKey,
) -> Result<()> {
    let mut sets = Sets::of(scope, id.0);
    if let Some(name) = &change.name {
        sets.name(tx, scope, Subject::Project, id.0, (name, name_key)).await?;
    }
    if let Some(number) = &change.number {
        sets.set("number", marks::known(number.as_deref()));
    }
    if let Some(address) = &change.address {
        sets.address(address);
    }
    sets.write(tx, Subject::Project).await
}

async fn delete(
    tx: &DatabaseTransaction,
    scope: &Scope,
    subject: Subject,
    id: Uuid,
    expected_revision: Option<i64>,
    request: Option<&RequestKey>,
) -> Result<()> {
    if request::replay(tx, scope.organization, request).await?.is_some() {
        return Ok(());
    }
    let target = subject.target();
    gate::lock(tx, scope.organization).await?;
    require(tx, scope, subject, id, expected_revision).await?;
    let linked =
        "select 1 as linked from mapping where target_id = $1 and organization_id = $2 and state in ('linked', 'orphaned')
        limit 1";
    if one(tx, linked, [id.into(), scope.organization.0.into()]).await?.is_some() {
        let message = format!("{target} {id} is linked to a record of a directory: take the link away first");
        return Err(Error::Conflict { reason: ConflictReason::State, resource: target, id: id.to_string(), message });
    }
    remove(tx, scope, subject, id).await?;
    let action = format!("{target}.delete");
    audit::note(tx, scope.organization, &scope.actor, &action, target, &id.to_string(), "").await?;
    request::remember(tx, scope.organization, request, b"deleted").await
}

/// Removes a party or project that nothing is linked to, and everything that hangs on it.
pub(super) async fn remove(tx: &DatabaseTransaction, scope: &Scope, subject: Subject, id: Uuid) -> Result<()> {
    let target = subject.target();
    let mut statements = vec![
        "delete from match_key where target_id = $1 and organization_id = $2".to_owned(),
        "delete from suggestion where target_id = $1 and organization_id = $2".to_owned(),
        "delete from declined_candidate where target_id = $1 and organization_id = $2".to_owned(),
        format!("delete from association where {target}_id = $1 and organization_id = $2"),
        "update mapping set draft_decision = null, draft_target_id = null, draft_on_lookalike = null, revision = revision + 1,
            changed_at_ms = {now} where draft_target_id = $1 and organization_id = $2"
            .to_owned(),
    ];
    if subject == Subject::Vendor {
        // Lines of links that ended are to be retired already, and know what they need without their coverage.
        statements.push("delete from contact where party_id = $1 and organization_id = $2".to_owned());
        statements.push("delete from coverage where party_id = $1 and organization_id = $2".to_owned());
    }
    statements.push(format!("delete from {target} where id = $1 and organization_id = $2"));
    for sql in &statements {
        execute(tx, sql, [id.into(), scope.organization.0.into()]).await?;
    }
    Ok(())
}
