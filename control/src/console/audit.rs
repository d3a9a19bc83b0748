//! The audit log: who did what to which thing, as a page of its own and as the history of one record.

use super::Console;
use super::failure::{Failure, capitalised};
use super::live::Screen;
use super::shell::{Shell, Visitor, address, html};
use super::words::{Clock, Moment};
use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::Response;
use linkyard_core::page::PageRequest;
use linkyard_store::{AuditEntry, AuditFilter};
use std::collections::HashMap;

/// Entries on a page.
const PAGE: u32 = 50;

/// Entries in the history of one record.
const HISTORY: u32 = 50;

/// Kinds of things: word in the address and in the log, label.
const KINDS: [(&str, &str); 10] = [
    ("", "Everything"),
    ("provider", "Providers"),
    ("job", "Jobs"),
    ("party", "Parties"),
    ("project", "Projects"),
    ("coverage", "Coverages"),
    ("contact", "Contacts"),
    ("duplicate_group", "Duplicates"),
    ("api_key", "API keys and sign-ins"),
    ("organization", "Organization"),
];

/// Something that was done.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) at: Moment,
    pub(crate) at_ms: i64,
    pub(crate) actor: String,
    pub(crate) what: String,
    pub(crate) detail: String,
    /// Where the thing can be looked at; empty where it has no page.
    pub(crate) address: String,
    pub(crate) thing: String,
}

impl Entry {
    pub(crate) fn new(entry: &AuditEntry, clock: Clock) -> Self {
        let id = &entry.resource_id;
        let address = match entry.resource.as_str() {
            "provider" => format!("/providers/{id}"),
            "job" => format!("/jobs/{id}"),
            "party" => format!("/parties/{id}"),
            "project" => format!("/projects/{id}"),
            "duplicate_group" => format!("/duplicates/{id}"),
            _ => String::new(),
        };
        Self {
            at: clock.at(entry.at_ms),
            at_ms: entry.at_ms,
            actor: entry.actor.clone(),
            what: action(&entry.action),
            detail: entry.detail.clone(),
            address: if id.is_empty() { String::new() } else { address },
            thing: format!("{} {id}", entry.resource.replace('_', " ")),
        }
    }

    /// Something that no entry of the log tells.
    pub(crate) fn known(at_ms: i64, what: impl Into<String>, clock: Clock) -> Self {
        let (what, none) = (what.into(), String::new);
        Self { at: clock.at(at_ms), at_ms, actor: none(), what, detail: none(), address: none(), thing: none() }
    }
}

/// `party.merge` as words: "Party: merge".
fn action(action: &str) -> String {
    let words = action.replace('_', " ");
    match words.split_once('.') {
        Some((thing, done)) => format!("{}: {done}", capitalised(thing)),
        None => capitalised(&words),
    }
}

/// What was done to one record, newest first: the log, and what the record itself tells.
pub(crate) async fn history(
    console: &Console,
    visitor: &Visitor,
    (resource, id): (&str, String),
    known: Vec<Entry>,
) -> Result<Vec<Entry>, Failure> {
    let filter = AuditFilter { resource: Some(resource.to_owned()), resource_id: Some(id) };
    let page = PageRequest { size: HISTORY, after: None };
    let found = console.service.audit_list(visitor.scope(), &filter, &page).await?;
    let mut entries: Vec<Entry> = found.rows.iter().map(|entry| Entry::new(entry, visitor.clock())).collect();
    entries.extend(known);
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.at_ms));
    Ok(entries)
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    shell: Shell,
    kinds: &'static [(&'static str, &'static str)],
    kind: String,
    id: String,
    rows: Vec<Entry>,
    first: String,
    next: String,
}

type Query_ = Query<HashMap<String, String>>;

/// The page.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Query(query): Query_,
) -> Result<Response, Failure> {
    html(&page(&console, &visitor, &query).await?)
}

/// Its stream.
pub(crate) async fn show_live(screen: Screen, Query(query): Query_) -> Response {
    screen.watch(move |console, visitor| {
        let query = query.clone();
        async move { page(&console, &visitor, &query).await }
    })
}

async fn page(console: &Console, visitor: &Visitor, query: &HashMap<String, String>) -> Result<AuditPage, Failure> {
    let word = |name: &str| query.get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    let kind = word("kind").filter(|kind| KINDS.iter().any(|(known, _)| known == kind));
    let (id, after) = (word("id"), word("after"));
    let filter = AuditFilter { resource: kind.clone(), resource_id: id.clone() };
    let wanted = PageRequest { size: PAGE, after: after.clone() };
    let found = console.service.audit_list(visitor.scope(), &filter, &wanted).await?;
    let (kind, id) = (kind.unwrap_or_default(), id.unwrap_or_default());
    let here = |path: &str, after: &str| address(path, &[("kind", &kind), ("id", &id), ("after", after)]);
    Ok(AuditPage {
        shell: Shell::new(visitor, "Audit log").live(here("/audit/live", after.as_deref().unwrap_or_default())),
        kinds: &KINDS,
        rows: found.rows.iter().map(|entry| Entry::new(entry, visitor.clock())).collect(),
        first: if after.is_some() { here("/audit", "") } else { String::new() },
        next: found.next.map(|after| here("/audit", &after)).unwrap_or_default(),
        kind,
        id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_words() {
        assert_eq!(action("duplicates.dismiss"), "Duplicates: dismiss");
        assert_eq!(action("provider.needs_attention"), "Provider: needs attention");
    }
}
