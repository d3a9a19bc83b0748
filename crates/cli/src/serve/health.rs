//! Health of the processes of an installation: a worker tells it on an address of its own, and `linkyard health` asks a control or a worker,
//! so that a container needs no other program to be watched by.

use crate::exit::{Exit, ExitCode};
use crate::output_line;
use anyhow::{Context, Result};
use linkyard_store::Store;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};
use tonic_health::ServingStatus;
use tonic_health::pb::health_check_response::ServingStatus as Answer;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// How often a worker looks after its database.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A database, or a process, that does not answer for so long does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Ask whether a control or a worker is healthy: exit code 0 when it is.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct HealthArgs {
    /// Where it listens: the address of a control, or the one that a worker was given by --health-listen.
    #[arg(default_value = "http://127.0.0.1:50051", value_name = "URL")]
    pub url: String,
}

/// Asks and says what it heard.
///
/// # Errors
/// Exit code 8 when it does not answer or is not serving; 2 for an address that is none.
pub async fn run(args: HealthArgs) -> Result<()> {
    let endpoint = Endpoint::from_shared(args.url.clone())
        .map_err(|_| Exit::usage(format!("`{}` is not an address like http://127.0.0.1:50051", args.url)))?
        .connect_timeout(PATIENCE)
        .timeout(PATIENCE);
    let ill = |what: String| Exit::error(ExitCode::Unavailable, format!("{} {what}", args.url));
    let channel = endpoint.connect().await.map_err(|_| ill("does not answer".to_owned()))?;
    let answer = HealthClient::new(channel).check(HealthCheckRequest::default()).await;
    match answer.map(|answer| HealthCheckResponse::status(answer.get_ref())) {
        Ok(Answer::Serving) => output_line("SERVING"),
        Ok(other) => Err(ill(format!("is {}", other.as_str_name()))),
        Err(status) => Err(ill(format!("answers {}", status.code()))),
    }
}

/// Serves the health of a worker until `stop`: SERVING while its database answers.
///
/// # Errors
/// When serving ends by itself.
pub(crate) async fn serve(listener: TcpListener, store: Store, stop: CancellationToken) -> Result<()> {
    let (reporter, service) = tonic_health::server::health_reporter();
    let look = async {
        loop {
            let answers = tokio::time::timeout(PATIENCE, store.ping()).await.is_ok_and(|answer| answer.is_ok());
            let status = if answers { ServingStatus::Serving } else { ServingStatus::NotServing };
            reporter.set_service_status("", status).await;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let server = Server::builder().add_service(service);
    let serve = server.serve_with_incoming_shutdown(TcpIncoming::from(listener), stop.cancelled());
    tokio::select! {
        ended = serve => ended.context("health is not served any more"),
        () = look => Ok(()),
    }
}
