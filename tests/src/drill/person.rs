//! A person of one tenant at the public API: connects the directory, fetches it, confirms everything, states coverages, and goes on
//! changing things until told that it is enough.
//!
//! What was acknowledged is noted: it is what the judge holds the product to. How a person calls is in `calls.rs`.

#[macro_use]
mod calls;

pub use calls::{again, new_id};

use crate::checker::Where;
use crate::control::{Key, Keyed};
use anyhow::{Context, Result, ensure};
use linkyard_proto::v1;
use linkyard_proto::v1::compliance_service_client::ComplianceServiceClient;
use linkyard_proto::v1::confirm_filter::Action;
use linkyard_proto::v1::job::State;
use linkyard_proto::v1::job_service_client::JobServiceClient;
use linkyard_proto::v1::organization_service_client::OrganizationServiceClient;
use linkyard_proto::v1::party_mapping_service_client::PartyMappingServiceClient;
use linkyard_proto::v1::party_service_client::PartyServiceClient;
use linkyard_proto::v1::project_mapping_service_client::ProjectMappingServiceClient;
use linkyard_proto::v1::provider_service_client::ProviderServiceClient;
use linkyard_proto::v1::{MappingFilter, MappingState};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};

/// Between two attempts of a call, and between two looks at a job.
const PAUSE: Duration = Duration::from_millis(25);
/// Every how many-th vendor is in the registry already.
const KNOWN_ONE_IN: usize = 7;
/// Vendors that move, and coverages that change, in one round.
const CHANGES: usize = 100;
/// Coverages of one request.
const BATCH: usize = 500;

/// Every state in which something will still happen to a job.
pub const LIVE: [State; 6] =
    [State::Queued, State::Running, State::WaitingForBudget, State::WaitingForChildren, State::Retrying, State::Paused];

/// What a person was told that it is so.
#[derive(Debug, Default)]
pub struct Acknowledged {
    /// Coverages and their limits.
    pub limits: BTreeMap<String, String>,
    /// Where vendors moved to in the directory, before a fetch of changes that succeeded.
    pub streets: BTreeMap<i64, String>,
    /// The requests that made jobs, and the jobs.
    pub jobs: Vec<(v1::FetchDirectoryRequest, String)>,
}

/// One tenant and the company that is its directory.
#[derive(Debug)]
pub struct Person {
    /// Where it is, without links, and its key.
    pub place: Where,
    /// Its company.
    pub company: i64,
    /// `providers/..`, once there is one.
    pub provider: String,
    /// What it was told.
    pub acknowledged: Acknowledged,
    /// How often a call was not answered at the first attempt.
    pub repeated: u64,
    /// How often each change is asked for again although it was answered.
    pub echoes: u32,
    /// What was answered otherwise when it was asked for again.
    pub disagreements: Vec<String>,
    api: Keyed,
    /// To the simulator's admin API.
    http: reqwest::Client,
    /// How long it tries.
    patience: Duration,
    vendors: Vec<i64>,
    rounds: usize,
}

/// A vendor of the directory as the simulator has it.
#[derive(Clone, Debug, Deserialize)]
pub struct TrueVendor {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    #[serde(default)]
    company_vendor: bool,
    gone: bool,
}

impl Person {
    /// Somebody with the key in `place` who reaches the API at `api`.
    ///
    /// # Errors
    /// When an address is none.
    pub fn new(place: Where, api: String, company: i64, patience: Duration) -> Result<Self> {
        let channel: Channel = Endpoint::from_shared(api)?.connect_timeout(Duration::from_secs(5)).connect_lazy();
        let api = InterceptedService::new(channel, Key::new(&place.api_key));
        Ok(Self {
            place,
            company,
            provider: String::new(),
            acknowledged: Acknowledged::default(),
            repeated: 0,
            echoes: 0,
            disagreements: Vec::new(),
            api,
            http: crate::plain_http(),
            patience,
            vendors: Vec::new(),
            rounds: 0,
        })
    }

    /// The same person at another control.
    ///
    /// # Errors
    /// When the address is none.
    pub fn at(&self, api: String) -> Result<Self> {
        let other = Self::new(self.place.clone(), api, self.company, self.patience)?;
        Ok(Self { provider: self.provider.clone(), ..other })
    }

    /// A person of a new organization, with a company of its own.
    ///
    /// # Errors
    /// When the organization can not be made.
    pub async fn neighbour(&mut self, api: String, company: i64) -> Result<Self> {
        let organization = v1::Organization {
            display_name: format!("Owner of company {company}"),
            time_zone: "America/Los_Angeles".to_owned(),
            ..Default::default()
        };
        let request = v1::CreateOrganizationRequest { organization: Some(organization), request_id: new_id() };
        let api_key = tell!(self, OrganizationServiceClient, create_organization, request, |answer| vec![
            answer.organization.clone().unwrap_or_default().name
        ])
        .await?
        .api_key_secret;
        Self::new(Where { api_key, ..self.place.clone() }, api, company, self.patience)
    }

