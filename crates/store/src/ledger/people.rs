//! Jobs as people see and steer them: get, list, watch, cancel, retry.

use super::insert::{answer, answered};
use super::read::{ids, read_job, read_jobs, wanted};
use super::settle::finish_parents;
use super::{LIVE, link_rows};
use crate::mapping::import;
use crate::row::{count, get, word};
use crate::sql::{all, among, end, execute, one};
use crate::{RequestKey, Store, audit, provider, request};
use linkyard_core::error::ConflictReason;
use linkyard_core::id::{JobId, OrganizationId, ProviderId};
use linkyard_core::job::{Job, JobKind, JobState};
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, Value};
use std::collections::HashMap;

impl Store {
    /// One job, its children's counts included.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn job_get(&self, scope: &Scope, id: JobId) -> Result<Job> {
        read_job(&self.reader, scope.organization, id).await
    }

    /// Those of these jobs that are the tenant's, as [`Store::job_get`] answers each.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) async fn jobs_of(&self, organization: OrganizationId, jobs: &[JobId]) -> Result<HashMap<JobId, Job>> {
        let those = format!("organization_id = $1 and id {}", among(&self.reader, &wanted(&self.reader, "$2")));
        let found = read_jobs(&self.reader, &those, [organization.0.into(), ids(jobs.iter().copied())?]).await?;
        Ok(found.into_iter().map(|job| (job.id, job)).collect())
    }

    /// Jobs of the tenant, newest first, without children unless `with_children`.
    ///
    /// # Errors
    /// `Invalid` for a foreign page key.
    pub async fn job_list(
        &self,
        scope: &Scope,
        provider: Option<ProviderId>,
        states: &[JobState],
        with_children: bool,
        page: &PageRequest,
    ) -> Result<Page<Job>> {
        let mut condition = "organization_id = $1".to_owned();
        let mut values: Vec<Value> = vec![scope.organization.0.into()];
        let mut and = |text: &str, value: Value| {
            values.push(value);
            condition.push_str(&format!(" and {text} ${}", values.len()));
        };
        if let Some(after) = &page.after {
            let after: JobId = after.parse().map_err(|_| Error::invalid("page_token", "is not one of this list's"))?;
            and("id <", after.0.into());
        }
        if let Some(provider) = provider {
            and("provider_id =", provider.0.into());
        }
        if !states.is_empty() {
            // Our own words, so nothing has to be escaped.
            let words: Vec<String> = states.iter().map(|state| format!("'{}'", state.as_str())).collect();
            condition.push_str(&format!(" and state in ({})", words.join(", ")));
        }
        if !with_children {
            condition.push_str(" and parent_id is null");
        }
        condition.push_str(&format!(" order by id desc limit {}", i64::from(page.size) + 1));
        let jobs = read_jobs(&self.reader, &condition, values).await?;
        Ok(Page::cut(jobs, page.size, |job| job.id.to_string()))
    }

    /// How many jobs of each provider of the tenant are not finished, without children; a provider without any is left out.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn jobs_live_by_provider(&self, scope: &Scope) -> Result<HashMap<ProviderId, u64>> {
        let sql = format!(
            "select provider_id, count(*) as live from job
             where {LIVE} and organization_id = $1 and provider_id is not null and parent_id is null group by provider_id"
        );
        let found = all(&self.reader, &sql, [scope.organization.0.into()]).await?;
        found.iter().map(|row| Ok((ProviderId(get(row, "provider_id")?), count(row, "live")?))).collect()
    }

    /// Those of `watched` (id, revision known to the watcher) that have another revision now. One query for all watchers of a process,
    /// whose scopes were checked when they began to watch.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn jobs_changed(&self, watched: &[(JobId, i64)]) -> Result<Vec<Job>> {
        if watched.is_empty() {
            return Ok(Vec::new());
        }
        let condition = format!("id in {}", wanted(&self.reader, "$1"));
        let mut jobs = read_jobs(&self.reader, &condition, [ids(watched.iter().map(|(id, _)| *id))?]).await?;
        let known: HashMap<JobId, i64> = watched.iter().copied().collect();
        jobs.retain(|job| known.get(&job.id) != Some(&job.revision));
        Ok(jobs)
    }

    /// Asks a job and its children to stop; one that does not run is CANCELLED at once. Its confirmed rows go back to a state that
    /// takes a decision (what is linked stays linked).
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it is finished.
    pub async fn job_cancel(&self, scope: &Scope, id: JobId, request: Option<&RequestKey>) -> Result<Job> {
        let tx = self.begin().await?;
        let result = cancel(&tx, scope, id, request).await;
        end(tx, result).await
    }

    /// Runs a FAILED, PARTIAL or CANCELLED job again: a link job for its failed rows only (its total is then their number), an import for
    /// the lines that it refused or did not come to, a parent for its failed children only. Counts, attempts and the place to go on begin
    /// anew.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` in any other state, for a child (its parent is retried), when no row of a link job is left to retry, or
    /// when a live job has the same dedupe key.
    pub async fn job_retry(&self, scope: &Scope, id: JobId, request: Option<&RequestKey>) -> Result<Job> {
        let tx = self.begin().await?;
        let result = retry(&tx, scope, id, request).await;
        end(tx, result).await
    }
}

