//! Workers for the bench: in the case's own runtime, to be stopped, or in one of their own, to be killed.
//!
//! A killed worker has a runtime of its own that is torn down wherever its tasks stand, as a killed process would be; what it leaves is
//! what is in the database.

use super::{Bench, PATIENCE, open};
use crate::redis::RedisServer;
use linkyard_procore::Procore;
use linkyard_queue::{BudgetArgs, Doorbell, MemoryBudget, Redis, RedisArgs};
use linkyard_worker::{Perform, WorkerArgs};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A worker that runs in the test's own runtime.
#[derive(Debug)]
pub struct Worker {
    /// Its doorbell.
    pub doorbell: Doorbell,
    shutdown: CancellationToken,
    running: JoinHandle<linkyard_core::Result<()>>,
}

impl Worker {
    /// Waits until it has ended by itself.
    pub async fn ended(self) {
        self.running.await.expect("the worker does not panic").expect("the worker ends orderly");
    }

    /// Asks it to stop and waits for it.
    pub async fn stop(self) {
        self.shutdown.cancel();
        self.ended().await;
    }
}

/// A worker in a runtime of its own, to be killed.
#[derive(Debug)]
pub struct Doomed(Runtime);

impl Doomed {
    /// Ends it wherever it stands.
    pub async fn kill(self) {
        let runtime = self.0;
        tokio::task::spawn_blocking(move || runtime.shutdown_timeout(PATIENCE)).await.expect("the runtime ends");
    }
}

impl Bench {
    /// Settings with which nothing takes long.
    #[must_use]
    pub fn args() -> WorkerArgs {
        WorkerArgs {
            lease_ms: 3_000,
            renew_ms: 50,
            drain_ms: 10_000,
            backoff_first_ms: 1,
            backoff_most_ms: 20_000,
            attempts: 4,
            tick_ms: 10,
            ..WorkerArgs::default()
        }
    }

    /// A client of the simulator, with a budget of its own that hardly limits: a new process has both.
    #[must_use]
    pub fn procore(&self) -> Procore {
        procore(&self.simulator.url(), self.per_page)
    }

    /// Starts a worker.
    #[must_use]
    pub fn work(&self) -> Worker {
        self.work_as(Self::args(), linkyard_worker::jobs::registry())
    }

    /// Starts a worker with other settings and other work.
    #[must_use]
    pub fn work_as(&self, args: WorkerArgs, perform: Perform) -> Worker {
        self.work_over(Doorbell::default(), args, perform)
    }

    /// Starts one of several workers, over `redis`.
    #[must_use]
    pub fn work_shared(&self, redis: &RedisServer, args: WorkerArgs, perform: Perform) -> Worker {
        self.work_over(shared(&redis.args()), args, perform)
    }

    fn work_over(&self, doorbell: Doorbell, args: WorkerArgs, perform: Perform) -> Worker {
        let shutdown = CancellationToken::new();
        let worker =
            linkyard_worker::run_with(self.store.clone(), doorbell.clone(), self.procore(), args, shutdown.clone(), perform);
        Worker { doorbell, shutdown, running: tokio::spawn(worker) }
    }

    /// Starts a worker that is going to be killed.
    #[must_use]
    pub fn work_until_killed(&self) -> Doomed {
        self.doomed(Doorbell::default, Self::args(), linkyard_worker::jobs::registry())
    }

    /// Starts one of several workers, over `redis`, that is going to be killed.
    #[must_use]
    pub fn work_shared_until_killed(&self, redis: &RedisServer, args: WorkerArgs, perform: Perform) -> Doomed {
        let redis = redis.args();
        self.doomed(move || shared(&redis), args, perform)
    }

    /// A worker with everything of its own: the doorbell is made where it is going to die.
    fn doomed(&self, doorbell: impl FnOnce() -> Doorbell + Send + 'static, args: WorkerArgs, perform: Perform) -> Doomed {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let (url, simulator, key, per_page) = (self.database_url.clone(), self.simulator.url(), self.key.clone(), self.per_page);
        runtime.spawn(async move {
            let store = open(&url, &key).await;
            let never = CancellationToken::new();
            linkyard_worker::run_with(store, doorbell(), procore(&simulator, per_page), args, never, perform).await
        });
        Doomed(runtime)
    }
}

fn procore(simulator: &str, per_page: u32) -> Procore {
    let mut args = linkyard_procore::Args::simulator(simulator, "simulator-client", "simulator-secret");
    (args.vendors_per_page, args.projects_per_page) = (per_page, per_page);
    let free = BudgetArgs {
        initial_spike_limit: 1_000_000,
        initial_hour_limit: 1_000_000,
        outage_first_wait_ms: 50,
        outage_most_wait_ms: 200,
        ..BudgetArgs::default()
    };
    let second = Duration::from_secs(1);
    let settings =
        linkyard_procore::Settings { read_idle: 2 * second, total: 4 * second, ..linkyard_procore::Settings::default() };
    Procore::with_settings(&args, Arc::new(MemoryBudget::new(&free)), settings).expect("a client")
}

fn shared(redis: &RedisArgs) -> Doorbell {
    Doorbell::shared(Redis::new(redis).expect("an address"))
}
