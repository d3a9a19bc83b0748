//! `kill -9` in the middle of the main job, over and over, and started again on the same data directory and database: the same end
//! state as without.
//!
//! A kill counts only when it is proven to have hit a leased job: the row is still RUNNING when the process is gone. The work is slowed by
//! small pages and latency so that kills can land anywhere in it. On SQLite the next start releases the leases of the dead; on
//! PostgreSQL, where others may run, they have to run out first. No lease may run out by itself on a busy machine: that is one more
//! start without progress, and a job that the kills hit twice would be quarantined.

use crate::flow_kit::{Demo, agrees_with_the_simulator};
use anyhow::Result;
use linkyard_core::id::JobId;
use linkyard_store::Store;
use linkyard_tests::databases::Databases;
use serde_json::Value;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::process::Child;

/// A job killed so often in a row without progress would rightly be quarantined; the drill stays below.
const MOST_UNCLEAN_STARTS: i32 = 2;

/// Small pages and an upstream that takes its time; leases that last half a minute at the fast pace.
const SLOWED: &[&str] = &[
    "--vendors=300",
    "--projects=80",
    "--simulator-arg=--max-page-size=20",
    "--simulator-arg=--latency-ms=25",
    "--lease-ms=300000",
    "--renew-ms=10000",
];

/// The same with the leases that installations have, 3 s at the fast pace: every kill is waited for so long.
const SLOWED_ON_A_SERVER: &[&str] = &[
    "--vendors=300",
    "--projects=80",
    "--simulator-arg=--max-page-size=20",
    "--simulator-arg=--latency-ms=25",
    "--renew-ms=3000",
];

