//! Pushing: which due lines go out next, and what the directory said of them.
//!
//! The intent is written before the call: a line whose `intended_hash` differs from its `pushed_hash` may stand in the directory in
//! either form, and stays due until an answer says which. Our mark on an insurance makes sending it again an update, so a lost answer
//! costs a call and doubles nothing.

use super::coverages::stated;
use super::lines;
use crate::ledger::fence_and_checkpoint;
use crate::row::get;
use crate::sql::{Column, all, batch, commit, execute, one, rows};
use crate::{Store, provider, text};
use chrono::NaiveDate;
use linkyard_core::calendar;
use linkyard_core::compliance::{Insurance, InsuranceStatus, insurance, origin_id};
use linkyard_core::id::{CoverageId, InsuranceId, LinkId, OrganizationId, ProviderId, RecordId};
use linkyard_core::job::{Checkpoint, Fence, Lane};
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, QueryResult};
use serde::Serialize;

/// A line that goes out.
#[derive(Clone, Debug, PartialEq)]
pub struct DueLine {
    /// The link.
    pub link: LinkId,
    /// The coverage.
    pub coverage: CoverageId,
    /// The reasons for which it was due when it was read.
    due: i64,
    /// What the directory is to show; `None`: the insurance is to be retired.
    pub insurance: Option<Insurance>,
    /// Our mark.
    pub origin_id: String,
    /// The vendor.
    pub vendor: RecordId,
    /// The directory's id of the insurance, where it is known.
    pub insurance_id: Option<InsuranceId>,
}

/// What goes out next.
#[derive(Clone, Debug, Default)]
pub struct PushBatch {
    /// Lines whose intent is written.
    pub lines: Vec<DueLine>,
    /// Due lines that turned out to be as they should be, or never came to the directory; they are settled.
    pub settled: u64,
    /// Where to go on; `None` when no due line is left behind this batch.
    pub next: Option<(LinkId, CoverageId)>,
}

/// What became of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineOutcome {
    /// The directory shows it, under this id.
    Pushed {
        /// The directory's id.
        insurance_id: InsuranceId,
    },
    /// It is retired.
    Retired,
    /// The directory refuses it.
    Refused {
        /// Its words.
        message: String,
    },
    /// Nobody knows; it stays due.
    Unanswered,
}

/// A line and what became of it.
#[derive(Clone, Debug)]
pub struct LineResult {
    /// The line.
    pub line: DueLine,
    /// What became of it.
    pub outcome: LineOutcome,
}

