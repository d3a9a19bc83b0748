//! What became of the lines of a file: written, counted, listed, forgotten for a retry, purged.

use super::file::signed;
use super::judge::Judged;
use crate::row::{count, get, optional_word, word};
use crate::sql::{Column, all, batch, execute, rows};
use crate::{Store, ledger};
use linkyard_core::decision_file::{AskedLine, ImportedRow, LineReason, RowOutcome};
use linkyard_core::id::{JobId, OrganizationId, RecordId};
use linkyard_core::job::{Fence, JobState};
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, QueryResult};
use serde::Serialize;
use std::collections::{HashMap, HashSet};

/// Which lines are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportFilter {
    /// Only these outcomes; empty = all.
    pub outcomes: Vec<RowOutcome>,
}

/// What became of the lines of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportCounts {
    /// Lines whose rows have their decision now.
    pub applied: u64,
    /// Lines that ask for nothing, or for what was so already.
    pub unchanged: u64,
    /// Lines that were not carried out.
    pub refused: u64,
}

impl Store {
    /// The lines of an import that have a result, in their order; a job of another kind has none.
    ///
    /// # Errors
    /// `NotFound` for the job; `Invalid` for a foreign page key.
    pub async fn import_rows(
        &self,
        scope: &Scope,
        job: JobId,
        filter: &ImportFilter,
        page: &PageRequest,
    ) -> Result<Page<ImportedRow>> {
        ledger::read_job(&self.reader, scope.organization, job).await?;
        let after: i64 = match page.after.as_deref() {
            None => 0,
            Some(key) => key.parse().map_err(|_| Error::invalid("page_token", "is not one that this list gave"))?,
        };
        // The words of a closed enum, so nothing has to be escaped.
        let words: Vec<String> = filter.outcomes.iter().map(|outcome| format!("'{}'", outcome.as_str())).collect();
        let condition = if words.is_empty() { String::new() } else { format!("and outcome in ({})", words.join(", ")) };
        let sql = format!(
            "select line, record_id, outcome, reason, detail from decision_import_row
             where job_id = $1 and organization_id = $2 and line > $3 {condition} order by line limit $4"
        );
        let values = [job.0.into(), scope.organization.0.into(), after.into(), (i64::from(page.size) + 1).into()];
        let found = all(&self.reader, &sql, values).await?;
        let rows = found.iter().map(imported).collect::<Result<Vec<ImportedRow>>>()?;
        Ok(Page::cut(rows, page.size, |row| row.line.to_string()))
    }
}

fn imported(row: &QueryResult) -> Result<ImportedRow> {
    Ok(ImportedRow {
        line: count(row, "line")?,
        record: get::<Option<i64>>(row, "record_id")?.map(RecordId),
        outcome: word(row, "outcome", RowOutcome::parse)?,
        reason: optional_word(row, "reason", LineReason::parse)?,
        detail: get(row, "detail")?,
    })
}

/// Those of `lines` that have a result.
pub(super) async fn done(connection: &impl ConnectionTrait, fence: &Fence, lines: &[AskedLine]) -> Result<HashSet<u64>> {
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return Ok(HashSet::new()) };
    let sql = "select line from decision_import_row where job_id = $1 and line >= $2 and line <= $3";
    let found = all(connection, sql, [fence.job.0.into(), signed(first.line).into(), signed(last.line).into()]).await?;
    found.iter().map(|row| count(row, "line")).collect()
}

#[derive(Debug, Serialize)]
struct RecordRow {
    record_id: RecordId,
}

/// The first line with a result about each record that `lines` name. A line that was refused because of an earlier one is not it.
pub(super) async fn seen(
    connection: &impl ConnectionTrait,
    fence: &Fence,
    lines: &[AskedLine],
) -> Result<HashMap<RecordId, u64>> {
    let asked = lines.iter().filter_map(|line| line.asked.as_ref().ok().copied().flatten());
    let asked: Vec<RecordRow> = asked.map(|ask| RecordRow { record_id: ask.record }).collect();
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "select w.record_id, min(w.line) as line from {} cross join decision_import_row w
         where w.job_id = $1 and w.record_id = b.record_id group by w.record_id",
        rows(connection, "b", "$2", &[("record_id", Column::Bigint)])
    );
    let found = all(connection, &sql, [fence.job.0.into(), batch(&asked)?]).await?;
    found.iter().map(|row| Ok((RecordId(get(row, "record_id")?), count(row, "line")?))).collect()
}

#[derive(Debug, Serialize)]
struct ResultRow<'a> {
    line: u64,
    record_id: Option<RecordId>,
    outcome: &'static str,
    reason: Option<&'static str>,
    detail: &'a str,
}

const RESULT_ROW: [(&str, Column); 5] = [
    ("line", Column::Bigint),
    ("record_id", Column::Bigint),
    ("outcome", Column::Text),
    ("reason", Column::Text),
    ("detail", Column::Text),
];

