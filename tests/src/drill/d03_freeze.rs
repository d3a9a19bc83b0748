//! D3: a worker is stopped from doing anything for longer than its lease, others take its jobs, and it wakes up in the middle of them.
//! What it writes then is refused, and it takes part again by itself.

use super::yard::{LEASE, Plan, Scene, Yard};
use super::{Outcome, Settings};
use crate::harm::Holder;
use anyhow::{Context, Result, ensure};
use linkyard_core::id::JobId;
use std::time::{Duration, Instant};

/// A worker that woke up is heard of again in this time.
const BACK: Duration = Duration::from_secs(10);

pub(super) async fn run(settings: Settings) -> Result<Outcome> {
    Yard::start(settings, Plan::default()).await?.run(freeze).await
}

async fn freeze(scene: &mut Scene<'_>) -> Result<()> {
    scene.outcome.quota = scene.settings.quota(3, 10);
    let mut slowest = Duration::ZERO;
    while scene.outcome.faults_landed < scene.outcome.quota {
        let Holder { number, jobs, .. } = scene.leased().await?;
        scene.installation.freeze_worker(number).await?;
        let held = of(scene, &jobs).await?;
        let taken = taken_over(scene, &held).await;
        // What it says the moment it wakes up counts.
        let asleep_ms = scene.store.now_ms().await?;
        scene.installation.thaw_worker(number).await?;
        scene.outcome.faults_landed += u64::from(taken?);
        slowest = slowest.max(heard_of(scene, number, asleep_ms).await?);
    }
    scene.outcome.figures.insert("slowest_return_seconds", slowest.as_secs_f64());
    scene
        .outcome
        .require(slowest <= BACK, || format!("a worker that woke up was heard of after {slowest:?}, more than {BACK:?}"));
    Ok(())
}

/// Which of these jobs still run, with their epochs.
async fn of(scene: &Scene<'_>, jobs: &[JobId]) -> Result<Vec<(JobId, i64)>> {
    let running = scene.store.leases_running().await?;
    Ok(running.into_iter().filter(|lease| jobs.contains(&lease.0)).map(|lease| (lease.0, lease.1)).collect())
}

/// Waits until every job of a frozen worker has a later epoch; answers whether there was any.
async fn taken_over(scene: &Scene<'_>, held: &[(JobId, i64)]) -> Result<bool> {
    let began = Instant::now();
    for (job, epoch) in held {
        let sql = format!("select 'frozen' from job where id = '{job}' and epoch = {epoch} and state = 'running'");
        while !scene.sql.texts(&sql).await?.is_empty() {
            ensure!(began.elapsed() < scene.settings.patience() + LEASE, "job {job} of a frozen worker is not taken up");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    Ok(!held.is_empty())
}

/// Waits until this worker has said something of itself since `asleep_ms`; answers how long that took.
async fn heard_of(scene: &Scene<'_>, number: usize, asleep_ms: i64) -> Result<Duration> {
    let process = scene.installation.worker_process(number).context("a worker that woke up ended")?;
    let began = Instant::now();
    loop {
        let alive = scene.store.workers_alive(60_000).await?;
        if alive.iter().any(|worker| worker.beat.process == process && worker.seen_at_ms > asleep_ms) {
            return Ok(began.elapsed());
        }
        ensure!(began.elapsed() < scene.settings.patience(), "a worker that woke up is not heard of");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
