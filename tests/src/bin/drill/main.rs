//! `./run drill`: breaks things on purpose and says whether anything was lost, doubled, made stale, leaked, stuck or lied about. The exit
//! code is 0 only when every drill passes.

use anyhow::Result;
use clap::Parser;
use linkyard_tests::drill::{DRILLS, Drill, Outcome, Pace, Settings, find};
use linkyard_tests::zero::Zero;
use std::process::ExitCode;
use std::time::Instant;

/// Runs fault drills against private servers on this machine.
#[derive(Debug, Parser)]
#[command(name = "./run drill", after_help = list())]
struct Args {
    /// Names of drills, or `all`.
    #[arg(required = true, value_name = "DRILL", value_parser = known)]
    drills: Vec<String>,

    /// Vendors of the larger of the two tenants.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    items: u32,

    /// What everything random depends on.
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// `fast` makes leases and outages last a tenth.
    #[arg(long, value_enum, default_value_t = Pace::Fast)]
    pace: Pace,

    /// Print one JSON object per drill.
    #[arg(long)]
    json: bool,
}

fn list() -> String {
    let lines = DRILLS.iter().map(|drill| format!("  {:<4} {}", drill.name, drill.about));
    format!("Drills:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

fn known(name: &str) -> Result<String, String> {
    if name == "all" || find(name).is_some() { Ok(name.to_owned()) } else { Err(format!("there is no drill {name}")) }
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let args = Args::parse();
    let settings = Settings { items: args.items, seed: args.seed, pace: args.pace };
    let all = args.drills.iter().any(|name| name == "all");
    let chosen = DRILLS.iter().filter(|drill| all || args.drills.iter().any(|name| name.eq_ignore_ascii_case(drill.name)));
    let mut failed = false;
    for drill in chosen {
        eprintln!("{}: {} ..", drill.name, drill.about);
        let began = Instant::now();
        let mut outcome = drill.run(settings).await.unwrap_or_else(|error| Outcome {
            missed: vec![format!("it did not come to its end: {error:#}")],
            ..Outcome::default()
        });
        outcome.figures.insert("seconds_in_all", began.elapsed().as_secs_f64().round());
        failed |= !outcome.passes();
        show(drill, settings, &outcome, args.json);
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn show(drill: &Drill, settings: Settings, outcome: &Outcome, json: bool) {
    for complaint in outcome.complaints() {
        eprintln!("  {complaint}");
    }
    if json {
        println!("{}", outcome.json(drill.name, settings));
        return;
    }
    let counts = Zero::SIX.map(|zero| format!("{} {}", zero.as_str(), outcome.problems.count(zero)));
    let verdict = if outcome.passes() { "passes" } else { "FAILS" };
    println!("{} {verdict}: {}, faults landed {}", drill.name, counts.join(", "), outcome.faults_landed);
    for (name, figure) in &outcome.figures {
        println!("  {name}: {figure}");
    }
}
