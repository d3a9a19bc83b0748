//! `kill -9` in the middle of the main job, over and over, and started again on the same data directory: the same end state as without.
//!
//! A kill counts only when it is proven to have hit a leased job: the row is still RUNNING when the process is gone. The work is slowed by
//! small pages and latency so that kills can land anywhere in it.

use anyhow::{Context, Result};
use linkyard_core::id::JobId;
use linkyard_store::{Args, SealingKey, Store};
use linkyard_tests::binary::linkyard;
use linkyard_tests::checker::{Where, check};
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Kills that must have hit a leased job.
const KILLS: usize = 30;

/// A job killed so often in a row without progress would rightly be quarantined; the drill stays below.
const MOST_UNCLEAN_STARTS: i32 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn killed_thirty_times_the_demo_ends_as_if_it_never_was() -> Result<()> {
    let untouched = tempfile::tempdir()?;
    let expected = end_state(&run_to_the_end(untouched.path()).await?);
    assert_eq!(expected["adds_up"], true, "{expected}");

    let mut landed = 0;
    let mut round = 0;
    while landed < KILLS {
        round += 1;
        assert!(round <= 20, "only {landed} kills landed in 20 rounds");
        let directory = tempfile::tempdir()?;
        landed += kill_until_done(directory.path(), KILLS - landed, round).await?;
        let end = end_state(&run_to_the_end(directory.path()).await?);
        assert_eq!(end, expected, "round {round}: another end state after kills");
        agree_with_the_simulator(directory.path()).await?;
    }
    println!("faults_landed: {landed} kills in {round} rounds");
    Ok(())
}

fn demo(data_dir: &Path, exit: bool) -> Command {
    let mut command = Command::new(linkyard());
    command.arg("demo").arg("--data-dir").arg(data_dir);
    command.args([
        "--vendors",
        "300",
        "--projects",
        "80",
        "--simulator-arg=--max-page-size=20",
        "--simulator-arg=--latency-ms=25",
        "--pace",
        "fast",
        "--json",
    ]);
    if exit {
        command.arg("--exit");
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    command
}

async fn run_to_the_end(data_dir: &Path) -> Result<Value> {
    let output = demo(data_dir, true).stderr(Stdio::piped()).output().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    let words = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "the demo ended with {}: {text}\n{words}", output.status);
    serde_json::from_str(text.lines().last().unwrap_or_default()).context("the report")
}

/// What must be the same with and without kills; times, calls and memory differ.
fn end_state(report: &Value) -> Value {
    let mut report = report.clone();
    let fields = report.as_object_mut().expect("the report is an object");
    fields.remove("phases");
    fields.remove("peak_rss_mib");
    report
}

/// Starts the demo and kills it while it holds a lease, until it ends by itself or `wanted` kills landed.
async fn kill_until_done(data_dir: &Path, wanted: usize, seed: u64) -> Result<usize> {
    let mut landed = 0;
    let mut turn = seed.wrapping_mul(7_919);
    while landed < wanted {
        let left_by_the_dead = leases(data_dir).await?;
        let mut child = demo(data_dir, true).spawn()?;
        turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let hold = Duration::from_millis((turn >> 33) % 120);
        if !leased_then(&mut child, data_dir, &left_by_the_dead, hold).await? {
            return Ok(landed);
        }
        child.kill().await?;
        if !fresh(leases(data_dir).await?, &left_by_the_dead).is_empty() {
            landed += 1;
        }
    }
    Ok(landed)
}

/// Waits until the child holds leases of its own that may all be broken, lets it work for `hold`, and answers false when it ended by
/// itself first.
async fn leased_then(child: &mut Child, data_dir: &Path, left_by_the_dead: &[Lease], hold: Duration) -> Result<bool> {
    let mut held = false;
    loop {
        if child.try_wait()?.is_some() {
            return Ok(false);
        }
        let fresh = fresh(leases(data_dir).await.unwrap_or_default(), left_by_the_dead);
        let breakable = !fresh.is_empty() && fresh.iter().all(|(_, _, unclean_starts)| *unclean_starts <= MOST_UNCLEAN_STARTS);
        if breakable && held {
            return Ok(true);
        }
        // The pause is the drill's random moment of the kill, not a synchronisation.
        tokio::time::sleep(if breakable { hold } else { Duration::from_millis(3) }).await;
        held |= breakable;
    }
}

/// Job, epoch, and how many starts in a row ended without progress, the present one included.
type Lease = (JobId, i64, i32);

/// Leases that were taken since `before` was read.
fn fresh(now: Vec<Lease>, before: &[Lease]) -> Vec<Lease> {
    now.into_iter().filter(|(job, epoch, _)| !before.iter().any(|(old, old_epoch, _)| (old, old_epoch) == (job, epoch))).collect()
}

/// The lease of every RUNNING job, those of dead processes included.
async fn leases(data_dir: &Path) -> Result<Vec<Lease>> {
    let file = data_dir.join("linkyard.db");
    if !file.exists() {
        return Ok(Vec::new());
    }
    let args = Args { database_url: format!("sqlite:{}", file.display()), connections: 1 };
    let store = Store::connect(&args, SealingKey::generate()).await?;
    Ok(store.leases_running().await.unwrap_or_default())
}

/// Serves what the kills left and lets the checker look at it.
async fn agree_with_the_simulator(data_dir: &Path) -> Result<()> {
    let mut child = demo(data_dir, false).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("stdout")?).lines();
    while let Some(line) = lines.next_line().await? {
        if line.starts_with('{') {
            break;
        }
    }
    let endpoints: Value = serde_json::from_slice(&std::fs::read(data_dir.join("endpoints.json"))?)?;
    let text = |name: &str| endpoints[name].as_str().map(str::to_owned).with_context(|| name.to_owned());
    let api_key = std::fs::read_to_string(data_dir.join("api-key"))?.trim().to_owned();
    let findings = check(&Where { server: text("server")?, api_key, simulator: text("simulator")? }).await?;
    child.kill().await?;
    assert_eq!(findings.problems, Vec::<String>::new());
    Ok(())
}
