//! D30: jobs that kill whoever runs them, jobs that nobody can read, and words in Redis that are no job. The killer is quarantined after
//! three starts and can be tried again later; what is of a newer release is left alone; everybody else's work goes on.

use super::crowd::{self, Rows};
use super::judge::MEANT_TO_FAIL;
use super::person::{Person, new_id};
use super::yard::{LEASE, Plan, RECOVERY, Scene, Yard};
use super::{Outcome, Settings};
use anyhow::{Context, Result};
use linkyard_core::id::JobId;
use linkyard_core::job::{POISON, UNREADABLE};
use linkyard_proto::v1;
use linkyard_proto::v1::job::State;
use linkyard_proto::v1::job_service_client::JobServiceClient;
use linkyard_proto::v1::provider_service_client::ProviderServiceClient;
use serde_json::json;
use std::time::{Duration, Instant};

/// A company of somebody who has work meanwhile.
const COMPANY_OF_OTHERS: i64 = 4_245;
/// The company whose fetch kills.
const COMPANY: i64 = 4_244;
/// Starts after which a job is not started again.
const STARTS: u64 = 3;

pub(super) async fn run(settings: Settings) -> Result<Outcome> {
    Yard::start(settings, Plan::default()).await?.run(poison).await
}

async fn poison(scene: &mut Scene<'_>) -> Result<()> {
    scene.outcome.quota = STARTS;
    // Others have work all the time, five jobs a second.
    let api = scene.installation.api(0);
    crowd::gather(&mut scene.observer, &api, COMPANY_OF_OTHERS..COMPANY_OF_OTHERS + 1).await?;
    let of = format!("p.company_id = {COMPANY_OF_OTHERS}");
    let others = Rows { key: "others", kind: "test_connection", of: &of, each: 300, apart_ms: 200 };
    let spec = json!({ "id": COMPANY, "vendors": 20, "projects": 2, "seed": scene.settings.seed });
    scene.observer.admin("POST", "/companies", spec).await?;
    let mut owner = scene.observer.neighbour(scene.installation.api(0), COMPANY).await?;
    owner.connect().await?;
    let hang = json!({ "match": { "company_id": COMPANY }, "action": { "kind": "hang" } });
    owner.admin("POST", "/faults", hang).await?;
    let request = v1::FetchDirectoryRequest { name: owner.provider.clone(), request_id: new_id(), changes_only: false };
    let fetch = async |channel, request| ProviderServiceClient::new(channel).fetch_directory(request).await;
    let job = owner.try_once(request, fetch).await?.name;
    let id = job.trim_start_matches("jobs/").to_owned();
    let killer = JobId(id.parse()?);
    strangers(scene, &id).await?;
    others.write(scene.sql).await;
    for _ in 0..STARTS {
        // What the worker holds beside it is taken along, and is no killer.
        let victim =
            scene.breakable(Some(killer), |holder| holder.jobs.contains(&killer)).await.context("nobody starts the killer")?;
        scene.installation.kill_worker(victim.number).await?;
        scene.outcome.faults_landed += 1;
        scene.installation.start_worker()?;
    }
    let ended = ended(scene, &owner, &job).await?;
    let reason = ended.error.and_then(|error| reason_of(&error));
    scene.outcome.require(ended.state == i32::from(State::Failed) && reason.as_deref() == Some(POISON), || {
        format!("a job that killed {STARTS} workers is {:?} because of {reason:?}", ended.state)
    });
    throughput(scene, others).await?;
    let starts = scene.sql.number(&format!("select epoch from job where id = '{id}'")).await;
    scene.outcome.require(starts == i64::try_from(STARTS).unwrap_or_default(), || format!("it was started {starts} times"));
    owner.admin("DELETE", "/faults", json!(null)).await?;
    let retry = v1::RetryJobRequest { name: job.clone(), request_id: new_id() };
    owner.try_once(retry, async |channel, request| JobServiceClient::new(channel).retry_job(request).await).await?;
    owner.finished(&job).await.context("the quarantined job, tried again")?;
    strangers_are_untouched(scene).await?;
    owner.settled().await
}

