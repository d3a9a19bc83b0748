//! The call budget, in memory and in Redis by the same cases; and what becomes of the one in Redis when Redis is emptied, killed or new.

use futures_util::future::join_all;
use linkyard_core::budget::{Budget, BudgetKey, CallAnswer, Grant, Usage};
use linkyard_core::id::CompanyId;
use linkyard_core::job::Lane;
use linkyard_queue::{BudgetArgs, MemoryBudget, Redis, RedisArgs, SharedBudget};
use linkyard_tests::jobs::eventually;
use linkyard_tests::proxy::{Proxy, Target, Weather};
use linkyard_tests::redis::RedisServer;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const WINDOW: Duration = Duration::from_millis(200);

fn args() -> BudgetArgs {
    BudgetArgs {
        spike_window_ms: 200,
        hour_window_ms: 600_000,
        initial_spike_limit: 20,
        outage_first_wait_ms: 300,
        ..BudgetArgs::default()
    }
}

fn key() -> BudgetKey {
    BudgetKey { client_id: "an app {with} braces".to_owned(), company: CompanyId(598_134_325_812_345) }
}

fn ok() -> CallAnswer {
    CallAnswer { status: 200, ..CallAnswer::default() }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_millis()).expect("near")
}

/// An answer that tells of the hour window: so many calls of `limit` are left.
fn told(limit: u32, remaining: u32) -> CallAnswer {
    let (server_now_ms, reset_at_s) = (Some(now_ms()), Some(now_ms() / 1_000 + 500));
    CallAnswer { limit: Some(limit), remaining: Some(remaining), reset_at_s, server_now_ms, ..ok() }
}

fn shared(server: &RedisServer) -> Arc<dyn Budget> {
    shared_by(server, &args())
}

fn shared_by(server: &RedisServer, args: &BudgetArgs) -> Arc<dyn Budget> {
    Arc::new(SharedBudget::new(args, Redis::new(&server.args()).expect("an address")))
}

/// Runs `case` with eight clients of each kind of budget: in memory they are one, over Redis each has its own connection and memory.
async fn each_budget(case: impl AsyncFn(Vec<Arc<dyn Budget>>)) {
    eprintln!("-- in memory");
    let memory: Arc<dyn Budget> = Arc::new(MemoryBudget::new(&args()));
    case(vec![memory; 8]).await;
    eprintln!("-- in Redis");
    let server = RedisServer::start();
    case((0..8).map(|_| shared(&server)).collect()).await;
}

/// Makes a call and reports its answer; false when it has to wait.
async fn call(budget: &Arc<dyn Budget>, lane: Lane, answer: CallAnswer) -> bool {
    let granted = budget.ask(&key(), lane).await == Grant::Go;
    if granted {
        budget.report(&key(), answer).await;
    }
    granted
}

async fn usage(budget: &Arc<dyn Budget>) -> Usage {
    budget.usage(&key()).await.expect("an answer").expect("something is known")
}

/// How many calls go before one has to wait.
async fn burst(budget: &Arc<dyn Budget>, lane: Lane) -> u32 {
    let mut calls = 0;
    while call(budget, lane, ok()).await {
        calls += 1;
    }
    calls
}

/// Makes calls until `left` is used up, each as soon as it may; answers when they started.
async fn starts(budget: &Arc<dyn Budget>, left: &AtomicU32) -> Vec<Instant> {
    let mut starts = Vec::new();
    while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
        while let Grant::Wait(wait) = budget.ask(&key(), Lane::Background).await {
            tokio::time::sleep(wait).await;
        }
        starts.push(Instant::now());
        // The call itself, of any length: its place is taken until a window after its answer.
        tokio::time::sleep(Duration::from_millis(u64::try_from(starts.len() % 7).expect("small"))).await;
        budget.report(&key(), ok()).await;
    }
    starts
}

#[tokio::test(flavor = "multi_thread")]
async fn in_no_rolling_window_start_more_calls_than_the_limit_less_the_reserve() {
    each_budget(async |clients| {
        let left = AtomicU32::new(150);
        let mut all = join_all(clients.iter().map(|client| starts(client, &left))).await.concat();
        all.sort();
        assert_eq!(all.len(), 150, "and all of them start in the end");
        let allowed = 20 - 2;
        for (first, last) in all.iter().zip(&all[allowed..]) {
            assert!(last.duration_since(*first) >= WINDOW, "{} calls within {:?}", allowed + 1, last.duration_since(*first));
        }
    })
    .await;
}

