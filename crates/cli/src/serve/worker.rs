//! `linkyard worker`: jobs alone, over a database that is shared with control processes and other workers.

use super::metrics::{Metrics, MetricsArgs};
use super::sealing::SealingArgs;
use super::signal::stop_token;
use anyhow::{Context, Result};
use linkyard_procore::Procore;
use linkyard_queue::{BudgetArgs, Doorbell, MemoryBudget};
use linkyard_worker::WorkerArgs;
use std::sync::Arc;

/// Run jobs from a database that is shared with control processes.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct WorkerCommandArgs {
    /// The database.
    #[command(flatten)]
    pub database: linkyard_store::Args,

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
    let store = super::migrate::open_current(&args.database, sealing.key).await?;
    metrics.serve(&store, stop.clone())?;
    let budget = Arc::new(MemoryBudget::new(&args.budget));
    let procore = Procore::new(&args.procore, budget).context("the client of Procore can not be made")?;
    linkyard_worker::run(store, Doorbell::default(), procore, args.worker, stop).await.context("the worker ended")
}
