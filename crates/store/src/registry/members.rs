//! Who is on a project by a person's word. What the directory says of it is the directory's to take back.

use super::change::require;
use super::marks::{ID_ROW, id_rows};
use crate::association::GIVEN;
use crate::row::get;
use crate::sql::{all, end, execute, rows};
use crate::{RequestKey, Store, audit, gate, request};
use linkyard_core::error::{ConflictReason, Violations};
use linkyard_core::id::{PartyId, ProjectId};
use linkyard_core::mapping::Subject;
use linkyard_core::plan::MOST_ROWS;
use linkyard_core::registry::Project;
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use std::collections::HashSet;
use uuid::Uuid;

/// How many parties a refusal names.
const MOST_NAMED: usize = 5;

impl Store {
    /// Puts parties on a project, all or none, at most 1,000; who is on it already stays on it. Answers the project.
    ///
    /// # Errors
    /// `NotFound` for the project; `Invalid` with every violation (an unknown party, one named twice); `Conflict(RequestIdReused)`.
    pub async fn project_parties_add(
        &self,
        scope: &Scope,
        project: ProjectId,
        parties: &[PartyId],
        request: Option<&RequestKey>,
    ) -> Result<Project> {
        let tx = self.begin().await?;
        let result = change(&tx, scope, project, parties, request, true).await;
        end(tx, result).await
    }

    /// Takes parties off a project, all or none, at most 1,000; who is not on it stays off it. Answers the project.
    ///
    /// # Errors
    /// As [`Store::project_parties_add`]; `Conflict(State)` naming parties that a linked directory has on the project: it would put them
    /// on it again.
    pub async fn project_parties_remove(
        &self,
        scope: &Scope,
        project: ProjectId,
        parties: &[PartyId],
        request: Option<&RequestKey>,
    ) -> Result<Project> {
        let tx = self.begin().await?;
        let result = change(&tx, scope, project, parties, request, false).await;
        end(tx, result).await
    }
}

async fn change(
    tx: &DatabaseTransaction,
    scope: &Scope,
    project: ProjectId,
    parties: &[PartyId],
    request: Option<&RequestKey>,
    add: bool,
) -> Result<Project> {
    if request::replay(tx, scope.organization, request).await?.is_none() {
        gate::lock(tx, scope.organization).await?;
        require(tx, scope, Subject::Project, project.0, None).await?;
        let ids: Vec<Uuid> = parties.iter().map(|party| party.0).collect();
        check(tx, scope, &ids).await?;
        if add {
            let sql = format!(
                "insert into association (party_id, project_id, organization_id, created_at_ms)
                 select b.id, $1, $2, {{now}} from {} where true on conflict (party_id, project_id) do nothing",
                rows(tx, "b", "$3", &ID_ROW)
            );
            execute(tx, &sql, [project.0.into(), scope.organization.0.into(), id_rows(&ids)?]).await?;
        } else {
            refuse_given(tx, scope, project, &ids).await?;
            let sql = format!(
                "delete from association where project_id = $1 and organization_id = $2 and party_id in (select b.id from {})",
                rows(tx, "b", "$3", &ID_ROW)
            );
            execute(tx, &sql, [project.0.into(), scope.organization.0.into(), id_rows(&ids)?]).await?;
        }
        let (action, detail) =
            (if add { "project.add_parties" } else { "project.remove_parties" }, format!("{} parties", ids.len()));
        audit::note(tx, scope.organization, &scope.actor, action, "project", &project.to_string(), &detail).await?;
        request::remember(tx, scope.organization, request, b"changed").await?;
    }
    super::entry::of_id(tx, scope.organization, project.0).await
}

async fn check(connection: &impl ConnectionTrait, scope: &Scope, parties: &[Uuid]) -> Result<()> {
    if parties.is_empty() || parties.len() > MOST_ROWS {
        return Err(Error::invalid("parties", format!("must name between 1 and {MOST_ROWS} parties, not {}", parties.len())));
    }
    let sql = format!(
        "select t.id from {} cross join party t where t.id = b.id and t.organization_id = $1",
        rows(connection, "b", "$2", &ID_ROW)
    );
    let found = all(connection, &sql, [scope.organization.0.into(), id_rows(parties)?]).await?;
    let known = found.iter().map(|row| get(row, "id")).collect::<Result<HashSet<Uuid>>>()?;
    let (mut violations, mut named) = (Violations::default(), HashSet::new());
    for (index, party) in parties.iter().enumerate() {
        if !named.insert(*party) {
            violations.add(format!("parties[{index}]"), format!("party {party} is named twice"));
        } else if !known.contains(party) {
            violations.add(format!("parties[{index}]"), format!("there is no party {party}"));
        }
    }
    violations.finish(())
}

/// Refuses to take off what a directory says.
async fn refuse_given(connection: &impl ConnectionTrait, scope: &Scope, project: ProjectId, parties: &[Uuid]) -> Result<()> {
    let sql = format!(
        "select t.name from {} cross join association cross join party t
         where association.project_id = $1 and association.organization_id = $2 and association.party_id = b.id and t.id = b.id
            and exists ({GIVEN}) order by t.id",
        rows(connection, "b", "$3", &ID_ROW)
    );
    let found = all(connection, &sql, [project.0.into(), scope.organization.0.into(), id_rows(parties)?]).await?;
    if found.is_empty() {
        return Ok(());
    }
    let mut names = found.iter().take(MOST_NAMED).map(|row| get(row, "name")).collect::<Result<Vec<String>>>()?;
    if found.len() > MOST_NAMED {
        names.push("..".to_owned());
    }
    let message = format!(
        "{} parties are on the project in a linked directory ({}): take them off it there, or take the link away first",
        found.len(),
        names.join(", ")
    );
    Err(Error::Conflict { reason: ConflictReason::State, resource: "project", id: project.to_string(), message })
}
