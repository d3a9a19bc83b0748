//! Walks: one pass over a list of the directory, what it saw, and what its end says about records that it did not see.
//!
//! Being seen needs no complete walk; being missed does. A record that a complete walk misses is *missing*; one that the next complete
//! walk misses as well is *gone*: its link is ORPHANED, and it counts as gone whatever its state. Nothing is deleted or unlinked here.

use crate::directory::List;
use crate::ledger::fence_and_checkpoint;
use crate::row::{count, get, optional_word};
use crate::sql::{all, commit, execute, one};
use crate::{Store, association, gate, provider};
use linkyard_core::id::ProviderId;
use linkyard_core::job::{Checkpoint, Fence};
use linkyard_core::mapping::{Decision, MappingState, Subject};
use linkyard_core::report::Buckets;
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use sea_orm::ConnectionTrait;

/// What a walk came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalkSummary {
    /// Records that it saw, each once.
    pub distinct_seen: u64,
    /// Whether pages, `Total` and distinct ids agree.
    pub complete: bool,
    /// Records that this walk and a complete one before it both missed: ORPHANED now where they were linked.
    pub gone: u64,
    /// Records that were missing and are back.
    pub back: u64,
}

/// Whether a walk (`$4`) saw a record: a look-up by primary key for each row. As a join it depends on statistics, which a table that was
/// just filled for the first time does not have.
const SEEN: &str = "(select s.record_id from walk_seen s where s.job_id = $4 and s.subject = $2
    and s.record_id = directory_record.record_id) is not null";

impl Store {
    /// Begins (or, after a crash, goes on with) the walk of this job over one list; answers when it began, on the database's clock. A
    /// job without a checkpoint begins anew, whatever an earlier try of it saw. Walks of one list never begin in the same millisecond.
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `NotFound` for a provider that is not the job's tenant's.
    pub async fn walk_begin(&self, fence: &Fence, provider: ProviderId, subject: Subject) -> Result<i64> {
        let list = List { organization: fence.organization, provider, subject };
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, None).await?;
        provider::require(&tx, fence.organization, provider).await?;
        let anew = "exists (select 1 from job where job.id = $1 and job.checkpoint is null)";
        let job_and_subject = || [fence.job.0.into(), subject.as_str().into()];
        execute(&tx, &format!("delete from walk_seen where job_id = $1 and subject = $2 and {anew}"), job_and_subject()).await?;
        execute(&tx, &format!("delete from walk where job_id = $1 and subject = $2 and {anew}"), job_and_subject()).await?;
        let sql = "insert into walk (job_id, subject, organization_id, provider_id, started_at_ms)
            select $4, $2, $3, $1, case when n.now_ms > l.last_ms then n.now_ms else l.last_ms + 1 end
            from (select {now} as now_ms) n,
                (select coalesce(max(started_at_ms), 0) as last_ms from walk where provider_id = $1 and subject = $2) l
            where true on conflict (job_id, subject) do nothing";
        execute(&tx, sql, list.values([fence.job.0.into()])).await?;
        let started_ms = started_ms(&tx, &list, fence).await?;
        commit(tx).await?;
        Ok(started_ms)
    }

    /// Ends the walk. `total` is what the directory said at the end (`None`: it did not say); the walk is complete when `pages_agree`
    /// and `total`, where known, equals the distinct ids. Only a complete walk makes anything missing, and only the second one in a row
    /// makes it gone. Nothing is deleted but associations that an integration made and two complete walks over vendors did not name.
    /// Seen-rows of older walks are purged. Ending it twice is ending it once.
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `NotFound` for a provider that is not the job's tenant's; `Internal` when the walk was not begun.
    pub async fn walk_finish(
        &self,
        fence: &Fence,
        provider: ProviderId,
        subject: Subject,
        total: Option<u64>,
        pages_agree: bool,
        checkpoint: &Checkpoint,
    ) -> Result<WalkSummary> {
        let list = List { organization: fence.organization, provider, subject };
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, Some(checkpoint)).await?;
        provider::require(&tx, fence.organization, provider).await?;
        gate::lock(&tx, fence.organization).await?;
        let started_ms = started_ms(&tx, &list, fence).await?;
        let sql = "select count(*) as n from walk_seen where job_id = $1 and subject = $2";
        let seen = one(&tx, sql, [fence.job.0.into(), subject.as_str().into()]).await?;
        let distinct_seen = seen.map_or(Ok(0), |row| count(&row, "n"))?;
        let complete = pages_agree && total.is_none_or(|total| total == distinct_seen);
        let back = welcome_back(&tx, &list, fence).await?;
        let gone = if complete { miss(&tx, &list, fence, started_ms).await? } else { 0 };
        let sql = "update walk set finished_at_ms = {now}, total = $3, distinct_seen = $4, complete = $5
            where job_id = $1 and subject = $2";
        let counted = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let values = [
            fence.job.0.into(),
            subject.as_str().into(),
            total.map(counted).into(),
            counted(distinct_seen).into(),
            complete.into(),
        ];
        execute(&tx, sql, values).await?;
        if complete {
            let sql = "update provider set last_fetch_at_ms = {now} where id = $1 and organization_id = $2";
            execute(&tx, sql, [provider.0.into(), fence.organization.0.into()]).await?;
        }
        let purge = "delete from walk_seen where subject = $2 and job_id in (
                select job_id from walk where provider_id = $1 and subject = $2 and organization_id = $3 and started_at_ms < $4)";
        execute(&tx, purge, list.values([started_ms.into()])).await?;
        commit(tx).await?;
        Ok(WalkSummary { distinct_seen, complete, gone, back })
    }

    /// Where every record of a provider stands: each in exactly one bucket. A gone record is `gone` whatever was decided about it; an
    /// excluded one is `excluded` unless it was decided on before.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn directory_report(&self, scope: &Scope, provider: ProviderId, subject: Subject) -> Result<Buckets> {
        provider::require(&self.reader, scope.organization, provider).await?;
        let list = List { organization: scope.organization, provider, subject };
        let sql = "select r.exclusion is not null and m.record_id is null as excluded, r.gone_at_ms is not null as gone, m.state, m.decision,
                count(*) as n
            from directory_record r
            left join mapping m on m.provider_id = r.provider_id and m.subject = r.subject and m.record_id = r.record_id
            where r.provider_id = $1 and r.subject = $2 and r.organization_id = $3
            group by 1, 2, 3, 4";
        let mut buckets = Buckets::default();
        for row in all(&self.reader, sql, list.values([])).await? {
            let number = count(&row, "n")?;
            if get(&row, "excluded")? {
                buckets.excluded += number;
                continue;
            }
            let state = optional_word(&row, "state", MappingState::parse)?.unwrap_or(MappingState::Unmapped);
            let state = if get(&row, "gone")? { MappingState::Orphaned } else { state };
            buckets.add(state, optional_word(&row, "decision", Decision::parse)?, number);
        }
        Ok(buckets)
    }
}

