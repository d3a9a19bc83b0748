//! Ending a run, and writing progress: both only while the lease is ours.

use super::{link_rows, untested};
use crate::Store;
use crate::provider::{RATE_LIMIT, UPSTREAM_DOWN};
use crate::row::{get, word};
use crate::sql::{commit, execute, one};
use linkyard_core::error::Attention;
use linkyard_core::job::{Checkpoint, Fence, Finish, JobState};
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, QueryResult, Value};
use uuid::Uuid;

/// The first statement of every transaction with an effect: checks the epoch, saves where to go on, adds the counts, and notes that
/// there was progress. `None` only checks. Either way the row stays locked until the transaction ends, so a takeover comes before or
/// after the effect, never in between.
pub(crate) async fn fence_and_checkpoint(
    connection: &impl ConnectionTrait,
    fence: &Fence,
    checkpoint: Option<&Checkpoint>,
) -> Result<()> {
    let ours = match checkpoint {
        None => {
            let sql = "select 1 as ours from job
                where id = $1 and epoch = $2 and organization_id = $3 and state = 'running' {lock}";
            one(connection, sql, fence_values(fence)).await?.is_some()
        }
        Some(checkpoint) => save_progress(connection, fence, checkpoint).await?,
    };
    if ours { Ok(()) } else { Err(Error::fenced(fence.job)) }
}

fn fence_values(fence: &Fence) -> [Value; 3] {
    [fence.job.0.into(), fence.epoch.into(), fence.organization.0.into()]
}

async fn save_progress(connection: &impl ConnectionTrait, fence: &Fence, checkpoint: &Checkpoint) -> Result<bool> {
    let done = checkpoint.done;
    let changed = execute(
        connection,
        "update job set checkpoint = $4, phase = $5, starts_without_progress = 0, revision = revision + 1,
            rows_total = rows_total + $6, rows_succeeded = rows_succeeded + $7, rows_held = rows_held + $8,
            rows_failed = rows_failed + $9, rows_skipped = rows_skipped + $10, calls = calls + $11
         where id = $1 and epoch = $2 and organization_id = $3 and state = 'running'",
        fence_values(fence).into_iter().chain([
            checkpoint.position.to_string().into(),
            checkpoint.phase.as_str().into(),
            done.total.into(),
            done.succeeded.into(),
            done.held.into(),
            done.failed.into(),
            done.skipped.into(),
            done.calls.into(),
        ]),
    )
    .await?;
    Ok(changed == 1)
}

impl Store {
    /// Saves progress without another effect.
    ///
    /// # Errors
    /// `Conflict(Fenced)` when the lease is lost.
    pub async fn job_checkpoint(&self, fence: &Fence, checkpoint: &Checkpoint) -> Result<()> {
        fence_and_checkpoint(&self.writer, fence, Some(checkpoint)).await
    }

    /// Ends the run and the lease, and answers the state that the row has now.
    ///
    /// # Errors
    /// `Conflict(Fenced)` when the lease is lost.
    pub async fn job_finish(&self, fence: &Fence, finish: &Finish) -> Result<JobState> {
        let (change, values) = change_of(finish);
        let sql = format!(
            "update job set {change}, lease_owner = null, lease_until_ms = null, revision = revision + 1
             where id = $1 and epoch = $2 and organization_id = $3 and state = 'running' returning state, provider_id"
        );
        let tx = self.begin().await?;
        let found = one(&tx, &sql, fence_values(fence).into_iter().chain(values)).await?;
        let found = found.ok_or_else(|| Error::fenced(fence.job))?;
        match finish {
            Finish::Cancelled => {
                link_rows::release(&tx, &[fence.job]).await?;
            }
            Finish::Fail { message, .. } => {
                link_rows::fail(&tx, &[fence.job], message).await?;
                untested::mark(&tx, &[fence.job]).await?;
            }
            Finish::Snooze { until_ms } => {
                block_provider(&tx, &found, *until_ms, RATE_LIMIT).await?;
            }
            Finish::Outage { until_ms, .. } => {
                block_provider(&tx, &found, *until_ms, UPSTREAM_DOWN).await?;
            }
            Finish::Done(_)
            | Finish::Partial(_)
            | Finish::Continue
            | Finish::Hold { .. }
            | Finish::WaitForChildren
            | Finish::Retry { .. }
            | Finish::Paused
            | Finish::Release => {}
        }
        commit(tx).await?;
        word(&found, "state", JobState::parse)
    }
}

