//! What admin commands do while the server goes away and comes back, against a server that does so on purpose.

use super::session::{Session, SessionArgs, call, request_id};
use super::watch::{Show, follow};
use crate::exit::{ExitCode, code_of};
use linkyard_proto::v1::job::State;
use linkyard_proto::v1::job_service_client::JobServiceClient;
use linkyard_proto::v1::job_service_server::{JobService, JobServiceServer};
use linkyard_proto::v1::{
    CancelJobRequest, GetJobRequest, Job, ListImportRowsRequest, ListImportRowsResponse, ListJobsRequest, ListJobsResponse,
    RetryJobRequest, WatchJobRequest, WatchJobResponse,
};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// Refuses the first calls, as a draining server does, and notes what it was asked.
#[derive(Debug)]
struct Flaky {
    refusals: usize,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Flaky {
    fn refuse(&self, asked: String) -> Result<(), Status> {
        let mut all = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(asked);
        if all.len() > self.refusals {
            return Ok(());
        }
        let details = ErrorDetails::with_retry_info(Some(std::time::Duration::from_millis(1)));
        Err(Status::with_error_details(Code::Unavailable, "draining", details))
    }
}

type Changes = Pin<Box<dyn tokio_stream::Stream<Item = Result<WatchJobResponse, Status>> + Send>>;

#[tonic::async_trait]
impl JobService for Flaky {
    type WatchJobStream = Changes;

    async fn get_job(&self, _: Request<GetJobRequest>) -> Result<Response<Job>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn list_jobs(&self, _: Request<ListJobsRequest>) -> Result<Response<ListJobsResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    /// Each watch brings one change and breaks off; the third ends the job.
    async fn watch_job(&self, request: Request<WatchJobRequest>) -> Result<Response<Changes>, Status> {
        let known = request.into_inner().since_revision;
        self.refuse(known.to_string())?;
        let revision = known + 1;
        let state = if revision == 3 { State::Succeeded } else { State::Running };
        let job = Job { name: "jobs/1".to_owned(), revision, state: state.into(), ..Job::default() };
        let broken = Err(Status::unavailable("the server drains"));
        let changes = [Ok(WatchJobResponse { job: Some(job) }), Ok(WatchJobResponse { job: None }), broken];
        Ok(Response::new(Box::pin(tokio_stream::iter(changes))))
    }

    async fn cancel_job(&self, request: Request<CancelJobRequest>) -> Result<Response<Job>, Status> {
        self.refuse(request.into_inner().request_id)?;
        Ok(Response::new(Job { state: State::Cancelled.into(), ..Job::default() }))
    }

    async fn retry_job(&self, _: Request<RetryJobRequest>) -> Result<Response<Job>, Status> {
        Err(Status::unimplemented("not asked here"))
    }

    async fn list_import_rows(&self, _: Request<ListImportRowsRequest>) -> Result<Response<ListImportRowsResponse>, Status> {
        Err(Status::unimplemented("not asked here"))
    }
}

/// A session with a server that refuses the first `refusals` calls, and what the server was asked.
async fn session(refusals: usize) -> (Session, Arc<Mutex<Vec<String>>>) {
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        session: SessionArgs,
    }
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let server = format!("http://{}", listener.local_addr().expect("an address"));
    let service = JobServiceServer::new(Flaky { refusals, asked: asked.clone() });
    let serving = tonic::transport::Server::builder().add_service(service);
    tokio::spawn(serving.serve_with_incoming(TcpListenerStream::new(listener)));
    let key = std::env::temp_dir().join(format!("linkyard-outage-{}", uuid::Uuid::new_v4()));
    std::fs::write(&key, "ly_x").expect("a key");
    let line = ["linkyard", "--server", &server, "--api-key-file", key.to_str().expect("UTF-8")];
    let session = Session::open(&<Line as clap::Parser>::parse_from(line).session).expect("a session");
    std::fs::remove_file(key).expect("read already");
    (session, asked)
}

fn all(asked: &Mutex<Vec<String>>) -> Vec<String> {
    asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

#[tokio::test]
async fn a_change_is_tried_again_with_the_same_request_id() {
    let (session, asked) = session(2).await;
    let request = CancelJobRequest { name: "jobs/1".to_owned(), request_id: request_id() };
    let job = call!(session, JobServiceClient, cancel_job, request.clone()).await.expect("the third attempt");
    assert_eq!(job.state(), State::Cancelled);
    assert_eq!(all(&asked), vec![request.request_id; 3]);
}

#[tokio::test]
async fn a_server_that_stays_away_is_given_up_as_unavailable() {
    let (session, asked) = session(usize::MAX).await;
    let request = CancelJobRequest { name: "jobs/1".to_owned(), request_id: request_id() };
    let error = call!(session, JobServiceClient, cancel_job, request).await.expect_err("never answered");
    assert_eq!(code_of(&error), ExitCode::Unavailable);
    assert_eq!(all(&asked).len(), 4);
}

#[tokio::test]
async fn a_broken_watch_goes_on_after_the_last_revision_seen() {
    let (session, asked) = session(0).await;
    let job = follow(&session, "jobs/1", Show::Progress).await.expect("it ends");
    assert_eq!((job.state(), job.revision), (State::Succeeded, 3));
    assert_eq!(all(&asked), ["0", "1", "2"]);
}
