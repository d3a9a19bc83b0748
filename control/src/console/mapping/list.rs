//! The list of a mapping: how far it is, its rows with one control each, and the bar above them.

use super::super::Console;
use super::super::failure::Failure;
use super::super::form::Choice;
use super::super::live::Screen;
use super::super::providers::{self, Linked};
use super::super::shell::{Alert, Shell, Visitor, html, html_with};
use super::super::words::{Moment, number};
use super::row::{Beside, Row, shown_name};
use super::view::{SHOWN, SORTED, TABS, Tab, Ticked, View, shown_label, with};
use super::work::{self, Work};
use super::{Place, Words};
use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use linkyard_core::Error;
use linkyard_core::id::{PartyId, ProjectId, RecordId, TargetId};
use linkyard_core::mapping::{Mapping, MappingState, MappingView, Subject};
use linkyard_core::page::PageRequest;
use linkyard_core::provider::{Provider, ProviderState};
use std::collections::HashMap;

/// Rows on a page.
const PAGE: u32 = 50;

/// Rows that match a search are counted up to here, unless all of them are meant.
const COUNTED: u64 = 1_000;

type Query_ = Query<HashMap<String, String>>;

#[derive(Template)]
#[template(path = "mapping_choose.html")]
struct ChoosePage {
    shell: Shell,
    words: &'static Words,
    rows: Vec<Provided>,
}

/// A provider whose mapping may be opened.
struct Provided {
    address: String,
    name: String,
    linked: Linked,
}

/// The way to a mapping from the menu: to the only provider's, or to a choice of providers.
pub(crate) async fn choose(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Path(list): Path<String>,
) -> Result<Response, Failure> {
    let words = Words::named(&list).ok_or_else(Failure::nowhere)?;
    let named = providers::names(&console, &visitor).await?;
    let address = |id| Place { subject: words.subject, provider: id }.path();
    if let [only] = named.as_slice() {
        return Ok(Redirect::to(&address(only.id)).into_response());
    }
    let mut rows = Vec::new();
    for named in named {
        let [vendors, projects] = Linked::both(&console, &visitor, named.id).await?;
        let linked = if words.subject == Subject::Vendor { vendors } else { projects };
        rows.push(Provided { address: address(named.id), name: named.name, linked });
    }
    html(&ChoosePage { shell: Shell::new(&visitor, words.title), words, rows })
}

#[derive(Template)]
#[template(path = "mapping_list.html")]
struct ListPage {
    shell: Shell,
    words: &'static Words,
    path: String,
    provider: String,
    provider_name: String,
    /// Why nothing is linked at present; empty where it is.
    stopped: String,
    adds: bool,
    works: Vec<Work>,
    fetched: Option<Moment>,
    tabs: Vec<TabView>,
    search: String,
    tab: &'static str,
    shows: Vec<Choice>,
    sorts: Vec<Choice>,
    /// The rows that are meant, in words; empty for all.
    told: String,
    rows: Vec<Row>,
    /// Rows of the whole mapping.
    total: u64,
    /// There are rows, and none of them is linked yet.
    begins: bool,
    matching: String,
    drafts: String,
    all: bool,
    page_ticked: bool,
    ways: Ways,
    back: String,
}

/// The ways from the list to other looks at it.
struct Ways {
    /// The same rows as a file.
    export: String,
    /// The plans for all rows that match.
    accept: String,
    create: String,
    ignore: String,
    /// This page with other ticks.
    tick_page: String,
    tick_all: String,
    tick_none: String,
    first: String,
    next: String,
}

impl Ways {
    fn new(view: &View, place: &Place, next: Option<String>) -> Self {
        let path = place.path();
        let ticking = |ticked| view.ticking(ticked).address(&path);
        let plan = |action: &str| {
            let mut words = view.selecting();
            words.push(("action", action.to_owned()));
            with(&place.page("plan"), &words)
        };
        Self {
            export: with(&place.page("export"), &view.selecting()),
            accept: plan("accept"),
            create: plan("create"),
            ignore: plan("ignore"),
            tick_page: ticking(Ticked::Page),
            tick_all: ticking(Ticked::All),
            tick_none: ticking(Ticked::Nothing),
            first: if view.after.is_empty() { String::new() } else { view.first().address(&path) },
            next: next.map(|after| view.after(after).address(&path)).unwrap_or_default(),
        }
    }
}

