//! Carries the lines of a decision file into the mapping: drafts, or confirmed decisions and the job that links them. Safe to run again: a
//! line that has a result is left alone, and what was handed over to a link job is not handed over twice.

use super::Job;
use crate::context::Context;
use crate::progress::Progress;
use linkyard_core::Result;
use linkyard_core::decision_file::{AskedLine, CHUNK_LINES, Columns, Place, Scanner};
use linkyard_core::job::{JobKind, Outcome, RowCounts};
use linkyard_store::{Import, PART_BYTES};

pub(crate) struct ImportDecisions;

impl Job for ImportDecisions {
    const KIND: JobKind = JobKind::ImportDecisions;

    async fn run(&self, cx: &Context, progress: &mut Progress) -> Result<Outcome> {
        let Some(import) = cx.store.import_of_job(&cx.fence).await? else {
            tracing::warn!(job = %cx.fence.job, "the decision file of job {} is gone", cx.fence.job);
            return Ok(Outcome::Done(serde_json::json!({})));
        };
        let Some(mut file) = File::open(cx, import).await? else {
            tracing::warn!(job = %cx.fence.job, "the decision file of job {} is empty", cx.fence.job);
            return Ok(Outcome::Done(serde_json::json!({})));
        };
        if let Some(place) = progress.position::<Place>() {
            file.go_on_at(place);
        } else if cx.counts.total == 0 {
            let rows = i64::try_from(cx.store.import_remaining(&cx.fence, &import).await?).unwrap_or(i64::MAX);
            progress.save(cx, &file.scanner.place(), "deciding", RowCounts { total: rows, ..RowCounts::default() }).await?;
        }
        loop {
            if cx.should_stop() {
                return Ok(Outcome::Continue);
            }
            let (lines, place) = file.next_lines(cx).await?;
            if lines.is_empty() {
                break;
            }
            let checkpoint = progress.checkpoint(cx, &place, "deciding", RowCounts::default())?;
            let done = cx.store.import_lines(&cx.fence, &import, &lines, &checkpoint).await?;
            progress.saved(cx, checkpoint);
            tracing::debug!(job = %cx.fence.job, applied = done.succeeded, refused = done.failed, "importing decisions");
        }
        let (counts, link_job) = cx.store.import_finish(&cx.fence, &import).await?;
        let mut found = serde_json::json!(counts);
        if let Some(link_job) = link_job {
            found["link_job"] = link_job.to_string().into();
        }
        Ok(Outcome::Done(found))
    }
}

/// A file that is read part by part.
struct File {
    import: Import,
    columns: Columns,
    scanner: Scanner,
    /// The part that is fed next, and how many of its bytes were cut off before.
    part: u64,
    within: usize,
}

impl File {
    /// Opens the file of the job and reads its header; `None` when it has none, which was refused when it came.
    async fn open(cx: &Context, import: Import) -> Result<Option<Self>> {
        let mut scanner = Scanner::new();
        let mut part = 0;
        loop {
            if let Some(header) = scanner.next_line() {
                let columns = Columns::read(&header)?;
                return Ok(Some(Self { import, columns, scanner, part, within: 0 }));
            }
            match cx.store.import_part(&cx.fence, &import, part).await? {
                Some(bytes) => scanner.feed(&bytes),
                None => return Ok(None),
            }
            part += 1;
        }
    }

    /// Goes on where an earlier run stopped.
    fn go_on_at(&mut self, place: Place) {
        self.scanner = Scanner::at(place, self.scanner.delimiter());
        let size = PART_BYTES as u64;
        self.part = place.offset / size;
        self.within = usize::try_from(place.offset % size).unwrap_or_default();
    }

    /// The next lines, and where reading goes on after them; none at the end of the file.
    async fn next_lines(&mut self, cx: &Context) -> Result<(Vec<AskedLine>, Place)> {
        let mut lines = Vec::with_capacity(CHUNK_LINES);
        let mut place = self.scanner.place();
        let mut ended = false;
        while lines.len() < CHUNK_LINES {
            if let Some(line) = self.scanner.next_line() {
                place = line.next;
                lines.push(self.columns.ask(&line, self.import.provider, &self.import.options));
                continue;
            }
            if ended {
                break;
            }
            match cx.store.import_part(&cx.fence, &self.import, self.part).await? {
                Some(bytes) => self.scanner.feed(bytes.get(self.within..).unwrap_or_default()),
                None => {
                    self.scanner.end();
                    ended = true;
                }
            }
            self.part += 1;
            self.within = 0;
        }
        Ok((lines, place))
    }
}
