//! `status`: what people who poll get while a directory is imported: `GetJob` of the running job and `ListPartyMappings` of its provider, from
//! one control process beside one worker, over PostgreSQL and Redis. The floor is the least that the same server answers at the
//! same time: the health check, an empty method. Calls go over a few connections with some calls under way on each.

use crate::findings::{Findings, Series, percentile};
use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use linkyard_core::id::{JobId, ProviderId};
use linkyard_core::job::JobState;
use linkyard_core::provider::{ContactsMode, NewProvider};
use linkyard_core::scope::Scope;
use linkyard_proto::v1;
use linkyard_proto::v1::job_service_client::JobServiceClient;
use linkyard_proto::v1::party_mapping_service_client::PartyMappingServiceClient;
use linkyard_store::Store;
use linkyard_tests::control::{Key, Keyed};
use linkyard_tests::ground;
use linkyard_tests::installation::{Installation, Told};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// The installation's company.
const COMPANY: i64 = 4242;
/// Rows of a page of mappings.
const PAGE_ROWS: i32 = 50;
/// How often it is looked whether the import has begun.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How much is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Size {
    /// Vendors that are imported meanwhile.
    #[arg(long, default_value_t = 400_000)]
    rows: usize,

    /// Connections.
    #[arg(long, default_value_t = 4)]
    connections: usize,

    /// Calls under way on each.
    #[arg(long, default_value_t = 8)]
    at_once: usize,

    /// How long each method is called, in milliseconds.
    #[arg(long, default_value_t = 2_500)]
    call_ms: u64,
}

/// What is called.
#[derive(Clone, Copy, Debug)]
enum Method {
    Empty,
    GetJob,
    ListPartyMappings,
}

impl Method {
    const ALL: [Self; 3] = [Self::Empty, Self::GetJob, Self::ListPartyMappings];

    fn word(self) -> &'static str {
        match self {
            Self::Empty => "empty_method",
            Self::GetJob => "get_job",
            Self::ListPartyMappings => "list_party_mappings",
        }
    }
}

pub(crate) async fn run(size: &Size, runs: u32) -> Result<Findings> {
    let simulator = vec![format!("--vendors={}", size.rows), "--projects=1".to_owned(), "--limits=off".to_owned()];
    let free = ["--budget-initial-spike-limit=1000000", "--budget-initial-hour-limit=1000000"];
    let installation = Installation::start(1, Told { simulator, worker: free.map(str::to_owned).to_vec(), links: None }).await?;
    let (store, place) = (installation.store().await?, installation.place()?);
    let organization = store.organization_first().await?.context("the first organization")?;
    let scope = Scope::new(organization.id, "bench");
    let (provider, job) = importing(&store, &scope).await?;
    let mut callers = Vec::new();
    for _ in 0..size.connections {
        let channel = Endpoint::new(place.server.clone())?.connect().await?;
        let channel = InterceptedService::new(channel, Key::new(&place.api_key));
        callers.extend((0..size.at_once).map(|_| Caller { channel: channel.clone(), provider, job }));
    }
    let (mut figures, mut floors) = (Series::default(), Series::default());
    for run in 1..=runs {
        eprintln!("run {run} of {runs}");
        for method in Method::ALL {
            let (per_second, p50_ms) = called(&callers, method, Duration::from_millis(size.call_ms)).await?;
            let series = if matches!(method, Method::Empty) { &mut floors } else { &mut figures };
            series.note(format!("{}_requests_per_second", method.word()), per_second);
            series.note(format!("{}_p50_ms", method.word()), p50_ms);
        }
    }
    let state = store.job_get(&scope, job).await?.state;
    ensure!(state == JobState::Running, "the import is {} before the end: import more --rows", state.as_str());
    let (figures, floors) = (figures.medians(), floors.medians());
    let floor = floors["empty_method_requests_per_second"];
    let over = |method: Method| {
        let rate = figures[&format!("{}_requests_per_second", method.word())];
        (format!("{}_requests_over_empty_method", method.word()), rate / floor)
    };
    let ratios = BTreeMap::from([over(Method::GetJob), over(Method::ListPartyMappings)]);
    let size = BTreeMap::from([
        ("vendors", size.rows as u64),
        ("connections", size.connections as u64),
        ("calls under way on each", size.at_once as u64),
    ]);
    Ok(Findings { size, figures, floors, ratios })
}

/// A provider whose directory is being imported, and the job that does it.
async fn importing(store: &Store, scope: &Scope) -> Result<(ProviderId, JobId)> {
    let form = ground::platform_form(store, scope, COMPANY).await;
    let form = NewProvider { contacts_mode: ContactsMode::None, ..form };
    let provider = store.provider_create(scope, &form, true, None).await?.0.id;
    while store.jobs_live().await? > 0 {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let job = ground::fetch(store, scope, provider).await.id;
    while store.job_get(scope, job).await?.counts.succeeded == 0 {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok((provider, job))
}

/// One who calls again as soon as there is an answer.
#[derive(Clone, Debug)]
struct Caller {
    channel: Keyed,
    provider: ProviderId,
    job: JobId,
}

impl Caller {
    async fn call(&self, method: Method) -> Result<()> {
        match method {
            Method::Empty => {
                HealthClient::new(self.channel.clone()).check(HealthCheckRequest { service: String::new() }).await?;
            }
            Method::GetJob => {
                let request = v1::GetJobRequest { name: format!("jobs/{}", self.job) };
                JobServiceClient::new(self.channel.clone()).get_job(request).await?;
            }
            Method::ListPartyMappings => {
                let parent = format!("providers/{}", self.provider);
                let request = v1::ListPartyMappingsRequest { parent, page_size: PAGE_ROWS, ..Default::default() };
                PartyMappingServiceClient::new(self.channel.clone()).list_party_mappings(request).await?;
            }
        }
        Ok(())
    }

    /// Milliseconds that each call took, until `until`.
    async fn call_until(self, method: Method, until: Instant) -> Result<Vec<f64>> {
        let mut took = Vec::new();
        loop {
            let began = Instant::now();
            if began >= until {
                return Ok(took);
            }
            self.call(method).await.with_context(|| method.word().to_owned())?;
            took.push(began.elapsed().as_secs_f64() * 1_000.0);
        }
    }
}

/// Calls per second of all together for this long, and the middle one of how long each took.
async fn called(callers: &[Caller], method: Method, time: Duration) -> Result<(f64, f64)> {
    let began = Instant::now();
    let calls = callers.iter().map(|caller| tokio::spawn(caller.clone().call_until(method, began + time)));
    let mut took = Vec::new();
    for of_one in try_join_all(calls).await? {
        took.extend(of_one?);
    }
    Ok((took.len() as f64 / began.elapsed().as_secs_f64(), percentile(took, 50)))
}
