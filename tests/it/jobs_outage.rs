//! A platform that is down, and one that refuses every call: jobs wait, nobody hammers, and everything goes on by itself.

use linkyard_core::budget::CallMinute;
use linkyard_core::error::Attention;
use linkyard_core::id::JobId;
use linkyard_core::job::{Job, JobKind, JobState};
use linkyard_core::provider::{Provider, ProviderState};
use linkyard_tests::databases::each_kind;
use linkyard_tests::ground;
use linkyard_tests::jobs::{Bench, COMPANY, eventually};
use linkyard_worker::WorkerArgs;
use serde_json::{Value, json};

const SLOTS: usize = 4;

async fn provider(bench: &Bench) -> Provider {
    bench.store.provider_get(&bench.scope, bench.provider).await.expect("the provider")
}

/// Fetches that share nothing but the provider.
async fn fetches(bench: &Bench, count: usize) -> Vec<JobId> {
    let mut jobs = Vec::new();
    for _ in 0..count {
        jobs.push(ground::fetch(&bench.store, &bench.scope, bench.provider).await.id);
    }
    jobs
}

async fn all(bench: &Bench, jobs: &[JobId]) -> Vec<Job> {
    let mut found = Vec::new();
    for job in jobs {
        found.push(bench.job(*job).await);
    }
    found
}

/// Every job came to its end. PARTIAL as well: walks of one list side by side end each other's proof.
async fn assert_all_done(bench: &Bench, jobs: &[JobId]) {
    for job in all(bench, jobs).await {
        let done = matches!(job.state, JobState::Succeeded | JobState::Partial);
        assert!(done && job.error_reason.is_none(), "{:?}: {:?}", job.state, job.error_message);
    }
}

async fn install(bench: &Bench, installation: &str) {
    bench.admin("PUT", &format!("/companies/{COMPANY}/installation"), json!({ "installation": installation })).await;
}

/// What goes wrong with every call.
fn outages() -> [Value; 2] {
    [json!({ "kind": "status", "status": 500 }), json!({ "kind": "reset" })]
}

#[tokio::test]
async fn while_procore_is_down_one_call_tries_for_all_and_no_job_fails() {
    for outage in outages() {
        each_kind(async |databases| {
            let bench = Bench::tested(&databases, 12, 3, 5).await;
            bench.fault(json!({}), outage.clone()).await;
            let jobs = fetches(&bench, 12).await;
            let worker = bench.work_as(WorkerArgs { concurrency: SLOTS, ..Bench::args() }, linkyard_worker::jobs::registry());
            eventually("people are told", async || provider(&bench).await.state == ProviderState::NeedsAttention).await;
            let down = provider(&bench).await;
            assert_eq!(down.attention, Some(Attention::UpstreamDown));
            // Five failures open it, others were under way by then; afterwards each further failure is one that tried for all.
            let landed = bench.faults_landed().await;
            let kept = bench.store.provider_budget(&bench.scope, bench.provider).await.expect("a budget").expect("kept");
            let tries = u64::from(kept.usage.outages);
            assert!(landed <= 5 + SLOTS as u64 + tries + 1, "{landed} calls and {tries} tries");
            let waiting = all(&bench, &jobs).await;
            let attempts: i32 = waiting.iter().map(|job| job.attempts).sum();
            assert!(attempts <= 5 + i32::try_from(SLOTS).expect("few"), "{attempts} attempts");
            let told = waiting.iter().filter(|job| job.error_reason.as_deref() == Some("PROVIDER_UPSTREAM_DOWN")).count();
            assert!(told > 0, "the reason is on the jobs");

            bench.no_more_faults().await;
            bench.settled().await;
            worker.stop().await;
            assert_all_done(&bench, &jobs).await;
            let back = provider(&bench).await;
            assert_eq!((back.state, back.attention), (ProviderState::Active, None));
        })
        .await;
    }
}

