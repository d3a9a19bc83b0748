//! The registry: parties, projects, their types, profiles and associations, and the marks of their integration.
//!
//! Here are the named choices. Parties and projects are created and read by `entry.rs`; what differs between them is in a file for each.

mod change;
mod choices;
mod entry;
pub(crate) mod marks;
mod members;
pub(crate) mod merge;
mod parties;
mod projects;

use crate::row::get;
use crate::sql::{all, commit, execute, one};
use crate::{RequestKey, Store, audit, request, text};
use linkyard_core::id::{ComplianceProfileId, PartyTypeId, ProviderId};
use linkyard_core::registry::Named;
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

/// Which registry rows are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistryFilter {
    /// Only names that contain this text, in any case.
    pub search: Option<String>,
    /// Only rows linked to this provider.
    pub provider: Option<ProviderId>,
    /// Only rows that are (or are not) linked at all.
    pub linked: Option<bool>,
    /// Only rows that are in an open group of suspected duplicates of the registry.
    pub suspected: bool,
}

/// The longest name of a party type or profile, in characters.
const LONGEST_CHOICE: usize = 200;

impl Store {
    /// The party types of the tenant, by name.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn party_types(&self, scope: &Scope) -> Result<Vec<Named<PartyTypeId>>> {
        self.choices(scope, "party_type", PartyTypeId).await
    }

    /// The compliance profiles of the tenant, by name.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn compliance_profiles(&self, scope: &Scope) -> Result<Vec<Named<ComplianceProfileId>>> {
        self.choices(scope, "compliance_profile", ComplianceProfileId).await
    }

    /// Makes a party type; the one with this name where it exists.
    ///
    /// # Errors
    /// `Invalid` for an empty name or one of more than 200 characters; `Conflict(RequestIdReused)`.
    pub async fn party_type_create(&self, scope: &Scope, name: &str, request: Option<&RequestKey>) -> Result<Named<PartyTypeId>> {
        self.choice_create(scope, "party_type", name, PartyTypeId, request).await
    }

    /// Makes a compliance profile; the one with this name where it exists.
    ///
    /// # Errors
    /// `Invalid` for an empty name or one of more than 200 characters; `Conflict(RequestIdReused)`.
    pub async fn compliance_profile_create(
        &self,
        scope: &Scope,
        name: &str,
        request: Option<&RequestKey>,
    ) -> Result<Named<ComplianceProfileId>> {
        self.choice_create(scope, "compliance_profile", name, ComplianceProfileId, request).await
    }

    async fn choices<Id>(&self, scope: &Scope, table: &str, id: impl Fn(Uuid) -> Id) -> Result<Vec<Named<Id>>> {
        let sql = format!("select id, name from {table} where organization_id = $1 order by name, id");
        let found = all(&self.reader, &sql, [scope.organization.0.into()]).await?;
        found.iter().map(|row| Ok(Named { id: id(get(row, "id")?), name: get(row, "name")? })).collect()
    }

    async fn choice_create<Id>(
        &self,
        scope: &Scope,
        table: &str,
        name: &str,
        id: impl Fn(Uuid) -> Id,
        request: Option<&RequestKey>,
    ) -> Result<Named<Id>> {
        let name = checked_name(name)?;
        let tx = self.begin().await?;
        // The same name is the same choice anyway; the key is kept so that it is not used for another body.
        request::replay(&tx, scope.organization, request).await?;
        let sql = format!(
            "insert into {table} (id, organization_id, name) values ($1, $2, $3) on conflict (organization_id, name) do nothing"
        );
        let values = [Uuid::now_v7().into(), scope.organization.0.into(), name.as_str().into()];
        let inserted = execute(&tx, &sql, values).await?;
        let found = named(&tx, scope, table, &name).await?;
        let found = found.ok_or_else(|| Error::broken(format!("a {table} vanished while it was made")))?;
        if inserted == 1 {
            let action = format!("{table}.create");
            audit::note(&tx, scope.organization, &scope.actor, &action, table, &found.to_string(), &name).await?;
        }
        request::remember(&tx, scope.organization, request, b"created").await?;
        commit(tx).await?;
        Ok(Named { id: id(found), name })
    }
}

/// `name` as a party type or compliance profile has it.
fn checked_name(name: &str) -> Result<String> {
    let name = text::kept(name.trim()).into_owned();
    if name.is_empty() || name.chars().nth(LONGEST_CHOICE).is_some() {
        return Err(Error::invalid("name", format!("must have 1 to {LONGEST_CHOICE} characters")));
    }
    Ok(name)
}

/// The choice of this name in `table`.
async fn named(connection: &impl ConnectionTrait, scope: &Scope, table: &str, name: &str) -> Result<Option<Uuid>> {
    let sql = format!("select id from {table} where organization_id = $1 and name = $2");
    one(connection, &sql, [scope.organization.0.into(), name.into()]).await?.map(|row| get(&row, "id")).transpose()
}
