//! The plan of a confirm, and the confirm itself. The plan is an ordinary page with an address: it can be opened again, and shows what
//! would be done by then.

use super::super::Console;
use super::super::failure::Failure;
use super::super::form::Submission;
use super::super::shell::{Alert, Shell, Visitor, html, html_with};
use super::super::words::number;
use super::act::Pick;
use super::list::target_name;
use super::row::shown_name;
use super::view::{View, with};
use super::{Place, Words};
use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use linkyard_core::Error;
use linkyard_core::error::ConflictReason;
use linkyard_core::id::RecordId;
use linkyard_core::mapping::{Mapping, MappingFilter, OnLookalike};
use linkyard_core::plan::{BulkAction, MOST_ROWS, Plan, PlanConflict, RowDecision, Selection};
use linkyard_core::suggestion::Band;
use std::collections::HashMap;

/// Conflicts that are shown one by one.
const MOST_CONFLICTS: usize = 20;

/// Records that one conflict, or a list of rows that are left out, names.
const MOST_NAMED: usize = 6;

#[derive(Template)]
#[template(path = "mapping_plan.html")]
struct PlanPage {
    shell: Shell,
    words: &'static Words,
    path: String,
    /// What is confirmed, in words.
    what: String,
    links: String,
    creates: String,
    lookalikes: u64,
    ignores: String,
    unchanged: String,
    calls: String,
    time: String,
    conflicts: Vec<ConflictView>,
    more_conflicts: usize,
    left: Vec<Left>,
    /// Rows that keep the choice that somebody made for them; empty for none.
    kept: String,
    /// Whether there is anything to confirm.
    any: bool,
    hidden: Vec<(&'static str, String)>,
    back: String,
}

struct ConflictView {
    problem: String,
    target: String,
    records: Vec<String>,
    more: usize,
}

/// Ticked rows that are left out of the confirm, and why.
struct Left {
    why: &'static str,
    names: Vec<String>,
    more: usize,
}

/// What an address or a form asks to confirm.
struct Wanted {
    view: View,
    /// The ticked rows; `None` where the view says which.
    rows: Option<Vec<Pick>>,
    action: Action,
}

/// What is done with the rows that a view selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Drafts,
    Accept,
    Create,
    Ignore,
}

impl Action {
    const ALL: [Self; 4] = [Self::Drafts, Self::Accept, Self::Create, Self::Ignore];

    fn word(self) -> &'static str {
        match self {
            Self::Drafts => "",
            Self::Accept => "accept",
            Self::Create => "create",
            Self::Ignore => "ignore",
        }
    }

    fn bulk(self) -> BulkAction {
        match self {
            Self::Drafts => BulkAction::Drafts,
            Self::Accept => BulkAction::AcceptSuggestions(Band::Strong),
            Self::Create => BulkAction::Create(OnLookalike::Hold),
            Self::Ignore => BulkAction::DoNotAdd,
        }
    }

    fn told(self, words: &Words) -> String {
        match self {
            Self::Drafts => "Confirm every choice that is not confirmed".to_owned(),
            Self::Accept => "Accept every strong suggestion".to_owned(),
            Self::Create => format!("Create a {} from every unmatched {}", words.target, words.record),
            Self::Ignore => format!("Add none of these {}", words.records),
        }
    }
}

impl Wanted {
    fn read(query: &HashMap<String, String>) -> Self {
        let word = |name: &str| query.get(name).map_or("", String::as_str);
        let rows = word("rows").split('_').filter_map(Pick::read).take(MOST_ROWS).collect();
        Self {
            view: View::read(query).first(),
            rows: Some(rows).filter(|rows: &Vec<Pick>| !rows.is_empty()),
            action: Action::ALL.into_iter().find(|action| action.word() == word("action")).unwrap_or(Action::Drafts),
        }
    }

    fn told(&self, place: &Place) -> String {
        let words = place.words();
        match &self.rows {
            Some(rows) => format!("Confirm what was chosen for the ticked {}", words.count(rows.len() as u64)),
            None => {
                let told = self.view.told(place.subject);
                let which = if told.is_empty() { format!("all {}", words.records) } else { told };
                format!("{} ({which})", self.action.told(words))
            }
        }
    }

    /// The rows that are meant. What is done to all of them at once leaves alone what somebody chose for one of them.
    fn filter(&self) -> MappingFilter {
        let filter = self.view.filter();
        if self.action == Action::Drafts || filter.has_draft.is_some() {
            return filter;
        }
        MappingFilter { has_draft: Some(false), ..filter }
    }

