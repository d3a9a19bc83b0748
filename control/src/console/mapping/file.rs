//! Decision files: the list as a CSV to be decided in a spreadsheet, and the way back with a preview of what it changes. Of a file, however
//! large, a few pieces are held.

use super::super::Console;
use super::super::failure::Failure;
use super::super::form::Submission;
use super::super::shell::{Alert, Shell, Visitor, html, html_with};
use super::super::words::number;
use super::view::{View, with};
use super::{Place, Words};
use crate::service::{ImportPreview, Imported, Service};
use askama::Template;
use axum::Extension;
use axum::body::Body;
use axum::extract::multipart::Field;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Query, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::stream;
use http::{StatusCode, header};
use linkyard_core::Error;
use linkyard_core::decision_file::{BYTE_ORDER_MARK, ImportOptions, LineReason, MOST_FILE_BYTES, MOST_FILE_ROWS, write_header};
use linkyard_core::id::ImportId;
use linkyard_core::mapping::{MappingFilter, OnLookalike};
use linkyard_core::scope::Scope;
use std::collections::HashMap;

/// What a form may have beside its file, in bytes.
const BESIDE: usize = 64 * 1024;

/// How far an export is.
struct Export {
    service: Service,
    scope: Scope,
    place: Place,
    filter: MappingFilter,
    /// What was read with the first page, which is read before the answer begins so that a refusal is one.
    read: Option<Vec<u8>>,
    next: Option<String>,
}

impl Export {
    async fn piece(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if let Some(read) = self.read.take() {
            return Ok(Some(read));
        }
        let Some(after) = self.next.take() else { return Ok(None) };
        let (provider, subject) = (self.place.provider, self.place.subject);
        let page = self.service.mapping_export(&self.scope, provider, subject, &self.filter, Some(after)).await?;
        self.next = page.1;
        Ok(Some(page.0))
    }
}

/// The rows that the list shows, on all its pages, as a file.
pub(crate) async fn export(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    place: Place,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Failure> {
    let (filter, scope) = (View::read(&query).filter(), visitor.scope().clone());
    let (page, next) = console.service.mapping_export(&scope, place.provider, place.subject, &filter, None).await?;
    let mut read = BYTE_ORDER_MARK.as_bytes().to_vec();
    write_header(&mut read);
    read.extend_from_slice(&page);
    let export = Export { service: console.service, scope, place, filter, read: Some(read), next };
    let pieces = stream::try_unfold(export, |mut export| async move {
        let piece = export.piece().await.inspect_err(|error| tracing::warn!(%error, "an export ended before its end"))?;
        Ok::<_, Error>(piece.map(|piece| (piece, export)))
    });
    let named = format!("attachment; filename=\"{}-mapping.csv\"", place.words().list);
    let headers = [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, named)];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

#[derive(Template)]
#[template(path = "mapping_import.html")]
struct ImportPage {
    shell: Shell,
    words: &'static Words,
    path: String,
    most_rows: String,
}

/// The form for a file.
pub(crate) async fn form(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    place: Place,
) -> Result<Response, Failure> {
    html(&page(&console, &visitor, &place, None).await?)
}

async fn page(console: &Console, visitor: &Visitor, place: &Place, alert: Option<Alert>) -> Result<ImportPage, Failure> {
    console.service.provider_get(visitor.scope(), place.provider).await?;
    Ok(ImportPage {
        shell: Shell::new(visitor, "Import choices").saying(alert),
        words: place.words(),
        path: place.path(),
        most_rows: number(MOST_FILE_ROWS),
    })
}

#[derive(Template)]
#[template(path = "mapping_preview.html")]
struct PreviewPage {
    shell: Shell,
    words: &'static Words,
    path: String,
    id: String,
    lines: u64,
    lines_text: String,
    applied: u64,
    matches: String,
    creates: String,
    ignores: String,
    unchanged: String,
    refused: u64,
    refused_text: String,
    refusals: Vec<Refused>,
    /// There are more of them.
    cut: bool,
    confirm: bool,
}

/// A line that would not be carried out.
struct Refused {
    line: String,
    why: &'static str,
    detail: String,
}

/// Takes a file in, shows what it would change, and keeps it until that is decided. Nothing is changed yet.
pub(crate) async fn preview(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    place: Place,
    mut request: Request,
) -> Result<Response, Failure> {
    let most = usize::try_from(MOST_FILE_BYTES).unwrap_or(usize::MAX).saturating_add(BESIDE);
    DefaultBodyLimit::max(most).apply(&mut request);
    let form = Multipart::from_request(request, &()).await.map_err(|_| Failure::unreadable())?;
    match take(&console, &visitor, &place, form).await {
        Ok(Taken { id, confirm, preview }) => html(&shown(&visitor, &place, id, confirm, &preview)),
        Err(Refusal::Said(failure)) => {
            html_with(failure.status, &page(&console, &visitor, &place, Some(Alert::bad(failure.message.clone()))).await?)
        }
        Err(Refusal::Unreadable) => Err(Failure::unreadable()),
    }
}

/// A file that was taken in.
struct Taken {
    id: Option<ImportId>,
    confirm: bool,
    preview: Box<ImportPreview>,
}

/// Why it was not.
enum Refusal {
    Said(Failure),
    Unreadable,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Said(Failure::from(error))
    }
}

