//! `JobService`: polling, watching and steering jobs.

use super::{Api, Reply};
use crate::names::{JOBS, PROVIDERS};
use crate::request::open;
use crate::status::to_status;
use crate::wire;
use futures_util::Stream;
use linkyard_core::decision_file::RowOutcome;
use linkyard_core::error::Violations;
use linkyard_core::job::JobState;
use linkyard_core::{Error, Result};
use linkyard_proto::v1;
use linkyard_proto::v1::job_service_server::JobService;
use linkyard_store::ImportFilter;
use std::pin::Pin;
use tonic::{Request, Response, Status};

#[tonic::async_trait]
impl JobService for Api {
    type WatchJobStream = Pin<Box<dyn Stream<Item = std::result::Result<v1::WatchJobResponse, Status>> + Send>>;

    async fn get_job(&self, request: Request<v1::GetJobRequest>) -> Reply<v1::Job> {
        let (caller, message) = open(request)?;
        let id = JOBS.parse("name", &message.name).map_err(to_status)?;
        let job = self.service.job_get(&caller.scope, id).await.map_err(to_status)?;
        Ok(Response::new(wire::job(&job)))
    }

    async fn list_jobs(&self, request: Request<v1::ListJobsRequest>) -> Reply<v1::ListJobsResponse> {
        let (caller, mut message) = open(request)?;
        let listing = self.pages.open(&caller, &mut message).map_err(to_status)?;
        let provider = match message.provider.as_str() {
            "" => None,
            name => Some(PROVIDERS.parse("provider", name).map_err(to_status)?),
        };
        let states = states(&message.states).map_err(to_status)?;
        let children = message.include_children;
        let page = self.service.job_list(&caller.scope, provider, &states, children, &listing.page).await.map_err(to_status)?;
        let next_page_token = listing.token(page.next.as_deref());
        Ok(Response::new(v1::ListJobsResponse { jobs: page.rows.iter().map(wire::job).collect(), next_page_token }))
    }

    async fn watch_job(&self, request: Request<v1::WatchJobRequest>) -> Reply<Self::WatchJobStream> {
        let (caller, message) = open(request)?;
        if message.since_revision < 0 {
            return Err(to_status(Error::invalid("since_revision", "must not be negative")));
        }
        let id = JOBS.parse("name", &message.name).map_err(to_status)?;
        let job = self.service.job_get(&caller.scope, id).await.map_err(to_status)?;
        let stream = self.hub.watch(job, message.since_revision, caller.deadline, caller.request_id);
        Ok(Response::new(Box::pin(stream)))
    }

    async fn cancel_job(&self, request: Request<v1::CancelJobRequest>) -> Reply<v1::Job> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let id = JOBS.parse("name", &message.name).map_err(to_status)?;
        let job = self.service.job_cancel(&caller.scope, id, key.as_ref()).await.map_err(to_status)?;
        Ok(Response::new(wire::job(&job)))
    }

    async fn retry_job(&self, request: Request<v1::RetryJobRequest>) -> Reply<v1::Job> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let id = JOBS.parse("name", &message.name).map_err(to_status)?;
        let job = self.service.job_retry(&caller.scope, id, key.as_ref()).await.map_err(to_status)?;
        Ok(Response::new(wire::job(&job)))
    }

    async fn list_import_rows(&self, request: Request<v1::ListImportRowsRequest>) -> Reply<v1::ListImportRowsResponse> {
        let (caller, mut message) = open(request)?;
        let listing = self.pages.open(&caller, &mut message).map_err(to_status)?;
        let id = JOBS.parse("parent", &message.parent).map_err(to_status)?;
        let filter = outcomes(&message.outcomes).map_err(to_status)?;
        let page = self.service.import_rows(&caller.scope, id, &filter, &listing.page).await.map_err(to_status)?;
        let next_page_token = listing.token(page.next.as_deref());
        Ok(Response::new(v1::ListImportRowsResponse { rows: page.rows.iter().map(wire::import_row).collect(), next_page_token }))
    }
}

/// The outcomes in a request for the lines of an import.
fn outcomes(words: &[i32]) -> Result<ImportFilter> {
    let mut violations = Violations::default();
    let mut outcomes = Vec::with_capacity(words.len());
    for (index, word) in words.iter().enumerate() {
        match RowOutcome::ALL.into_iter().find(|outcome| i32::from(wire::import_outcome(*outcome)) == *word) {
            Some(outcome) => outcomes.push(outcome),
            None => violations.add(format!("outcomes[{index}]"), "is not an outcome of a line"),
        }
    }
    violations.finish(ImportFilter { outcomes })
}

/// The states in a list request.
fn states(words: &[i32]) -> Result<Vec<JobState>> {
    let mut violations = Violations::default();
    let mut states = Vec::with_capacity(words.len());
    for (index, word) in words.iter().enumerate() {
        let state = JobState::ALL.iter().copied().find(|state| i32::from(wire::job_state(*state)) == *word);
        match state {
            Some(state) if !states.contains(&state) => states.push(state),
            Some(_) => {}
            None => violations.add(format!("states[{index}]"), "is not a state of a job"),
        }
    }
    violations.finish(states)
}
