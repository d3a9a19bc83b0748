//! Walks the directory of one provider and stores it: vendors and beside them the deactivated ones, then projects, then people where the
//! contacts mode follows them. Safe to run again: a page is stored with the checkpoint that says so, unchanged rows are not rewritten,
//! and a run that died goes on at the page it had reached.
//!
//! With `changes` in its payload it reads only what changed since the last fetch, by the directory's `updated_at`; a list that was never
//! walked to its end is walked whole. People can not be asked for changes, and who or what is gone shows only in a whole walk.
//!
//! While one page is normalised and stored the next one is on its way, so a directory of any size takes the memory of about two pages.
//! What a walk proves is decided in `walk.rs`; a directory that did not hold still is stored all the same and the job ends PARTIAL.

use super::walk::{Listed, Stage, Tally, Turned, Walk, as_count};
use super::{Job, follow_up, name_key};
use crate::context::Context;
use crate::progress::Progress;
use linkyard_core::contact::Person;
use linkyard_core::directory::Record;
use linkyard_core::job::{JobKind, Outcome, RowCounts};
use linkyard_core::mapping::Subject;
use linkyard_core::{Error, Result};
use linkyard_procore::{Company, PersonPage, RecordPage, UpdatedRange};
use linkyard_store::{Totals, WalkSummary};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::Instant;

/// Names of a page with more rows are normalised off the async threads, which also renew leases.
const NORMALISED_IN_PLACE: usize = 100;

/// How often a page is read that can not be right. Each time it may be wrong again, and a long list has many pages.
const MOST_READS: u32 = 5;

pub(crate) struct FetchDirectory;

/// Where the job is: the lists that are done, and the one that is being walked.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Position {
    finished: Vec<Finished>,
    walk: Walk,
}

/// A list that is done, with the list of inactive records beside it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Finished {
    listed: Listed,
    main: Tally,
    inactive: Option<Tally>,
    /// Only what changed was read.
    #[serde(default)]
    partial: bool,
}

impl Finished {
    /// Whether everything was read that was to be read.
    fn whole(&self) -> bool {
        self.main.complete || self.partial
    }
}

impl Job for FetchDirectory {
    const KIND: JobKind = JobKind::FetchDirectory;

    async fn run(&self, cx: &Context, progress: &mut Progress) -> Result<Outcome> {
        let lists = if only_changes(cx) { Listed::WITH_CHANGES } else { Listed::all(cx.provider()?.contacts_mode) };
        let position = match progress.position() {
            Some(position) => position,
            None => Position { finished: Vec::new(), walk: first_walk(cx, lists[0]).await? },
        };
        let mut fetch = Fetch { cx, lists, position, progress, since: Instant::now(), changes_before: HashSet::new() };
        while let Some(listed) = lists.get(fetch.position.finished.len()) {
            // A person may have chosen another mode since an earlier run stopped.
            if fetch.position.walk.listed != *listed {
                fetch.position.walk = first_walk(cx, *listed).await?;
            }
            match fetch.list().await? {
                Step::GoOn => {}
                Step::Stop => return Ok(Outcome::Continue),
            }
        }
        // Read before anything follows: what follows reads the whole directory too.
        let outcome = report(cx, &fetch.position.finished).await?;
        cx.store.job_follow(&cx.fence, &follow_up(cx, JobKind::Suggest)?).await?;
        cx.store.job_follow(&cx.fence, &follow_up(cx, JobKind::SyncLinked)?).await?;
        Ok(outcome)
    }
}

fn only_changes(cx: &Context) -> bool {
    cx.payload.get("changes").and_then(Value::as_bool).unwrap_or(false)
}

