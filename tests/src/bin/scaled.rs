//! `./run scaled`: an installation of processes on this machine, and the main job through its API. Nothing here is a test: what the demo
//! reports and what the checker finds are printed, and the exit code says whether both are right.

use anyhow::{Result, ensure};
use clap::Parser;
use linkyard_tests::checker::check;
use linkyard_tests::installation::{Installation, Told};
use std::process::Stdio;

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
}

#[tokio::main]
async fn main() -> Result<()> {
    linkyard_tests::cryptography();
    let args = Args::parse();
    let path = |text: &str| std::fs::canonicalize(text).map_or_else(|_| text.to_owned(), |path| path.display().to_string());
    let mut simulator = vec![
        format!("--vendors={}", path(&args.vendors)),
        format!("--projects={}", path(&args.projects)),
        format!("--limits={}", args.limits),
    ];
    simulator.extend(args.project_vendors.iter().map(|file| format!("--project-vendors={}", path(file))));
    let mut installation = Installation::start(args.workers, Told { simulator, ..Told::default() }).await?;
    let place = installation.place()?;
    eprintln!("PostgreSQL, Redis, 1 control on {}, {} workers, simulator on {}", place.server, args.workers, place.simulator);
    let status = installation.demo()?.stderr(Stdio::inherit()).status().await?;
    ensure!(status.success(), "the demo ended with {status}:\n{}", installation.log());
    installation.check_alive()?;
    let findings = check(&place).await?;
    ensure!(findings.problems.is_empty(), "the checker disagrees: {:#?}", findings.problems.sentences);
    eprintln!("the checker agrees with the simulator: {:?}", findings.compared);
    installation.stop().await
}
