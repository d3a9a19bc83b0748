//! Decision files: writing one page by page, and taking one in, piece by piece, for a preview or for a job. However large the file, a few
//! pieces of it are held.

use super::Service;
use linkyard_core::decision_file::{
    AskedLine, CHUNK_LINES, Columns, ImportOptions, ImportedRow, MOST_FILE_BYTES, MOST_FILE_ROWS, RowOutcome, Scanner, write_row,
};
use linkyard_core::error::{Violation, Violations};
use linkyard_core::id::{ImportId, JobId, ProviderId, RecordId};
use linkyard_core::job::Job;
use linkyard_core::mapping::{Decision, MappingFilter, MappingView, Subject};
use linkyard_core::page::{Page, PageRequest};
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use linkyard_store::{ImportCounts, ImportFilter, PART_BYTES, RequestKey};
use std::collections::HashMap;

/// Rows that are read at once for an export.
const EXPORT_PAGE: u32 = 1_000;

/// How many refusals a preview names.
const MOST_REFUSALS: usize = 100;

/// What would become of the lines of a file.
#[derive(Clone, Debug, Default)]
pub struct ImportPreview {
    /// Lines, without the header and blank ones.
    pub lines: u64,
    /// How many would be carried out, left, refused.
    pub counts: ImportCounts,
    /// Of those carried out: how many of each decision (MATCH, CREATE, `DO_NOT_ADD`).
    pub decisions: [u64; 3],
    /// The first refusals, at most 100.
    pub refusals: Vec<ImportedRow>,
}

/// What an import came to.
#[derive(Debug)]
pub enum Imported {
    /// Nothing was changed.
    Preview(Box<ImportPreview>),
    /// The job that carries the file out.
    Job(Box<Job>),
}

/// A file on its way in.
#[derive(Debug)]
pub struct Upload {
    service: Service,
    scope: Scope,
    provider: ProviderId,
    options: ImportOptions,
    scanner: Scanner,
    columns: Option<Columns>,
    bytes: u64,
    lines: u64,
    /// What is wrong with the header.
    problems: Vec<Violation>,
    goes: Goes,
}

/// Where a file goes.
#[derive(Debug)]
enum Goes {
    /// Into a preview, with the lines that were not judged yet and those that named a record first.
    Nowhere { preview: Box<ImportPreview>, waiting: Vec<AskedLine>, seen: HashMap<RecordId, u64> },
    /// Into the store, with the bytes that do not fill a part yet.
    Store { id: ImportId, parts: u64, rest: Vec<u8> },
}

impl Service {
    /// The next rows of a mapping as lines of a decision file, and the key to go on with; `None` after the last.
    ///
    /// # Errors
    /// As [`Service::mapping_list`].
    pub async fn mapping_export(
        &self,
        scope: &Scope,
        provider: ProviderId,
        subject: Subject,
        filter: &MappingFilter,
        after: Option<String>,
    ) -> Result<(Vec<u8>, Option<String>)> {
        let page = PageRequest { size: EXPORT_PAGE, after };
        let page = self.store.mapping_list(scope, provider, subject, filter, MappingView::BASIC, &page).await?;
        let mut lines = Vec::new();
        page.rows.iter().for_each(|mapping| write_row(&mut lines, mapping));
        Ok((lines, page.next))
    }

    /// Begins to take a file in; with `preview` nothing is stored.
    ///
    /// # Errors
    /// `NotFound` for the provider; `Conflict(State)` while it is `PENDING_APPROVAL` or being deleted (not for a preview).
    pub async fn import_open(
        &self,
        scope: &Scope,
        provider: ProviderId,
        options: ImportOptions,
        preview: bool,
    ) -> Result<Upload> {
        let goes = if preview {
            self.store.provider_get(scope, provider).await?;
            Goes::Nowhere { preview: Box::default(), waiting: Vec::new(), seen: HashMap::new() }
        } else {
            Goes::Store { id: self.store.import_open(scope, provider, &options).await?, parts: 0, rest: Vec::new() }
        };
        Ok(Upload {
            service: self.clone(),
            scope: scope.clone(),
            provider,
            options,
            scanner: Scanner::new(),
            columns: None,
            bytes: 0,
            lines: 0,
            problems: Vec::new(),
            goes,
        })
    }

    /// Makes the job that carries out a file of `lines` lines that was kept; the same request gets the job that it made before.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::import_start`].
    pub async fn import_start(&self, scope: &Scope, id: ImportId, lines: u64, request: Option<&RequestKey>) -> Result<Job> {
        let job = self.store.import_start(scope, id, lines, request).await?;
        self.ring();
        Ok(job)
    }

    /// The lines of an import that were looked at.
    ///
    /// # Errors
    /// As [`linkyard_store::Store::import_rows`].
    pub async fn import_rows(
        &self,
        scope: &Scope,
        job: JobId,
        filter: &ImportFilter,
        page: &PageRequest,
    ) -> Result<Page<ImportedRow>> {
        self.store.import_rows(scope, job, filter, page).await
    }
}

