//! Walks the directory of one provider and stores it: vendors, then projects. Safe to run again: a page is stored with the checkpoint
//! that says so, unchanged rows are not rewritten, and a run that died goes on at the page it had reached.
//!
//! While one page is normalised and stored the next one is on its way, so a directory of any size takes the memory of about two pages.
//! What a walk proves is decided in `walk.rs`; a directory that did not hold still is stored all the same and the job ends PARTIAL.

use super::walk::{Stage, Tally, Walk, as_count};
use super::{Job, follow_up, name_key};
use crate::context::Context;
use crate::progress::Progress;
use linkyard_core::directory::Record;
use linkyard_core::job::{JobKind, Outcome, RowCounts};
use linkyard_core::mapping::Subject;
use linkyard_core::{Error, Result};
use linkyard_procore::RecordPage;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Instant;

/// Names of a page with more rows are normalised off the async threads, which also renew leases.
const NORMALISED_IN_PLACE: usize = 100;

pub(crate) struct FetchDirectory;

/// Where the job is: the lists that are done, and the one that is being walked.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Position {
    finished: Vec<(Subject, Tally)>,
    walk: Walk,
}

impl Job for FetchDirectory {
    const KIND: JobKind = JobKind::FetchDirectory;

    async fn run(&self, cx: &Context, progress: &mut Progress) -> Result<Outcome> {
        let first = Position { finished: Vec::new(), walk: Walk::new(Subject::ALL[0]) };
        let mut fetch = Fetch { cx, position: progress.position().unwrap_or(first), progress, since: Instant::now() };
        while fetch.position.finished.len() < Subject::ALL.len() {
            match fetch.list().await? {
                Step::GoOn => {}
                Step::Stop => return Ok(Outcome::Continue),
            }
        }
        cx.store.job_follow(&cx.fence, &follow_up(cx, JobKind::Suggest)?).await?;
        cx.store.job_follow(&cx.fence, &follow_up(cx, JobKind::SyncLinked)?).await?;
        report(cx, &fetch.position.finished).await
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    GoOn,
    Stop,
}

/// One run over what is left.
struct Fetch<'a> {
    cx: &'a Context,
    position: Position,
    progress: &'a mut Progress,
    /// The time since which nothing was added to the tally.
    since: Instant,
}

impl Fetch<'_> {
    /// Takes the present list to its end.
    async fn list(&mut self) -> Result<Step> {
        let (subject, provider) = (self.position.walk.subject, self.cx.provider()?.id);
        let began_ms = self.cx.store.walk_begin(&self.cx.fence, provider, subject).await?;
        loop {
            if self.cx.should_stop() {
                return Ok(Step::Stop);
            }
            match self.position.walk.stage {
                Stage::Pages => self.pages().await?,
                Stage::CatchUp => self.changes(began_ms).await?,
                Stage::Agree => {
                    if self.agree().await? {
                        return Ok(Step::GoOn);
                    }
                }
            }
        }
    }

    /// Stores pages until the last one, or until the run should stop.
    async fn pages(&mut self) -> Result<()> {
        let (cx, subject) = (self.cx, self.position.walk.subject);
        let company = cx.company().await?;
        let mut page = company.page(subject, self.position.walk.next_page, None).await?;
        loop {
            let following = page.next.filter(|_| !cx.should_stop());
            let next = async {
                match following {
                    Some(number) => company.page(subject, number, None).await.map(Some),
                    None => Ok(None),
                }
            };
            let (stored, next) = tokio::join!(self.store_page(page), next);
            stored?;
            match next? {
                Some(next) => page = next,
                None => return Ok(()),
            }
        }
    }

    async fn store_page(&mut self, page: RecordPage) -> Result<()> {
        let mut walk = self.position.walk;
        let (first_pass, before) = (walk.pass == 1, walk.total);
        walk.pass_page(&page);
        let learned = walk.total.unwrap_or(0).cast_signed() - before.unwrap_or(0).cast_signed();
        self.store_records(page, walk, if first_pass { Counted::Rows { learned } } else { Counted::Nothing }).await
    }

    /// Stores what changed since the walk began: rows that were added on pages read already, and rows that moved while they changed.
    async fn changes(&mut self, began_ms: i64) -> Result<()> {
        let mut walk = self.position.walk;
        let span = walk.changed_span(began_ms, self.cx.store.now_ms().await?);
        let page = self.cx.company().await?.page(walk.subject, walk.next_page, Some(span)).await?;
        walk.pass_changes(&page);
        self.store_records(page, walk, Counted::Nothing).await
    }

    /// Stores the records of a page together with the checkpoint that goes on behind it. What the store answers is in the next
    /// checkpoint: after a crash the figures may miss one page's, never its rows.
    async fn store_records(&mut self, page: RecordPage, mut walk: Walk, counted: Counted) -> Result<()> {
        let provider = self.cx.provider()?.id;
        let (records, keys) = normalised(walk.subject, page.records).await?;
        let done = match counted {
            Counted::Rows { learned } => {
                RowCounts { total: learned, succeeded: as_count(records.len()).cast_signed(), ..RowCounts::default() }
            }
            Counted::Nothing => RowCounts::default(),
        };
        self.note_time(&mut walk);
        let position = Position { walk, ..self.position.clone() };
        let checkpoint = self.progress.checkpoint(self.cx, &position, phase(&position), done)?;
        let stored =
            self.cx.store.directory_page_store(&self.cx.fence, provider, walk.subject, &records, &keys, &checkpoint).await?;
        self.position = position;
        self.position.walk.note_stored(stored);
        self.position.walk.tally.calls += checkpoint.done.calls;
        self.progress.saved(self.cx, checkpoint);
        Ok(())
    }

    /// Ends the walk; false when it proved nothing and the list is walked again.
    async fn agree(&mut self) -> Result<bool> {
        let (mut walk, provider) = (self.position.walk, self.cx.provider()?.id);
        self.note_time(&mut walk);
        let (subject, store, fence) = (walk.subject, &self.cx.store, &self.cx.fence);
        let checkpoint = self.progress.checkpoint(self.cx, &self.position, phase(&self.position), RowCounts::default())?;
        let agrees = walk.pass == 1 && walk.first_pass_agrees();
        let summary = store.walk_finish(fence, provider, subject, walk.total, agrees, &checkpoint).await?;
        self.progress.saved(self.cx, checkpoint);
        walk.note_end(summary);
        // How many different records a later pass saw is known only now; ending a walk twice is ending it once.
        if walk.pass > 1 && walk.later_pass_agrees(summary.distinct_seen) {
            let checkpoint = self.progress.checkpoint(self.cx, &self.position, phase(&self.position), RowCounts::default())?;
            let proven = store.walk_finish(fence, provider, subject, None, true, &checkpoint).await?;
            self.progress.saved(self.cx, checkpoint);
            walk.note_end(proven);
        }
        let again = walk.again();
        if again {
            tracing::info!(job = %fence.job, subject = subject.as_str(), "the list moved under the walk: once more");
            self.position.walk = walk;
        } else {
            self.position.finished.push((subject, walk.tally));
            let next = Subject::ALL.get(self.position.finished.len()).copied();
            self.position.walk = next.map_or(walk, Walk::new);
        }
        self.progress.save(self.cx, &self.position, phase(&self.position), RowCounts::default()).await?;
        Ok(!again)
    }

    fn note_time(&mut self, walk: &mut Walk) {
        walk.tally.elapsed_ms += u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.since = Instant::now();
    }
}

