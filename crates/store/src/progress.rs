//! How far the linking of each list was, over time: written by workers, drawn for people. Rows of it are no more than a picture: nothing
//! decides by them.

use crate::Store;
use crate::ledger::LIVE;
use crate::row::{count, get, word};
use crate::sql::{all, execute};
use linkyard_core::Result;
use linkyard_core::id::ProviderId;
use linkyard_core::job::JobKind;
use linkyard_core::mapping::Subject;
use linkyard_core::scope::Scope;
use sea_orm::QueryResult;

/// A list is looked at once in so long while a job of its provider is live.
const OFTEN_MS: i64 = 10_000;

/// And once in so long otherwise.
const SELDOM_MS: i64 = HOUR_MS;

/// A job that ended so long ago may have changed what was looked at last.
const AFTERWARDS_MS: i64 = 2 * OFTEN_MS;

const HOUR_MS: i64 = 3_600_000;

/// No more samples are read at once.
const MOST_SAMPLES: i64 = 5_000;

/// One list at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgressSample {
    /// The provider.
    pub provider: ProviderId,
    /// Vendors or projects.
    pub subject: Subject,
    /// The beginning of the ten seconds, milliseconds since 1970.
    pub at_ms: i64,
    /// Linked rows.
    pub linked: u64,
    /// Failed and held rows, and those that are gone.
    pub failed: u64,
    /// Rows that are not to be added.
    pub ignored: u64,
    /// Rows that are confirmed and not linked yet.
    pub linking: u64,
    /// Rows without a decision.
    pub open: u64,
}

/// How much of a directory was linked at the end of an hour, or so far in the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourLinked {
    /// The provider.
    pub provider: ProviderId,
    /// The beginning of the hour, milliseconds since 1970.
    pub hour_ms: i64,
    /// Linked vendors and projects.
    pub linked: u64,
}

/// How old what is known of a directory is. Times are milliseconds since 1970; `None` = never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// The provider.
    pub provider: ProviderId,
    /// The end of the last fetch of any kind.
    pub fetched_at_ms: Option<i64>,
    /// The end of the last complete walk over all of its vendors.
    pub walked_at_ms: Option<i64>,
    /// The end of the last push of compliance that got through.
    pub pushed_at_ms: Option<i64>,
}

