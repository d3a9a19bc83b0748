//! Integration providers: the list with where each stands, and one provider. What is done with it is in `act.rs`.

pub(crate) mod act;

use super::asked::Id;
use super::failure::Failure;
use super::jobs::{Fact, JobRow};
use super::live::Screen;
use super::plot::{self, Plot};
use super::shell::{Alert, Shell, Visitor, address, html};
use super::words::{Badge, Clock, Moment, contacts_mode, number, provider_state};
use super::{Console, mapping};
use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use linkyard_core::id::ProviderId;
use linkyard_core::job::JobState;
use linkyard_core::mapping::Subject;
use linkyard_core::page::PageRequest;
use linkyard_core::provider::{Provider, ProviderState};
use linkyard_core::report::Buckets;
use std::collections::HashMap;

/// Providers on a page.
const PAGE: u32 = 25;

/// A choice of providers has so many at most.
const MOST_NAMES: u32 = 1_000;

/// Jobs on the page of a provider.
const RECENT: u32 = 8;

/// A provider to choose.
#[derive(Clone, Debug)]
pub(crate) struct Named {
    pub(crate) id: ProviderId,
    pub(crate) name: String,
}

/// The organization's providers by name.
pub(crate) async fn names(console: &Console, visitor: &Visitor) -> Result<Vec<Named>, Failure> {
    let page = PageRequest { size: MOST_NAMES, after: None };
    let providers = console.service.provider_list(visitor.scope(), &page).await?.rows;
    Ok(providers.into_iter().map(|provider| Named { id: provider.id, name: provider.display_name }).collect())
}

/// How much of a directory's list is linked.
#[derive(Clone, Debug)]
pub(crate) struct Linked {
    pub(crate) what: &'static str,
    pub(crate) linked: u64,
    pub(crate) total: u64,
    pub(crate) text: String,
    /// How many are left for a person.
    pub(crate) undecided: u64,
    /// The same in words; empty when none are.
    pub(crate) open: String,
    /// Where they are decided.
    pub(crate) address: String,
}

impl Linked {
    /// Of the vendors and of the projects of a provider.
    pub(crate) async fn both(console: &Console, visitor: &Visitor, provider: ProviderId) -> Result<[Self; 2], Failure> {
        let (service, scope) = (&console.service, visitor.scope());
        let (vendors, projects) = service.directory_report(scope, provider).await?;
        let vendors_open = mapping::undecided(&service.mapping_counts(scope, provider, Subject::Vendor).await?);
        let projects_open = mapping::undecided(&service.mapping_counts(scope, provider, Subject::Project).await?);
        Ok([
            Self::new("Vendors", &vendors, vendors_open, mapping::to_decide(provider, Subject::Vendor)),
            Self::new("Projects", &projects, projects_open, mapping::to_decide(provider, Subject::Project)),
        ])
    }

    fn new(what: &'static str, buckets: &Buckets, undecided: u64, address: String) -> Self {
        let linked = buckets.matched + buckets.created;
        Self {
            what,
            linked,
            total: buckets.fetched,
            text: format!("{} of {}", number(linked), number(buckets.fetched)),
            undecided,
            open: if undecided == 0 { String::new() } else { format!("{} to decide", number(undecided)) },
            address,
        }
    }
}

/// A provider as a row of the list.
#[derive(Clone, Debug)]
pub(crate) struct ProviderRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) company: String,
    pub(crate) state: Badge,
    pub(crate) message: String,
    pub(crate) fetched: Option<Moment>,
    pub(crate) linked: Vec<Linked>,
    pub(crate) blocked: bool,
}

impl ProviderRow {
    pub(crate) async fn new(console: &Console, visitor: &Visitor, provider: &Provider) -> Result<Self, Failure> {
        Ok(Self {
            id: provider.id.to_string(),
            name: provider.display_name.clone(),
            company: company(provider),
            state: provider_state(provider),
            message: provider.state_message.clone(),
            fetched: provider.last_fetch_at_ms.map(|at| visitor.clock().at(at)),
            linked: Linked::both(console, visitor, provider.id).await?.into(),
            blocked: provider.state == ProviderState::NeedsAttention,
        })
    }
}

