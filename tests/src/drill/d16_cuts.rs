//! D16: the ways to Redis, PostgreSQL and the simulator are cut, reset, and go silent in both directions or in one, for a moment and for
//! long. Silence is found out by ourselves, nobody ends, and work goes on when the way is open again.

use super::yard::{Plan, Scene, Yard};
use super::{Outcome, Pace, Settings};
use crate::installation::Links;
use crate::proxy::{Flow, Proxy, Weather};
use anyhow::Result;
use std::time::{Duration, Instant};

/// Work goes on so soon after a way is open again.
const BACK: Duration = Duration::from_secs(10);

/// Silence on a way is found out in this time, whatever the pace: the limits behind it are fixed.
const DETECTED: Duration = Duration::from_secs(10);
/// How long a directory may be silent at the fast pace.
const FAST_SILENCE: Duration = Duration::from_secs(4);

/// A way, and in which time silence on it is found out.
#[derive(Clone, Copy)]
struct Way {
    name: &'static str,
    link: fn(&Links) -> &Proxy,
    detected: Duration,
}

fn ways(pace: Pace) -> [Way; 3] {
    let simulator = match pace {
        Pace::Fast => DETECTED,
        // Here the other side takes every byte and says nothing, which a slow directory does as well: its answer may begin 15 seconds after
        // the call, and then the job has to be tried again. (A peer that takes nothing any more is found out by TCP, in ten seconds.)
        Pace::Full => DETECTED * 2,
    };
    [
        Way { name: "redis", link: |links| &links.redis, detected: DETECTED },
        Way { name: "postgres", link: |links| &links.postgres, detected: DETECTED },
        Way { name: "simulator", link: |links| &links.simulator, detected: simulator },
    ]
}

pub(super) async fn run(settings: Settings) -> Result<Outcome> {
    let worker = match settings.pace {
        Pace::Fast => vec![format!("--procore-silence-ms={}", FAST_SILENCE.as_millis())],
        Pace::Full => Vec::new(),
    };
    Yard::start(settings, Plan { worker, ..Plan::default() }).await?.run(cut).await
}

async fn cut(scene: &mut Scene<'_>) -> Result<()> {
    // Each of the twelve cuts hits something; each silence as well.
    scene.outcome.quota = 15;
    for way in ways(scene.settings.pace) {
        for outage in [Duration::from_millis(100), Duration::from_secs(5)] {
            scene.busy().await?;
            let link = (way.link)(scene.installation.links());
            link.weather(Weather { flow: Flow::Refused, ..Weather::default() });
            link.cut();
            scene.pause(outage).await;
            open(scene, way).await?;
            scene.busy().await?;
            (way.link)(scene.installation.links()).reset();
            scene.goes_on_within(BACK).await?;
        }
        for flow in [Flow::HalfOpen, Flow::OneWay] {
            scene.busy().await?;
            silence(scene, way, flow).await?;
            open(scene, way).await?;
        }
    }
    scene.outcome.faults_landed = scene.installation.links().landed();
    Ok(())
}

async fn open(scene: &mut Scene<'_>, way: Way) -> Result<()> {
    (way.link)(scene.installation.links()).weather(Weather::default());
    scene.goes_on_within(BACK).await
}

/// Waits until somebody gives a silent connection up: ends it while an answer is due, or opens another one.
async fn silence(scene: &mut Scene<'_>, way: Way, flow: Flow) -> Result<()> {
    let link = (way.link)(scene.installation.links());
    link.weather(Weather { flow, ..Weather::default() });
    let known = || (link.opened(), link.given_up());
    let (began, before) = (Instant::now(), known());
    while known() == before && began.elapsed() < way.detected * 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = began.elapsed();
    let slowest = scene.outcome.figures.entry("slowest_detection_seconds").or_default();
    *slowest = slowest.max(took.as_secs_f64());
    scene.outcome.require(took <= way.detected, || {
        format!("a silent way to {} ({flow:?}) was given up after {took:?}, later than {:?}", way.name, way.detected)
    });
    Ok(())
}
