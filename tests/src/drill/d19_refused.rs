//! D19: half of the calls of one tenant are answered 429, with a time to come back in every form there is, or without one; another tenant
//! is told to come back tomorrow. Nobody calls before the time that was named, nothing counts as a failed attempt, the rate stays under
//! the limit, and the other tenant notices nothing.

use super::journal::{Call, calls_after, last, most_within};
use super::person::{LIVE, Person, new_id};
use super::yard::{COMPANIES, Plan, Scene, Yard};
use super::{Outcome, Settings};
use anyhow::{Context, Result, ensure};
use linkyard_proto::v1;
use linkyard_proto::v1::job::State;
use linkyard_proto::v1::job_service_client::JobServiceClient;
use linkyard_proto::v1::provider_service_client::ProviderServiceClient;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The company whose calls are to be made tomorrow.
const TOMORROW: i64 = 4_244;
/// Calls of a rolling window.
const LIMIT: u32 = 60;
/// The rolling window at the full pace.
const WINDOW: Duration = Duration::from_secs(10);
/// A call that was let go when the 429 was on its way may start so much later.
const ON_ITS_WAY_MS: i64 = 250;
/// A wait of a job below this is no harm, whatever it was before: it is what a busy machine does.
const HARMLESS_MS: i64 = 1_000;

pub(super) async fn run(settings: Settings) -> Result<Outcome> {
    let window_ms = settings.time(WINDOW).as_millis();
    let simulator = vec![format!("--spike-limit={LIMIT}"), format!("--spike-window-ms={window_ms}")];
    Yard::start(settings, Plan { latency_ms: 0, simulator, ..Plan::default() }).await?.run(refuse).await
}

/// A 429 in so many of a hundred calls of a company that no script before it hit.
fn refusal(company: i64, percent: u32, seed: u64, more: Value) -> Value {
    let mut action = json!({ "kind": "status", "status": 429, "rate_limit_headers": false });
    if let (Some(action), Some(more)) = (action.as_object_mut(), more.as_object()) {
        action.extend(more.clone());
    }
    json!({ "match": { "company_id": company, "probability": f64::from(percent) / 100.0, "seed": seed }, "action": action })
}

async fn refuse(scene: &mut Scene<'_>) -> Result<()> {
    scene.outcome.quota = scene.settings.quota(8, 80);
    let tomorrow = tomorrow(scene).await?;
    scene.busy().await?;
    let (before, began_ms) = (last(&scene.observer).await?, scene.store.now_ms().await?);
    let seed = scene.settings.seed;
    // Together one of two.
    let storm = json!([
        refusal(COMPANIES[0], 13, seed, json!({ "retry_after_s": 1 })),
        refusal(COMPANIES[0], 15, seed + 1, json!({})),
        refusal(COMPANIES[0], 17, seed + 2, json!({ "retry_after_date_in_s": 2 })),
        refusal(COMPANIES[0], 20, seed + 3, json!({ "retry_after": "-5" })),
        refusal(TOMORROW, 100, seed, json!({ "retry_after": "86400" })),
    ]);
    tomorrow.admin("POST", "/faults", storm).await?;
    let job = asked_for_tomorrow(scene, &tomorrow).await?;
    let began = Instant::now();
    let attempts = "select kind || ' ' || id || ': ' || coalesce(error_message, '') from job where attempts > 0";
    while refused(&calls_after(&scene.observer, before).await?, COMPANIES[0]) < scene.outcome.quota {
        ensure!(began.elapsed() < scene.settings.patience(), "too few calls were refused");
        let counted = scene.sql.texts(attempts).await?;
        scene.outcome.require(counted.is_empty(), || format!("a 429 counted as a failed attempt: {counted:?}"));
        scene.pause(Duration::from_secs(2)).await;
    }
    tomorrow.admin("DELETE", "/faults", Value::Null).await?;
    let ended_ms = scene.store.now_ms().await?;
    let calls = calls_after(&scene.observer, before).await?;
    scene.outcome.faults_landed = refused(&calls, COMPANIES[0]);
    manners(scene, &calls);
    neighbour(scene, began_ms, ended_ms).await?;
    let cancel = v1::CancelJobRequest { name: job, request_id: new_id() };
    tomorrow.try_once(cancel, async |channel, request| JobServiceClient::new(channel).cancel_job(request).await).await?;
    Ok(())
}