    /// The whole main job, and then change after change until it is `enough`; once at least.
    ///
    /// # Errors
    /// When a call is refused, or a job does not end well.
    pub async fn work(&mut self, enough: CancellationToken) -> Result<()> {
        self.connect().await?;
        self.fetch(false).await?;
        for action in [Action::AcceptSuggestions, Action::Create] {
            self.confirm_vendors(action).await?;
            self.confirm_projects(action).await?;
        }
        self.state_coverages().await?;
        self.push().await?;
        loop {
            self.change().await?;
            if enough.is_cancelled() {
                return Ok(());
            }
        }
    }

    /// Makes the registry that is there before, sets the provider up, and waits until it works.
    ///
    /// # Errors
    /// As [`Person::work`].
    pub async fn connect(&mut self) -> Result<()> {
        let vendors = self.true_vendors().await?;
        self.vendors = vendors.iter().map(|vendor| vendor.id).collect();
        let known = vendors.iter().filter(|vendor| vendor.name.chars().count() <= 200).step_by(KNOWN_ONE_IN);
        let mut names: Vec<String> = known.map(|vendor| vendor.name.trim().to_lowercase()).collect();
        names.sort();
        names.dedup();
        for names in names.chunks(BATCH) {
            let parties = names.iter().map(|name| v1::Party { display_name: name.clone(), ..Default::default() }).collect();
            let request =
                v1::BatchCreatePartiesRequest { parties, request_id: new_id(), on_lookalike: v1::OnLookalike::Create.into() };
            tell!(self, PartyServiceClient, batch_create_parties, request, |answer| answer
                .parties
                .iter()
                .map(|party| party.name.clone())
                .collect())
            .await?;
        }
        let types = ask!(self, PartyServiceClient, list_party_types, v1::ListPartyTypesRequest {}).await?.party_types;
        let request = v1::ListComplianceProfilesRequest {};
        let profiles = ask!(self, PartyServiceClient, list_compliance_profiles, request).await?.compliance_profiles;
        let provider = v1::Provider {
            display_name: format!("company {}", self.company),
            company_id: self.company.to_string(),
            client_id: "N/A".to_owned(),
            client_secret: "N/A".to_owned(),
            default_party_type: types.into_iter().next().context("a party type")?.name,
            default_compliance_profile: profiles.into_iter().next().context("a compliance profile")?.name,
            ..Default::default()
        };
        let request = v1::CreateProviderRequest { provider: Some(provider), request_id: new_id(), validate_only: false };
        self.provider =
            tell!(self, ProviderServiceClient, create_provider, request, |answer| vec![answer.name.clone()]).await?.name;
        self.settled().await?;
        let request = v1::GetProviderRequest { name: self.provider.clone() };
        let provider = ask!(self, ProviderServiceClient, get_provider, request).await?;
        ensure!(provider.state() == v1::provider::State::Active, "the provider is not active: {}", provider.state_message);
        // A drill ends when everything is quiet; work by the clock would go on.
        self.update(v1::Provider { schedules: false, ..Default::default() }, "schedules").await
    }

    /// Changes one field of the provider.
    ///
    /// # Errors
    /// As [`Person::work`].
    pub async fn update(&mut self, provider: v1::Provider, field: &str) -> Result<()> {
        let provider = v1::Provider { name: self.provider.clone(), ..provider };
        let update_mask = prost_types::FieldMask { paths: vec![field.to_owned()] };
        let request = v1::UpdateProviderRequest {
            provider: Some(provider),
            update_mask: Some(update_mask),
            request_id: new_id(),
            acknowledge_unmapped: true,
        };
        tell!(self, ProviderServiceClient, update_provider, request, |answer| vec![answer.name.clone()]).await.map(|_| ())
    }

    /// Fetches everything, or what changed, and waits for it and for what it starts.
    ///
    /// # Errors
    /// As [`Person::work`].
    pub async fn fetch(&mut self, changes_only: bool) -> Result<()> {
        let request = v1::FetchDirectoryRequest { name: self.provider.clone(), request_id: new_id(), changes_only };
        let job = tell!(self, ProviderServiceClient, fetch_directory, request.clone(), |job| vec![job.name.clone()]).await?.name;
        self.acknowledged.jobs.push((request, job.clone()));
        self.finished(&job).await?;
        self.settled().await
    }

