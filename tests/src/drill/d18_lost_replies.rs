//! D18: on every link one answer in fifty is lost after its request went through, and one in twenty where there are few of them. Nothing is there twice, and nothing is missing.

use super::yard::{Plan, Scene, Yard};
use super::{Outcome, Settings};
use crate::proxy::Weather;
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};

/// Answers lost of a thousand: on the ways to PostgreSQL and Redis, and on the others, which have a tenth of the turns.
const LOST: [u32; 2] = [20, 50];

/// Answers that must be lost on each link.
const ON_EACH: u64 = 2;

pub(super) async fn run(settings: Settings) -> Result<Outcome> {
    // A step of a job is some fifty turns on four links, so two of three attempts get no further. On such a network ten in a row are
    // no sign of anything, and waiting longer each time does not help.
    let patient = ["--attempts=40", "--backoff-most-ms=10000"].map(str::to_owned);
    let plan = Plan { latency_ms: 5, worker: patient.into(), ..Plan::default() };
    Yard::start(settings, plan).await?.run(lose).await
}

async fn lose(scene: &mut Scene<'_>) -> Result<()> {
    scene.outcome.quota = scene.settings.quota(20, 400);
    let links = scene.installation.links();
    let lossy = |lose_replies_per_mille| Weather { lose_replies_per_mille, ..Weather::default() };
    for (link, lost) in [(&links.postgres, LOST[0]), (&links.redis, LOST[0]), (&links.simulator, LOST[1]), (&links.api, LOST[1])]
    {
        link.weather(lossy(lost));
    }
    let began = Instant::now();
    while links.landed() < scene.outcome.quota || links.all().iter().any(|link| link.landed() < ON_EACH) {
        ensure!(began.elapsed() < scene.settings.patience(), "too few answers were lost");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    scene.outcome.faults_landed = links.landed();
    let names = ["lost_by_postgres", "lost_by_redis", "lost_by_simulator", "lost_by_control"];
    scene.outcome.figures.extend(names.into_iter().zip(links.all().map(|link| link.landed() as f64)));
    Ok(())
}
