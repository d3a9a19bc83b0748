//! The audit log: who did what to which thing, written in the transaction of the change itself.
//!
//! Entries are only ever added. `detail` is a short sentence or JSON for a person; secrets and whole rows never go in.

use crate::sql::execute;
use linkyard_core::Result;
use linkyard_core::id::OrganizationId;
use linkyard_core::job::Fence;
use sea_orm::ConnectionTrait;
use uuid::Uuid;

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
