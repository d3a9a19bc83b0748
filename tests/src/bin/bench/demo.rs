//! The demo as a thing to measure: one run of the real binary with the simulator's limits off, and what its report says.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// How large a directory is measured on.
#[derive(Debug, clap::Args)]
pub(crate) struct Size {
    /// How many vendors.
    #[arg(long, default_value_t = 35_000)]
    pub(crate) vendors: u32,

    /// How many projects.
    #[arg(long, default_value_t = 6_000)]
    pub(crate) projects: u32,
}

impl Size {
    /// As it is printed.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::from([("vendors", self.vendors.into()), ("projects", self.projects.into())])
    }
}

/// The report of one run.
#[derive(Debug)]
pub(crate) struct Report(Value);

impl Report {
    /// Runs the demo once, on `database_url` or on the SQLite file of its own directory.
    pub(crate) fn of_run(size: &Size, database_url: Option<&str>) -> Result<Self> {
        let mut command = Command::new(linkyard()?);
        // A simulator without limits tells none, so the budget would go by what it assumes.
        let free = ["--budget-initial-spike-limit", "1000000", "--budget-initial-hour-limit", "1000000"];
        command.args(["demo", "--exit", "--json", "--limits", "off"]).args(free);
        command.args(["--vendors", &size.vendors.to_string(), "--projects", &size.projects.to_string()]);
        if let Some(url) = database_url {
            command.args(["--database-url", url]);
        }
        let output = command.stderr(Stdio::inherit()).output().context("the demo does not start")?;
        if !output.status.success() {
            bail!("the demo ended with {}", output.status);
        }
        let text = String::from_utf8(output.stdout)?;
        serde_json::from_str(text.lines().last().unwrap_or_default()).context("the demo's last line").map(Self)
    }

    /// Rows per second of all phases whose names begin with `prefix`, taken together.
    pub(crate) fn rate(&self, prefix: &str) -> f64 {
        let phases = self.0["phases"].as_array().cloned().unwrap_or_default();
        let of = phases.iter().filter(|phase| phase["name"].as_str().is_some_and(|name| name.starts_with(prefix)));
        let (rows, seconds) = of.fold((0.0, 0.0), |(rows, seconds), phase| {
            (rows + phase["rows"].as_f64().unwrap_or_default(), seconds + phase["seconds"].as_f64().unwrap_or_default())
        });
        rows / f64::max(seconds, 0.001)
    }

    /// The most memory that the process held.
    pub(crate) fn peak_rss_mib(&self) -> f64 {
        self.0["peak_rss_mib"].as_f64().unwrap_or_default()
    }
}

/// Runs the demo as often as asked for on each database; `look` gets the database's name and the reports.
pub(crate) fn on_each_database(size: &Size, runs: u32, mut look: impl FnMut(&str, &[Report])) -> Result<()> {
    let postgres = linkyard_tests::postgres::Server::start()?;
    for (database, server) in [("sqlite", None), ("postgres", Some(&postgres))] {
        let mut reports = Vec::new();
        for _ in 0..runs {
            let url = server.map(linkyard_tests::postgres::Server::fresh_schema_url).transpose()?;
            reports.push(Report::of_run(size, url.as_deref())?);
        }
        look(database, &reports);
    }
    Ok(())
}

/// The linkyard binary of the same build as this one.
pub(crate) fn linkyard() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("linkyard");
    if !path.exists() {
        bail!("{} is missing; build it with: cargo build --release --bin linkyard", path.display());
    }
    Ok(path)
}
