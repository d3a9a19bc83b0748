//! D25: tokens end in the middle of everything: by age, all at once, because the clock of the other side jumps; the login host is down; and
//! at last the credentials are refused. Whatever happens, one token at a time is asked for, no job fails for it, and who is refused for
//! good is left in peace until it is mended.

use super::journal::{Call, LOGIN, breaker, calls_after, last};
use super::judge::MEANT_TO_FAIL;
use super::yard::{OUTAGE_WAIT, Plan, Scene, Yard};
use super::{Outcome, Settings};
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Worker processes: each needs a token of its own.
const WORKERS: usize = 8;
/// The life of a token: nearly all are replaced while they are in use.
const LIFE_S: u64 = 4;
/// All tokens end so often: longer apart than a busy machine takes from a new token to its use, so that a call does not meet
/// one end after the other until its credentials count as refused.
const BETWEEN: Duration = Duration::from_secs(5);
/// Work goes on so soon after a token ended, and after the login host is back: the longest pause of the breaker and some more.
const BACK: Duration = Duration::from_secs(75);
/// A provider whose credentials are refused says so in this time.
const NOTICED: Duration = Duration::from_secs(60);
/// Requests for a token that may fail before they stop.
const MOST_FAILURES: usize = 10;
/// A refused request, and two more, for each of the two tenants.
const MOST_REFUSED: usize = 6;

pub(super) async fn run(settings: Settings) -> Result<Outcome> {
    let simulator = vec![format!("--token-ttl-s={LIFE_S}")];
    let plan = Plan { workers: WORKERS, concurrency: 1, latency_ms: 5, simulator, ..Plan::default() };
    Yard::start(settings, plan).await?.run(expire).await
}

async fn expire(scene: &mut Scene<'_>) -> Result<()> {
    scene.outcome.quota = scene.settings.quota(6, 20);
    while scene.outcome.faults_landed + 1 < scene.outcome.quota {
        scene.outcome.faults_landed += u64::from(scene.busy().await? > 0);
        scene.observer.admin("POST", "/stop-token", Value::Null).await?;
        scene.goes_on_within(BACK).await?;
        scene.pause(BETWEEN).await;
    }
    // Their clock is ten minutes ahead from one moment to the next.
    scene.outcome.faults_landed += u64::from(scene.busy().await? > 0);
    scene.observer.admin("POST", "/clock", json!({ "advance_s": 600 })).await?;
    scene.goes_on_within(BACK).await?;
    no_login(scene).await?;
    refused(scene).await?;
    let requests: Vec<Call> = logins(calls_after(&scene.observer, 0).await?);
    let at_once = requests.iter().map(|call| call.in_flight).max().unwrap_or_default();
    scene.outcome.figures.insert("requests_for_tokens", requests.len() as f64);
    scene.outcome.require(at_once == 1, || format!("{at_once} requests for tokens were under way at once"));
    Ok(())
}

fn logins(calls: Vec<Call>) -> Vec<Call> {
    calls.into_iter().filter(|call| call.route == LOGIN).collect()
}

async fn break_login(scene: &Scene<'_>, status: u16) -> Result<u64> {
    let before = last(&scene.observer).await?;
    let fault = json!({ "match": { "route": LOGIN }, "action": { "kind": "status", "status": status } });
    scene.observer.admin("POST", "/faults", fault).await?;
    scene.observer.admin("POST", "/stop-token", Value::Null).await?;
    Ok(before)
}

/// Nobody can log in for a minute.
async fn no_login(scene: &mut Scene<'_>) -> Result<()> {
    scene.busy().await?;
    let before = break_login(scene, 503).await?;
    scene.pause(Duration::from_secs(60)).await;
    let failed = logins(calls_after(&scene.observer, before).await?);
    scene.observer.admin("DELETE", "/faults", Value::Null).await?;
    let (first, wrong) = breaker(&failed, scene.settings.time(OUTAGE_WAIT));
    scene.outcome.require(first <= MOST_FAILURES, || format!("{first} requests for tokens failed before they stopped"));
    scene.outcome.require(wrong == 0, || format!("{wrong} requests for tokens did not try alone"));
    scene.goes_on_within(BACK).await
}

/// The credentials are refused until somebody mends it.
async fn refused(scene: &mut Scene<'_>) -> Result<()> {
    scene.busy().await?;
    let before = break_login(scene, 401).await?;
    let began = Instant::now();
    let working = "select display_name from provider where not (state = 'needs_attention' and attention = 'credentials')";
    while !scene.sql.texts(working).await?.is_empty() {
        ensure!(began.elapsed() < scene.settings.patience(), "a provider whose credentials are refused does not say so");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let noticed = began.elapsed();
    scene.outcome.figures.insert("refusal_noticed_seconds", noticed.as_secs_f64());
    scene.outcome.require(noticed <= NOTICED, || format!("refused credentials were shown after {noticed:?}"));
    scene.pause(Duration::from_secs(10)).await;
    let asked = logins(calls_after(&scene.observer, before).await?).len();
    scene
        .outcome
        .require(asked <= MOST_REFUSED, || format!("{asked} tokens were asked for although the credentials are refused"));
    scene.pause(Duration::from_secs(30)).await;
    let again = logins(calls_after(&scene.observer, before).await?).len();
    scene.outcome.require(again == asked, || format!("{} more tokens were asked for while everything waits", again - asked));
    let failed = scene.sql.texts("select kind || ' ' || coalesce(error_message, '') from job where state = 'failed'").await?;
    scene.outcome.require(failed.is_empty(), || format!("jobs failed for their tokens: {failed:?}"));
    scene.observer.admin("DELETE", "/faults", Value::Null).await?;
    test_again(scene).await;
    scene.goes_on_within(BACK).await
}

/// Whoever mended it has every provider tested, as the API's call does.
async fn test_again(scene: &Scene<'_>) {
    let test = format!(
        "insert into job (id, organization_id, provider_id, kind, dedupe_key, lane, payload_version, payload, state, run_at_ms, actor,
            created_at_ms)
         select gen_random_uuid(), p.organization_id, p.id, 'test_connection', '{MEANT_TO_FAIL}' || p.id, 'person', 1, '{{}}', 'queued', 0,
            'drill', j.now_ms
         from provider p cross join (select max(created_at_ms) as now_ms from job) j"
    );
    scene.sql.execute(&test).await;
}
