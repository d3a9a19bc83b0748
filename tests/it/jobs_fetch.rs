//! Fetching a directory: run twice, broken at every call, killed at every call, throttled, stopped, and over a list that moves.

use futures_util::future::join_all;
use linkyard_core::job::{JobKind, JobState};
use linkyard_tests::databases::{Databases, each_kind};
use linkyard_tests::jobs::{Bench, eventually};
use serde_json::{Value, json};

/// 12 vendors with the customer's own and 7 projects with template and demo, five to a page: three pages and two, and a look at the
/// changes of each; besides, a page of no inactive vendors and one of 24 people.
async fn bench(databases: &Databases) -> Bench {
    Bench::tested(databases, 11, 5, 5).await
}

fn result(job: &linkyard_core::job::Job) -> &Value {
    job.result.as_ref().expect("a result")
}

#[tokio::test]
async fn a_fetch_stores_every_record_and_says_so() {
    each_kind(async |databases| {
        let bench = bench(&databases).await;
        let before = bench.calls().await;
        let job = bench.run(JobKind::FetchDirectory).await;
        assert_eq!((job.state, job.attempts), (JobState::Succeeded, 0));
        let found = result(&job);
        assert_eq!(found["complete"], true);
        assert_eq!(found["vendor"]["buckets"]["fetched"], 11);
        assert_eq!(found["vendor"]["buckets"]["excluded"], 1);
        assert_eq!(found["project"]["buckets"]["fetched"], 5);
        assert_eq!(found["project"]["buckets"]["excluded"], 2);
        assert_eq!((&found["vendor"]["inserted"], &found["vendor"]["passes"]), (&json!(12), &json!(1)));
        let calls = bench.calls().await - before;
        assert_eq!(calls, 9, "three pages, two pages, the changes of each list, inactive vendors and people");
        assert_eq!(job.counts.calls, 9);
        let lists = ["vendor", "inactive_vendor", "project", "person"];
        assert_eq!(lists.map(|list| found[list]["calls"].as_i64()), [Some(4), Some(1), Some(3), Some(1)]);
        assert_eq!(lists.map(|list| found[list]["rows"].as_i64()), [Some(12), Some(0), Some(7), Some(24)]);
        assert_eq!((job.counts.total, job.counts.succeeded), (43, 43));
    })
    .await;
}

#[tokio::test]
async fn fetching_twice_changes_nothing() {
    each_kind(async |databases| {
        let bench = bench(&databases).await;
        bench.run(JobKind::FetchDirectory).await;
        let once = bench.state().await;
        let job = bench.run(JobKind::FetchDirectory).await;
        let found = result(&job);
        assert_eq!((&found["vendor"]["inserted"], &found["vendor"]["changed"]), (&json!(0), &json!(0)));
        assert_eq!(bench.state().await, once);
    })
    .await;
}

#[tokio::test]
async fn a_fetch_is_followed_by_suggestions_and_synchronization() {
    each_kind(async |databases| {
        let bench = bench(&databases).await;
        bench.run(JobKind::FetchDirectory).await;
        let page = linkyard_core::page::PageRequest { size: 10, after: None };
        let jobs = bench.store.job_list(&bench.scope, Some(bench.provider), &[], false, &page).await.expect("jobs").rows;
        let mut ended: Vec<_> = jobs.iter().map(|job| (job.kind.as_str(), job.state)).collect();
        ended.sort();
        let succeeded = |kind| (kind, JobState::Succeeded);
        assert_eq!(ended, ["fetch_directory", "find_duplicates", "suggest", "sync_linked", "test_connection"].map(succeeded));
    })
    .await;
}

async fn broken_at_every_call_by(databases: &Databases, action: Value) {
    let clean = bench(databases).await;
    clean.run(JobKind::FetchDirectory).await;
    let clean = clean.state().await;
    let broken = async |call: u64| {
        let bench = bench(databases).await;
        bench.fault(json!({ "nth": call }), action.clone()).await;
        let job = bench.run(JobKind::FetchDirectory).await;
        assert_eq!(bench.faults_landed().await, 1, "call {call}");
        assert_eq!((job.state, job.attempts), (JobState::Succeeded, 1), "call {call}: {:?}", job.error_message);
        assert_eq!(bench.state().await, clean, "call {call}");
    };
    join_all((1..=9).map(broken)).await;
}

