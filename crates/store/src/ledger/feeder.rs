//! What the feeder asks of SQL: which jobs may run now, when the next one may, and who is the feeder. Looks across tenants; answers
//! ids only.
//!
//! A backlog of one provider must cost nobody else anything, not even time: of each provider and lane (a *queue*) only the head is read,
//! by an index, and never more of it than can be handed out.

use super::LIVE;
use super::claim::{due, known_kinds, startable};
use crate::Store;
use crate::provider::held;
use crate::row::{count, get, word};
use crate::sql::{all, execute, one};
use linkyard_core::id::{JobId, ProviderId};
use linkyard_core::job::Lane;
use linkyard_core::{Error, Result};
use sea_orm::{QueryResult, Value};
use std::collections::HashMap;
use uuid::Uuid;

/// A job that may run now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Runnable {
    /// The job.
    pub job: JobId,
    /// Its provider.
    pub provider: Option<ProviderId>,
    /// Who waits.
    pub lane: Lane,
    /// Its last start ended without progress: it must be claimed alone.
    pub unclean: bool,
    /// Starts so far; another number is another offer.
    pub epoch: i64,
}

/// Lanes by who waits: a person first.
const LANES: [Lane; 3] = [Lane::Person, Lane::Push, Lane::Background];

/// A select over every queue, once for those of providers and once for what belongs to none: apart, because only an equality reaches
/// the index. `columns` may use `queue.provider_id`, `.lane`, `.tests_only` (nothing but a connection test may run), `.not_before_ms`,
/// and `{in_queue}` for the condition that a row of `job` is in the queue.
fn over_queues(columns: &str) -> String {
    const EACH_LANE: &str = "(select 'person' as lane union all select 'push' union all select 'background') as lanes";
    let of_providers = columns.replace("{in_queue}", "job.provider_id = queue.provider_id and job.lane = queue.lane");
    let of_none = columns.replace("{in_queue}", "job.provider_id is null and job.lane = queue.lane");
    format!(
        "select {of_providers} from (
            select provider.id as provider_id, provider.not_before_ms, lanes.lane,
                case when provider.state in ('paused', 'pending_approval') or {held} then 1 else 0 end as tests_only
            from provider cross join {EACH_LANE} where provider.state <> 'deleted'
         ) as queue cross join (select {{now}} as now_ms) as clock
         union all
         select {of_none} from (
            select cast(null as uuid) as provider_id, 0 as not_before_ms, lanes.lane, 0 as tests_only from {EACH_LANE}
         ) as queue cross join (select {{now}} as now_ms) as clock",
        held = held()
    )
}

/// Whether a row of `job` may run although its provider is paused or waits for approval.
const ALLOWED: &str = "(queue.tests_only = 0 or job.kind = 'test_connection')";

/// One queue with something to run.
struct Queue {
    provider: Option<Uuid>,
    lane: Lane,
    tests_only: bool,
    /// How many of it may run, as far as anybody can use.
    waiting: i64,
}

