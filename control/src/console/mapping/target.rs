//! Looking for what a record is to be matched with, among everything that the registry has. The list's script takes its hits from here.

use super::super::Console;
use super::super::failure::Failure;
use super::super::shell::{Shell, Visitor, html};
use super::row::{Beside, Row, place as place_line, shown_name};
use super::view::{View, with};
use super::{Place, Words};
use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use linkyard_core::directory::Address;
use linkyard_core::id::RecordId;
use linkyard_core::mapping::Subject;
use linkyard_core::page::PageRequest;
use linkyard_core::registry::IntegrationMark;
use linkyard_store::RegistryFilter;
use std::collections::HashMap;

/// Hits on a page.
const PAGE: u32 = 20;

/// The longest search, in characters.
const LONGEST_SEARCH: usize = 200;

#[derive(Template)]
#[template(path = "mapping_target.html")]
struct TargetPage {
    shell: Shell,
    words: &'static Words,
    path: String,
    row: Row,
    search: String,
    hits: Vec<Hit>,
    back: String,
    back_address: String,
    first: String,
    next: String,
}

/// Something that a record may be matched with.
struct Hit {
    id: String,
    name: String,
    place: String,
    /// Whether this provider's directory, or another one's, has a record linked to it already.
    linked: &'static str,
}

/// The page.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    place: Place,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let word = |name: &str| query.get(name).map_or("", String::as_str);
    let record: RecordId = word("record").parse().map_err(|_| Failure::nowhere())?;
    let mapping = console.service.mapping_get(visitor.scope(), place.provider, place.subject, record).await?;
    let search: String = word("q").trim().chars().take(LONGEST_SEARCH).collect();
    let after = Some(word("after").to_owned()).filter(|after| !after.is_empty());
    let asked = PageRequest { size: PAGE, after: after.clone() };
    let (hits, next) = hits(&console, &visitor, &place, &search, &asked).await?;
    let back = View::back(word("back"));
    let here = |after: &str| {
        let text = |text: &str| text.to_owned();
        let words = [("record", record.to_string()), ("q", text(&search)), ("back", back.query()), ("after", text(after))];
        with(&place.page("targets"), &words)
    };
    let title = format!("Match a {}", place.words().record);
    html(&TargetPage {
        shell: Shell::new(&visitor, &title),
        words: place.words(),
        path: place.path(),
        row: Row::new(&mapping, &Beside::default(), false, visitor.clock()),
        hits,
        back: back.query(),
        back_address: format!("{}#row-{record}", back.address(&place.path())),
        first: if after.is_some() { here("") } else { String::new() },
        next: next.map(|after| here(&after)).unwrap_or_default(),
        search,
    })
}

async fn hits(
    console: &Console,
    visitor: &Visitor,
    place: &Place,
    search: &str,
    page: &PageRequest,
) -> Result<(Vec<Hit>, Option<String>), Failure> {
    let filter =
        RegistryFilter { search: Some(search.to_owned()).filter(|search| !search.is_empty()), ..RegistryFilter::default() };
    let hit = |id: String, name: &str, address: &Address, marks: &[IntegrationMark]| Hit {
        id,
        name: shown_name(name),
        place: place_line(address),
        linked: match marks {
            [] => "",
            marks if marks.iter().any(|mark| mark.provider == place.provider) => {
                "linked to another record of this directory already"
            }
            _ => "linked to another directory",
        },
    };
    Ok(match place.subject {
        Subject::Vendor => {
            let found = console.service.party_list(visitor.scope(), &filter, page).await?;
            let hits = found.rows.iter().map(|party| hit(party.id.to_string(), &party.name, &party.address, &party.marks));
            (hits.collect(), found.next)
        }
        Subject::Project => {
            let found = console.service.project_list(visitor.scope(), &filter, page).await?;
            let hits =
                found.rows.iter().map(|project| hit(project.id.to_string(), &project.name, &project.address, &project.marks));
            (hits.collect(), found.next)
        }
    })
}
