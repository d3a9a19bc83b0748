//! What is under way for a mapping: the fetch that fills it, suggestions, linking, imports; how far each is and what it waits for.

use super::super::Console;
use super::super::failure::Failure;
use super::super::jobs::{JobRow, Progress};
use super::super::providers::ACTIVE;
use super::super::shell::Visitor;
use super::super::words::{Badge, Clock, Moment, number};
use super::Place;
use super::view::View;
use linkyard_core::job::{Job, JobKind};
use linkyard_core::mapping::Subject;
use linkyard_core::page::PageRequest;
use std::collections::HashMap;

/// Jobs that are looked at.
const FEW: PageRequest = PageRequest { size: 20, after: None };

/// A job that concerns a mapping.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) state: Badge,
    pub(crate) progress: Progress,
    /// Pages fetched, what is left, what it waits for.
    pub(crate) notes: Vec<String>,
    /// What to look at when it has ended.
    pub(crate) ways: Vec<Way>,
    /// When it would be done.
    pub(crate) until: Option<Moment>,
    pub(crate) ended: bool,
}

/// A way on.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    pub(crate) address: String,
    pub(crate) label: String,
}

/// What is under way, and the job that the address watches.
pub(crate) async fn all(console: &Console, visitor: &Visitor, place: &Place, view: &View) -> Result<Vec<Work>, Failure> {
    let service = &console.service;
    let jobs = service.job_list(visitor.scope(), Some(place.provider), &ACTIVE, false, &FEW).await?.rows;
    let mut jobs: Vec<Job> = jobs.into_iter().filter(|job| concerns(job, place.subject)).collect();
    if let Some(watched) = view.job
        && !jobs.iter().any(|job| job.id == watched)
        && let Ok(job) = service.job_get(visitor.scope(), watched).await
        && job.provider == Some(place.provider)
    {
        jobs.push(job);
    }
    let mut works = Vec::new();
    for job in &jobs {
        let until_ms = match fetches(job) && !job.state.terminal() {
            true => service.provider_budget(visitor.scope(), place.provider).await?.done_at_ms,
            false => None,
        };
        works.push(Work::new(job, until_ms, place, visitor.clock()));
    }
    Ok(works)
}

fn fetches(job: &Job) -> bool {
    job.kind == JobKind::FetchDirectory.as_str()
}

fn links(job: &Job) -> bool {
    [JobKind::LinkParties, JobKind::LinkProjects].iter().any(|kind| kind.as_str() == job.kind)
}

/// What comes after the linking, in the article's order.
fn onwards(place: &Place) -> Vec<Way> {
    let way = |address: String, label: &str| Way { address, label: label.to_owned() };
    let linked = |list: &str| format!("/{list}?show=linked&provider={}", place.provider);
    match place.subject {
        Subject::Vendor => {
            let projects = Place { subject: Subject::Project, provider: place.provider };
            vec![way(linked("parties"), "The linked parties"), way(projects.path(), "On to Projects Mapping")]
        }
        Subject::Project => vec![way(linked("projects"), "The linked projects")],
    }
}

fn concerns(job: &Job, subject: Subject) -> bool {
    let link = match subject {
        Subject::Vendor => JobKind::LinkParties,
        Subject::Project => JobKind::LinkProjects,
    };
    let kinds = [JobKind::TestConnection, JobKind::FetchDirectory, JobKind::Suggest, JobKind::ImportDecisions, link];
    kinds.iter().any(|kind| kind.as_str() == job.kind)
}

impl Work {
    fn new(job: &Job, until_ms: Option<i64>, place: &Place, clock: Clock) -> Self {
        let row = JobRow::new(job, &HashMap::new(), clock);
        let counts = job.counts;
        let mut notes = Vec::new();
        if fetches(job) && counts.calls > 0 {
            notes.push(format!("{} pages read from Procore", number(counts.calls)));
        }
        let mut ways = Vec::new();
        for (count, word) in [(counts.held, "held"), (counts.failed, "failed")] {
            if count > 0 {
                let address = format!("{}?state={word}", place.path());
                ways.push(Way { address, label: format!("{} {word}: look at them", number(count)) });
            }
        }
        if links(job) && job.state.terminal() {
            ways.extend(onwards(place));
        }
        if !row.message.is_empty() {
            notes.push(row.message.clone());
        }
        Self {
            id: row.id,
            title: row.title,
            state: row.state,
            progress: row.progress,
            notes,
            ways,
            until: until_ms.map(|at| clock.at(at)),
            ended: row.ended,
        }
    }
}
