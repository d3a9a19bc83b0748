//! Renaming and deleting party types and compliance profiles. What is in use is not deleted; the refusal says who uses it.
//!
//! Whoever gives a party or a provider one of them holds the gate while it checks that it is there, and so does a deletion: none is given
//! away that is just going.

use super::{checked_name, named};
use crate::row::{count, get};
use crate::sql::{all, end, execute, one};
use crate::{RequestKey, Store, audit, gate, request};
use linkyard_core::error::ConflictReason;
use linkyard_core::id::{ComplianceProfileId, PartyTypeId};
use linkyard_core::registry::Named;
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use uuid::Uuid;

/// One of the two tables of named choices, and how they are called.
#[derive(Clone, Copy, Debug)]
struct Kind {
    table: &'static str,
    words: &'static str,
}

const PARTY_TYPE: Kind = Kind { table: "party_type", words: "party type" };
const COMPLIANCE_PROFILE: Kind = Kind { table: "compliance_profile", words: "compliance profile" };

/// How many users of a choice a refusal names, of each sort.
const MOST_NAMED: i64 = 5;

impl Store {
    /// Renames a party type.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` for an empty name or one of more than 200 characters; `AlreadyExists` when another one has it;
    /// `Conflict(RequestIdReused)`.
    pub async fn party_type_rename(
        &self,
        scope: &Scope,
        id: PartyTypeId,
        name: &str,
        request: Option<&RequestKey>,
    ) -> Result<Named<PartyTypeId>> {
        let name = self.choice_rename(scope, PARTY_TYPE, id.0, name, request).await?;
        Ok(Named { id, name })
    }

    /// Renames a compliance profile.
    ///
    /// # Errors
    /// As [`Store::party_type_rename`].
    pub async fn compliance_profile_rename(
        &self,
        scope: &Scope,
        id: ComplianceProfileId,
        name: &str,
        request: Option<&RequestKey>,
    ) -> Result<Named<ComplianceProfileId>> {
        let name = self.choice_rename(scope, COMPLIANCE_PROFILE, id.0, name, request).await?;
        Ok(Named { id, name })
    }

    /// Deletes a party type that nobody uses.
    ///
    /// # Errors
    /// `NotFound`; `Conflict(State)` naming parties and providers that use it; `Conflict(RequestIdReused)`.
    pub async fn party_type_delete(&self, scope: &Scope, id: PartyTypeId, request: Option<&RequestKey>) -> Result<()> {
        self.choice_delete(scope, PARTY_TYPE, id.0, request).await
    }

    /// Deletes a compliance profile that nobody uses.
    ///
    /// # Errors
    /// As [`Store::party_type_delete`].
    pub async fn compliance_profile_delete(
        &self,
        scope: &Scope,
        id: ComplianceProfileId,
        request: Option<&RequestKey>,
    ) -> Result<()> {
        self.choice_delete(scope, COMPLIANCE_PROFILE, id.0, request).await
    }

    async fn choice_rename(
        &self,
        scope: &Scope,
        kind: Kind,
        id: Uuid,
        name: &str,
        request: Option<&RequestKey>,
    ) -> Result<String> {
        let name = checked_name(name)?;
        let tx = self.begin().await?;
        let result = rename(&tx, scope, kind, id, &name, request).await;
        end(tx, result).await
    }

    async fn choice_delete(&self, scope: &Scope, kind: Kind, id: Uuid, request: Option<&RequestKey>) -> Result<()> {
        let tx = self.begin().await?;
        let result = delete(&tx, scope, kind, id, request).await;
        end(tx, result).await
    }
}

async fn rename(
    tx: &DatabaseTransaction,
    scope: &Scope,
    kind: Kind,
    id: Uuid,
    name: &str,
    request: Option<&RequestKey>,
) -> Result<String> {
    if request::replay(tx, scope.organization, request).await?.is_some() {
        return present(tx, scope, kind, id).await;
    }
    gate::lock(tx, scope.organization).await?;
    let before = present(tx, scope, kind, id).await?;
    if named(tx, scope, kind.table, name).await?.is_some_and(|other| other != id) {
        let message = format!("there is a {} called {name} already", kind.words);
        return Err(Error::AlreadyExists { resource: kind.table, id: name.to_owned(), message });
    }
    let sql = format!("update {} set name = $3 where id = $1 and organization_id = $2", kind.table);
    execute(tx, &sql, [id.into(), scope.organization.0.into(), name.into()]).await?;
    let (action, detail) = (format!("{}.update", kind.table), format!("{before} is called {name}"));
    audit::note(tx, scope.organization, &scope.actor, &action, kind.table, &id.to_string(), &detail).await?;
    request::remember(tx, scope.organization, request, b"renamed").await?;
    Ok(name.to_owned())
}

async fn delete(tx: &DatabaseTransaction, scope: &Scope, kind: Kind, id: Uuid, request: Option<&RequestKey>) -> Result<()> {
    if request::replay(tx, scope.organization, request).await?.is_some() {
        return Ok(());
    }
    gate::lock(tx, scope.organization).await?;
    let name = present(tx, scope, kind, id).await?;
    let users = users(tx, scope, kind, id).await?;
    if !users.is_empty() {
        let message = format!("{} {name} is used by {}: give them another one first", kind.words, users.join(" and by "));
        return Err(Error::Conflict { reason: ConflictReason::State, resource: kind.table, id: id.to_string(), message });
    }
    let sql = format!("delete from {} where id = $1 and organization_id = $2", kind.table);
    execute(tx, &sql, [id.into(), scope.organization.0.into()]).await?;
    let action = format!("{}.delete", kind.table);
    audit::note(tx, scope.organization, &scope.actor, &action, kind.table, &id.to_string(), &name).await?;
    request::remember(tx, scope.organization, request, b"deleted").await
}

/// The name of the choice.
async fn present(connection: &impl ConnectionTrait, scope: &Scope, kind: Kind, id: Uuid) -> Result<String> {
    let sql = format!("select name from {} where id = $1 and organization_id = $2 {{lock}}", kind.table);
    let found = one(connection, &sql, [id.into(), scope.organization.0.into()]).await?;
    get(&found.ok_or_else(|| Error::not_found(kind.words, id))?, "name")
}

/// Who uses a choice, in words: parties, and providers that are not deleted.
async fn users(connection: &impl ConnectionTrait, scope: &Scope, kind: Kind, id: Uuid) -> Result<Vec<String>> {
    let of_parties = format!("party where {}_id = $1 and organization_id = $2", kind.table);
    let of_providers = format!("provider where default_{}_id = $1 and organization_id = $2 and state <> 'deleted'", kind.table);
    let mut users = Vec::new();
    for (words, name, from) in [("parties", "name", of_parties), ("providers", "display_name", of_providers)] {
        let values = || [id.into(), scope.organization.0.into()];
        let number = one(connection, &format!("select count(*) as n from {from}"), values()).await?;
        let number = number.map_or(Ok(0), |row| count(&row, "n"))?;
        if number == 0 {
            continue;
        }
        let sql = format!("select {name} as name from {from} order by id limit {MOST_NAMED}");
        let mut names =
            all(connection, &sql, values()).await?.iter().map(|row| get(row, "name")).collect::<Result<Vec<String>>>()?;
        if number > names.len() as u64 {
            names.push("..".to_owned());
        }
        users.push(format!("{number} {words} ({})", names.join(", ")));
    }
    Ok(users)
}
