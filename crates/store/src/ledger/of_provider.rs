//! The end of all jobs of one provider, for its deletion.

use super::link_rows;
use super::settle::finish_parents;
use crate::row::get;
use crate::sql::{all, execute};
use linkyard_core::Result;
use linkyard_core::id::{JobId, OrganizationId, ProviderId};
use sea_orm::ConnectionTrait;

/// Cancels the jobs of a provider: those that wait at once, running ones at their next checkpoint. A push that runs goes on: what it has
/// on its way to the directory can not be called back, and it takes up what is to be retired.
pub(crate) async fn end_jobs_of(connection: &impl ConnectionTrait, organization: OrganizationId, id: ProviderId) -> Result<()> {
    let values = || [id.0.into(), organization.0.into()];
    // In the order of their ids, as whoever takes several jobs does.
    let sql =
        format!("select id from job where provider_id = $1 and organization_id = $2 and {} order by id {{lock}}", super::LIVE);
    all(connection, &sql, values()).await?;
    let stop = "update job set state = 'cancelled', requested_state = 'none', finished_at_ms = {now}, revision = revision + 1
        where provider_id = $1 and organization_id = $2 and state in ('queued', 'waiting_for_budget', 'retrying', 'paused')
        returning id";
    let stopped = all(connection, stop, values()).await?;
    let stopped = stopped.iter().map(|row| get(row, "id").map(JobId)).collect::<Result<Vec<JobId>>>()?;
    link_rows::release(connection, &stopped).await?;
    let ask = "update job set requested_state = 'cancel', revision = revision + 1
        where provider_id = $1 and organization_id = $2 and state in ('running', 'waiting_for_children')
            and kind <> 'push_compliance'";
    execute(connection, ask, values()).await?;
    finish_parents(connection).await.map(|_| ())
}
