//! The edge that all services share: compression, reflection, health, bounds, deadlines, request ids, and stopping.

use crate::control_kit::{Clients, reason};
use futures_util::stream;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use linkyard_proto::v1;
use linkyard_tests::control::{Control, Key, Keyed, settings};
use linkyard_tests::databases::each_database;
use linkyard_tests::ground::{active_provider, fetch};
use prost::Message;
use std::collections::BTreeSet;
use tonic::Code;
use tonic::codec::CompressionEncoding::Gzip;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb;
use tonic_types::StatusExt;

/// One call as it is on the wire, without a client's own timers: the head of the answer and its trailers.
async fn wire(control: &Control, method: &str, headers: &[(&str, &str)], message: &impl Message) -> (HeaderMap, HeaderMap) {
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(control.connect())).await.expect("a connection");
    tokio::spawn(connection);
    let message = message.encode_to_vec();
    let mut body = vec![0];
    body.extend(u32::try_from(message.len()).expect("a short message").to_be_bytes());
    body.extend(message);
    let mut request = Request::post(format!("http://control.test/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = sender.send_request(request.body(Full::new(Bytes::from(body))).expect("a request")).await.expect("an answer");
    let head = answer.headers().clone();
    let trailers = answer.into_body().collect().await.expect("a body").trailers().cloned().unwrap_or_default();
    (head, trailers)
}

fn code(headers: &HeaderMap) -> Option<&str> {
    headers.get("grpc-status").and_then(|value| value.to_str().ok())
}

const GET_ORGANIZATION: &str = "linkyard.v1.OrganizationService/GetOrganization";

#[tokio::test]
async fn both_versions_of_reflection_answer_a_compressing_client_without_a_key() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let expected: BTreeSet<String> = linkyard_control::METHODS.iter().map(|(method, _)| service(method)).collect();

        let mut v1 = pb::v1::server_reflection_client::ServerReflectionClient::new(control.channel())
            .send_compressed(Gzip)
            .accept_compressed(Gzip);
        use pb::v1::server_reflection_request::MessageRequest;
        let list = pb::v1::ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        };
        let mut answers = v1.server_reflection_info(stream::iter([list])).await.expect("v1").into_inner();
        let answer = answers.message().await.expect("an answer").expect("an answer").message_response;
        let Some(pb::v1::server_reflection_response::MessageResponse::ListServicesResponse(listed)) = answer else {
            panic!("no list: {answer:?}")
        };
        let listed: BTreeSet<String> = listed.service.into_iter().map(|service| service.name).collect();
        assert!(listed.is_superset(&expected), "{listed:?}");

        let mut v1alpha = pb::v1alpha::server_reflection_client::ServerReflectionClient::new(control.channel())
            .send_compressed(Gzip)
            .accept_compressed(Gzip);
        use pb::v1alpha::server_reflection_request::MessageRequest as AlphaRequest;
        let list = pb::v1alpha::ServerReflectionRequest {
            host: String::new(),
            message_request: Some(AlphaRequest::ListServices(String::new())),
        };
        let mut answers = v1alpha.server_reflection_info(stream::iter([list])).await.expect("v1alpha").into_inner();
        let answer = answers.message().await.expect("an answer").expect("an answer").message_response;
        let Some(pb::v1alpha::server_reflection_response::MessageResponse::ListServicesResponse(listed)) = answer else {
            panic!("no list: {answer:?}")
        };
        let listed: BTreeSet<String> = listed.service.into_iter().map(|service| service.name).collect();
        assert!(listed.is_superset(&expected), "{listed:?}");
    })
    .await;
}

fn service(method: &str) -> String {
    method.split_once('/').expect("a method").0.to_owned()
}

#[tokio::test]
async fn reflection_is_not_there_unless_asked_for() {
    each_database(async |store| {
        let mut settings = settings();
        settings.reflection = false;
        let control = Control::start_with(store, settings).await;
        let mut client = pb::v1::server_reflection_client::ServerReflectionClient::new(control.channel());
        let refusal =
            client.server_reflection_info(stream::iter([pb::v1::ServerReflectionRequest::default()])).await.expect_err("off");
        assert_eq!(refusal.code(), Code::Unimplemented);
    })
    .await;
}

#[tokio::test]
async fn every_service_takes_and_gives_gzip() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let channel: Keyed = control.keyed(&tenant.read);
        let mut client = v1::organization_service_client::OrganizationServiceClient::new(channel)
            .send_compressed(Gzip)
            .accept_compressed(Gzip);
        let answer = client.get_organization(v1::GetOrganizationRequest {}).await.expect("an answer");
        assert_eq!(answer.metadata().get("grpc-encoding").and_then(|value| value.to_str().ok()), Some("gzip"));
        let mut health = HealthClient::new(control.channel()).send_compressed(Gzip).accept_compressed(Gzip);
        let answer = health.check(HealthCheckRequest { service: String::new() }).await.expect("an answer");
        assert_eq!(answer.metadata().get("grpc-encoding").and_then(|value| value.to_str().ok()), Some("gzip"));
    })
    .await;
}