impl Upload {
    /// Takes the next piece of the file.
    ///
    /// # Errors
    /// `Invalid` with everything that is wrong so far when the file is too large; as the store's functions.
    pub async fn take(&mut self, piece: &[u8]) -> Result<()> {
        self.bytes += piece.len() as u64;
        if self.bytes > MOST_FILE_BYTES {
            return self.check();
        }
        self.scanner.feed(piece);
        self.read().await?;
        let Goes::Store { id, parts, rest } = &mut self.goes else { return Ok(()) };
        rest.extend_from_slice(piece);
        while rest.len() >= PART_BYTES {
            self.service.store.import_part_store(&self.scope, *id, *parts, &rest[..PART_BYTES]).await?;
            rest.drain(..PART_BYTES);
            *parts += 1;
        }
        Ok(())
    }

    /// Ends the file: makes the preview, or the job.
    ///
    /// # Errors
    /// `Invalid` with everything that is wrong with the file as a whole; as [`linkyard_store::Store::import_start`].
    pub async fn finish(&mut self, request: Option<&RequestKey>) -> Result<Imported> {
        self.scanner.end();
        self.read().await?;
        self.check()?;
        self.judge().await?;
        match &mut self.goes {
            Goes::Nowhere { preview, .. } => {
                preview.lines = self.lines;
                Ok(Imported::Preview(std::mem::take(preview)))
            }
            Goes::Store { id, parts, rest } => {
                if !rest.is_empty() {
                    self.service.store.import_part_store(&self.scope, *id, *parts, rest).await?;
                }
                let job = self.service.store.import_start(&self.scope, *id, self.lines, request).await?;
                self.service.ring();
                Ok(Imported::Job(Box::new(job)))
            }
        }
    }

    /// Ends the file and keeps it without a job: for a day it waits for [`Service::import_start`]. `None` for a preview, of which nothing
    /// is kept.
    ///
    /// # Errors
    /// `Invalid` with everything that is wrong with the file as a whole; as the store's functions.
    pub async fn keep(&mut self) -> Result<Option<ImportId>> {
        self.scanner.end();
        self.read().await?;
        self.check()?;
        let Goes::Store { id, parts, rest } = &mut self.goes else { return Ok(None) };
        if !rest.is_empty() {
            self.service.store.import_part_store(&self.scope, *id, *parts, rest).await?;
        }
        Ok(Some(*id))
    }

    /// Forgets what was sent of a file that was refused. Best effort: what stays is purged a day later.
    pub async fn discard(self) {
        if let Goes::Store { id, .. } = self.goes
            && let Err(error) = self.service.store.import_discard(&self.scope, id).await
        {
            tracing::warn!(%error, import = %id, "a decision file that was refused stays until it is purged");
        }
    }

    /// Reads what was fed.
    async fn read(&mut self) -> Result<()> {
        while let Some(line) = self.scanner.next_line() {
            if self.columns.is_none() && self.problems.is_empty() {
                match Columns::read(&line) {
                    Ok(columns) => self.columns = Some(columns),
                    Err(Error::Invalid(problems)) => self.problems = problems,
                    Err(error) => return Err(error),
                }
                continue;
            }
            self.lines += 1;
            if self.lines > MOST_FILE_ROWS {
                return self.check();
            }
            if let (Goes::Nowhere { waiting, .. }, Some(columns)) = (&mut self.goes, &self.columns) {
                waiting.push(columns.ask(&line, self.provider, &self.options));
                if waiting.len() >= CHUNK_LINES {
                    self.judge().await?;
                }
            }
        }
        Ok(())
    }

    /// Everything that is wrong with the file as a whole.
    fn check(&self) -> Result<()> {
        let mut violations = Violations::default();
        for problem in &self.problems {
            violations.add(problem.field.clone(), problem.problem.clone());
        }
        if self.bytes > MOST_FILE_BYTES {
            violations.add("csv", format!("has more than {MOST_FILE_BYTES} bytes: split the file"));
        }
        if self.lines > MOST_FILE_ROWS {
            violations.add("csv", format!("has more than {MOST_FILE_ROWS} lines: split the file"));
        }
        if self.columns.is_none() && self.problems.is_empty() && self.bytes <= MOST_FILE_BYTES {
            violations.add("csv", "is empty: its first line names the columns");
        } else if self.lines == 0 && self.bytes <= MOST_FILE_BYTES {
            violations.add("csv", "has no line below its header");
        }
        violations.finish(())
    }

    /// Adds what waits to the preview.
    async fn judge(&mut self) -> Result<()> {
        let Goes::Nowhere { preview, waiting, seen } = &mut self.goes else { return Ok(()) };
        let lines = std::mem::take(waiting);
        let judged = self.service.store.import_preview(&self.scope, self.provider, &self.options, &lines, seen).await?;
        for (row, decision) in judged {
            match row.outcome {
                RowOutcome::Applied => preview.counts.applied += 1,
                RowOutcome::Unchanged => preview.counts.unchanged += 1,
                RowOutcome::Refused => preview.counts.refused += 1,
            }
            for (counted, known) in preview.decisions.iter_mut().zip(Decision::ALL) {
                *counted += u64::from(decision == Some(known));
            }
            if row.outcome == RowOutcome::Refused && preview.refusals.len() < MOST_REFUSALS {
                preview.refusals.push(row);
            }
        }
        Ok(())
    }
}
