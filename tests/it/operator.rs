//! What an operator sees of a running installation: metrics, traces, and what the doctor says.

use crate::cli_kit::{Up, run};
use linkyard_tests::cryptography;
use linkyard_tests::jobs::eventually;
use linkyard_tests::redis::RedisServer;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::Value;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

/// A collector that keeps what it gets.
#[derive(Clone, Default)]
struct Collector {
    spans: Arc<Mutex<Vec<Span>>>,
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(&self, request: Request<ExportTraceServiceRequest>) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let scopes = request.into_inner().resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        self.spans.lock().expect("not poisoned").extend(scopes.flat_map(|scope| scope.spans));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    /// Starts one; answers it and where it listens.
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let service = TraceServiceServer::new(collector.clone());
        let serving =
            tonic::transport::Server::builder().add_service(service).serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(serving);
        (collector, url)
    }

    fn spans(&self) -> Vec<Span> {
        self.spans.lock().expect("not poisoned").clone()
    }
}

/// What must have come before the trace of a fetch is whole: the jobs that follow it, too.
const WHOLE: [&str; 5] = ["call", "fetch_directory", "GET /rest/v1.0/vendors", "suggest", "sync_linked"];

fn fetch(up: &Up, directory: &Path) {
    up.admin(directory, &["provider", "create", "--name", "Main", "--company-id", "4711", "--wait"]).ended(0);
    up.admin(directory, &["provider", "fetch", "--wait"]).ended(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_goes_from_the_request_over_its_jobs_to_their_calls() {
    let directory = tempfile::tempdir().expect("a directory");
    let (collector, url) = Collector::start().await;
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "20")];
    let up = Up::start_with(directory.path(), &[], &environment);
    fetch(&up, directory.path());

    let trace_of = |spans: &[Span], name: &str| spans.iter().find(|span| span.name == name).map(|span| span.trace_id.clone());
    let mut spans = Vec::new();
    eventually("the whole trace", async || {
        spans = collector.spans();
        let trace = trace_of(&spans, "fetch_directory");
        spans.retain(|span| Some(&span.trace_id) == trace.as_ref());
        WHOLE.iter().all(|name| spans.iter().any(|span| span.name == *name))
    })
    .await;
    let named = |name: &str| spans.iter().find(|span| span.name == name).expect("it was waited for");
    assert_eq!(named("fetch_directory").parent_span_id, named("call").span_id, "the job belongs to the request");
    assert_eq!(named("GET /rest/v1.0/vendors").parent_span_id, named("fetch_directory").span_id, "the call belongs to the job");
    assert!(named("call").parent_span_id.is_empty(), "nothing came before the request");
    let key = std::fs::read_to_string(directory.path().join(".linkyard/api-key")).expect("a key");
    assert!(!format!("{:?}", collector.spans()).contains(key.trim()), "a span names the API key");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_jobs_calls_rows_and_the_budget() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut up = Up::start_with(directory.path(), &["--metrics-listen=127.0.0.1:0"], &[]);
    up.says("console on ");
    up.says("Procore company id to connect to: 4711");
    let url = up.says("metrics on ");
    cryptography();
    fetch(&up, directory.path());

    let wanted = [
        "linkyard_job_runs_total{kind=\"fetch_directory\",outcome=\"done\"} 1",
        "linkyard_job_runs_total{kind=\"test_connection\",outcome=\"done\"} 1",
        "linkyard_procore_calls_total{route=\"GET /rest/v1.0/vendors\",status=\"200\"} ",
        "linkyard_rows_total{kind=\"fetch_directory\",outcome=\"succeeded\"} ",
        "linkyard_rpcs_total{method=\"linkyard.v1.ProviderService/FetchDirectory\",code=\"0\"} 1",
        "linkyard_job_wait_seconds_count{kind=\"fetch_directory\"} 1",
        "linkyard_job_run_seconds_count{kind=\"fetch_directory\"} 1",
        "linkyard_procore_call_seconds_count{route=\"GET /rest/v1.0/vendors\"} ",
        "linkyard_runnable_jobs 0",
        "linkyard_oldest_runnable_seconds 0",
        "linkyard_rate_limited_jobs 0",
    ];
    let mut text = String::new();
    eventually("the counts of a fetch that has ended", async || {
        text = reqwest::get(&url).await.expect("an answer").text().await.expect("a text");
        wanted.iter().all(|line| text.contains(line))
    })
    .await;
    let provider = up.admin(directory.path(), &["provider", "list", "-o", "json"]).rows()[0]["name"].clone();
    let id = provider.as_str().and_then(|name| name.rsplit('/').next()).expect("a name").to_owned();
    let left = format!("linkyard_budget_left_calls{{provider=\"{id}\",window=\"hour\"}} ");
    assert!(text.contains(&left), "{left} is not in\n{text}");
    assert!(!text.contains("4711"), "a company is no label:\n{text}");
}