    /// Confirms all undecided vendors, and waits for their links.
    ///
    /// # Errors
    /// As [`Person::work`].
    pub async fn confirm_vendors(&mut self, action: Action) -> Result<()> {
        use v1::confirm_party_mappings_request::Selection;
        let (parent, request_id) = (self.provider.clone(), new_id());
        let request = |plan_token: String, validate_only| v1::ConfirmPartyMappingsRequest {
            parent: parent.clone(),
            selection: Some(Selection::Filter(undecided(action, plan_token))),
            request_id: request_id.clone(),
            validate_only,
        };
        let plan = ask!(self, PartyMappingServiceClient, confirm_party_mappings, request(String::new(), true)).await?.plan;
        let token = plan.context("a plan")?.token;
        let confirmed = tell!(self, PartyMappingServiceClient, confirm_party_mappings, request(token, false), |answer| {
            answer.job.iter().map(|job| job.name.clone()).collect()
        })
        .await?;
        self.linked(confirmed.job).await
    }

    /// Confirms all undecided projects, and waits for their links.
    ///
    /// # Errors
    /// As [`Person::work`].
    pub async fn confirm_projects(&mut self, action: Action) -> Result<()> {
        use v1::confirm_project_mappings_request::Selection;
        let (parent, request_id) = (self.provider.clone(), new_id());
        let request = |plan_token: String, validate_only| v1::ConfirmProjectMappingsRequest {
            parent: parent.clone(),
            selection: Some(Selection::Filter(undecided(action, plan_token))),
            request_id: request_id.clone(),
            validate_only,
        };
        let plan = ask!(self, ProjectMappingServiceClient, confirm_project_mappings, request(String::new(), true)).await?.plan;
        let token = plan.context("a plan")?.token;
        let confirmed = tell!(self, ProjectMappingServiceClient, confirm_project_mappings, request(token, false), |answer| {
            answer.job.iter().map(|job| job.name.clone()).collect()
        })
        .await?;
        self.linked(confirmed.job).await
    }