#[tokio::test]
async fn now_and_then_a_failure_fails_no_job_however_many_pages_it_has() {
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 60, 3, 2).await;
        bench.fault(json!({ "every": 4 }), json!({ "kind": "status", "status": 500 })).await;
        let job = bench.run(JobKind::FetchDirectory).await;
        let landed = bench.faults_landed().await;
        assert_eq!(job.state, JobState::Succeeded, "{:?}", job.error_message);
        assert!(landed > u64::from(Bench::args().attempts), "more failures than a job has attempts: {landed}");
    })
    .await;
}

#[tokio::test]
async fn jobs_of_an_app_that_was_disconnected_wait_and_go_on_when_a_test_succeeds() {
    let attention = Attention::NotConnected;
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 12, 3, 5).await;
        install(&bench, "disconnected").await;
        let jobs = fetches(&bench, 12).await;
        let before = bench.calls().await;
        let worker = bench.work_as(WorkerArgs { concurrency: SLOTS, ..Bench::args() }, linkyard_worker::jobs::registry());
        let held = async || all(&bench, &jobs).await.iter().all(|job| job.state == JobState::Paused);
        eventually("the jobs wait", held).await;
        assert_eq!(provider(&bench).await.attention, Some(attention));
        let calls = bench.calls().await - before;
        assert!(calls <= SLOTS as u64, "one call for each job that ran already: {calls}");
        let waiting = all(&bench, &jobs).await;
        assert!(waiting.iter().all(|job| job.error_reason.as_deref() == Some(attention.reason()) && job.attempts == 0));

        install(&bench, "installed").await;
        bench.enqueue(JobKind::TestConnection).await;
        worker.doorbell.ring();
        bench.settled().await;
        worker.stop().await;
        assert_all_done(&bench, &jobs).await;
        assert_eq!(provider(&bench).await.state, ProviderState::Active);
    })
    .await;
}

#[tokio::test]
async fn a_provider_that_needs_attention_is_tested_by_itself_until_it_works() {
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 12, 3, 5).await;
        install(&bench, "disconnected").await;
        let job = bench.enqueue(JobKind::FetchDirectory).await;
        let args = WorkerArgs { schedule_tick_ms: 10, test_every_ms: 50, fetch_every_ms: 0, ..Bench::args() };
        let worker = bench.work_as(args, linkyard_worker::jobs::registry());
        eventually("the job waits", async || bench.job(job).await.state == JobState::Paused).await;
        install(&bench, "installed").await;
        eventually("the job is done", async || bench.job(job).await.state == JobState::Succeeded).await;
        assert_eq!(provider(&bench).await.state, ProviderState::Active);
        worker.stop().await;
    })
    .await;
}

#[tokio::test]
async fn every_call_of_a_worker_is_in_the_history_once_it_has_ended() {
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 12, 3, 5).await;
        bench.fault(json!({ "nth": 2 }), json!({ "kind": "status", "status": 500 })).await;
        bench.run(JobKind::FetchDirectory).await;
        let minutes = bench.store.calls_by_minute(&bench.scope, bench.provider, 60).await.expect("the history");
        let sum = |count: fn(&CallMinute) -> u64| minutes.iter().map(count).sum::<u64>();
        assert_eq!(sum(|minute| minute.counts.made), bench.calls().await);
        assert_eq!(sum(|minute| minute.counts.failed), 1);
    })
    .await;
}

#[tokio::test]
async fn a_call_that_hangs_does_not_hold_up_a_stop() {
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 12, 3, 5).await;
        bench.fault(json!({ "nth": 2 }), json!({ "kind": "hang" })).await;
        let job = bench.enqueue(JobKind::FetchDirectory).await;
        // The client of this bench gives a call up after two seconds; a stop that waited for that would see an attempt fail.
        let worker = bench.work_as(WorkerArgs { drain_ms: 6_000, ..Bench::args() }, linkyard_worker::jobs::registry());
        bench.until_landed(1).await;
        worker.stop().await;
        let stopped = bench.job(job).await;
        assert_eq!((stopped.state, stopped.attempts), (JobState::Queued, 0), "given back for another worker");
        bench.no_more_faults().await;
        bench.settle().await;
        assert_eq!(bench.job(job).await.state, JobState::Succeeded);
    })
    .await;
}
