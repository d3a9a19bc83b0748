//! The call budget through the API: from whoever counts, or as a job kept it; what the jobs still need; and the calls of the past.

use crate::control_kit::{Clients, fields};
use linkyard_core::budget::{Budget, BudgetKey, CallAnswer, CallCounts, Grant, Usage};
use linkyard_core::job::{Checkpoint, Finish, Lane, RowCounts};
use linkyard_core::provider::Provider;
use linkyard_proto::v1;
use linkyard_queue::{BudgetArgs, MemoryBudget, Redis, SharedBudget};
use linkyard_store::{CallsOf, Store};
use linkyard_tests::control::{Control, Tenant, settings};
use linkyard_tests::databases::each_database;
use linkyard_tests::ground::{active_provider, claim, fetch};
use linkyard_tests::redis::RedisServer;
use serde_json::json;
use std::sync::Arc;

const MINUTE_MS: i64 = 60_000;

async fn start(store: Store, budget: Option<Arc<dyn Budget>>) -> (Control, Tenant, Provider) {
    let mut config = settings();
    config.budget = budget;
    let control = Control::start_with(store, config).await;
    let tenant = control.tenant("Alpha").await;
    let provider = active_provider(&control.store, &tenant.scope, 7).await;
    (control, tenant, provider)
}

async fn ask(control: &Control, tenant: &Tenant, provider: &Provider, history_minutes: i32) -> v1::Budget {
    let request = v1::GetBudgetRequest { name: format!("providers/{}", provider.id), history_minutes };
    Clients::of(control, &tenant.read).providers.get_budget(request).await.expect("a budget").into_inner()
}

fn key(provider: &Provider) -> BudgetKey {
    BudgetKey { client_id: "client-7".to_owned(), company: provider.company_id }
}

/// Keeps `usage` on the provider's row, as the end of a run does.
async fn keep(control: &Control, tenant: &Tenant, provider: &Provider, usage: &Usage) {
    let job = fetch(&control.store, &tenant.scope, provider.id).await;
    let fence = claim(&control.store, job.id).await.fence;
    control.store.provider_budget_save(&fence, provider.id, &key(provider), usage).await.expect("kept");
    control.store.job_finish(&fence, &Finish::Done(json!({}))).await.expect("finished");
}

async fn call(budget: &dyn Budget, provider: &Provider, answer: CallAnswer) {
    assert_eq!(budget.ask(&key(provider), Lane::Person).await, Grant::Go);
    budget.report(&key(provider), answer).await;
}

fn kept() -> Usage {
    Usage {
        spike_limit: 100,
        spike_used: 3,
        spike_reserve: 10,
        spike_window_ms: 10_000,
        hour_limit: 3_600,
        hour_used: 600,
        hour_reserve: 360,
        hour_window_ms: 3_600_000,
        hour_resets_at_ms: 4_000_000_000_000,
        refused: 2,
        ..Usage::default()
    }
}

#[tokio::test]
async fn a_budget_is_told_as_it_was_kept_where_nobody_who_counts_can_be_asked() {
    each_database(async |store| {
        let (control, tenant, provider) = start(store, None).await;
        let nothing = ask(&control, &tenant, &provider, 0).await;
        assert_eq!((nothing.spike, nothing.hour, nothing.live, nothing.observe_time), (None, None, false, None));

        keep(&control, &tenant, &provider, &kept()).await;
        let budget = ask(&control, &tenant, &provider, 0).await;
        let (spike, hour) = (budget.spike.expect("a window"), budget.hour.expect("a window"));
        assert_eq!((spike.limit, spike.used, spike.left, spike.reserve, spike.length_ms), (100, 3, 97, 10, 10_000));
        assert_eq!((hour.limit, hour.used, hour.left, hour.reserve), (3_600, 600, 3_000, 360));
        assert_eq!(hour.reset_time.expect("a time").seconds, 4_000_000_000);
        assert_eq!((budget.live, budget.refused_calls, budget.block()), (false, 2, v1::budget::Block::Unspecified));
        assert!(budget.observe_time.is_some());
    })
    .await;
}

#[tokio::test]
async fn a_budget_is_told_by_whoever_counts_and_says_until_when_calls_are_blocked() {
    each_database(async |store| {
        let memory: Arc<dyn Budget> = Arc::new(MemoryBudget::new(&BudgetArgs::default()));
        let (control, tenant, provider) = start(store, Some(memory.clone())).await;
        keep(&control, &tenant, &provider, &kept()).await;
        assert!(!ask(&control, &tenant, &provider, 0).await.live, "nothing was called since the start");

        call(&*memory, &provider, CallAnswer { status: 200, ..CallAnswer::default() }).await;
        let budget = ask(&control, &tenant, &provider, 0).await;
        let spike = budget.spike.expect("a window");
        assert_eq!((budget.live, spike.limit, spike.used), (true, 20, 1));
        assert!(spike.reset_time.is_some(), "the call's place is free again at some time");
        let refused = CallAnswer { status: 429, retry_after: Some(std::time::Duration::from_secs(60)), ..CallAnswer::default() };
        call(&*memory, &provider, refused).await;
        let budget = ask(&control, &tenant, &provider, 0).await;
        assert_eq!((budget.block(), budget.refused_calls), (v1::budget::Block::RateLimit, 1));
        assert!(budget.blocked_until_time.expect("a time").seconds >= budget.observe_time.expect("a time").seconds + 58);
    })
    .await;
}