impl Store {
    /// Jobs that may run now: lanes first (a person waits > push > background), oldest first within a provider, round-robin between
    /// providers. Providers that are paused, blocked (`not_before`), refusing every call, waiting for approval or deleted are left out, except
    /// that a connection test may always run unless the provider is blocked or deleted. Kinds unknown here and newer payloads are left out.
    /// With `most_running` a provider has no more jobs here than may run beside those of its jobs that run now; the oldest ones, so
    /// what was handed out before and did not start yet is counted.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn jobs_runnable(&self, limit: u32, most_running: Option<u32>) -> Result<Vec<Runnable>> {
        let mut runnable = Vec::new();
        let mut queues = self.queues(limit).await?;
        if let Some(most_running) = most_running {
            keep_below(&mut queues, i64::from(most_running));
        }
        for lane in LANES {
            let left = limit as usize - runnable.len();
            let of_lane: Vec<&Queue> = queues.iter().filter(|queue| queue.lane == lane).collect();
            let mut heads = Vec::new();
            // SQLite joins at most 500 selects in one statement.
            for some in shares(&of_lane, left).chunks(400) {
                heads.extend(self.heads(some).await?);
            }
            heads.sort_by_key(|(turn, run_at_ms, runnable)| (*turn, *run_at_ms, runnable.job));
            runnable.extend(heads.into_iter().take(left).map(|(_, _, runnable)| runnable));
        }
        if let Some(most_running) = most_running {
            // Read last: a job that starts meanwhile is counted twice rather than not at all.
            keep_beside(&mut runnable, self.running_by_provider().await?, i64::from(most_running));
        }
        Ok(runnable)
    }

    async fn queues(&self, limit: u32) -> Result<Vec<Queue>> {
        let waiting = format!(
            "queue.provider_id, queue.lane, queue.tests_only, queue.not_before_ms, clock.now_ms, (select count(*) from (
                select 1 as one from job where {{in_queue}} and {ALLOWED} and job.{LIVE} and {due} and {startable} limit $1
             ) as head) as waiting",
            due = due("clock.now_ms"),
            startable = startable(),
        );
        let sql = format!(
            "select provider_id, lane, tests_only, waiting from ({}) as counted where waiting > 0 and not_before_ms <= now_ms",
            over_queues(&waiting)
        );
        let found = all(&self.reader, &sql, [i64::from(limit).into()]).await?;
        found.iter().map(queue).collect()
    }

    async fn running_by_provider(&self) -> Result<HashMap<Uuid, i64>> {
        let sql = format!(
            "select provider_id, count(*) as running from job
             where state = 'running' and {LIVE} and provider_id is not null group by provider_id"
        );
        let found = all(&self.reader, &sql, []).await?;
        found.iter().map(|row| Ok((get(row, "provider_id")?, get(row, "running")?))).collect()
    }

    /// Whether the installation has more than one provider, so that one could starve another.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn several_providers(&self) -> Result<bool> {
        let sql =
            "select count(*) as providers from (select 1 as one from provider where state <> 'deleted' limit 2) as first_two";
        let found = one(&self.reader, sql, []).await?.ok_or_else(|| Error::broken("a count gave no row"))?;
        Ok(count(&found, "providers")? > 1)
    }

    /// The first jobs of each queue, as many as its share, each with its place in its queue and the time since when it may run.
    async fn heads(&self, shares: &[(&Queue, i64)]) -> Result<Vec<(i64, i64, Runnable)>> {
        if shares.is_empty() {
            return Ok(Vec::new());
        }
        let mut arms = Vec::new();
        let mut values: Vec<Value> = Vec::new();
        for (number, (queue, share)) in shares.iter().enumerate() {
            let provider = match queue.provider {
                Some(id) => {
                    values.push(id.into());
                    format!("= ${}", values.len())
                }
                None => "is null".to_owned(),
            };
            let tests = if queue.tests_only { "and job.kind = 'test_connection'" } else { "" };
            arms.push(format!(
                "select {number} as queue_number, job.id, job.provider_id, job.lane, job.starts_without_progress, job.epoch,
                    job.run_at_ms
                 from job where job.provider_id {provider} and job.lane = '{lane}' {tests} and job.{LIVE} and {due} and {startable}
                 order by job.run_at_ms, job.id limit {share}",
                lane = queue.lane.as_str(),
                due = due("(select now_ms from clock)"),
                startable = startable(),
            ));
        }
        let arms: Vec<String> = arms.iter().map(|arm| format!("select * from ({arm}) as arm")).collect();
        let sql = format!(
            "with clock as (select {{now}} as now_ms) select * from ({}) as head order by queue_number, run_at_ms, id",
            arms.join(" union all ")
        );
        let found = all(&self.reader, &sql, values).await?;
        let mut heads = Vec::new();
        let (mut number, mut turn) = (-1, 0);
        for row in &found {
            let of: i64 = get::<i32>(row, "queue_number")?.into();
            turn = if of == number { turn + 1 } else { 0 };
            number = of;
            heads.push((turn, get(row, "run_at_ms")?, runnable(row)?));
        }
        Ok(heads)
    }

    /// How long until the next job may become runnable, milliseconds; `None` when nothing is scheduled. For a feeder that sleeps no
    /// longer than needed.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn next_runnable_in_ms(&self) -> Result<Option<i64>> {
        // The end of a lease counts whatever was asked of the job: then it is tidied up. What only a person can free is out.
        let first = format!(
            "queue.not_before_ms, (
                select job.run_at_ms from job where {{in_queue}} and {ALLOWED} and job.{LIVE} and {startable}
                    and job.state in ('queued', 'waiting_for_budget', 'retrying') order by job.run_at_ms limit 1
             ) as first_ms",
            startable = startable(),
        );
        let sql = format!(
            "select min(at_ms) - {{now}} as wait_ms from (
                select case when first_ms > not_before_ms then first_ms else not_before_ms end as at_ms
                from ({queues}) as waiting where first_ms is not null
                union all
                select job.lease_until_ms as at_ms from job where job.state = 'running' and job.{LIVE} and job.kind in ({kinds})
             ) as due",
            queues = over_queues(&first),
            kinds = known_kinds(),
        );
        let found = one(&self.reader, &sql, []).await?.ok_or_else(|| Error::broken("an aggregate gave no row"))?;
        Ok(get::<Option<i64>>(&found, "wait_ms")?.map(|wait_ms| wait_ms.max(0)))
    }

    /// Takes or keeps the role `name` for `owner` for `ttl_ms`; false when somebody else has it.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn role_take(&self, name: &str, owner: &str, ttl_ms: i64) -> Result<bool> {
        let taken = execute(
            &self.writer,
            "insert into exclusive_role (name, owner, until_ms) values ($1, $2, {now} + $3)
             on conflict (name) do update set owner = excluded.owner, until_ms = excluded.until_ms
             where exclusive_role.owner = excluded.owner or exclusive_role.until_ms <= {now}",
            [name.into(), owner.into(), ttl_ms.into()],
        )
        .await?;
        Ok(taken == 1)
    }

    /// The lease of every RUNNING job, those of dead processes included: job, epoch, and how many starts in a row ended without progress
    /// (the present one counted), and its kind. Drills prove by it that a kill hit a leased job.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn leases_running(&self) -> Result<Vec<(JobId, i64, i32, String)>> {
        let sql = "select id, epoch, starts_without_progress, kind from job where state = 'running'";
        let found = all(&self.reader, sql, []).await?;
        let lease =
            |row| Ok((JobId(get(row, "id")?), get(row, "epoch")?, get(row, "starts_without_progress")?, get(row, "kind")?));
        found.iter().map(lease).collect()
    }

    /// How many jobs are not finished, over all tenants (tests wait for 0; `up` prints it).
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn jobs_live(&self) -> Result<u64> {
        let found = one(&self.reader, &format!("select count(*) as live from job where {LIVE}"), []).await?;
        count(&found.ok_or_else(|| Error::broken("a count gave no row"))?, "live")
    }
}

