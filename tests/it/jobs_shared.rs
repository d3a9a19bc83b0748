//! Several workers over one database and one Redis: who feeds, who takes what, and who is there.

use futures_util::future::BoxFuture;
use linkyard_core::Result;
use linkyard_core::id::JobId;
use linkyard_core::job::{JobKind, JobState, Lane, NewJob, Outcome};
use linkyard_tests::databases::{Databases, each_kind};
use linkyard_tests::ground;
use linkyard_tests::jobs::{Bench, Worker, eventually};
use linkyard_tests::redis::RedisServer;
use linkyard_worker::{Perform, WorkerArgs};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

/// What began, by the worker that began it, and what holds it up.
#[derive(Clone)]
struct Work {
    began: Arc<Mutex<Vec<(u32, JobId)>>>,
    permits: Arc<Semaphore>,
}

impl Work {
    fn free() -> Self {
        Self::held(Semaphore::MAX_PERMITS)
    }

    fn held(permits: usize) -> Self {
        Self { began: Arc::default(), permits: Arc::new(Semaphore::new(permits)) }
    }

    fn by(&self, worker: u32) -> Perform {
        let work = self.clone();
        Arc::new(move |_, cx, _| -> BoxFuture<'_, Result<Outcome>> {
            let (work, job) = (work.clone(), cx.fence.job);
            Box::pin(async move {
                work.began.lock().expect("whole").push((worker, job));
                work.permits.acquire().await.expect("open").forget();
                Ok(Outcome::Done(Value::Null))
            })
        })
    }

    fn jobs(&self) -> Vec<JobId> {
        let mut jobs: Vec<JobId> = self.began.lock().expect("whole").iter().map(|(_, job)| *job).collect();
        jobs.sort();
        jobs
    }
}

fn some_job(bench: &Bench) -> NewJob {
    ground::new_job(Some(bench.provider), JobKind::Suggest, Lane::Background, JobId::generate().to_string())
}

async fn enqueue(bench: &Bench, count: usize) -> Vec<JobId> {
    let mut jobs = Vec::new();
    for _ in 0..count {
        jobs.push(bench.enqueue_as(&some_job(bench)).await);
    }
    jobs.sort();
    jobs
}

