//! The main job under limits so tight that it waits for its call budget all the time, and is refused now and then all the same: it ends
//! well, nobody called before the time that a refusal named, and every call said for which company it was.

use crate::flow_kit::{Demo, agrees_with_the_simulator};
use anyhow::{Context, Result};
use linkyard_core::budget::Usage;
use linkyard_core::page::PageRequest;
use linkyard_core::scope::Scope;
use linkyard_tests::checker::Where;
use linkyard_tests::databases::Databases;
use linkyard_tests::jobs::eventually;
use serde_json::{Value, json};

/// Waits that the product must have counted itself.
const WAITS: u64 = 50;

/// The tiny preset with two calls per rolling window instead of five, windows of 150 ms and 6 s, and pages of two rows: some 120 calls,
/// every second of which waits in place, and whoever has used the 60 of the longer window waits as a job.
const TIGHT: &[&str] = &[
    "--vendors=180",
    "--projects=40",
    "--limits=tiny",
    "--simulator-arg=--max-page-size=2",
    "--simulator-arg=--spike-limit=2",
    "--simulator-arg=--spike-window-ms=150",
    "--simulator-arg=--hourly-window-ms=6000",
    "--budget-spike-window-ms=150",
    "--budget-hour-window-ms=6000",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_that_waits_for_its_budget_fifty_times_never_calls_while_it_is_blocked() -> Result<()> {
    let databases = Databases::postgres().await;
    let (sqlite, postgres) = tokio::join!(throttled(None), throttled(Some(databases.fresh_url().await)));
    databases.drop_all().await;
    sqlite.context("on SQLite")?;
    postgres.context("on PostgreSQL")
}

async fn throttled(database_url: Option<String>) -> Result<()> {
    let demo = Demo::new(database_url, TIGHT)?;
    let mut serving = demo.serve()?;
    eventually("the demo has a simulator", async || demo.place().is_ok()).await;
    let place = demo.place()?;
    // Besides the limits themselves: without a refusal there is no block to respect.
    let refusal = json!({ "kind": "status", "status": 429, "retry_after_s": 1 });
    ask(&place, "POST", "/faults", json!({ "match": { "every": 25, "times": 3 }, "action": refusal })).await?;

    let report = serving.report().await?;
    assert_eq!(report["adds_up"], true, "{report}");
    agrees_with_the_simulator(&place).await?;
    let journal = ask(&place, "GET", "/journal/report", Value::Null).await?;
    let count = |name: &str| journal[name].as_u64().with_context(|| format!("{name} in {journal}"));
    assert_eq!((count("calls_during_block")?, count("missing_company_header")?), (0, 0), "{journal}");
    assert_eq!(count("faults_landed")?, 3, "{journal}");
    let waits = usage(&demo).await?.waits;
    println!("faults_landed: {waits} waits and {} refusals in {} calls", count("throttled")?, count("calls")?);
    assert!(waits >= WAITS, "only {waits} waits in {} calls", count("calls")?);
    serving.kill().await
}

/// What the product kept of the budget of its provider.
async fn usage(demo: &Demo) -> Result<Usage> {
    let store = demo.store().await?.context("a store")?;
    let organization = store.organization_first().await?.context("an organization")?;
    let scope = Scope::new(organization.id, "test");
    let page = PageRequest { size: 1, after: None };
    let provider = store.provider_list(&scope, &page).await?.rows.into_iter().next().context("a provider")?;
    Ok(store.provider_budget(&scope, provider.id).await?.context("a budget that was used")?.usage)
}

/// Asks the simulator's admin API.
async fn ask(place: &Where, method: &str, path: &str, body: Value) -> Result<Value> {
    linkyard_tests::cryptography();
    let client = linkyard_tests::plain_http();
    let request = client.request(method.parse()?, format!("{}/admin{path}", place.simulator)).json(&body);
    Ok(request.send().await?.error_for_status()?.json().await?)
}