/// How many of each queue to read so that `most` jobs can be handed out in turns. The last turn is read whole: which queue's job is older
/// shows only then.
fn shares<'a>(queues: &[&'a Queue], most: usize) -> Vec<(&'a Queue, i64)> {
    let (mut turns, mut given) = (0, 0);
    while given < most {
        let takers = queues.iter().filter(|queue| queue.waiting > turns).count();
        if takers == 0 {
            break;
        }
        given += takers;
        turns += 1;
    }
    let shares = queues.iter().map(|queue| (*queue, queue.waiting.min(turns)));
    shares.filter(|(_, share)| *share > 0).collect()
}

/// Leaves each provider no more than may ever run, its more urgent lanes first: more of it would only take others' turns. What has no
/// provider is short and rare.
fn keep_below(queues: &mut [Queue], most: i64) {
    let mut left: HashMap<Uuid, i64> = HashMap::new();
    for lane in LANES {
        for queue in queues.iter_mut().filter(|queue| queue.lane == lane) {
            let Some(provider) = queue.provider else { continue };
            let left = left.entry(provider).or_insert(most);
            queue.waiting = queue.waiting.min(*left);
            *left -= queue.waiting;
        }
    }
}

/// Leaves each provider only what may run beside what runs.
fn keep_beside(runnable: &mut Vec<Runnable>, mut taken: HashMap<Uuid, i64>, most: i64) {
    runnable.retain(|job| {
        let Some(provider) = job.provider else { return true };
        let taken = taken.entry(provider.0).or_default();
        *taken += 1;
        *taken <= most
    });
}

fn queue(row: &QueryResult) -> Result<Queue> {
    Ok(Queue {
        provider: get(row, "provider_id")?,
        lane: word(row, "lane", Lane::parse)?,
        tests_only: get::<i32>(row, "tests_only")? == 1,
        waiting: get(row, "waiting")?,
    })
}

fn runnable(row: &QueryResult) -> Result<Runnable> {
    Ok(Runnable {
        job: JobId(get(row, "id")?),
        provider: get::<Option<Uuid>>(row, "provider_id")?.map(ProviderId),
        lane: word(row, "lane", Lane::parse)?,
        unclean: get::<i32>(row, "starts_without_progress")? > 0,
        epoch: get(row, "epoch")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_equal_as_far_as_the_queues_reach() {
        let queue = |waiting| Queue { provider: None, lane: Lane::Person, tests_only: false, waiting };
        let (big, small, medium) = (queue(1_000), queue(1), queue(4));
        let of = |most| -> Vec<i64> { shares(&[&big, &small, &medium], most).iter().map(|(_, share)| *share).collect() };
        assert_eq!(of(0), Vec::<i64>::new());
        assert_eq!(of(1), [1, 1, 1]);
        assert_eq!(of(5), [2, 1, 2]);
        assert_eq!(of(100), [95, 1, 4]);
    }

    #[test]
    fn a_provider_has_no_more_turns_than_it_may_run_jobs_urgent_lanes_first() {
        let (one, two) = (Uuid::now_v7(), Uuid::now_v7());
        let queue = |provider, lane, waiting| Queue { provider, lane, tests_only: false, waiting };
        let mut queues = [
            queue(Some(one), Lane::Background, 100),
            queue(Some(one), Lane::Person, 2),
            queue(Some(two), Lane::Background, 3),
            queue(None, Lane::Background, 100),
        ];
        keep_below(&mut queues, 8);
        assert_eq!(queues.map(|queue| queue.waiting), [6, 2, 3, 100]);
    }

    #[test]
    fn a_provider_is_left_what_may_run_beside_its_running_jobs_in_their_order() {
        let (one, two) = (ProviderId::generate(), ProviderId::generate());
        let job = |provider| Runnable { job: JobId::generate(), provider, lane: Lane::Push, unclean: false, epoch: 0 };
        let all = [Some(one), Some(two), Some(one), None, Some(one), Some(two)].map(job);
        let mut left = all.to_vec();
        keep_beside(&mut left, HashMap::from([(one.0, 6), (two.0, 9)]), 8);
        assert_eq!(left, [all[0], all[2], all[3]]);
    }
}
