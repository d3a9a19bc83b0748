//! `./run checker`: compares a running linkyard with its simulator and says what does not agree.

use clap::Parser;
use linkyard_tests::checker::{Where, check};
use std::path::PathBuf;
use std::process::ExitCode;

/// Compares the API of a running linkyard with the admin API of its simulator, record by record.
#[derive(Debug, Parser)]
struct Args {
    /// linkyard's API, `http://HOST:PORT`.
    #[arg(long)]
    server: String,

    /// The simulator, `http://HOST:PORT`.
    #[arg(long)]
    simulator: String,

    /// A file that holds an API key of the organization.
    #[arg(long)]
    api_key_file: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let api_key = std::fs::read_to_string(&args.api_key_file)?.trim().to_owned();
    let findings = check(&Where { server: args.server, api_key, simulator: args.simulator }).await?;
    for (what, count) in &findings.compared {
        println!("{what}: {count} compared");
    }
    for problem in &findings.problems.sentences {
        println!("PROBLEM: {problem}");
    }
    println!("{}", if findings.problems.is_empty() { "linkyard and the simulator agree" } else { "they do NOT agree" });
    Ok(if findings.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
