//! From rows to jobs as people see them.
//!
//! Two things are derived here instead of being written to many rows: what a provider's pause or block makes of its jobs, and what
//! children add to their parent (counts, and revisions, so that a watcher of the parent sees them move).

use crate::provider::held;
use crate::row::{get, optional_json, word};
use crate::sql::{Column, all, batch, rows};
use linkyard_core::id::{JobId, OrganizationId, ProviderId};
use linkyard_core::job::{Job, JobState, Lane, RequestedState, RowCounts};
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, QueryResult, Value};
use serde::Serialize;
use std::collections::HashMap;
use uuid::Uuid;

/// Every job with its state as seen; a table for FROM. A connection test is not held up by a pause. The clock is a table of one row: read
/// once, and a condition on the outside still reaches the indexes.
fn seen() -> String {
    const WAITS: &str = "job.state in ('queued', 'waiting_for_budget', 'retrying')";
    let held = format!("{WAITS} and {} and job.kind <> 'test_connection'", held());
    let down = format!("{WAITS} and provider.not_before_ms > clock.now_ms and provider.not_before_reason = 'upstream_down'");
    format!(
        "(
    select job.id, job.organization_id, job.provider_id, job.parent_id, job.kind, job.lane, job.requested_state, job.epoch,
        job.attempts, job.phase, job.rows_total, job.rows_succeeded, job.rows_held, job.rows_failed, job.rows_skipped, job.calls,
        case when {held} then 'PROVIDER_' || upper(provider.attention)
            when {down} then 'PROVIDER_UPSTREAM_DOWN' else job.error_reason end as error_reason,
        case when {held} then provider.state_message
            when {down} and coalesce(job.error_reason, '') <> 'PROVIDER_UPSTREAM_DOWN'
                then 'Procore does not answer; this goes on by itself when it does.'
            else job.error_message end as error_message,
        job.result, job.created_at_ms, job.started_at_ms, job.finished_at_ms,
        exists (select 1 from job child where child.parent_id = job.id) as has_children,
        job.revision + coalesce(provider.revision, 0) as revision,
        case
            when {WAITS} and provider.state = 'paused' and job.kind <> 'test_connection' or {held} then 'paused'
            when job.state in ('queued', 'retrying') and provider.not_before_ms > clock.now_ms then 'waiting_for_budget'
            else job.state
        end as state,
        case
            when {WAITS} and provider.not_before_ms > clock.now_ms
                and provider.not_before_ms > job.run_at_ms then provider.not_before_ms
            else job.run_at_ms
        end as run_at_ms
    from job cross join (select {{now}} as now_ms) as clock left join provider on provider.id = job.provider_id
) as seen"
    )
}

/// An id as a row of a batch.
#[derive(Serialize)]
pub(super) struct IdRow {
    wanted_id: Uuid,
}

/// The ids as one parameter, to be read by [`wanted`].
pub(super) fn ids(jobs: impl IntoIterator<Item = JobId>) -> Result<Value> {
    let ids: Vec<IdRow> = jobs.into_iter().map(|job| IdRow { wanted_id: job.0 }).collect();
    batch(&ids)
}

/// The one column of a batch of ids.
pub(super) const WANTED: [(&str, Column); 1] = [("wanted_id", Column::Uuid)];

/// A subquery over the ids in parameter `parameter`.
pub(super) fn wanted(connection: &impl ConnectionTrait, parameter: &str) -> String {
    format!("(select wanted_id from {})", rows(connection, "wanted", parameter, &WANTED))
}

/// One job of the tenant.
///
/// # Errors
/// `NotFound`.
pub(crate) async fn read_job(connection: &impl ConnectionTrait, organization: OrganizationId, id: JobId) -> Result<Job> {
    let jobs = read_jobs(connection, "organization_id = $1 and id = $2", [organization.0.into(), id.0.into()]).await?;
    jobs.into_iter().next().ok_or_else(|| Error::not_found("job", id))
}

/// The jobs for which `condition` (with what may follow a WHERE) holds, children's counts included: a statement, however many there are,
/// and another one where some have children.
pub(super) async fn read_jobs(
    connection: &impl ConnectionTrait,
    condition: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<Job>> {
    let found = all(connection, &format!("select * from {} where {condition}", seen()), values).await?;
    let mut jobs = found.iter().map(job).collect::<Result<Vec<Job>>>()?;
    let mut parents = Vec::new();
    for (row, job) in found.iter().zip(&jobs) {
        if get::<bool>(row, "has_children")? {
            parents.push(job.id);
        }
    }
    if parents.is_empty() {
        return Ok(jobs);
    }
    let sums = child_sums(connection, &parents).await?;
    for job in &mut jobs {
        if let Some((counts, revisions)) = sums.get(&job.id) {
            job.counts.add(*counts);
            job.revision += revisions;
        }
    }
    Ok(jobs)
}

async fn child_sums(connection: &impl ConnectionTrait, parents: &[JobId]) -> Result<HashMap<JobId, (RowCounts, i64)>> {
    let sql = format!(
        "select parent_id, cast(sum(rows_total) as bigint) as rows_total, cast(sum(rows_succeeded) as bigint) as rows_succeeded,
            cast(sum(rows_held) as bigint) as rows_held, cast(sum(rows_failed) as bigint) as rows_failed,
            cast(sum(rows_skipped) as bigint) as rows_skipped, cast(sum(calls) as bigint) as calls,
            cast(sum(revision) as bigint) as revision
         from job where parent_id in {} group by parent_id",
        wanted(connection, "$1")
    );
    let found = all(connection, &sql, [ids(parents.iter().copied())?]).await?;
    let sums = found.iter().map(|row| Ok((JobId(get(row, "parent_id")?), (counts(row)?, get(row, "revision")?))));
    sums.collect()
}

/// The six counts of a row.
pub(super) fn counts(row: &QueryResult) -> Result<RowCounts> {
    Ok(RowCounts {
        total: get(row, "rows_total")?,
        succeeded: get(row, "rows_succeeded")?,
        held: get(row, "rows_held")?,
        failed: get(row, "rows_failed")?,
        skipped: get(row, "rows_skipped")?,
        calls: get(row, "calls")?,
    })
}

fn job(row: &QueryResult) -> Result<Job> {
    Ok(Job {
        id: JobId(get(row, "id")?),
        organization: OrganizationId(get(row, "organization_id")?),
        provider: get::<Option<Uuid>>(row, "provider_id")?.map(ProviderId),
        parent: get::<Option<Uuid>>(row, "parent_id")?.map(JobId),
        kind: get(row, "kind")?,
        lane: word(row, "lane", Lane::parse)?,
        state: word(row, "state", JobState::parse)?,
        requested: word(row, "requested_state", RequestedState::parse)?,
        run_at_ms: get(row, "run_at_ms")?,
        epoch: get(row, "epoch")?,
        attempts: get(row, "attempts")?,
        counts: counts(row)?,
        phase: get(row, "phase")?,
        error_reason: get(row, "error_reason")?,
        error_message: get(row, "error_message")?,
        result: optional_json(row, "result")?,
        revision: get(row, "revision")?,
        created_at_ms: get(row, "created_at_ms")?,
        started_at_ms: get(row, "started_at_ms")?,
        finished_at_ms: get(row, "finished_at_ms")?,
    })
}
