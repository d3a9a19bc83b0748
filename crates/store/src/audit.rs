//! The audit log: who did what to which thing, written in the transaction of the change itself.
//!
//! Entries are only ever added. `detail` is a short sentence or JSON for a person; secrets and whole rows never go in.

use crate::Store;
use crate::row::get;
use crate::sql::{all, execute};
use linkyard_core::id::OrganizationId;
use linkyard_core::job::Fence;
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, QueryResult, Value};
use uuid::Uuid;

/// One thing that somebody did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Id.
    pub id: Uuid,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// Who.
    pub actor: String,
    /// What: `provider.create`, ..
    pub action: String,
    /// What kind of thing it was done to.
    pub resource: String,
    /// Its id.
    pub resource_id: String,
    /// The particulars, for a person.
    pub detail: String,
}

/// Which entries are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only things of this kind.
    pub resource: Option<String>,
    /// Only the thing with this id.
    pub resource_id: Option<String>,
}

impl Store {
    /// Who did what in the tenant, newest first.
    ///
    /// # Errors
    /// `Invalid` for a foreign page key.
    pub async fn audit_list(&self, scope: &Scope, filter: &AuditFilter, page: &PageRequest) -> Result<Page<AuditEntry>> {
        let after = match &page.after {
            None => Uuid::max(),
            Some(after) => after.parse().map_err(|_| Error::invalid("page_token", "is not one of this list's"))?,
        };
        let mut sql = "select id, at_ms, actor, action, resource, resource_id, detail from audit_entry
            where organization_id = $1 and id < $2"
            .to_owned();
        let mut values: Vec<Value> = vec![scope.organization.0.into(), after.into(), (i64::from(page.size) + 1).into()];
        for (column, wanted) in [("resource", &filter.resource), ("resource_id", &filter.resource_id)] {
            if let Some(wanted) = wanted {
                values.push(wanted.as_str().into());
                sql.push_str(&format!(" and {column} = ${}", values.len()));
            }
        }
        sql.push_str(" order by id desc limit $3");
        let found = all(&self.reader, &sql, values).await?;
        let entries = found.iter().map(entry).collect::<Result<Vec<AuditEntry>>>()?;
        Ok(Page::cut(entries, page.size, |entry| entry.id.to_string()))
    }
}

fn entry(row: &QueryResult) -> Result<AuditEntry> {
    Ok(AuditEntry {
        id: get(row, "id")?,
        at_ms: get(row, "at_ms")?,
        actor: get(row, "actor")?,
        action: get(row, "action")?,
        resource: get(row, "resource")?,
        resource_id: get(row, "resource_id")?,
        detail: get(row, "detail")?,
    })
}

/// Notes that `actor` did `action` (`provider.create`) to one thing.
pub(crate) async fn note(
    transaction: &impl ConnectionTrait,
    organization: OrganizationId,
    actor: &str,
    action: &str,
    resource: &str,
    resource_id: &str,
    detail: &str,
) -> Result<()> {
    execute(
        transaction,
        "insert into audit_entry (id, organization_id, at_ms, actor, action, resource, resource_id, detail)
         values ($1, $2, {now}, $3, $4, $5, $6, $7)",
        [
            Uuid::now_v7().into(),
            organization.0.into(),
            actor.into(),
            action.into(),
            resource.into(),
            resource_id.into(),
            detail.into(),
        ],
    )
    .await
    .map(|_| ())
}

/// Notes what a job did, in the name of its kind (`job:test_connection`).
pub(crate) async fn note_by_job(
    transaction: &impl ConnectionTrait,
    fence: &Fence,
    action: &str,
    resource: &str,
    resource_id: &str,
    detail: &str,
) -> Result<()> {
    execute(
        transaction,
        "insert into audit_entry (id, organization_id, at_ms, actor, action, resource, resource_id, detail)
         select $1, organization_id, {now}, 'job:' || kind, $3, $4, $5, $6 from job where id = $2",
        [Uuid::now_v7().into(), fence.job.0.into(), action.into(), resource.into(), resource_id.into(), detail.into()],
    )
    .await
    .map(|_| ())
}
