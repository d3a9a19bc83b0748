//! Walks: one pass over a list of the directory, what it saw, and what its end says about records that it did not see.
//!
//! Being seen needs no complete walk; being missed does. A record that a complete walk misses is *missing*; one that the next complete
//! walk misses as well is *gone*: its link is ORPHANED, and it counts as gone whatever its state. Nothing is deleted or unlinked here.

use crate::directory::List;
use crate::ledger::fence_and_checkpoint;
use crate::row::{count, get, optional_word};
use crate::sql::{all, batch, commit, execute, one, rows};
use crate::{Store, association, directory, gate, provider};
use linkyard_core::id::{OrganizationId, ProviderId, RecordId};
use linkyard_core::job::{Checkpoint, Fence};
use linkyard_core::mapping::{Decision, MappingState, Subject};
use linkyard_core::report::Buckets;
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, Value};

/// How often the directory says a walk had something to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Rows of the list itself; `None`: the directory did not say.
    pub main: Option<u64>,
    /// Rows of the list of inactive records beside it; `None`: the directory did not say, or there is no such list.
    pub inactive: Option<u64>,
}

impl From<Option<u64>> for Totals {
    fn from(main: Option<u64>) -> Self {
        Self { main, inactive: None }
    }
}

/// What a walk came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WalkSummary {
    /// Records that it saw in the list itself, each once.
    pub distinct_seen: u64,
    /// Records that it saw in the list of inactive ones, each once.
    pub inactive_seen: u64,
    /// Whether pages, `Total` and distinct ids agree.
    pub complete: bool,
    /// Records that this walk and a complete one before it both missed: ORPHANED now where they were linked.
    pub gone: u64,
    /// Records that were missing and are back.
    pub back: u64,
}

/// How an inactive vendor that a walk saw is noted: apart from the main list's rows, whose number must agree with that list's total.
pub(crate) const INACTIVE_VENDOR: &str = "inactive_vendor";

/// Whether a walk (`$4`) saw a record of `table`, in its list or in that of inactive ones: look-ups by primary key for each row. As a join
/// it depends on statistics, which a table that was just filled for the first time does not have.
fn seen(table: &str) -> String {
    format!(
        "coalesce(
            (select s.record_id from walk_seen s where s.job_id = $4 and s.subject = $2 and s.record_id = {table}.record_id),
            (select s.record_id from walk_seen s
                where s.job_id = $4 and s.subject = 'inactive_' || $2 and s.record_id = {table}.record_id)) is not null"
    )
}

/// A list that is walked: one of the two subjects, or people. Its word is the `subject` of `walk` and `walk_seen`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walked {
    pub(crate) organization: OrganizationId,
    pub(crate) provider: ProviderId,
    pub(crate) word: &'static str,
}

impl Walked {
    /// As [`List::values`].
    pub(crate) fn values(&self, more: impl IntoIterator<Item = Value>) -> Vec<Value> {
        let mut values = vec![self.provider.0.into(), self.word.into(), self.organization.0.into()];
        values.extend(more);
        values
    }
}

impl From<&List> for Walked {
    fn from(list: &List) -> Self {
        Self { organization: list.organization, provider: list.provider, word: list.subject.as_str() }
    }
}

impl Store {
    /// Begins (or, after a crash, goes on with) the walk of this job over one list; answers when it began, on the database's clock. A
    /// job without a checkpoint begins anew, whatever an earlier try of it saw. Walks of one list never begin in the same millisecond.
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `NotFound` for a provider that is not the job's tenant's.
    pub async fn walk_begin(&self, fence: &Fence, provider: ProviderId, subject: Subject) -> Result<i64> {
        begin(self, fence, Walked { organization: fence.organization, provider, word: subject.as_str() }).await
    }

    /// Ends the walk. `totals` are what the directory said at the end (`None`: it did not say); the walk is complete when `pages_agree`
    /// and each total, where known, equals the distinct ids of its own list. Only a complete walk makes anything missing, and only the second one in a row
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
        totals: impl Into<Totals> + Send,
        pages_agree: bool,
        checkpoint: &Checkpoint,
    ) -> Result<WalkSummary> {
        let totals = totals.into();
        let list = List { organization: fence.organization, provider, subject };
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, Some(checkpoint)).await?;
        provider::require(&tx, fence.organization, provider).await?;
        gate::lock(&tx, fence.organization).await?;
        let walked = Walked::from(&list);
        let started_ms = started_ms(&tx, &walked, fence).await?;
        let mut summary = counted(&tx, &walked, fence, totals, pages_agree).await?;
        summary.back = welcome_back(&tx, &list, fence).await?;
        summary.gone = if summary.complete { miss(&tx, &list, fence, started_ms).await? } else { 0 };
        if summary.complete {
            let sql = "update provider set last_fetch_at_ms = {now} where id = $1 and organization_id = $2";
            execute(&tx, sql, [provider.0.into(), fence.organization.0.into()]).await?;
        }
        finish(&tx, &walked, fence, totals.main, &summary, started_ms).await?;
        commit(tx).await?;
        Ok(summary)
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

