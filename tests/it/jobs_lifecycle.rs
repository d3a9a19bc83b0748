//! What workers do of themselves and for the last time: automatic adding after a fetch, schedules, the purge, the deletion of a provider.

use linkyard_core::job::{JobKind, JobState};
use linkyard_core::mapping::Subject;
use linkyard_core::page::PageRequest;
use linkyard_core::provider::ProviderChange;
use linkyard_store::ProviderUpdate;
use linkyard_tests::databases::each_kind;
use linkyard_tests::jobs::{Bench, COMPANY, eventually};
use linkyard_worker::WorkerArgs;
use serde_json::json;

#[tokio::test]
async fn a_vendor_that_appears_after_switching_on_is_a_party_after_the_next_fetch() {
    each_kind(async |databases| {
        let bench = Bench::fetched(&databases, 6, 2, 5).await;
        let change = ProviderChange { auto_add_parties: Some(true), ..ProviderChange::default() };
        let update = ProviderUpdate { change, acknowledge_unmapped: true, ..ProviderUpdate::default() };
        bench.store.provider_update(&bench.scope, bench.provider, &update, None).await.expect("switched on");
        let vendors = format!("/companies/{COMPANY}/vendors");
        bench.admin("POST", &vendors, json!({ "rows": [{ "name": "Zephyr Glazing Partners" }] })).await;
        bench.run(JobKind::FetchDirectory).await;
        let buckets = bench.store.directory_report(&bench.scope, bench.provider, Subject::Vendor).await.expect("a report");
        assert_eq!((buckets.created, buckets.unmapped), (1, 6), "only the new one was added");
        let before = bench.state().await;
        bench.run(JobKind::FetchDirectory).await;
        assert_eq!(bench.state().await["parties"], before["parties"], "and only once");
    })
    .await;
}

#[tokio::test]
async fn the_process_that_feeds_fetches_again_and_again_until_schedules_are_switched_off() {
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 3, 1, 5).await;
        let args = WorkerArgs { schedule_tick_ms: 5, fetch_every_ms: 20, ..Bench::args() };
        let worker = bench.work_as(args, linkyard_worker::jobs::registry());
        let page = PageRequest { size: 1_000, after: None };
        let fetches = async || {
            let jobs = bench.store.job_list(&bench.scope, Some(bench.provider), &[], false, &page).await.expect("jobs").rows;
            jobs.iter().filter(|job| job.kind == JobKind::FetchDirectory.as_str()).count()
        };
        eventually("two fetches that nobody asked for", async || fetches().await >= 2).await;
        let change = ProviderChange { schedules: Some(false), ..ProviderChange::default() };
        let update = ProviderUpdate { change, ..ProviderUpdate::default() };
        bench.store.provider_update(&bench.scope, bench.provider, &update, None).await.expect("switched off");
        bench.settled().await;
        worker.stop().await;
    })
    .await;
}

#[tokio::test]
async fn the_purge_ends_and_says_what_it_purged() {
    each_kind(async |databases| {
        let bench = Bench::fetched(&databases, 3, 1, 5).await;
        let args = WorkerArgs { keep_jobs_days: 0, keep_requests_days: 0, ..Bench::args() };
        let purge = bench.enqueue(JobKind::Retention).await;
        let worker = bench.work_as(args, linkyard_worker::jobs::registry());
        bench.settled().await;
        worker.stop().await;
        let job = bench.job(purge).await;
        assert_eq!(job.state, JobState::Succeeded);
        let mut purged = job.result.expect("figures");
        for timed in ["calls", "samples"] {
            let purged = purged.as_object_mut().and_then(|figures| figures.remove(timed));
            assert!(purged.is_some_and(|purged| purged.is_u64()), "{timed}: how many there were depends on the clock");
        }
        // The connection test, the fetch, and the suggesting, searching for duplicates and syncing after it.
        assert_eq!(purged, json!({ "jobs": 5, "requests": 0, "walks": 0, "imports": 0 }));
    })
    .await;
}

#[tokio::test]
async fn a_deleted_provider_is_gone_once_the_workers_have_ended_its_jobs() {
    each_kind(async |databases| {
        let bench = Bench::fetched(&databases, 6, 2, 5).await;
        bench.confirm_all(Subject::Vendor).await;
        let worker = bench.work();
        bench.enqueue(JobKind::FetchDirectory).await;
        bench.store.provider_delete(&bench.scope, bench.provider, None, None).await.expect("deleting");
        eventually("the provider is gone", async || bench.store.provider_get(&bench.scope, bench.provider).await.is_err()).await;
        assert_eq!(bench.store.jobs_live().await.expect("jobs"), 0);
        worker.stop().await;
    })
    .await;
}
