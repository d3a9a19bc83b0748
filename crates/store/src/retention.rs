//! Retention: what nobody asks for any more is purged, in batches of bounded size, each a transaction of its own under the job's fence.
//!
//! Never touched: jobs that live or have a live child, the last complete walk of a list (the next one is compared with it), the audit log.

use crate::Store;
use crate::ledger::{LIVE, fence_and_checkpoint};
use crate::mapping::import;
use crate::sql::{commit, execute};
use linkyard_core::Result;
use linkyard_core::job::{Checkpoint, Fence};

/// For how long history is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Ended jobs, their children, records of walks, and calls by the minute, milliseconds.
    pub jobs_ms: i64,
    /// Request ids and what they were answered, milliseconds.
    pub requests_ms: i64,
}

/// What one batch purged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Jobs, children included.
    pub jobs: u64,
    /// Request ids.
    pub requests: u64,
    /// Walks.
    pub walks: u64,
    /// Decision files, their parts and their lines.
    pub imports: u64,
    /// Minutes of calls.
    pub calls: u64,
    /// Samples of how far the linking was.
    pub samples: u64,
}

impl Purged {
    /// All of them.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.jobs + self.requests + self.walks + self.imports + self.calls + self.samples
    }
}

impl Store {
    /// Purges at most `limit` jobs (and their children), `limit` request ids, `limit` walks, `limit` minutes of calls, `limit` samples of progress and a bounded number of lines and parts of
    /// decision files of the job's tenant, with the checkpoint. A job goes after its file. Nothing purged means that nothing is left.
    ///
    /// # Errors
    /// `Conflict(Fenced)`.
    pub async fn retention_purge(&self, fence: &Fence, keep: Keep, limit: u32, checkpoint: &Checkpoint) -> Result<Purged> {
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, Some(checkpoint)).await?;
        let organization = || fence.organization.0.into();
        let old = format!(
            "select job.id from job where job.organization_id = $1 and job.finished_at_ms is not null and job.parent_id is null
                and job.finished_at_ms < {{now}} - $2 and not (job.{LIVE})
                and not exists (select 1 from job child where child.parent_id = job.id and child.{LIVE})
             order by job.finished_at_ms, job.id limit $3"
        );
        let jobs = || [organization(), keep.jobs_ms.into(), i64::from(limit).into()];
        let imports = import::purge(&tx, fence.organization, &old, keep.jobs_ms, limit).await?;
        let without_file = "not exists (select 1 from decision_import i where i.job_id = job.id)";
        let children = execute(&tx, &format!("delete from job where parent_id in ({old})"), jobs()).await?;
        let parents = execute(&tx, &format!("delete from job where id in ({old}) and {without_file}"), jobs()).await?;
        let sql = "delete from request where (organization_id, method, request_id) in (
                select r.organization_id, r.method, r.request_id from request r
                where r.organization_id = $1 and r.created_at_ms < {now} - $2 order by r.created_at_ms limit $3)";
        let requests = execute(&tx, sql, [organization(), keep.requests_ms.into(), i64::from(limit).into()]).await?;
        let walks = "select w.job_id from walk w where w.organization_id = $1 and w.started_at_ms < {now} - $2
                and w.started_at_ms < (select max(l.started_at_ms) from walk l
                    where l.provider_id = w.provider_id and l.subject = w.subject and l.complete)
             order by w.started_at_ms, w.job_id limit $3";
        let sql = format!(
            "delete from walk_seen where job_id in ({walks}) and exists (select 1 from walk w
            where w.job_id = walk_seen.job_id and w.subject = walk_seen.subject and w.organization_id = $1
                and w.started_at_ms < {{now}} - $2)"
        );
        execute(&tx, &sql, jobs()).await?;
        let sql = format!(
            "delete from walk where organization_id = $1 and started_at_ms < {{now}} - $2
            and started_at_ms < (select max(l.started_at_ms) from walk l
                where l.provider_id = walk.provider_id and l.subject = walk.subject and l.complete)
            and job_id in ({walks})"
        );
        let walks = execute(&tx, &sql, jobs()).await?;
        let sql = "delete from call_minute where (provider_id, minute_ms) in (
                select c.provider_id, c.minute_ms from call_minute c
                where c.organization_id = $1 and c.minute_ms < {now} - $2 order by c.minute_ms limit $3)";
        let calls = execute(&tx, sql, jobs()).await?;
        let sql = "delete from progress_sample where (provider_id, subject, at_ms) in (
                select s.provider_id, s.subject, s.at_ms from progress_sample s
                where s.organization_id = $1 and s.at_ms < {now} - $2 order by s.at_ms limit $3)";
        let samples = execute(&tx, sql, jobs()).await?;
        commit(tx).await?;
        Ok(Purged { jobs: children + parents, requests, walks, imports, calls, samples })
    }
}
