//! The registry's lists: all parties and all projects, searched and filtered, with the marks of their integration. One file for both,
//! because they are looked at in the same way; a single party is `party.rs`'s, a single project `project.rs`'s.

use super::failure::Failure;
use super::jobs::Tab;
use super::live::Screen;
use super::shell::{Shell, Visitor, address, html};
use super::words::{Clock, Moment, number};
use super::{Console, providers};
use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use linkyard_core::directory::Address;
use linkyard_core::id::ProviderId;
use linkyard_core::mapping::Subject;
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::registry::{IntegrationMark, Party, Project};
use linkyard_store::RegistryFilter;
use std::collections::HashMap;

/// Rows on a page.
const PAGE: u32 = 50;

/// The tabs: word in the address, label.
const TABS: [(&str, &str); 4] =
    [("", "All"), ("linked", "Linked"), ("unlinked", "Not linked"), ("duplicates", "Suspected duplicates")];

/// The names of the organization's providers.
pub(crate) type Names = HashMap<ProviderId, String>;

/// The names of the organization's providers, to be looked up.
pub(crate) async fn provider_names(console: &Console, visitor: &Visitor) -> Result<Names, Failure> {
    Ok(providers::names(console, visitor).await?.into_iter().map(|named| (named.id, named.name)).collect())
}

/// That a record follows a directory, as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct MarkRow {
    pub(crate) provider: String,
    pub(crate) provider_id: String,
    /// The directory's id.
    pub(crate) record: String,
    pub(crate) linked: Moment,
    pub(crate) synced: Option<Moment>,
    /// The record is gone from the directory.
    pub(crate) gone: bool,
}

impl MarkRow {
    pub(crate) fn new(mark: &IntegrationMark, names: &Names, clock: Clock) -> Self {
        Self {
            provider: names.get(&mark.provider).cloned().unwrap_or_else(|| "a deleted provider".to_owned()),
            provider_id: mark.provider.to_string(),
            record: mark.record.to_string(),
            linked: clock.at(mark.linked_at_ms),
            synced: mark.last_synced_at_ms.map(|at| clock.at(at)),
            gone: mark.orphaned,
        }
    }
}