fn refused(calls: &[Call], company: i64) -> u64 {
    calls.iter().filter(|call| call.company_id == Some(company) && call.status == 429).count() as u64
}

/// Somebody of a third tenant, whose provider works.
async fn tomorrow(scene: &mut Scene<'_>) -> Result<Person> {
    let spec = json!({ "id": TOMORROW, "vendors": 10, "projects": 1, "seed": scene.settings.seed });
    scene.observer.admin("POST", "/companies", spec).await?;
    let mut person = scene.observer.neighbour(scene.installation.api(0), TOMORROW).await?;
    person.connect().await?;
    Ok(person)
}

/// Asks for a fetch that is answered "tomorrow", and waits until it waits; answers its job.
async fn asked_for_tomorrow(scene: &Scene<'_>, tomorrow: &Person) -> Result<String> {
    let request = v1::FetchDirectoryRequest { name: tomorrow.provider.clone(), request_id: new_id(), changes_only: false };
    let fetch = async |channel, request| ProviderServiceClient::new(channel).fetch_directory(request).await;
    let name = tomorrow.try_once(request, fetch).await?.name;
    let began = Instant::now();
    loop {
        let request = v1::GetJobRequest { name: name.clone() };
        let job =
            tomorrow.try_once(request, async |channel, request| JobServiceClient::new(channel).get_job(request).await).await?;
        if job.state() == State::WaitingForBudget {
            return Ok(name);
        }
        ensure!(LIVE.contains(&job.state()), "a fetch that was answered 429 ended as {:?}", job.state());
        ensure!(began.elapsed() < scene.settings.patience(), "a fetch that was answered 429 is {:?}", job.state());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Nobody calls before the time that was named, and nobody faster than is allowed.
fn manners(scene: &mut Scene<'_>, calls: &[Call]) {
    let early = calls.iter().filter(|call| call.during_block_ms.is_some_and(|since_ms| since_ms > ON_ITS_WAY_MS));
    let early: Vec<String> = early.map(|call| format!("{} of {:?}", call.route, call.company_id)).collect();
    scene.outcome.require(early.is_empty(), || format!("calls before the time that a 429 named: {early:?}"));
    let first_refusal = calls.iter().find(|call| call.company_id == Some(TOMORROW) && call.status == 429);
    let after = calls.iter().filter(|call| call.company_id == Some(TOMORROW));
    let after = after.filter(|call| first_refusal.is_some_and(|first| call.started_ms > first.ended_ms + ON_ITS_WAY_MS)).count();
    scene.outcome.require(first_refusal.is_some() && after == 0, || {
        format!("a company that said \"tomorrow\" was called {after} times more (first: {first_refusal:?})")
    });
    let window = scene.settings.time(WINDOW);
    for company in COMPANIES {
        let of_company: Vec<Call> = calls.iter().filter(|call| call.company_id == Some(company)).cloned().collect();
        let most = most_within(&of_company, window);
        // The limit, and one burst.
        scene.outcome.require(most <= 2 * LIMIT as usize, || format!("company {company} got {most} calls within {window:?}"));
        let figure = scene.outcome.figures.entry("most_calls_within_a_window").or_default();
        *figure = figure.max(most as f64);
    }
}

/// The jobs of the other tenant waited no longer during the storm than before it.
async fn neighbour(scene: &mut Scene<'_>, began_ms: i64, ended_ms: i64) -> Result<()> {
    let wait = async |from_ms: i64, to_ms: i64| -> Result<i64> {
        let sql = format!(
            "select cast(coalesce(max(j.started_at_ms - j.created_at_ms), 0) as text) from job j join provider p on p.id = j.provider_id
             where p.company_id = {} and j.started_at_ms is not null and j.created_at_ms between {from_ms} and {to_ms}",
            COMPANIES[1]
        );
        scene.sql.texts(&sql).await?.first().context("a wait")?.parse().context("a number")
    };
    let (before, during) = (wait(0, began_ms).await?, wait(began_ms, ended_ms).await?);
    scene.outcome.figures.insert("longest_wait_of_the_other_before_ms", before as f64);
    scene.outcome.figures.insert("longest_wait_of_the_other_during_ms", during as f64);
    scene.outcome.require(during <= (before * 3 / 2).max(HARMLESS_MS), || {
        format!("a job of the other tenant waited {during} ms during the storm, {before} ms before it")
    });
    Ok(())
}
