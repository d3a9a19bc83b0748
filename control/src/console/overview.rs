//! The first page: what needs a person, what runs, what failed, where each provider stands, and four plots of how it goes.

use super::failure::Failure;
use super::jobs::{JobRow, mapping_of};
use super::live::Screen;
use super::plot::{self, Plot};
use super::providers::{ACTIVE, ProviderRow};
use super::registry::provider_names;
use super::shell::{Shell, Visitor, html};
use super::words::number;
use super::{Console, budget};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use linkyard_core::id::ProviderId;
use linkyard_core::job::JobState;
use linkyard_core::mapping::Subject;
use linkyard_core::page::PageRequest;
use linkyard_core::provider::Provider;
use linkyard_store::ledger::JobReason;
use std::collections::HashMap;

/// Jobs in each of the two lists.
const FEW: PageRequest = PageRequest { size: 6, after: None };

/// Providers on the page.
const PROVIDERS: PageRequest = PageRequest { size: 10, after: None };

/// How far the plot of the linking looks back, minutes: a day.
const LOOK_BACK_MINUTES: u32 = 1_440;

const MINUTE_MS: i64 = 60_000;

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    shell: Shell,
    tasks: Vec<Task>,
    providers: Vec<ProviderRow>,
    running: Vec<JobRow>,
    failed: Vec<JobRow>,
    plots: Vec<Plot>,
}

/// Something that waits for a person.
struct Task {
    text: String,
    address: String,
    action: &'static str,
}

/// The page.
pub(crate) async fn show(State(console): State<Console>, Extension(visitor): Extension<Visitor>) -> Result<Response, Failure> {
    html(&page(&console, &visitor).await?)
}

/// Its stream.
pub(crate) async fn live(screen: Screen) -> Response {
    screen.watch(move |console, visitor| async move { page(&console, &visitor).await })
}

async fn page(console: &Console, visitor: &Visitor) -> Result<OverviewPage, Failure> {
    let (service, scope) = (&console.service, visitor.scope());
    let found = service.provider_list(scope, &PROVIDERS).await?.rows;
    let names: HashMap<ProviderId, String> = found.iter().map(|provider| (provider.id, provider.display_name.clone())).collect();
    let mut providers = Vec::new();
    let mut tasks = Vec::new();
    for provider in &found {
        let row = ProviderRow::new(console, visitor, provider).await?;
        tasks.extend(tasks_of(&row));
        providers.push(row);
    }
    let running = service.job_list(scope, None, &ACTIVE, false, &FEW).await?.rows;
    let failed = service.job_list(scope, None, &[JobState::Failed, JobState::Partial], false, &FEW).await?.rows;
    let rows = |jobs: &[linkyard_core::job::Job]| jobs.iter().map(|job| JobRow::new(job, &names, visitor.clock())).collect();
    Ok(OverviewPage {
        shell: Shell::new(visitor, "Overview").live("/live"),
        tasks,
        providers,
        running: rows(&running),
        failed: rows(&failed),
        plots: plots(console, visitor, &found).await?,
    })
}

/// How long yet, why slow, what broke, is it fresh.
async fn plots(console: &Console, visitor: &Visitor, providers: &[Provider]) -> Result<Vec<Plot>, Failure> {
    let (service, scope, clock) = (&console.service, visitor.scope(), visitor.clock());
    let Some(busiest) = busiest(console, visitor, providers).await? else { return Ok(Vec::new()) };
    let names = provider_names(console, visitor).await?;
    let now_ms = service.now_ms().await?;
    let reasons = service.failure_reasons(scope).await?;
    Ok(vec![
        plot::progress::plot(&service.progress(scope, LOOK_BACK_MINUTES).await?, clock)?,
        busiest,
        plot::failures::plot(&reasons, &|reason| rows_of(providers, reason))?,
        // By the minute, so that an open page is not made anew every second.
        plot::freshness::plot(&service.freshness(scope).await?, &names, now_ms - now_ms % MINUTE_MS)?,
    ])
}

/// Where the rows of a reason are: those of the only provider, or the choice of one.
fn rows_of(providers: &[Provider], reason: &JobReason) -> String {
    match providers {
        [only] => mapping_of(only.id, reason.subject, Some(reason.state)),
        _ if reason.subject == Subject::Vendor => "/mapping/parties".to_owned(),
        _ => "/mapping/projects".to_owned(),
    }
}

/// The budget of the provider that called most.
async fn busiest(console: &Console, visitor: &Visitor, providers: &[Provider]) -> Result<Option<Plot>, Failure> {
    let mut most: Option<(u64, Plot)> = None;
    for provider in providers {
        let (budget, minutes) = budget::of(console, visitor, provider).await?;
        let calls: u64 = minutes.iter().map(|minute| minute.counts.made).sum();
        if most.as_ref().is_none_or(|(before, _)| calls > *before) {
            most = Some((calls, budget::drawn(console, provider, &budget, &minutes, visitor.clock()).await?));
        }
    }
    Ok(most.map(|(_, plot)| plot))
}

fn tasks_of(row: &ProviderRow) -> Vec<Task> {
    let mut tasks = Vec::new();
    if row.blocked {
        let text = format!("{}: {}", row.name, row.state.text);
        tasks.push(Task { text, address: format!("/providers/{}", row.id), action: "See what to do" });
    }
    for linked in &row.linked {
        let open = linked.undecided;
        if open > 0 {
            let text = format!("{} {} of {} wait for a decision", number(open), linked.what.to_lowercase(), row.name);
            tasks.push(Task { text, address: linked.address.clone(), action: "Decide" });
        }
    }
    tasks
}