/// The company's name in Procore where a test has seen it, and its number.
fn company(provider: &Provider) -> String {
    let name = provider.visible.as_ref().map(|visible| visible.company_name.trim()).filter(|name| !name.is_empty());
    match name {
        Some(name) => format!("{name} ({})", provider.company_id),
        None => format!("Company {}", provider.company_id),
    }
}

/// The same with what is going on there.
struct ListRow {
    provider: ProviderRow,
    /// How many jobs are under way, in words; empty without any.
    jobs: String,
    /// How the linking went in the last day.
    day: Plot,
}

#[derive(Template)]
#[template(path = "providers.html")]
struct ListPage {
    shell: Shell,
    rows: Vec<ListRow>,
    first: String,
    next: String,
}

type Query_ = Query<HashMap<String, String>>;

/// The list.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Query(query): Query_,
) -> Result<Response, Failure> {
    html(&list_page(&console, &visitor, query.get("after").cloned()).await?)
}

/// Its stream.
pub(crate) async fn list_live(screen: Screen, Query(query): Query_) -> Response {
    let after = query.get("after").cloned();
    screen.watch(move |console, visitor| {
        let after = after.clone();
        async move { list_page(&console, &visitor, after).await }
    })
}

async fn list_page(console: &Console, visitor: &Visitor, after: Option<String>) -> Result<ListPage, Failure> {
    let page = PageRequest { size: PAGE, after: after.clone().filter(|after| !after.is_empty()) };
    let providers = console.service.provider_list(visitor.scope(), &page).await?;
    let live = console.service.jobs_live_by_provider(visitor.scope()).await?;
    let hours = console.service.linked_by_hour(visitor.scope()).await?;
    let mut rows = Vec::new();
    for provider in &providers.rows {
        let own: Vec<_> = hours.iter().filter(|hour| hour.provider == provider.id).copied().collect();
        let jobs = match live.get(&provider.id).copied().unwrap_or_default() {
            0 => String::new(),
            1 => "1 job under way".to_owned(),
            several => format!("{} jobs under way", number(several)),
        };
        let day = plot::day::plot(provider.id, &own)?;
        rows.push(ListRow { provider: ProviderRow::new(console, visitor, provider).await?, jobs, day });
    }
    let here = |after: &str| address("/providers", &[("after", after)]);
    let live = address("/providers/live", &[("after", after.as_deref().unwrap_or_default())]);
    Ok(ListPage {
        shell: Shell::new(visitor, "Integration Providers").live(live),
        rows,
        first: if page.after.is_some() { here("") } else { String::new() },
        next: providers.next.map(|after| here(&after)).unwrap_or_default(),
    })
}

#[derive(Template)]
#[template(path = "provider.html")]
struct DetailPage {
    shell: Shell,
    row: ProviderRow,
    sees: Vec<Fact>,
    hints: Vec<String>,
    settings: Vec<Fact>,
    buckets: Vec<BucketRow>,
    jobs: Vec<JobRow>,
    may: May,
}

/// What can be done with a provider now.
struct May {
    test: bool,
    fetch: bool,
    pause: bool,
    resume: bool,
    approve: bool,
    edit: bool,
}

impl May {
    fn new(provider: &Provider, visitor: &Visitor) -> Self {
        let write = visitor.may_write();
        let state = provider.state;
        let over = matches!(state, ProviderState::Deleting | ProviderState::Deleted);
        let waits = state == ProviderState::PendingApproval;
        Self {
            test: write && !over && !waits,
            fetch: write && !over && !waits,
            pause: write && matches!(state, ProviderState::Active | ProviderState::NeedsAttention | ProviderState::Testing),
            resume: write && state == ProviderState::Paused,
            approve: visitor.is_operator() && waits,
            edit: write && !over,
        }
    }
}

/// A bucket of the report.
struct BucketRow {
    name: &'static str,
    help: &'static str,
    vendors: String,
    projects: String,
}

/// One provider.
pub(crate) async fn detail(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id<ProviderId>,
) -> Result<Response, Failure> {
    html(&detail_page(&console, &visitor, id, None).await?)
}

/// Its stream.
pub(crate) async fn detail_live(screen: Screen, Id(id): Id<ProviderId>) -> Response {
    screen.watch(move |console, visitor| async move { detail_page(&console, &visitor, id, None).await })
}

