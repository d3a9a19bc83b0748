//! The Procore client under a budget that counts: nobody calls before the time that a 429 named, limits are learned, and a person is
//! let in where a background job waits.

use crate::procore_kit::{COMPANY, Yard, company, id, refusal, short};
use futures_util::future::join_all;
use linkyard_core::Error;
use linkyard_core::budget::Budget;
use linkyard_core::job::Lane;
use linkyard_core::mapping::Subject;
use linkyard_core::provider::Credentials;
use linkyard_procore::Company;
use linkyard_queue::budget::{BudgetArgs, MemoryBudget};
use linkyard_simulator::{CompanySpec, Config, Limits};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

fn config(limits: Limits) -> Config {
    let mut config = Config { companies: vec![CompanySpec::generated(COMPANY, 20, 2)], ..Config::default() };
    config.settings.limits = limits;
    config
}

/// A client that counts in windows as short as the simulator's.
async fn yard(limits: Limits) -> (Yard, Arc<MemoryBudget>) {
    let args =
        BudgetArgs { spike_window_ms: limits.spike_window_ms, hour_window_ms: limits.hourly_window_ms, ..BudgetArgs::default() };
    let budget = Arc::new(MemoryBudget::new(&args));
    (Yard::with_budget(config(limits), |_| {}, Arc::clone(&budget) as _, short()).await, budget)
}

/// Calls until `left` pages were read, waiting as told when throttled.
async fn read_pages(company: &Company, left: &AtomicU32) {
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        loop {
            match company.page(Subject::Vendor, 1, None).await {
                Ok(_) => break,
                Err(Error::Throttled { retry_after }) => tokio::time::sleep(retry_after).await,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[tokio::test]
async fn nobody_calls_between_a_429_and_its_reset_and_the_limit_is_never_hit() {
    let limits = Limits { hourly: Some(10_000), spike: Some(5), hourly_window_ms: 600_000, spike_window_ms: 400 };
    let (yard, budget) = yard(limits).await;
    yard.fault(json!({"every": 12, "times": 4}), json!({"kind": "status", "status": 429, "retry_after_s": 1})).await;
    let company = yard.company();
    let left = AtomicU32::new(48);
    join_all((0..8).map(|_| read_pages(&company, &left))).await;
    assert_eq!(yard.counted("calls_during_block").await, 0);
    assert_eq!(yard.counted("throttled").await, 4, "only the scripted ones: the limiter itself refused nothing");
    assert_eq!(yard.counted("calls").await, 52);
    let usage = budget.usage(&yard.procore.budget_key(&Credentials::Platform, id())).await.expect("an answer").expect("known");
    assert!(usage.waits >= 50, "{usage:?}");
}

#[tokio::test]
async fn limits_are_learned_from_the_first_answer() {
    let (yard, budget) = yard(Limits::small()).await;
    yard.company().page(Subject::Vendor, 1, None).await.expect("vendors");
    let key = yard.procore.budget_key(&Credentials::Platform, id());
    let usage = budget.usage(&key).await.expect("an answer").expect("known");
    assert_eq!((usage.spike_limit, usage.spike_used, usage.hour_used), (25, 1, 1));
    // The last tenth of the window is for persons.
    let background = yard.company();
    let mut calls = 1;
    while background.page(Subject::Project, 1, None).await.is_ok() {
        calls += 1;
    }
    assert_eq!(calls, 22);
    let person = yard.procore.company(&Credentials::Platform, id(), Lane::Person);
    person.page(Subject::Project, 1, None).await.expect("a person waits");
    assert_eq!(refusal(background.page(Subject::Project, 1, None).await).0, "RATE_LIMITED");
    assert_eq!(yard.counted("throttled").await, 0);
}

#[tokio::test]
async fn a_wait_longer_than_a_second_is_passed_on_without_a_call() {
    let (yard, _) = yard(Limits::small()).await;
    yard.fault(json!({"nth": 1}), json!({"kind": "status", "status": 429, "retry_after_s": 30})).await;
    let company = yard.company();
    for _ in 0..5 {
        let error = company.page(Subject::Vendor, 1, None).await.expect_err("a wait");
        let wait = error.retry_after().expect("a wait").as_secs();
        assert!((25..=31).contains(&wait), "{wait} s");
    }
    assert_eq!((company.calls(), yard.counted("calls").await), (1, 1));
}

#[tokio::test]
async fn one_company_waits_and_the_other_does_not() {
    let other = 4_711;
    let mut config = config(Limits::small());
    config.companies.push(CompanySpec::generated(other, 5, 1));
    let budget = Arc::new(MemoryBudget::new(&BudgetArgs::default()));
    let yard = Yard::with_budget(config, |_| {}, budget, short()).await;
    yard.fault(json!({"company_id": COMPANY}), json!({"kind": "status", "status": 429, "retry_after_s": 60})).await;
    assert_eq!(refusal(company(&yard.procore).page(Subject::Vendor, 1, None).await).0, "RATE_LIMITED");
    assert_eq!(refusal(company(&yard.procore).page(Subject::Vendor, 1, None).await).0, "RATE_LIMITED");
    let other = yard.procore.company(&Credentials::Platform, linkyard_core::id::CompanyId(4_711), Lane::Background);
    other.page(Subject::Vendor, 1, None).await.expect("the other company");
}

#[tokio::test]
async fn a_restart_does_not_forget_a_429() {
    let (yard, budget) = yard(Limits::small()).await;
    yard.fault(json!({"nth": 1}), json!({"kind": "status", "status": 429, "retry_after_s": 60})).await;
    assert_eq!(refusal(yard.company().page(Subject::Vendor, 1, None).await).0, "RATE_LIMITED");
    let key = yard.procore.budget_key(&Credentials::Platform, id());
    let kept = budget.usage(&key).await.expect("an answer").expect("known");
    let fresh = Arc::new(MemoryBudget::new(&BudgetArgs::default()));
    fresh.restore(&key, kept).await;
    let args = linkyard_procore::Args::simulator(&yard.simulator.url(), "simulator-client", "simulator-secret");
    let procore = linkyard_procore::Procore::new(&args, fresh).expect("client");
    assert_eq!(refusal(company(&procore).page(Subject::Vendor, 1, None).await).0, "RATE_LIMITED");
    assert_eq!(yard.counted("calls").await, 1);
}

#[tokio::test]
async fn a_hundred_callers_at_once_begin_with_one_call() {
    let (yard, _) = yard(Limits::standard()).await;
    yard.admin("PUT", "/admin/latency", json!({"latency_ms": 50})).await;
    let company = yard.company();
    let calls = join_all((0..100).map(|_| company.page(Subject::Project, 1, None))).await;
    assert!(calls.iter().filter(|call| call.is_ok()).count() >= 1);
    let journal = yard.admin("GET", "/admin/journal", json!(null)).await;
    let entries = journal.as_array().or_else(|| journal["entries"].as_array()).expect("journal").clone();
    let rest: Vec<_> =
        entries.iter().filter(|entry| entry["route"].as_str().is_some_and(|route| route.starts_with("/rest"))).collect();
    let first_end = rest.iter().filter_map(|entry| entry["ended_ms"].as_i64()).min().expect("an answer");
    assert_eq!(rest.iter().filter(|entry| entry["started_ms"].as_i64().is_some_and(|start| start < first_end)).count(), 1);
    assert_eq!(yard.counted("throttled").await, 0);
}
