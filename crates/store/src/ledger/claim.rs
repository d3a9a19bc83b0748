//! Taking jobs, and keeping them: claim, renewal, release.
//!
//! A claim is one statement: it locks what it takes in the order of the ids (two batches can not wait for each other in a circle),
//! skips what somebody else is taking, and changes only rows that are still runnable at that moment. Each row is looked up by its id, so
//! a claim costs the same beside ten waiting jobs and beside a hundred thousand.

use super::read::{WANTED, counts, ids};
use crate::Store;
use crate::provider::held;
use crate::row::{get, json, optional_json, word};
use crate::sql::{Column, all, among, batch, execute, rows};
use linkyard_core::id::{JobId, OrganizationId, ProviderId};
use linkyard_core::job::{
    ClaimedJob, Fence, Finish, JobKind, Lane, MOST_STARTS_WITHOUT_PROGRESS, PAYLOAD_VERSION, RequestedState, UNREADABLE,
};
use linkyard_core::{Error, Result};
use sea_orm::{QueryResult, Value};
use serde::Serialize;
use std::collections::HashMap;
use uuid::Uuid;

/// What the renewal of one lease found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// The job.
    pub job: JobId,
    /// What a person asked of it meanwhile; `None` when the lease is lost: stop.
    pub requested: Option<RequestedState>,
}

/// The condition on rows of `job` under which they may start now; `{now}` is still to be filled in. A provider that waits for approval,
/// is paused or refuses every call holds everything but its connection test; a block (`not_before`) holds that as well.
pub(super) fn runnable() -> String {
    format!(
        "{} and {} and not exists (
            select 1 from provider where provider.id = job.provider_id and (
                provider.not_before_ms > {{now}} or provider.state = 'deleted'
                or (provider.state in ('paused', 'pending_approval') or {held}) and job.kind <> 'test_connection'
            )
        )",
        due("{now}"),
        startable(),
        held = held()
    )
}

/// The job's time has come at `now`: it waits and may run, or it ran and its lease is over. (A job that runs was due when it started,
/// and that does not change while it runs; said for the index.)
pub(super) fn due(now: &str) -> String {
    format!(
        "job.run_at_ms <= {now} and (job.state in ('queued', 'waiting_for_budget', 'retrying')
            or job.state = 'running' and job.lease_until_ms <= {now})"
    )
}

/// The part of [`runnable`] that does not change by waiting: nobody asked to stop it, it is not poison, and this release knows it.
pub(super) fn startable() -> String {
    format!(
        "job.requested_state = 'none' and job.starts_without_progress < {MOST_STARTS_WITHOUT_PROGRESS}
        and job.payload_version <= {PAYLOAD_VERSION} and job.kind in ({})",
        known_kinds()
    )
}

/// The kinds of this release as words of SQL; they are our own constants, so nothing has to be escaped.
pub(super) fn known_kinds() -> String {
    let kinds: Vec<String> = JobKind::ALL.iter().map(|kind| format!("'{}'", kind.as_str())).collect();
    kinds.join(", ")
}

/// One lease as a row of a batch.
#[derive(Serialize)]
struct LeaseRow {
    held_id: Uuid,
    held_epoch: i64,
}

const LEASE_COLUMNS: [(&str, Column); 2] = [("held_id", Column::Uuid), ("held_epoch", Column::Bigint)];

