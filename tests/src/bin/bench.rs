//! `./run bench NAME`: measures the real binary in a release build, limits off. Nothing here asserts a time.

use anyhow::{Context, Result, bail};
use clap::Parser;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Measures linkyard.
#[derive(Debug, Parser)]
struct Args {
    /// Which benchmark: `main` = fetch + store and link, on SQLite and PostgreSQL.
    name: String,

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

/// What one run of the main job gave.
#[derive(Clone, Debug)]
struct Figures {
    fetch_rows_per_second: f64,
    link_rows_per_second: f64,
    peak_rss_mib: f64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if args.name != "main" {
        bail!("unknown benchmark {:?}; there is: main", args.name);
    }
    let postgres = linkyard_tests::postgres::Server::start()?;
    let mut figures = Vec::new();
    for (database, url) in [("sqlite", None), ("postgres", Some(&postgres))] {
        let mut runs = Vec::new();
        for _ in 0..args.runs.max(1) {
            let url = url.map(linkyard_tests::postgres::Server::fresh_schema_url).transpose()?;
            runs.push(run_demo(&args, url.as_deref())?);
        }
        runs.sort_by(|a, b| a.fetch_rows_per_second.total_cmp(&b.fetch_rows_per_second));
        figures.push((database, runs[runs.len() / 2].clone()));
    }
    print(&args, &figures);
    Ok(())
}

/// Runs the demo once, with the simulator's limits off, and reads its report.
fn run_demo(args: &Args, database_url: Option<&str>) -> Result<Figures> {
    let mut command = Command::new(binary()?);
    command.args(["demo", "--exit", "--json", "--limits", "off"]);
    command.args(["--vendors", &args.vendors.to_string(), "--projects", &args.projects.to_string()]);
    if let Some(url) = database_url {
        command.args(["--database-url", url]);
    }
    let output = command.stderr(Stdio::inherit()).output().context("the demo does not start")?;
    if !output.status.success() {
        bail!("the demo ended with {}", output.status);
    }
    let text = String::from_utf8(output.stdout)?;
    let report: Value = serde_json::from_str(text.lines().last().unwrap_or_default()).context("the demo's last line")?;
    let rate = |prefix: &str| {
        let phases = report["phases"].as_array().cloned().unwrap_or_default();
        let of = phases.iter().filter(|phase| phase["name"].as_str().is_some_and(|name| name.starts_with(prefix)));
        let (rows, seconds) = of.fold((0.0, 0.0), |(rows, seconds), phase| {
            (rows + phase["rows"].as_f64().unwrap_or_default(), seconds + phase["seconds"].as_f64().unwrap_or_default())
        });
        rows / f64::max(seconds, 0.001)
    };
    Ok(Figures {
        fetch_rows_per_second: rate("fetch vendors"),
        link_rows_per_second: rate("link vendors"),
        peak_rss_mib: report["peak_rss_mib"].as_f64().unwrap_or_default(),
    })
}

/// The linkyard binary of the same build as this one.
fn binary() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("linkyard");
    if !path.exists() {
        bail!("{} is missing; build it with: cargo build --release --bin linkyard", path.display());
    }
    Ok(path)
}

fn print(args: &Args, figures: &[(&str, Figures)]) {
    if args.json {
        let of = |figures: &Figures| {
            json!({
                "fetch_rows_per_second": figures.fetch_rows_per_second.round(),
                "link_rows_per_second": figures.link_rows_per_second.round(),
                "peak_rss_mib": figures.peak_rss_mib,
            })
        };
        let all: serde_json::Map<String, Value> =
            figures.iter().map(|(name, figures)| ((*name).to_owned(), of(figures))).collect();
        println!("{}", json!({ "bench": args.name, "vendors": args.vendors, "projects": args.projects, "figures": all }));
        return;
    }
    println!("{:<12}{:>22}{:>18}{:>14}", "database", "fetch+store rows/s", "link rows/s", "peak MiB");
    for (name, figures) in figures {
        let Figures { fetch_rows_per_second, link_rows_per_second, peak_rss_mib } = figures;
        println!("{name:<12}{fetch_rows_per_second:>22.0}{link_rows_per_second:>18.0}{peak_rss_mib:>14.1}");
    }
}
