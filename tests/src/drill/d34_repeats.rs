//! D34: every change is asked for three times, and one answer in five is lost on its way to whoever asked. Each request is carried out
//! once, and every repetition has the same answer. At the same time every method that changes something is asked for again after its
//! answer was lost, at an installation without workers, where nothing else moves.

use super::every_change;
use super::yard::{Plan, Scene, Yard};
use super::{Outcome, Settings};
use crate::proxy::Weather;
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};

/// Answers lost of a thousand.
const LOST: u32 = 200;
/// How often each change is asked for again.
const ECHOES: u32 = 2;

pub(super) async fn run(settings: Settings) -> Result<Outcome> {
    let (mut outcome, walked) = tokio::try_join!(work(settings), every_change::walk(settings))?;
    outcome.require(walked.faults_landed >= walked.quota, || {
        format!("only {} of {} methods had their answer lost", walked.faults_landed, walked.quota)
    });
    outcome.missed.extend(walked.missed);
    outcome.figures.insert("methods_whose_answer_was_lost", walked.faults_landed as f64);
    Ok(outcome)
}

async fn work(settings: Settings) -> Result<Outcome> {
    let mut yard = Yard::start(settings, Plan { latency_ms: 5, ..Plan::default() }).await?;
    for person in &mut yard.people {
        person.echoes = ECHOES;
    }
    let outcome = yard.work(lose).await?;
    let mut outcome = yard.repeat_requests(outcome).await?;
    for person in &yard.people {
        for disagreement in &person.disagreements {
            outcome.missed.push(disagreement.clone());
        }
    }
    yard.judge(outcome).await
}

async fn lose(scene: &mut Scene<'_>) -> Result<()> {
    scene.outcome.quota = scene.settings.quota(40, 400);
    let api = &scene.installation.links().api;
    api.weather(Weather { lose_replies_per_mille: LOST, ..Weather::default() });
    let began = Instant::now();
    while api.landed() < scene.outcome.quota {
        ensure!(began.elapsed() < scene.settings.patience(), "too few answers were lost");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    scene.outcome.faults_landed = api.landed();
    Ok(())
}