impl Store {
    /// Marks the lines due whose coverage ran out while the directory still shows another status: today is the organization's day.
    /// Answers how many.
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `NotFound` for a provider that is not the job's tenant's.
    pub async fn insurances_expire(&self, fence: &Fence, provider: ProviderId) -> Result<u64> {
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, None).await?;
        provider::require(&tx, fence.organization, provider).await?;
        let today = today(&tx, fence).await?;
        let sql = "update insurance set due = due + 1
            where provider_id = $1 and organization_id = $2 and due = 0 and not retire and pushed_status <> $4
                and coverage_id in (select c.id from coverage c
                    where c.organization_id = $2 and c.expiration_date <= $3 and c.expiration_date is not null and not c.waived)";
        let expired = InsuranceStatus::Expired.as_str();
        let values = [provider.0.into(), fence.organization.0.into(), today.to_string().into(), expired.into()];
        let marked = execute(&tx, sql, values).await?;
        commit(tx).await?;
        Ok(marked)
    }

    /// The next due lines of a provider behind `after`, at most `limit`, with their intent written. Lines that are as they should be are
    /// settled here, without a call.
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `NotFound` for a provider that is not the job's tenant's.
    pub async fn insurances_due(
        &self,
        fence: &Fence,
        provider: ProviderId,
        after: Option<(LinkId, CoverageId)>,
        limit: u32,
    ) -> Result<PushBatch> {
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, None).await?;
        provider::require(&tx, fence.organization, provider).await?;
        let today = today(&tx, fence).await?;
        let sql = "select i.link_id, i.coverage_id, i.vendor_record_id, i.insurance_id, i.due, i.retire, i.intended_hash, i.pushed_hash,
                c.id is not null as stated, c.insurance_type, c.insurer, c.policy_number, c.limit_amount, c.effective_date,
                c.expiration_date, c.status, c.waived, c.notes
            from insurance i left join coverage c on c.id = i.coverage_id
            where i.provider_id = $1 and i.organization_id = $2 and i.due > 0
                and (i.link_id, i.coverage_id) > ($3, $4)
            order by i.link_id, i.coverage_id limit $5";
        let (link, coverage) = after.map_or((uuid::Uuid::nil(), uuid::Uuid::nil()), |(link, coverage)| (link.0, coverage.0));
        let values = [provider.0.into(), fence.organization.0.into(), link.into(), coverage.into(), i64::from(limit).into()];
        let found = all(&tx, sql, values).await?;
        let mut batch = PushBatch::default();
        let (mut intents, mut settled) = (Vec::new(), Vec::new());
        for row in &found {
            let (line, known) = due_line(row, today)?;
            match known.verdict(line.insurance.as_ref()) {
                Verdict::Send(hash) => {
                    intents.push(Intent::of(&line, hash));
                    batch.lines.push(line);
                }
                Verdict::AsItShould => settled.push(Settled { remove: false, ..Settled::of(&line) }),
                Verdict::NeverCame => settled.push(Settled { remove: true, ..Settled::of(&line) }),
            }
        }
        write_intents(&tx, &intents).await?;
        settle(&tx, &settled).await?;
        commit(tx).await?;
        batch.settled = settled.len() as u64;
        if found.len() == limit as usize {
            let last =
                found.last().map(|row| Ok::<_, Error>((LinkId(get(row, "link_id")?), CoverageId(get(row, "coverage_id")?))));
            batch.next = last.transpose()?;
        }
        Ok(batch)
    }

    /// Writes what became of lines that went out, with the checkpoint, in one transaction. A line that has a new reason since it was read
    /// stays due. What the directory refuses is not due until it changes; its reason stands on the line.
    ///
    /// # Errors
    /// `Conflict(Fenced)`.
    pub async fn insurances_pushed(&self, fence: &Fence, results: &[LineResult], checkpoint: &Checkpoint) -> Result<()> {
        let mut done = checkpoint.clone();
        let (mut shown, mut refused, mut removed) = (Vec::new(), Vec::new(), Vec::new());
        for LineResult { line, outcome } in results {
            match outcome {
                LineOutcome::Pushed { insurance_id } => {
                    done.done.succeeded += 1;
                    let status = line.insurance.as_ref().map(|insurance| insurance.status.as_str());
                    shown.push(Shown { insurance_id: *insurance_id, pushed_status: status, line: Settled::of(line) });
                }
                LineOutcome::Retired => {
                    done.done.succeeded += 1;
                    removed.push(Settled { remove: true, ..Settled::of(line) });
                }
                LineOutcome::Refused { message } => {
                    done.done.failed += 1;
                    refused.push(Refused {
                        reason_detail: text::kept(text::clipped(message, 1_000)).into_owned(),
                        line: Settled::of(line),
                    });
                }
                LineOutcome::Unanswered => {}
            }
        }
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, Some(&done)).await?;
        write_shown(&tx, &shown).await?;
        write_refused(&tx, &refused).await?;
        settle(&tx, &removed).await?;
        commit(tx).await
    }

    /// How many lines of a provider are due, for the job's total.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn insurances_due_count(&self, fence: &Fence, provider: ProviderId) -> Result<u64> {
        let sql = "select count(*) as n from insurance where provider_id = $1 and organization_id = $2 and due > 0";
        let found = one(&self.reader, sql, [provider.0.into(), fence.organization.0.into()]).await?;
        found.map_or(Ok(0), |row| crate::row::count(&row, "n"))
    }

    /// Writes the push jobs that are missing: of every provider that works, pushes and has a due line or an unanswered comparison. For the schedule; answers how many
    /// there are now.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn push_jobs_ask(&self) -> Result<u64> {
        let sql = "select p.id, p.organization_id from provider p where p.state = 'active' and p.pushes
            and (p.comparisons_asked > p.comparisons_done
                or exists (select 1 from insurance i where i.provider_id = p.id and i.due > 0))
            and not exists (select 1 from job j where j.provider_id = p.id and j.kind = 'push_compliance'
                and j.state not in ('succeeded', 'partial', 'failed', 'cancelled'))";
        let found = all(&self.reader, sql, []).await?;
        for row in &found {
            let (provider, organization) = (ProviderId(get(row, "id")?), OrganizationId(get(row, "organization_id")?));
            let job = lines::push_job(provider, Lane::Push);
            crate::ledger::insert_job(&self.writer, &Scope::new(organization, "schedule"), &job).await?;
        }
        Ok(found.len() as u64)
    }
}