async fn started_ms(connection: &impl ConnectionTrait, list: &List, fence: &Fence) -> Result<i64> {
    let sql = "select started_at_ms from walk where job_id = $4 and subject = $2 and provider_id = $1 and organization_id = $3";
    match one(connection, sql, list.values([fence.job.0.into()])).await? {
        Some(row) => get(&row, "started_at_ms"),
        None => Err(Error::broken("a walk was ended that was not begun, or is another provider's")),
    }
}

/// What was seen is not missing, however the walk ended. A link that comes back forgets what was synced: what was linked on the other
/// side meanwhile left it out.
async fn welcome_back(connection: &impl ConnectionTrait, list: &List, fence: &Fence) -> Result<u64> {
    let sql = format!(
        "update directory_record set missing_since_ms = null, gone_at_ms = null
         where provider_id = $1 and subject = $2 and organization_id = $3 and missing_since_ms is not null and {SEEN}"
    );
    let back = execute(connection, &sql, list.values([fence.job.0.into()])).await?;
    let sql = "update mapping set state = 'linked', synced_hash = null, revision = revision + 1, changed_at_ms = {now}
        where provider_id = $1 and subject = $2 and organization_id = $3 and state = 'orphaned' and (
            select s.record_id from walk_seen s where s.job_id = $4 and s.subject = $2 and s.record_id = mapping.record_id) is not null";
    execute(connection, sql, list.values([fence.job.0.into()])).await?;
    Ok(back)
}

/// What this complete walk did not see is missing, and gone where the complete walk before it had missed it already.
async fn miss(connection: &impl ConnectionTrait, list: &List, fence: &Fence, started_ms: i64) -> Result<u64> {
    let sql = "update directory_record set gone_at_ms = {now}
        where provider_id = $1 and subject = $2 and organization_id = $3 and missing_since_ms < $4 and missing_since_ms is not null
            and gone_at_ms is null";
    let gone = execute(connection, sql, list.values([started_ms.into()])).await?;
    let sql = "update mapping set state = 'orphaned', revision = revision + 1, changed_at_ms = {now}
        where provider_id = $1 and subject = $2 and organization_id = $3 and state = 'linked' and (
            select r.gone_at_ms from directory_record r
            where r.provider_id = $1 and r.subject = $2 and r.record_id = mapping.record_id) is not null";
    execute(connection, sql, list.values([])).await?;
    let sql = format!(
        "update directory_record set missing_since_ms = $5
         where provider_id = $1 and subject = $2 and organization_id = $3 and missing_since_ms is null and not ({SEEN})"
    );
    execute(connection, &sql, list.values([fence.job.0.into(), started_ms.into()])).await?;
    match list.subject {
        Subject::Vendor => association::vanish(connection, list, fence.job, started_ms).await?,
        Subject::Project => {}
    }
    Ok(gone)
}