async fn detail_page(console: &Console, visitor: &Visitor, id: ProviderId, alert: Option<Alert>) -> Result<DetailPage, Failure> {
    let service = &console.service;
    let provider = service.provider_get(visitor.scope(), id).await?;
    let (vendors, projects) = service.directory_report(visitor.scope(), id).await?;
    let recent = PageRequest { size: RECENT, after: None };
    let jobs = service.job_list(visitor.scope(), Some(id), &[], false, &recent).await?.rows;
    let clock = visitor.clock();
    let names = HashMap::new();
    let visible = provider.visible.clone().unwrap_or_default();
    let sees = match &provider.visible {
        Some(seen) => sees(seen),
        None => Vec::new(),
    };
    Ok(DetailPage {
        shell: Shell::new(visitor, &provider.display_name).live(format!("/providers/{id}/live")).saying(alert),
        row: ProviderRow::new(console, visitor, &provider).await?,
        sees,
        hints: visible.hints,
        settings: settings(console, visitor, &provider, clock).await?,
        buckets: buckets(&vendors, &projects),
        jobs: jobs.iter().map(|job| JobRow::new(job, &names, clock)).collect(),
        may: May::new(&provider, visitor),
    })
}

fn sees(seen: &linkyard_core::provider::Visible) -> Vec<Fact> {
    let count = |count: Option<u64>| count.map_or_else(|| "not readable".to_owned(), number);
    vec![
        Fact::new("Company", seen.company_name.clone()),
        Fact::new("Vendors it can read", count(seen.vendors)),
        Fact::new("Projects it may see", count(seen.projects)),
    ]
}

async fn settings(console: &Console, visitor: &Visitor, provider: &Provider, clock: Clock) -> Result<Vec<Fact>, Failure> {
    let types = console.service.party_types(visitor.scope()).await?;
    let profiles = console.service.compliance_profiles(visitor.scope()).await?;
    let party_type = types.into_iter().find(|found| found.id == provider.default_party_type).map(|found| found.name);
    let profile = profiles.into_iter().find(|found| found.id == provider.default_compliance_profile).map(|found| found.name);
    let on = |on: bool| if on { "On" } else { "Off" };
    let client = provider.client_id.clone().unwrap_or_else(|| "N/A (the platform app's own)".to_owned());
    Ok(vec![
        Fact::new("Company ID", provider.company_id.to_string()),
        Fact::new("Environment", provider.environment.0.clone()),
        Fact::new("Client ID", client),
        Fact::new("Default Party Type", party_type.unwrap_or_default()),
        Fact::new("Default Compliance Profile", profile.unwrap_or_default()),
        Fact::new("Contacts Synchronization Mode", contacts_mode(provider.contacts_mode).0),
        Fact::new("Automatically add new Procore parties", on(provider.auto_add_parties_since_ms.is_some())),
        Fact::new("Automatically add new Procore projects", on(provider.auto_add_projects_since_ms.is_some())),
        Fact::new("Compliance is pushed to Procore", on(provider.pushes)),
        Fact::new("Hourly and nightly work", on(provider.schedules)),
        Fact::at("Created", clock.at(provider.created_at_ms)),
    ])
}

fn buckets(vendors: &Buckets, projects: &Buckets) -> Vec<BucketRow> {
    let row = |name, help, of: fn(&Buckets) -> u64| BucketRow {
        name,
        help,
        vendors: number(of(vendors)),
        projects: number(of(projects)),
    };
    vec![
        row("Matched", "linked to a record that was there", |buckets| buckets.matched),
        row("Created", "linked to a record made from it", |buckets| buckets.created),
        row("Not added", "decided: Do Not Add", |buckets| buckets.ignored),
        row("Held", "kept back, something like it is there", |buckets| buckets.held),
        row("Unmapped", "nothing decided, or not linked yet", |buckets| buckets.unmapped),
        row("Failed", "linking failed, with a reason", |buckets| buckets.failed),
        row("Gone", "no longer in Procore", |buckets| buckets.gone),
        row("All", "everything that was fetched", |buckets| buckets.fetched),
        row("Left out", "your own company, templates, demo projects", |buckets| buckets.excluded),
    ]
}

/// Jobs that a person would ask about.
pub(crate) const ACTIVE: [JobState; 6] = [
    JobState::Queued,
    JobState::Running,
    JobState::WaitingForBudget,
    JobState::WaitingForChildren,
    JobState::Retrying,
    JobState::Paused,
];
