//! The feeder's tidying: what has to happen to jobs that no worker has. Safe to run in several processes at once: each statement skips
//! the rows that another one is changing.

use super::{LIVE, link_rows, untested};
use crate::Store;
use crate::provider::deletion;
use crate::row::get;
use crate::sql::{all, commit, execute};
use linkyard_core::Result;
use linkyard_core::id::JobId;
use linkyard_core::job::{MOST_STARTS_WITHOUT_PROGRESS, POISON};
use sea_orm::{ConnectionTrait, QueryResult};

/// What one tidying pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Jobs that killed their process too often and are FAILED now.
    pub poisoned: u64,
    /// Parents whose children had all finished.
    pub parents: u64,
    /// Jobs that were asked to stop and did not run.
    pub cancelled: u64,
}

/// Jobs that no worker has and of which somebody asked something: waiting ones, and running ones whose lease is over.
const ASKED_AND_IDLE: &str = "(job.state in ('queued', 'waiting_for_budget', 'retrying', 'paused')
    or job.state = 'running' and job.lease_until_ms <= {now}) and job.requested_state <> 'none'";

const END_LEASE: &str = "lease_owner = null, lease_until_ms = null, revision = revision + 1";

impl Store {
    /// Quarantines poison, finishes parents under their row lock, cancels what was asked to stop and is not running, and goes on with the
    /// deletion of providers whose jobs have ended.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn jobs_settle(&self) -> Result<Settled> {
        let tx = self.begin().await?;
        let cancelled = cancel_idle(&tx).await?;
        pause_idle(&tx).await?;
        let poisoned = quarantine(&tx).await?;
        let parents = finish_parents(&tx).await?;
        deletion::advance(&tx).await?;
        commit(tx).await?;
        Ok(Settled { poisoned, parents, cancelled })
    }
}

async fn quarantine(connection: &impl ConnectionTrait) -> Result<u64> {
    let sql = format!(
        "with poison as (
            select job.id from job where job.state = 'running' and job.{LIVE} and job.lease_until_ms <= {{now}}
                and job.starts_without_progress >= {MOST_STARTS_WITHOUT_PROGRESS}
            order by job.id {{lock_skip}}
         )
         update job set state = 'failed', error_reason = $1, error_message = $2, requested_state = 'none', finished_at_ms = {{now}},
            {END_LEASE}
         where id in (select id from poison) returning id"
    );
    let message = format!(
        "The process that ran this job died {MOST_STARTS_WITHOUT_PROGRESS} times in a row, so the job is not started again. See the \
         worker's log for the cause, then retry the job."
    );
    let jobs = job_ids(&all(connection, &sql, [POISON.into(), message.as_str().into()]).await?)?;
    link_rows::fail(connection, &jobs, &message).await?;
    untested::mark(connection, &jobs).await?;
    Ok(jobs.len() as u64)
}

async fn cancel_idle(connection: &impl ConnectionTrait) -> Result<u64> {
    let sql = format!(
        "with stopped as (
            select job.id from job where {ASKED_AND_IDLE} and job.requested_state = 'cancel' order by job.id {{lock_skip}}
         )
         update job set state = 'cancelled', requested_state = 'none', finished_at_ms = {{now}}, {END_LEASE}
         where id in (select id from stopped) returning id"
    );
    let jobs = job_ids(&all(connection, &sql, []).await?)?;
    link_rows::release(connection, &jobs).await?;
    Ok(jobs.len() as u64)
}

async fn pause_idle(connection: &impl ConnectionTrait) -> Result<u64> {
    let sql = format!(
        "with stopped as (
            select job.id from job where {ASKED_AND_IDLE} and job.requested_state = 'pause' order by job.id {{lock_skip}}
         )
         update job set state = 'paused', requested_state = 'none', {END_LEASE} where id in (select id from stopped)"
    );
    execute(connection, &sql, []).await
}

/// Finishes parents whose children have all finished. No child can be added meanwhile: only a running parent writes children.
pub(super) async fn finish_parents(connection: &impl ConnectionTrait) -> Result<u64> {
    let child = "select 1 from job child where child.parent_id = job.id";
    let sql = format!(
        "with ended as (
            select job.id from job where job.state = 'waiting_for_children' and job.{LIVE}
                and not exists (select 1 from job child where child.parent_id = job.id and child.{LIVE})
            order by job.id {{lock_skip}}
         )
         update job set
            state = case
                when requested_state = 'cancel' then 'cancelled'
                when not exists ({child} and child.state not in ('failed', 'cancelled')) and exists ({child}) then 'failed'
                when exists ({child} and child.state <> 'succeeded') or rows_failed > 0 then 'partial'
                else 'succeeded'
            end,
            error_reason = case
                when requested_state <> 'cancel' and exists ({child})
                    and not exists ({child} and child.state not in ('failed', 'cancelled')) then 'CHILDREN_FAILED'
            end,
            error_message = case
                when requested_state <> 'cancel' and exists ({child})
                    and not exists ({child} and child.state not in ('failed', 'cancelled'))
                    then 'No part of this job succeeded: see its parts for the causes.'
            end,
            requested_state = 'none', finished_at_ms = {{now}}, revision = revision + 1
         where id in (select id from ended)"
    );
    execute(connection, &sql, []).await
}

fn job_ids(found: &[QueryResult]) -> Result<Vec<JobId>> {
    found.iter().map(|row| get(row, "id").map(JobId)).collect()
}
