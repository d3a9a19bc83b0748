//! Jobs: the list, and one job with its progress, its failures by reason, and what can be done about it.

use super::asked::{Asked, Id};
use super::failure::Failure;
use super::live::Screen;
use super::shell::{Alert, Shell, Visitor, address, html, html_with};
use super::words::{Badge, Clock, Moment, job_state, job_title, number};
use super::{Console, providers};
use askama::Template;
use axum::Extension;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use linkyard_core::Error;
use linkyard_core::id::{JobId, ProviderId};
use linkyard_core::job::{Job, JobKind, JobState, Lane, RequestedState};
use linkyard_core::mapping::{MappingState, Subject};
use linkyard_core::page::PageRequest;
use linkyard_store::ledger::JobReason;
use std::collections::HashMap;

/// Jobs on a page.
const PAGE: u32 = 50;

/// The tabs: word in the address, label, states.
const TABS: [(&str, &str, &[JobState]); 5] = [
    ("", "All", &[]),
    (
        "active",
        "Active",
        &[
            JobState::Queued,
            JobState::Running,
            JobState::WaitingForBudget,
            JobState::WaitingForChildren,
            JobState::Retrying,
            JobState::Paused,
        ],
    ),
    ("done", "Done", &[JobState::Succeeded]),
    ("failed", "Failed", &[JobState::Failed, JobState::Partial]),
    ("cancelled", "Cancelled", &[JobState::Cancelled]),
];

/// A job as a row of a list.
#[derive(Clone, Debug)]
pub(crate) struct JobRow {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) provider: String,
    pub(crate) state: Badge,
    pub(crate) progress: Progress,
    pub(crate) created: Moment,
    pub(crate) message: String,
    pub(crate) ended: bool,
}

/// How far a job is.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    /// Rows that are through, one way or another.
    pub(crate) done: i64,
    pub(crate) total: i64,
    /// In words.
    pub(crate) text: String,
    /// Whether it is still moving, so that a bar says something.
    pub(crate) moving: bool,
}

impl Progress {
    fn of(job: &Job) -> Self {
        let counts = job.counts;
        let done = counts.succeeded + counts.held + counts.failed + counts.skipped;
        let total = counts.total.max(done);
        let text = match (done, total) {
            (0, 0) => String::new(),
            (done, total) if done == total => format!("{} rows", number(total)),
            (done, total) => format!("{} of {}", number(done), number(total)),
        };
        Self { done, total, text, moving: !job.state.terminal() && total > 0 }
    }
}

impl JobRow {
    /// A job; `names` are those of the providers.
    pub(crate) fn new(job: &Job, names: &HashMap<ProviderId, String>, clock: Clock) -> Self {
        Self {
            id: job.id.to_string(),
            title: job_title(&job.kind),
            provider: job.provider.and_then(|id| names.get(&id).cloned()).unwrap_or_default(),
            state: job_state(job, clock),
            progress: Progress::of(job),
            created: clock.at(job.created_at_ms),
            message: job.error_message.clone().unwrap_or_default(),
            ended: job.state.terminal(),
        }
    }
}

#[derive(Template)]
#[template(path = "jobs.html")]
struct ListPage {
    shell: Shell,
    tabs: Vec<Tab>,
    rows: Vec<JobRow>,
    providers: Vec<providers::Named>,
    provider: String,
    tab: String,
    first: String,
    next: String,
}

/// A tab of a list.
#[derive(Clone, Debug)]
pub(crate) struct Tab {
    pub(crate) label: &'static str,
    pub(crate) address: String,
    pub(crate) chosen: bool,
}

type Query_ = Query<HashMap<String, String>>;

/// The list.
pub(crate) async fn list(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Query(query): Query_,
) -> Result<Response, Failure> {
    html(&list_page(&console, &visitor, &query).await?)
}

/// Its stream.
pub(crate) async fn list_live(screen: Screen, Query(query): Query_) -> Response {
    screen.watch(move |console, visitor| {
        let query = query.clone();
        async move { list_page(&console, &visitor, &query).await }
    })
}

