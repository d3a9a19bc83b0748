//! `linkyard control`: the API and the console alone, over a database that worker processes share, ringing them through Redis.

use super::first_key;
use super::metrics::{Metrics, MetricsArgs};
use super::sealing::SealingArgs;
use super::signal::stop_token;
use super::yard::{console_url, listen, ring};
use crate::output_line;
use anyhow::{Context, Result};
use linkyard_queue::{BudgetArgs, Doorbell, Redis, RedisArgs, SharedBudget};
use linkyard_store::Store;
use std::path::PathBuf;
use std::sync::Arc;

/// Serve the API and the console over a database and a Redis that are shared with workers.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct ControlArgs {
    /// The API.
    #[command(flatten)]
    pub control: linkyard_control::Args,

    /// The database.
    #[command(flatten)]
    pub database: linkyard_store::Args,

    /// Redis.
    #[command(flatten)]
    pub redis: RedisArgs,

    /// How calls are counted: as the workers are told.
    #[command(flatten)]
    pub budget: BudgetArgs,

    /// The key that seals secrets.
    #[command(flatten)]
    pub sealing: SealingArgs,

    /// When the database has no organization yet, make one and save an operator key for it in this file (mode 0600).
    #[arg(long, env = "LINKYARD_FIRST_KEY_FILE", value_name = "FILE")]
    pub first_key_file: Option<PathBuf>,

    /// What is measured.
    #[command(flatten)]
    pub metrics: MetricsArgs,
}

/// Runs until told to stop.
///
/// # Errors
/// When the database can not be used, the address is taken, or serving ends by itself.
pub async fn run(args: ControlArgs) -> Result<()> {
    let stop = stop_token()?;
    let metrics = Metrics::record(&args.metrics).await?;
    let sealing = args.sealing.load()?;
    let redis = Redis::new(&args.redis)?;
    let mut config = linkyard_control::Config::new(&args.control, sealing.shared_bytes());
    config.budget = Some(Arc::new(SharedBudget::new(&args.budget, redis.clone())));
    let store = super::migrate::open_current(&args.database, sealing.key.clone()).await?;
    make_first_key(&store, args.first_key_file).await?;
    let listener = listen(args.control.listen).await?;
    let address = listener.local_addr()?;
    output_line(&format!("listening on http://{address}"))?;
    if !args.control.no_console {
        let url = args.control.console_origin.as_ref().map_or_else(|| console_url(address), linkyard_control::Origin::url);
        output_line(&format!("console on {url}"))?;
    }
    metrics.serve(&store, stop.clone())?;
    let doorbell = Doorbell::shared(redis);
    // Whatever waits already; and Redis is seen to at the start and not at the first call.
    doorbell.ring();
    linkyard_control::serve(store, ring(&doorbell), config, listener, stop).await.context("the control ended")
}

async fn make_first_key(store: &Store, file: Option<PathBuf>) -> Result<()> {
    if store.organization_first().await?.is_some() {
        return Ok(());
    }
    match file {
        None => tracing::warn!("the database has no organization, so no key opens it; --first-key-file makes both"),
        Some(path) => {
            first_key::ensure(store, &path).await?;
            tracing::info!(file = %path.display(), "made the first organization; its operator key is in the file");
        }
    }
    Ok(())
}
