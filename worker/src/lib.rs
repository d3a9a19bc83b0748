//! The worker: takes runnable jobs from the ledger and runs them.
//!
//! Lives here: the feeder (ledger to doorbell), the renewal of leases, the runner (claim, run, write the end) and the jobs, one file each.
//! Does not live here: SQL (the store's), how ids reach a slot (the queue's), calls to Procore, and the API, of which jobs know nothing.

#![forbid(unsafe_code)]

mod args;
mod calls;
mod context;
mod feeder;
mod finish;
mod gatekeeper;
mod grouped;
mod heartbeat;
pub mod jobs;
mod progress;
mod runner;
mod running;
mod schedule;
mod suggestions;

pub use args::{Pace, WorkerArgs};
pub use context::Context;
pub use finish::PANIC;
pub use gatekeeper::gatekeeper;
pub use progress::Progress;
pub use runner::Perform;
pub use suggestions::{Computed, Pass};

use calls::Calls;
use context::Upstream;
use feeder::Feeding;
use heartbeat::Heartbeat;
use linkyard_core::id::WorkerId;
use linkyard_core::{Error, Result};
use linkyard_procore::Procore;
use linkyard_queue::Doorbell;
use linkyard_store::Store;
use runner::Runner;
use running::Running;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Runs jobs until `shutdown`; then takes no more, lets running ones reach a checkpoint, and releases those that take longer than the
/// drain time, so that no other worker has to wait for a lease. Dropping the future ends everything at once.
///
/// # Errors
/// `Internal` when a part of it ends early, which is a defect: whoever runs it should end the process.
pub async fn run(
    store: Store,
    doorbell: Doorbell,
    procore: Procore,
    args: WorkerArgs,
    shutdown: CancellationToken,
) -> Result<()> {
    run_with(store, doorbell, procore, args, shutdown, jobs::registry()).await
}

/// As [`run`], with other work behind the kinds: for tests of the runner itself.
///
/// # Errors
/// As [`run`].
#[doc(hidden)]
pub async fn run_with(
    store: Store,
    doorbell: Doorbell,
    procore: Procore,
    args: WorkerArgs,
    shutdown: CancellationToken,
    perform: Perform,
) -> Result<()> {
    // A person may stop this process alone; whoever started it may stop it as well.
    let shutdown = shutdown.child_token();
    let (timing, running, id) = (args.timing(), Arc::<Running>::default(), WorkerId::generate());
    let owner = id.to_string();
    let (role, calls) = (Arc::<AtomicBool>::default(), Arc::<Calls>::default());
    let (kill, ended) = (CancellationToken::new(), CancellationToken::new());
    let _kill_when_dropped = kill.clone().drop_guard();
    let runner = Arc::new(Runner {
        store: store.clone(),
        upstream: Upstream::new(procore, calls.clone()),
        running: running.clone(),
        doorbell: doorbell.clone(),
        perform,
        claims: grouped::claims(store.clone(), owner.clone(), timing.lease_ms),
        providers: grouped::providers(store.clone()),
        ends: grouped::ends(store.clone()),
        timing,
        keep: args.keep(),
        stop: shutdown.clone(),
        kill: kill.clone(),
    });
    tracing::info!(owner, concurrency = args.concurrency, "the worker takes jobs");
    let feeding = Feeding {
        store: store.clone(),
        doorbell: doorbell.clone(),
        running: running.clone(),
        owner,
        concurrency: args.concurrency,
        provider_percent: args.provider_percent,
        timing,
        role: role.clone(),
    };
    let feeder = feeder::feed(feeding, shutdown.clone());
    let feeder = Part::start("feeder", feeder);
    let schedules =
        Part::start("schedules", schedule::keep(store.clone(), role, doorbell.clone(), args.schedules(), shutdown.clone()));
    let heartbeat = Heartbeat::new(id, store.clone(), (running.clone(), calls), &args, timing.renew, shutdown.clone());
    let heartbeat = Part::start("heartbeat", heartbeat.beat_until(ended.clone()));
    let renewal = Part::start("renewal of leases", running::renew_leases(store, running, timing, ended.clone()));
    let draining = shutdown.clone();
    let _drain = Part::start("drain", async move {
        draining.cancelled().await;
        tokio::time::sleep(timing.drain).await;
        kill.cancel();
    });
    let jobs = async move {
        let result = linkyard_queue::run(doorbell, args.concurrency, move |id| runner.clone().run(id), shutdown).await;
        ended.cancel();
        result
    };
    tokio::try_join!(jobs, feeder.ended(), schedules.ended(), renewal.ended(), heartbeat.ended())?;
    tracing::info!("the worker has stopped");
    Ok(())
}

/// A part of the process that runs beside the others; ends with its owner.
struct Part {
    name: &'static str,
    task: JoinHandle<()>,
}

impl Part {
    fn start(name: &'static str, work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { name, task: tokio::spawn(work) }
    }

    /// Waits for its orderly end.
    async fn ended(mut self) -> Result<()> {
        let result = (&mut self.task).await;
        result.map_err(|error| Error::internal(format!("the {} ended early", self.name), error))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.task.abort();
    }
}
