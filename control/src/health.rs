//! Health (grpc.health.v1): per service and for all, SERVING while the database answers and the server does not stop.

use crate::access::METHODS;
use linkyard_store::Store;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// A database that does not answer for so long does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// The services of the API by their full names.
pub(crate) fn services() -> BTreeSet<&'static str> {
    METHODS.iter().filter_map(|(method, _)| method.split_once('/')).map(|(service, _)| service).collect()
}

/// A reporter that says `NOT_SERVING` of everything until [`follow`] has looked.
pub(crate) async fn reporter() -> HealthReporter {
    let reporter = HealthReporter::new();
    report(&reporter, ServingStatus::NotServing).await;
    reporter
}

/// Looks after the database until `draining`, then says `NOT_SERVING` for good. Watchers are told of changes only.
pub(crate) async fn follow(reporter: HealthReporter, store: Store, every: Duration, draining: CancellationToken) {
    let mut said = ServingStatus::NotServing;
    while !draining.is_cancelled() {
        let status = if answers(&store).await { ServingStatus::Serving } else { ServingStatus::NotServing };
        if status != said {
            report(&reporter, status).await;
            said = status;
        }
        tokio::select! {
            () = draining.cancelled() => {}
            () = tokio::time::sleep(every) => {}
        }
    }
    report(&reporter, ServingStatus::NotServing).await;
}

async fn answers(store: &Store) -> bool {
    match timeout(PATIENCE, store.ping()).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the database does not answer: health is NOT_SERVING");
            false
        }
        Err(_) => {
            tracing::warn!("the database took too long: health is NOT_SERVING");
            false
        }
    }
}

async fn report(reporter: &HealthReporter, status: ServingStatus) {
    reporter.set_service_status("", status).await;
    for service in services() {
        reporter.set_service_status(service, status).await;
    }
}