async fn stop_all(workers: Vec<Worker>) {
    for worker in workers {
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_job_runs_once_whoever_takes_it_and_all_slots_are_used() {
    each_kind(async |databases| {
        let (bench, redis) = (Bench::tested(&databases, 1, 1, 50).await, RedisServer::start());
        let (jobs, work) = (enqueue(&bench, 60).await, Work::held(0));
        let args = || WorkerArgs { concurrency: 2, ..Bench::args() };
        let workers: Vec<Worker> = (0..3).map(|number| bench.work_shared(&redis, args(), work.by(number))).collect();
        eventually("six slots are taken", async || work.jobs().len() == 6).await;
        let mut per_worker: Vec<u32> = work.began.lock().expect("whole").iter().map(|(worker, _)| *worker).collect();
        per_worker.sort();
        assert_eq!(per_worker, [0, 0, 1, 1, 2, 2], "nobody takes more than it has slots for");
        work.permits.add_permits(1_000);
        bench.settled().await;
        stop_all(workers).await;
        assert_eq!(work.jobs(), jobs);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_process_that_feeds_dies_another_one_feeds() {
    each_kind(async |databases| {
        let (bench, redis) = (Bench::tested(&databases, 1, 1, 50).await, RedisServer::start());
        let work = Work::free();
        let feeds = bench.work_shared_until_killed(&redis, Bench::args(), work.by(0));
        let first = enqueue(&bench, 1).await;
        eventually("it feeds", async || work.jobs() == first).await;
        let other = bench.work_shared(&redis, Bench::args(), work.by(1));
        eventually("the other one is there", async || bench.store.workers_alive(60_000).await.expect("a list").len() == 2).await;
        feeds.kill().await;
        let second = enqueue(&bench, 3).await;
        bench.settled().await;
        other.stop().await;
        assert_eq!(work.jobs(), [first, second.clone()].concat());
        let by_the_other = work.began.lock().expect("whole").iter().filter(|(worker, _)| *worker == 1).count();
        assert_eq!(by_the_other, second.len());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_were_lost_with_redis_are_found_in_sql() {
    each_kind(async |databases| {
        let (bench, mut redis) = (Bench::tested(&databases, 1, 1, 50).await, RedisServer::start());
        let (jobs, work) = (enqueue(&bench, 12).await, Work::held(0));
        let args = WorkerArgs { concurrency: 1, ..Bench::args() };
        let worker = bench.work_shared(&redis, args.clone(), work.by(0));
        eventually("its slot is taken", async || work.jobs().len() == 1).await;
        eventually("others wait", async || worker.doorbell.waiting().await.is_ok_and(|waiting| waiting > 0)).await;
        redis.flush();
        work.permits.add_permits(6);
        eventually("work goes on", async || work.jobs().len() >= 7).await;
        redis.kill();
        let begins_without = bench.work_shared(&redis, args, work.by(1));
        work.permits.add_permits(100);
        redis.restart();
        bench.settled().await;
        stop_all(vec![worker, begins_without]).await;
        assert_eq!(work.jobs(), jobs, "none twice");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_providers_never_has_more_than_its_share_of_the_slots() {
    each_kind(async |databases| {
        let (bench, redis) = (Bench::tested(&databases, 1, 1, 50).await, RedisServer::start());
        let other = ground::active_provider(&bench.store, &bench.scope, 2).await;
        let (jobs, work) = (enqueue(&bench, 30).await, Work::held(0));
        let args = || WorkerArgs { concurrency: 5, ..Bench::args() };
        let workers = vec![bench.work_shared(&redis, args(), work.by(0)), bench.work_shared(&redis, args(), work.by(1))];
        eventually("its share runs", async || work.jobs().len() == 6).await;
        let late = ground::new_job(Some(other.id), JobKind::Suggest, Lane::Background, JobId::generate().to_string());
        let late = bench.enqueue_as(&late).await;
        eventually("the other one's job begins at once", async || work.jobs().contains(&late)).await;
        assert_eq!(work.jobs().len(), 7, "60 of 100 slots are the share: 6 of 10, and the other one's");
        work.permits.add_permits(1_000);
        bench.settled().await;
        stop_all(workers).await;
        assert_eq!(work.jobs().len(), jobs.len() + 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_asked_to_drain_ends_and_the_others_go_on() {
    let databases = Databases::postgres().await;
    let (bench, redis) = (Bench::tested(&databases, 1, 1, 50).await, RedisServer::start());
    let work = Work::free();
    let named = |name: &str| WorkerArgs { worker_name: Some(name.to_owned()), concurrency: 3, ..Bench::args() };
    let stays = bench.work_shared(&redis, named("stays"), work.by(0));
    let goes = bench.work_shared(&redis, named("goes"), work.by(1));
    let workers = async || bench.store.workers_alive(60_000).await.expect("a list");
    eventually("both are there", async || workers().await.len() == 2).await;
    let listed = workers().await;
    let asked = listed.iter().find(|worker| worker.beat.name == "goes").expect("it is listed");
    assert_eq!((asked.beat.slots, asked.beat.running, asked.beat.draining), (3, 0, false));
    assert_eq!(asked.beat.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(bench.store.worker_slots(60_000).await.expect("slots"), 6);
    bench.store.worker_drain(asked.beat.id).await.expect("asked");
    goes.ended().await;
    let left = workers().await;
    assert_eq!(left.iter().map(|worker| worker.beat.name.as_str()).collect::<Vec<_>>(), ["stays"]);
    assert!(bench.store.worker_drain(asked.beat.id).await.is_err(), "it is gone");
    let job = enqueue(&bench, 1).await[0];
    bench.settled().await;
    assert_eq!(bench.job(job).await.state, JobState::Succeeded);
    stays.stop().await;
    databases.drop_all().await;
}
