//! One project of the registry: what is known of it, which directories it follows, who is on it, what looks like it, and what was done to
//! it.

use super::Console;
use super::asked::Id;
use super::audit::{self, Entry};
use super::duplicates::{GroupCard, cards};
use super::failure::Failure;
use super::jobs::Fact;
use super::live::Screen;
use super::party::{Way, known};
use super::registry::{MarkRow, one_line, provider_names};
use super::shell::{Shell, Visitor, address, html};
use super::words::number;
use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use linkyard_core::id::{ProjectId, TargetId};
use linkyard_core::mapping::Subject;
use linkyard_core::page::PageRequest;
use linkyard_core::registry::Project;
use std::collections::HashMap;

/// Parties on a page.
const PAGE: u32 = 100;

#[derive(Template)]
#[template(path = "project.html")]
struct ProjectPage {
    shell: Shell,
    name: String,
    facts: Vec<Fact>,
    marks: Vec<MarkRow>,
    parties: Vec<Way>,
    party_count: String,
    first: String,
    next: String,
    duplicates: Vec<GroupCard>,
    history: Vec<Entry>,
}

type Query_ = Query<HashMap<String, String>>;

/// The page.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id<ProjectId>,
    Query(query): Query_,
) -> Result<Response, Failure> {
    html(&page(&console, &visitor, id, query.get("after").cloned()).await?)
}

/// Its stream.
pub(crate) async fn show_live(screen: Screen, Id(id): Id<ProjectId>, Query(query): Query_) -> Response {
    let after = query.get("after").cloned();
    screen.watch(move |console, visitor| {
        let after = after.clone();
        async move { page(&console, &visitor, id, after).await }
    })
}

async fn page(console: &Console, visitor: &Visitor, id: ProjectId, after: Option<String>) -> Result<ProjectPage, Failure> {
    let (service, scope, clock) = (&console.service, visitor.scope(), visitor.clock());
    let project = service.project_get(scope, id).await?;
    let names = provider_names(console, visitor).await?;
    let wanted = PageRequest { size: PAGE, after: after.filter(|after| !after.is_empty()) };
    let parties = service.project_parties(scope, id, &wanted).await?;
    let groups = service.duplicates_of(scope, Subject::Project, TargetId(id.0)).await?;
    let known = known(project.created_at_ms, &project.marks, &names, clock);
    let here = |path: &str, after: &str| address(&format!("/projects/{id}{path}"), &[("after", after)]);
    Ok(ProjectPage {
        shell: Shell::new(visitor, &project.name).live(here("/live", wanted.after.as_deref().unwrap_or_default())),
        name: project.name.clone(),
        facts: facts(visitor, &project),
        marks: project.marks.iter().map(|mark| MarkRow::new(mark, &names, clock)).collect(),
        first: if wanted.after.is_some() { here("", "") } else { String::new() },
        next: parties.next.map(|after| here("", &after)).unwrap_or_default(),
        parties: parties
            .rows
            .into_iter()
            .map(|party| Way { address: format!("/parties/{}", party.id), name: party.name })
            .collect(),
        party_count: number(project.party_count),
        duplicates: cards(&groups, &names),
        history: audit::history(console, visitor, ("project", id.to_string()), known).await?,
    })
}

fn facts(visitor: &Visitor, project: &Project) -> Vec<Fact> {
    let told = |text: Option<String>| text.filter(|text| !text.is_empty()).unwrap_or_else(|| "not known".to_owned());
    vec![
        Fact::new("Number", told(project.number.clone())),
        Fact::new("Address", told(Some(one_line(&project.address)))),
        Fact::at("Created", visitor.clock().at(project.created_at_ms)),
        Fact::at("Changed", visitor.clock().at(project.updated_at_ms)),
        Fact::new("Version", number(project.revision)),
    ]
}
