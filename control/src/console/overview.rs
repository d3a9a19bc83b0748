//! The first page: what needs a person, what runs, what failed, and where each provider stands.

use super::Console;
use super::failure::Failure;
use super::jobs::JobRow;
use super::live;
use super::providers::{ACTIVE, ProviderRow};
use super::shell::{Shell, Visitor, html};
use super::words::number;
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use linkyard_core::id::ProviderId;
use linkyard_core::job::JobState;
use linkyard_core::page::PageRequest;
use std::collections::HashMap;

/// Jobs in each of the two lists.
const FEW: PageRequest = PageRequest { size: 6, after: None };

/// Providers on the page.
const PROVIDERS: PageRequest = PageRequest { size: 10, after: None };

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    shell: Shell,
    tasks: Vec<Task>,
    providers: Vec<ProviderRow>,
    running: Vec<JobRow>,
    failed: Vec<JobRow>,
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
pub(crate) async fn live(State(console): State<Console>, Extension(visitor): Extension<Visitor>, headers: HeaderMap) -> Response {
    let shared = console.clone();
    live::stream(&console, &visitor, &headers, move |visitor| {
        let console = shared.clone();
        async move { Ok(page(&console, &visitor).await?.render()?) }
    })
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
    })
}

fn tasks_of(row: &ProviderRow) -> Vec<Task> {
    let address = format!("/providers/{}", row.id);
    let mut tasks = Vec::new();
    if row.blocked {
        let text = format!("{}: {}", row.name, row.state.text);
        tasks.push(Task { text, address: address.clone(), action: "See what to do" });
    }
    for linked in &row.linked {
        let open = linked.undecided;
        if open > 0 {
            let text = format!("{} {} of {} wait for a decision", number(open), linked.what.to_lowercase(), row.name);
            tasks.push(Task { text, address: address.clone(), action: "Open" });
        }
    }
    tasks
}