#[tokio::test]
async fn the_reserve_is_for_the_lane_in_which_a_person_waits() {
    each_budget(async |clients| {
        // The hour's window, so that no place becomes free while the case runs.
        assert!(call(&clients[0], Lane::Person, told(600, 30)).await);
        let mut calls = 0;
        for _ in 0..10 {
            for client in &clients {
                calls += burst(client, Lane::Background).await + burst(client, Lane::Push).await;
            }
            if calls < 20 {
                tokio::time::sleep(WINDOW).await;
            }
        }
        assert_eq!(calls, 0, "60 of 600 are kept back, and 30 are left");
        let mut persons = 0;
        while persons < 30 {
            persons += burst(&clients[7], Lane::Person).await;
            tokio::time::sleep(WINDOW / 4).await;
        }
        assert_eq!(persons, 30);
        assert!(matches!(clients[0].ask(&key(), Lane::Person).await, Grant::Wait(wait) if wait > WINDOW * 10));
    })
    .await;
}

#[tokio::test]
async fn what_one_client_is_told_holds_for_all() {
    each_budget(async |clients| {
        assert!(call(&clients[0], Lane::Person, ok()).await);
        let refused = CallAnswer { status: 429, retry_after: Some(Duration::from_secs(70)), ..ok() };
        assert!(call(&clients[3], Lane::Person, refused).await);
        for client in &clients {
            let Grant::Wait(wait) = client.ask(&key(), Lane::Person).await else { panic!("a call before the time named") };
            assert!(wait > Duration::from_secs(60), "{wait:?}");
        }
        let another = BudgetKey { company: CompanyId(1), ..key() };
        assert_eq!(clients[0].ask(&another, Lane::Background).await, Grant::Go, "but not for other companies");
    })
    .await;
}

#[tokio::test]
async fn before_the_first_answer_one_call_is_under_way_among_all() {
    each_budget(async |clients| {
        let asked = join_all(clients.iter().map(|client| async { client.ask(&key(), Lane::Person).await })).await;
        assert_eq!(asked.iter().filter(|grant| **grant == Grant::Go).count(), 1, "{asked:?}");
    })
    .await;
}

#[tokio::test]
async fn failures_of_all_clients_together_stop_calls_and_one_tries_for_all() {
    each_budget(async |clients| {
        let failed = CallAnswer { failed: true, ..CallAnswer::default() };
        assert!(call(&clients[0], Lane::Person, ok()).await);
        for client in &clients[..5] {
            assert!(call(client, Lane::Background, failed).await);
        }
        assert!(matches!(clients[7].ask(&key(), Lane::Person).await, Grant::Wait(_)));
        let down = usage(&clients[7]).await;
        assert_eq!(down.outages, 1);
        assert!(down.down_until_ms > 0);
        eventually("one may try", async || clients[6].ask(&key(), Lane::Person).await == Grant::Go).await;
        assert!(matches!(clients[7].ask(&key(), Lane::Person).await, Grant::Wait(_)), "the others wait for it");
        clients[6].report(&key(), ok()).await;
        assert!(call(&clients[7], Lane::Person, ok()).await, "it was answered");
        assert_eq!(usage(&clients[0]).await.outages, 0);
    })
    .await;
}

#[tokio::test]
async fn a_platform_that_is_down_is_known_over_a_restart() {
    let kept = Usage { outages: 2, down_until_ms: now_ms() + 70_000, ..Usage::default() };
    each_budget(async |clients| {
        clients[0].restore(&key(), kept).await;
        assert!(matches!(clients[1].ask(&key(), Lane::Person).await, Grant::Wait(wait) if wait > Duration::from_secs(60)));
    })
    .await;
}

