//! `./run bench NAME`: measures linkyard in a release build, on private servers, limits off unless the limits are what is measured.
//! Nothing here asserts a time.
//!
//! Here is the command line; what a benchmark finds and how it is printed is in `findings.rs`, the databases and worker processes that
//! benchmarks share in `place.rs` and `worker.rs`, and each benchmark is a file of its own.

mod budget;
mod console;
mod demo;
mod fair;
mod findings;
mod import;
mod import_floor;
mod jobs;
mod jobs_floor;
mod link;
mod link_floor;
mod main_job;
mod place;
mod push;
mod simulator;
mod status;
mod worker;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// Measures linkyard.
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    bench: Bench,

    /// How often everything is measured, of which the middle one is printed: 3 times, and `budget` once.
    #[arg(long, global = true, value_parser = clap::value_parser!(u32).range(1..))]
    runs: Option<u32>,

    /// Print one JSON object instead of a table.
    #[arg(long, global = true)]
    json: bool,
}

/// What can be measured.
#[derive(Debug, Subcommand)]
enum Bench {
    /// Fetch and store, and link, on SQLite and PostgreSQL.
    Main(demo::Size),
    /// From the change of coverages to confirmed insurances, on SQLite and PostgreSQL, beside what the simulator takes at most.
    Push(demo::Size),
    /// Jobs that do nothing, through the whole engine: how many per second, and how soon one begins.
    Jobs(jobs::Size),
    /// From confirmed vendors to linked ones, on SQLite and PostgreSQL, beside the best hand-written SQL.
    Link(link::Size),
    /// The waits of providers with few jobs beside one with many.
    Fair(fair::Size),
    /// Fetching a directory, on SQLite and PostgreSQL, beside reading it and the best hand-written SQL.
    Import(import::Size),
    /// Calls under the rate limits, by one and by several workers, beside the least time that they need.
    Budget(budget::Size),
    /// `GetJob` and `ListPartyMappings` during an import, beside an empty method of the same server.
    Status(status::Size),
    /// Opening the mapping page of a small and a large directory, on SQLite and PostgreSQL.
    Console(console::Size),
    /// A worker process of a benchmark.
    #[command(hide = true)]
    Worker(worker::Args),
}

fn main() -> Result<()> {
    let args = Args::parse();
    linkyard_tests::cryptography();
    linkyard_tests::postgres::keep_what_is_committed();
    // Its windows take the minutes that they take.
    let runs = args.runs.unwrap_or(if matches!(args.bench, Bench::Budget(_)) { 1 } else { 3 });
    let findings = match &args.bench {
        Bench::Main(size) => main_job::run(size, runs)?,
        Bench::Push(size) => push::run(size, runs)?,
        Bench::Jobs(size) => runtime()?.block_on(jobs::run(size, runs))?,
        Bench::Link(size) => runtime()?.block_on(link::run(size, runs))?,
        Bench::Fair(size) => runtime()?.block_on(fair::run(size, runs))?,
        Bench::Import(size) => runtime()?.block_on(import::run(size, runs))?,
        Bench::Budget(size) => runtime()?.block_on(budget::run(size, runs))?,
        Bench::Status(size) => runtime()?.block_on(status::run(size, runs))?,
        Bench::Console(size) => runtime()?.block_on(console::run(size, runs))?,
        Bench::Worker(told) => return runtime()?.block_on(worker::run(told)),
    };
    findings.print(args.bench.name(), runs, args.json);
    Ok(())
}

impl Bench {
    fn name(&self) -> &'static str {
        match self {
            Self::Main(_) => "main",
            Self::Push(_) => "push",
            Self::Jobs(_) => "jobs",
            Self::Link(_) => "link",
            Self::Fair(_) => "fair",
            Self::Import(_) => "import",
            Self::Budget(_) => "budget",
            Self::Status(_) => "status",
            Self::Console(_) => "console",
            Self::Worker(_) => "worker",
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}
