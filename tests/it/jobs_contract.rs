//! What is promised of every kind of job, looked at for all of them: run from its beginning once more it ends the same, and broken at any
//! call that it makes, logins included, it ends the same. What single kinds do besides is in the other files about jobs.

use futures_util::future::join_all;
use linkyard_core::Result;
use linkyard_core::decision_file::ImportOptions;
use linkyard_core::job::{Job, JobKind, JobState, Lane, Outcome};
use linkyard_core::mapping::{OnLookalike, Subject};
use linkyard_core::page::PageRequest;
use linkyard_tests::databases::{Databases, each_kind};
use linkyard_tests::ground::new_job;
use linkyard_tests::jobs::{Bench, COMPANY};
use linkyard_worker::{Perform, Progress};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that can go wrong with a call besides its content.
fn breakages() -> [Value; 4] {
    [
        json!({ "kind": "status", "status": 500 }),
        json!({ "kind": "lose_reply" }),
        json!({ "kind": "reset" }),
        json!({ "kind": "bad_json" }),
    ]
}

/// A life in which every kind has something to do: tested, fetched, suggested, linked, changed upstream, fetched again and synced.
async fn lived(databases: &Databases, perform: Perform) -> Bench {
    let bench = Bench::start(databases, 11, 5, 5).await;
    let worker = bench.work_as(Bench::args(), perform);
    bench.settled().await;
    bench.enqueue(JobKind::FetchDirectory).await;
    bench.settled().await;
    let first = bench.state().await["directory"]["vendor"]["rows"][1].clone();
    bench.party(first["name"].as_str().expect("a name")).await;
    bench.enqueue(JobKind::Suggest).await;
    bench.settled().await;
    import_some(&bench).await;
    bench.settled().await;
    for subject in Subject::ALL {
        bench.confirm_all(subject).await;
    }
    bench.settled().await;
    bench.cover_all().await;
    bench.settled().await;
    let retention = new_job(None, JobKind::Retention, Lane::Background, bench.scope.organization.to_string());
    bench.enqueue_as(&retention).await;
    let path = format!("/companies/{COMPANY}/vendors/{}", first["record"]);
    bench.admin("PATCH", &path, json!({ "address": "1 New Street" })).await;
    bench.enqueue(JobKind::FetchDirectory).await;
    bench.settled().await;
    worker.stop().await;
    bench
}

/// One vendor is created and one left out by a decision file.
async fn import_some(bench: &Bench) {
    let mut sheet = bench.export(Subject::Vendor).await;
    sheet.set(2, "decision", "CREATE");
    sheet.set(3, "decision", "DO_NOT_ADD");
    let options = ImportOptions { subject: Subject::Vendor, confirm: true, on_lookalike: OnLookalike::Create };
    bench.import(options, &sheet.save()).await;
}

async fn jobs(bench: &Bench) -> Vec<Job> {
    let page = PageRequest { size: 1_000, after: None };
    bench.store.job_list(&bench.scope, None, &[], false, &page).await.expect("jobs").rows
}

/// The calls of all jobs of each kind.
async fn calls_by_kind(bench: &Bench) -> BTreeMap<String, i64> {
    let mut calls = BTreeMap::new();
    for job in jobs(bench).await {
        assert_eq!((job.state, job.attempts), (JobState::Succeeded, 0), "{}: {:?}", job.kind, job.error_message);
        *calls.entry(job.kind).or_default() += job.counts.calls;
    }
    calls
}

fn all_kinds() -> Vec<&'static str> {
    let mut kinds: Vec<_> = JobKind::ALL.iter().map(|kind| kind.as_str()).collect();
    kinds.sort_unstable();
    kinds
}

/// The work of every job, done twice from its beginning under one lease: as if the process died after the last effect.
fn twice() -> Perform {
    let once = linkyard_worker::jobs::registry();
    Arc::new(move |kind, cx, progress| {
        let once = once.clone();
        Box::pin(async move {
            let first: Result<Outcome> = once(kind, cx, progress).await;
            match first? {
                Outcome::Done(_) | Outcome::Partial(_) => once(kind, cx, &mut Progress::new(None)).await,
                unfinished @ (Outcome::Continue | Outcome::SnoozeUntil(_) | Outcome::WaitForChildren) => Ok(unfinished),
            }
        })
    })
}

#[tokio::test]
async fn every_job_run_twice_from_its_beginning_ends_as_if_run_once() {
    each_kind(async |databases| {
        let once = lived(&databases, linkyard_worker::jobs::registry()).await;
        let again = lived(&databases, twice()).await;
        let ran = calls_by_kind(&again).await;
        assert_eq!(ran.keys().map(String::as_str).collect::<Vec<_>>(), all_kinds(), "a kind was not run");
        let state = once.state().await;
        assert!(state["parties"].to_string().contains("1 New Street"), "{state}");
        assert_eq!(again.state().await, state);
        assert!(again.calls().await > once.calls().await, "the work was done twice");
    })
    .await;
}

#[tokio::test]
async fn only_the_connection_test_the_fetch_and_the_push_call_out() {
    each_kind(async |databases| {
        let bench = lived(&databases, linkyard_worker::jobs::registry()).await;
        let calls = calls_by_kind(&bench).await;
        assert_eq!(calls.keys().map(String::as_str).collect::<Vec<_>>(), all_kinds(), "a kind was not run");
        let callers: Vec<&str> = calls.iter().filter(|(_, calls)| **calls > 0).map(|(kind, _)| kind.as_str()).collect();
        assert_eq!(callers, ["fetch_directory", "push_compliance", "test_connection"]);
        let counted: i64 = calls.values().sum();
        assert_eq!(bench.calls().await, u64::try_from(counted).expect("calls"), "and every call is counted on a job");
    })
    .await;
}

#[tokio::test]
async fn a_connection_test_broken_at_any_call_ends_the_same() {
    each_kind(async |databases| {
        let clean = Bench::start(&databases, 11, 5, 5).await;
        clean.settle().await;
        let calls = clean.calls().await;
        assert!(calls >= 3, "{calls}");
        let clean = clean.state().await;
        for action in breakages() {
            let broken = async |call: u64| {
                let bench = Bench::start(&databases, 11, 5, 5).await;
                bench.fault(json!({ "nth": call }), action.clone()).await;
                bench.settle().await;
                assert_eq!(bench.faults_landed().await, 1, "{action} at call {call}");
                assert_eq!(bench.state().await, clean, "{action} at call {call}");
            };
            join_all((1..=calls).map(broken)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_job_whose_login_is_broken_ends_the_same() {
    each_kind(async |databases| {
        let clean = Bench::tested(&databases, 11, 5, 5).await;
        let tested = clean.state().await;
        clean.run(JobKind::FetchDirectory).await;
        let fetched = clean.state().await;
        for action in breakages() {
            let bench = Bench::start(&databases, 11, 5, 5).await;
            let login = json!({ "route": "/oauth/token", "nth": 1 });
            bench.fault(login.clone(), action.clone()).await;
            bench.settle().await;
            assert_eq!((bench.faults_landed().await, bench.state().await), (1, tested.clone()), "{action}");
            bench.no_more_faults().await;
            bench.fault(login, action.clone()).await;
            let job = bench.run(JobKind::FetchDirectory).await;
            assert_eq!((job.state, job.attempts), (JobState::Succeeded, 1), "{action}: {:?}", job.error_message);
            assert_eq!((bench.faults_landed().await, bench.state().await), (1, fetched.clone()), "{action}");
        }
    })
    .await;
}