#[tokio::test]
async fn after_an_emptied_redis_a_window_is_taken_as_used_and_the_rest_is_known() {
    let server = RedisServer::start();
    // Nothing leaves this window while the case runs, however slow the machine is.
    let long = BudgetArgs { spike_window_ms: 300_000, ..args() };
    let (one, two) = (shared_by(&server, &long), shared_by(&server, &long));
    assert!(call(&one, Lane::Person, told(700, 400)).await);
    assert!(call(&two, Lane::Person, told(700, 350)).await);
    server.flush();
    assert!(matches!(one.ask(&key(), Lane::Person).await, Grant::Wait(wait) if wait > Duration::from_secs(290)));
    let (first, second) = (usage(&one).await, usage(&two).await);
    assert_eq!((first.spike_used, first.hour_limit), (20, 700), "{first:?}");
    assert!(first.hour_used >= 300, "{first:?}");
    assert!(second.hour_used >= 350, "what the second one knew is added: {second:?}");
    let asked = [usage(&one).await.hour_used, usage(&two).await.hour_used];
    assert_eq!(asked[0], asked[1], "and known to both");
}

#[tokio::test]
async fn calls_go_on_a_window_after_redis_was_emptied() {
    let server = RedisServer::start();
    let (one, two) = (shared(&server), shared(&server));
    assert!(call(&one, Lane::Person, told(700, 400)).await);
    server.flush();
    assert!(matches!(one.ask(&key(), Lane::Person).await, Grant::Wait(wait) if wait > WINDOW / 2));
    eventually("calls go on", async || call(&two, Lane::Person, ok()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_let_go_without_anybody_knowing_holds_up_nobody() {
    let server = RedisServer::start();
    let link = Proxy::start(Target::Unix(server.socket()), 1).await.expect("a link");
    let args = RedisArgs { redis_url: format!("redis://{}", link.address()), redis_tag: "ly".to_owned() };
    let behind: Arc<dyn Budget> = Arc::new(SharedBudget::new(&self::args(), Redis::new(&args).expect("an address")));
    // The scripts are there, and both have their connection.
    let another = BudgetKey { company: CompanyId(1), ..key() };
    assert_eq!(behind.ask(&another, Lane::Person).await, Grant::Go);
    for _ in 0..20 {
        behind.report(&another, ok()).await;
    }

    // Only a state that is written says what is under way.
    link.weather(Weather { lose_replies_per_mille: 1_000, losing_only: Some("under_way"), ..Weather::default() });
    assert!(matches!(behind.ask(&key(), Lane::Person).await, Grant::Wait(_)), "whoever can not count does not call");
    assert_eq!(link.landed(), 1);
    link.weather(Weather::default());
    assert!(matches!(shared(&server).ask(&key(), Lane::Person).await, Grant::Wait(_)), "it was counted");
    eventually("the first call may go", async || behind.ask(&key(), Lane::Person).await == Grant::Go).await;
    behind.report(&key(), ok()).await;
    assert_eq!(usage(&behind).await.hour_used, 2, "the one that was never made is counted, which does no harm");

    link.weather(Weather { lose_replies_per_mille: 1_000, losing_only: Some("under_way"), ..Weather::default() });
    behind.report(&key(), CallAnswer { status: 429, ..ok() }).await;
    link.weather(Weather::default());
    eventually("it is there", async || {
        behind.usage(&key()).await.is_ok_and(|usage| usage.is_some_and(|usage| usage.refused > 0))
    })
    .await;
    assert_eq!(usage(&behind).await.refused, 1, "and once");
}

#[tokio::test]
async fn tokens_of_a_credential_are_asked_for_one_at_a_time_and_companies_do_not_mind() {
    each_budget(async |clients| {
        let login = BudgetKey::login(&key().client_id);
        let asked = join_all(clients.iter().map(|client| client.ask(&login, Lane::Background))).await;
        assert_eq!(asked.iter().filter(|grant| **grant == Grant::Go).count(), 1, "{asked:?}");
        assert_eq!(clients[0].ask(&key(), Lane::Background).await, Grant::Go);
        clients[3].report(&login, ok()).await;
        let asked = join_all(clients.iter().map(|client| client.ask(&login, Lane::Background))).await;
        assert_eq!(asked.iter().filter(|grant| **grant == Grant::Go).count(), 1, "also after the first was answered: {asked:?}");
    })
    .await;
}

#[tokio::test]
async fn what_is_kept_of_a_window_stays_small_whatever_its_limit() {
    let server = RedisServer::start();
    let long = BudgetArgs { spike_window_ms: 300_000, ..args() };
    let budget = shared_by(&server, &long);
    let huge = CallAnswer { limit: Some(4_000_000_000), remaining: Some(1), reset_at_s: Some(now_ms() / 1_000 + 100), ..ok() };
    assert!(call(&budget, Lane::Person, CallAnswer { server_now_ms: Some(now_ms()), ..huge }).await);
    server.flush();
    assert!(matches!(budget.ask(&key(), Lane::Person).await, Grant::Wait(_)), "a window is taken as used");
    let name = format!("{{ly}}:budget:{}:{}", key().client_id, key().company);
    let length: u64 = server.ask(&["HSTRLEN", &name, "state"]).parse().expect("a length");
    assert!(length < 100_000, "{length} bytes for every call to read and write");
}

#[tokio::test]
async fn a_redis_that_lost_its_last_second_is_found_out() {
    let server = RedisServer::start();
    let (one, two) = (shared(&server), shared(&server));
    assert!(call(&one, Lane::Person, told(700, 600)).await);
    let name = format!("{{ly}}:budget:{}:{}", key().client_id, key().company);
    let before = ["version", "state"].map(|field| server.ask(&["HGET", &name, field]));
    assert!(call(&one, Lane::Person, told(700, 500)).await);
    assert!(call(&two, Lane::Person, told(700, 400)).await);
    server.ask(&["HSET", &name, "version", &before[0], "state", &before[1]]);
    // The older state knows of one call; where it is still inside the window its place is the first to be free, whenever that is.
    assert!(
        matches!(two.ask(&key(), Lane::Person).await, Grant::Wait(_)),
        "of 20 calls one or none is known, and yet none is left"
    );
    for budget in [&one, &two] {
        let usage = usage(budget).await;
        assert!(usage.hour_used >= 300, "{usage:?}");
    }
}

#[tokio::test]
async fn a_block_outlasts_an_emptied_redis() {
    let server = RedisServer::start();
    let budget = shared(&server);
    assert!(call(&budget, Lane::Person, ok()).await);
    let refused = CallAnswer { status: 429, retry_after: Some(Duration::from_secs(70)), ..ok() };
    assert!(call(&budget, Lane::Person, refused).await);
    server.flush();
    assert!(matches!(budget.ask(&key(), Lane::Person).await, Grant::Wait(wait) if wait > Duration::from_secs(60)));
    assert!(matches!(shared(&server).ask(&key(), Lane::Person).await, Grant::Wait(wait) if wait > Duration::from_secs(60)));
}

#[tokio::test]
async fn while_redis_is_down_nobody_calls_and_a_refusal_heard_meanwhile_is_not_forgotten() {
    let mut server = RedisServer::start();
    let budget = shared(&server);
    assert!(call(&budget, Lane::Person, ok()).await);
    assert_eq!(budget.ask(&key(), Lane::Person).await, Grant::Go);
    server.kill();
    assert!(matches!(budget.ask(&key(), Lane::Person).await, Grant::Wait(_)));
    let refused = CallAnswer { status: 429, retry_after: Some(Duration::from_secs(70)), ..ok() };
    budget.report(&key(), refused).await;
    server.restart();
    let asked = async || budget.ask(&key(), Lane::Person).await;
    eventually("the refusal holds", async || matches!(asked().await, Grant::Wait(wait) if wait > Duration::from_secs(60))).await;
    assert!(matches!(shared(&server).ask(&key(), Lane::Person).await, Grant::Wait(wait) if wait > Duration::from_secs(60)));
}

#[tokio::test]
async fn a_new_worker_on_an_empty_redis_goes_by_what_was_kept_in_sql() {
    let server = RedisServer::start();
    // So long that a busy machine does not wait it out between two lines.
    let long = BudgetArgs { spike_window_ms: 5_000, ..args() };
    let budget = shared_by(&server, &long);
    let kept = Usage {
        spike_limit: 10,
        spike_used: 2,
        hour_limit: 100,
        hour_used: 99,
        hour_resets_at_ms: now_ms() + 500_000,
        waits: 7,
        ..Usage::default()
    };
    budget.restore(&key(), kept).await;
    assert!(matches!(budget.ask(&key(), Lane::Person).await, Grant::Wait(_)), "a window is taken as used");
    let usage = usage(&shared_by(&server, &long)).await;
    assert_eq!((usage.spike_limit, usage.hour_limit, usage.hour_used), (10, 100, 99));
    eventually("the one call that is left goes", async || call(&budget, Lane::Person, ok()).await).await;
    assert!(matches!(budget.ask(&key(), Lane::Person).await, Grant::Wait(wait) if wait > Duration::from_secs(60)));
}
