//! Decision files in and out, for both mapping services: they differ in the types of their messages and in the subject.

use super::Api;
use super::decision;
use crate::names::PROVIDERS;
use crate::request::Caller;
use crate::service::{Imported, Upload};
use crate::status::{stamp, to_status};
use crate::wire;
use futures_util::{Stream, StreamExt, stream};
use linkyard_core::decision_file::{BYTE_ORDER_MARK, ImportOptions, write_header};
use linkyard_core::error::Violations;
use linkyard_core::id::ProviderId;
use linkyard_core::mapping::{MappingFilter, Subject};
use linkyard_core::{Error, Result};
use linkyard_proto::v1;
use linkyard_store::RequestKey;
use prost::Message;
use sha2::{Digest, Sha256};
use std::pin::Pin;
use tonic::Status;

/// The most bytes of a piece: well below what a client takes in one message, however long the names are.
const LARGEST_PIECE: usize = 256 * 1024;

/// One message of an import, whichever service it came to.
#[derive(Debug)]
pub(crate) enum Part {
    Start(v1::DecisionImport),
    Piece(Vec<u8>),
    Nothing,
}

/// Pieces of a file.
pub(crate) type Pieces<T> = Pin<Box<dyn Stream<Item = std::result::Result<T, Status>> + Send>>;

/// How far an export is.
struct Export {
    api: Api,
    caller: Caller,
    provider: ProviderId,
    subject: Subject,
    filter: MappingFilter,
    /// What is read and not sent yet.
    read: Vec<u8>,
    sent: usize,
    /// Where to go on reading; `None` when everything is read.
    next: Option<String>,
}

impl Export {
    async fn piece(&mut self) -> Result<Option<Vec<u8>>> {
        if self.sent == self.read.len() {
            let Some(after) = self.next.take() else { return Ok(None) };
            let (service, scope) = (&self.api.service, &self.caller.scope);
            let page = service.mapping_export(scope, self.provider, self.subject, &self.filter, Some(after)).await?;
            (self.read, self.next, self.sent) = (page.0, page.1, 0);
        }
        let end = self.read.len().min(self.sent + LARGEST_PIECE);
        let piece = self.read[self.sent..end].to_vec();
        self.sent = end;
        Ok(Some(piece))
    }
}

impl Api {
    /// The mapping as a decision file. The first page is read before the answer begins, so that a refusal is one.
    pub(crate) async fn mapping_export<T: 'static>(
        &self,
        caller: Caller,
        subject: Subject,
        request: (String, Option<v1::MappingFilter>, bool),
        message: fn(Vec<u8>) -> T,
    ) -> Result<Pieces<T>> {
        let (parent, filter, byte_order_mark) = request;
        let provider: ProviderId = PROVIDERS.parse("parent", &parent)?;
        let filter = decision::filter(filter.as_ref())?;
        let (page, next) = self.service.mapping_export(&caller.scope, provider, subject, &filter, None).await?;
        let mut read = if byte_order_mark { BYTE_ORDER_MARK.as_bytes().to_vec() } else { Vec::new() };
        write_header(&mut read);
        read.extend_from_slice(&page);
        let export = Export { api: self.clone(), caller, provider, subject, filter, read, sent: 0, next };
        let pieces = stream::unfold(Some(export), move |export| async move {
            let mut export = export?;
            match export.piece().await {
                Ok(Some(piece)) => Some((Ok(message(piece)), Some(export))),
                Ok(None) => None,
                Err(error) => Some((Err(stamp(&to_status(error), &export.caller.request_id)), None)),
            }
        });
        Ok(Box::pin(pieces))
    }

    /// Takes a decision file in; answers the job, or the preview.
    pub(crate) async fn decisions_import(
        &self,
        caller: &Caller,
        subject: Subject,
        mut parts: impl Stream<Item = std::result::Result<Part, Status>> + Send + Unpin,
    ) -> std::result::Result<(Option<v1::Job>, Option<v1::ImportPreview>), Status> {
        let Some(Part::Start(start)) = parts.next().await.transpose()? else {
            return Err(to_status(Error::invalid("start", "must be in the first message")));
        };
        let (provider, options) = options(subject, &start).map_err(to_status)?;
        caller.request_key(&start.request_id, &start).map_err(to_status)?;
        let upload = self.service.import_open(&caller.scope, provider, options, start.validate_only).await;
        let mut upload = upload.map_err(to_status)?;
        match take_in(caller, &start, &mut upload, parts).await {
            Ok(Imported::Job(job)) => Ok((Some(wire::job(&job)), None)),
            Ok(Imported::Preview(preview)) => Ok((None, Some(wire::import_preview(&preview)))),
            Err(status) => {
                upload.discard().await;
                Err(status)
            }
        }
    }
}

async fn take_in(
    caller: &Caller,
    start: &v1::DecisionImport,
    upload: &mut Upload,
    mut parts: impl Stream<Item = std::result::Result<Part, Status>> + Send + Unpin,
) -> std::result::Result<Imported, Status> {
    // Over the bytes, however they are cut into pieces: a caller that sends the file again may cut it differently.
    let mut body = Sha256::new_with_prefix(start.encode_to_vec());
    while let Some(part) = parts.next().await.transpose()? {
        let Part::Piece(piece) = part else {
            return Err(to_status(Error::invalid("csv", "is missing: every message but the first carries a piece of the file")));
        };
        body.update(&piece);
        upload.take(&piece).await.map_err(to_status)?;
    }
    let key = caller.request_key(&start.request_id, start).map_err(to_status)?;
    let key = key.map(|key| RequestKey { body_sha256: body.finalize().into(), ..key });
    upload.finish(key.as_ref()).await.map_err(to_status)
}

fn options(subject: Subject, start: &v1::DecisionImport) -> Result<(ProviderId, ImportOptions)> {
    let mut violations = Violations::default();
    let provider = PROVIDERS.note("start.parent", &start.parent, &mut violations);
    let on_lookalike = decision::on_lookalike(
        "start.on_lookalike",
        start.on_lookalike,
        linkyard_core::mapping::OnLookalike::Hold,
        &mut violations,
    );
    violations.finish(())?;
    let (Some(provider), Some(on_lookalike)) = (provider, on_lookalike) else {
        return Err(Error::broken("an import without violations has no provider"));
    };
    Ok((provider, ImportOptions { subject, confirm: start.confirm, on_lookalike }))
}
