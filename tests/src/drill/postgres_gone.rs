//! D10, D11: PostgreSQL is killed with all its backends, and the answers to commits are lost. Callers get an answer in time, what was
//! acknowledged is there, and a call that is repeated with its request id does nothing twice.

use super::person::{Person, again};
use super::yard::{Plan, Scene, Yard};
use super::{Outcome, Settings};
use crate::proxy::Weather;
use anyhow::{Result, ensure};
use linkyard_proto::v1;
use linkyard_proto::v1::job_service_client::JobServiceClient;
use linkyard_proto::v1::provider_service_client::ProviderServiceClient;
use std::time::{Duration, Instant};
use tokio::task::block_in_place;
use tonic::Code;

/// A call is refused in this time while the database is away.
const REFUSED: Duration = Duration::from_secs(2);
/// Workers do something again so soon after it is back.
const BACK: Duration = Duration::from_secs(10);

/// D10: the server, or all of its processes, die ten times, and are away for five seconds.
pub(super) async fn killed(settings: Settings) -> Result<Outcome> {
    Yard::start(settings, Plan::default()).await?.run(kill).await
}

async fn kill(scene: &mut Scene<'_>) -> Result<()> {
    scene.outcome.quota = 10;
    let mut slowest = Duration::ZERO;
    while scene.outcome.faults_landed < scene.outcome.quota {
        scene.outcome.faults_landed += u64::from(scene.busy().await? > 0);
        let postgres = scene.installation.postgres();
        if scene.outcome.faults_landed.is_multiple_of(2) {
            block_in_place(|| postgres.crash())?;
        } else {
            postgres.kill()?;
        }
        let asked = Instant::now();
        let answer = jobs(&scene.observer).await;
        slowest = slowest.max(asked.elapsed());
        // The backends of a killed server may live a moment longer and answer.
        let right = answer.as_ref().map_or_else(|status| status.code() == Code::Unavailable, |_| true);
        scene.outcome.require(right, || format!("a call to a control without its database was answered {answer:?}"));
        scene.pause(Duration::from_secs(5)).await;
        block_in_place(|| scene.installation.postgres().restart())?;
        let back = Instant::now();
        while let Err(status) = jobs(&scene.observer).await {
            ensure!(again(&status), "{status}");
            ensure!(back.elapsed() < scene.settings.patience(), "calls are not answered again: {status}");
        }
        let took = back.elapsed();
        scene.outcome.require(took <= BACK, || format!("calls were answered {took:?} after the database was back"));
        // Our own way to it broke too.
        while scene.sql.texts("select 'back'").await.is_err() {}
        scene.goes_on_within(BACK).await?;
    }
    scene.outcome.figures.insert("slowest_refusal_seconds", slowest.as_secs_f64());
    scene.outcome.require(slowest <= REFUSED, || format!("a call was refused after {slowest:?}, more than {REFUSED:?}"));
    Ok(())
}

async fn jobs(person: &Person) -> Result<v1::ListJobsResponse, tonic::Status> {
    let request = v1::ListJobsRequest { page_size: 1, ..Default::default() };
    person.try_once(request, async |channel, request| JobServiceClient::new(channel).list_jobs(request).await).await
}

/// D11: one commit in twenty goes through and its answer is lost.
pub(super) async fn commits_unknown(settings: Settings) -> Result<Outcome> {
    let mut yard = Yard::start(settings, Plan::default()).await?;
    let outcome = yard.work(lose_commits).await?;
    let outcome = yard.repeat_requests(outcome).await?;
    yard.judge(outcome).await
}

async fn lose_commits(scene: &mut Scene<'_>) -> Result<()> {
    scene.outcome.quota = scene.settings.quota(10, 100);
    let postgres = &scene.installation.links().postgres;
    postgres.weather(Weather { lose_replies_per_mille: 50, losing_only: Some("COMMIT"), ..Weather::default() });
    let began = Instant::now();
    while postgres.landed() < scene.outcome.quota {
        ensure!(began.elapsed() < scene.settings.patience(), "too few answers to commits were lost");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    scene.outcome.faults_landed = postgres.landed();
    Ok(())
}

/// Sends every request that made a job once more; each must be answered with its job.
pub(super) async fn repeated(person: &mut Person, outcome: &mut Outcome) -> Result<()> {
    for (request, job) in person.acknowledged.jobs.clone() {
        let fetch = async |channel, request| ProviderServiceClient::new(channel).fetch_directory(request).await;
        let answered = person.insist(request.clone(), fetch).await?.name;
        outcome.require(answered == job, || format!("a repeated request was answered with {answered} instead of {job}"));
        let other = v1::FetchDirectoryRequest { changes_only: !request.changes_only, ..request };
        let refused = person.insist(other, fetch).await.err().map(|status| status.code());
        outcome.require(refused == Some(Code::AlreadyExists), || {
            format!("another request with a used request id was answered {refused:?} instead of ALREADY_EXISTS")
        });
    }
    Ok(())
}
