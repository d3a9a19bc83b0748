//! D11: answers to commits are lost. What was acknowledged is there, and a call that is repeated with its request id does nothing twice.

use super::person::Person;
use super::yard::{Plan, Scene, Yard};
use super::{Outcome, Settings};
use crate::proxy::Weather;
use anyhow::{Result, ensure};
use linkyard_proto::v1;
use linkyard_proto::v1::provider_service_client::ProviderServiceClient;
use std::time::{Duration, Instant};
use tonic::Code;

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
pub(super) async fn repeated(person: &Person, outcome: &mut Outcome) -> Result<()> {
    for (request, job) in &person.acknowledged.jobs {
        let fetch = async |channel, request| ProviderServiceClient::new(channel).fetch_directory(request).await;
        let answered = person.try_once(request.clone(), fetch).await?.name;
        outcome.require(answered == *job, || format!("a repeated request was answered with {answered} instead of {job}"));
        let other = v1::FetchDirectoryRequest { changes_only: !request.changes_only, ..request.clone() };
        let refused = person.try_once(other, fetch).await.err().map(|status| status.code());
        outcome.require(refused == Some(Code::AlreadyExists), || {
            format!("another request with a used request id was answered {refused:?} instead of ALREADY_EXISTS")
        });
    }
    Ok(())
}