    /// The rows that are left alone for it; `None` where none are.
    fn left_alone(&self) -> Option<MappingFilter> {
        let left = self.filter().has_draft == Some(false) && self.rows.is_none();
        left.then(|| MappingFilter { has_draft: Some(true), ..self.view.filter() })
    }
}

/// Rows as an address or a form names them.
fn spelled(rows: &[RowDecision]) -> String {
    let row = |row: &RowDecision| format!("{}.{}", row.record, row.expected_revision.unwrap_or_default());
    rows.iter().map(row).collect::<Vec<_>>().join("_")
}

/// Ticked rows by what can be done with them.
#[derive(Default)]
struct Sorted {
    decided: Vec<RowDecision>,
    changed: Vec<String>,
    undecided: Vec<String>,
    done: Vec<String>,
}

impl Sorted {
    fn new(picks: &[Pick], mappings: &[Mapping]) -> Self {
        let mut sorted = Self::default();
        for mapping in mappings {
            let Some(pick) = picks.iter().find(|pick| pick.record == mapping.record) else { continue };
            let name = shown_name(&mapping.name);
            if !mapping.state.decidable() {
                sorted.done.push(name);
            } else if mapping.revision != pick.revision {
                sorted.changed.push(name);
            } else if mapping.draft.is_none() {
                sorted.undecided.push(name);
            } else {
                let expected_revision = Some(pick.revision);
                sorted.decided.push(RowDecision { record: mapping.record, choice: None, expected_revision });
            }
        }
        sorted
    }

    fn left(self) -> Vec<Left> {
        let parts = [
            ("Confirmed already, or being linked:", self.done),
            ("Changed since you ticked them, perhaps by somebody else. They are left as they are now:", self.changed),
            ("Ticked, but nothing is chosen for them yet:", self.undecided),
        ];
        let parts = parts.into_iter().filter(|(_, names)| !names.is_empty());
        parts.map(|(why, names)| Left { why, more: names.len().saturating_sub(MOST_NAMED), names: few(names) }).collect()
    }
}

fn few(names: Vec<String>) -> Vec<String> {
    names.into_iter().take(MOST_NAMED).collect()
}

/// The plan.
pub(crate) async fn show(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    place: Place,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    html(&page(&console, &visitor, &place, &Wanted::read(&query), None).await?)
}

async fn page(
    console: &Console,
    visitor: &Visitor,
    place: &Place,
    wanted: &Wanted,
    alert: Option<Alert>,
) -> Result<PlanPage, Failure> {
    let (selection, sorted) = selection(console, visitor, place, wanted, None).await?;
    let plan = match &selection {
        Some(selection) => {
            let service = &console.service;
            service.mapping_confirm(visitor.scope(), place.provider, place.subject, selection, true, None).await?.plan
        }
        None => Plan::default(),
    };
    let mut hidden = wanted.view.selecting();
    match &selection {
        Some(Selection::Rows(rows)) => hidden.push(("rows", spelled(rows))),
        Some(Selection::Filter { .. } | Selection::Group { .. }) => {
            hidden.push(("action", wanted.action.word().to_owned()));
            hidden.push(("token", plan.token.clone()));
        }
        None => {}
    }
    let conflicts = conflicts(console, visitor, place, &plan.conflicts).await?;
    let title = format!("Plan: {}", place.words().confirm);
    Ok(PlanPage {
        shell: Shell::new(visitor, &title).saying(alert),
        words: place.words(),
        path: place.path(),
        what: wanted.told(place),
        links: number(plan.links),
        creates: number(plan.creates),
        lookalikes: plan.lookalikes,
        ignores: number(plan.ignores),
        unchanged: number(plan.unchanged),
        calls: calls(&plan),
        time: time(&plan),
        more_conflicts: plan.conflicts.len().saturating_sub(MOST_CONFLICTS),
        conflicts,
        left: sorted.left(),
        kept: kept(console, visitor, place, wanted).await?,
        any: plan.links + plan.creates + plan.ignores > 0,
        hidden,
        back: wanted.view.address(&place.path()),
    })
}

/// How many rows are left alone because somebody chose for them.
async fn kept(console: &Console, visitor: &Visitor, place: &Place, wanted: &Wanted) -> Result<String, Failure> {
    let Some(filter) = wanted.left_alone() else { return Ok(String::new()) };
    let rows = console.service.mapping_selected(visitor.scope(), place.provider, place.subject, &filter, None).await?;
    Ok(if rows == 0 { String::new() } else { place.words().count(rows) })
}

