//! `linkyard up`: everything in one process, with nothing to install. With `--simulator` also a fake Procore to try it on.

use super::data_dir::DataDir;
use super::metrics::{Metrics, MetricsArgs};
use super::signal::stop_token;
use super::simulator::{SimulatorConfig, SimulatorProcess};
use super::yard::{Yard, YardConfig};
use crate::args::DATA_DIR;
use crate::output_line;
use anyhow::{Context, Result, bail};
use linkyard_queue::BudgetArgs;
use linkyard_simulator::COMPANY;
use linkyard_worker::WorkerArgs;
use secrecy::ExposeSecret;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Start everything in one process: API, console, worker and database.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct UpArgs {
    /// Where the database, the keys and the simulator's state are; made where it is missing. One process at a time.
    #[arg(long, env = "LINKYARD_DATA_DIR", default_value = DATA_DIR, value_name = "DIR")]
    pub data_dir: PathBuf,

    /// Where the gRPC API and the console listen; port 0 takes a free one.
    #[arg(long, env = "LINKYARD_LISTEN", default_value = "127.0.0.1:50051")]
    pub listen: SocketAddr,

    /// Also start a fake Procore and use it instead of the real one.
    #[arg(long)]
    pub simulator: bool,

    /// Where the fake Procore listens; port 0 takes a free one.
    #[arg(long, requires = "simulator", default_value = "127.0.0.1:8430", value_name = "ADDRESS")]
    pub simulator_listen: SocketAddr,

    /// A further argument for the fake Procore, like --simulator-arg=--vendors=2000; see `linkyard simulator --help`. May be repeated.
    #[arg(long, requires = "simulator", value_name = "ARG", allow_hyphen_values = true)]
    pub simulator_arg: Vec<String>,

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
/// When something can not be started, or a part ends by itself.
pub async fn run(args: UpArgs) -> Result<()> {
    let stop = stop_token()?;
    let metrics = Metrics::record(&args.metrics).await?;
    // Before the simulator, whose state is inside: two processes must not share that either.
    let data_dir = DataDir::take(&args.data_dir)?;
    let mut simulator = if args.simulator { Some(start_simulator(&args).await?) } else { None };
    let procore = simulator.as_ref().map_or_else(|| args.procore.clone(), |process| process.procore_args(&args.procore));
    let drain = Duration::from_millis(args.worker.drain_ms);
    let config = YardConfig {
        listen: args.listen,
        worker: args.worker.clone(),
        budget: args.budget.clone(),
        drain,
        ..YardConfig::new(&args.data_dir, procore)
    };
    let mut yard = Yard::start_in(data_dir, config).await?;
    let another = |told: &String| told == "--company" || told.starts_with("--company=");
    let company = args.simulator && !args.simulator_arg.iter().any(another);
    announce(&yard, simulator.as_ref(), company.then_some(COMPANY)).await?;
    metrics.serve(yard.store(), stop.clone())?;
    let result = tokio::select! {
        () = stop.cancelled() => Ok(()),
        error = yard.broken() => Err(error),
        ended = simulator_ended(simulator.as_mut()) => ended,
    };
    let stopped = yard.stop().await;
    if let Some(process) = simulator {
        process.stop().await?;
    }
    result.and(stopped)
}

async fn start_simulator(args: &UpArgs) -> Result<SimulatorProcess> {
    let program = std::env::current_exe().context("this program's own file can not be found")?;
    let config = SimulatorConfig {
        program,
        data_dir: args.data_dir.join("simulator"),
        listen: args.simulator_listen,
        arguments: args.simulator_arg.clone(),
    };
    SimulatorProcess::start(&config).await
}

/// Without a simulator this never ends.
async fn simulator_ended(simulator: Option<&mut SimulatorProcess>) -> Result<()> {
    match simulator {
        Some(process) => bail!("the simulator ended by itself ({})", process.ended().await?),
        None => std::future::pending().await,
    }
}

/// The first line is for programs, the rest for people. `company` is the simulator's, where it is known.
async fn announce(yard: &Yard, simulator: Option<&SimulatorProcess>, company: Option<u64>) -> Result<()> {
    output_line(&format!("listening on {}", yard.url()))?;
    if let Some(process) = simulator {
        output_line(&format!("simulator on {}", process.url()))?;
    }
    let file = yard.data_dir().join(super::API_KEY_FILE);
    if yard.api_key_is_new() {
        output_line(&format!("API key {} (saved in {})", yard.api_key().expose_secret(), file.display()))?;
    } else {
        output_line(&format!("API key in {}", file.display()))?;
    }
    output_line(&format!("console on {} (signs you in once, within an hour)", yard.sign_in_link().await?))?;
    if let Some(company) = company {
        output_line(&format!("Procore company id to connect to: {company} (the simulator's)"))?;
    }
    tracing::info!(data_dir = %yard.data_dir().display(), "linkyard is up; Ctrl-C stops it");
    Ok(())
}