/// The day in the organization's time zone, on the database's clock.
async fn today(connection: &impl ConnectionTrait, fence: &Fence) -> Result<NaiveDate> {
    let sql = "select time_zone, {now} as now_ms from organization where id = $1";
    let found = one(connection, sql, [fence.organization.0.into()]).await?;
    let found = found.ok_or_else(|| Error::not_found("organization", fence.organization))?;
    Ok(calendar::day_in(&get::<String>(&found, "time_zone")?, get(&found, "now_ms")?))
}

/// What is known of a line in the directory.
#[derive(Debug)]
struct Known {
    intended_hash: Option<i64>,
    pushed_hash: Option<i64>,
}

/// What is to be done about a due line.
#[derive(Debug, PartialEq)]
enum Verdict {
    /// It goes out; this is what is sent.
    Send(i64),
    /// The directory shows it already.
    AsItShould,
    /// It is to be retired and was never sent.
    NeverCame,
}

/// What is sent to retire a line, as a hash; any constant that no insurance has by chance.
const RETIREMENT: i64 = i64::MIN;

impl Known {
    fn verdict(&self, desired: Option<&Insurance>) -> Verdict {
        match desired.map(hash) {
            Some(hash) if self.pushed_hash == Some(hash) && self.intended_hash == Some(hash) => Verdict::AsItShould,
            Some(hash) => Verdict::Send(hash),
            None if self.intended_hash.is_none() => Verdict::NeverCame,
            None => Verdict::Send(RETIREMENT),
        }
    }
}

/// What makes two insurances the same.
pub(super) fn hash(insurance: &Insurance) -> i64 {
    let text = serde_json::to_string(insurance).unwrap_or_default();
    text::stable_hash(text.as_bytes())
}

fn due_line(row: &QueryResult, today: NaiveDate) -> Result<(DueLine, Known)> {
    let (link, coverage) = (LinkId(get(row, "link_id")?), CoverageId(get(row, "coverage_id")?));
    let (origin_id, vendor) = (origin_id(link, coverage), RecordId(get(row, "vendor_record_id")?));
    let maintained = get::<bool>(row, "stated")? && !get::<bool>(row, "retire")?;
    let insurance = if maintained { Some(insurance(&stated(row)?, origin_id.clone(), vendor, today)) } else { None };
    let line = DueLine {
        link,
        coverage,
        due: get(row, "due")?,
        insurance,
        origin_id,
        vendor,
        insurance_id: get::<Option<i64>>(row, "insurance_id")?.map(InsuranceId),
    };
    Ok((line, Known { intended_hash: get(row, "intended_hash")?, pushed_hash: get(row, "pushed_hash")? }))
}

#[derive(Debug, Serialize)]
struct Intent {
    link_id: LinkId,
    coverage_id: CoverageId,
    hash: i64,
}

impl Intent {
    fn of(line: &DueLine, hash: i64) -> Self {
        Self { link_id: line.link, coverage_id: line.coverage, hash }
    }
}

