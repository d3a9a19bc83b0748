//! The server: which services and pages it has, in which layers, with which bounds, and how it stops.

use crate::access::OPEN_SERVICES;
use crate::args::Config;
use crate::auth::{self, Keys};
use crate::console::{self, Console};
use crate::grpc::Api;
use crate::page::Pages;
use crate::service::Service;
use crate::watch::Hub;
use crate::{deadline, health, request_id};
use axum::extract::Request;
use axum::middleware::{from_fn, from_fn_with_state};
use linkyard_core::{Error, Result};
use linkyard_proto::v1;
use linkyard_store::Store;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::service::{Routes, RoutesBuilder};
use tonic::transport::Server;
use tonic::transport::server::{Router, TcpIncoming};
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};
use tower::ServiceExt;

/// Wakes the feeder; see the doorbell. Must be cheap and must not block.
pub type Ring = Arc<dyn Fn() + Send + Sync>;

/// The largest request message in bytes, before and after decompression; 1,000 rows are well below.
const LARGEST_REQUEST: usize = 1024 * 1024;

/// A service in the bounds that all have: compressed both ways if the caller likes, and no large requests.
macro_rules! bounded {
    ($server:expr) => {
        $server.accept_compressed(Gzip).send_compressed(Gzip).max_decoding_message_size(LARGEST_REQUEST)
    };
}

/// Serves the API on `listener` until `shutdown`, then lets calls in flight end: watchers are sent away, health says `NOT_SERVING`, and what
/// is still open after the drain time is cut off.
///
/// # Errors
/// `Internal` when the server can not be put together or its transport fails.
pub async fn serve(store: Store, ring: Ring, config: Config, listener: TcpListener, shutdown: CancellationToken) -> Result<()> {
    let drain = config.drain;
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, reflection = config.reflection, "the API listens");
    }
    let router = router(store, ring, &config, shutdown.clone()).await?;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let serving = router.serve_with_incoming_shutdown(incoming, shutdown.clone().cancelled_owned());
    let drained = async {
        shutdown.cancelled().await;
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        ended = serving => ended.map_err(|error| Error::internal("the API's transport failed", error)),
        () = drained => {
            tracing::warn!(drain_ms = drain.as_millis(), "calls were still open after the drain time");
            Ok(())
        }
    }
}

/// The server without a listener: for [`serve`], and for a channel inside one process. Its background tasks (health, the poller of
/// watched jobs) run until `draining`.
///
/// # Errors
/// `Internal` when the API's descriptors are broken.
pub async fn router(store: Store, ring: Ring, config: &Config, draining: CancellationToken) -> Result<Router> {
    let keys = Keys::new(store.clone(), config.trust_keys);
    let service = Service::new(store.clone(), ring, config.budget.clone(), config.approve_claims);
    let api = Api {
        service: service.clone(),
        pages: Pages::new(config.page_key),
        keys: keys.clone(),
        hub: Hub::start(store.clone(), config.watch, draining.clone()),
    };
    let reporter = health::reporter().await;
    tokio::spawn(health::follow(reporter.clone(), store, config.health_every, draining.clone()));
    let mut routes = api_routes(&api);
    add_health(&mut routes, reporter);
    if config.reflection {
        add_reflection(&mut routes)?;
    }
    // The last layer is the outermost: every answer has its request id, and authentication is inside of the deadline.
    let mut layered = routes
        .routes()
        .into_axum_router()
        .layer(from_fn_with_state(keys.clone(), auth::authenticate))
        .layer(from_fn(deadline::limit));
    if config.console {
        let origin = config.console_origin.clone();
        layered = beside(layered, console::router(Console { service, keys, origin, every: config.console_every, draining }));
    }
    Ok(bounds().add_routes(Routes::from(layered.layer(from_fn(request_id::attach)))))
}

/// The API and the console on one port: a request is the API's by its path or by its kind of message, and then gets an answer that a
/// client of the API can read even where there is no such method.
fn beside(api: axum::Router, pages: axum::Router) -> axum::Router {
    axum::Router::new().fallback(move |request: Request| {
        let kind = request.headers().get(http::header::CONTENT_TYPE);
        let is_message = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
        let side = if is_message || console::is_call(request.uri().path()) { api.clone() } else { pages.clone() };
        side.oneshot(request)
    })
}

/// The transport's bounds (why each: a peer that opens, resets or holds streams without end must not cost the others anything).
fn bounds() -> Server {
    Server::builder()
        // Browsers speak HTTP/1.1 where there is no TLS.
        .accept_http1(true)
        .max_concurrent_streams(100)
        .concurrency_limit_per_connection(64)
        .load_shed(true)
        .http2_max_local_error_reset_streams(Some(64))
        .http2_max_pending_accept_reset_streams(Some(20))
        .http2_max_header_list_size(16 * 1024)
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        // So that clients spread again after a scale-out. Without a grace: with one, this version of the transport asks nobody to leave
        // and cuts the connection instead; so calls that are open when it asks may end in their own time.
        .max_connection_age(Duration::from_secs(30 * 60))
}

fn api_routes(api: &Api) -> RoutesBuilder {
    use v1::compliance_service_server::ComplianceServiceServer;
    use v1::duplicate_service_server::DuplicateServiceServer;
    use v1::job_service_server::JobServiceServer;
    use v1::organization_service_server::OrganizationServiceServer;
    use v1::party_mapping_service_server::PartyMappingServiceServer;
    use v1::party_service_server::PartyServiceServer;
    use v1::project_mapping_service_server::ProjectMappingServiceServer;
    use v1::project_service_server::ProjectServiceServer;
    use v1::provider_service_server::ProviderServiceServer;
    use v1::worker_service_server::WorkerServiceServer;

    let api = Arc::new(api.clone());
    let mut routes = RoutesBuilder::default();
    routes
        .add_service(bounded!(ComplianceServiceServer::from_arc(api.clone())))
        .add_service(bounded!(DuplicateServiceServer::from_arc(api.clone())))
        .add_service(bounded!(JobServiceServer::from_arc(api.clone())))
        .add_service(bounded!(OrganizationServiceServer::from_arc(api.clone())))
        .add_service(bounded!(PartyMappingServiceServer::from_arc(api.clone())))
        .add_service(bounded!(PartyServiceServer::from_arc(api.clone())))
        .add_service(bounded!(ProjectMappingServiceServer::from_arc(api.clone())))
        .add_service(bounded!(ProjectServiceServer::from_arc(api.clone())))
        .add_service(bounded!(ProviderServiceServer::from_arc(api.clone())))
        .add_service(bounded!(WorkerServiceServer::from_arc(api)));
    routes
}

fn add_health(routes: &mut RoutesBuilder, reporter: HealthReporter) {
    routes.add_service(bounded!(HealthServer::new(HealthService::from_health_reporter(reporter))));
}

/// Both versions: some tools know only one.
fn add_reflection(routes: &mut RoutesBuilder) -> Result<()> {
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(linkyard_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let broken = |error| Error::internal("the API's descriptors are broken", error);
    routes.add_service(bounded!(builder().build_v1().map_err(broken)?));
    routes.add_service(bounded!(builder().build_v1alpha().map_err(broken)?));
    tracing::debug!(open = ?OPEN_SERVICES, "reflection is served");
    Ok(())
}
