//! Deleting a provider, in two steps, because our insurances in the directory are retired while it still works.
//!
//! First, in one transaction: its jobs end, its links end (what they made stays in the registry), their insurance lines are to be retired,
//! and it is DELETING. Then [`advance`], which the feeder's tidying repeats: when no job of it is left, one last push retires the lines,
//! and after that, whatever came of it, the provider is DELETED, its secret is forgotten and the company id is free. What was fetched and
//! decided is kept in SQL as history; nobody reads it through the API any more.

use super::change::lock;
use super::{COLUMNS, provider};
use crate::compliance::lines;
use crate::directory::List;
use crate::mapping::unlink;
use crate::row::{count, get};
use crate::sql::{all, end, execute, one};
use crate::{RequestKey, Store, audit, gate, ledger, request};
use linkyard_core::id::{OrganizationId, ProviderId};
use linkyard_core::job::Lane;
use linkyard_core::mapping::Subject;
use linkyard_core::provider::Provider;
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

/// Who writes the last push and ends the deletion, for the audit log: nobody asks for them.
const ACTOR: &str = "feeder";

impl Store {
    /// Begins to delete a provider; where nothing has to be retired in the directory it is DELETED at once. With pushing switched off
    /// nothing is retired: our insurances stay as they are.
    ///
    /// # Errors
    /// `NotFound`; `Conflict(Version)`; `Conflict(State)` while it is being deleted already; `Conflict(RequestIdReused)`.
    pub async fn provider_delete(
        &self,
        scope: &Scope,
        id: ProviderId,
        expected_revision: Option<i64>,
        request: Option<&RequestKey>,
    ) -> Result<Provider> {
        let tx = self.begin().await?;
        let result = delete(&tx, scope, id, expected_revision, request).await;
        end(tx, result).await
    }
}

async fn delete(
    tx: &DatabaseTransaction,
    scope: &Scope,
    id: ProviderId,
    expected_revision: Option<i64>,
    request: Option<&RequestKey>,
) -> Result<Provider> {
    if request::replay(tx, scope.organization, request).await?.is_some() {
        return read_even_deleted(tx, scope.organization, id).await;
    }
    super::require(tx, scope.organization, id).await?;
    ledger::end_jobs_of(tx, scope.organization, id).await?;
    gate::lock(tx, scope.organization).await?;
    lock(tx, scope, id, expected_revision).await?;
    let mut ended = 0;
    for subject in Subject::ALL {
        let list = List { organization: scope.organization, provider: id, subject };
        ended += unlink::end_links(tx, &list, None).await?;
    }
    let sql = "update provider set state = 'deleting', attention = null, state_message = '', auto_add_parties_since_ms = null,
            auto_add_projects_since_ms = null, revision = revision + 1, updated_at_ms = {now}
        where id = $1 and organization_id = $2";
    execute(tx, sql, [id.0.into(), scope.organization.0.into()]).await?;
    let detail = format!("{ended} links ended");
    audit::note(tx, scope.organization, &scope.actor, "provider.delete", "provider", &id.to_string(), &detail).await?;
    advance(tx).await?;
    request::remember(tx, scope.organization, request, b"deleting").await?;
    read_even_deleted(tx, scope.organization, id).await
}

/// Takes every provider that is being deleted and has no live job one step further; answers how many that were.
pub(crate) async fn advance(connection: &impl ConnectionTrait) -> Result<u64> {
    let sql = format!(
        "select p.id, p.organization_id, p.pushes, case when p.last_push_job_id is null then 0 else 1 end as pushed, (
            select count(*) from insurance i where i.provider_id = p.id and i.due > 0 and i.intended_hash is not null) as due
         from provider p where p.state = 'deleting' and not exists (
            select 1 from job j where j.provider_id = p.id and j.{}) {{lock_skip}}",
        ledger::LIVE
    );
    let found = all(connection, &sql, []).await?;
    for row in &found {
        let (id, organization) = (ProviderId(get(row, "id")?), OrganizationId(get(row, "organization_id")?));
        let due = count(row, "due")?;
        if due > 0 && get(row, "pushes")? && get::<i32>(row, "pushed")? == 0 {
            let job = ledger::insert_job(connection, &Scope::new(organization, ACTOR), &lines::push_job(id, Lane::Push)).await?;
            let sql = "update provider set last_push_job_id = $2, revision = revision + 1 where id = $1";
            execute(connection, sql, [id.0.into(), job.id.0.into()]).await?;
        } else {
            let sql = "update provider set state = 'deleted', client_secret_sealed = null, deleted_at_ms = {now},
                revision = revision + 1, updated_at_ms = {now} where id = $1";
            execute(connection, sql, [id.0.into()]).await?;
            let detail = format!("{due} insurances of ours are left in the directory");
            audit::note(connection, organization, ACTOR, "provider.deleted", "provider", &id.to_string(), &detail).await?;
        }
    }
    Ok(found.len() as u64)
}

async fn read_even_deleted(connection: &impl ConnectionTrait, organization: OrganizationId, id: ProviderId) -> Result<Provider> {
    let sql = format!("select {COLUMNS} from provider where id = $1 and organization_id = $2");
    match one(connection, &sql, [id.0.into(), organization.0.into()]).await? {
        Some(found) => provider(&found),
        None => Err(Error::not_found("provider", id)),
    }
}
