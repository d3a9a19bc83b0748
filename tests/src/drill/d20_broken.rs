//! D20: the directory answers 503 to everything for a minute, and then to a fifth of all calls for ten. Calls stop after a few failures, one
//! at a time finds out whether it is back, and what is made again for the failures stays in proportion.

use super::journal::{Call, breaker, calls_after, last};
use super::yard::{COMPANIES, OUTAGE_WAIT, Plan, Scene, Yard};
use super::{Outcome, Pace, Settings};
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Failures before calls stop.
const MOST_FAILURES: usize = 10;
/// Work goes on so soon after the directory is back: the longest wait between two calls that try, and a quarter of it, at the full pace.
const BACK: Duration = Duration::from_secs(75);
/// Calls over those that a directory in good health would get.
const MOST_REPEATED: f64 = 3.0;
/// Between two looks at the journal.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

pub(super) async fn run(settings: Settings) -> Result<Outcome> {
    Yard::start(settings, Plan { latency_ms: 5, ..Plan::default() }).await?.run(break_it).await
}

async fn break_it(scene: &mut Scene<'_>) -> Result<()> {
    // Each company's calls before they stop, and some that try.
    scene.outcome.quota = scene.settings.quota(20, 60);
    scene.busy().await?;
    let all = burst(scene, 100, scene.settings.time(Duration::from_secs(60)), 1).await?;
    scene.goes_on_within(BACK).await?;
    for company in COMPANIES {
        let failed: Vec<Call> =
            all.iter().filter(|call| call.company_id == Some(company) && call.status == 503).cloned().collect();
        let (before, wrong) = breaker(&failed, scene.settings.time(OUTAGE_WAIT));
        scene.outcome.require((1..=MOST_FAILURES).contains(&before), || {
            format!("{before} calls of company {company} failed before they stopped")
        });
        scene.outcome.require(wrong == 0, || format!("{wrong} calls of company {company} did not try alone"));
        let figure = scene.outcome.figures.entry("most_failures_before_the_stop").or_default();
        *figure = figure.max(before as f64);
    }
    let lasts = match scene.settings.pace {
        Pace::Fast => Duration::from_secs(8),
        Pace::Full => Duration::from_secs(600),
    };
    let wanted = usize::try_from(scene.outcome.quota)?.saturating_sub(failures(&all));
    let some = burst(scene, 20, lasts, wanted).await?;
    let (failed, made) = (failures(&some), some.len());
    let ratio = made as f64 / made.saturating_sub(failed).max(1) as f64;
    scene.outcome.figures.insert("calls_over_needed", ratio);
    scene.outcome.require(ratio <= MOST_REPEATED, || format!("{made} calls were made of which {failed} failed"));
    scene.outcome.faults_landed = (failures(&all) + failed) as u64;
    scene.goes_on_within(BACK).await
}

fn failures(calls: &[Call]) -> usize {
    calls.iter().filter(|call| call.status == 503).count()
}

/// Lets so many percent of all calls fail for a while, and until so many have; answers the calls made meanwhile.
async fn burst(scene: &mut Scene<'_>, percent: u32, lasts: Duration, wanted: usize) -> Result<Vec<Call>> {
    let before = last(&scene.observer).await?;
    let matching = json!({ "probability": f64::from(percent) / 100.0, "seed": scene.settings.seed });
    let fault = json!({ "match": matching, "action": { "kind": "status", "status": 503 } });
    scene.observer.admin("POST", "/faults", fault).await?;
    let began = Instant::now();
    while began.elapsed() < lasts || failures(&calls_after(&scene.observer, before).await?) < wanted {
        ensure!(began.elapsed() < lasts + scene.settings.patience(), "too few calls failed");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    scene.observer.admin("DELETE", "/faults", Value::Null).await?;
    calls_after(&scene.observer, before).await
}