async fn write_intents(connection: &impl ConnectionTrait, intents: &[Intent]) -> Result<()> {
    if intents.is_empty() {
        return Ok(());
    }
    let columns = [("link_id", Column::Uuid), ("coverage_id", Column::Uuid), ("hash", Column::Bigint)];
    let sql = format!(
        "update insurance as i set intended_hash = b.hash from {} where i.link_id = b.link_id and i.coverage_id = b.coverage_id",
        rows(connection, "b", "$1", &columns)
    );
    execute(connection, &sql, [batch(intents)?]).await.map(|_| ())
}

/// A line about which everything is known that was asked when it was read.
#[derive(Debug, Serialize)]
struct Settled {
    link_id: LinkId,
    coverage_id: CoverageId,
    due: i64,
    /// The line goes with its reason.
    #[serde(skip)]
    remove: bool,
}

impl Settled {
    fn of(line: &DueLine) -> Self {
        Self { link_id: line.link, coverage_id: line.coverage, due: line.due, remove: false }
    }
}

const SETTLED: [(&str, Column); 3] = [("link_id", Column::Uuid), ("coverage_id", Column::Uuid), ("due", Column::Bigint)];

/// Lines are no longer due, or no longer there.
async fn settle(connection: &impl ConnectionTrait, settled: &[Settled]) -> Result<()> {
    let of = |remove: bool| settled.iter().filter(move |line| line.remove == remove).collect::<Vec<_>>();
    let (kept, removed) = (of(false), of(true));
    if !kept.is_empty() {
        let sql = format!(
            "update insurance as i set due = 0, reason = null, reason_detail = '' from {}
             where i.link_id = b.link_id and i.coverage_id = b.coverage_id and i.due = b.due",
            rows(connection, "b", "$1", &SETTLED)
        );
        execute(connection, &sql, [batch(&kept)?]).await?;
    }
    if !removed.is_empty() {
        let sql = format!(
            "delete from insurance where (link_id, coverage_id, due) in (select b.link_id, b.coverage_id, b.due from {})",
            rows(connection, "b", "$1", &SETTLED)
        );
        execute(connection, &sql, [batch(&removed)?]).await?;
    }
    Ok(())
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    line: Settled,
    insurance_id: InsuranceId,
    pushed_status: Option<&'static str>,
}

async fn write_shown(connection: &impl ConnectionTrait, shown: &[Shown]) -> Result<()> {
    if shown.is_empty() {
        return Ok(());
    }
    let columns = [SETTLED[0], SETTLED[1], SETTLED[2], ("insurance_id", Column::Bigint), ("pushed_status", Column::Text)];
    let sql = format!(
        "update insurance as i set insurance_id = b.insurance_id, pushed_hash = i.intended_hash, pushed_status = b.pushed_status,
            pushed_at_ms = {{now}}, reason = null, reason_detail = '', due = case when i.due = b.due then 0 else i.due end
         from {} where i.link_id = b.link_id and i.coverage_id = b.coverage_id",
        rows(connection, "b", "$1", &columns)
    );
    execute(connection, &sql, [batch(shown)?]).await.map(|_| ())
}

#[derive(Debug, Serialize)]
struct Refused {
    #[serde(flatten)]
    line: Settled,
    reason_detail: String,
}

async fn write_refused(connection: &impl ConnectionTrait, refused: &[Refused]) -> Result<()> {
    if refused.is_empty() {
        return Ok(());
    }
    let columns = [SETTLED[0], SETTLED[1], SETTLED[2], ("reason_detail", Column::Text)];
    let sql = format!(
        "update insurance as i set reason = 'REFUSED', reason_detail = b.reason_detail,
            due = case when i.due = b.due then 0 else i.due end
         from {} where i.link_id = b.link_id and i.coverage_id = b.coverage_id",
        rows(connection, "b", "$1", &columns)
    );
    execute(connection, &sql, [batch(refused)?]).await.map(|_| ())
}
