//! What the failure of a connection test does to its provider: nobody may be left waiting for an answer that does not come.

use super::read::{ids, wanted};
use crate::sql::execute;
use linkyard_core::Result;
use linkyard_core::error::Attention;
use linkyard_core::id::JobId;
use linkyard_core::job::JobKind;
use sea_orm::ConnectionTrait;

/// The jobs failed for good: a provider that is still TESTING, because one of them was its test, needs attention.
pub(super) async fn mark(connection: &impl ConnectionTrait, jobs: &[JobId]) -> Result<u64> {
    if jobs.is_empty() {
        return Ok(0);
    }
    let sql = format!(
        "update provider set state = 'needs_attention', attention = $2, state_message = $3, revision = revision + 1,
            updated_at_ms = {{now}}
         where state = 'testing' and id in (select provider_id from job where job.id in {} and job.kind = $4)",
        wanted(connection, "$1")
    );
    let message = "The connection test ended without an answer: its job says why. Mend that, then test again.";
    let kind = JobKind::TestConnection.as_str();
    let values = [ids(jobs.iter().copied())?, Attention::TestUnfinished.as_str().into(), message.into(), kind.into()];
    execute(connection, &sql, values).await
}