#[test]
fn the_doctor_is_content_with_an_installation_that_works() {
    let directory = tempfile::tempdir().expect("a directory");
    let up = Up::start(directory.path());
    fetch(&up, directory.path());
    let url = up.simulator_url.as_str();
    let procore = ["--procore-login-url", url, "--procore-api-url", url, "--procore-allow-private-hosts"];
    let done = run(directory.path(), &[&["doctor", "--json"], &procore[..]].concat()).ended(0);
    let found = done.json();
    assert_eq!(found["well"], true);
    for check in ["sealing key", "database", "schema", "clock", "provider", "jobs"] {
        assert_eq!(verdict(&found, check), "ok", "{check}: {found}");
    }
    assert_eq!(verdict(&found, "procore"), "warn", "no credentials were given to the doctor: {found}");
}

#[test]
fn the_doctor_says_what_is_missing_and_what_to_do() {
    let directory = tempfile::tempdir().expect("a directory");
    let closed = ["--procore-login-url", "http://127.0.0.1:1", "--procore-allow-private-hosts"];
    let credentials = ["--procore-client-id", "some-app", "--procore-client-secret", "a-secret-word"];
    let done = run(directory.path(), &[&["doctor", "--json"], &closed[..], &credentials[..]].concat()).ended(5);
    let found: Value = serde_json::from_str(&done.out).expect("JSON");
    for check in ["sealing key", "database", "procore"] {
        assert_eq!(verdict(&found, check), "fail", "{check}: {found}");
    }
    let advised = found["findings"].as_array().expect("findings").iter().all(|one| one["advice"] != "" || one["verdict"] == "ok");
    assert!(advised, "{found}");
    assert!(!format!("{done:?}").contains("a-secret-word"), "{done:?}");
    assert!(!directory.path().join(".linkyard").exists(), "the doctor makes nothing");
}

#[test]
fn the_doctor_names_a_redis_that_forgets_and_one_that_is_away() {
    let directory = tempfile::tempdir().expect("a directory");
    let good = RedisServer::start();
    let kept = look_at_redis(directory.path(), good.url());
    assert_eq!(verdict(&kept, "redis"), "ok", "{kept}");
    let poor = RedisServer::start_with(&["--maxmemory-policy", "allkeys-lru"]);
    let evicting = look_at_redis(directory.path(), poor.url());
    assert_eq!(verdict(&evicting, "redis"), "warn", "{evicting}");
    let away = look_at_redis(directory.path(), "redis://127.0.0.1:1");
    assert_eq!(verdict(&away, "redis"), "fail", "{away}");
}

fn look_at_redis(directory: &Path, url: &str) -> Value {
    let done = run(directory, &["doctor", "--json", "--redis-url", url]);
    serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{error}: {done:?}"))
}

#[test]
fn the_doctor_notices_another_sealing_key_and_an_old_schema() {
    let directory = tempfile::tempdir().expect("a directory");
    let up = Up::start(directory.path());
    let own = ["--client-id", "simulator-client", "--client-secret-file", "secret.txt"];
    std::fs::write(directory.path().join("secret.txt"), "whatever").expect("written");
    let create = ["provider", "create", "--name", "Own", "--company-id", "4711"];
    up.admin(directory.path(), &[&create[..], &own[..]].concat()).ended(0);
    let database = format!("sqlite:{}", directory.path().join(".linkyard/linkyard.db").display());
    std::fs::write(directory.path().join("other.key"), "ab".repeat(32)).expect("written");
    let done =
        run(directory.path(), &["doctor", "--json", "--database-url", &database, "--sealing-key-file", "other.key"]).ended(5);
    let found: Value = serde_json::from_str(&done.out).expect("JSON");
    assert_eq!(verdict(&found, "provider"), "fail", "{found}");

    let empty = format!("sqlite:{}", directory.path().join("empty.db").display());
    let done = run(directory.path(), &["doctor", "--json", "--database-url", &empty, "--sealing-key-file", "other.key"]).ended(5);
    let found: Value = serde_json::from_str(&done.out).expect("JSON");
    assert_eq!(verdict(&found, "schema"), "fail", "{found}");
}

fn verdict(found: &Value, check: &str) -> String {
    let of_check = found["findings"].as_array().and_then(|all| all.iter().find(|one| one["check"] == check).cloned());
    of_check.and_then(|one| one["verdict"].as_str().map(str::to_owned)).unwrap_or_else(|| panic!("no finding {check}: {found}"))
}
