//! Carrying the lines of a file out: a chunk, its results and its checkpoint in one transaction; and the end, which makes the link job.

use super::super::choice::ChoiceRow;
use super::super::confirm::{carry_out, link_job};
use super::super::draft;
use super::super::picked::Picked;
use super::super::verdict;
use super::file::signed;
use super::judge::{Judged, judge};
use super::rows::{self, results};
use super::{Import, ImportCounts};
use crate::directory::List;
use crate::ledger::fence_and_checkpoint;
use crate::row::{count, get};
use crate::sql::{commit, execute, one};
use crate::{Store, audit, gate, provider};
use linkyard_core::Result;
use linkyard_core::decision_file::{AskedLine, ImportOptions, ImportedRow, RowOutcome};
use linkyard_core::id::{JobId, ProviderId, RecordId};
use linkyard_core::job::{Checkpoint, Fence, Lane, RowCounts};
use linkyard_core::mapping::Decision;
use linkyard_core::scope::Scope;
use sea_orm::ConnectionTrait;
use std::collections::HashMap;

impl Store {
    /// Judges lines without carrying them out, for a preview: what would become of each, and the decision that it would write. `seen` goes
    /// from one chunk to the next; see [`CHUNK_LINES`](linkyard_core::decision_file::CHUNK_LINES).
    ///
    /// # Errors
    /// `NotFound` for the provider.
    pub async fn import_preview(
        &self,
        scope: &Scope,
        provider: ProviderId,
        options: &ImportOptions,
        lines: &[AskedLine],
        seen: &mut HashMap<RecordId, u64>,
    ) -> Result<Vec<(ImportedRow, Option<Decision>)>> {
        provider::require(&self.reader, scope.organization, provider).await?;
        let list = List { organization: scope.organization, provider, subject: options.subject };
        let judged = judge(&self.reader, &list, options, lines, seen).await?;
        Ok(judged.into_iter().map(|one| (one.row, one.choice.map(|choice| choice.decision))).collect())
    }

    /// Carries a chunk of lines out: drafts are written, or decisions confirmed (what is to be linked waits for [`Store::import_finish`]).
    /// Lines that have a result already are left alone. The results and `checkpoint`, with the counts of this chunk, are written with it;
    /// answers those counts.
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `NotFound` for a provider that is not the job's tenant's; `Conflict(State)` for one that is being deleted.
    pub async fn import_lines(
        &self,
        fence: &Fence,
        import: &Import,
        lines: &[AskedLine],
        checkpoint: &Checkpoint,
    ) -> Result<RowCounts> {
        let list = import.list(fence.organization);
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, None).await?;
        provider::require_approved(&tx, fence.organization, import.provider).await?;
        gate::lock(&tx, fence.organization).await?;
        let done = rows::done(&tx, fence, lines).await?;
        let fresh: Vec<AskedLine> = lines.iter().filter(|line| !done.contains(&line.line)).cloned().collect();
        let mut seen = rows::seen(&tx, fence, &fresh).await?;
        let judged = judge(&tx, &list, &import.options, &fresh, &mut seen).await?;
        write(&tx, &list, &judged, import.options.confirm, fence.job).await?;
        results(&tx, fence, &judged).await?;
        let counts = counts(&judged);
        let checkpoint = Checkpoint { done: counts, ..checkpoint.clone() };
        fence_and_checkpoint(&tx, fence, Some(&checkpoint)).await?;
        commit(tx).await?;
        Ok(counts)
    }

    /// How many lines of the file have no result yet.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn import_remaining(&self, fence: &Fence, import: &Import) -> Result<u64> {
        let sql = "select count(*) as n from decision_import_row where job_id = $1 and organization_id = $2";
        let found = one(&self.reader, sql, [fence.job.0.into(), fence.organization.0.into()]).await?;
        let done = found.map_or(Ok(0), |row| count(&row, "n"))?;
        Ok(import.lines.saturating_sub(done))
    }

    /// Ends an import whose lines all have results: what it confirmed belongs to one new link job from now on. Answers what became of all
    /// lines, and that job, if there is one. Ending it twice is ending it once.
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `NotFound` for a provider that is not the job's tenant's; `Conflict(State)` for one that is being deleted.
    pub async fn import_finish(&self, fence: &Fence, import: &Import) -> Result<(ImportCounts, Option<JobId>)> {
        let list = import.list(fence.organization);
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, None).await?;
        provider::require_approved(&tx, fence.organization, import.provider).await?;
        gate::lock(&tx, fence.organization).await?;
        let counts = rows::counts(&tx, fence).await?;
        let link = match waiting(&tx, &list, fence.job).await? {
            0 => import.link_job,
            rows => Some(hand_over(&tx, &list, fence, import, rows).await?),
        };
        commit(tx).await?;
        Ok((counts, link))
    }
}

async fn write(connection: &impl ConnectionTrait, list: &List, judged: &[Judged], confirm: bool, job: JobId) -> Result<()> {
    let chosen = judged.iter().filter_map(|one| Some(ChoiceRow::of(one.row.record?, Some(one.choice?))));
    let chosen: Vec<ChoiceRow> = chosen.collect();
    if chosen.is_empty() {
        return Ok(());
    }
    if !confirm {
        return draft::write(connection, list, &chosen).await;
    }
    let picked = Picked::by_rows(connection, list, &chosen)?;
    verdict::note_rows(connection, &picked, false).await?;
    carry_out(connection, &picked, Some(job)).await.map(|_| ())
}

fn counts(judged: &[Judged]) -> RowCounts {
    let mut counts = RowCounts::default();
    for one in judged {
        match one.row.outcome {
            RowOutcome::Applied => counts.succeeded += 1,
            RowOutcome::Unchanged => counts.skipped += 1,
            RowOutcome::Refused => counts.failed += 1,
        }
    }
    counts
}

/// Rows that this job confirmed and nobody links yet.
async fn waiting(connection: &impl ConnectionTrait, list: &List, job: JobId) -> Result<u64> {
    let sql = "select count(*) as n from mapping where job_id = $1 and organization_id = $2 and state = 'confirmed'";
    let found = one(connection, sql, [job.0.into(), list.organization.0.into()]).await?;
    found.map_or(Ok(0), |row| count(&row, "n"))
}

/// Gives the waiting rows to a link job of their own.
async fn hand_over(connection: &impl ConnectionTrait, list: &List, fence: &Fence, import: &Import, rows: u64) -> Result<JobId> {
    let sql = "select actor from job where id = $1";
    let actor: Option<String> = one(connection, sql, [fence.job.0.into()]).await?.map(|row| get(&row, "actor")).transpose()?;
    let scope = Scope::new(fence.organization, actor.unwrap_or_default());
    let link = link_job(connection, &scope, list, Lane::Person).await?.id;
    let sql = "update mapping set job_id = $1 where job_id = $2 and organization_id = $3 and state = 'confirmed'";
    execute(connection, sql, [link.0.into(), fence.job.0.into(), fence.organization.0.into()]).await?;
    let sql = "update decision_import set link_job_id = $2 where id = $1";
    execute(connection, sql, [import.id.0.into(), link.0.into()]).await?;
    let detail = format!("{}: {} to link or create, from a decision file", list.subject.as_str(), signed(rows));
    audit::note_by_job(connection, fence, "mapping.confirm", "provider", &list.provider.to_string(), &detail).await?;
    Ok(link)
}