#[tokio::test]
async fn health_is_serving_per_service_until_the_server_stops() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let mut services: BTreeSet<String> = linkyard_control::METHODS.iter().map(|(method, _)| service(method)).collect();
        services.insert(String::new());
        let mut watched = Vec::new();
        for service in services {
            let mut health = HealthClient::new(control.channel());
            let mut stream = health.watch(HealthCheckRequest { service: service.clone() }).await.expect(&service).into_inner();
            while stream.message().await.expect(&service).expect(&service).status() != ServingStatus::Serving {}
            watched.push((service, stream));
        }
        control.shutdown.cancel();
        for (service, mut stream) in watched {
            assert_eq!(stream.message().await.expect(&service).expect(&service).status(), ServingStatus::NotServing, "{service}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_message_over_one_mebibyte_is_refused_also_when_it_was_small_on_the_way() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let name = "x".repeat(1024 * 1024 + 1);
        let party = v1::Party { display_name: name, ..Default::default() };
        let request = v1::CreatePartyRequest { party: Some(party), request_id: String::new(), ..Default::default() };
        let mut clients = Clients::of(&control, &tenant.write);
        let refusal = clients.parties.create_party(request.clone()).await.expect_err("too large");
        assert_eq!((refusal.code(), reason(&refusal).as_str()), (Code::OutOfRange, "OUT_OF_RANGE"));
        let refusal = clients.parties.send_compressed(Gzip).create_party(request).await.expect_err("too large when unpacked");
        assert!(matches!(refusal.code(), Code::ResourceExhausted | Code::OutOfRange), "{refusal:?}");
        let listed = clients.projects.list_projects(v1::ListProjectsRequest::default()).await;
        listed.expect("the server goes on");
    })
    .await;
}

#[tokio::test]
async fn a_deadline_that_passed_is_answered_with_code_4() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let headers = [("authorization", tenant.read.header()), ("grpc-timeout", "1n")];
        let (head, _) = wire(&control, GET_ORGANIZATION, &headers, &v1::GetOrganizationRequest {}).await;
        assert_eq!(code(&head), Some("4"));
        let headers = [("authorization", tenant.read.header()), ("grpc-timeout", "1M")];
        let (_, trailers) = wire(&control, GET_ORGANIZATION, &headers, &v1::GetOrganizationRequest {}).await;
        assert_eq!(code(&trailers), Some("0"));

        let provider = active_provider(&control.store, &tenant.scope, 7).await;
        let job = fetch(&control.store, &tenant.scope, provider.id).await;
        let watch = v1::WatchJobRequest { name: format!("jobs/{}", job.id), since_revision: 0 };
        let headers = [("authorization", tenant.read.header()), ("grpc-timeout", "200m")];
        let (head, trailers) = wire(&control, "linkyard.v1.JobService/WatchJob", &headers, &watch).await;
        assert_eq!(code(&head).or_else(|| code(&trailers)), Some("4"), "a stream ends at its deadline too");
    })
    .await;
}

#[tokio::test]
async fn a_request_id_comes_back_with_the_answer_and_with_every_error() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let tenant = control.tenant("Alpha").await;
        let headers = [("authorization", tenant.read.header()), ("x-request-id", "mine-1")];
        let (head, _) = wire(&control, GET_ORGANIZATION, &headers, &v1::GetOrganizationRequest {}).await;
        assert_eq!(head.get("x-request-id").and_then(|value| value.to_str().ok()), Some("mine-1"));
        for unfit in ["", "a b", &"x".repeat(200)] {
            let headers = [("authorization", tenant.read.header()), ("x-request-id", unfit)];
            let (head, _) = wire(&control, GET_ORGANIZATION, &headers, &v1::GetOrganizationRequest {}).await;
            let made = head.get("x-request-id").and_then(|value| value.to_str().ok()).expect("an id");
            assert_eq!(uuid::Uuid::parse_str(made).map(|id| id.get_version_num()), Ok(7), "{unfit}");
        }

        let mut jobs = Clients::of(&control, &tenant.read).jobs;
        let mut missing = tonic::Request::new(v1::GetJobRequest { name: format!("jobs/{}", uuid::Uuid::now_v7()) });
        missing.metadata_mut().insert("x-request-id", "mine-2".parse().expect("a header"));
        let refusal = jobs.get_job(missing).await.expect_err("nobody's");
        assert_eq!(refusal.get_details_request_info().expect("RequestInfo").request_id, "mine-2");
        let mut keyless = Clients::of(&control, &Key::none()).jobs;
        let mut call = tonic::Request::new(v1::GetJobRequest::default());
        call.metadata_mut().insert("x-request-id", "mine-3".parse().expect("a header"));
        let refusal = keyless.get_job(call).await.expect_err("no key");
        assert_eq!(refusal.get_details_request_info().expect("RequestInfo").request_id, "mine-3");
        assert_eq!(refusal.metadata().get("x-request-id").and_then(|value| value.to_str().ok()), Some("mine-3"));
    })
    .await;
}

#[tokio::test]
async fn a_stopped_server_on_a_socket_ends_although_a_probe_watches() {
    each_database(async |store| {
        let control = Control::start(store).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut settings = settings();
        settings.drain = std::time::Duration::from_millis(50);
        let shutdown = tokio_util::sync::CancellationToken::new();
        let ring = std::sync::Arc::new(|| {});
        let server = tokio::spawn(linkyard_control::serve(control.store.clone(), ring, settings, listener, shutdown.clone()));
        let channel = tonic::transport::Endpoint::from_shared(format!("http://{address}")).expect("an address").connect().await;
        let mut health = HealthClient::new(channel.expect("a connection"));
        let mut stream = health.watch(HealthCheckRequest { service: String::new() }).await.expect("a watch").into_inner();
        while stream.message().await.expect("a status").expect("a status").status() != ServingStatus::Serving {}
        shutdown.cancel();
        server.await.expect("the server's task").expect("an orderly end");
        assert!(tokio::net::TcpStream::connect(address).await.is_err(), "the port is free");
    })
    .await;
}