async fn list_page(console: &Console, visitor: &Visitor, query: &HashMap<String, String>) -> Result<ListPage, Failure> {
    let word = |name: &str| query.get(name).map_or("", String::as_str);
    let (tab, _, states) = TABS.into_iter().find(|(tab, ..)| *tab == word("state")).unwrap_or(TABS[0]);
    let provider = word("provider");
    let wanted = (!provider.is_empty()).then(|| provider.parse::<ProviderId>()).transpose();
    let wanted = wanted.map_err(|_| Failure::nowhere())?;
    let after = Some(word("after").to_owned()).filter(|after| !after.is_empty());
    let page = PageRequest { size: PAGE, after };
    let jobs = console.service.job_list(visitor.scope(), wanted, states, false, &page).await?;
    let named = providers::names(console, visitor).await?;
    let names = named.iter().map(|named| (named.id, named.name.clone())).collect();
    let clock = visitor.clock();
    let tabs = TABS.into_iter().map(|(word, label, _)| Tab {
        label,
        address: address("/jobs", &[("state", word), ("provider", provider)]),
        chosen: word == tab,
    });
    let here = |after: &str| address("/jobs", &[("state", tab), ("provider", provider), ("after", after)]);
    let live = address("/jobs/live", &[("state", tab), ("provider", provider), ("after", word("after"))]);
    Ok(ListPage {
        shell: Shell::new(visitor, "Jobs").live(live),
        tabs: tabs.collect(),
        rows: jobs.rows.iter().map(|job| JobRow::new(job, &names, clock)).collect(),
        providers: named,
        provider: provider.to_owned(),
        tab: tab.to_owned(),
        first: if word("after").is_empty() { String::new() } else { here("") },
        next: jobs.next.map(|after| here(&after)).unwrap_or_default(),
    })
}

#[derive(Template)]
#[template(path = "job.html")]
struct DetailPage {
    shell: Shell,
    id: String,
    title: String,
    provider: Option<providers::Named>,
    parent: String,
    state: Badge,
    progress: Progress,
    facts: Vec<Fact>,
    counts: Vec<Fact>,
    message: String,
    reason: String,
    reasons: Vec<ReasonRow>,
    result: Vec<Fact>,
    rows_address: String,
    rows_label: &'static str,
    ended: bool,
    may_cancel: bool,
    may_retry: bool,
}

/// The rows of a list, in one state where that is asked for.
pub(crate) fn mapping_of(provider: ProviderId, subject: Subject, state: Option<MappingState>) -> String {
    let list = if subject == Subject::Vendor { "parties" } else { "projects" };
    address(&format!("/mapping/{list}/{provider}"), &[("state", state.map_or("", MappingState::as_str))])
}

/// Where the rows that a job touched are looked at, and what they are called; empty for one that touches none.
fn rows_of(job: &Job) -> (String, &'static str) {
    let list =
        |path: &str| job.provider.map_or_else(String::new, |provider| address(path, &[("provider", &provider.to_string())]));
    let mapping = |subject| job.provider.map_or_else(String::new, |provider| mapping_of(provider, subject, None));
    match JobKind::parse(&job.kind) {
        Some(JobKind::LinkParties) => (mapping(Subject::Vendor), "Its rows in Parties Mapping"),
        Some(JobKind::LinkProjects) => (mapping(Subject::Project), "Its rows in Projects Mapping"),
        Some(JobKind::SyncLinked | JobKind::PushCompliance) => (list("/parties"), "The linked parties"),
        Some(JobKind::FindDuplicates) => ("/duplicates".to_owned(), "The suspected duplicates"),
        Some(JobKind::FetchDirectory | JobKind::Suggest) => (mapping(Subject::Vendor), "To Parties Mapping"),
        Some(JobKind::TestConnection | JobKind::ImportDecisions | JobKind::Retention) | None => {
            (job.provider.map_or_else(String::new, |provider| format!("/providers/{provider}")), "Where every record stands")
        }
    }
}

/// A name and what it is.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    pub(crate) name: String,
    pub(crate) value: String,
    /// A moment in place of the value.
    pub(crate) at: Option<Moment>,
}

impl Fact {
    pub(crate) fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into(), at: None }
    }

    pub(crate) fn at(name: impl Into<String>, at: Moment) -> Self {
        Self { name: name.into(), value: String::new(), at: Some(at) }
    }
}

/// Rows that failed for the same reason.
struct ReasonRow {
    held: bool,
    what: String,
    sentence: String,
    example: String,
    /// Where such rows are; empty without a provider.
    address: String,
}

impl ReasonRow {
    fn new(reason: &JobReason, provider: Option<ProviderId>) -> Self {
        let held = reason.state == MappingState::Held;
        let (rows, subject) = (reason.rows, reason.subject.as_str());
        let what = format!("{} {subject}{}", number(rows), if rows == 1 { "" } else { "s" });
        let (sentence, example) = (reason.sentence().to_owned(), reason.example.clone());
        let address = provider.map(|provider| mapping_of(provider, reason.subject, Some(reason.state))).unwrap_or_default();
        Self { held, what, sentence, example, address }
    }
}

/// One job.
pub(crate) async fn detail(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id<JobId>,
) -> Result<Response, Failure> {
    html(&detail_page(&console, &visitor, id, None).await?)
}

/// Its stream.
pub(crate) async fn detail_live(screen: Screen, Id(id): Id<JobId>) -> Response {
    screen.watch(move |console, visitor| async move { detail_page(&console, &visitor, id, None).await })
}