struct TabView {
    label: &'static str,
    count: String,
    address: String,
    chosen: bool,
}

/// The list.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    place: Place,
    Query(query): Query_,
) -> Result<Response, Failure> {
    html(&page(&console, &visitor, &place, &View::read(&query), None).await?)
}

/// Its stream.
pub(crate) async fn live(place: Place, screen: Screen, Query(query): Query_) -> Response {
    let view = View::read(&query);
    screen.watch(move |console, visitor| {
        let view = view.clone();
        async move { page(&console, &visitor, &place, &view, None).await }
    })
}

/// The list as it is now, with what refused a change above it.
pub(super) async fn refused(
    console: &Console,
    visitor: &Visitor,
    place: &Place,
    view: &View,
    error: Error,
) -> Result<Response, Failure> {
    let failure = Failure::from(error);
    said(console, visitor, place, view, failure.status, failure.message).await
}

/// The list with something said above it that could not be done.
pub(super) async fn said(
    console: &Console,
    visitor: &Visitor,
    place: &Place,
    view: &View,
    status: StatusCode,
    message: String,
) -> Result<Response, Failure> {
    html_with(status, &page(console, visitor, place, view, Some(Alert::bad(message))).await?)
}

async fn page(
    console: &Console,
    visitor: &Visitor,
    place: &Place,
    view: &View,
    alert: Option<Alert>,
) -> Result<ListPage, Failure> {
    let (service, scope, words) = (&console.service, visitor.scope(), place.words());
    let provider = service.provider_get(scope, place.provider).await?;
    let counts = service.mapping_counts(scope, place.provider, place.subject).await?;
    let after = Some(view.after.clone()).filter(|after| !after.is_empty());
    let asked = PageRequest { size: PAGE, after };
    let shown = MappingView { full: true, order: view.order() };
    let listed = service.mapping_list(scope, place.provider, place.subject, &view.filter(), shown, &asked).await?;
    let matching = match (&listed.next, view.after.is_empty()) {
        (None, true) => number(listed.rows.len()),
        _ => matching(console, visitor, place, view, &counts).await?,
    };
    let drafts = service.mapping_drafts_count(scope, place.provider, place.subject).await?;
    let beside = beside(console, visitor, place, &listed.rows).await?;
    let clock = visitor.clock();
    let path = place.path();
    Ok(ListPage {
        shell: Shell::new(visitor, words.title).live(view.live(place)).saying(alert),
        provider: place.provider.to_string(),
        provider_name: provider.display_name.clone(),
        stopped: stopped(&provider),
        adds: provider.auto_add_since_ms(place.subject).is_some(),
        works: work::all(console, visitor, place, view).await?,
        fetched: provider.last_fetch_at_ms.map(|at| clock.at(at)),
        tabs: tabs(view, &counts, &path),
        search: view.search.clone(),
        tab: view.tab().word,
        shows: shows(view, place.subject),
        sorts: sorts(view),
        told: view.told(place.subject),
        rows: listed.rows.iter().map(|row| Row::new(row, &beside, view.ticks(row.record), clock)).collect(),
        total: counts.iter().map(|(_, count)| count).sum(),
        begins: !counts.is_empty() && !counts.iter().any(|(state, _)| *state == MappingState::Linked),
        matching,
        drafts: number(drafts),
        all: view.ticked == Ticked::All,
        page_ticked: view.ticked == Ticked::Page,
        ways: Ways::new(view, place, listed.next),
        back: view.query(),
        words,
        path,
    })
}

/// Why nothing is linked at present.
fn stopped(provider: &Provider) -> String {
    let why = match provider.state {
        ProviderState::Testing => "The connection to Procore is being tested.",
        ProviderState::PendingApproval => "An operator has to approve this provider before anything can be confirmed.",
        ProviderState::Paused => "This provider is paused: what you confirm is linked when it is resumed.",
        ProviderState::NeedsAttention => "The connection to Procore does not work: open the provider to see what to do.",
        ProviderState::Deleting | ProviderState::Deleted => "This provider is being deleted.",
        ProviderState::Active => "",
    };
    why.to_owned()
}