async fn cancel(tx: &impl ConnectionTrait, scope: &Scope, id: JobId, request: Option<&RequestKey>) -> Result<Job> {
    if let Some(answer) = request::replay(tx, scope.organization, request).await? {
        return read_job(tx, scope.organization, answered(&answer)?).await;
    }
    let row = lock_family(tx, scope, id).await?;
    if row.state.terminal() {
        return Err(refused(id, format!("is {} already: there is nothing to cancel", row.state.as_str())));
    }
    let family = "organization_id = $1 and (id = $2 or parent_id = $2)";
    let stop = format!(
        "update job set state = 'cancelled', requested_state = 'none', finished_at_ms = {{now}}, revision = revision + 1
         where {family} and state in ('queued', 'waiting_for_budget', 'retrying', 'paused') returning id"
    );
    let stopped = all(tx, &stop, [scope.organization.0.into(), id.0.into()]).await?;
    let stopped = stopped.iter().map(|row| get(row, "id").map(JobId)).collect::<Result<Vec<JobId>>>()?;
    link_rows::release(tx, &stopped).await?;
    let ask = format!(
        "update job set requested_state = 'cancel', revision = revision + 1
         where {family} and state in ('running', 'waiting_for_children')"
    );
    execute(tx, &ask, [scope.organization.0.into(), id.0.into()]).await?;
    if row.state == JobState::WaitingForChildren {
        finish_parents(tx).await?;
    }
    audit::note(tx, scope.organization, &scope.actor, "job.cancel", "job", &id.to_string(), &row.kind).await?;
    request::remember(tx, scope.organization, request, &answer(id)).await?;
    read_job(tx, scope.organization, id).await
}

async fn retry(tx: &impl ConnectionTrait, scope: &Scope, id: JobId, request: Option<&RequestKey>) -> Result<Job> {
    if let Some(answer) = request::replay(tx, scope.organization, request).await? {
        return read_job(tx, scope.organization, answered(&answer)?).await;
    }
    let row = lock_family(tx, scope, id).await?;
    check_retry(tx, scope, id, &row).await?;
    let total = if row.links() { Some(rows_to_retry(tx, id).await?) } else { None };
    if row.kind == JobKind::ImportDecisions.as_str() {
        import::begin_again(tx, id, row.state).await?;
        link_rows::confirm_failed(tx, id).await?;
    }
    let children = reset_failed_children(tx, scope, id).await?;
    let state = if children > 0 { JobState::WaitingForChildren } else { JobState::Queued };
    let sql = format!("update job set state = $2, {RESET}, rows_total = $3 where id = $1");
    let changed = execute(tx, &sql, [id.0.into(), state.as_str().into(), total.unwrap_or(0).into()]).await;
    if matches!(changed, Err(Error::AlreadyExists { .. })) {
        // The check came before the twin.
        return Err(refused(id, "is not needed: a job that does the same has just begun".to_owned()));
    }
    changed?;
    audit::note(tx, scope.organization, &scope.actor, "job.retry", "job", &id.to_string(), &row.kind).await?;
    request::remember(tx, scope.organization, request, &answer(id)).await?;
    read_job(tx, scope.organization, id).await
}

