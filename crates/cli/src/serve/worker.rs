//! `linkyard worker`: jobs alone, over a database and a Redis that are shared with control processes and other workers.

use super::metrics::{Metrics, MetricsArgs};
use super::sealing::SealingArgs;
use super::signal::stop_token;
use anyhow::{Context, Result};
use linkyard_procore::Procore;
use linkyard_queue::{BudgetArgs, Doorbell, Redis, RedisArgs, SharedBudget};
use linkyard_worker::WorkerArgs;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Run jobs from a database that is shared with control processes.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct WorkerCommandArgs {
    /// The database.
    #[command(flatten)]
    pub database: linkyard_store::Args,

    /// Redis.
    #[command(flatten)]
    pub redis: RedisArgs,

    /// Where to tell of the process' health (grpc.health.v1, see `linkyard health`); nowhere unless said.
    #[arg(long, env = "LINKYARD_HEALTH_LISTEN", value_name = "ADDRESS")]
    pub health_listen: Option<SocketAddr>,

    /// The key that seals secrets.
    #[command(flatten)]
    pub sealing: SealingArgs,

    /// Where Procore is.
    #[command(flatten)]
    pub procore: linkyard_procore::Args,

    /// Slots, leases, waits.
    #[command(flatten)]
    pub worker: WorkerArgs,

    /// How calls are counted.
    #[command(flatten)]
    pub budget: BudgetArgs,

    /// What is measured.
    #[command(flatten)]
    pub metrics: MetricsArgs,
}

/// Runs until told to stop.
///
/// # Errors
/// When the database can not be used, or a part of the worker ends by itself.
pub async fn run(args: WorkerCommandArgs) -> Result<()> {
    let stop = stop_token()?;
    let metrics = Metrics::record(&args.metrics).await?;
    let sealing = args.sealing.load()?;
    let redis = Redis::new(&args.redis)?;
    let store = super::migrate::open_current(&args.database, sealing.key).await?;
    metrics.serve(&store, stop.clone())?;
    let budget = Arc::new(SharedBudget::new(&args.budget, redis.clone()));
    let procore = Procore::new(&args.procore, budget).context("the client of Procore can not be made")?;
    let (work, ended) = (store.clone(), CancellationToken::new());
    let work = async {
        let result = linkyard_worker::run(work, Doorbell::shared(redis), procore, args.worker, stop).await;
        ended.cancel();
        result.context("the worker ended")
    };
    let health = async {
        match args.health_listen {
            None => Ok(()),
            Some(address) => super::health::serve(super::yard::listen(address).await?, store, ended.clone()).await,
        }
    };
    tokio::try_join!(work, health).map(|_| ())
}
