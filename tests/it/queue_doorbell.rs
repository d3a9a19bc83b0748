//! The doorbell that processes share: ids through a real Redis that is emptied, killed, frozen, moved and misconfigured.

use linkyard_core::id::JobId;
use linkyard_core::job::Lane;
use linkyard_queue::{Called, Doorbell, MOST_WAITING, Redis, RedisFinding, run};
use linkyard_tests::jobs::eventually;
use linkyard_tests::redis::{RedisServer, free_port};
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

fn doorbell(server: &RedisServer) -> Doorbell {
    Doorbell::shared(Redis::new(&server.args()).expect("an address"))
}

fn calls(lane: Lane, count: usize) -> Vec<Called> {
    (0..count).map(|_| Called { job: JobId::generate(), lane, alone: false }).collect()
}

fn jobs(calls: &[Called]) -> Vec<JobId> {
    calls.iter().map(|call| call.job).collect()
}

/// What one process runs: tells of each id that it begins with.
struct Worker {
    began: mpsc::UnboundedReceiver<JobId>,
    shutdown: CancellationToken,
    ended: JoinHandle<linkyard_core::Result<()>>,
}

impl Worker {
    /// A worker whose handlers end at once.
    fn start(doorbell: Doorbell, slots: usize) -> Self {
        Self::held_back(doorbell, slots, Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)))
    }

    /// A worker whose handlers end when there is a permit.
    fn held_back(doorbell: Doorbell, slots: usize, permits: Arc<Semaphore>) -> Self {
        let ((begins, began), shutdown) = (mpsc::unbounded_channel(), CancellationToken::new());
        let handler = move |job| {
            let (begins, permits) = (begins.clone(), permits.clone());
            async move {
                begins.send(job).expect("the test listens");
                permits.acquire().await.expect("open").forget();
            }
        };
        Self { began, ended: tokio::spawn(run(doorbell, slots, handler, shutdown.clone())), shutdown }
    }

    async fn next(&mut self) -> JobId {
        self.began.recv().await.expect("an id")
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.ended.await.expect("no panic").expect("a clean end");
    }
}