    async fn linked(&mut self, job: Option<v1::Job>) -> Result<()> {
        match job {
            Some(job) => self.finished(&job.name).await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// States a coverage for every party.
    ///
    /// # Errors
    /// As [`Person::work`].
    pub async fn state_coverages(&mut self) -> Result<()> {
        for parties in self.parties().await?.chunks(BATCH) {
            let coverages = parties.iter().map(|party| v1::Coverage {
                party: party.clone(),
                insurance_type: "General Liability".to_owned(),
                insurer: "Insurer".to_owned(),
                policy_number: "P-1".to_owned(),
                limit: "1000.00".to_owned(),
                effective_date: "2025-01-01".to_owned(),
                expiration_date: "2031-12-31".to_owned(),
                status: v1::coverage::Status::Compliant.into(),
                ..Default::default()
            });
            let request = v1::BatchCreateCoveragesRequest { coverages: coverages.collect(), request_id: new_id() };
            let made = tell!(self, ComplianceServiceClient, batch_create_coverages, request, |answer| answer
                .coverages
                .iter()
                .map(|coverage| coverage.name.clone())
                .collect())
            .await?
            .coverages;
            self.acknowledged.limits.extend(made.into_iter().map(|coverage| (coverage.name, coverage.limit)));
        }
        Ok(())
    }

    /// The names of all parties.
    ///
    /// # Errors
    /// As [`Person::work`].
    pub async fn parties(&mut self) -> Result<Vec<String>> {
        let (mut all, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = v1::ListPartiesRequest { page_size: 1_000, page_token, ..Default::default() };
            let page = ask!(self, PartyServiceClient, list_parties, request).await?;
            all.extend(page.parties.into_iter().map(|party| party.name));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Asks for a push, and waits for it.
    ///
    /// # Errors
    /// As [`Person::work`].
    pub async fn push(&mut self) -> Result<()> {
        let request = v1::PushComplianceRequest { name: self.provider.clone(), compare: false, request_id: new_id() };
        let job = tell!(self, ComplianceServiceClient, push_compliance, request, |job| vec![job.name.clone()]).await?.name;
        self.finished(&job).await.map(|_| ())
    }

    /// Some vendors move in the directory and some coverages change here; both are brought over.
    ///
    /// # Errors
    /// As [`Person::work`].
    pub async fn change(&mut self) -> Result<()> {
        self.rounds += 1;
        let start = self.rounds * CHANGES;
        let street = format!("{} Drill Street", self.rounds);
        let mut moved = Vec::new();
        for vendor in cycled(&self.vendors, start) {
            let path = format!("/companies/{}/vendors/{vendor}", self.company);
            match self.admin("PATCH", &path, json!({ "address": street })).await {
                Ok(_) => moved.push(vendor),
                // A directory that drifts may have lost it.
                Err(error) if is_missing(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let names: Vec<String> = self.acknowledged.limits.keys().cloned().collect();
        let limit = format!("{}.00", 1_000 + self.rounds);
        let changed: Vec<String> = cycled(&names, start).collect();
        let mut coverages = Vec::with_capacity(changed.len());
        for name in changed {
            let coverage = ask!(self, ComplianceServiceClient, get_coverage, v1::GetCoverageRequest { name }).await?;
            coverages.push(v1::Coverage { limit: limit.clone(), etag: String::new(), ..coverage });
        }
        if !coverages.is_empty() {
            let request = v1::BatchUpdateCoveragesRequest { coverages, request_id: new_id() };
            let changed = tell!(self, ComplianceServiceClient, batch_update_coverages, request, |answer| answer
                .coverages
                .iter()
                .map(|coverage| coverage.etag.clone())
                .collect())
            .await?
            .coverages;
            self.acknowledged.limits.extend(changed.into_iter().map(|coverage| (coverage.name, coverage.limit)));
        }
        self.fetch(true).await?;
        self.acknowledged.streets.extend(moved.into_iter().map(|vendor| (vendor, street.clone())));
        self.push().await
    }

    /// Waits for the end of a job, which must be a good one.
    ///
    /// # Errors
    /// As [`Person::work`].
    pub async fn finished(&mut self, name: &str) -> Result<v1::Job> {
        let began = Instant::now();
        loop {
            let job = ask!(self, JobServiceClient, get_job, v1::GetJobRequest { name: name.to_owned() }).await?;
            if matches!(job.state(), State::Succeeded | State::Partial) {
                return Ok(job);
            }
            let why = job.error.as_ref().map_or("", |error| error.message.as_str());
            ensure!(LIVE.contains(&job.state()), "{name} ({}) ended {:?}: {why}", job.kind, job.state());
            ensure!(began.elapsed() < self.patience, "{name} ({}) is still {:?}: {why}", job.kind, job.state());
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until no job of the provider lives.
    ///
    /// # Errors
    /// As [`Person::work`].
    pub async fn settled(&mut self) -> Result<()> {
        let states = || LIVE.iter().map(|state| i32::from(*state)).collect();
        loop {
            let (provider, page_size) = (self.provider.clone(), 1);
            let request = v1::ListJobsRequest { provider, states: states(), page_size, ..Default::default() };
            let jobs = ask!(self, JobServiceClient, list_jobs, request).await?.jobs;
            let Some(job) = jobs.first() else { return Ok(()) };
            self.finished(&job.name).await?;
        }
    }

    /// The vendors that are in the directory now, inactive ones included, without the company's own record.
    ///
    /// # Errors
    /// When the simulator does not answer.
    pub async fn true_vendors(&self) -> Result<Vec<TrueVendor>> {
        let text = self.admin("GET", &format!("/companies/{}/directory?resource=vendors", self.company), Value::Null).await?;
        let rows = text.lines().map(|line| serde_json::from_str(line).context("a vendor of the simulator"));
        let rows: Vec<TrueVendor> = rows.collect::<Result<_>>()?;
        Ok(rows.into_iter().filter(|vendor| !vendor.gone && !vendor.company_vendor).collect())
    }

    /// Asks the simulator's admin API, past all links.
    ///
    /// # Errors
    /// When it does not answer or refuses.
    pub async fn admin(&self, method: &str, path: &str, body: Value) -> Result<String> {
        let request = self.http.request(method.parse()?, format!("{}/admin{path}", self.place.simulator)).json(&body);
        Ok(request.send().await?.error_for_status()?.text().await?)
    }
}

/// `CHANGES` of them from a place on, in a circle, each once.
fn cycled<T: Clone>(all: &[T], start: usize) -> impl Iterator<Item = T> {
    (0..CHANGES.min(all.len())).map(move |position| all[(start + position) % all.len()].clone())
}

fn is_missing(error: &anyhow::Error) -> bool {
    let status = error.downcast_ref::<reqwest::Error>().and_then(reqwest::Error::status);
    status == Some(reqwest::StatusCode::NOT_FOUND)
}

fn undecided(action: Action, plan_token: String) -> v1::ConfirmFilter {
    let states = vec![MappingState::Unmapped.into(), MappingState::Suggested.into()];
    let filter = MappingFilter { states, ..Default::default() };
    v1::ConfirmFilter { filter: Some(filter), action: action.into(), plan_token, ..Default::default() }
}
