//! Worker processes of the installation: what they are, how busy, when they were heard of, and how one is asked to end. For operators.

use super::Console;
use super::asked::Id;
use super::failure::Failure;
use super::form::Submission;
use super::live::Screen;
use super::shell::{Shell, Visitor, html};
use super::words::{Badge, Moment, number};
use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use linkyard_core::id::WorkerId;
use linkyard_core::worker::Worker;

#[derive(Template)]
#[template(path = "workers.html")]
struct WorkersPage {
    shell: Shell,
    rows: Vec<WorkerRow>,
    slots: String,
    running: String,
}

/// A process.
struct WorkerRow {
    id: String,
    name: String,
    process: String,
    version: String,
    state: Badge,
    running: u32,
    slots: u32,
    load: String,
    started: Moment,
    seen: Moment,
    may_drain: bool,
}

impl WorkerRow {
    fn new(worker: &Worker, visitor: &Visitor) -> Self {
        let (beat, clock) = (&worker.beat, visitor.clock());
        let state = match (beat.draining, beat.running) {
            (true, 0) => Badge::new("warn", "Ending"),
            (true, left) => Badge::new("warn", format!("Draining: {left} jobs go on to their next safe point")),
            (false, 0) => Badge::new("ok", "Idle"),
            (false, _) => Badge::new("run", "Working"),
        };
        Self {
            id: beat.id.to_string(),
            name: beat.name.clone(),
            process: beat.process.to_string(),
            version: beat.version.clone(),
            state,
            running: beat.running,
            slots: beat.slots,
            load: format!("{} of {} slots", number(beat.running), number(beat.slots)),
            started: clock.at(worker.started_at_ms),
            seen: clock.at(worker.seen_at_ms),
            may_drain: !beat.draining,
        }
    }
}

/// The page.
pub(crate) async fn show(State(console): State<Console>, Extension(visitor): Extension<Visitor>) -> Result<Response, Failure> {
    html(&page(&console, &visitor).await?)
}

/// Its stream.
pub(crate) async fn show_live(screen: Screen) -> Response {
    screen.watch(move |console, visitor| async move { page(&console, &visitor).await })
}

async fn page(console: &Console, visitor: &Visitor) -> Result<WorkersPage, Failure> {
    let workers = console.service.worker_list().await?;
    let sum = |of: fn(&Worker) -> u32| number(workers.iter().map(|worker| u64::from(of(worker))).sum::<u64>());
    Ok(WorkersPage {
        shell: Shell::new(visitor, "Workers").live("/workers/live"),
        slots: sum(|worker| worker.beat.slots),
        running: sum(|worker| worker.beat.running),
        rows: workers.iter().map(|worker| WorkerRow::new(worker, visitor)).collect(),
    })
}

/// Asks a process to take no more jobs and to end. Asking again is asking once.
pub(crate) async fn drain(State(console): State<Console>, Id(id): Id<WorkerId>, form: Submission) -> Result<Response, Failure> {
    form.request_key()?;
    console.service.worker_drain(id).await?;
    Ok(Redirect::to("/workers?notice=worker-draining").into_response())
}