/// What a retry forgets. The epoch stays: an old worker must not be taken for the new one.
const RESET: &str = "requested_state = 'none', run_at_ms = {now}, attempts = 0, starts_without_progress = 0, checkpoint = null,
    phase = '', rows_succeeded = 0, rows_held = 0, rows_failed = 0, rows_skipped = 0, error_reason = null, error_message = null,
    result = null, finished_at_ms = null, revision = revision + 1";

/// The row of a job that somebody wants to steer.
struct Steered {
    kind: String,
    state: JobState,
    parent: Option<uuid::Uuid>,
    provider: Option<uuid::Uuid>,
    dedupe_key: String,
}

impl Steered {
    fn links(&self) -> bool {
        self.kind == JobKind::LinkParties.as_str() || self.kind == JobKind::LinkProjects.as_str()
    }
}

/// Locks a job and its children, in the order of their ids.
async fn lock_family(connection: &impl ConnectionTrait, scope: &Scope, id: JobId) -> Result<Steered> {
    let sql = "select id, kind, state, parent_id, provider_id, dedupe_key from job
        where organization_id = $1 and (id = $2 or parent_id = $2) order by id {lock}";
    for row in all(connection, sql, [scope.organization.0.into(), id.0.into()]).await? {
        if get::<uuid::Uuid>(&row, "id")? == id.0 {
            return Ok(Steered {
                kind: get(&row, "kind")?,
                state: word(&row, "state", JobState::parse)?,
                parent: get(&row, "parent_id")?,
                provider: get(&row, "provider_id")?,
                dedupe_key: get(&row, "dedupe_key")?,
            });
        }
    }
    Err(Error::not_found("job", id))
}

async fn check_retry(connection: &impl ConnectionTrait, scope: &Scope, id: JobId, row: &Steered) -> Result<()> {
    match row.state {
        JobState::Failed | JobState::Partial | JobState::Cancelled => {}
        JobState::Succeeded => return Err(refused(id, "succeeded: there is nothing to retry".to_owned())),
        JobState::Queued
        | JobState::Running
        | JobState::WaitingForBudget
        | JobState::WaitingForChildren
        | JobState::Retrying
        | JobState::Paused => return Err(refused(id, format!("is {}: it is not finished yet", row.state.as_str()))),
    }
    if let Some(parent) = row.parent {
        return Err(refused(id, format!("is a part of job {parent}: retry that one")));
    }
    if let Some(provider) = row.provider {
        provider::require_approved(connection, scope.organization, ProviderId(provider)).await?;
    }
    let sql = format!("select id from job where kind = $1 and dedupe_key = $2 and {LIVE}");
    if let Some(live) = one(connection, &sql, [row.kind.as_str().into(), row.dedupe_key.as_str().into()]).await? {
        let live = JobId(get(&live, "id")?);
        return Err(refused(id, format!("is not needed: job {live} does the same and is not finished yet")));
    }
    Ok(())
}

async fn rows_to_retry(connection: &impl ConnectionTrait, id: JobId) -> Result<i64> {
    match link_rows::confirm_failed(connection, id).await? {
        0 => Err(refused(id, "has no failed row left: its rows take a new decision, or have taken one".to_owned())),
        rows => i64::try_from(rows).map_err(|error| Error::internal("a count of rows is too large", error)),
    }
}

async fn reset_failed_children(connection: &impl ConnectionTrait, scope: &Scope, id: JobId) -> Result<u64> {
    let sql = format!(
        "update job set state = 'queued', {RESET}, rows_total = 0
         where organization_id = $1 and parent_id = $2 and state in ('failed', 'partial', 'cancelled')"
    );
    execute(connection, &sql, [scope.organization.0.into(), id.0.into()]).await
}

fn refused(id: JobId, why: String) -> Error {
    let message = format!("job {id} {why}");
    Error::Conflict { reason: ConflictReason::State, resource: "job", id: id.to_string(), message }
}