/// Writes what became of the lines.
pub(super) async fn results(connection: &impl ConnectionTrait, fence: &Fence, judged: &[Judged]) -> Result<()> {
    if judged.is_empty() {
        return Ok(());
    }
    let details: Vec<_> = judged.iter().map(|one| crate::text::kept(&one.row.detail)).collect();
    let results = judged.iter().zip(&details).map(|(one, detail)| ResultRow {
        line: one.row.line,
        record_id: one.row.record,
        outcome: one.row.outcome.as_str(),
        reason: one.row.reason.map(LineReason::as_str),
        detail,
    });
    let sql = format!(
        "insert into decision_import_row (job_id, organization_id, line, record_id, outcome, reason, detail)
         select $1, $2, b.line, b.record_id, b.outcome, b.reason, b.detail from {}",
        rows(connection, "b", "$3", &RESULT_ROW)
    );
    let results: Vec<ResultRow<'_>> = results.collect();
    execute(connection, &sql, [fence.job.0.into(), fence.organization.0.into(), batch(&results)?]).await.map(|_| ())
}

/// What became of all lines that have a result.
pub(super) async fn counts(connection: &impl ConnectionTrait, fence: &Fence) -> Result<ImportCounts> {
    let sql = "select outcome, count(*) as n from decision_import_row where job_id = $1 group by outcome";
    let mut counts = ImportCounts::default();
    for row in all(connection, sql, [fence.job.0.into()]).await? {
        let number = count(&row, "n")?;
        match word(&row, "outcome", RowOutcome::parse)? {
            RowOutcome::Applied => counts.applied = number,
            RowOutcome::Unchanged => counts.unchanged = number,
            RowOutcome::Refused => counts.refused = number,
        }
    }
    Ok(counts)
}

/// Prepares a retry: lines that were refused are looked at again, and, where the job was cancelled (its rows went back to a person), all
/// of them. Rows that failed with the job are confirmed again by the caller.
pub(crate) async fn begin_again(connection: &impl ConnectionTrait, job: JobId, ended: JobState) -> Result<()> {
    let which = if ended == JobState::Cancelled { "" } else { "and outcome = 'refused'" };
    let sql = format!("delete from decision_import_row where job_id = $1 {which}");
    execute(connection, &sql, [job.0.into()]).await.map(|_| ())
}

/// How long a file may be on its way before it is taken for abandoned, milliseconds: a day.
const LONGEST_UPLOAD_MS: i64 = 24 * 3_600 * 1_000;

/// Rows and parts that go with one job of a batch, at most: a file has many of both.
const ROWS_PER_JOB: i64 = 20;

/// Purges files that were never sent whole, and at most 20 times `limit` lines and parts of the jobs that `old` selects (with parameters
/// organization, age in milliseconds, `limit`). Answers how many rows went.
pub(crate) async fn purge(
    connection: &impl ConnectionTrait,
    organization: OrganizationId,
    old: &str,
    keep_jobs_ms: i64,
    limit: u32,
) -> Result<u64> {
    let values =
        || [organization.0.into(), keep_jobs_ms.into(), i64::from(limit).into(), (i64::from(limit) * ROWS_PER_JOB).into()];
    let sql = format!(
        "delete from decision_import_row where (job_id, line) in (
            select w.job_id, w.line from decision_import_row w where w.job_id in ({old}) order by w.job_id, w.line limit $4)"
    );
    let mut purged = execute(connection, &sql, values()).await?;
    let sql = format!(
        "delete from decision_import_part where (import_id, number) in (
            select p.import_id, p.number from decision_import i cross join decision_import_part p
            where i.job_id in ({old}) and p.import_id = i.id order by p.import_id, p.number limit $4)"
    );
    purged += execute(connection, &sql, values()).await?;
    let sql = format!(
        "delete from decision_import where job_id in ({old})
            and not exists (select 1 from decision_import_part p where p.import_id = decision_import.id)
            and not exists (select 1 from decision_import_row w where w.job_id = decision_import.job_id)"
    );
    purged += execute(connection, &sql, [organization.0.into(), keep_jobs_ms.into(), i64::from(limit).into()]).await?;
    let abandoned = "select i.id from decision_import i where i.organization_id = $1 and i.job_id is null
        and i.created_at_ms < {now} - $2 order by i.created_at_ms limit $3";
    let values = || [organization.0.into(), LONGEST_UPLOAD_MS.into(), i64::from(limit).into()];
    let sql = format!("delete from decision_import_part where import_id in ({abandoned})");
    purged += execute(connection, &sql, values()).await?;
    let sql = format!("delete from decision_import where id in ({abandoned})");
    purged += execute(connection, &sql, values()).await?;
    Ok(purged)
}