#[tokio::test]
async fn a_fetch_that_meets_a_500_at_any_call_ends_the_same() {
    each_kind(async |databases| {
        broken_at_every_call_by(&databases, json!({ "kind": "status", "status": 500 })).await;
    })
    .await;
}

#[tokio::test]
async fn a_fetch_that_loses_the_reply_of_any_call_ends_the_same() {
    each_kind(async |databases| {
        broken_at_every_call_by(&databases, json!({ "kind": "lose_reply" })).await;
    })
    .await;
}

#[tokio::test]
async fn a_fetch_whose_connection_is_reset_at_any_call_ends_the_same() {
    each_kind(async |databases| {
        broken_at_every_call_by(&databases, json!({ "kind": "reset" })).await;
    })
    .await;
}

#[tokio::test]
async fn a_fetch_that_gets_half_a_page_at_any_call_ends_the_same() {
    each_kind(async |databases| {
        broken_at_every_call_by(&databases, json!({ "kind": "bad_json" })).await;
    })
    .await;
}

#[tokio::test]
async fn a_fetch_that_is_killed_at_any_call_goes_on_and_ends_the_same() {
    each_kind(async |databases| {
        let clean = bench(&databases).await;
        clean.run(JobKind::FetchDirectory).await;
        let clean = clean.state().await;
        let killed = async |call: u64| {
            let bench = bench(&databases).await;
            bench.fault(json!({ "nth": call }), json!({ "kind": "hang" })).await;
            let job = bench.enqueue(JobKind::FetchDirectory).await;
            let doomed = bench.work_until_killed();
            bench.until_landed(1).await;
            doomed.kill().await;
            assert_eq!(bench.job(job).await.state, JobState::Running, "call {call}: nobody wrote an end");
            bench.store.leases_release_all().await.expect("the boot of the next process");
            bench.settle().await;
            let ended = bench.job(job).await;
            assert_eq!((ended.state, ended.epoch), (JobState::Succeeded, 2), "call {call}");
            assert_eq!(bench.state().await, clean, "call {call}");
        };
        join_all((1..=9).map(killed)).await;
    })
    .await;
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_and_costs_no_attempt() {
    each_kind(async |databases| {
        let bench = bench(&databases).await;
        bench.fault(json!({ "nth": 2 }), json!({ "kind": "status", "status": 429, "retry_after_s": 1 })).await;
        let job = bench.run(JobKind::FetchDirectory).await;
        assert_eq!((job.state, job.attempts), (JobState::Succeeded, 0));
        assert_eq!(bench.faults_landed().await, 1);
        assert_eq!(bench.counted("calls_during_block").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_block_outlives_the_process_that_met_it() {
    each_kind(async |databases| {
        let bench = bench(&databases).await;
        bench.fault(json!({ "nth": 2 }), json!({ "kind": "status", "status": 429, "retry_after_s": 1 })).await;
        let job = bench.enqueue(JobKind::FetchDirectory).await;
        let worker = bench.work();
        eventually("the job waits", async || bench.job(job).await.state == JobState::WaitingForBudget).await;
        worker.stop().await;
        let provider = bench.store.provider_get(&bench.scope, bench.provider).await.expect("the provider");
        assert!(provider.not_before_ms > 0, "kept with the provider");
        bench.settle().await;
        assert_eq!(bench.job(job).await.state, JobState::Succeeded);
        assert_eq!(bench.counted("calls_during_block").await, 0, "the next process knows of it");
    })
    .await;
}

#[tokio::test]
async fn a_missing_permission_fails_the_job_and_marks_the_provider() {
    each_kind(async |databases| {
        let bench = bench(&databases).await;
        bench.fault(json!({}), json!({ "kind": "status", "status": 403, "message": "You do not have permission" })).await;
        let job = bench.run(JobKind::FetchDirectory).await;
        assert_eq!((job.state, job.attempts), (JobState::Failed, 0));
        assert_eq!(job.error_reason.as_deref(), Some("PROVIDER_PERMISSION"));
        let provider = bench.store.provider_get(&bench.scope, bench.provider).await.expect("the provider");
        assert_eq!(provider.state.as_str(), "needs_attention");
        assert!(provider.attention.is_some());
    })
    .await;
}

#[tokio::test]
async fn an_upstream_that_stays_down_fails_the_job_in_the_end() {
    each_kind(async |databases| {
        let bench = bench(&databases).await;
        bench.fault(json!({}), json!({ "kind": "status", "status": 500 })).await;
        let job = bench.run(JobKind::FetchDirectory).await;
        assert_eq!((job.state, job.error_reason.as_deref()), (JobState::Failed, Some("UNAVAILABLE")));
        assert_eq!(job.counts.calls, 4, "one call for each attempt");
    })
    .await;
}

#[tokio::test]
async fn a_stopping_worker_leaves_the_job_at_a_checkpoint_for_the_next() {
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 200, 5, 5).await;
        bench.admin("PUT", "/latency", json!({ "latency_ms": 10 })).await;
        let job = bench.enqueue(JobKind::FetchDirectory).await;
        let before = bench.calls().await;
        let worker = bench.work();
        eventually("a page is stored", async || bench.job(job).await.counts.succeeded > 0).await;
        worker.stop().await;
        let stopped = bench.job(job).await;
        assert_eq!((stopped.state, stopped.attempts), (JobState::Queued, 0));
        assert!(stopped.counts.succeeded < stopped.counts.total, "{:?}", stopped.counts);
        bench.settle().await;
        let ended = bench.job(job).await;
        assert_eq!((ended.state, ended.counts.succeeded, ended.epoch), (JobState::Succeeded, 208 + 402, 2));
        let calls = bench.calls().await - before;
        assert_eq!(calls, u64::try_from(ended.counts.calls).expect("calls"), "every call is counted on the job");
        assert!((47..=48).contains(&calls), "{calls}: at most the page that was on its way is asked for again");
    })
    .await;
}

#[tokio::test]
async fn a_cancel_stops_a_running_fetch_at_a_checkpoint() {
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 400, 5, 5).await;
        bench.admin("PUT", "/latency", json!({ "latency_ms": 10 })).await;
        let job = bench.enqueue(JobKind::FetchDirectory).await;
        let worker = bench.work();
        eventually("a page is stored", async || bench.job(job).await.counts.succeeded > 0).await;
        bench.store.job_cancel(&bench.scope, job, None).await.expect("asked");
        worker.doorbell.ring();
        bench.settled().await;
        worker.stop().await;
        let ended = bench.job(job).await;
        assert_eq!(ended.state, JobState::Cancelled);
        assert!(ended.counts.succeeded < ended.counts.total);
    })
    .await;
}

