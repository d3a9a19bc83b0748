//! D4, D5, D6: Redis is killed, loses what it did not write yet, is emptied, and is replaced by an empty one. Nothing in it is the only
//! copy of anything, so this costs seconds, and no process ends.

use super::journal::{calls_after, most_within};
use super::yard::{COMPANIES, Plan, Scene, Yard};
use super::{Outcome, Pace, Settings};
use anyhow::Result;
use std::time::{Duration, Instant};
use tokio::task::block_in_place;

/// Workers do something again so soon after Redis is back.
const BACK: Duration = Duration::from_secs(10);
/// And so soon after it lost what it had.
const REFILLED: Duration = Duration::from_secs(60);
/// The rolling window of the directory at the full pace.
const WINDOW: Duration = Duration::from_secs(10);
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
    let window_ms = settings.time(WINDOW).as_millis();
    let simulator = vec![format!("--spike-limit={}", limit(settings)), format!("--spike-window-ms={window_ms}")];
    Yard::start(settings, Plan { latency_ms: 0, simulator, ..Plan::default() }).await?.run(empty).await
}

/// Calls of each company in a window: fewer than its work would make, so that whoever forgot them would make too many.
fn limit(settings: Settings) -> u32 {
    match settings.pace {
        Pace::Fast => 5,
        Pace::Full => 60,
    }
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
    // Whatever was forgotten, the directory never had to say that it gets too many calls, although it got nearly as many as it takes.
    let (limit, window, began) = (limit(scene.settings), scene.settings.time(WINDOW), Instant::now());
    let (calls, most) = loop {
        let calls = calls_after(&scene.observer, 0).await?;
        let of = |company: i64| calls.iter().filter(|call| call.company_id == Some(company)).cloned().collect::<Vec<_>>();
        let most = COMPANIES.iter().map(|id| most_within(&of(*id), window)).max().unwrap_or_default();
        if most * 2 > limit as usize || began.elapsed() > scene.settings.patience() {
            break (calls, most);
        }
        // A busy machine may not have come to it yet.
        scene.pause(BETWEEN).await;
    };
    let refused = calls.iter().filter(|call| call.status == 429).count();
    scene.outcome.require(refused == 0, || format!("{refused} calls came faster than {limit} in a window"));
    scene.outcome.figures.insert("most_calls_within_a_window", most as f64);
    scene.outcome.require(most * 2 > limit as usize, || format!("{most} calls in a window are no test of a limit of {limit}"));
    Ok(())
}
