//! Suspected duplicates: the groups of each list, and the guided clean-up of one group: call its records different, map all of a
//! directory's to one party or project, or merge the registry's parties into one.

mod clean_up;
mod view;

pub(crate) use clean_up::{dismiss, map, merge, restore};
pub(crate) use view::{GroupCard, cards};

use super::Console;
use super::asked::Id;
use super::failure::Failure;
use super::live::Screen;
use super::registry::provider_names;
use super::shell::{Alert, Shell, Visitor, address, html};
use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use clean_up::CleanUp;
use linkyard_core::duplicate::Searched;
use linkyard_core::id::DuplicateGroupId;
use linkyard_core::mapping::Subject;
use linkyard_core::page::PageRequest;
use std::collections::HashMap;

/// Groups on a page.
const PAGE: u32 = 20;

/// A list that can be looked at.
struct Choice {
    word: String,
    label: String,
    searched: Searched,
}

#[derive(Template)]
#[template(path = "duplicates.html")]
struct ListPage {
    shell: Shell,
    choices: Vec<Choice>,
    list: String,
    dismissed: bool,
    open_address: String,
    dismissed_address: String,
    groups: Vec<GroupCard>,
    first: String,
    next: String,
}

type Words = HashMap<String, String>;

/// The groups of a list.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Query(query): Query<Words>,
) -> Result<Response, Failure> {
    html(&list_page(&console, &visitor, &query).await?)
}

/// Its stream.
pub(crate) async fn list_live(screen: Screen, Query(query): Query<Words>) -> Response {
    screen.watch(move |console, visitor| {
        let query = query.clone();
        async move { list_page(&console, &visitor, &query).await }
    })
}

/// The lists that there are: those of the directories first, because they are cleaned up before they are linked.
fn choices(names: &[(linkyard_core::id::ProviderId, String)]) -> Vec<Choice> {
    let mut choices = Vec::new();
    for (id, name) in names {
        for (subject, what) in [(Subject::Vendor, "vendors"), (Subject::Project, "projects")] {
            let searched = Searched { provider: Some(*id), subject };
            choices.push(Choice { word: format!("{what}-{id}"), label: format!("Procore {what}: {name}"), searched });
        }
    }
    for (subject, word, label) in [(Subject::Vendor, "parties", "All parties"), (Subject::Project, "projects", "All projects")] {
        choices.push(Choice { word: word.to_owned(), label: label.to_owned(), searched: Searched { provider: None, subject } });
    }
    choices
}

async fn list_page(console: &Console, visitor: &Visitor, query: &Words) -> Result<ListPage, Failure> {
    let word = |name: &str| query.get(name).map_or("", |value| value.trim());
    let names = provider_names(console, visitor).await?;
    let mut sorted: Vec<_> = names.iter().map(|(id, name)| (*id, name.clone())).collect();
    sorted.sort_by(|one, other| one.1.cmp(&other.1).then(one.0.cmp(&other.0)));
    let choices = choices(&sorted);
    let chosen =
        if word("list").is_empty() { choices.first() } else { choices.iter().find(|choice| choice.word == word("list")) };
    let chosen = chosen.ok_or_else(Failure::nowhere)?;
    let (list, searched, dismissed) = (chosen.word.clone(), chosen.searched, word("show") == "dismissed");
    let page = PageRequest { size: PAGE, after: Some(word("after").to_owned()).filter(|after| !after.is_empty()) };
    let found = console.service.duplicate_list(visitor.scope(), searched, dismissed, &page).await?;
    let show = |dismissed: bool| if dismissed { "dismissed" } else { "" };
    let here =
        |path: &str, dismissed: bool, after: &str| address(path, &[("list", &list), ("show", show(dismissed)), ("after", after)]);
    Ok(ListPage {
        shell: Shell::new(visitor, "Suspected duplicates").live(here("/duplicates/live", dismissed, word("after"))),
        open_address: here("/duplicates", false, ""),
        dismissed_address: here("/duplicates", true, ""),
        groups: cards(&found.rows, &names),
        first: if page.after.is_some() { here("/duplicates", dismissed, "") } else { String::new() },
        next: found.next.map(|after| here("/duplicates", dismissed, &after)).unwrap_or_default(),
        choices,
        list,
        dismissed,
    })
}

#[derive(Template)]
#[template(path = "duplicate.html")]
struct DetailPage {
    shell: Shell,
    id: String,
    group: GroupCard,
    clean_up: CleanUp,
}

/// One group, and how far its clean-up has come.
pub(crate) async fn detail(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id<DuplicateGroupId>,
    Query(query): Query<Words>,
) -> Result<Response, Failure> {
    html(&detail_page(&console, &visitor, id, &query, None).await?)
}

async fn detail_page(
    console: &Console,
    visitor: &Visitor,
    id: DuplicateGroupId,
    query: &Words,
    alert: Option<Alert>,
) -> Result<DetailPage, Failure> {
    let group = console.service.duplicate_get(visitor.scope(), id).await?;
    let names = provider_names(console, visitor).await?;
    let card = GroupCard::new(&group, &names);
    Ok(DetailPage {
        shell: Shell::new(visitor, &card.title).saying(alert),
        id: id.to_string(),
        clean_up: CleanUp::new(console, visitor, &group, query).await?,
        group: card,
    })
}
