//! Up to which time a list of the directory is known, on the directory's own clock: what a fetch of changes begins with. What a walk
//! says about records is `walk.rs`'s.

use crate::ledger::fence_and_checkpoint;
use crate::row::get;
use crate::sql::{commit, execute, one};
use crate::{Store, provider};
use linkyard_core::id::ProviderId;
use linkyard_core::job::Fence;
use linkyard_core::mapping::Subject;
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};

impl Store {
    /// Notes that everything that changed before `to_ms` (milliseconds since 1970 on the directory's clock) was seen by the job's walk
    /// over the list, or by one before it.
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `Internal` when the walk was not begun.
    pub async fn walk_covers(&self, fence: &Fence, provider: ProviderId, subject: Subject, to_ms: i64) -> Result<()> {
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, None).await?;
        let sql = "update walk set covers_to_ms = $5
            where job_id = $1 and subject = $2 and provider_id = $3 and organization_id = $4";
        let values = [fence.job.0.into(), subject.as_str().into(), provider.0.into(), fence.organization.0.into(), to_ms.into()];
        if execute(&tx, sql, values).await? == 0 {
            return Err(Error::broken("a walk covers a time that was not begun"));
        }
        commit(tx).await
    }

    /// Up to which time the list is known; `None` when it was never walked to its end.
    ///
    /// # Errors
    /// `NotFound` for a provider that is not the tenant's.
    pub async fn walk_covered(&self, scope: &Scope, provider: ProviderId, subject: Subject) -> Result<Option<i64>> {
        provider::require(&self.reader, scope.organization, provider).await?;
        let sql = "select max(covers_to_ms) as to_ms from walk where provider_id = $1 and subject = $2 and organization_id = $3";
        match one(&self.reader, sql, [provider.0.into(), subject.as_str().into(), scope.organization.0.into()]).await? {
            Some(found) => get(&found, "to_ms"),
            None => Ok(None),
        }
    }
}
