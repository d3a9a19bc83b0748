//! Why rows of a link job did not become links, grouped: what a person reads first of a job that ended PARTIAL.

use crate::Store;
use crate::row::{count, get, word};
use crate::sql::all;
use linkyard_core::Result;
use linkyard_core::id::JobId;
use linkyard_core::mapping::{MappingState, RowReason, Subject};
use linkyard_core::scope::Scope;
use sea_orm::QueryResult;

/// Rows of one job with the same fate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobReason {
    /// Vendors or projects.
    pub subject: Subject,
    /// HELD or FAILED.
    pub state: MappingState,
    /// The reason's word; another release may have written it.
    pub reason: String,
    /// How many rows.
    pub rows: u64,
    /// The name of one of them.
    pub example: String,
}

impl JobReason {
    /// What the reason means and what to do; the word itself where this release does not know it.
    #[must_use]
    pub fn sentence(&self) -> &str {
        RowReason::parse(&self.reason).map_or(self.reason.as_str(), |known| known.sentence())
    }
}

impl Store {
    /// The rows that a job (or a child of it) held or failed, by reason, most rows first. Rows that were decided anew belong to their new
    /// job.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn job_reasons(&self, scope: &Scope, job: JobId) -> Result<Vec<JobReason>> {
        let sql = "select m.subject, m.state, coalesce(m.reason, '') as reason, count(*) as row_count, min(r.name) as example
            from mapping m join directory_record r
                on r.provider_id = m.provider_id and r.subject = m.subject and r.record_id = m.record_id
            where m.organization_id = $1 and m.state in ('held', 'failed')
                and m.job_id in (select id from job where organization_id = $1 and (id = $2 or parent_id = $2))
            group by m.subject, m.state, coalesce(m.reason, '') order by row_count desc, reason";
        let found = all(&self.reader, sql, [scope.organization.0.into(), job.0.into()]).await?;
        found.iter().map(reason).collect()
    }

    /// The rows of all directories of the tenant that are held or failed now, by reason, most rows first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn failure_reasons(&self, scope: &Scope) -> Result<Vec<JobReason>> {
        let sql = "select m.subject, m.state, coalesce(m.reason, '') as reason, count(*) as row_count, '' as example
            from provider p join mapping m on m.provider_id = p.id
            where p.organization_id = $1 and p.state not in ('deleting', 'deleted') and m.organization_id = $1
                and m.subject in ('vendor', 'project') and m.state in ('held', 'failed')
            group by m.subject, m.state, coalesce(m.reason, '') order by row_count desc, reason";
        all(&self.reader, sql, [scope.organization.0.into()]).await?.iter().map(reason).collect()
    }
}

fn reason(row: &QueryResult) -> Result<JobReason> {
    Ok(JobReason {
        subject: word(row, "subject", Subject::parse)?,
        state: word(row, "state", MappingState::parse)?,
        reason: get(row, "reason")?,
        rows: count(row, "row_count")?,
        example: get(row, "example")?,
    })
}
