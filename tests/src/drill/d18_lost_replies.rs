//! D18: on every link one answer in fifty is lost after its request went through, and more where there are few of them, until enough were
//! lost. Nothing is there twice, and nothing is missing.

use super::yard::{Plan, Scene, Yard};
use super::{Outcome, Settings};
use crate::proxy::Weather;
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};

/// Answers lost of a thousand on each way, in the order of the links: Redis answers a tenth as often as PostgreSQL, the others a
/// hundredth.
const LOST: [u32; 4] = [20, 40, 100, 50];

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
    for (link, lose_replies_per_mille) in links.all().into_iter().zip(LOST) {
        link.weather(Weather { lose_replies_per_mille, ..Weather::default() });
    }
    let began = Instant::now();
    while links.landed() < scene.outcome.quota || links.all().iter().any(|link| link.landed() < ON_EACH) {
        ensure!(began.elapsed() < scene.settings.patience(), "too few answers were lost");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // What is under way now has to recover from all of them; a lost claim alone costs a lease.
    links.all().iter().for_each(|link| link.weather(Weather::default()));
    scene.outcome.faults_landed = links.landed();
    let names = ["lost_by_postgres", "lost_by_redis", "lost_by_simulator", "lost_by_control"];
    scene.outcome.figures.extend(names.into_iter().zip(links.all().map(|link| link.landed() as f64)));
    Ok(())
}