/// What a way to end sets on the row, with its parameters from `$4` on. All but `Release` are orderly outcomes: the count of starts
/// without one begins anew. `Release` takes its own start back and no other.
fn change_of(finish: &Finish) -> (&'static str, Vec<Value>) {
    match finish {
        Finish::Done(result) => (
            "state = case when rows_failed > 0 then 'partial' else 'succeeded' end, result = $4, requested_state = 'none',
             error_reason = null, error_message = null, finished_at_ms = {now}, starts_without_progress = 0",
            vec![result.to_string().into()],
        ),
        Finish::Partial(result) => (
            "state = 'partial', result = $4, requested_state = 'none', error_reason = null, error_message = null,
             finished_at_ms = {now}, starts_without_progress = 0",
            vec![result.to_string().into()],
        ),
        Finish::Continue => ("state = 'queued', run_at_ms = {now}, starts_without_progress = 0", vec![]),
        Finish::Snooze { until_ms } => {
            ("state = 'waiting_for_budget', run_at_ms = $4, starts_without_progress = 0", vec![(*until_ms).into()])
        }
        Finish::Outage { until_ms, message } => (
            "state = 'waiting_for_budget', run_at_ms = $4, error_reason = $5, error_message = $6, starts_without_progress = 0",
            vec![(*until_ms).into(), Attention::UpstreamDown.reason().into(), message.as_str().into()],
        ),
        Finish::Hold { reason, message } => (
            "state = 'queued', error_reason = $4, error_message = $5, starts_without_progress = 0",
            vec![reason.as_str().into(), message.as_str().into()],
        ),
        Finish::WaitForChildren => ("state = 'waiting_for_children', starts_without_progress = 0", vec![]),
        Finish::Retry { attempts, delay_ms, reason, message } => (
            "state = 'retrying', attempts = $7, run_at_ms = {now} + $4, error_reason = $5, error_message = $6,
             starts_without_progress = 0",
            vec![(*delay_ms).into(), reason.as_str().into(), message.as_str().into(), (*attempts).into()],
        ),
        Finish::Fail { reason, message } => (
            "state = 'failed', error_reason = $4, error_message = $5, requested_state = 'none', finished_at_ms = {now},
             starts_without_progress = 0",
            vec![reason.as_str().into(), message.as_str().into()],
        ),
        Finish::Cancelled => {
            ("state = 'cancelled', requested_state = 'none', finished_at_ms = {now}, starts_without_progress = 0", vec![])
        }
        // A resume may have come after the worker read the request; then nobody would wake a paused row.
        Finish::Paused => (
            "state = case when requested_state = 'pause' then 'paused' else 'queued' end, starts_without_progress = 0,
             requested_state = case when requested_state = 'pause' then 'none' else requested_state end",
            vec![],
        ),
        Finish::Release => (
            "state = 'queued',
             starts_without_progress = case when starts_without_progress > 0 then starts_without_progress - 1 else 0 end",
            vec![],
        ),
    }
}

/// No call of the provider of a job (`row`, with its `provider_id`) before `until_ms`, and why; only ever grows.
async fn block_provider(connection: &impl ConnectionTrait, row: &QueryResult, until_ms: i64, reason: &str) -> Result<()> {
    let Some(provider) = get::<Option<Uuid>>(row, "provider_id")? else { return Ok(()) };
    let sql = "update provider set not_before_ms = $2, not_before_reason = $3 where id = $1 and not_before_ms < $2";
    execute(connection, sql, [provider.into(), until_ms.into(), reason.into()]).await.map(|_| ())
}