#[tokio::test]
async fn without_redis_the_row_of_the_provider_tells_and_says_so() {
    each_database(async |store| {
        let mut server = RedisServer::start();
        let shared = |server: &RedisServer| -> Arc<dyn Budget> {
            Arc::new(SharedBudget::new(&BudgetArgs::default(), Redis::new(&server.args()).expect("an address")))
        };
        let (control, tenant, provider) = start(store, Some(shared(&server))).await;
        keep(&control, &tenant, &provider, &kept()).await;
        let worker = shared(&server);
        call(&*worker, &provider, CallAnswer { status: 200, ..CallAnswer::default() }).await;
        let live = ask(&control, &tenant, &provider, 0).await;
        assert_eq!((live.live, live.spike.expect("a window").used), (true, 1), "what another process called");

        server.kill();
        let budget = ask(&control, &tenant, &provider, 0).await;
        assert_eq!((budget.live, budget.spike.expect("a window").used), (false, 3));
    })
    .await;
}

#[tokio::test]
async fn the_forecast_goes_by_what_a_job_did_so_far_and_by_what_its_like_needed() {
    each_database(async |store| {
        let (control, tenant, provider) = start(store, None).await;
        keep(&control, &tenant, &provider, &kept()).await;
        let forecast = async || ask(&control, &tenant, &provider, 0).await.forecast.expect("a forecast");
        assert_eq!((forecast().await.jobs, forecast().await.calls), (0, Some(0)));

        let job = fetch(&control.store, &tenant.scope, provider.id).await;
        let fence = claim(&control.store, job.id).await.fence;
        let done = RowCounts { total: 100, succeeded: 40, calls: 4, ..RowCounts::default() };
        control.store.job_checkpoint(&fence, &Checkpoint { done, ..Checkpoint::default() }).await.expect("progress");
        let running = forecast().await;
        assert_eq!((running.jobs, running.calls), (1, Some(6)), "60 rows are left, 10 in a call");
        assert!(running.done_time.is_some());
        let rest = RowCounts { succeeded: 60, calls: 7, ..RowCounts::default() };
        control.store.job_checkpoint(&fence, &Checkpoint { done: rest, ..Checkpoint::default() }).await.expect("progress");
        control.store.job_finish(&fence, &Finish::Done(json!({}))).await.expect("finished");

        fetch(&control.store, &tenant.scope, provider.id).await;
        assert_eq!(forecast().await.calls, Some(11), "as many as the last one");
    })
    .await;
}

#[tokio::test]
async fn what_a_job_needs_is_unknown_while_nothing_tells() {
    each_database(async |store| {
        let (control, tenant, provider) = start(store, None).await;
        fetch(&control.store, &tenant.scope, provider.id).await;
        let forecast = ask(&control, &tenant, &provider, 0).await.forecast.expect("a forecast");
        assert_eq!((forecast.jobs, forecast.calls, forecast.done_time), (1, None, None));
    })
    .await;
}

#[tokio::test]
async fn calls_of_all_workers_are_summed_by_the_minute() {
    each_database(async |store| {
        let (control, tenant, provider) = start(store, None).await;
        let counts = |made, failed| CallCounts { made, failed, rate_limited: 1, unauthorized: 2, waits: 3 };
        let of = |counts| CallsOf { organization: tenant.scope.organization, provider: provider.id, counts };
        for calls in [counts(5, 1), counts(7, 0)] {
            control.store.calls_note(&[of(calls)]).await.expect("noted");
        }
        assert!(ask(&control, &tenant, &provider, 0).await.minutes.is_empty(), "not asked for");
        let minutes = ask(&control, &tenant, &provider, 60).await.minutes;
        let sum = |count: fn(&v1::budget::Minute) -> i64| minutes.iter().map(count).sum::<i64>();
        assert_eq!([sum(|m| m.calls), sum(|m| m.failed), sum(|m| m.rate_limited), sum(|m| m.waits)], [12, 1, 2, 6]);
        assert!(minutes.len() <= 2, "one minute, or two where it changed in between");
        let whole = |minute: &v1::budget::Minute| minute.start_time.expect("a time").seconds * 1_000 % MINUTE_MS == 0;
        assert!(minutes.iter().all(whole));

        let request = |history_minutes| v1::GetBudgetRequest { name: "x".to_owned(), history_minutes };
        let mut providers = Clients::of(&control, &tenant.read).providers;
        for minutes in [-1, 1_441] {
            let refused = providers.get_budget(request(minutes)).await.expect_err("refused");
            assert_eq!(fields(&refused), ["name", "history_minutes"]);
        }
    })
    .await;
}
