//! Every fault drill at the fast pace: 500 items, one seed, servers of its own. The first that is asked for begins all that will be: they
//! run side by side, and each test waits for its own.

use anyhow::{Context, Result};
use linkyard_tests::drill::together::{Finished, Together};
use linkyard_tests::drill::{Drill, Settings, find};
use std::sync::OnceLock;

/// Drills at the same time. They wait more than they compute; beyond this the machine would be what is drilled.
const AT_ONCE: usize = 4;

static TOGETHER: OnceLock<Together> = OnceLock::new();

fn passes(name: &str) -> Result<()> {
    let settings = Settings::fast();
    let drill = find(name).context("a drill of this name")?;
    let together = TOGETHER.get_or_init(|| Together::begin(asked_for(), settings, AT_ONCE));
    let finished = together.finished(drill.name);
    let Finished { outcome, took } = finished.with_context(|| format!("{name} was not begun"))?;
    let outcome = outcome?;
    println!("{name}: {} s of about {} s beside others", took.as_secs(), drill.budget_s);
    println!("{}", outcome.json(name, settings));
    assert!(outcome.passes(), "{name}: {:#?}", outcome.complaints());
    Ok(())
}

/// The drills whose tests this process was asked to run: the test harness tells nobody, so its arguments are read as it reads them.
fn asked_for() -> Vec<&'static Drill> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let valued =
        |argument: &String| ["--skip", "--test-threads", "--format", "--color", "--logfile"].contains(&argument.as_str());
    let (mut wanted, mut skipped) = (Vec::new(), Vec::new());
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if valued(argument) {
            let value = arguments.next();
            skipped.extend(value.filter(|_| argument == "--skip"));
        } else if !argument.starts_with('-') {
            wanted.push(argument);
        }
    }
    let named = |path: &str, parts: &[&String]| parts.iter().any(|part| path.contains(part.as_str()));
    let chosen = TESTS.iter().filter(|(test, _)| {
        let path = format!("drills::{test}");
        (wanted.is_empty() || named(&path, &wanted)) && !named(&path, &skipped)
    });
    chosen.filter_map(|(_, drill)| find(drill)).collect()
}

/// A test for each of these drills.
macro_rules! drills {
    ($($test:ident: $name:literal,)+) => {
        /// The tests and their drills.
        const TESTS: &[(&str, &str)] = &[$((stringify!($test), $name)),+];

        $(#[test]
        fn $test() -> Result<()> {
            passes($name)
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
    d09_mountain_of_jobs: "D9",
    d10_killed_postgres: "D10",
    d11_commits_without_an_answer: "D11",
    d16_cut_and_silent_ways: "D16",
    d17_latency_on_every_way: "D17",
    d18_lost_replies_on_every_link: "D18",
    d19_refused_calls: "D19",
    d20_broken_directory: "D20",
    d24_directory_that_moves: "D24",
    d25_tokens_that_end: "D25",
    d28_two_controls: "D28",
    d29_claims_at_once: "D29",
    d30_poison: "D30",
    d31_noisy_tenant: "D31",
    d34_repeated_requests: "D34",
    d35_automatic_adding: "D35",
}
