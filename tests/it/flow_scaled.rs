//! The main job on an installation of processes over PostgreSQL and Redis: it ends as on one process, also when workers are killed while
//! they hold leases, and Redis is emptied and killed meanwhile.

use crate::flow_kit::agrees_with_the_simulator;
use anyhow::{Result, ensure};
use linkyard_tests::binary::linkyard;
use linkyard_tests::harm::{kill_workers, leased};
use linkyard_tests::installation::{Installation, Told};
use linkyard_tests::jobs::eventually;
use linkyard_tests::redis::free_port;
use serde_json::Value;
use std::process::Stdio;
use tokio::process::Command;

/// Kills of a worker that must have hit a lease.
const KILLS: usize = 5;

fn told(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Small pages and an upstream that takes its time, so that faults can land; leases of three seconds, renewed ten times in
/// that: one that runs out by itself on a busy machine is one more start without progress.
fn slowed() -> Told {
    Told {
        simulator: told(&["--vendors=300", "--projects=80", "--limits=off", "--max-page-size=20", "--latency-ms=25"]),
        worker: told(&[
            "--pace=fast",
            "--lease-ms=30000",
            "--renew-ms=3000",
            "--concurrency=2",
            "--budget-initial-spike-limit=1000000",
            "--budget-initial-hour-limit=1000000",
        ]),
        links: None,
    }
}

/// What must be the same with and without faults; times, calls and memory differ.
fn end_state(mut report: Value) -> Value {
    let fields = report.as_object_mut().expect("the report is an object");
    fields.remove("phases");
    fields.remove("peak_rss_mib");
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn three_workers_of_which_some_are_killed_and_a_redis_that_loses_everything_end_as_if_nothing_was() -> Result<()> {
    let (calm, mut rough) = tokio::try_join!(Installation::start(3, slowed()), Installation::start(3, slowed()))?;
    let expected = end_state(calm.run_demo().await?);
    assert_eq!(expected["adds_up"], true, "{expected}");
    agrees_with_the_simulator(&calm.place()?).await?;
    calm.stop().await?;

    let store = rough.store().await?;
    let mut demo = rough.demo()?.stdout(Stdio::piped()).spawn()?;
    let landed = kill_workers(&store, &mut rough, &mut demo, KILLS, async |rough, landed| match landed {
        2 => rough.redis.flush(),
        4 => {
            rough.redis.kill();
            rough.redis.restart();
        }
        _ => {}
    })
    .await?;
    let output = demo.wait_with_output().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "the demo ended with {}: {text}\n{}", output.status, rough.log());
    println!("faults_landed: {landed} kills, Redis emptied and killed");
    assert_eq!(landed, KILLS, "the demo ended before");
    let report = serde_json::from_str(text.lines().last().unwrap_or_default())?;
    assert_eq!(end_state(report), expected);
    rough.check_alive()?;
    agrees_with_the_simulator(&rough.place()?).await?;
    rough.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_told_to_stop_ends_orderly_and_a_new_one_goes_on() -> Result<()> {
    let mut installation = Installation::start(1, slowed()).await?;
    let store = installation.store().await?;
    let demo = installation.demo()?.stdout(Stdio::piped()).spawn()?;
    for _ in 0..4 {
        eventually("a worker holds a lease", async || leased(&store, &installation).await.is_ok_and(|worker| worker.is_some()))
            .await;
        let next = installation.start_worker()?;
        installation.stop_worker(next - 1).await?;
        let left = store.workers_alive(60_000).await?;
        assert!(left.iter().all(|worker| worker.beat.name != format!("worker-{}", next - 1)), "{left:?}");
    }
    let output = demo.wait_with_output().await?;
    assert!(output.status.success(), "{}", installation.log());
    let taken_over = installation.sql().await.number("select count(*) from job where taken_over").await;
    assert_eq!(taken_over, 0, "nobody had to wait for a lease to end");
    agrees_with_the_simulator(&installation.place()?).await?;
    installation.stop().await
}

#[tokio::test(flavor = "multi_thread")]
async fn health_of_a_control_and_of_a_worker_is_told_to_whoever_asks() -> Result<()> {
    let address = format!("127.0.0.1:{}", free_port());
    let told = Told { worker: vec![format!("--health-listen={address}")], ..slowed() };
    let installation = Installation::start(1, told).await?;
    let ask = async |url: &str| Command::new(linkyard()).args(["health", url]).stderr(Stdio::null()).output().await;
    let well = ask(&installation.place()?.server).await?;
    assert_eq!((well.status.code(), String::from_utf8_lossy(&well.stdout).trim()), (Some(0), "SERVING"));
    eventually("the worker is healthy", async || {
        ask(&format!("http://{address}")).await.is_ok_and(|answer| answer.status.success())
    })
    .await;
    assert_eq!(ask("http://127.0.0.1:1").await?.status.code(), Some(8));
    installation.stop().await
}