fn calls(plan: &Plan) -> String {
    if plan.calls_needed == 0 {
        return "None: linking works on what was fetched.".to_owned();
    }
    number(plan.calls_needed)
}

fn time(plan: &Plan) -> String {
    match plan.seconds_under_budget {
        0 => "It waits for no rate limit of Procore. A large directory takes some minutes.".to_owned(),
        seconds if seconds < 120 => format!("About {seconds} seconds under Procore's rate limit."),
        seconds => format!("About {} minutes under Procore's rate limit.", number(seconds.div_ceil(60))),
    }
}

/// What the service is asked for; `None` when none of the ticked rows can be confirmed.
async fn selection(
    console: &Console,
    visitor: &Visitor,
    place: &Place,
    wanted: &Wanted,
    plan_token: Option<String>,
) -> Result<(Option<Selection>, Sorted), Failure> {
    let Some(picks) = &wanted.rows else {
        let selection = Selection::Filter { filter: wanted.filter(), action: wanted.action.bulk(), plan_token };
        return Ok((Some(selection), Sorted::default()));
    };
    let records: Vec<RecordId> = picks.iter().map(|pick| pick.record).collect();
    let mappings = console.service.mapping_several(visitor.scope(), place.provider, place.subject, &records).await?;
    let sorted = Sorted::new(picks, &mappings);
    let selection = Some(sorted.decided.clone()).filter(|rows| !rows.is_empty()).map(Selection::Rows);
    Ok((selection, sorted))
}

/// Conflicts with the names of what is in each other's way.
async fn conflicts(
    console: &Console,
    visitor: &Visitor,
    place: &Place,
    conflicts: &[PlanConflict],
) -> Result<Vec<ConflictView>, Failure> {
    let shown = &conflicts[..conflicts.len().min(MOST_CONFLICTS)];
    let records: Vec<RecordId> = shown.iter().flat_map(|conflict| conflict.records.iter().take(MOST_NAMED)).copied().collect();
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let mappings = console.service.mapping_several(visitor.scope(), place.provider, place.subject, &records).await?;
    let names: HashMap<RecordId, String> = mappings.iter().map(|mapping| (mapping.record, shown_name(&mapping.name))).collect();
    let mut views = Vec::new();
    for conflict in shown {
        let target = match conflict.target {
            Some(target) => target_name(console, visitor, place.subject, target).await?.unwrap_or_default(),
            None => String::new(),
        };
        let named = conflict.records.iter().take(MOST_NAMED).filter_map(|record| names.get(record).cloned());
        let more = conflict.records.len().saturating_sub(MOST_NAMED);
        views.push(ConflictView { problem: conflict.problem.clone(), target, records: named.collect(), more });
    }
    Ok(views)
}

/// Confirms: the same form sent twice is one confirm with one job.
pub(crate) async fn confirm(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    place: Place,
    form: Submission,
) -> Result<Response, Failure> {
    let key = form.request_key()?;
    let wanted = Wanted::read(&form.fields().iter().cloned().collect());
    let selection = match &wanted.rows {
        // As they were seen, whatever became of them: the store refuses what changed, and knows a form that was sent before.
        Some(picks) => {
            let row = |pick: &Pick| RowDecision { record: pick.record, choice: None, expected_revision: Some(pick.revision) };
            Selection::Rows(picks.iter().map(row).collect())
        }
        None => {
            let plan_token = Some(form.get("token").to_owned());
            Selection::Filter { filter: wanted.filter(), action: wanted.action.bulk(), plan_token }
        }
    };
    let service = &console.service;
    let done = service.mapping_confirm(visitor.scope(), place.provider, place.subject, &selection, false, Some(&key)).await;
    match done {
        Ok(confirmed) => {
            let view = wanted.view.widened().watching(confirmed.job.as_ref().map(|job| job.id));
            let mut words = view.words();
            words.push(("notice", if confirmed.job.is_some() { "confirmed" } else { "confirmed-left-out" }.to_owned()));
            Ok(Redirect::to(&with(&place.path(), &words)).into_response())
        }
        Err(error @ (Error::Invalid(_) | Error::Conflict { reason: ConflictReason::Version | ConflictReason::State, .. })) => {
            let message = match &wanted.rows {
                Some(_) => "Some of these rows changed since you saw the plan, so nothing was confirmed".to_owned(),
                None => Failure::from(error).message,
            };
            let message = format!("{}. Below is what would be done now.", message.trim_end_matches('.'));
            html_with(StatusCode::CONFLICT, &page(&console, &visitor, &place, &wanted, Some(Alert::bad(message))).await?)
        }
        Err(error) => Err(error.into()),
    }
}
