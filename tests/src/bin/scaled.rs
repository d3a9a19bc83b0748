//! `./run scaled`: an installation of processes on this machine, and the main job through its API. Nothing here is a test: what the demo
//! reports and what the checker and the judge of the fault drills find are printed, and the exit code says whether both are right.

use anyhow::{Result, ensure};
use clap::Parser;
use linkyard_tests::checker::check;
use linkyard_tests::drill::judge::judge;
use linkyard_tests::harm::kill_workers;
use linkyard_tests::installation::{Installation, Told};
use linkyard_tests::zero::Zero;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Starts a private PostgreSQL and Redis, a simulated Procore, one control and some workers, and runs the demo against them.
#[derive(Debug, Parser)]
struct Args {
    /// How many workers.
    #[arg(long, default_value_t = 3)]
    workers: usize,

    /// How many vendors to make up, or a CSV file.
    #[arg(long, default_value = "20000", value_name = "N|FILE.csv")]
    vendors: String,

    /// How many projects to make up, or a CSV file.
    #[arg(long, default_value = "500", value_name = "N|FILE.csv")]
    projects: String,

    /// A CSV file that says who is on which project.
    #[arg(long, value_name = "FILE.csv")]
    project_vendors: Option<String>,

    /// The simulator's rate limits: standard, small, tiny or off.
    #[arg(long, default_value = "standard", value_name = "PRESET")]
    limits: String,

    /// Kill so many workers, one at a time and each while it has a job, and empty Redis in the middle.
    #[arg(long, default_value_t = 0)]
    kills: usize,

    /// The simulator's delay before every answer, milliseconds.
    #[arg(long, default_value_t = 0)]
    latency_ms: u64,

    /// Rows that the simulator gives on a page at most, below Procore's own maxima.
    #[arg(long)]
    max_page_size: Option<u32>,
}

/// What workers assume of a simulator without limits.
const FREE: [&str; 2] = ["--budget-initial-spike-limit=1000000", "--budget-initial-hour-limit=1000000"];

/// Nothing begins by itself while all is judged.
const STILL: [&str; 2] = ["--suggest-after-ms=0", "--test-every-ms=0"];

/// Between two kills the workers are left alone for so long, that they get on.
const REST: Duration = Duration::from_secs(2);
/// How long after the demo the jobs that follow it have ended, at most.
const QUIET_WITHIN: Duration = Duration::from_secs(120);
/// How often it is looked whether they have.
const LOOK_EVERY: Duration = Duration::from_millis(200);

#[tokio::main]
async fn main() -> Result<()> {
    linkyard_tests::cryptography();
    let args = Args::parse();
    let path = |text: &str| std::fs::canonicalize(text).map_or_else(|_| text.to_owned(), |path| path.display().to_string());
    let mut simulator = vec![
        format!("--vendors={}", path(&args.vendors)),
        format!("--projects={}", path(&args.projects)),
        format!("--limits={}", args.limits),
        format!("--latency-ms={}", args.latency_ms),
    ];
    simulator.extend(args.max_page_size.map(|rows| format!("--max-page-size={rows}")));
    simulator.extend(args.project_vendors.iter().map(|file| format!("--project-vendors={}", path(file))));
    // Without limits nobody says what they are, and what workers assume would hold.
    let free = if args.limits == "off" { FREE.as_slice() } else { &[] };
    let worker = STILL.iter().chain(free).map(|argument| (*argument).to_owned()).collect();
    let mut installation = Installation::start(args.workers, Told { simulator, worker, links: None }).await?;
    let place = installation.place()?;
    eprintln!("PostgreSQL, Redis, 1 control on {}, {} workers, simulator on {}", place.server, args.workers, place.simulator);
    let mut demo = installation.demo()?.stderr(Stdio::inherit()).spawn()?;
    let store = installation.store().await?;
    let killed = kill_workers(&store, &mut installation, &mut demo, args.kills, async |installation, killed| {
        eprintln!("killed {killed} of {} workers", args.kills);
        if killed == args.kills.div_ceil(2) {
            installation.redis.flush();
            eprintln!("emptied Redis");
        }
        tokio::time::sleep(REST).await;
    })
    .await?;
    let status = demo.wait().await?;
    ensure!(status.success(), "the demo ended with {status}:\n{}", installation.log());
    ensure!(killed == args.kills, "only {killed} workers could be killed before the demo ended: give it more to do");
    installation.check_alive()?;
    // What follows the last change of the registry may be under way still; what never ends is what the judge calls stuck.
    let ended = Instant::now();
    while store.jobs_live().await? > 0 && ended.elapsed() < QUIET_WITHIN {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let findings = check(&place).await?;
    let mut problems = findings.problems;
    problems.extend(judge(&[], &installation.sql().await).await?);
    let zeros = Zero::SIX.map(|zero| format!("{} {}", zero.as_str(), problems.count(zero)));
    eprintln!("{}", zeros.join(", "));
    ensure!(problems.is_empty(), "the checker and the judge disagree: {:#?}", problems.sentences);
    eprintln!("the checker agrees with the simulator: {:?}", findings.compared);
    installation.stop().await
}
