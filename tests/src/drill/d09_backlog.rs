//! D9: ten times more jobs than usual wait when the first worker comes, and three more come later. Redis never holds more than a bounded
//! number of ids, a new tenant with one job is served at once, and no process grows.

use super::crowd::{Rows, gather};
use super::person::Person;
use super::yard::{COMPANIES, Plan, Scene, Yard};
use super::{Outcome, Settings};
use anyhow::{Context, Result, ensure};
use std::time::{Duration, Instant};
use tokio::task::block_in_place;

/// Imports of files that are not there: each goes the whole way of a job, and whoever takes it finds nothing to do.
const NOTHING_TO_DO: &str = "import_decisions";
/// Slots of each worker.
const SLOTS: u32 = 16;
/// The company of somebody who has work in the middle.
const NEW: i64 = 4_244;
/// Ids that may wait in Redis, in all lanes together.
const MOST_WAITING: u64 = 1_000;
/// The jobs of somebody new.
const OF_NEWCOMER: &str = "provider_id in (select id from provider where company_id = 4244)";
/// When the last of them started.
const SERVED: &str =
    "(select max(started_at_ms) from job where provider_id in (select id from provider where company_id = 4244))";
/// A job of somebody new starts in this time.
const SERVED_MS: i64 = 5_000;
/// By so much a process may grow.
const GROWTH_MIB: f64 = 64.0;

pub(super) async fn run(settings: Settings) -> Result<Outcome> {
    let plan = Plan { workers: 1, concurrency: SLOTS as usize, latency_ms: 0, page: 1_000, ..Plan::default() };
    let mut yard = Yard::start(settings, plan).await?;
    yard.people.truncate(1);
    let api = yard.installation.api(0);
    let person = yard.people.first_mut().context("a tenant")?;
    person.connect().await?;
    person.fetch(false).await?;
    let newcomer = gather(person, &api, NEW..NEW + 1).await?.pop().context("somebody new")?;
    yard.installation.stop_worker(0).await?;
    // The mountain says of nothing that it is done, and to look at each of its jobs costs more than to do it.
    let lies = yard.watched().await?;
    let mut outcome = yard.damage(async |scene| pile_up(scene, newcomer).await).await?;
    outcome.problems.extend(lies);
    yard.judge(outcome).await
}

async fn pile_up(scene: &mut Scene<'_>, mut newcomer: Person) -> Result<()> {
    let of = format!("p.company_id = {}", COMPANIES[0]);
    let each = scene.settings.items * 10;
    let backlog = Rows { key: "backlog", kind: NOTHING_TO_DO, of: &of, each, apart_ms: 0 };
    backlog.write(scene.sql).await;
    scene.outcome.quota = u64::from(each);
    scene.installation.start_worker()?;
    let began = Instant::now();
    while backlog.count(scene.sql, "started_at_ms is not null").await == 0 {
        ensure!(began.elapsed() < scene.settings.patience(), "nobody takes up the backlog");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let before = memory(scene)?;
    let (mut most, mut left) = (0, None);
    backlog
        .ended(scene, async |scene| {
            most = most.max(waiting(scene));
            if left.is_none() && backlog.left(scene.sql).await < i64::from(each - each / 4) {
                for _ in 0..3 {
                    scene.installation.start_worker()?;
                }
                newcomer.fetch(false).await?;
                left = Some(backlog.count(scene.sql, &format!("finished_at_ms is null or finished_at_ms > {SERVED}")).await);
            }
            Ok(())
        })
        .await?;
    scene.outcome.faults_landed = u64::try_from(backlog.count(scene.sql, "state = 'succeeded'").await).unwrap_or_default();
    scene.outcome.figures.insert("jobs_per_second", backlog.per_second(scene.sql, SLOTS).await?);
    scene.outcome.figures.insert("most_ids_in_redis", most as f64);
    scene.outcome.require(most <= MOST_WAITING, || format!("{most} ids waited in Redis"));
    let growth = memory(scene)?.iter().zip(&before).map(|(after, before)| after - before).fold(0.0, f64::max);
    scene.outcome.figures.insert("growth_mib", growth);
    scene.outcome.require(growth <= GROWTH_MIB, || format!("a process grew by {growth:.0} MiB"));
    served(scene, left.unwrap_or_default()).await;
    Ok(())
}

/// The newcomer's jobs waited hardly, while the backlog did.
async fn served(scene: &mut Scene<'_>, left: i64) {
    let longest = format!("select coalesce(max(started_at_ms - run_at_ms), 0) from job where {OF_NEWCOMER}");
    let wait_ms = scene.sql.number(&longest).await;
    scene.outcome.figures.insert("newcomer_longest_wait_ms", wait_ms as f64);
    scene.outcome.figures.insert("backlog_when_the_newcomer_was_served", left as f64);
    scene.outcome.require(left > 0, || "the backlog was gone when somebody new came".to_owned());
    scene.outcome.require(wait_ms <= SERVED_MS, || format!("a job of a new tenant waited {wait_ms} ms"));
}

/// Ids in the lists of Redis now.
fn waiting(scene: &Scene<'_>) -> u64 {
    let lanes = ["person", "push", "background"].map(|lane| format!("{{ly}}:waiting:{lane}"));
    block_in_place(|| lanes.iter().filter_map(|lane| scene.installation.redis.length(lane).ok()).sum())
}

/// What the workers and the control take of the memory, MiB.
fn memory(scene: &Scene<'_>) -> Result<Vec<f64>> {
    let first = scene.installation.living().into_iter().next().context("a worker")?;
    let worker = scene.installation.worker_process(first).context("its process")?;
    let control = scene.installation.control_process(0).context("the control's process")?;
    [worker, control].into_iter().map(resident_mib).collect()
}

fn resident_mib(process: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).context("a process of this machine")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("its resident memory")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().context("a number of KiB")?;
    Ok(kib / 1_024.0)
}