/// Offers until it is taken, as the feeder does.
async fn offer(doorbell: &Doorbell, calls: &[Called]) {
    eventually("Redis takes ids", async || doorbell.offer(calls).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_offered_id_reaches_one_process_once_and_what_waits_already_is_left_out() {
    let server = RedisServer::start();
    let (feeder, calls) = (doorbell(&server), calls(Lane::Push, MOST_WAITING));
    assert_eq!(feeder.offer(&calls[..10]).await.expect("taken"), 10);
    assert_eq!(feeder.offer(&calls).await.expect("taken"), MOST_WAITING - 10);
    assert_eq!(feeder.waiting().await.expect("a count"), MOST_WAITING);
    let (mut one, mut two) = (Worker::start(doorbell(&server), 8), Worker::start(doorbell(&server), 8));
    let mut got = Vec::new();
    while got.len() < calls.len() {
        got.push(tokio::select! { job = one.next() => job, job = two.next() => job });
    }
    got.sort();
    let mut expected = jobs(&calls);
    expected.sort();
    assert_eq!(got, expected);
    assert_eq!(feeder.waiting().await.expect("a count"), 0);
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn no_more_ids_wait_than_the_most_and_no_more_are_taken_than_there_are_slots() {
    let server = RedisServer::start();
    let (feeder, permits) = (doorbell(&server), Arc::new(Semaphore::new(0)));
    assert_eq!(feeder.offer(&calls(Lane::Push, MOST_WAITING - 5)).await.expect("taken"), MOST_WAITING - 5);
    assert_eq!(feeder.offer(&calls(Lane::Person, 10)).await.expect("taken"), 5);
    assert_eq!(feeder.offer(&calls(Lane::Person, 10)).await.expect("taken"), 0);
    let mut worker = Worker::held_back(doorbell(&server), 3, permits.clone());
    for _ in 0..3 {
        worker.next().await;
    }
    assert_eq!(feeder.waiting().await.expect("a count"), MOST_WAITING - 3);
    permits.add_permits(Semaphore::MAX_PERMITS / 2);
    worker.stop().await;
}

#[tokio::test]
async fn an_urgent_lane_goes_first_whoever_came_first() {
    let server = RedisServer::start();
    let feeder = doorbell(&server);
    let (night, push, person) = (calls(Lane::Background, 2), calls(Lane::Push, 2), calls(Lane::Person, 2));
    for calls in [&night, &push, &person] {
        offer(&feeder, calls).await;
    }
    let mut worker = Worker::start(doorbell(&server), 1);
    let mut got = Vec::new();
    for _ in 0..6 {
        got.push(worker.next().await);
    }
    assert_eq!(got, jobs(&[person, push, night].concat()));
    worker.stop().await;
}

#[tokio::test]
async fn a_job_that_must_run_alone_does_and_what_came_with_it_goes_to_others() {
    let server = RedisServer::start();
    let (feeder, permits) = (doorbell(&server), Arc::new(Semaphore::new(0)));
    let mut calls = calls(Lane::Person, 5);
    calls[1].alone = true;
    offer(&feeder, &calls).await;
    let busy = doorbell(&server);
    let mut worker = Worker::held_back(busy.clone(), 5, permits.clone());
    assert_eq!(worker.next().await, calls[0].job);
    eventually("the others went back", async || feeder.waiting().await.expect("a count") == 3).await;
    let mut other = Worker::start(doorbell(&server), 1);
    for call in &calls[2..] {
        assert_eq!(other.next().await, call.job);
    }
    other.stop().await;
    busy.prove(calls[0].job);
    assert_eq!(worker.next().await, calls[1].job, "it runs when its neighbour is proven");
    permits.add_permits(5);
    worker.stop().await;
}

#[tokio::test]
async fn a_second_delivery_of_what_runs_here_is_dropped_and_so_is_what_is_no_id() {
    let server = RedisServer::start();
    let (feeder, permits, calls) = (doorbell(&server), Arc::new(Semaphore::new(0)), calls(Lane::Person, 2));
    offer(&feeder, &calls[..1]).await;
    let mut worker = Worker::held_back(doorbell(&server), 4, permits.clone());
    assert_eq!(worker.next().await, calls[0].job);
    let (again, next) = (calls[0].job.to_string(), calls[1].job.to_string());
    server.ask(&["RPUSH", "{ly}:waiting:person", &again, "nonsense", &again, &next]);
    assert_eq!(worker.next().await, calls[1].job);
    permits.add_permits(4);
    worker.stop().await;
}

#[tokio::test]
async fn a_ring_reaches_the_process_that_feeds_and_many_that_nobody_heard_are_one() {
    let server = RedisServer::start();
    let (rings, feeds) = (doorbell(&server), doorbell(&server));
    for _ in 0..3 {
        rings.ring();
        eventually("the ring waits", async || server.ask(&["LLEN", "{ly}:ring"]) == "1").await;
    }
    feeds.listen(true);
    feeds.changed().await;
    assert_eq!(server.ask(&["LLEN", "{ly}:ring"]), "0");
    rings.ring();
    feeds.changed().await;
}

#[tokio::test]
async fn an_emptied_redis_takes_the_same_ids_again() {
    let server = RedisServer::start();
    let (feeder, calls) = (doorbell(&server), calls(Lane::Background, 3));
    offer(&feeder, &calls).await;
    server.flush();
    assert_eq!(feeder.offer(&calls).await.expect("taken"), 3);
    let mut worker = Worker::start(doorbell(&server), 1);
    for call in &calls {
        assert_eq!(worker.next().await, call.job);
    }
    worker.stop().await;
}

#[tokio::test]
async fn workers_go_on_after_a_killed_redis_and_begin_when_one_that_was_down_comes_up() {
    let mut server = RedisServer::start();
    let (feeder, calls) = (doorbell(&server), calls(Lane::Person, 3));
    // Each has one slot, which its second job keeps: so each has to get one.
    let mut before = Worker::held_back(doorbell(&server), 1, Arc::new(Semaphore::new(1)));
    offer(&feeder, &calls[..1]).await;
    assert_eq!(before.next().await, calls[0].job);
    server.kill();
    assert!(feeder.offer(&calls).await.is_err(), "and says so");
    let mut during = Worker::held_back(doorbell(&server), 1, Arc::new(Semaphore::new(0)));
    server.restart();
    // What was popped just before the crash may be back.
    server.flush();
    offer(&feeder, &calls[1..]).await;
    let mut got = [before.next().await, during.next().await];
    got.sort();
    assert_eq!(got, [calls[1].job, calls[2].job]);
}

#[tokio::test]
async fn a_frozen_redis_ends_no_worker_and_work_goes_on_when_it_thaws() {
    let server = RedisServer::start();
    let (feeder, calls) = (doorbell(&server), calls(Lane::Person, 1));
    let mut worker = Worker::start(doorbell(&server), 1);
    assert_eq!(feeder.waiting().await.expect("a count"), 0);
    server.freeze();
    assert!(feeder.waiting().await.is_err(), "no answer is an error and not a wait for ever");
    server.thaw();
    offer(&feeder, &calls).await;
    assert_eq!(worker.next().await, calls[0].job);
    worker.stop().await;
}

#[tokio::test]
async fn a_redis_that_evicts_or_forgets_is_named() {
    let good = RedisServer::start();
    let poor = RedisServer::start_with(&["--appendonly", "no", "--maxmemory-policy", "allkeys-lru"]);
    let look = async |server: &RedisServer| {
        let redis = Redis::new(&server.args()).expect("an address");
        redis.inspect().await.expect("it answers")
    };
    assert_eq!(look(&good).await, []);
    let evicts = RedisFinding::Evicts { policy: "allkeys-lru".to_owned() };
    assert_eq!(look(&poor).await, [evicts, RedisFinding::ForgetsOverRestarts]);
}

#[tokio::test]
async fn any_node_of_a_cluster_leads_to_the_one_that_has_our_keys() {
    let (first, second) = (free_port(), free_port());
    let node = |port: u16| {
        let bus = free_port().to_string();
        (RedisServer::start_on(port, &["--cluster-enabled", "yes", "--cluster-port", &bus]), bus)
    };
    let ((without, _), (with, bus)) = (node(first), node(second));
    without.ask(&["CLUSTER", "MEET", "127.0.0.1", &second.to_string(), &bus]);
    with.ask(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    let (told, ready) = ("cluster_slots_assigned:16383", "cluster_state:ok");
    eventually("the nodes agree", async || {
        let info = without.ask(&["CLUSTER", "INFO"]);
        info.contains("cluster_slots_assigned:16384") && info.contains(ready) || info.contains(told)
    })
    .await;
    let (feeder, calls) = (doorbell(&without), calls(Lane::Person, 2));
    let mut worker = Worker::start(doorbell(&without), 2);
    offer(&feeder, &calls).await;
    let got = [worker.next().await, worker.next().await];
    assert!(got.contains(&calls[0].job) && got.contains(&calls[1].job));
    worker.stop().await;
}

#[tokio::test]
async fn after_a_failover_the_sentinels_lead_to_the_new_master() {
    let (first, second, third) = (free_port(), free_port(), free_port());
    let mut master = RedisServer::start_on(first, &[]);
    let replica = RedisServer::start_on(second, &["--replicaof", "127.0.0.1", &first.to_string()]);
    eventually("the replica follows", async || replica.ask(&["INFO", "replication"]).contains("master_link_status:up")).await;
    let sentinel = RedisServer::sentinel(third, first);
    eventually("the Sentinel knows the replica", async || sentinel.ask(&["INFO", "sentinel"]).contains("slaves=1")).await;
    let (feeder, calls) = (doorbell(&sentinel), calls(Lane::Person, 2));
    let mut worker = Worker::start(doorbell(&sentinel), 1);
    offer(&feeder, &calls[..1]).await;
    assert_eq!(worker.next().await, calls[0].job);
    master.kill();
    offer(&feeder, &calls[1..]).await;
    assert_eq!(worker.next().await, calls[1].job);
    assert!(replica.ask(&["INFO", "replication"]).contains("role:master"));
    worker.stop().await;
}

#[tokio::test]
async fn ten_times_what_may_wait_drains_through_a_bounded_doorbell() {
    let server = RedisServer::start();
    let (feeder, calls) = (doorbell(&server), calls(Lane::Background, 10 * MOST_WAITING));
    let mut worker = Worker::start(doorbell(&server), 32);
    let mut left = calls.as_slice();
    while !left.is_empty() {
        let taken = feeder.offer(&left[..left.len().min(MOST_WAITING)]).await.expect("taken");
        assert!(feeder.waiting().await.expect("a count") <= MOST_WAITING);
        left = &left[taken..];
    }
    let mut seen = HashSet::new();
    for _ in 0..calls.len() {
        assert!(seen.insert(worker.next().await), "once");
    }
    worker.stop().await;
}
