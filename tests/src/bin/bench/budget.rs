//! `budget`: a thousand calls under Procore's limits (100 in any 10 seconds), made by one, two, four and eight workers that share one
//! budget: how long that takes over the least time in which so many calls fit under the ceiling of work for which nobody waits, and
//! how many were refused. The calls are those of eight fetches of one company with small pages, counted from the simulator's journal.
//! The four installations work at the same time, each with servers of its own: they mostly wait.

use crate::findings::{Findings, Series};
use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use linkyard_core::provider::{ContactsMode, NewProvider};
use linkyard_tests::ground;
use linkyard_tests::installation::{Installation, Told};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// How many workers share the budget.
const WORKERS: [usize; 4] = [1, 2, 4, 8];
/// Fetches at once, so that every worker has one.
const FETCHES: usize = 8;
/// Rows of a page.
const PER_PAGE: usize = 10;
/// The simulator's rolling window: calls, and its length in milliseconds.
const SPIKE: (u64, u64) = (100, 10_000);
/// Of its calls, in percent, those that are not kept for whoever waits.
const NOT_RESERVED_PERCENT: u64 = 90;
/// The installation's company.
const COMPANY: i64 = 4242;
/// How often it is looked whether the work is done.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How much is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Size {
    /// Calls, at least.
    #[arg(long, default_value_t = 1_000)]
    calls: usize,
}

/// What one installation did.
#[derive(Clone, Copy, Debug)]
struct Spent {
    workers: usize,
    calls: u64,
    refused: u64,
    wall_ms: u64,
}

impl Spent {
    /// The least time from the first call to the last one.
    fn least_ms(self) -> u64 {
        (self.calls - 1) / (SPIKE.0 * NOT_RESERVED_PERCENT / 100) * SPIKE.1
    }
}

pub(crate) async fn run(size: &Size, runs: u32) -> Result<Findings> {
    let (mut figures, mut floors, mut ratios) = (Series::default(), Series::default(), Series::default());
    for run in 1..=runs {
        eprintln!("run {run} of {runs}: about {} s", size.calls * 11 / 90 + 30);
        for spent in try_join_all(WORKERS.map(|workers| spend(workers, size.calls))).await? {
            let workers = spent.workers;
            figures.note(format!("{workers}_workers_calls"), spent.calls as f64);
            figures.note(format!("{workers}_workers_refused"), spent.refused as f64);
            figures.note(format!("{workers}_workers_seconds"), spent.wall_ms as f64 / 1_000.0);
            floors.note(format!("{workers}_workers_least_seconds"), spent.least_ms() as f64 / 1_000.0);
            ratios.note(format!("{workers}_workers_seconds_over_least"), spent.wall_ms as f64 / spent.least_ms() as f64);
        }
    }
    let size = BTreeMap::from([("calls", size.calls as u64), ("calls in 10 s allowed", SPIKE.0)]);
    Ok(Findings { size, figures: figures.medians(), floors: floors.medians(), ratios: ratios.medians() })
}

async fn spend(workers: usize, calls: usize) -> Result<Spent> {
    let installation = Installation::start(workers, told(calls)).await?;
    let (store, simulator) = (installation.store().await?, installation.place()?.simulator);
    let scope = ground::tenant(&store, "bench").await;
    let form = ground::platform_form(&store, &scope, COMPANY).await;
    let form = NewProvider { contacts_mode: ContactsMode::None, ..form };
    let provider = store.provider_create(&scope, &form, true, None).await?.0.id;
    installation.sql().await.execute("update provider set schedules = false").await;
    until_idle(&store).await?;
    // The calls of the connection test are out of the window by then.
    tokio::time::sleep(Duration::from_millis(SPIKE.1 + 1_000)).await;
    let before = journal(&simulator, 0).await?.len() as u64;
    for _ in 0..FETCHES {
        ground::fetch(&store, &scope, provider).await;
    }
    until_idle(&store).await?;
    let made = journal(&simulator, before).await?;
    installation.stop().await?;
    let is_call = |entry: &&Value| entry["path"].as_str().is_some_and(|path| path.starts_with("/rest"));
    let started: Vec<u64> = made.iter().filter(is_call).filter_map(|call| call["started_ms"].as_u64()).collect();
    let refused = made.iter().filter(|call| call["status"] == 429).count() as u64;
    let (first, last) = (started.iter().min().context("calls")?, started.iter().max().context("calls")?);
    ensure!(started.len() >= calls, "{} calls were made", started.len());
    Ok(Spent { workers, calls: started.len() as u64, refused, wall_ms: last - first })
}

fn told(calls: usize) -> Told {
    let vendors = calls.div_ceil(FETCHES) * PER_PAGE;
    Told {
        simulator: vec![format!("--vendors={vendors}"), "--projects=1".to_owned(), format!("--spike-limit={}", SPIKE.0)],
        worker: vec![format!("--procore-vendors-per-page={PER_PAGE}")],
        links: None,
    }
}

async fn until_idle(store: &linkyard_store::Store) -> Result<()> {
    while store.jobs_live().await? > 0 {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// What the simulator was asked after its entry number `after`.
async fn journal(simulator: &str, after: u64) -> Result<Vec<Value>> {
    let client = linkyard_tests::plain_http();
    let url = format!("{simulator}/admin/journal?after={after}&limit=10000");
    Ok(client.get(url).send().await?.error_for_status()?.json().await?)
}
