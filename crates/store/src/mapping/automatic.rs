//! Automatic adding: records that were first seen after a person switched it on are confirmed as CREATE by themselves, and linked by the
//! same job and through the same gate as everybody's. What looks like something that is there is HELD, with the reason.
//!
//! Whatever a person has begun on a row (a decision, a draft) or may want to (a suggestion) keeps it out of here.

use super::confirm::{carry_out, link_job};
use super::picked::Picked;
use crate::directory::List;
use crate::ledger::fence_and_checkpoint;
use crate::row::{count, get};
use crate::sql::{commit, one};
use crate::{Store, audit, gate, provider};
use linkyard_core::Result;
use linkyard_core::id::{JobId, ProviderId};
use linkyard_core::job::{Fence, Lane};
use linkyard_core::mapping::Subject;
use linkyard_core::scope::Scope;

impl Store {
    /// Confirms what is to be added by itself: UNMAPPED rows without draft and suggestion, active in the directory, whose record was first
    /// seen after automatic adding of `subject` was switched on. They belong to one new link job in the background. Answers it and the
    /// number of rows; `None` when it is switched off or nothing is new. Doing it twice adds nothing twice.
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `NotFound` for a provider that is not the job's tenant's; `Conflict(State)` for one that is being deleted.
    pub async fn mapping_add_automatically(
        &self,
        fence: &Fence,
        provider: ProviderId,
        subject: Subject,
    ) -> Result<Option<(JobId, u64)>> {
        let list = List { organization: fence.organization, provider, subject };
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, None).await?;
        provider::require_approved(&tx, fence.organization, provider).await?;
        gate::lock(&tx, fence.organization).await?;
        let column = match subject {
            Subject::Vendor => "auto_add_parties_since_ms",
            Subject::Project => "auto_add_projects_since_ms",
        };
        let sql = format!("select {column} as since_ms from provider where id = $1 and organization_id = $2");
        let found = one(&tx, &sql, [provider.0.into(), fence.organization.0.into()]).await?;
        let since_ms: Option<i64> = found.map(|row| get(&row, "since_ms")).transpose()?.flatten();
        let Some(since_ms) = since_ms else { return Ok(None) };
        let picked = Picked::new_since(&list, since_ms);
        let found = one(&tx, &picked.statement("select count(*) as n from picked"), picked.values([])).await?;
        let rows = found.map_or(Ok(0), |row| count(&row, "n"))?;
        if rows == 0 {
            return Ok(None);
        }
        let scope = Scope::new(fence.organization, "job:suggest");
        let job = link_job(&tx, &scope, &list, Lane::Background).await?;
        carry_out(&tx, &picked, Some(job.id)).await?;
        let detail = format!("{}: {rows} to create, seen since automatic adding was switched on", subject.as_str());
        audit::note_by_job(&tx, fence, "mapping.add_automatically", "provider", &provider.to_string(), &detail).await?;
        commit(tx).await?;
        Ok(Some((job.id, rows)))
    }
}