/// Begins a walk or goes on with it, as [`Store::walk_begin`] says.
pub(crate) async fn begin(store: &Store, fence: &Fence, walked: Walked) -> Result<i64> {
    let tx = store.begin().await?;
    fence_and_checkpoint(&tx, fence, None).await?;
    provider::require(&tx, fence.organization, walked.provider).await?;
    let anew = "exists (select 1 from job where job.id = $1 and job.checkpoint is null)";
    let job_and_word = || [fence.job.0.into(), walked.word.into()];
    let seen = format!("delete from walk_seen where job_id = $1 and subject in ($2, 'inactive_' || $2) and {anew}");
    execute(&tx, &seen, job_and_word()).await?;
    execute(&tx, &format!("delete from walk where job_id = $1 and subject = $2 and {anew}"), job_and_word()).await?;
    let sql = "insert into walk (job_id, subject, organization_id, provider_id, started_at_ms)
        select $4, $2, $3, $1, case when n.now_ms > l.last_ms then n.now_ms else l.last_ms + 1 end
        from (select {now} as now_ms) n,
            (select coalesce(max(started_at_ms), 0) as last_ms from walk where provider_id = $1 and subject = $2) l
        where true on conflict (job_id, subject) do nothing";
    execute(&tx, sql, walked.values([fence.job.0.into()])).await?;
    let started_ms = started_ms(&tx, &walked, fence).await?;
    commit(tx).await?;
    Ok(started_ms)
}

/// Notes that a walk saw these records, as rows of `word`.
pub(crate) async fn note_seen(
    connection: &impl ConnectionTrait,
    fence: &Fence,
    word: &str,
    records: impl Iterator<Item = RecordId>,
) -> Result<()> {
    let sql = format!(
        "insert into walk_seen (job_id, subject, record_id) select $1, $2, b.record_id from {} where true
         on conflict (job_id, subject, record_id) do nothing",
        rows(connection, "b", "$3", &directory::ID)
    );
    let seen = batch(&directory::ids(records))?;
    execute(connection, &sql, [fence.job.0.into(), word.into(), seen]).await.map(|_| ())
}

/// What a walk saw, and whether that agrees with what the directory said. Who is gone or back is decided by the caller.
pub(crate) async fn counted(
    connection: &impl ConnectionTrait,
    walked: &Walked,
    fence: &Fence,
    totals: Totals,
    pages_agree: bool,
) -> Result<WalkSummary> {
    let sql = "select count(*) as n from walk_seen where job_id = $1 and subject = $2";
    let number = async |word: String| {
        let seen = one(connection, sql, [fence.job.0.into(), word.into()]).await?;
        seen.map_or(Ok(0), |row| count(&row, "n"))
    };
    let distinct_seen = number(walked.word.to_owned()).await?;
    let inactive_seen = number(format!("inactive_{}", walked.word)).await?;
    let agrees = |total: Option<u64>, seen: u64| total.is_none_or(|total| total == seen);
    let complete = pages_agree && agrees(totals.main, distinct_seen) && agrees(totals.inactive, inactive_seen);
    Ok(WalkSummary { distinct_seen, inactive_seen, complete, gone: 0, back: 0 })
}

/// Writes how a walk ended, and purges what older walks of the list saw.
pub(crate) async fn finish(
    connection: &impl ConnectionTrait,
    walked: &Walked,
    fence: &Fence,
    total: Option<u64>,
    summary: &WalkSummary,
    started_ms: i64,
) -> Result<()> {
    let sql = "update walk set finished_at_ms = {now}, total = $3, distinct_seen = $4, complete = $5
        where job_id = $1 and subject = $2";
    let counted = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let values = [
        fence.job.0.into(),
        walked.word.into(),
        total.map(counted).into(),
        counted(summary.distinct_seen).into(),
        summary.complete.into(),
    ];
    execute(connection, sql, values).await?;
    let purge = "delete from walk_seen where subject in ($2, 'inactive_' || $2) and job_id in (
            select job_id from walk where provider_id = $1 and subject = $2 and organization_id = $3 and started_at_ms < $4)";
    execute(connection, purge, walked.values([started_ms.into()])).await.map(|_| ())
}

pub(crate) async fn started_ms(connection: &impl ConnectionTrait, list: &Walked, fence: &Fence) -> Result<i64> {
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
         where provider_id = $1 and subject = $2 and organization_id = $3 and missing_since_ms is not null and {}",
        seen("directory_record")
    );
    let back = execute(connection, &sql, list.values([fence.job.0.into()])).await?;
    let sql = format!(
        "update mapping set state = 'linked', synced_hash = null, revision = revision + 1, changed_at_ms = {{now}}
         where provider_id = $1 and subject = $2 and organization_id = $3 and state = 'orphaned' and {}",
        seen("mapping")
    );
    execute(connection, &sql, list.values([fence.job.0.into()])).await?;
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
         where provider_id = $1 and subject = $2 and organization_id = $3 and missing_since_ms is null and not ({})",
        seen("directory_record")
    );
    execute(connection, &sql, list.values([fence.job.0.into(), started_ms.into()])).await?;
    match list.subject {
        Subject::Vendor => association::vanish(connection, list, fence.job, started_ms).await?,
        Subject::Project => {}
    }
    Ok(gone)
}
