//! A simulator process without limits, and a client of it that does not wait for a budget.

use crate::demo::linkyard;
use anyhow::{Context, Result};
use linkyard_core::id::CompanyId;
use linkyard_core::job::Lane;
use linkyard_core::provider::Credentials;
use linkyard_procore::{Company, Procore};
use linkyard_queue::{BudgetArgs, MemoryBudget};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// Its company.
pub(crate) const COMPANY: i64 = 4_711;

/// A running one; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Simulator {
    child: Child,
    url: String,
    _directory: tempfile::TempDir,
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Simulator {
    /// Starts one with so many vendors.
    pub(crate) fn start(vendors: usize) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let mut child = Command::new(linkyard()?)
            .args(["simulator", "--listen", "127.0.0.1:0", "--limits", "off", "--projects", "1"])
            .args(["--company", &COMPANY.to_string(), "--vendors", &vendors.to_string()])
            .arg("--data-dir")
            .arg(directory.path())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("its output is piped")?).lines();
        let line = lines.next().context("the simulator says where it listens")??;
        let url = line.rsplit(' ').next().context("an address")?.to_owned();
        Ok(Self { child, url, _directory: directory })
    }

    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its company, as `lane` sees it.
    pub(crate) fn company(&self, lane: Lane) -> Result<Company> {
        Ok(client(&self.url)?.company(&Credentials::Platform, CompanyId(COMPANY), lane))
    }
}

/// A client of the simulator at `url`.
pub(crate) fn client(url: &str) -> Result<Procore> {
    let args = linkyard_procore::Args::simulator(url, "simulator-client", "simulator-secret");
    let free = BudgetArgs { initial_spike_limit: 1_000_000, initial_hour_limit: 1_000_000, ..BudgetArgs::default() };
    Ok(Procore::new(&args, Arc::new(MemoryBudget::new(&free)))?)
}
