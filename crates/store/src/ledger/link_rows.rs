//! What the end of a link job does to the mapping rows that it was to link: nothing may stay CONFIRMED without a job.
//!
//! Rows that were linked stay linked; rows that were not go back to a person (cancelled) or carry the reason (failed).

use super::read::{ids, wanted};
use crate::mapping::suggest::COUNTS;
use crate::sql::execute;
use linkyard_core::Result;
use linkyard_core::id::JobId;
use linkyard_core::mapping::RowReason;
use sea_orm::ConnectionTrait;

/// The jobs were cancelled: their rows take a decision again, with the old one as their draft.
pub(super) async fn release(connection: &impl ConnectionTrait, jobs: &[JobId]) -> Result<u64> {
    if jobs.is_empty() {
        return Ok(0);
    }
    let sql = format!(
        "update mapping set
            state = case when exists (
                select 1 from suggestion s where s.provider_id = mapping.provider_id
                    and s.subject = mapping.subject and s.record_id = mapping.record_id and {COUNTS}
            ) then 'suggested' else 'unmapped' end,
            draft_decision = decision, draft_target_id = decision_target_id, draft_on_lookalike = on_lookalike,
            decision = null, decision_target_id = null, on_lookalike = null, job_id = null,
            revision = revision + 1, changed_at_ms = {{now}}
         where job_id in {} and state in ('confirmed', 'linking')",
        wanted(connection, "$1")
    );
    execute(connection, &sql, [ids(jobs.iter().copied())?]).await
}

/// The jobs failed for good: their rows are FAILED with the job's reason, and a retry of the job takes them up again.
pub(super) async fn fail(connection: &impl ConnectionTrait, jobs: &[JobId], message: &str) -> Result<u64> {
    if jobs.is_empty() {
        return Ok(0);
    }
    let sql = format!(
        "update mapping set state = 'failed', reason = $2, reason_detail = $3, revision = revision + 1, changed_at_ms = {{now}}
         where job_id in {} and state in ('confirmed', 'linking')",
        wanted(connection, "$1")
    );
    let values = [ids(jobs.iter().copied())?, RowReason::JobFailed.as_str().into(), message.into()];
    execute(connection, &sql, values).await
}

/// The job is retried: its failed rows are CONFIRMED again. Answers how many.
pub(super) async fn confirm_failed(connection: &impl ConnectionTrait, job: JobId) -> Result<u64> {
    execute(
        connection,
        "update mapping set state = 'confirmed', reason = null, reason_detail = '', revision = revision + 1, changed_at_ms = {now}
         where job_id = $1 and state = 'failed'",
        [job.0.into()],
    )
    .await
}
