//! `./run bench NAME`: measures the real binary in a release build, limits off. Nothing here asserts a time.
//!
//! Here are the command line and the way in which figures are printed; each benchmark is a file of its own.

mod demo;
mod main_job;
mod push;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Measures linkyard.
#[derive(Debug, Parser)]
struct Args {
    /// Which benchmark.
    name: Bench,

    /// How many vendors.
    #[arg(long, default_value_t = 35_000)]
    vendors: u32,

    /// How many projects.
    #[arg(long, default_value_t = 6_000)]
    projects: u32,

    /// How often each database is measured; the middle one is printed.
    #[arg(long, default_value_t = 3)]
    runs: usize,

    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Bench {
    /// Fetch and store, and link, on SQLite and PostgreSQL.
    Main,
    /// From the change of coverages to confirmed insurances, on SQLite and PostgreSQL, beside what the simulator takes at most.
    Push,
}

/// What a benchmark found. Names say their units.
#[derive(Debug, Default)]
struct Findings {
    /// Measured on linkyard.
    figures: BTreeMap<String, f64>,
    /// Measured in the same run on the least that would do.
    floors: BTreeMap<String, f64>,
    /// Figures over floors.
    ratios: BTreeMap<String, f64>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let findings = match args.name {
        Bench::Main => main_job::run(&args)?,
        Bench::Push => push::run(&args)?,
    };
    let name = args.name.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    print(&name, &args, &findings);
    Ok(())
}

fn print(name: &str, args: &Args, findings: &Findings) {
    let Findings { figures, floors, ratios } = findings;
    if args.json {
        let of = |figures: &BTreeMap<String, f64>| {
            figures.iter().map(|(name, figure)| (name.clone(), rounded(*figure))).collect::<Map<String, Value>>()
        };
        let (vendors, projects) = (args.vendors, args.projects);
        let size = json!({ "vendors": vendors, "projects": projects, "runs": args.runs });
        println!("{}", json!({ "name": name, "size": size, "figures": of(figures), "floors": of(floors), "ratios": of(ratios) }));
        return;
    }
    for (title, figures) in [("figures", figures), ("floors", floors), ("ratios", ratios)] {
        if !figures.is_empty() {
            println!("{title}");
        }
        for (name, figure) in figures {
            println!("  {name:<48}{:>12}", rounded(*figure));
        }
    }
}

/// Large figures whole, small ones to two places.
fn rounded(figure: f64) -> Value {
    if figure.abs() >= 100.0 { json!(figure.round()) } else { json!((figure * 100.0).round() / 100.0) }
}

/// The middle one of several runs.
fn median(mut runs: Vec<f64>) -> f64 {
    runs.sort_by(f64::total_cmp);
    runs.get(runs.len() / 2).copied().unwrap_or_default()
}
