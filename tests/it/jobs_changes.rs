//! Fetching only what changed: few calls, the same rows as a fetch of everything, and no word on what is gone.

use linkyard_core::job::{CHANGES, Job, JobKind, JobState, Lane, NewJob};
use linkyard_tests::databases::each_kind;
use linkyard_tests::ground;
use linkyard_tests::jobs::{Bench, COMPANY};
use serde_json::{Value, json};

async fn fetch_changes(bench: &Bench) -> Job {
    let key = format!("{}{CHANGES}", bench.provider);
    let new = ground::new_job(Some(bench.provider), JobKind::FetchDirectory, Lane::Background, key);
    let job = bench.enqueue_as(&NewJob { payload: json!({ "changes": true }), ..new }).await;
    bench.settle().await;
    bench.job(job).await
}

fn result(job: &Job) -> &Value {
    job.result.as_ref().expect("a result")
}

/// The record id of one vendor of ours.
async fn some_vendor(bench: &Bench) -> Value {
    let state = bench.state().await;
    state["directory"]["vendor"]["rows"].as_array().and_then(|rows| rows.last()).expect("a row")["record"].clone()
}

/// Two vendors change and one is new; the list itself is not read.
async fn change(bench: &Bench) {
    let vendors = format!("/companies/{COMPANY}/vendors");
    let known = some_vendor(bench).await;
    bench.admin("PATCH", &format!("{vendors}/{known}"), json!({ "address": "1 New Street" })).await;
    bench.admin("POST", &vendors, json!({ "rows": [{ "name": "Zephyr Glazing Partners" }] })).await;
}

#[tokio::test]
async fn changes_are_read_with_a_call_per_list_and_end_as_a_fetch_of_everything_would() {
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 11, 5, 5).await;
        bench.run(JobKind::FetchDirectory).await;
        change(&bench).await;
        let before = bench.calls().await;
        let job = fetch_changes(&bench).await;
        assert_eq!(job.state, JobState::Succeeded, "{job:?}");
        assert_eq!(bench.calls().await - before, 2, "the changes of the vendors and those of the projects");
        let vendors = &result(&job)["vendor"];
        assert_eq!((&vendors["inserted"], &vendors["changed"]), (&json!(1), &json!(1)));
        assert_eq!((&result(&job)["changes"], &result(&job)["complete"]), (&json!(true), &json!(false)));
        let after_changes = bench.state().await;
        bench.run(JobKind::FetchDirectory).await;
        assert_eq!(bench.state().await, after_changes, "a fetch of everything finds nothing more");
    })
    .await;
}

#[tokio::test]
async fn a_list_that_was_never_read_to_its_end_is_read_whole() {
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 11, 5, 5).await;
        let job = fetch_changes(&bench).await;
        let vendors = &result(&job)["vendor"];
        assert_eq!((job.state, &vendors["complete"], &vendors["inserted"]), (JobState::Succeeded, &json!(true), &json!(12)));
    })
    .await;
}

#[tokio::test]
async fn what_a_look_at_the_changes_does_not_show_is_not_missing() {
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 11, 5, 5).await;
        bench.run(JobKind::FetchDirectory).await;
        let vendor = some_vendor(&bench).await;
        bench.admin("DELETE", &format!("/companies/{COMPANY}/vendors/{vendor}"), Value::Null).await;
        for _ in 0..3 {
            let job = fetch_changes(&bench).await;
            assert_eq!(result(&job)["vendor"]["buckets"]["gone"], 0);
        }
        let job = bench.run(JobKind::FetchDirectory).await;
        assert_eq!(result(&job)["vendor"]["buckets"]["gone"], 0, "only the second complete walk takes it away");
        let job = bench.run(JobKind::FetchDirectory).await;
        assert_eq!(result(&job)["vendor"]["buckets"]["gone"], 1);
    })
    .await;
}

#[tokio::test]
async fn broken_at_either_call_it_ends_the_same() {
    each_kind(async |databases| {
        let mut ends = Vec::new();
        for broken in [None, Some(1), Some(2)] {
            let bench = Bench::tested(&databases, 11, 5, 5).await;
            bench.run(JobKind::FetchDirectory).await;
            change(&bench).await;
            if let Some(nth) = broken {
                bench.fault(json!({ "nth": nth }), json!({ "kind": "status", "status": 500 })).await;
            }
            let job = fetch_changes(&bench).await;
            assert_eq!((job.state, job.attempts), (JobState::Succeeded, i32::from(broken.is_some())));
            ends.push(bench.state().await);
        }
        assert_eq!(ends[0], ends[1]);
        assert_eq!(ends[0], ends[2]);
    })
    .await;
}
