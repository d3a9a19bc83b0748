//! The runner and the feeder themselves, with work that a test hands in.

use futures_util::future::BoxFuture;
use linkyard_core::id::JobId;
use linkyard_core::job::{JobKind, JobState, Lane, NewJob, Outcome, POISON, RowCounts};
use linkyard_core::{Error, Result};
use linkyard_tests::databases::each_kind;
use linkyard_tests::ground;
use linkyard_tests::jobs::{Bench, eventually};
use linkyard_worker::{Context, PANIC, Perform, Progress, WorkerArgs};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

fn performing<F>(work: F) -> Perform
where
    F: for<'a> Fn(&'a Context, &'a mut Progress) -> BoxFuture<'a, Result<Outcome>> + Send + Sync + 'static,
{
    Arc::new(move |_, cx, progress| work(cx, progress))
}

/// A job that only the test's own work knows how to do.
fn other_job(bench: &Bench) -> NewJob {
    ground::new_job(Some(bench.provider), JobKind::Suggest, Lane::Background, JobId::generate().to_string())
}

fn done() -> Result<Outcome> {
    Ok(Outcome::Done(Value::Null))
}

#[tokio::test]
async fn a_panicking_job_is_tried_again_and_fails_in_the_end_while_others_go_on() {
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 1, 1, 50).await;
        let (panics, works) = (bench.enqueue_as(&other_job(&bench)).await, bench.enqueue_as(&other_job(&bench)).await);
        let perform = performing(move |cx, _| {
            let job = cx.fence.job;
            Box::pin(async move {
                assert!(job != panics, "as the test wants");
                done()
            })
        });
        let worker = bench.work_as(WorkerArgs { concurrency: 1, attempts: 3, ..Bench::args() }, perform);
        bench.settled().await;
        worker.stop().await;
        let failed = bench.job(panics).await;
        assert_eq!((failed.state, failed.error_reason.as_deref(), failed.epoch), (JobState::Failed, Some(PANIC), 3));
        assert_eq!(failed.error_message.as_deref(), Some("as the test wants"));
        assert_eq!(bench.job(works).await.state, JobState::Succeeded);
    })
    .await;
}

#[tokio::test]
async fn a_job_that_gets_further_may_fail_as_often_as_it_has_steps() {
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 1, 1, 50).await;
        let steps = bench.enqueue_as(&other_job(&bench)).await;
        let perform = performing(|cx, progress| {
            Box::pin(async move {
                let step = progress.position::<i64>().unwrap_or_default();
                // Each step fails once, and the last one always.
                if step < 5 {
                    progress.save(cx, &(step + 1), "stepping", RowCounts::default()).await?;
                }
                Err(Error::Unavailable { service: "procore", message: format!("at step {step}"), source: None })
            })
        });
        let worker = bench.work_as(WorkerArgs { concurrency: 1, attempts: 2, ..Bench::args() }, perform);
        bench.settled().await;
        worker.stop().await;
        let ended = bench.job(steps).await;
        // Five runs got further; the last of them began the row that one more ended.
        assert_eq!((ended.state, ended.attempts, ended.epoch), (JobState::Failed, 1, 6));
    })
    .await;
}

#[tokio::test]
async fn a_job_that_kills_its_process_three_times_is_quarantined() {
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 1, 1, 50).await;
        bench.fault(json!({}), json!({ "kind": "hang" })).await;
        let job = bench.enqueue(JobKind::FetchDirectory).await;
        for start in 1..=3 {
            let doomed = bench.work_until_killed();
            bench.until_landed(start).await;
            doomed.kill().await;
            bench.store.leases_release_all().await.expect("the boot of the next process");
        }
        bench.no_more_faults().await;
        bench.settle().await;
        let ended = bench.job(job).await;
        assert_eq!((ended.state, ended.error_reason.as_deref(), ended.epoch), (JobState::Failed, Some(POISON), 3));

        bench.store.job_retry(&bench.scope, job, None).await.expect("a person mended the cause");
        bench.settle().await;
        let again = bench.job(job).await;
        assert_eq!((again.state, again.error_reason, again.epoch), (JobState::Succeeded, None, 4));
    })
    .await;
}

#[tokio::test]
async fn a_job_that_another_worker_took_over_is_stopped_and_writes_nothing() {
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 1, 1, 50).await;
        let job = bench.enqueue_as(&other_job(&bench)).await;
        let dropped = Arc::new(Semaphore::new(0));
        let ended = dropped.clone();
        let perform = performing(move |_, _| {
            let alive = AddsWhenDropped(ended.clone());
            Box::pin(async move {
                let _alive = alive;
                std::future::pending().await
            })
        });
        let worker = bench.work_as(Bench::args(), perform);
        eventually("the job runs", async || bench.job(job).await.state == JobState::Running).await;
        let taken = take_over(&bench, job).await;
        dropped.acquire().await.expect("open").forget();
        eventually("its slot is free", async || worker.doorbell.held().is_empty()).await;
        worker.stop().await;
        let after = bench.job(job).await;
        assert_eq!((after.state, after.epoch), (JobState::Running, taken), "as the other worker has it");
    })
    .await;
}

struct AddsWhenDropped(Arc<Semaphore>);

