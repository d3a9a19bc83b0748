//! D4, D5, D6: Redis is killed, loses what it did not write yet, is emptied, and is replaced by an empty one. Nothing in it is the only
//! copy of anything, so this costs seconds, and no process ends.

use super::yard::{Plan, Scene, Yard};
use super::{Outcome, Settings};
use anyhow::Result;
use std::time::Duration;
use tokio::task::block_in_place;

/// Workers do something again so soon after Redis is back.
const BACK: Duration = Duration::from_secs(10);
/// And so soon after it lost what it had.
const REFILLED: Duration = Duration::from_secs(60);
/// Between two faults.
const BETWEEN: Duration = Duration::from_secs(4);

/// D4: kill -9, ten times, and a new start after three seconds.
pub(super) async fn killed(settings: Settings) -> Result<Outcome> {
    Yard::start(settings, Plan::default()).await?.run(kill).await
}

async fn kill(scene: &mut Scene<'_>) -> Result<()> {
    scene.outcome.quota = 10;
    while scene.outcome.faults_landed < scene.outcome.quota {
        scene.outcome.faults_landed += u64::from(scene.busy().await? > 0);
        block_in_place(|| scene.installation.redis.kill());
        scene.pause(Duration::from_secs(3)).await;
        block_in_place(|| scene.installation.redis.restart());
        scene.goes_on_within(BACK).await?;
        scene.pause(BETWEEN).await;
    }
    Ok(())
}

/// D5: what Redis wrote in the last two seconds is gone.
pub(super) async fn without_power(settings: Settings) -> Result<Outcome> {
    Yard::start(settings, Plan::default()).await?.run(lose_power).await
}

async fn lose_power(scene: &mut Scene<'_>) -> Result<()> {
    scene.outcome.quota = scene.settings.quota(5, 10);
    while scene.outcome.faults_landed < scene.outcome.quota {
        let length = scene.installation.redis.log_length();
        scene.pause(Duration::from_secs(2)).await;
        scene.busy().await?;
        let lost = scene.installation.redis.log_length() > length;
        block_in_place(|| {
            scene.installation.redis.lose_power(length);
            scene.installation.redis.restart();
        });
        scene.outcome.faults_landed += u64::from(lost);
        scene.goes_on_within(REFILLED).await?;
        scene.pause(BETWEEN).await;
    }
    Ok(())
}

/// D6: FLUSHALL in the middle, and a new and empty Redis in the place of the old one.
pub(super) async fn emptied(settings: Settings) -> Result<Outcome> {
    Yard::start(settings, Plan::default()).await?.run(empty).await
}

async fn empty(scene: &mut Scene<'_>) -> Result<()> {
    scene.outcome.quota = scene.settings.quota(6, 12);
    while scene.outcome.faults_landed < scene.outcome.quota {
        scene.outcome.faults_landed += u64::from(scene.busy().await? > 0);
        if scene.outcome.faults_landed.is_multiple_of(2) {
            block_in_place(|| scene.installation.redis.flush());
        } else {
            block_in_place(|| {
                scene.installation.redis.lose_power(0);
                scene.installation.redis.restart();
            });
        }
        scene.goes_on_within(REFILLED).await?;
        scene.pause(BETWEEN).await;
    }
    Ok(())
}