#[tokio::test]
async fn pausing_the_provider_stops_a_running_fetch_until_it_is_resumed() {
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 400, 5, 5).await;
        bench.admin("PUT", "/latency", json!({ "latency_ms": 10 })).await;
        let job = bench.enqueue(JobKind::FetchDirectory).await;
        let worker = bench.work();
        eventually("a page is stored", async || bench.job(job).await.counts.succeeded > 0).await;
        bench.store.provider_set_paused(&bench.scope, bench.provider, true, None).await.expect("paused");
        worker.doorbell.ring();
        eventually("the job waits", async || bench.job(job).await.state == JobState::Paused).await;
        let waiting = bench.job(job).await;
        assert!(waiting.counts.succeeded < waiting.counts.total);
        bench.store.provider_set_paused(&bench.scope, bench.provider, false, None).await.expect("resumed");
        worker.doorbell.ring();
        bench.settled().await;
        worker.stop().await;
        let ended = bench.job(job).await;
        assert_eq!((ended.state, ended.attempts, ended.epoch), (JobState::Succeeded, 0, 2));
    })
    .await;
}

#[tokio::test]
async fn a_record_that_appears_on_a_page_already_read_is_found_all_the_same() {
    each_kind(async |databases| {
        let bench = bench(&databases).await;
        bench.fault(json!({ "nth": 1 }), json!({ "kind": "drift", "insert": 2 })).await;
        let job = bench.run(JobKind::FetchDirectory).await;
        let vendors = &result(&job)["vendor"];
        assert_eq!((job.state, &vendors["complete"], &vendors["passes"]), (JobState::Succeeded, &json!(true), &json!(1)));
        assert_eq!(vendors["buckets"]["fetched"], 13);
    })
    .await;
}