async fn take(console: &Console, visitor: &Visitor, place: &Place, mut form: Multipart) -> Result<Taken, Refusal> {
    let mut confirm = false;
    while let Some(field) = form.next_field().await.map_err(|_| Refusal::Unreadable)? {
        match field.name() {
            Some("confirm") => confirm = field.text().await.map_err(|_| Refusal::Unreadable)? == "yes",
            Some("csv") => return take_file(console, visitor, place, confirm, field).await,
            _ => {}
        }
    }
    Err(Error::invalid("csv", "is missing: choose a file").into())
}

async fn take_file(
    console: &Console,
    visitor: &Visitor,
    place: &Place,
    confirm: bool,
    mut file: Field<'_>,
) -> Result<Taken, Refusal> {
    let options = ImportOptions { subject: place.subject, confirm, on_lookalike: OnLookalike::Hold };
    let (service, scope) = (&console.service, visitor.scope());
    // Read twice at once: by one that says what would be done, and by one that keeps it.
    let mut looked_at = service.import_open(scope, place.provider, options, true).await?;
    let mut kept = service.import_open(scope, place.provider, options, false).await?;
    let taken = async {
        while let Some(piece) = file.chunk().await.map_err(|_| Refusal::Unreadable)? {
            looked_at.take(&piece).await?;
            kept.take(&piece).await?;
        }
        match looked_at.finish(None).await? {
            Imported::Preview(preview) => Ok(preview),
            Imported::Job(_) => Err(Error::broken("a preview made a job").into()),
        }
    };
    let taken: Result<Box<ImportPreview>, Refusal> = taken.await;
    match taken {
        Ok(preview) if preview.counts.applied > 0 => {
            let id = kept.keep().await?;
            Ok(Taken { id, confirm, preview })
        }
        Ok(preview) => {
            kept.discard().await;
            Ok(Taken { id: None, confirm, preview })
        }
        Err(refusal) => {
            kept.discard().await;
            Err(refusal)
        }
    }
}

fn shown(visitor: &Visitor, place: &Place, id: Option<ImportId>, confirm: bool, preview: &ImportPreview) -> PreviewPage {
    let [matches, creates, ignores] = preview.decisions.map(number);
    let refusals = preview.refusals.iter().map(|row| Refused {
        line: number(row.line),
        why: row.reason.map(LineReason::sentence).unwrap_or_default(),
        detail: row.detail.clone(),
    });
    PreviewPage {
        shell: Shell::new(visitor, "What the file changes"),
        words: place.words(),
        path: place.path(),
        id: id.map(|id| id.to_string()).unwrap_or_default(),
        lines: preview.lines,
        lines_text: number(preview.lines),
        applied: preview.counts.applied,
        matches,
        creates,
        ignores,
        unchanged: number(preview.counts.unchanged),
        refused: preview.counts.refused,
        refused_text: number(preview.counts.refused),
        cut: preview.counts.refused > preview.refusals.len() as u64,
        refusals: refusals.collect(),
        confirm,
    }
}

/// Carries out a file that was looked at.
pub(crate) async fn start(
    State(console): State<Console>,
    Extension(visitor): Extension<Visitor>,
    place: Place,
    form: Submission,
) -> Result<Response, Failure> {
    let key = form.request_key()?;
    let id: ImportId = form.get("import").parse().map_err(|_| Failure::nowhere())?;
    let lines = form.get("lines").parse::<u64>().unwrap_or_default().min(MOST_FILE_ROWS);
    match console.service.import_start(visitor.scope(), id, lines, Some(&key)).await {
        Ok(job) => {
            let words = [("job", job.id.to_string()), ("notice", "import-started".to_owned())];
            Ok(Redirect::to(&with(&place.path(), &words)).into_response())
        }
        Err(Error::NotFound { resource: "import", .. }) => {
            let message =
                "This file was imported already, or is older than a day. Send it again to see what it would change now.";
            html_with(StatusCode::CONFLICT, &page(&console, &visitor, &place, Some(Alert::bad(message))).await?)
        }
        Err(error) => Err(error.into()),
    }
}