/// Whether the rows of a page count as the job's rows. Only those of the first pass do: each record once, as far as the list holds still.
#[derive(Clone, Copy, Debug)]
enum Counted {
    Rows {
        /// By how much the list is longer than was known.
        learned: i64,
    },
    Nothing,
}

fn phase(position: &Position) -> &'static str {
    match (position.walk.subject, position.walk.stage) {
        (Subject::Vendor, Stage::Pages) => "vendors",
        (Subject::Vendor, Stage::CatchUp | Stage::Agree) => "vendors changed meanwhile",
        (Subject::Project, Stage::Pages) => "projects",
        (Subject::Project, Stage::CatchUp | Stage::Agree) => "projects changed meanwhile",
    }
}

async fn normalised(subject: Subject, records: Vec<Record>) -> Result<(Vec<Record>, Vec<String>)> {
    let (key, few) = (name_key(subject), records.len() <= NORMALISED_IN_PLACE);
    let work = move || {
        let keys = records.iter().map(|record| key(&record.name)).collect();
        (records, keys)
    };
    if few {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::internal("normalising the names of a page", error))
}

/// What was found, as the job's result: figures per list and the bucket of every record.
async fn report(cx: &Context, finished: &[(Subject, Tally)]) -> Result<Outcome> {
    let provider = cx.provider()?.id;
    let mut found = serde_json::Map::new();
    for (subject, tally) in finished {
        let buckets = cx.store.directory_report(&cx.scope, provider, *subject).await?;
        found.insert(subject.as_str().to_owned(), figures(tally, json!(buckets)));
    }
    let complete = finished.iter().all(|(_, tally)| tally.complete);
    found.insert("complete".to_owned(), complete.into());
    let found = Value::Object(found);
    Ok(if complete { Outcome::Done(found) } else { Outcome::Partial(found) })
}

fn figures(tally: &Tally, buckets: Value) -> Value {
    let rows_per_second = (tally.rows * 1_000).checked_div(tally.elapsed_ms).unwrap_or(0);
    json!({
        "rows": tally.rows,
        "distinct": tally.distinct,
        "inserted": tally.inserted,
        "changed": tally.changed,
        "unchanged": tally.unchanged,
        "calls": tally.calls,
        "seconds": tally.elapsed_ms as f64 / 1_000.0,
        "rows_per_second": rows_per_second,
        "passes": tally.passes,
        "complete": tally.complete,
        "gone": tally.gone,
        "back": tally.back,
        "buckets": buckets,
    })
}
