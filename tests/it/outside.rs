//! The simulator against somebody else's reading of Procore: its own JavaScript SDK, unmodified, from its package registry.
//!
//! What is read and compared is in `tests/outside/js-sdk/run.mjs`; CONTRIBUTING.md names the checks that are made by hand.

use linkyard_simulator::{CompanySpec, Config, Limits, Simulator};
use std::path::Path;
use std::process::Output;
use tokio::process::Command;

/// More than a few of the SDK's pages.
const VENDORS: u32 = 250;

async fn run(program: &str, arguments: &[&str], directory: &Path) -> Output {
    let output = Command::new(program).args(arguments).current_dir(directory).output().await;
    output.unwrap_or_else(|error| panic!("{program} can not be started ({error}); this test needs Node.js and npm"))
}

#[tokio::test]
async fn procores_own_sdk_reads_companies_vendors_projects_and_insurances() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("outside/js-sdk");
    let directory = tempfile::tempdir().expect("a directory");
    for file in ["package.json", "package-lock.json", "run.mjs"] {
        std::fs::copy(sources.join(file), directory.path().join(file)).expect("copied");
    }
    let installed = run("npm", &["ci", "--no-audit", "--no-fund", "--silent"], directory.path()).await;
    assert!(installed.status.success(), "npm ci: {}", String::from_utf8_lossy(&installed.stderr));

    let mut config = Config::default();
    config.companies.push(CompanySpec::generated(598_134_325_812_345, VENDORS, 20));
    config.settings.limits = Limits::off();
    let simulator = Simulator::start(config).await.expect("a simulator");
    let read = run("node", &["run.mjs", &simulator.url()], directory.path()).await;
    let said = String::from_utf8_lossy(&read.stdout);
    assert!(read.status.success(), "{said}\n{}", String::from_utf8_lossy(&read.stderr));
    let vendors = format!("vendors: {} rows on 6 pages", VENDORS + 1);
    assert!(said.contains(&vendors) && said.contains("agreed"), "with the customer's own company: {said}");
}
