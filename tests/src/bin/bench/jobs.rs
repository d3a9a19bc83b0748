//! `jobs`: jobs that do nothing, through the whole engine: the rows, the feeder, Redis, the claim and the end are those of any job, in the
//! product's worker; only the work behind them is empty. Jobs per second of a ledger that is full at the beginning, with one worker
//! process and with four, and on SQLite in one process; and, when nothing else is to be done, the time from the answer of the commit
//! to the first step of the work.
//!
//! The floors are the same ids through a bare list in Redis, and the same rows claimed and ended by two bare statements in a loop.

use crate::findings::{Findings, Series, percentile};
use crate::jobs_floor;
use crate::place::{Kind, Place};
use crate::worker::{Workers, work, working};
use anyhow::{Context, Result};
use linkyard_core::job::Outcome;
use linkyard_queue::{Doorbell, Redis};
use linkyard_tests::redis::RedisServer;
use linkyard_worker::{Perform, WorkerArgs};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How much is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Size {
    /// Jobs in the ledger when the clock starts.
    #[arg(long, default_value_t = 50_000)]
    rows: usize,

    /// Slots of each worker.
    #[arg(long, default_value_t = 256)]
    slots: usize,

    /// Jobs of which each is written when the one before it has begun.
    #[arg(long, default_value_t = 300)]
    single: usize,
}

pub(crate) async fn run(size: &Size, runs: u32) -> Result<Findings> {
    let (mut figures, mut floors) = (Series::default(), Series::default());
    for run in 1..=runs {
        eprintln!("run {run} of {runs}");
        floors.note("redis_list_ids_per_second", jobs_floor::redis_list(size.rows, size.slots)?);
        floors.note("postgres_claim_and_end_per_second", jobs_floor::claim_and_end(Kind::Postgres, size.rows, size.slots).await?);
        for workers in [1, 4] {
            figures.note(format!("postgres_{workers}_worker_jobs_per_second"), shared(size, workers).await?);
        }
        floors.note("sqlite_claim_and_end_per_second", jobs_floor::claim_and_end(Kind::Sqlite, size.rows, size.slots).await?);
        figures.note("sqlite_jobs_per_second", embedded(size).await?);
        for kind in Kind::ALL {
            let waits = idle(size, kind).await?;
            for percent in [50, 99] {
                figures.note(format!("{}_idle_p{percent}_ms", kind.word()), percentile(waits.clone(), percent));
            }
        }
    }
    let (figures, floors) = (figures.medians(), floors.medians());
    let mut ratios = BTreeMap::new();
    for (figure, floor) in [
        ("postgres_1_worker_jobs_per_second", "redis_list_ids_per_second"),
        ("postgres_1_worker_jobs_per_second", "postgres_claim_and_end_per_second"),
        ("postgres_4_worker_jobs_per_second", "postgres_claim_and_end_per_second"),
        ("sqlite_jobs_per_second", "sqlite_claim_and_end_per_second"),
    ] {
        let short = |name: &str| name.trim_end_matches("_per_second").to_owned();
        ratios.insert(format!("{}_over_{}", short(figure), short(floor)), figures[figure] / floors[floor]);
    }
    let size = BTreeMap::from([("jobs", size.rows as u64), ("slots", size.slots as u64), ("single jobs", size.single as u64)]);
    Ok(Findings { size, figures, floors, ratios })
}

/// Jobs per second of so many worker processes over PostgreSQL and Redis.
async fn shared(size: &Size, workers: usize) -> Result<f64> {
    let place = Place::new(Kind::Postgres).await?;
    let redis = tokio::task::spawn_blocking(RedisServer::start).await?;
    let doorbell = Doorbell::shared(Redis::new(&redis.args())?);
    let processes = Workers::start(workers, size.slots, Duration::ZERO, &place.url, &redis)?;
    place.until_workers(workers).await?;
    let rate = drained(&place, &doorbell, size.rows).await?;
    drop(processes);
    place.leave().await;
    Ok(rate)
}

/// Jobs per second of a worker in this process, over SQLite.
async fn embedded(size: &Size) -> Result<f64> {
    let place = Place::new(Kind::Sqlite).await?;
    let (doorbell, shutdown) = (Doorbell::default(), CancellationToken::new());
    let args = WorkerArgs { concurrency: size.slots, ..WorkerArgs::default() };
    let worker = work(place.store.clone(), doorbell.clone(), args, shutdown.clone(), working(Duration::ZERO));
    let worker = tokio::spawn(worker);
    place.until_workers(1).await?;
    let rate = drained(&place, &doorbell, size.rows).await?;
    shutdown.cancel();
    worker.await??;
    place.leave().await;
    Ok(rate)
}

/// Fills the ledger, rings, and answers how many jobs ended per second from the commit to the last end.
async fn drained(place: &Place, doorbell: &Doorbell, jobs: usize) -> Result<f64> {
    let began_ms = place.enqueue_many(&[(place.provider, jobs)]).await?;
    doorbell.ring();
    place.until_idle().await?;
    let ended_ms = place.last_end_ms(jobs, began_ms).await?;
    Ok(jobs as f64 * 1_000.0 / (ended_ms - began_ms).max(1) as f64)
}

/// Milliseconds from the answer of a commit to the first step of the work, of one job after the other.
async fn idle(size: &Size, kind: Kind) -> Result<Vec<f64>> {
    let place = Place::new(kind).await?;
    let redis = match kind {
        Kind::Sqlite => None,
        Kind::Postgres => Some(tokio::task::spawn_blocking(RedisServer::start).await?),
    };
    // Whoever rings is another process, and has another connection.
    let doorbell = || -> Result<Doorbell> {
        match &redis {
            None => Ok(Doorbell::default()),
            Some(redis) => Ok(Doorbell::shared(Redis::new(&redis.args())?)),
        }
    };
    let ours = doorbell()?;
    let theirs = if redis.is_some() { doorbell()? } else { ours.clone() };
    let (begins, mut begun) = mpsc::unbounded_channel();
    let perform: Perform = Arc::new(move |_, cx, _| {
        // The benchmark listens until the end.
        let _ = begins.send((cx.fence.job, Instant::now()));
        Box::pin(async { Ok(Outcome::Done(serde_json::json!({}))) })
    });
    let shutdown = CancellationToken::new();
    let worker = tokio::spawn(work(place.store.clone(), theirs, WorkerArgs::default(), shutdown.clone(), perform));
    place.until_workers(1).await?;
    let mut waits = Vec::new();
    for _ in 0..size.single {
        let job = place.enqueue(place.provider).await?;
        let committed = Instant::now();
        ours.ring();
        let began = loop {
            let (id, at) = begun.recv().await.context("the worker runs")?;
            if id == job {
                break at;
            }
        };
        waits.push(began.saturating_duration_since(committed).as_secs_f64() * 1_000.0);
        // The next one finds nothing else under way.
        place.until_idle_looking(Duration::from_millis(2)).await?;
    }
    shutdown.cancel();
    worker.await??;
    place.leave().await;
    Ok(waits)
}
