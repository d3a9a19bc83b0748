//! D1: workers are killed while they hold leases. Each of their jobs goes on elsewhere within a lease and ten seconds; and when it is the one
//! that feeds, another one feeds within five.

use super::yard::{LEASE, Plan, RECOVERY, Scene, Yard};
use super::{Outcome, Settings};
use crate::harm::breakable;
use anyhow::{Result, ensure};
use linkyard_core::id::JobId;
use std::time::{Duration, Instant};

/// How long nobody feeds, at most.
const FED_WITHIN: Duration = Duration::from_secs(5);

pub(super) async fn run(settings: Settings) -> Result<Outcome> {
    Yard::start(settings, Plan::default()).await?.run(kill).await
}

async fn kill(scene: &mut Scene<'_>) -> Result<()> {
    scene.outcome.quota = scene.settings.quota(5, 40);
    let mut slowest = Duration::ZERO;
    while scene.outcome.faults_landed < scene.outcome.quota {
        slowest = slowest.max(kill_one(scene).await?);
    }
    let bound = LEASE + RECOVERY;
    scene.outcome.figures.insert("slowest_recovery_seconds", slowest.as_secs_f64());
    scene.outcome.require(slowest <= bound, || format!("a job was taken up after {slowest:?}, more than {bound:?}"));
    let hungry = kill_feeder(scene).await?;
    scene.outcome.figures.insert("feeder_taken_over_seconds", hungry.as_secs_f64());
    scene.outcome.require(hungry <= FED_WITHIN, || format!("nobody fed for {hungry:?}, more than {FED_WITHIN:?}"));
    Ok(())
}

/// Kills the worker that feeds, when it can be killed; answers how long it took until another one did.
async fn kill_feeder(scene: &mut Scene<'_>) -> Result<Duration> {
    let began = Instant::now();
    let (feeder, number) = loop {
        let feeder = feeder_other_than(scene, None).await?;
        // One that was killed has the role for a moment longer.
        let holders = breakable(scene.store, scene.installation, None).await?;
        if let Some(holder) = holders.iter().find(|holder| holder.id.to_string() == feeder) {
            break (feeder, holder.number);
        }
        ensure!(began.elapsed() < scene.settings.patience(), "the worker that feeds can not be killed");
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    scene.installation.kill_worker(number).await?;
    let killed = Instant::now();
    scene.installation.start_worker()?;
    feeder_other_than(scene, Some(&feeder)).await?;
    Ok(killed.elapsed())
}

/// Waits until somebody feeds who is not `before`.
async fn feeder_other_than(scene: &Scene<'_>, before: Option<&str>) -> Result<String> {
    let began = Instant::now();
    loop {
        match feeder_now(scene).await? {
            Some(feeder) if Some(feeder.as_str()) != before => return Ok(feeder),
            _ => ensure!(began.elapsed() < scene.settings.patience(), "nobody feeds"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The process whose role it is to feed, as it calls itself.
async fn feeder_now(scene: &Scene<'_>) -> Result<Option<String>> {
    let sql = "select owner from exclusive_role where name = 'feeder' and until_ms > (extract(epoch from clock_timestamp()) * 1000)::bigint";
    Ok(scene.sql.texts(sql).await?.into_iter().next())
}

/// After a while kills a worker that holds a lease, starts another one and waits until its jobs go on; answers how long that took.
pub(super) async fn kill_one(scene: &mut Scene<'_>) -> Result<Duration> {
    let wait = scene.dice.below(3_000);
    scene.pause(Duration::from_millis(2_000 + wait)).await;
    let victim = scene.leased().await?;
    scene.installation.kill_worker(victim.number).await?;
    let killed = Instant::now();
    let left = left_running(scene, &victim.jobs).await?;
    scene.outcome.faults_landed += u64::from(!left.is_empty());
    scene.installation.start_worker()?;
    let mut slowest = Duration::ZERO;
    for (job, epoch) in left {
        taken_up(scene, job, epoch, killed).await?;
        slowest = slowest.max(killed.elapsed());
    }
    Ok(slowest)
}

/// Which of these jobs the dead worker still holds, with their epochs.
async fn left_running(scene: &Scene<'_>, jobs: &[JobId]) -> Result<Vec<(JobId, i64)>> {
    let running = scene.store.leases_running().await?;
    Ok(running.into_iter().filter(|lease| jobs.contains(&lease.0)).map(|lease| (lease.0, lease.1)).collect())
}

/// Waits until somebody else has the job, or has ended it.
async fn taken_up(scene: &Scene<'_>, job: JobId, epoch: i64, since: Instant) -> Result<()> {
    let sql = format!("select 'dead' from job where id = '{job}' and epoch = {epoch} and state = 'running'");
    while !scene.sql.texts(&sql).await?.is_empty() {
        ensure!(since.elapsed() < scene.settings.patience(), "job {job} of a killed worker is not taken up");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}