async fn detail_page(console: &Console, visitor: &Visitor, id: JobId, alert: Option<Alert>) -> Result<DetailPage, Failure> {
    let job = console.service.job_get(visitor.scope(), id).await?;
    let reasons = console.service.job_reasons(visitor.scope(), id).await?;
    let provider = providers::names(console, visitor).await?.into_iter().find(|named| Some(named.id) == job.provider);
    let clock = visitor.clock();
    let title = job_title(&job.kind);
    let (rows_address, rows_label) = rows_of(&job);
    let ended_badly = matches!(job.state, JobState::Failed | JobState::Partial | JobState::Cancelled);
    Ok(DetailPage {
        shell: Shell::new(visitor, &title).live(format!("/jobs/{id}/live")).saying(alert),
        id: id.to_string(),
        title,
        provider,
        parent: job.parent.map(|parent| parent.to_string()).unwrap_or_default(),
        state: job_state(&job, clock),
        progress: Progress::of(&job),
        facts: facts(&job, clock),
        counts: counts(&job),
        message: job.error_message.clone().unwrap_or_default(),
        reason: job.error_reason.clone().unwrap_or_default(),
        reasons: reasons.iter().map(|reason| ReasonRow::new(reason, job.provider)).collect(),
        result: job.result.as_ref().map(findings).unwrap_or_default(),
        rows_address,
        rows_label,
        ended: job.state.terminal(),
        may_cancel: visitor.may_write() && !job.state.terminal() && job.requested != RequestedState::Cancel,
        may_retry: visitor.may_write() && ended_badly && job.parent.is_none(),
    })
}

fn facts(job: &Job, clock: Clock) -> Vec<Fact> {
    let asked = match job.lane {
        Lane::Person => "A person waits for it",
        Lane::Push => "Compliance on its way to Procore",
        Lane::Background => "Background work",
    };
    let mut facts = vec![Fact::new("Priority", asked), Fact::at("Created", clock.at(job.created_at_ms))];
    facts.extend(job.started_at_ms.map(|at| Fact::at("Started", clock.at(at))));
    facts.extend(job.finished_at_ms.map(|at| Fact::at("Ended", clock.at(at))));
    facts.push(Fact::new("Starts", number(job.epoch)));
    facts.push(Fact::new("Failed attempts", number(job.attempts)));
    facts.push(Fact::new("Calls to Procore", number(job.counts.calls)));
    facts
}

fn counts(job: &Job) -> Vec<Fact> {
    let counts = job.counts;
    let all = [("Done", counts.succeeded), ("Held", counts.held), ("Failed", counts.failed), ("Nothing to do", counts.skipped)];
    all.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| Fact::new(name, number(count))).collect()
}

/// What a job found, as far as it is plain: nested parts have their place's name before them.
fn findings(result: &serde_json::Value) -> Vec<Fact> {
    let mut facts = Vec::new();
    collect(String::new(), result, &mut facts);
    facts
}

fn collect(place: String, value: &serde_json::Value, facts: &mut Vec<Fact>) {
    use serde_json::Value;
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let name = name.replace('_', " ");
                let place = if place.is_empty() { super::failure::capitalised(&name) } else { format!("{place}: {name}") };
                collect(place, value, facts);
            }
        }
        Value::Array(values) => {
            for value in values {
                collect(place.clone(), value, facts);
            }
        }
        Value::Null => {}
        Value::Bool(truth) => facts.push(Fact::new(place, if *truth { "yes" } else { "no" })),
        Value::Number(found) => {
            let shown = found.as_i64().map_or_else(|| format!("{:.2}", found.as_f64().unwrap_or_default()), number);
            facts.push(Fact::new(place, shown));
        }
        Value::String(text) if text.is_empty() => {}
        Value::String(text) => facts.push(Fact::new(place, text.clone())),
    }
}

/// Stops a job.
pub(crate) async fn cancel(asked: Asked<JobId>) -> Result<Response, Failure> {
    let done = asked.console.service.job_cancel(asked.visitor.scope(), asked.id, Some(&asked.key)).await;
    steered(&asked, done.map(|_| "job-cancelled")).await
}

/// Runs what failed of a job again.
pub(crate) async fn retry(asked: Asked<JobId>) -> Result<Response, Failure> {
    let done = asked.console.service.job_retry(asked.visitor.scope(), asked.id, Some(&asked.key)).await;
    steered(&asked, done.map(|_| "job-retried")).await
}

/// The job's page: as it is now, or with what refused the change above it.
async fn steered(asked: &Asked<JobId>, done: Result<&'static str, Error>) -> Result<Response, Failure> {
    match done {
        Ok(notice) => Ok(Redirect::to(&format!("/jobs/{}?notice={notice}", asked.id)).into_response()),
        Err(error) => {
            let failure = Failure::from(error);
            let alert = Alert::bad(failure.message.clone());
            let page = detail_page(&asked.console, &asked.visitor, asked.id, Some(alert)).await?;
            html_with(failure.status, &page)
        }
    }
}
