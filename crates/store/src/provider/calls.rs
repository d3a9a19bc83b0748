//! The calls of providers by the minute: written by workers, read by people.

use crate::Store;
use crate::row::get;
use crate::sql::{Column, all, batch, execute, rows};
use linkyard_core::Result;
use linkyard_core::budget::{CallCounts, CallMinute, Demand};
use linkyard_core::id::{OrganizationId, ProviderId};
use linkyard_core::job::JobKind;
use linkyard_core::scope::Scope;
use sea_orm::QueryResult;
use serde::Serialize;
use uuid::Uuid;

const MINUTE_MS: i64 = 60_000;
/// No more minutes are read at once: a day.
const MOST_MINUTES: u32 = 1_440;

/// Calls of one provider since they were last written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallsOf {
    /// The tenant, from the job that called.
    pub organization: OrganizationId,
    /// The provider, from the same job.
    pub provider: ProviderId,
    /// What was counted.
    pub counts: CallCounts,
}

/// One provider's calls as a row of a batch.
#[derive(Serialize)]
struct CallsRow {
    called_provider: Uuid,
    called_organization: Uuid,
    made: u64,
    rate_limited: u64,
    failed: u64,
    unauthorized: u64,
    waits: u64,
}

const COLUMNS: [(&str, Column); 7] = [
    ("called_provider", Column::Uuid),
    ("called_organization", Column::Uuid),
    ("made", Column::Bigint),
    ("rate_limited", Column::Bigint),
    ("failed", Column::Bigint),
    ("unauthorized", Column::Bigint),
    ("waits", Column::Bigint),
];

/// Kinds that call the platform.
const CALLING: [JobKind; 3] = [JobKind::TestConnection, JobKind::FetchDirectory, JobKind::PushCompliance];

impl Store {
    /// Adds these calls to the present minute, one entry per provider. Not fenced: a call was made whoever holds its job by now. What
    /// does not name a provider together with its own tenant is left out.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn calls_note(&self, calls: &[CallsOf]) -> Result<()> {
        let calls: Vec<CallsRow> = calls.iter().map(CallsRow::from).collect();
        // Rows in one order, so that two workers can not wait for each other in a circle.
        let sql = format!(
            "insert into call_minute (provider_id, minute_ms, organization_id, made, rate_limited, failed, unauthorized, waits)
             select provider.id, clock.now_ms - clock.now_ms % {MINUTE_MS}, provider.organization_id, called.made, called.rate_limited,
                called.failed, called.unauthorized, called.waits
             from {called} cross join (select {{now}} as now_ms) as clock
             join provider on provider.id = called_provider and provider.organization_id = called_organization
             where true order by provider.id
             on conflict (provider_id, minute_ms) do update set made = call_minute.made + excluded.made,
                rate_limited = call_minute.rate_limited + excluded.rate_limited, failed = call_minute.failed + excluded.failed,
                unauthorized = call_minute.unauthorized + excluded.unauthorized, waits = call_minute.waits + excluded.waits",
            called = rows(&self.writer, "called", "$1", &COLUMNS)
        );
        execute(&self.writer, &sql, [batch(&calls)?]).await.map(|_| ())
    }

    /// The calls of the last `minutes` minutes (at most a day), oldest first; minutes without calls are left out.
    ///
    /// # Errors
    /// `Unavailable`. A provider of another tenant has no calls.
    pub async fn calls_by_minute(&self, scope: &Scope, provider: ProviderId, minutes: u32) -> Result<Vec<CallMinute>> {
        let sql = "select minute_ms, made, rate_limited, failed, unauthorized, waits from call_minute
            where provider_id = $1 and organization_id = $2 and minute_ms > {now} - $3 order by minute_ms";
        let since_ms = i64::from(minutes.min(MOST_MINUTES)) * MINUTE_MS;
        let found = all(&self.reader, sql, [provider.0.into(), scope.organization.0.into(), since_ms.into()]).await?;
        found.iter().map(minute).collect()
    }

    /// What the live jobs of a provider still ask of its budget. A job that has begun goes on as it went so far, row by row; one that has
    /// not needs what the last one of its kind needed.
    ///
    /// # Errors
    /// `Unavailable`. A provider of another tenant has no jobs.
    pub async fn provider_demand(&self, scope: &Scope, provider: ProviderId) -> Result<Demand> {
        let kinds: Vec<String> = CALLING.iter().map(|kind| format!("'{}'", kind.as_str())).collect();
        let sql = format!(
            "select job.calls, job.rows_total, job.rows_succeeded + job.rows_held + job.rows_failed + job.rows_skipped as rows_done,
                (select earlier.calls from job earlier where earlier.provider_id = $1 and earlier.organization_id = $2
                    and earlier.kind = job.kind and earlier.state in ('succeeded', 'partial')
                    order by earlier.finished_at_ms desc limit 1) as last_calls
             from job where job.provider_id = $1 and job.organization_id = $2 and job.{LIVE} and job.kind in ({kinds}) limit 100",
            LIVE = crate::ledger::LIVE,
            kinds = kinds.join(", ")
        );
        let found = all(&self.reader, &sql, [provider.0.into(), scope.organization.0.into()]).await?;
        let mut demand = Demand { jobs: found.len() as u64, calls: Some(0) };
        for row in &found {
            demand.calls = demand.calls.zip(still_needed(row)?).map(|(sum, calls)| sum + calls);
        }
        Ok(demand)
    }
}

/// The calls that a live job still needs; `None` where nothing tells.
fn still_needed(row: &QueryResult) -> Result<Option<u64>> {
    let number = |column| Ok::<_, linkyard_core::Error>(u64::try_from(get::<i64>(row, column)?).unwrap_or_default());
    let (calls, total, done) = (number("calls")?, number("rows_total")?, number("rows_done")?);
    if calls > 0 && done > 0 && total > done {
        return Ok(Some(((total - done) * calls).div_ceil(done)));
    }
    let last = get::<Option<i64>>(row, "last_calls")?;
    Ok(last.map(|last| u64::try_from(last).unwrap_or_default().saturating_sub(calls)))
}

fn minute(row: &QueryResult) -> Result<CallMinute> {
    let number = |column| Ok::<_, linkyard_core::Error>(u64::try_from(get::<i64>(row, column)?).unwrap_or_default());
    Ok(CallMinute {
        minute_ms: get(row, "minute_ms")?,
        counts: CallCounts {
            made: number("made")?,
            rate_limited: number("rate_limited")?,
            failed: number("failed")?,
            unauthorized: number("unauthorized")?,
            waits: number("waits")?,
        },
    })
}

impl From<&CallsOf> for CallsRow {
    fn from(calls: &CallsOf) -> Self {
        let counts = calls.counts;
        Self {
            called_provider: calls.provider.0,
            called_organization: calls.organization.0,
            made: counts.made,
            rate_limited: counts.rate_limited,
            failed: counts.failed,
            unauthorized: counts.unauthorized,
            waits: counts.waits,
        }
    }
}
