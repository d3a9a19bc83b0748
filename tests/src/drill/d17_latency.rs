//! D17: every way in turn has a long latency. Throughput falls as the law of concurrency says and not further: three slots do three times
//! what one does; and nobody loses a lease for it. (More slots than that compute more than a machine of two cores does in the time that
//! calls wait, and then the machine is what is measured.)

use super::crowd::{Rows, gather};
use super::yard::{Plan, Scene, Yard};
use super::{Outcome, Pace, Settings};
use crate::installation::Links;
use crate::proxy::{Proxy, Weather};
use anyhow::{Context, Result, ensure};
use std::time::{Duration, Instant};

/// Workers of one slot each, in the end.
const SLOTS: u32 = 3;
/// Providers: a slot finds jobs of each of them, because no provider has all slots.
const PROVIDERS: u32 = 3;
/// Jobs of each provider that each slot does in turn. Fewer would measure the one job that a busy machine held up.
const TURNS: u32 = 3;
/// Jobs of each provider before anything is measured.
const WARM: u32 = 10;
/// Whose jobs they are.
const OF: &str = "p.company_id >= 5000";
/// Of what the law says, at least. A machine that others keep busy computes for longer at the fast pace than it waits at times; slots that
/// wait for each other would do a third.
fn at_least(pace: Pace) -> f64 {
    match pace {
        Pace::Fast => 0.7,
        Pace::Full => 0.8,
    }
}

/// A way that jobs use.
struct Way {
    of: fn(&Links) -> &Proxy,
    /// At the fast pace its latency is so many times as long, because a job goes it so many times less than the other ways: beside its wait,
    /// what a busy machine computes for a job has to be little.
    longer: u32,
}

const WAYS: [Way; 3] = [
    Way { of: |links| &links.postgres, longer: 1 },
    Way { of: |links| &links.redis, longer: 1 },
    Way { of: |links| &links.simulator, longer: 4 },
];

fn latencies(settings: Settings, way: &Way) -> Vec<Duration> {
    match settings.pace {
        Pace::Fast => vec![settings.time(Duration::from_secs(1)) * way.longer],
        Pace::Full => [50, 200, 1_000].map(Duration::from_millis).to_vec(),
    }
}

pub(super) async fn run(settings: Settings) -> Result<Outcome> {
    // A machine that others keep busy may stand still for two seconds, and that is not what is drilled.
    let fast_lease = Duration::from_secs(60);
    let plan = Plan { workers: 1, concurrency: 1, latency_ms: 0, page: 1_000, fast_lease, ..Plan::default() };
    let mut yard = Yard::start(settings, plan).await?;
    yard.people.truncate(1);
    let api = yard.installation.api(0);
    let person = yard.people.first_mut().context("a tenant")?;
    person.connect().await?;
    person.fetch(false).await?;
    gather(person, &api, 5_000..5_000 + i64::from(PROVIDERS)).await?;
    let outcome = yard.damage(slow_down).await?;
    yard.judge(outcome).await
}

async fn slow_down(scene: &mut Scene<'_>) -> Result<()> {
    scene.outcome.quota = scene.settings.quota(100, 1_000);
    let alone = measured(scene, "one", 1).await?;
    for _ in 1..SLOTS {
        scene.installation.start_worker()?;
    }
    let began = Instant::now();
    while scene.store.workers_alive(60_000).await?.len() < SLOTS as usize {
        ensure!(began.elapsed() < scene.settings.patience(), "the workers do not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Nobody's first jobs are measured: they log in, open connections and have each statement prepared on each of them.
    let warm = Rows { key: "warm", kind: "test_connection", of: OF, each: WARM, apart_ms: 0 };
    warm.write(scene.sql).await;
    warm.ended(scene, async |_| Ok(())).await?;
    let together = measured(scene, "all", SLOTS).await?;
    let mut least = f64::MAX;
    for (one, all) in alone.iter().zip(&together) {
        least = least.min(all / (one * f64::from(SLOTS)));
    }
    scene.outcome.figures.insert("least_of_the_law", least);
    scene.outcome.require(least >= at_least(scene.settings.pace), || {
        format!("with {SLOTS} slots {together:?} jobs ended per second, with one {alone:?}: {least:.2} of what slots allow")
    });
    let lost = scene.sql.number("select count(*) from job where taken_over").await;
    scene.outcome.require(lost == 0, || format!("{lost} jobs lost their lease to latency"));
    scene.outcome.faults_landed = scene.installation.links().landed();
    Ok(())
}

/// Jobs per second of so many slots, on each way with each latency.
async fn measured(scene: &mut Scene<'_>, name: &str, slots: u32) -> Result<Vec<f64>> {
    let mut rates = Vec::new();
    for (number, way) in WAYS.iter().enumerate() {
        for latency in latencies(scene.settings, way) {
            (way.of)(scene.installation.links()).weather(Weather { latency, ..Weather::default() });
            let key = format!("{name}-{number}-{}", latency.as_millis());
            let rows = Rows { key: &key, kind: "test_connection", of: OF, each: slots * TURNS, apart_ms: 0 };
            rows.write(scene.sql).await;
            rows.ended(scene, async |_| Ok(())).await?;
            (way.of)(scene.installation.links()).weather(Weather::default());
            rates.push(rows.per_second(scene.sql, slots).await?);
        }
    }
    Ok(rates)
}