impl Drop for AddsWhenDropped {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

/// Ends the lease and claims the job before the first worker renews it, however often that takes; answers the new epoch.
async fn take_over(bench: &Bench, job: JobId) -> i64 {
    loop {
        bench.store.leases_release_all().await.expect("ended");
        let claimed = bench.store.jobs_claim(&[job], "another", ground::LONG_MS).await.expect("a claim");
        if let Some(claimed) = claimed.first() {
            return claimed.fence.epoch;
        }
    }
}

#[tokio::test]
async fn a_run_that_outlasts_the_drain_is_released_without_a_trace() {
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 1, 1, 50).await;
        let job = bench.enqueue_as(&other_job(&bench)).await;
        let perform = performing(|_, _| Box::pin(std::future::pending()));
        let worker = bench.work_as(WorkerArgs { drain_ms: 10, ..Bench::args() }, perform);
        eventually("the job runs", async || bench.job(job).await.state == JobState::Running).await;
        worker.stop().await;
        let released = bench.job(job).await;
        assert_eq!((released.state, released.attempts), (JobState::Queued, 0));
        let unclean = bench.store.jobs_runnable(10, None).await.expect("runnable").iter().any(|runnable| runnable.unclean);
        assert!(!unclean, "a release is an orderly end");
    })
    .await;
}

#[tokio::test]
async fn a_paused_provider_keeps_its_jobs_waiting_while_others_run() {
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 1, 1, 50).await;
        let other = ground::active_provider(&bench.store, &bench.scope, 42).await;
        let (waits, runs) =
            (bench.enqueue_as(&other_job(&bench)).await, ground::fetch(&bench.store, &bench.scope, other.id).await.id);
        bench.store.provider_set_paused(&bench.scope, bench.provider, true, None).await.expect("paused");
        let worker = bench.work_as(Bench::args(), performing(|_, _| Box::pin(async { done() })));
        eventually("the other's job is done", async || bench.job(runs).await.state == JobState::Succeeded).await;
        assert_eq!(bench.job(waits).await.state, JobState::Paused);
        bench.store.provider_set_paused(&bench.scope, bench.provider, false, None).await.expect("resumed");
        worker.doorbell.ring();
        bench.settled().await;
        worker.stop().await;
        assert_eq!(bench.job(waits).await.state, JobState::Succeeded);
    })
    .await;
}

#[tokio::test]
async fn providers_take_turns() {
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 1, 1, 50).await;
        let other = ground::active_provider(&bench.store, &bench.scope, 42).await.id;
        for _ in 0..6 {
            bench.enqueue_as(&other_job(&bench)).await;
        }
        for _ in 0..6 {
            bench.enqueue_as(&NewJob { provider: Some(other), ..other_job(&bench) }).await;
        }
        let order = Arc::new(Mutex::new(Vec::new()));
        let noted = order.clone();
        let perform = performing(move |cx, _| {
            noted.lock().expect("no panic").push(cx.provider().expect("a provider").id);
            Box::pin(async { done() })
        });
        let worker = bench.work_as(WorkerArgs { concurrency: 1, ..Bench::args() }, perform);
        bench.settled().await;
        worker.stop().await;
        let order = order.lock().expect("no panic").clone();
        assert_eq!(order.len(), 12);
        assert!(order[..4].contains(&other), "whoever came second is not behind all of the first: {order:?}");
    })
    .await;
}

#[tokio::test]
async fn a_backlog_waits_in_the_ledger_and_every_job_of_it_runs_once() {
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 1, 1, 50).await;
        let mut jobs = Vec::new();
        for _ in 0..100 {
            jobs.push(bench.enqueue_as(&other_job(&bench)).await);
        }
        let (gate, runs) = (Arc::new(Semaphore::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (behind, noted) = (gate.clone(), runs.clone());
        let perform = performing(move |cx, _| {
            noted.lock().expect("no panic").push(cx.fence.job);
            let gate = behind.clone();
            Box::pin(async move {
                gate.acquire().await.expect("open").forget();
                done()
            })
        });
        let worker = bench.work_as(WorkerArgs { concurrency: 2, ..Bench::args() }, perform);
        eventually("both slots are taken", async || runs.lock().expect("no panic").len() == 2).await;
        for _ in 0..20 {
            worker.doorbell.ring();
            tokio::task::yield_now().await;
            assert!(worker.doorbell.waiting().await.expect("they wait here") <= 8, "at most four for each slot");
        }
        gate.add_permits(100);
        bench.settled().await;
        worker.stop().await;
        let mut runs = runs.lock().expect("no panic").clone();
        runs.sort();
        jobs.sort();
        assert_eq!(runs, jobs);
    })
    .await;
}

#[tokio::test]
async fn a_job_that_gives_its_slot_up_goes_on_from_its_checkpoint() {
    each_kind(async |databases| {
        let bench = Bench::tested(&databases, 1, 1, 50).await;
        let job = bench.enqueue_as(&other_job(&bench)).await;
        let perform = performing(|cx, progress| {
            Box::pin(async move {
                let step: i64 = progress.position().unwrap_or(0) + 1;
                let one = linkyard_core::job::RowCounts { succeeded: 1, ..Default::default() };
                progress.save(cx, &step, "stepping", one).await?;
                if step == 3 { Ok(Outcome::Done(step.into())) } else { Ok(Outcome::Continue) }
            })
        });
        let worker = bench.work_as(Bench::args(), perform);
        bench.settled().await;
        worker.stop().await;
        let ended = bench.job(job).await;
        assert_eq!((ended.state, ended.epoch, ended.counts.succeeded, ended.result), (JobState::Succeeded, 3, 3, Some(json!(3))));
    })
    .await;
}
