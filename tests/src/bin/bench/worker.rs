//! Worker processes of a benchmark: the product's worker as it is, with work that takes a given time behind every kind of job, because the
//! way of a job to its work and back is what is measured. Only this program has such a worker.

use crate::simulator::{self, Simulator};
use anyhow::{Context, Result};
use linkyard_core::job::Outcome;
use linkyard_queue::{Doorbell, Redis, RedisArgs};
use linkyard_store::{SealingKey, Store};
use linkyard_tests::redis::RedisServer;
use linkyard_worker::{Perform, WorkerArgs};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What a worker process of a benchmark is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    database: linkyard_store::Args,

    /// Redis; without it ids wait in this process.
    #[arg(long)]
    redis_url: Option<String>,

    /// A simulator: the jobs are the product's, over its company. Without it they do nothing.
    #[arg(long)]
    directory: Option<String>,

    #[command(flatten)]
    worker: WorkerArgs,

    /// How long each job that does nothing takes, in milliseconds.
    #[arg(long, default_value_t = 0)]
    work_ms: u64,
}

/// Runs one until it is killed.
pub(crate) async fn run(args: &Args) -> Result<()> {
    let store = Store::connect(&args.database, SealingKey::generate()).await?;
    let doorbell = match &args.redis_url {
        None => Doorbell::default(),
        Some(url) => Doorbell::shared(Redis::new(&RedisArgs { redis_url: url.clone(), redis_tag: "ly".to_owned() })?),
    };
    let (never, worker) = (CancellationToken::new(), args.worker.clone());
    match &args.directory {
        None => work(store, doorbell, worker, never, working(Duration::from_millis(args.work_ms))).await,
        Some(url) => Ok(linkyard_worker::run(store, doorbell, simulator::client(url)?, worker, never).await?),
    }
}

/// The product's worker over `perform`, in this process. It reaches no directory: no job here calls one.
pub(crate) async fn work(
    store: Store,
    doorbell: Doorbell,
    args: WorkerArgs,
    shutdown: CancellationToken,
    perform: Perform,
) -> Result<()> {
    let nowhere = simulator::client("http://127.0.0.1:9")?;
    Ok(linkyard_worker::run_with(store, doorbell, nowhere, args, shutdown, perform).await?)
}

/// Work that takes this long and does nothing.
pub(crate) fn working(time: Duration) -> Perform {
    Arc::new(move |_, _, _| {
        Box::pin(async move {
            if !time.is_zero() {
                tokio::time::sleep(time).await;
            }
            Ok(Outcome::Done(serde_json::json!({})))
        })
    })
}

/// Running worker processes; dropping them kills them.
#[derive(Debug)]
pub(crate) struct Workers(Vec<Child>);

impl Workers {
    /// Starts so many with these slots each, over `redis`.
    pub(crate) fn start(count: usize, slots: usize, work: Duration, database_url: &str, redis: &RedisServer) -> Result<Self> {
        let told = [
            format!("--database-url={database_url}"),
            format!("--redis-url={}", redis.url()),
            format!("--concurrency={slots}"),
            format!("--work-ms={}", work.as_millis()),
        ];
        (0..count).map(|_| process(&told)).collect::<Result<Vec<Child>>>().map(Self)
    }

    /// Starts one whose jobs are the product's, over the company of a simulator.
    pub(crate) fn importing(database_url: &str, redis: Option<&RedisServer>, simulator: &Simulator) -> Result<Self> {
        let mut told = vec![format!("--database-url={database_url}"), format!("--directory={}", simulator.url())];
        told.extend(redis.map(|redis| format!("--redis-url={}", redis.url())));
        Ok(Self(vec![process(&told)?]))
    }

    /// The most memory that the first one held so far, MiB.
    pub(crate) fn peak_mib(&self) -> Result<f64> {
        let process = self.0.first().context("a worker")?.id();
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kib / 1024.0)
    }
}

fn process(told: &[String]) -> Result<Child> {
    let mut command = Command::new(std::env::current_exe().context("this program's own file")?);
    command.arg("worker").args(told).stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().context("a worker can be started")
}

impl Drop for Workers {
    fn drop(&mut self) {
        for child in &mut self.0 {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
