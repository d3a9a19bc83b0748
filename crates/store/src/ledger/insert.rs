//! Writing a job, inside somebody's transaction or in one of its own.

use super::LIVE;
use super::finish::fence_and_checkpoint;
use super::read::read_job;
use crate::row::get;
use crate::sql::{commit, execute, one};
use crate::{RequestKey, Store, audit, provider, request};
use linkyard_core::error::ConflictReason;
use linkyard_core::id::{JobId, OrganizationId};
use linkyard_core::job::{Fence, Job, JobKind, NewJob, PAYLOAD_VERSION};
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use sea_orm::ConnectionTrait;
use uuid::Uuid;

/// So many jobs of one provider that calls to the API started may wait at once: a caller in a loop must not fill the ledger.
pub const MOST_WAITING: i64 = 1_000;

/// What the actor of a call to the API begins with; see [`Scope::actor`].
const OF_A_KEY: &str = "key:";

/// Writes `new` inside the caller's transaction. When a live job of the same kind has the same dedupe key, that one is answered. A call
/// to the API gets `Conflict(TooMany)` where [`MOST_WAITING`] of its provider wait; what a job writes is never refused.
pub(crate) async fn insert_job(connection: &impl ConnectionTrait, scope: &Scope, new: &NewJob) -> Result<Job> {
    let organization = scope.organization;
    if scope.actor.starts_with(OF_A_KEY)
        && let Err(full) = require_room(connection, new).await
    {
        // Whoever asks for what waits already adds nothing.
        let live = live_job(connection, organization, new).await?.ok_or(full)?;
        return read_job(connection, organization, live).await;
    }
    // The live job that is in our way may finish between the two statements; then there is room for ours.
    for _ in 0..5 {
        let id = JobId::generate();
        if insert_row(connection, scope, new, id).await? {
            return read_job(connection, organization, id).await;
        }
        if let Some(live) = live_job(connection, organization, new).await? {
            return read_job(connection, organization, live).await;
        }
    }
    let message = format!("jobs {} {} begin and end too fast to be joined", new.kind.as_str(), new.dedupe_key);
    Err(Error::Unavailable { service: "database", message, source: None })
}

async fn require_room(connection: &impl ConnectionTrait, new: &NewJob) -> Result<()> {
    let (Some(provider), None) = (new.provider, new.parent) else { return Ok(()) };
    let sql = format!(
        "select count(*) as n from (select 1 as one from job
            where provider_id = $1 and {LIVE} and actor like '{OF_A_KEY}%' limit {MOST_WAITING}) as waiting"
    );
    let found = one(connection, &sql, [provider.0.into()]).await?;
    if found.map_or(Ok(0), |row| get::<i64>(&row, "n"))? < MOST_WAITING {
        return Ok(());
    }
    let message = format!(
        "{MOST_WAITING} jobs of this provider that calls to the API started wait already; call again when some have ended"
    );
    Err(Error::Conflict { reason: ConflictReason::TooMany, resource: "provider", id: provider.to_string(), message })
}

async fn insert_row(connection: &impl ConnectionTrait, scope: &Scope, new: &NewJob, id: JobId) -> Result<bool> {
    let sql = format!(
        "insert into job (id, organization_id, provider_id, parent_id, kind, dedupe_key, lane, payload_version, payload, state,
            run_at_ms, actor, trace_parent, created_at_ms)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'queued', coalesce($10, {{now}}), $11, $12, {{now}})
         on conflict (kind, dedupe_key) where {LIVE} do nothing"
    );
    let inserted = execute(
        connection,
        &sql,
        [
            id.0.into(),
            scope.organization.0.into(),
            new.provider.map(|id| id.0).into(),
            new.parent.map(|id| id.0).into(),
            new.kind.as_str().into(),
            new.dedupe_key.as_str().into(),
            new.lane.as_str().into(),
            PAYLOAD_VERSION.into(),
            new.payload.to_string().into(),
            new.run_at_ms.into(),
            scope.actor.as_str().into(),
            scope.trace_parent.as_deref().into(),
        ],
    )
    .await?;
    Ok(inserted == 1)
}

