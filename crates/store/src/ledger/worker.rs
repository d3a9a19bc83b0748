//! Worker processes: their own words about themselves, and the wish that one stops. Of no tenant, so nothing here takes a scope.

use crate::Store;
use crate::row::get;
use crate::sql::{all, execute, one};
use linkyard_core::id::{JobId, WorkerId};
use linkyard_core::worker::{Worker, WorkerBeat};
use linkyard_core::{Error, Result};
use sea_orm::QueryResult;

/// Rows of processes that were not heard of for this long are dropped, milliseconds: a day, so that a person still finds who died.
const FORGET_AFTER_MS: i64 = 24 * 3_600 * 1_000;

impl Store {
    /// Writes what a worker says of itself; answers whether somebody wants it to drain.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn worker_beat(&self, beat: &WorkerBeat) -> Result<bool> {
        let sql = "insert into worker (id, name, process, version, slots, running, draining, started_at_ms, seen_at_ms)
            values ($1, $2, $3, $4, $5, $6, $7, {now}, {now})
            on conflict (id) do update set slots = excluded.slots, running = excluded.running, draining = excluded.draining,
                seen_at_ms = excluded.seen_at_ms
            returning drain_requested";
        let number = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        let values = [
            beat.id.0.into(),
            beat.name.as_str().into(),
            i64::from(beat.process).into(),
            beat.version.as_str().into(),
            number(beat.slots).into(),
            number(beat.running).into(),
            beat.draining.into(),
        ];
        let found = one(&self.writer, sql, values).await?.ok_or_else(|| Error::broken("a worker's row gave no row"))?;
        get(&found, "drain_requested")
    }

    /// A worker has ended orderly; also drops the rows of those that did not, a day later.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn worker_gone(&self, id: WorkerId) -> Result<()> {
        let sql = "delete from worker where id = $1 or seen_at_ms < {now} - $2";
        execute(&self.writer, sql, [id.0.into(), FORGET_AFTER_MS.into()]).await.map(|_| ())
    }

    /// The workers that were heard of within `alive_ms`, longest running first.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn workers_alive(&self, alive_ms: i64) -> Result<Vec<Worker>> {
        let sql = "select id, name, process, version, slots, running, draining, started_at_ms, seen_at_ms
            from worker where seen_at_ms >= {now} - $1 order by started_at_ms, id";
        all(&self.reader, sql, [alive_ms.into()]).await?.iter().map(worker).collect()
    }

    /// The slots of all workers that were heard of within `alive_ms` and go on.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn worker_slots(&self, alive_ms: i64) -> Result<u32> {
        let sql = "select cast(coalesce(sum(slots), 0) as bigint) as slots from worker
            where seen_at_ms >= {now} - $1 and draining = false";
        let found = one(&self.reader, sql, [alive_ms.into()]).await?.ok_or_else(|| Error::broken("a sum gave no row"))?;
        Ok(u32::try_from(get::<i64>(&found, "slots")?).unwrap_or(u32::MAX))
    }

    /// The jobs that a worker holds by a lease that lasts, with how often each was started in a row without progress, this time counted.
    /// Drills prove by it that a kill hit a lease.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn leases_of(&self, id: WorkerId) -> Result<Vec<(JobId, i32)>> {
        let sql = "select id, starts_without_progress from job
            where state = 'running' and lease_owner = $1 and lease_until_ms > {now}";
        let found = all(&self.reader, sql, [id.to_string().into()]).await?;
        found.iter().map(|row| Ok((JobId(get(row, "id")?), get(row, "starts_without_progress")?))).collect()
    }

    /// Asks a worker to drain: it takes no more jobs and ends. Asking twice is asking once.
    ///
    /// # Errors
    /// `NotFound` when there is no such worker any more.
    pub async fn worker_drain(&self, id: WorkerId) -> Result<()> {
        let asked = execute(&self.writer, "update worker set drain_requested = true where id = $1", [id.0.into()]).await?;
        if asked == 1 { Ok(()) } else { Err(Error::not_found("worker", id)) }
    }
}

fn worker(row: &QueryResult) -> Result<Worker> {
    let number = |column| Ok::<_, Error>(u32::try_from(get::<i32>(row, column)?).unwrap_or_default());
    Ok(Worker {
        beat: WorkerBeat {
            id: WorkerId(get(row, "id")?),
            name: get(row, "name")?,
            process: u32::try_from(get::<i64>(row, "process")?).unwrap_or_default(),
            version: get(row, "version")?,
            slots: number("slots")?,
            running: number("running")?,
            draining: get(row, "draining")?,
        },
        started_at_ms: get(row, "started_at_ms")?,
        seen_at_ms: get(row, "seen_at_ms")?,
    })
}
