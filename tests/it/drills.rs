//! Every fault drill at the fast pace: 500 items, one seed, servers of its own.

use anyhow::{Context, Result};
use linkyard_tests::drill::{Settings, find};

async fn passes(name: &str) -> Result<()> {
    let settings = Settings::fast();
    let outcome = find(name).context("a drill of this name")?.run(settings).await?;
    println!("{}", outcome.json(name, settings));
    assert!(outcome.passes(), "{name}: {:#?}", outcome.complaints());
    Ok(())
}

/// A test for each of these drills.
macro_rules! drills {
    ($($test:ident: $name:literal,)+) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $test() -> Result<()> {
            passes($name).await
        })+
    };
}

drills! {
    d01_killed_workers: "D1",
    d02_workers_told_to_stop: "D2",
    d03_frozen_workers: "D3",
    d04_killed_redis: "D4",
    d05_redis_without_power: "D5",
    d06_emptied_redis: "D6",
    d10_killed_postgres: "D10",
    d11_commits_without_an_answer: "D11",
    d16_cut_and_silent_ways: "D16",
    d18_lost_replies_on_every_link: "D18",
    d28_two_controls: "D28",
    d29_claims_at_once: "D29",
    d30_poison: "D30",
    d34_repeated_requests: "D34",
}