/// The walk with which a list begins: over what changed since it was known, where only that is asked for and it was known before.
async fn first_walk(cx: &Context, listed: Listed) -> Result<Walk> {
    let Some(subject) = listed.subject().filter(|_| only_changes(cx)) else { return Ok(Walk::new(listed)) };
    let known_to_ms = cx.store.walk_covered(&cx.scope, cx.provider()?.id, subject).await?;
    Ok(known_to_ms.map_or_else(|| Walk::new(listed), |since_ms| Walk::changes(listed, since_ms)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    GoOn,
    Stop,
}

/// One run over what is left.
struct Fetch<'a> {
    cx: &'a Context,
    lists: &'static [Listed],
    position: Position,
    progress: &'a mut Progress,
    /// The time since which nothing was added to the tally.
    since: Instant,
    /// The records of the last page of changes.
    changes_before: HashSet<i64>,
}

impl Fetch<'_> {
    /// Takes the present list to its end.
    async fn list(&mut self) -> Result<Step> {
        let (store, fence, provider) = (&self.cx.store, &self.cx.fence, self.cx.provider()?.id);
        let began_ms = match self.position.walk.listed.subject() {
            Some(subject) => store.walk_begin(fence, provider, subject).await?,
            None => store.person_walk_begin(fence, provider).await?,
        };
        loop {
            if self.cx.should_stop() {
                return Ok(Step::Stop);
            }
            match self.position.walk.stage {
                Stage::Pages | Stage::Inactive => self.pages().await?,
                Stage::CatchUp => self.changes(began_ms).await?,
                Stage::Agree => {
                    if self.agree().await? {
                        return Ok(Step::GoOn);
                    }
                }
            }
        }
    }

    /// Stores the pages of the present stage until the last one, or until the run should stop.
    async fn pages(&mut self) -> Result<()> {
        let (cx, mut walk) = (self.cx, self.position.walk);
        let list = List { company: cx.company().await?, span: None };
        let mut page = list.read_sure(&mut walk, &HashSet::new()).await?;
        loop {
            self.read_slipped(&mut walk, list).await?;
            let (before, goes_on) = (page.rows.ids(), page.turned.next.is_some() && !cx.should_stop());
            let noted = walk;
            walk.pass_page(page.turned);
            let next = async { if goes_on { list.read_sure(&mut walk, &before).await.map(Some) } else { Ok(None) } };
            let (stored, next) = tokio::join!(self.store_page(page, noted), next);
            stored?;
            match next? {
                Some(next) => page = next,
                None => return Ok(()),
            }
        }
    }

    /// Reads pages again to which rows slipped before the page that `walk` is at was read, and stores their rows. Rows that slip meanwhile
    /// come from the page after that, before which they are looked for.
    async fn read_slipped(&mut self, walk: &mut Walk, list: List<'_>) -> Result<()> {
        let slipped = walk.take_slipped();
        // From a page before them, so that one that comes instead of the first is known by its rows.
        let from = if slipped.is_empty() { slipped.start } else { slipped.start.saturating_sub(1).max(1) };
        let mut before = HashSet::new();
        for number in from..slipped.end {
            let again = list.read_sure_at(walk, number, &before).await?;
            before = again.rows.ids();
            self.store_rows(again.rows, self.position.walk, Counted::Nothing).await?;
        }
        Ok(())
    }

    /// Stores a page and goes past it; `noted` has what all calls until it said.
    async fn store_page(&mut self, page: Page, noted: Walk) -> Result<()> {
        let mut walk = self.position.walk;
        let known = walk.total();
        walk.take_notes(&noted);
        let learned = walk.total().unwrap_or(0).cast_signed() - known.unwrap_or(0).cast_signed();
        let counted = if walk.pass == 1 { Counted::Rows { learned } } else { Counted::Nothing };
        walk.pass_page(page.turned);
        self.store_rows(page.rows, walk, counted).await
    }

    /// Stores what changed since the walk began: rows that were added on pages read already, and rows that moved while they changed.
    async fn changes(&mut self, began_ms: i64) -> Result<()> {
        let mut walk = self.position.walk;
        let span = walk.changed_span(began_ms, self.cx.store.now_ms().await?);
        let list = List { company: self.cx.company().await?, span: Some(span) };
        if walk.next_page == 1 {
            self.changes_before.clear();
        }
        let page = list.read_sure(&mut walk, &self.changes_before).await?;
        self.changes_before = page.rows.ids();
        self.read_slipped(&mut walk, list).await?;
        walk.pass_page(page.turned);
        self.store_rows(page.rows, walk, Counted::Nothing).await
    }

    /// Stores the rows of a page of the present stage together with the checkpoint that goes on behind it, at `walk`. What the store
    /// answers is in the next checkpoint: after a crash the figures may miss one page's, never its rows.
    async fn store_rows(&mut self, rows: Rows, mut walk: Walk, counted: Counted) -> Result<()> {
        let (provider, stage) = (self.cx.provider()?.id, self.position.walk.stage);
        let done = match counted {
            Counted::Rows { learned } => {
                RowCounts { total: learned, succeeded: as_count(rows.len()).cast_signed(), ..RowCounts::default() }
            }
            Counted::Nothing => RowCounts::default(),
        };
        let (store, fence) = (&self.cx.store, &self.cx.fence);
        let mut position = Position { walk, ..self.position.clone() };
        let (stored, checkpoint) = match rows {
            Rows::Records(subject, records) => {
                let (records, keys) = normalised(subject, records).await?;
                self.note_time(&mut walk);
                position.walk = walk;
                let checkpoint = self.progress.checkpoint(self.cx, &position, phase(&position), done)?;
                let stored = match stage {
                    Stage::Inactive => store.inactive_vendors_store(fence, provider, &records, &keys, &checkpoint).await?,
                    Stage::Pages | Stage::CatchUp | Stage::Agree => {
                        store.directory_page_store(fence, provider, subject, &records, &keys, &checkpoint).await?
                    }
                };
                (stored, checkpoint)
            }
            Rows::People(people) => {
                self.note_time(&mut walk);
                position.walk = walk;
                let checkpoint = self.progress.checkpoint(self.cx, &position, phase(&position), done)?;
                (store.person_page_store(fence, provider, &people, &checkpoint).await?, checkpoint)
            }
        };
        self.position = position;
        let tally = self.position.walk.tally_of(stage);
        tally.note_stored(stored);
        tally.calls += checkpoint.done.calls;
        self.progress.saved(self.cx, checkpoint);
        Ok(())
    }

    /// Ends the walk; false when it proved nothing and the list is walked again.
    async fn agree(&mut self) -> Result<bool> {
        let mut walk = self.position.walk;
        self.note_time(&mut walk);
        let agrees = walk.pass == 1 && walk.first_pass_agrees();
        let summary = self.finish(walk.totals(), agrees).await?;
        walk.note_end(summary);
        // How many different records a later pass saw is known only now; ending a walk twice is ending it once.
        if walk.pass > 1 && walk.later_pass_agrees(&summary) {
            walk.note_end(self.finish(Totals::default(), true).await?);
        }
        if let (Some(subject), Some(covers_to_ms)) = (walk.listed.subject(), walk.covers_to_ms()) {
            let provider = self.cx.provider()?.id;
            self.cx.store.walk_covers(&self.cx.fence, provider, subject, covers_to_ms).await?;
        }
        let again = walk.again();
        if again {
            tracing::info!(job = %self.cx.fence.job, list = ?walk.listed, "the list moved under the walk: once more");
            self.position.walk = walk;
        } else {
            let partial = walk.is_partial();
            let inactive = (walk.has_inactive() && !partial).then_some(walk.inactive.tally);
            self.position.finished.push(Finished { listed: walk.listed, main: walk.main.tally, inactive, partial });
            self.position.walk = match self.lists.get(self.position.finished.len()) {
                Some(next) => first_walk(self.cx, *next).await?,
                None => walk,
            };
        }
        self.progress.save(self.cx, &self.position, phase(&self.position), RowCounts::default()).await?;
        Ok(!again)
    }

    async fn finish(&mut self, totals: Totals, agrees: bool) -> Result<WalkSummary> {
        let (store, fence, provider) = (&self.cx.store, &self.cx.fence, self.cx.provider()?.id);
        let checkpoint = self.progress.checkpoint(self.cx, &self.position, phase(&self.position), RowCounts::default())?;
        let summary = match self.position.walk.listed.subject() {
            Some(subject) => store.walk_finish(fence, provider, subject, totals, agrees, &checkpoint).await?,
            None => store.person_walk_finish(fence, provider, totals.main, agrees, &checkpoint).await?,
        };
        self.progress.saved(self.cx, checkpoint);
        Ok(summary)
    }

    /// Adds the time since the last call to the list of the present stage; `walk` may be past it.
    fn note_time(&mut self, walk: &mut Walk) {
        let tally = walk.tally_of(self.position.walk.stage);
        tally.elapsed_ms += u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
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

/// The rows of a page.
enum Rows {
    Records(Subject, Vec<Record>),
    People(Vec<Person>),
}

impl Rows {
    fn ids(&self) -> HashSet<i64> {
        match self {
            Self::Records(_, records) => records.iter().map(|record| record.id.0).collect(),
            Self::People(people) => people.iter().map(|person| person.id.0).collect(),
        }
    }

    /// Whether most of them are among the rows `before`. A few may be: rows that come at the front of a list move others a page on.
    fn are_mostly(&self, before: &HashSet<i64>) -> bool {
        self.ids().intersection(before).count() * 2 > self.len()
    }

    fn len(&self) -> usize {
        match self {
            Self::Records(_, records) => records.len(),
            Self::People(people) => people.len(),
        }
    }
}

/// A page of any list.
struct Page {
    rows: Rows,
    turned: Turned,
}

impl Page {
    fn of_records(subject: Subject, page: RecordPage) -> Self {
        Self { turned: Turned::from(&page), rows: Rows::Records(subject, page.records) }
    }

    fn of_people(page: PersonPage) -> Self {
        Self { turned: Turned::from(&page), rows: Rows::People(page.people) }
    }
}

/// The pages of a list, or of what changed in it.
#[derive(Clone, Copy)]
struct List<'a> {
    company: &'a Company,
    /// When it changed.
    span: Option<UpdatedRange>,
}

impl List<'_> {
    /// The page at which `walk` is, which notes every call.
    async fn read_sure(self, walk: &mut Walk, before: &HashSet<i64>) -> Result<Page> {
        self.read_sure_at(walk, walk.next_page, before).await
    }

    /// Page `number`. What can not be that page is read again: it is empty although the list goes on, or has most of the rows that the page
    /// before it had, whose ids are `before`. What is odd to the last is taken; the totals tell whether it was right.
    async fn read_sure_at(self, walk: &mut Walk, number: u32, before: &HashSet<i64>) -> Result<Page> {
        let mut reads = 0;
        loop {
            let page = self.read(walk, number).await?;
            walk.note(page.turned);
            reads += 1;
            let odd = if page.rows.len() == 0 { walk.expects_more(page.turned) } else { page.rows.are_mostly(before) };
            if !odd || reads == MOST_READS {
                return Ok(page);
            }
        }
    }

    async fn read(self, walk: &Walk, number: u32) -> Result<Page> {
        match (walk.listed.subject(), walk.stage) {
            (Some(subject), Stage::Inactive) => Ok(Page::of_records(subject, self.company.inactive_vendors(number).await?)),
            (Some(subject), Stage::Pages | Stage::CatchUp | Stage::Agree) => {
                Ok(Page::of_records(subject, self.company.page(subject, number, self.span).await?))
            }
            (None, Stage::Pages | Stage::Inactive | Stage::CatchUp | Stage::Agree) => {
                Ok(Page::of_people(self.company.people(number).await?))
            }
        }
    }
}