#[tokio::test(flavor = "multi_thread")]
async fn killed_thirty_times_on_sqlite_the_demo_ends_as_if_it_never_was() -> Result<()> {
    killed(30, SLOWED, async || None).await
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_ten_times_on_postgres_the_demo_ends_as_if_it_never_was() -> Result<()> {
    let databases = Databases::postgres().await;
    killed(10, SLOWED_ON_A_SERVER, async || Some(databases.fresh_url().await)).await?;
    databases.drop_all().await;
    Ok(())
}

/// A directory large enough for a push of several calls, an upstream that takes its time, and one in five writes without an answer.
const LOSING: &[&str] = &[
    "--vendors=2400",
    "--projects=20",
    "--limits=off",
    "--simulator-arg=--latency-ms=100",
    "--simulator-arg=--lost-replies-percent=20",
    "--lease-ms=300000",
    "--renew-ms=10000",
];

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_pushes_with_answers_lost_no_insurance_is_there_twice() -> Result<()> {
    let demo = Demo::new(None, LOSING)?;
    let mut ledger = Ledger { demo: &demo, open: None };
    let mut landed = 0;
    while landed < 5 {
        let left_by_the_dead = ledger.leases().await?;
        let mut child = demo.spawn()?;
        if let Some(ended) = pushing_then(&mut child, &mut ledger, &left_by_the_dead).await? {
            assert!(landed >= 3, "the demo ended after {landed} kills with {ended}: {}", demo.words()?);
            break;
        }
        child.kill().await?;
        landed += usize::from(!fresh(ledger.leases().await?, &left_by_the_dead).is_empty());
    }
    let mut serving = demo.serve()?;
    let report = serving.report().await?;
    assert_eq!((&report["adds_up"], &report["duplicates"]), (&true.into(), &0.into()), "{report}");
    let agreed = agrees_with_the_simulator(&demo.place()?).await;
    serving.kill().await?;
    println!("faults_landed: {landed} kills while pushing");
    agreed
}

/// Waits until the child pushes and every job of it may be broken; answers how it ended when it ended by itself first.
async fn pushing_then(child: &mut Child, ledger: &mut Ledger<'_>, left_by_the_dead: &[Lease]) -> Result<Option<ExitStatus>> {
    loop {
        if let Some(ended) = child.try_wait()? {
            return Ok(Some(ended));
        }
        let fresh = fresh(ledger.leases().await.unwrap_or_default(), left_by_the_dead);
        if breakable(&fresh) && fresh.iter().any(|(_, _, _, kind)| kind == "push_compliance") {
            return Ok(None);
        }
        tokio::task::yield_now().await;
    }
}

/// Kills demos until so many kills have hit a leased job; `database_url` makes the database of one.
async fn killed(kills: usize, arguments: &'static [&'static str], database_url: impl AsyncFn() -> Option<String>) -> Result<()> {
    let expected = end_state(&Demo::new(database_url().await, arguments)?.run().await?);
    assert_eq!(expected["adds_up"], true, "{expected}");
    assert_eq!((&expected["duplicates"], &expected["existing"]["created_again"]), (&0.into(), &0.into()), "{expected}");
    assert_eq!(expected["existing"]["linked_wrong"], 0, "{expected}");

    let mut landed = 0;
    let mut round = 0;
    while landed < kills {
        round += 1;
        assert!(round <= 20, "only {landed} kills landed in 20 rounds");
        let demo = Demo::new(database_url().await, arguments)?;
        landed += kill_until_done(&demo, kills - landed, round).await?;
        let end = end_state(&demo.run().await?);
        assert_eq!(end, expected, "round {round}: another end state after kills");
        let mut serving = demo.serve()?;
        serving.report().await?;
        agrees_with_the_simulator(&demo.place()?).await?;
        serving.kill().await?;
    }
    println!("faults_landed: {landed} kills in {round} rounds");
    Ok(())
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
async fn kill_until_done(demo: &Demo, wanted: usize, seed: u64) -> Result<usize> {
    let mut ledger = Ledger { demo, open: None };
    let mut landed = 0;
    let mut turn = seed.wrapping_mul(7_919);
    while landed < wanted {
        let left_by_the_dead = ledger.leases().await?;
        let mut child = demo.spawn()?;
        turn = turn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let hold = Duration::from_millis((turn >> 33) % 120);
        if !leased_then(&mut child, &mut ledger, &left_by_the_dead, hold).await? {
            return Ok(landed);
        }
        child.kill().await?;
        if !fresh(ledger.leases().await?, &left_by_the_dead).is_empty() {
            landed += 1;
        }
    }
    Ok(landed)
}

/// Waits until the child holds leases of its own that may all be broken, lets it work for `hold`, and answers false when it ended by
/// itself first.
async fn leased_then(child: &mut Child, ledger: &mut Ledger<'_>, left_by_the_dead: &[Lease], hold: Duration) -> Result<bool> {
    let mut held = false;
    loop {
        if child.try_wait()?.is_some() {
            return Ok(false);
        }
        let fresh = fresh(ledger.leases().await.unwrap_or_default(), left_by_the_dead);
        let breakable = breakable(&fresh);
        if breakable && held {
            return Ok(true);
        }
        // The pause is the drill's random moment of the kill, not a synchronisation.
        tokio::time::sleep(if breakable { hold } else { Duration::from_millis(3) }).await;
        held |= breakable;
    }
}

/// Job, epoch, how many starts in a row ended without progress, the present one included, and its kind.
type Lease = (JobId, i64, i32, String);

/// Whether there is something to break, and a further kill quarantines none of it.
fn breakable(leases: &[Lease]) -> bool {
    !leases.is_empty() && leases.iter().all(|(_, _, unclean_starts, _)| *unclean_starts <= MOST_UNCLEAN_STARTS)
}

/// Leases that were taken since `before` was read.
fn fresh(now: Vec<Lease>, before: &[Lease]) -> Vec<Lease> {
    now.into_iter().filter(|lease| !before.iter().any(|old| (old.0, old.1) == (lease.0, lease.1))).collect()
}

/// The ledger of a demo, seen from outside.
struct Ledger<'a> {
    demo: &'a Demo,
    /// Kept open on a server only: a second reader of a file would spare the next process the recovery after a kill.
    open: Option<Store>,
}

impl Ledger<'_> {
    /// The lease of every RUNNING job, those of dead processes included; none before there are tables.
    async fn leases(&mut self) -> Result<Vec<Lease>> {
        let store = match self.open.take() {
            Some(store) => store,
            None => match self.demo.store().await? {
                Some(store) => store,
                None => return Ok(Vec::new()),
            },
        };
        let leases = store.leases_running().await.unwrap_or_default();
        self.open = self.demo.elsewhere().then_some(store);
        Ok(leases)
    }
}