/// Nine of ten jobs that others had to do by now get done, and no later than those that a killed worker took along can be: a lease, and what
/// taking it up may take.
async fn throughput(scene: &mut Scene<'_>, others: Rows<'_>) -> Result<()> {
    let now_ms = scene.sql.number("select (extract(epoch from clock_timestamp()) * 1000)::bigint").await;
    let due = format!("run_at_ms <= {now_ms}");
    let due_count = others.count(scene.sql, &due).await;
    let bound = scene.settings.time(LEASE) + RECOVERY;
    let began = Instant::now();
    let done = loop {
        let done = others.count(scene.sql, &format!("{due} and finished_at_ms is not null")).await;
        if done * 10 >= due_count * 9 || began.elapsed() > bound {
            break done;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    scene.outcome.figures.insert("jobs_of_others_due", due_count as f64);
    scene.outcome.figures.insert("jobs_of_others_done", done as f64);
    scene.outcome.figures.insert("seconds_until_they_were", began.elapsed().as_secs_f64().round());
    scene.outcome.require(done > 0 && done * 10 >= due_count * 9, || {
        format!("beside the killer {done} of {due_count} jobs of others were done")
    });
    scene.sql.execute("delete from job where dedupe_key like 'others:%' and state = 'queued'").await;
    Ok(())
}

/// What nobody can run: entries in Redis that are no ids, a payload that is no JSON, and rows of a newer release.
async fn strangers(scene: &mut Scene<'_>, like: &str) -> Result<()> {
    for lane in ["person", "push", "background"] {
        let key = format!("{{ly}}:waiting:{lane}");
        let unknown = new_id();
        for entry in ["", "no id", "\u{1F4A3}", &"x".repeat(5_000), &unknown] {
            scene.installation.redis.ask(&["RPUSH", &key, entry]);
        }
    }
    let rows =
        [("suggest", "garbage", 1, "no json"), ("fetch_directory", "v999", 999, "{}"), ("a_kind_of_tomorrow", "kind", 1, "{}")];
    for (kind, key, version, payload) in rows {
        let copy = format!(
            "insert into job (id, organization_id, provider_id, kind, dedupe_key, lane, payload_version, payload, state, run_at_ms, actor,
                created_at_ms)
             select gen_random_uuid(), organization_id, provider_id, '{kind}', '{MEANT_TO_FAIL}{key}', 'person', {version}, '{payload}',
                'queued', 0, 'drill', created_at_ms from job where id = '{like}'"
        );
        scene.sql.execute(&copy).await;
    }
    Ok(())
}

/// Rows of a newer release wait as they did; they go, because they would for ever.
async fn strangers_are_untouched(scene: &mut Scene<'_>) -> Result<()> {
    let ended = format!("select state || ' ' || coalesce(error_reason, '') from job where dedupe_key = '{MEANT_TO_FAIL}garbage'");
    let unreadable = format!("failed {UNREADABLE}");
    let began = Instant::now();
    while scene.sql.texts(&ended).await? != [unreadable.as_str()] && began.elapsed() < scene.settings.patience() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let state = scene.sql.texts(&ended).await?;
    scene
        .outcome
        .require(state == [unreadable.as_str()], || format!("a job that nobody can read is {state:?} instead of {unreadable}"));
    let newer = format!("dedupe_key in ('{MEANT_TO_FAIL}v999', '{MEANT_TO_FAIL}kind')");
    let touched = scene.sql.texts(&format!("select kind from job where {newer} and (state <> 'queued' or epoch > 0)")).await?;
    scene.outcome.require(touched.is_empty(), || format!("jobs of a newer release were touched: {touched:?}"));
    scene.sql.execute(&format!("delete from job where {newer}")).await;
    Ok(())
}

async fn ended(scene: &Scene<'_>, person: &Person, job: &str) -> Result<v1::Job> {
    let began = Instant::now();
    loop {
        let request = v1::GetJobRequest { name: job.to_owned() };
        let get = async |channel, request| JobServiceClient::new(channel).get_job(request).await;
        let found = person.try_once(request, get).await?;
        if !super::person::LIVE.contains(&found.state()) || began.elapsed() > scene.settings.patience() {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn reason_of(error: &tonic_types::Status) -> Option<String> {
    let details = error.details.iter().find(|detail| detail.type_url.ends_with("ErrorInfo"))?;
    let info: tonic_types::pb::ErrorInfo = prost::Message::decode(details.value.as_slice()).ok()?;
    Some(info.reason)
}