/// Whether a job of `kind` with this key lives.
pub(crate) async fn is_live(connection: &impl ConnectionTrait, kind: JobKind, dedupe_key: &str) -> Result<bool> {
    let sql = format!("select id from job where kind = $1 and dedupe_key = $2 and {LIVE}");
    one(connection, &sql, [kind.as_str().into(), dedupe_key.into()]).await.map(|found| found.is_some())
}

async fn live_job(connection: &impl ConnectionTrait, organization: OrganizationId, new: &NewJob) -> Result<Option<JobId>> {
    let sql = format!("select id, organization_id from job where kind = $1 and dedupe_key = $2 and {LIVE}");
    let Some(found) = one(connection, &sql, [new.kind.as_str().into(), new.dedupe_key.as_str().into()]).await? else {
        return Ok(None);
    };
    if get::<Uuid>(&found, "organization_id")? != organization.0 {
        // Keys name ids of ours, so two tenants never share one; if they do, neither may see the other's job.
        return Err(Error::broken(format!("the dedupe key of a {} job belongs to another organization", new.kind.as_str())));
    }
    get(&found, "id").map(|id| Some(JobId(id)))
}

impl Store {
    /// Writes a job in a transaction of its own; the live job with the same dedupe key is answered where there is one.
    ///
    /// # Errors
    /// `NotFound` when the provider is not the tenant's or is deleted; `Conflict(State)` while it is `PENDING_APPROVAL`;
    /// `Conflict(TooMany)` for a call to the API where [`MOST_WAITING`] of its jobs wait.
    pub async fn job_enqueue(&self, scope: &Scope, new: &NewJob, request: Option<&RequestKey>) -> Result<Job> {
        let tx = self.begin().await?;
        if let Some(answer) = request::replay(&tx, scope.organization, request).await? {
            return read_job(&tx, scope.organization, answered(&answer)?).await;
        }
        if let Some(id) = new.provider {
            provider::require_approved(&tx, scope.organization, id).await?;
        }
        if let Some(parent) = new.parent {
            read_job(&tx, scope.organization, parent).await?;
        }
        let job = insert_job(&tx, scope, new).await?;
        let id = job.id.to_string();
        audit::note(&tx, scope.organization, &scope.actor, "job.enqueue", "job", &id, new.kind.as_str()).await?;
        request::remember(&tx, scope.organization, request, &answer(job.id)).await?;
        commit(tx).await?;
        Ok(job)
    }

    /// Writes the jobs that follow a finished one (a suggest after a fetch), under its fence.
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `NotFound` when the provider is not the tenant's or is deleted; `Invalid` for a parent that is not the job
    /// itself.
    pub async fn job_follow(&self, fence: &Fence, new: &NewJob) -> Result<Job> {
        if new.parent.is_some_and(|parent| parent != fence.job) {
            return Err(Error::invalid("parent", "is not the job that writes this one"));
        }
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, None).await?;
        if let Some(id) = new.provider {
            provider::require_approved(&tx, fence.organization, id).await?;
        }
        let scope = Scope::new(fence.organization, format!("job:{}", fence.job)).traced(trace_parent_of(&tx, fence).await?);
        let job = insert_job(&tx, &scope, new).await?;
        commit(tx).await?;
        Ok(job)
    }
}

/// The trace that the job belongs to: what it writes belongs to it as well.
async fn trace_parent_of(connection: &impl ConnectionTrait, fence: &Fence) -> Result<Option<String>> {
    match one(connection, "select trace_parent from job where id = $1", [fence.job.0.into()]).await? {
        Some(found) => get(&found, "trace_parent"),
        None => Ok(None),
    }
}

/// What is remembered of a call that answers with a job.
pub(super) fn answer(job: JobId) -> Vec<u8> {
    job.0.as_bytes().to_vec()
}

/// The job of a remembered answer.
pub(super) fn answered(bytes: &[u8]) -> Result<JobId> {
    Uuid::from_slice(bytes).map(JobId).map_err(|error| Error::internal("a remembered answer names no job", error))
}
