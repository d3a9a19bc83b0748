//! The demo's way from nothing to linked, step by step. Every step looks at what is there first, so any of them can be the first one
//! after a kill.

use super::api::{follow, request_id, settle};
use super::coverage;
use super::decide::Mappings;
use super::existing::{self, Registered, Truth};
use super::memory::{Memory, Phase};
use crate::admin::Side;
use crate::admin::output::say;
use crate::admin::session::{Session, call};
use anyhow::{Result, bail};
use linkyard_proto::v1;
use linkyard_proto::v1::confirm_filter::Action;
use linkyard_proto::v1::job_service_client::JobServiceClient;
use linkyard_proto::v1::party_service_client::PartyServiceClient;
use linkyard_proto::v1::project_service_client::ProjectServiceClient;
use linkyard_proto::v1::provider_service_client::ProviderServiceClient;
use std::time::Instant;

/// Everything that a step needs.
#[derive(Debug)]
pub(super) struct Walkthrough<'a> {
    /// The public API.
    pub(super) session: &'a Session,
    /// What was measured and chosen.
    pub(super) memory: &'a mut Memory,
    /// Where the simulator is.
    pub(super) simulator: &'a str,
    /// The company in it.
    pub(super) company: i64,
    /// Whether what is new is added by itself, from the first fetch on.
    pub(super) auto_add: bool,
}

