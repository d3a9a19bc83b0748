//! `linkyard demo`: the whole main job on one machine, from an empty directory to a linked one.
//!
//! A simulator of Procore runs as a child process with its limits on; everything of linkyard runs in this process, in embedded mode; and
//! the demo itself is a person at the public gRPC API. Killed and started again on the same data directory it goes on where it was.

mod api;
mod coverage;
mod damage;
mod decide;
mod existing;
mod judge;
mod lookalike;
mod memory;
mod report;
mod steps;

use crate::admin::output::{Format, say};
use crate::admin::session::{Session, SessionArgs};
use crate::exit::{Exit, ExitCode};
use crate::output_line;
use crate::serve::signal::stop_token;
use crate::serve::simulator::{SimulatorConfig, SimulatorProcess};
use crate::serve::yard::{Yard, YardConfig};
use crate::serve::{API_KEY_FILE, DataDir};
use anyhow::{Context, Result};
use linkyard_queue::BudgetArgs;
use linkyard_worker::WorkerArgs;
use memory::Memory;
use report::Report;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use steps::Walkthrough;

/// The company of the demo.
const COMPANY_ID: i64 = 4_242;

/// Show the main job on one machine: a simulated Procore, fetched, mapped, confirmed, linked and kept in step.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct DemoArgs {
    /// How many vendors to make up, or a CSV file with the columns `vendor_id`, `name`, `phone`.
    #[arg(long, value_name = "N|FILE.csv", default_value = "20000")]
    pub vendors: String,

    /// How many projects to make up, or a CSV file with the columns `project_id`, `address`, `issue_date`, `description`.
    #[arg(long, value_name = "N|FILE.csv", default_value = "500")]
    pub projects: String,

    /// A CSV file with the columns `project_id`, `vendor_id`: who is on which project.
    #[arg(long, value_name = "FILE.csv")]
    pub project_vendors: Option<PathBuf>,

    /// Switch automatic adding on before the first fetch: what nothing looks like is added by itself, the suggestions are taken, and the
    /// rest is left for a person.
    #[arg(long)]
    pub auto_add: bool,

    /// Stop when the report is printed; otherwise go on serving until Ctrl-C.
    #[arg(long)]
    pub exit: bool,

    /// The last line of standard output is the report as one JSON object.
    #[arg(long)]
    pub json: bool,

    /// Where everything is kept; started again on it the demo goes on where it was. A temporary directory unless said.
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Another database than the SQLite file of the data directory, like `postgres://..`.
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,

    /// Where the gRPC API and the console listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    pub listen: SocketAddr,

    /// A further argument for the simulator, like --simulator-arg=--limits=tiny; see `linkyard simulator --help`. May be repeated.
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub simulator_arg: Vec<String>,

    /// The simulator's rate limits: standard, small, tiny or off.
    #[arg(long, default_value = "standard", value_name = "PRESET")]
    pub limits: String,

    /// Start nothing, and be a person at this installation instead, which uses the simulator of --at-simulator.
    #[arg(long, value_name = "URL", requires = "at_simulator", requires = "at_key_file")]
    pub at: Option<String>,

    /// Where the simulator of that installation is; it has the company 4242.
    #[arg(long, value_name = "URL", requires = "at")]
    pub at_simulator: Option<String>,

    /// The file with an operator key of that installation.
    #[arg(long, value_name = "FILE", requires = "at")]
    pub at_key_file: Option<PathBuf>,

    /// Slots, leases, waits.
    #[command(flatten)]
    pub worker: WorkerArgs,

    /// How calls are counted.
    #[command(flatten)]
    pub budget: BudgetArgs,
}