/// An address on one line; empty when nothing is known.
pub(crate) fn one_line(address: &Address) -> String {
    let parts = [&address.street, &address.city, &address.region, &address.postal_code, &address.country];
    let parts = parts.into_iter().flatten().map(|part| part.trim()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(", ")
}

/// A party or a project as a row.
struct Row {
    id: String,
    name: String,
    /// A project's number.
    number: String,
    place: String,
    marks: Vec<MarkRow>,
    others: String,
    changed: Moment,
}

impl Row {
    fn of_party(party: &Party, names: &Names, clock: Clock) -> Self {
        Self {
            id: party.id.to_string(),
            name: party.name.clone(),
            number: String::new(),
            place: one_line(&party.address),
            marks: party.marks.iter().map(|mark| MarkRow::new(mark, names, clock)).collect(),
            others: number(party.project_count),
            changed: clock.at(party.updated_at_ms),
        }
    }

    fn of_project(project: &Project, names: &Names, clock: Clock) -> Self {
        Self {
            id: project.id.to_string(),
            name: project.name.clone(),
            number: project.number.clone().unwrap_or_default(),
            place: one_line(&project.address),
            marks: project.marks.iter().map(|mark| MarkRow::new(mark, names, clock)).collect(),
            others: number(project.party_count),
            changed: clock.at(project.updated_at_ms),
        }
    }
}

#[derive(Template)]
#[template(path = "registry.html")]
struct ListPage {
    shell: Shell,
    heading: &'static str,
    path: &'static str,
    /// What a row is: `Party` or `Project`; and what is counted of it.
    what: &'static str,
    others: &'static str,
    tabs: Vec<Tab>,
    tab: String,
    search: String,
    provider: String,
    providers: Vec<providers::Named>,
    rows: Vec<Row>,
    filtered: bool,
    first: String,
    next: String,
}

type Query_ = Query<HashMap<String, String>>;

/// All parties.
pub(crate) async fn parties(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Query(query): Query_,
) -> Result<Response, Failure> {
    html(&list_page(&console, &visitor, Subject::Vendor, &query).await?)
}

/// Their stream.
pub(crate) async fn parties_live(screen: Screen, Query(query): Query_) -> Response {
    watch(screen, Subject::Vendor, query)
}

/// All projects.
pub(crate) async fn projects(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Query(query): Query_,
) -> Result<Response, Failure> {
    html(&list_page(&console, &visitor, Subject::Project, &query).await?)
}

/// Their stream.
pub(crate) async fn projects_live(screen: Screen, Query(query): Query_) -> Response {
    watch(screen, Subject::Project, query)
}

fn watch(screen: Screen, subject: Subject, query: HashMap<String, String>) -> Response {
    screen.watch(move |console, visitor| {
        let query = query.clone();
        async move { list_page(&console, &visitor, subject, &query).await }
    })
}

async fn list_page(
    console: &Console,
    visitor: &Visitor,
    subject: Subject,
    query: &HashMap<String, String>,
) -> Result<ListPage, Failure> {
    let word = |name: &str| query.get(name).map_or("", |value| value.trim());
    let (tab, _) = TABS.into_iter().find(|(tab, _)| *tab == word("show")).unwrap_or(TABS[0]);
    let (search, provider, after) = (word("q"), word("provider"), word("after"));
    let wanted = (!provider.is_empty()).then(|| provider.parse::<ProviderId>()).transpose();
    let filter = RegistryFilter {
        search: Some(search.to_owned()).filter(|search| !search.is_empty()),
        provider: wanted.map_err(|_| Failure::nowhere())?,
        linked: match tab {
            "linked" => Some(true),
            "unlinked" => Some(false),
            _ => None,
        },
        suspected: tab == "duplicates",
    };
    let page = PageRequest { size: PAGE, after: Some(after.to_owned()).filter(|after| !after.is_empty()) };
    let (path, heading, what, others) = match subject {
        Subject::Vendor => ("/parties", "All Parties", "Party", "Projects"),
        Subject::Project => ("/projects", "All Projects", "Project", "Parties"),
    };
    let here = |path: &str, show: &str, after: &str| {
        address(path, &[("show", show), ("q", search), ("provider", provider), ("after", after)])
    };
    let tabs = TABS.into_iter().map(|(word, label)| Tab { label, address: here(path, word, ""), chosen: word == tab });
    let named = providers::names(console, visitor).await?;
    let rows = rows(console, visitor, subject, &filter, &page).await?;
    Ok(ListPage {
        shell: Shell::new(visitor, heading).live(here(&format!("{path}/live"), tab, after)),
        heading,
        path,
        what,
        others,
        tabs: tabs.collect(),
        tab: tab.to_owned(),
        search: search.to_owned(),
        provider: provider.to_owned(),
        providers: named,
        filtered: filter != RegistryFilter::default() || page.after.is_some(),
        rows: rows.rows,
        first: if page.after.is_some() { here(path, tab, "") } else { String::new() },
        next: rows.next.map(|after| here(path, tab, &after)).unwrap_or_default(),
    })
}

async fn rows(
    console: &Console,
    visitor: &Visitor,
    subject: Subject,
    filter: &RegistryFilter,
    page: &PageRequest,
) -> Result<Page<Row>, Failure> {
    let (names, clock) = (provider_names(console, visitor).await?, visitor.clock());
    match subject {
        Subject::Vendor => {
            let found = console.service.party_list(visitor.scope(), filter, page).await?;
            Ok(Page { rows: found.rows.iter().map(|party| Row::of_party(party, &names, clock)).collect(), next: found.next })
        }
        Subject::Project => {
            let found = console.service.project_list(visitor.scope(), filter, page).await?;
            Ok(Page { rows: found.rows.iter().map(|found| Row::of_project(found, &names, clock)).collect(), next: found.next })
        }
    }
}
