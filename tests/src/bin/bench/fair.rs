//! `fair`: how long the few jobs of ten providers wait beside the many of one more, over how long they wait alone. All jobs work for the
//! same time, on the same slots; a wait is the time from a row's creation to its start, on the database's clock.

use crate::findings::{Findings, Series};
use crate::place::{Kind, Place};
use crate::worker::Workers;
use anyhow::Result;
use linkyard_core::id::ProviderId;
use linkyard_queue::{Doorbell, Redis};
use linkyard_tests::redis::RedisServer;
use std::collections::BTreeMap;
use std::time::Duration;

/// Worker processes.
const WORKERS: usize = 2;
/// Slots of each.
const SLOTS: usize = 8;
/// Providers with few jobs.
const FEW: usize = 10;
/// Jobs of each of them.
const JOBS_OF_FEW: usize = 10;

/// How much is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Size {
    /// Jobs of the provider with many.
    #[arg(long, default_value_t = 100_000)]
    rows: usize,

    /// How long each job works, in milliseconds.
    #[arg(long, default_value_t = 20)]
    work_ms: u64,
}

pub(crate) async fn run(size: &Size, runs: u32) -> Result<Findings> {
    let mut figures = Series::default();
    for run in 1..=runs {
        eprintln!("run {run} of {runs}");
        let (alone, beside) = waits(size).await?;
        figures.note("p95_wait_alone_ms", alone);
        figures.note("p95_wait_beside_many_ms", beside);
        figures.note("p95_beside_many_over_alone", beside / alone);
    }
    let mut figures = figures.medians();
    let ratio = figures.remove("p95_beside_many_over_alone").unwrap_or_default();
    let few = FEW as u64;
    let size = BTreeMap::from([
        ("jobs of one provider", size.rows as u64),
        ("other providers", few),
        ("jobs of each of them", JOBS_OF_FEW as u64),
        ("workers", WORKERS as u64),
        ("slots of each", SLOTS as u64),
        ("milliseconds of work", size.work_ms),
    ]);
    let floors = BTreeMap::new();
    Ok(Findings { size, figures, floors, ratios: BTreeMap::from([("p95_beside_many_over_alone".to_owned(), ratio)]) })
}

/// The 95th percentile of the waits of the few: alone, and beside the many.
async fn waits(size: &Size) -> Result<(f64, f64)> {
    let place = Place::new(Kind::Postgres).await?;
    let mut few = Vec::new();
    for company in 2..2 + FEW {
        few.push((place.provider(i64::try_from(company)?).await, JOBS_OF_FEW));
    }
    let redis = tokio::task::spawn_blocking(RedisServer::start).await?;
    let doorbell = Doorbell::shared(Redis::new(&redis.args())?);
    let workers = Workers::start(WORKERS, SLOTS, Duration::from_millis(size.work_ms), &place.url, &redis)?;
    place.until_workers(WORKERS).await?;

    let alone = wait_of(&place, &doorbell, &few).await?;
    place.enqueue_many(&[(place.provider, size.rows)]).await?;
    doorbell.ring();
    // The many are being worked on when the few come.
    place.until_started(place.provider).await;
    let beside = wait_of(&place, &doorbell, &few).await?;
    drop(workers);
    place.leave().await;
    Ok((alone, beside))
}

async fn wait_of(place: &Place, doorbell: &Doorbell, few: &[(ProviderId, usize)]) -> Result<f64> {
    let before_ms = place.now_ms().await?;
    place.enqueue_many(few).await?;
    doorbell.ring();
    let of_few =
        format!("provider_id <> {} and created_at_ms >= {before_ms} and started_at_ms is not null", place.id(place.provider.0));
    let jobs = i64::try_from(FEW * JOBS_OF_FEW)?;
    place.until(&format!("select count(*) from job where {of_few}"), jobs).await;
    let longest = jobs / 20;
    let wait = format!("select started_at_ms - created_at_ms from job where {of_few} order by 1 desc limit 1 offset {longest}");
    Ok(place.number(&wait).await.max(1) as f64)
}
