//! D2: every worker in turn is told to stop while it has jobs, and another one takes its place. Each ends orderly in time, and gives its
//! jobs back instead of letting others wait for its lease.

use super::yard::{Plan, Scene, Yard};
use super::{Outcome, Settings};
use anyhow::Result;
use std::time::{Duration, Instant};

/// A worker that is told to stop is gone in this time.
const DRAIN: Duration = Duration::from_secs(30);
/// What it had runs elsewhere in this time.
const RESUMED: Duration = Duration::from_secs(5);

pub(super) async fn run(settings: Settings) -> Result<Outcome> {
    Yard::start(settings, Plan::default()).await?.run(roll).await
}

async fn roll(scene: &mut Scene<'_>) -> Result<()> {
    scene.outcome.quota = scene.settings.quota(5, 40);
    let mut slowest = Duration::ZERO;
    while scene.outcome.faults_landed < scene.outcome.quota {
        let worker = scene.leased().await?;
        scene.installation.start_worker()?;
        let told = Instant::now();
        scene.installation.stop_worker(worker.number).await?;
        slowest = slowest.max(told.elapsed());
        scene.outcome.faults_landed += u64::from(!worker.jobs.is_empty());
        scene.goes_on_within(RESUMED).await?;
    }
    scene.outcome.figures.insert("slowest_stop_seconds", slowest.as_secs_f64());
    scene.outcome.require(slowest <= DRAIN, || format!("a worker took {slowest:?} to stop, more than {DRAIN:?}"));
    let waited = scene.sql.number("select count(*) from job where taken_over").await;
    scene.outcome.require(waited == 0, || format!("{waited} jobs had to wait for the lease of a worker that was told to stop"));
    Ok(())
}