/// Fetches while two vendors come to the front after the first page and later calls for vendors meet `what`: one pass knows all thirteen.
async fn one_pass_knows_all(databases: &Databases, calls: &[u32], what: &str) {
    let bench = bench(databases).await;
    let call = |nth: u32| json!({ "route": "/rest/v1.0/vendors", "nth": nth });
    bench.fault(call(1), json!({ "kind": "drift", "insert": 2 })).await;
    for nth in calls {
        bench.fault(call(*nth), json!({ "kind": what })).await;
    }
    let job = bench.run(JobKind::FetchDirectory).await;
    let vendors = &result(&job)["vendor"];
    assert_eq!((&vendors["complete"], &vendors["passes"]), (&json!(true), &json!(1)));
    assert_eq!((&vendors["buckets"]["fetched"], bench.faults_landed().await), (&json!(13), calls.len() as u64 + 1));
}

#[tokio::test]
async fn a_page_that_can_not_be_empty_is_read_until_it_is_not_also_among_the_changes() {
    // The second page three times, and the changes, which alone show who was inserted, once.
    each_kind(async |databases| one_pass_knows_all(&databases, &[2, 3, 4, 7], "empty_page").await).await;
}

#[tokio::test]
async fn a_page_that_comes_instead_of_the_next_is_known_although_rows_moved() {
    each_kind(async |databases| one_pass_knows_all(&databases, &[2], "page_before").await).await;
}

#[tokio::test]
async fn a_list_that_shrank_is_walked_once_more() {
    each_kind(async |databases| {
        let bench = bench(&databases).await;
        bench.fault(json!({ "nth": 1 }), json!({ "kind": "drift", "delete": 1 })).await;
        let job = bench.run(JobKind::FetchDirectory).await;
        let vendors = &result(&job)["vendor"];
        assert_eq!((job.state, &vendors["complete"], &vendors["passes"]), (JobState::Succeeded, &json!(true), &json!(2)));
        let state = bench.state().await;
        let rows = state["directory"]["vendor"]["rows"].as_array().expect("rows").len();
        assert_eq!(rows, 11, "the one that left was seen, and one walk takes nothing away");
    })
    .await;
}

#[tokio::test]
async fn a_list_that_never_holds_still_ends_partial() {
    each_kind(async |databases| {
        // So many that some are left after two passes in which every call takes one away.
        let bench = Bench::tested(&databases, 60, 5, 10).await;
        let vendors = json!({ "route": "/rest/v1.0/vendors" });
        bench.fault(vendors, json!({ "kind": "drift", "delete": 1 })).await;
        let job = bench.run(JobKind::FetchDirectory).await;
        assert_eq!((job.state, &result(&job)["complete"]), (JobState::Partial, &json!(false)));
        assert_eq!(result(&job)["project"]["complete"], true);
    })
    .await;
}

#[tokio::test]
async fn what_two_complete_walks_miss_is_gone_and_not_before() {
    each_kind(async |databases| {
        let bench = bench(&databases).await;
        bench.run(JobKind::FetchDirectory).await;
        let state = bench.state().await;
        let row = state["directory"]["vendor"]["rows"].as_array().and_then(|rows| rows.last()).expect("a row");
        bench
            .admin("DELETE", &format!("/companies/{}/vendors/{}", linkyard_tests::jobs::COMPANY, row["record"]), Value::Null)
            .await;
        let gone = async || {
            let job = bench.run(JobKind::FetchDirectory).await;
            result(&job)["vendor"]["buckets"]["gone"].as_u64()
        };
        assert_eq!((gone().await, gone().await), (Some(0), Some(1)));
    })
    .await;
}