impl Walkthrough<'_> {
    /// Does everything; answers the provider's name.
    ///
    /// # Errors
    /// When a call fails or a job does not end well.
    pub(super) async fn run(&mut self) -> Result<String> {
        let parties = self.registry(Side::Parties).await?;
        self.registry(Side::Projects).await?;
        let provider = self.connect().await?;
        if self.auto_add {
            self.add_automatically(&provider).await?;
        }
        self.fetch(&provider).await?;
        self.judge(&provider, &parties).await?;
        for side in [Side::Parties, Side::Projects] {
            self.decide_and_link(&provider, side).await?;
        }
        settle(self.session, &provider).await?;
        self.judge_existing(&provider, &parties).await?;
        self.judge_holding(&provider, &parties).await?;
        coverage::state_and_push(self.session, &provider, self.memory).await?;
        coverage::push_again(self.session, &provider, self.memory).await?;
        coverage::change_and_push(self.session, &provider, self.memory).await?;
        Ok(provider)
    }

    /// Switches automatic adding on, for vendors and projects.
    async fn add_automatically(&self, provider: &str) -> Result<()> {
        let switched =
            v1::Provider { name: provider.to_owned(), auto_add_parties: true, auto_add_projects: true, ..Default::default() };
        let request = v1::UpdateProviderRequest {
            provider: Some(switched),
            update_mask: Some(prost_types::FieldMask { paths: vec!["auto_add_parties".into(), "auto_add_projects".into()] }),
            request_id: request_id("automatic adding"),
            acknowledge_unmapped: false,
        };
        call!(self.session, ProviderServiceClient, update_provider, request).await.map(|_| ())
    }

    /// Counts how many vendors were kept back although nothing is the same firm: the price of never adding anything twice.
    async fn judge_holding(&mut self, provider: &str, parties: &Truth) -> Result<()> {
        let directory = existing::directory(self.simulator, self.company, "vendors").await?;
        let alone = existing::without_counterpart(&directory, parties);
        let mappings = Mappings { session: self.session, provider, side: Side::Parties };
        self.memory.holding = Some(mappings.judge_holding(&alone, parties).await?);
        self.memory.save()
    }

    /// Makes the registry that is there before the integration; answers which directory record each of it is.
    async fn registry(&mut self, side: Side) -> Result<Truth> {
        let phase = format!("existing {}", side.targets());
        let started = Instant::now();
        let directory = existing::directory(self.simulator, self.company, records_of(side)).await?;
        let registered = match side {
            Side::Parties => existing::firms(&directory),
            Side::Projects => existing::projects(&directory),
        };
        if !self.memory.finished(&phase) {
            say(&format!("making the registry that is there already: {} {} ..", registered.len(), side.targets()));
        }
        let mut truth = Truth::default();
        for (number, batch) in registered.chunks(1_000).enumerate() {
            let names = self.create(side, batch, request_id(&format!("{phase} {number}"))).await?;
            batch.iter().zip(names).for_each(|(registered, name)| truth.note(registered, name));
        }
        self.finish(&phase, registered.len() as u64, 0, started)?;
        Ok(truth)
    }

    async fn create(&self, side: Side, batch: &[Registered], request_id: String) -> Result<Vec<String>> {
        let on_lookalike = v1::OnLookalike::Create.into();
        let display_names = batch.iter().map(|registered| registered.name.clone());
        Ok(match side {
            Side::Parties => {
                let party = |registered: &Registered| v1::Party {
                    display_name: registered.name.clone(),
                    phone: registered.phone.clone(),
                    address: Some(v1::Address { city: registered.city.clone(), ..Default::default() }),
                    ..Default::default()
                };
                let parties = batch.iter().map(party).collect();
                // Among these are firms that only look like one another.
                let request = v1::BatchCreatePartiesRequest { parties, request_id, on_lookalike };
                let created = call!(self.session, PartyServiceClient, batch_create_parties, request).await?.parties;
                created.into_iter().map(|party| party.name).collect()
            }
            Side::Projects => {
                let projects = display_names.map(|display_name| v1::Project { display_name, ..Default::default() }).collect();
                let request = v1::BatchCreateProjectsRequest { projects, request_id, on_lookalike };
                let created = call!(self.session, ProjectServiceClient, batch_create_projects, request).await?.projects;
                created.into_iter().map(|project| project.name).collect()
            }
        })
    }

    /// Saves the provider, with the form's "N/A" for client id and secret, and waits for its connection test.
    async fn connect(&mut self) -> Result<String> {
        let started = Instant::now();
        say("setting the Procore provider up ..");
        let types = call!(self.session, PartyServiceClient, list_party_types, v1::ListPartyTypesRequest {}).await?.party_types;
        let request = v1::ListComplianceProfilesRequest {};
        let profiles = call!(self.session, PartyServiceClient, list_compliance_profiles, request).await?.compliance_profiles;
        let provider = v1::Provider {
            display_name: "Procore (simulated)".to_owned(),
            company_id: self.company.to_string(),
            client_id: "N/A".to_owned(),
            client_secret: "N/A".to_owned(),
            default_party_type: types.into_iter().next().unwrap_or_default().name,
            default_compliance_profile: profiles.into_iter().next().unwrap_or_default().name,
            ..Default::default()
        };
        let request =
            v1::CreateProviderRequest { provider: Some(provider), request_id: request_id("provider"), validate_only: false };
        let name = call!(self.session, ProviderServiceClient, create_provider, request).await?.name;
        settle(self.session, &name).await?;
        let request = v1::GetProviderRequest { name: name.clone() };
        let provider = call!(self.session, ProviderServiceClient, get_provider, request).await?;
        if provider.state() != v1::provider::State::Active {
            bail!("the provider is {}: {}", provider.state().as_str_name(), provider.state_message);
        }
        let calls = self.calls_of_test(&name).await?;
        self.finish("connection test", 1, calls, started)?;
        Ok(name)
    }

    async fn calls_of_test(&self, provider: &str) -> Result<u64> {
        let tests = self.jobs(provider, "test_connection").await?;
        let calls: i64 = tests.into_iter().filter_map(|job| job.progress).map(|progress| progress.calls).sum();
        Ok(u64::try_from(calls)?)
    }

    /// The provider's jobs of a kind, as far as there are few of all kinds.
    async fn jobs(&self, provider: &str, kind: &str) -> Result<Vec<v1::Job>> {
        let request = v1::ListJobsRequest { provider: provider.to_owned(), page_size: 1_000, ..Default::default() };
        let jobs = call!(self.session, JobServiceClient, list_jobs, request).await?.jobs;
        Ok(jobs.into_iter().filter(|job| job.kind == kind).collect())
    }

    /// Fetches the directory and lets the suggestions be computed.
    async fn fetch(&mut self, provider: &str) -> Result<()> {
        say("fetching the directory ..");
        let request =
            v1::FetchDirectoryRequest { name: provider.to_owned(), request_id: request_id("fetch"), changes_only: false };
        let job = call!(self.session, ProviderServiceClient, fetch_directory, request).await?;
        let job = follow(self.session, &job.name).await?;
        let mut fetched = 0;
        for subject in ["vendor", "project"] {
            let figure = |name: &str| figure(job.result.as_ref(), subject, name);
            let (rows, calls, seconds) = (figure("rows") as u64, figure("calls") as u64, figure("seconds"));
            fetched += rows;
            self.memory.finish(Phase { name: format!("fetch {subject}s"), rows, calls, seconds: rounded(seconds) })?;
        }
        settle(self.session, provider).await?;
        for kind in ["suggest", "find_duplicates"] {
            let seconds = self.jobs(provider, kind).await?.iter().map(seconds_of).sum();
            let name = kind.replace('_', " ");
            self.memory.finish(Phase { name, rows: fetched, calls: 0, seconds: rounded(seconds) })?;
        }
        Ok(())
    }

    /// Judges the suggestions of vendors, before they are taken.
    async fn judge(&mut self, provider: &str, truth: &Truth) -> Result<()> {
        if self.memory.suggestions.is_some() {
            return Ok(());
        }
        let judged = Mappings { session: self.session, provider, side: Side::Parties }.judge_suggestions(truth).await?;
        say(&format!("suggestions: {} right, {} wrong, {} missed", judged.right, judged.wrong, judged.missed));
        self.memory.suggestions = Some(judged);
        self.memory.save()
    }

    /// Looks at what became of the firms that were in the registry already.
    async fn judge_existing(&mut self, provider: &str, truth: &Truth) -> Result<()> {
        let judged = Mappings { session: self.session, provider, side: Side::Parties }.judge_existing(truth).await?;
        self.memory.existing = Some(judged);
        self.memory.save()
    }

    /// Takes the suggestions, leaves some out, creates the rest; each confirm is planned, confirmed and followed.
    async fn decide_and_link(&mut self, provider: &str, side: Side) -> Result<()> {
        let records = records_of(side);
        say(&format!("confirming and linking {records} .."));
        let mappings = Mappings { session: self.session, provider, side };
        for (action, what) in [(Action::AcceptSuggestions, "match"), (Action::Create, "create")] {
            if action == Action::Create {
                if self.auto_add {
                    break;
                }
                mappings.leave_some_out(self.memory).await?;
            }
            let started = Instant::now();
            let Some(job) = mappings.confirm(action, self.memory).await? else { continue };
            let linking = seconds_of(&job);
            let rows = u64::try_from(job.progress.unwrap_or_default().total)?;
            let confirming = (started.elapsed().as_secs_f64() - linking).max(0.0);
            self.memory.finish(Phase {
                name: format!("confirm {records}: {what}"),
                rows,
                calls: 0,
                seconds: rounded(confirming),
            })?;
            self.memory.finish(Phase { name: format!("link {records}: {what}"), rows, calls: 0, seconds: rounded(linking) })?;
        }
        Ok(())
    }

    fn finish(&mut self, name: &str, rows: u64, calls: u64, started: Instant) -> Result<()> {
        self.memory.finish(Phase { name: name.to_owned(), rows, calls, seconds: rounded(started.elapsed().as_secs_f64()) })
    }
}

/// How the directory calls its records of a side.
fn records_of(side: Side) -> &'static str {
    match side {
        Side::Parties => "vendors",
        Side::Projects => "projects",
    }
}

/// From a job's first start to its end, waiting included.
pub(super) fn seconds_of(job: &v1::Job) -> f64 {
    let at = |time: Option<prost_types::Timestamp>| time.map_or(0.0, |time| time.seconds as f64 + f64::from(time.nanos) / 1e9);
    (at(job.end_time) - at(job.start_time)).max(0.0)
}

/// One number of a fetch job's result; 0 where it is not there.
fn figure(result: Option<&prost_types::Struct>, subject: &str, name: &str) -> f64 {
    let of_subject = result.and_then(|result| result.fields.get(subject)).and_then(|value| value.kind.as_ref());
    let Some(prost_types::value::Kind::StructValue(figures)) = of_subject else { return 0.0 };
    match figures.fields.get(name).and_then(|value| value.kind.as_ref()) {
        Some(prost_types::value::Kind::NumberValue(number)) => *number,
        Some(_) | None => 0.0,
    }
}

pub(super) fn rounded(seconds: f64) -> f64 {
    (seconds * 1_000.0).round() / 1_000.0
}