fn phase(position: &Position) -> &'static str {
    match (position.walk.listed, position.walk.stage) {
        (Listed::Vendor, Stage::Pages) => "vendors",
        (Listed::Vendor, Stage::Inactive) => "inactive vendors",
        (Listed::Vendor, Stage::CatchUp | Stage::Agree) => "vendors changed meanwhile",
        (Listed::Project, Stage::Pages | Stage::Inactive) => "projects",
        (Listed::Project, Stage::CatchUp | Stage::Agree) => "projects changed meanwhile",
        (Listed::Person, Stage::Pages | Stage::Inactive | Stage::CatchUp | Stage::Agree) => "people",
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
async fn report(cx: &Context, finished: &[Finished]) -> Result<Outcome> {
    let provider = cx.provider()?.id;
    let mut found = serde_json::Map::new();
    for list in finished {
        let mut shown = figures(&list.main);
        match list.listed.subject() {
            Some(subject) => {
                shown["buckets"] = json!(cx.store.directory_report(&cx.scope, provider, subject).await?);
                found.insert(subject.as_str().to_owned(), shown);
            }
            None => {
                found.insert("person".to_owned(), shown);
            }
        }
        if let Some(inactive) = &list.inactive {
            found.insert("inactive_vendor".to_owned(), figures(inactive));
        }
    }
    found.insert("complete".to_owned(), finished.iter().all(|list| list.main.complete).into());
    found.insert("changes".to_owned(), finished.iter().any(|list| list.partial).into());
    let found = Value::Object(found);
    Ok(if finished.iter().all(Finished::whole) { Outcome::Done(found) } else { Outcome::Partial(found) })
}

fn figures(tally: &Tally) -> Value {
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
    })
}