impl Store {
    /// Notes how far every list is whose provider has, or has just had, a live job, and those that nobody looked at for an hour; answers
    /// how many. Any number of workers may call this as often as they like: ten seconds of a list are counted once.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn progress_note(&self) -> Result<u64> {
        let sum = |states: &str| format!("cast(sum(case when c.state in ({states}) then c.n else 0 end) as bigint)");
        let sql = format!(
            "insert into progress_sample
                (provider_id, subject, at_ms, organization_id, linked, failed, ignored, linking, open_rows)
             select c.provider_id, c.subject, clock.now_ms - clock.now_ms % {OFTEN_MS}, p.organization_id, {}, {}, {}, {}, {}
             from provider p cross join (select {{now}} as now_ms) as clock join mapping_count c on c.provider_id = p.id
             where p.state not in ('deleting', 'deleted')
                and not exists (select 1 from progress_sample s where s.provider_id = p.id
                    and s.at_ms >= clock.now_ms - clock.now_ms % {OFTEN_MS})
                and (exists (select 1 from job where job.provider_id = p.id
                        and (job.{LIVE} or job.finished_at_ms > clock.now_ms - {AFTERWARDS_MS}))
                    or not exists (select 1 from progress_sample s where s.provider_id = p.id
                        and s.at_ms > clock.now_ms - {SELDOM_MS}))
             group by c.provider_id, c.subject, p.organization_id, clock.now_ms having sum(c.n) > 0
             order by c.provider_id, c.subject
             on conflict (provider_id, subject, at_ms) do nothing",
            sum("'linked'"),
            sum("'failed', 'held', 'orphaned'"),
            sum("'ignored'"),
            sum("'confirmed', 'linking'"),
            sum("'unmapped', 'suggested', 'unlinked'"),
        );
        execute(&self.writer, &sql, []).await
    }

    /// The samples of the last `minutes` minutes of all directories of the tenant, oldest first; the newest 5,000 at most.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn progress(&self, scope: &Scope, minutes: u32) -> Result<Vec<ProgressSample>> {
        let sql = "select s.provider_id, s.subject, s.at_ms, s.linked, s.failed, s.ignored, s.linking, s.open_rows
            from progress_sample s join provider p on p.id = s.provider_id and p.organization_id = s.organization_id
            where s.organization_id = $1 and s.at_ms > {now} - $2 and p.state not in ('deleting', 'deleted')
            order by s.at_ms desc, s.provider_id, s.subject limit $3";
        let values = [scope.organization.0.into(), (i64::from(minutes) * 60_000).into(), MOST_SAMPLES.into()];
        let mut samples = all(&self.reader, sql, values).await?.iter().map(sample).collect::<Result<Vec<_>>>()?;
        samples.reverse();
        Ok(samples)
    }

    /// How much of each directory of the tenant was linked at the end of each of the last 24 hours, the present one included; by provider,
    /// oldest first. An hour in which nobody looked is left out.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn linked_by_hour(&self, scope: &Scope) -> Result<Vec<HourLinked>> {
        // Each hour's last sample is sought by the table's key: a busy day of a list has thousands.
        let begin = format!("clock.hour_ms - hours.back * {HOUR_MS}");
        let sql = format!(
            "with recursive hours(back) as (select 0 union all select back + 1 from hours where back < 23),
                clock as (select n.now_ms - n.now_ms % {HOUR_MS} as hour_ms from (select {{now}} as now_ms) as n),
                lists as (select '{}' as subject union all select '{}'),
                last as (select p.id as provider_id, lists.subject, {begin} as hour_ms,
                    (select max(s.at_ms) from progress_sample s where s.provider_id = p.id and s.subject = lists.subject
                        and s.at_ms >= {begin} and s.at_ms < {begin} + {HOUR_MS}) as at_ms
                    from provider p cross join lists cross join hours cross join clock
                    where p.organization_id = $1 and p.state not in ('deleting', 'deleted'))
             select last.provider_id, last.hour_ms, cast(sum(s.linked) as bigint) as linked from last
             join progress_sample s on s.provider_id = last.provider_id and s.subject = last.subject and s.at_ms = last.at_ms
             group by last.provider_id, last.hour_ms order by last.provider_id, last.hour_ms",
            Subject::Vendor.as_str(),
            Subject::Project.as_str()
        );
        let found = all(&self.reader, &sql, [scope.organization.0.into()]).await?;
        let hours = found.iter().map(|row| {
            let provider = ProviderId(get(row, "provider_id")?);
            Ok(HourLinked { provider, hour_ms: get(row, "hour_ms")?, linked: count(row, "linked")? })
        });
        hours.collect()
    }

    /// How old what is known of each directory of the tenant is.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn freshness(&self, scope: &Scope) -> Result<Vec<Fresh>> {
        let sql = format!(
            "select p.id, p.last_fetch_at_ms,
                (select max(w.finished_at_ms) from walk w where w.provider_id = p.id and w.subject = '{}' and w.complete) as walked,
                (select max(j.finished_at_ms) from job j where j.provider_id = p.id and j.organization_id = p.organization_id
                    and j.kind = '{}' and j.state in ('succeeded', 'partial')) as pushed
             from provider p where p.organization_id = $1 and p.state not in ('deleting', 'deleted') order by p.id limit 100",
            Subject::Vendor.as_str(),
            JobKind::PushCompliance.as_str()
        );
        let found = all(&self.reader, &sql, [scope.organization.0.into()]).await?;
        let fresh = found.iter().map(|row| {
            Ok(Fresh {
                provider: ProviderId(get(row, "id")?),
                fetched_at_ms: get(row, "last_fetch_at_ms")?,
                walked_at_ms: get(row, "walked")?,
                pushed_at_ms: get(row, "pushed")?,
            })
        });
        fresh.collect()
    }
}

fn sample(row: &QueryResult) -> Result<ProgressSample> {
    Ok(ProgressSample {
        provider: ProviderId(get(row, "provider_id")?),
        subject: word(row, "subject", Subject::parse)?,
        at_ms: get(row, "at_ms")?,
        linked: count(row, "linked")?,
        failed: count(row, "failed")?,
        ignored: count(row, "ignored")?,
        linking: count(row, "linking")?,
        open: count(row, "open_rows")?,
    })
}