/// How many rows match the view on all pages.
async fn matching(
    console: &Console,
    visitor: &Visitor,
    place: &Place,
    view: &View,
    counts: &[(MappingState, u64)],
) -> Result<String, Failure> {
    if view.is_tab_alone() {
        return Ok(number(in_tab(view.tab(), counts)));
    }
    let most = (view.ticked != Ticked::All).then_some(COUNTED);
    let found = console.service.mapping_selected(visitor.scope(), place.provider, place.subject, &view.filter(), most).await?;
    Ok(if most == Some(found) { format!("{} or more", number(found)) } else { number(found) })
}

fn in_tab(tab: &Tab, counts: &[(MappingState, u64)]) -> u64 {
    counts.iter().filter(|(state, _)| tab.states.is_empty() || tab.states.contains(state)).map(|(_, count)| count).sum()
}

/// All tabs that have rows, and those that everybody looks for.
fn tabs(view: &View, counts: &[(MappingState, u64)], path: &str) -> Vec<TabView> {
    let always = ["", "decide", "linked"];
    let shown = TABS.iter().map(|tab| (tab, in_tab(tab, counts)));
    let shown = shown.filter(|(tab, count)| *count > 0 || always.contains(&tab.word) || tab.word == view.tab().word);
    let tab = |(tab, count): (&Tab, u64)| TabView {
        label: tab.label,
        count: number(count),
        address: view.in_tab(tab).address(path),
        chosen: tab.word == view.tab().word,
    };
    shown.map(tab).collect()
}

fn shows(view: &View, subject: Subject) -> Vec<Choice> {
    let choice = |word: &'static str| Choice {
        value: word.to_owned(),
        label: shown_label(word, subject).unwrap_or(SHOWN[0].1).to_owned(),
        help: "",
        chosen: view.shown == word,
    };
    SHOWN.into_iter().map(|(word, ..)| choice(word)).collect()
}

fn sorts(view: &View) -> Vec<Choice> {
    let choice = |(word, label, _): (&'static str, &str, _)| Choice {
        value: word.to_owned(),
        label: label.to_owned(),
        help: "",
        chosen: view.sort == word,
    };
    SORTED.into_iter().map(choice).collect()
}

/// What the rows need that their mappings do not say.
pub(super) async fn beside(console: &Console, visitor: &Visitor, place: &Place, mappings: &[Mapping]) -> Result<Beside, Failure> {
    let (service, scope) = (&console.service, visitor.scope());
    let records: Vec<RecordId> = mappings.iter().map(|mapping| mapping.record).collect();
    let brought = match place.subject {
        Subject::Vendor => HashMap::new(),
        Subject::Project => service.mapping_brought(scope, place.provider, &records).await?,
    };
    let mut names = HashMap::new();
    for mapping in mappings {
        let chosen = mapping.draft.or(mapping.decision).and_then(|choice| choice.target);
        let is_known = |target| mapping.suggestions.iter().any(|candidate| candidate.target == target);
        let Some(target) = chosen.filter(|target| !is_known(*target)) else { continue };
        if let Some(name) = target_name(console, visitor, place.subject, target).await? {
            names.insert(target.to_string(), shown_name(&name));
        }
    }
    let changed_at = service.mapping_changed_at(scope, place.provider, place.subject, &records).await?;
    Ok(Beside { changed_at, brought, names })
}

/// The name of a party or project; none when it is gone.
pub(super) async fn target_name(
    console: &Console,
    visitor: &Visitor,
    subject: Subject,
    target: TargetId,
) -> Result<Option<String>, Failure> {
    let (service, scope) = (&console.service, visitor.scope());
    let name = match subject {
        Subject::Vendor => service.party_get(scope, PartyId(target.0)).await.map(|party| party.name),
        Subject::Project => service.project_get(scope, ProjectId(target.0)).await.map(|project| project.name),
    };
    match name {
        Ok(name) => Ok(Some(name)),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