impl Store {
    /// Takes those of `ids` that are runnable: raises the epoch, counts the start, sets the lease. Ids that somebody else has, that
    /// are of a kind or payload version unknown here, or whose time has not come are left out, untouched. A job whose last start was
    /// unclean is taken only when it is the only id. A job whose row can not be read has failed then, with reason [`UNREADABLE`].
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn jobs_claim(&self, ids: &[JobId], owner: &str, lease_ms: i64) -> Result<Vec<ClaimedJob>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let alone = ids.len() == 1;
        let sql = format!(
            "with taken as materialized (
                select (select job.id from job where job.id = wanted_id and {runnable} {clean} {{lock_skip}}) as id
                from (select wanted_id from {batch} order by wanted_id) as in_order
            )
            update job set taken_over = taken_over or state = 'running', state = 'running', lease_owner = $2,
                lease_until_ms = {{now}} + $3, epoch = epoch + 1,
                starts_without_progress = starts_without_progress + 1, started_at_ms = coalesce(started_at_ms, {{now}}),
                revision = revision + 1
            where id {among_taken}
            returning id, organization_id, provider_id, kind, lane, payload, checkpoint, attempts, epoch, requested_state,
                taken_over, created_at_ms, run_at_ms, {{now}} as claimed_at_ms, trace_parent, rows_total, rows_succeeded, rows_held, rows_failed, rows_skipped, calls",
            batch = rows(&self.writer, "wanted", "$1", &WANTED),
            among_taken = among(&self.writer, "select id from taken where id is not null"),
            runnable = runnable(),
            clean = if alone { "" } else { "and job.starts_without_progress = 0" },
        );
        let values = [self::ids(ids.iter().copied())?, owner.into(), lease_ms.into()];
        let mut jobs = Vec::with_capacity(ids.len());
        for row in &all(&self.writer, &sql, values).await? {
            match claimed(row) {
                Ok(job) => jobs.push(job),
                Err(error) => self.fail_unreadable(row, &error).await?,
            }
        }
        Ok(jobs)
    }

    /// Ends a job that was just taken and whose row can not be read: it fails alone, and those that were taken with it go on.
    async fn fail_unreadable(&self, row: &QueryResult, error: &Error) -> Result<()> {
        let fence = fence(row)?;
        tracing::error!(job = %fence.job, %error, "job {} can not be read and has failed", fence.job);
        let message = format!(
            "What this job is to do can not be read ({error}), so it was not started. Whoever wrote it is broken, or its row was changed \
             by hand; ask for the work again."
        );
        match self.job_finish(&fence, &Finish::Fail { reason: UNREADABLE.to_owned(), message }).await {
            Err(error) if error.is_fenced() => Ok(()),
            ended => ended.map(|_| ()),
        }
    }

    /// Renews the leases of jobs that run here, in one statement; a second one only looks at those whose row is being written at this
    /// moment (most likely by the job itself): their lease is as it was, and is not called lost.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn leases_renew(&self, fences: &[Fence], lease_ms: i64) -> Result<Vec<Renewal>> {
        if fences.is_empty() {
            return Ok(Vec::new());
        }
        let renew = format!(
            "with held as materialized (
                select (select job.id from job where job.id = held_id and job.epoch = held_epoch and job.state = 'running'
                    {{lock_skip}}) as id
                from (select held_id, held_epoch from {leases} order by held_id) as in_order
            )
            update job set lease_until_ms = {{now}} + $2 where id {among_held} returning id, epoch, requested_state",
            leases = rows(&self.writer, "lease", "$1", &LEASE_COLUMNS),
            among_held = among(&self.writer, "select id from held where id is not null"),
        );
        let found = all(&self.writer, &renew, [leases(fences)?, lease_ms.into()]).await?;
        let mut requested = requests(&found, fences)?;
        let missed: Vec<Fence> = fences.iter().filter(|fence| !requested.contains_key(&fence.job)).copied().collect();
        if !missed.is_empty() {
            let held = format!("select held_id from {}", rows(&self.writer, "lease", "$1", &LEASE_COLUMNS));
            let look = format!(
                "select id, epoch, requested_state from job where id {} and state = 'running'",
                among(&self.writer, &held)
            );
            requested.extend(requests(&all(&self.writer, &look, [leases(&missed)?]).await?, &missed)?);
        }
        let renewals =
            fences.iter().map(|fence| Renewal { job: fence.job, requested: requested.get(&fence.job).copied() }).collect();
        Ok(renewals)
    }

    /// Ends every lease, whoever has it: the boot of embedded mode, which holds an exclusive lock on its data directory. Starts stay
    /// counted.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn leases_release_all(&self) -> Result<u64> {
        let sql = "update job set lease_until_ms = 0, revision = revision + 1 where state = 'running'";
        execute(&self.writer, sql, []).await
    }
}

fn leases(fences: &[Fence]) -> Result<Value> {
    let leases: Vec<LeaseRow> = fences.iter().map(|fence| LeaseRow { held_id: fence.job.0, held_epoch: fence.epoch }).collect();
    batch(&leases)
}

/// What is asked of the jobs that were found in the epoch of their fence.
fn requests(found: &[QueryResult], fences: &[Fence]) -> Result<HashMap<JobId, RequestedState>> {
    let epochs: HashMap<JobId, i64> = fences.iter().map(|fence| (fence.job, fence.epoch)).collect();
    let mut requests = HashMap::new();
    for row in found {
        let (job, epoch) = (JobId(get(row, "id")?), get::<i64>(row, "epoch")?);
        if epochs.get(&job) == Some(&epoch) {
            requests.insert(job, word(row, "requested_state", RequestedState::parse)?);
        }
    }
    Ok(requests)
}

fn fence(row: &QueryResult) -> Result<Fence> {
    Ok(Fence {
        organization: OrganizationId(get(row, "organization_id")?),
        job: JobId(get(row, "id")?),
        epoch: get(row, "epoch")?,
    })
}

fn claimed(row: &QueryResult) -> Result<ClaimedJob> {
    Ok(ClaimedJob {
        fence: fence(row)?,
        kind: word(row, "kind", JobKind::parse)?,
        provider: get::<Option<Uuid>>(row, "provider_id")?.map(ProviderId),
        lane: word(row, "lane", Lane::parse)?,
        payload: json(row, "payload")?,
        checkpoint: optional_json(row, "checkpoint")?,
        attempts: get(row, "attempts")?,
        counts: counts(row)?,
        requested: word(row, "requested_state", RequestedState::parse)?,
        taken_over: get(row, "taken_over")?,
        created_at_ms: get(row, "created_at_ms")?,
        waited_ms: (get::<i64>(row, "claimed_at_ms")? - get::<i64>(row, "run_at_ms")?).max(0),
        trace_parent: get(row, "trace_parent")?,
    })
}
