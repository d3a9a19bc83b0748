//! The demo's way into linkyard: the session of the admin commands, so the public gRPC API and nothing else.

use crate::admin::session::{Session, call};
use crate::admin::watch::{self, Show};
use anyhow::{Result, bail};
use linkyard_proto::v1;
use linkyard_proto::v1::job::State;
use linkyard_proto::v1::job_service_client::JobServiceClient;
use sha2::{Digest, Sha256};

/// Every state in which something will still happen to a job.
const LIVE: [State; 6] =
    [State::Queued, State::Running, State::WaitingForBudget, State::WaitingForChildren, State::Retrying, State::Paused];

/// Watches a job to its end and shows it; answers it as it ended.
///
/// # Errors
/// When the job ends other than SUCCEEDED or PARTIAL.
pub(super) async fn follow(session: &Session, name: &str) -> Result<v1::Job> {
    let job = watch::follow(session, name, Show::Progress).await?;
    if !matches!(job.state(), State::Succeeded | State::Partial) {
        let why = job.error.as_ref().map_or("", |status| status.message.as_str());
        bail!("{name} ({}) ended {}: {why}", job.kind, watch::state_word(&job));
    }
    Ok(job)
}

/// Watches every job of `provider` that is not finished, until none is left: a fetch starts others when it ends.
///
/// # Errors
/// As [`follow`].
pub(super) async fn settle(session: &Session, provider: &str) -> Result<()> {
    loop {
        let states = LIVE.iter().map(|state| i32::from(*state)).collect();
        let request = v1::ListJobsRequest { provider: provider.to_owned(), states, page_size: 1, ..Default::default() };
        let jobs = call!(session, JobServiceClient, list_jobs, request).await?.jobs;
        let Some(job) = jobs.first() else { return Ok(()) };
        follow(session, &job.name).await?;
    }
}

/// A request id that depends on the step alone: a second start sends the same requests and gets the same answers.
pub(super) fn request_id(step: &str) -> String {
    let digest = Sha256::digest(format!("linkyard demo: {step}"));
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}