/// Runs the demo.
///
/// # Errors
/// When something can not be started, a call fails, a job does not end well, or (exit code 1) the report does not add up.
pub async fn run(args: DemoArgs) -> Result<()> {
    let stop = stop_token()?;
    let (data_dir, _temporary) = data_dir(args.data_dir.as_deref())?;
    // Taken before anything is started: the simulator's state is in it too.
    let lock = DataDir::take(&data_dir)?;
    if let (Some(server), Some(simulator), Some(key_file)) = (&args.at, &args.at_simulator, &args.at_key_file) {
        let person = main_job(server.clone(), simulator, key_file, &data_dir, args.auto_add);
        return tokio::select! {
            report = person => show(&report?, args.json),
            () = stop.cancelled() => Err(interrupted()),
        };
    }
    let simulator = start_simulator(&args, &data_dir).await?;
    let procore = simulator.procore_args(&linkyard_procore::Args::default());
    let drain = Duration::from_millis(args.worker.drain_ms);
    let config = YardConfig {
        listen: args.listen,
        database_url: args.database_url.clone(),
        worker: args.worker.clone(),
        budget: args.budget.clone(),
        drain,
        ..YardConfig::new(&data_dir, procore)
    };
    let mut yard = Yard::start_in(lock, config).await?;
    write_endpoints(&data_dir, &yard, simulator.url())?;
    say(&format!("watch it in a browser: {}", yard.sign_in_link().await?));
    let (url, key_file) = (yard.url(), data_dir.join(API_KEY_FILE));
    let outcome = tokio::select! {
        report = main_job(url, simulator.url(), &key_file, &data_dir, args.auto_add) => report.and_then(|report| show(&report, args.json)),
        error = yard.broken() => Err(error),
        () = stop.cancelled() => Err(interrupted()),
    };
    if outcome.is_ok() && !args.exit {
        say(&format!(
            "serving: console {}\n         API {}, simulator {}, key in {}; Ctrl-C stops",
            yard.sign_in_link().await?,
            yard.url(),
            simulator.url(),
            data_dir.join(API_KEY_FILE).display()
        ));
        stop.cancelled().await;
    }
    let stopped = yard.stop().await;
    simulator.stop().await?;
    outcome.and(stopped)
}

fn interrupted() -> anyhow::Error {
    Exit::error(ExitCode::Interrupted, "stopped before the end; the data directory goes on from here")
}

async fn main_job(server: String, simulator: &str, key_file: &Path, data_dir: &Path, auto_add: bool) -> Result<Report> {
    let session = Session::open(&SessionArgs {
        server,
        ca_file: None,
        api_key_file: Some(key_file.to_owned()),
        data_dir: data_dir.to_owned(),
        timeout: None,
        output: Format::Table,
    })?;
    let mut memory = Memory::open(data_dir)?;
    let mut walkthrough = Walkthrough { session: &session, memory: &mut memory, simulator, company: COMPANY_ID, auto_add };
    let provider = walkthrough.run().await?;
    report::make(&session, &provider, &memory).await
}

fn show(report: &Report, json: bool) -> Result<()> {
    for line in report::lines(report) {
        output_line(&line)?;
    }
    if json {
        output_line(&serde_json::to_string(report)?)?;
    }
    if !report.adds_up {
        return Err(Exit::error(ExitCode::Failed, "the report does not add up"));
    }
    Ok(())
}

/// The directory, and what removes it at the end where nobody named one.
fn data_dir(named: Option<&Path>) -> Result<(PathBuf, Option<Temporary>)> {
    if let Some(path) = named {
        return Ok((path.to_owned(), None));
    }
    let path = std::env::temp_dir().join(format!("linkyard-demo-{}", uuid::Uuid::new_v4().simple()));
    Ok((path.clone(), Some(Temporary(path))))
}

/// A directory that is removed when the demo ends.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "the demo's temporary directory could not be removed");
        }
    }
}

async fn start_simulator(args: &DemoArgs, data_dir: &Path) -> Result<SimulatorProcess> {
    say(&format!("starting a simulated Procore: vendors {}, projects {} ..", args.vendors, args.projects));
    let program = std::env::current_exe().context("this program's own file can not be found")?;
    let mut arguments = vec![
        format!("--company={COMPANY_ID}"),
        format!("--vendors={}", args.vendors),
        format!("--projects={}", args.projects),
        format!("--limits={}", args.limits),
    ];
    arguments.extend(args.project_vendors.iter().map(|path| format!("--project-vendors={}", path.display())));
    arguments.extend(args.simulator_arg.iter().cloned());
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    SimulatorProcess::start(&SimulatorConfig { program, data_dir: data_dir.join("simulator"), listen, arguments }).await
}

/// Tells programs where everything is: `endpoints.json` in the data directory.
fn write_endpoints(data_dir: &Path, yard: &Yard, simulator: &str) -> Result<()> {
    let endpoints = serde_json::json!({ "server": yard.url(), "simulator": simulator });
    std::fs::write(data_dir.join("endpoints.json"), endpoints.to_string()).context("endpoints.json can not be written")
}
