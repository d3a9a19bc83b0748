//! The two sides of mapping behind one face: vendors to parties, provider projects to projects. The API has a service for each with the
//! same shapes; which one is called is decided here and nowhere else.

use super::session::{Session, call};
use anyhow::Result;
use linkyard_proto::v1::party_mapping_service_client::PartyMappingServiceClient;
use linkyard_proto::v1::project_mapping_service_client::ProjectMappingServiceClient;
use linkyard_proto::v1::{
    self, BatchDeclinePartySuggestionsRequest, BatchDeclineProjectSuggestionsRequest, BatchUnlinkPartyMappingsRequest,
    BatchUnlinkProjectMappingsRequest, BatchUpdatePartyMappingsRequest, BatchUpdateProjectMappingsRequest, ConfirmFilter,
    ConfirmGroup, ConfirmPartyMappingsRequest, ConfirmPartyMappingsResponse, ConfirmProjectMappingsRequest, ConfirmRows,
    CountPartyMappingsRequest, CountPartyMappingsResponse, CountProjectMappingsRequest, DecisionImport, DeclineRow, DraftUpdate,
    GetPartyMappingRequest, GetProjectMappingRequest, ListPartyMappingsRequest, ListProjectMappingsRequest, Mapping,
    MappingFilter, MappingView, UnlinkRow,
};
use std::sync::Arc;
use tokio_stream::Stream;
use tonic::Request;

/// Which list of the directory is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Vendors, to parties.
    Parties,
    /// Provider projects, to projects.
    Projects,
}

/// The rows of a confirm.
#[derive(Clone, Debug)]
pub(crate) enum Selection {
    /// Named one by one.
    Rows(ConfirmRows),
    /// Selected by a filter.
    Filter(ConfirmFilter),
    /// Those of a group of suspected duplicates.
    Group(ConfirmGroup),
}

impl Side {
    /// The collection in names of mappings.
    pub(crate) fn collection(self) -> &'static str {
        match self {
            Self::Parties => "partyMappings",
            Self::Projects => "projectMappings",
        }
    }

    /// The collection in names of what a record is matched to.
    pub(crate) fn targets(self) -> &'static str {
        match self {
            Self::Parties => "parties",
            Self::Projects => "projects",
        }
    }

    /// One mapping, in full.
    ///
    /// # Errors
    /// The server's status.
    pub(crate) async fn get(self, session: &Session, name: String) -> Result<Mapping> {
        match self {
            Self::Parties => {
                let request = GetPartyMappingRequest { name };
                call!(session, PartyMappingServiceClient, get_party_mapping, request).await
            }
            Self::Projects => {
                let request = GetProjectMappingRequest { name };
                call!(session, ProjectMappingServiceClient, get_project_mapping, request).await
            }
        }
    }

    /// One page of mappings and the token of the next.
    ///
    /// # Errors
    /// The server's status.
    pub(crate) async fn list(
        self,
        session: &Session,
        parent: &str,
        (page_size, page_token): (i32, String),
        filter: &MappingFilter,
        (view, order_by): (MappingView, &str),
    ) -> Result<(Vec<Mapping>, String)> {
        let (parent, filter, view) = (parent.to_owned(), Some(filter.clone()), view.into());
        let order_by = order_by.to_owned();
        match self {
            Self::Parties => {
                let request = ListPartyMappingsRequest { parent, page_size, page_token, filter, view, order_by };
                let page = call!(session, PartyMappingServiceClient, list_party_mappings, request).await?;
                Ok((page.mappings, page.next_page_token))
            }
            Self::Projects => {
                let request = ListProjectMappingsRequest { parent, page_size, page_token, filter, view, order_by };
                let page = call!(session, ProjectMappingServiceClient, list_project_mappings, request).await?;
                Ok((page.mappings, page.next_page_token))
            }
        }
    }

    /// How many mappings are in which state.
    ///
    /// # Errors
    /// The server's status.
    pub(crate) async fn counts(self, session: &Session, parent: String) -> Result<CountPartyMappingsResponse> {
        match self {
            Self::Parties => {
                let request = CountPartyMappingsRequest { parent };
                call!(session, PartyMappingServiceClient, count_party_mappings, request).await
            }
            Self::Projects => {
                let request = CountProjectMappingsRequest { parent };
                let answer = call!(session, ProjectMappingServiceClient, count_project_mappings, request).await?;
                Ok(CountPartyMappingsResponse { counts: answer.counts, bands: answer.bands })
            }
        }
    }

    /// Says what records are not, at most 1,000: all of them or none.
    ///
    /// # Errors
    /// The server's status.
    pub(crate) async fn decline(
        self,
        session: &Session,
        parent: &str,
        rows: Vec<DeclineRow>,
        request_id: String,
    ) -> Result<Vec<Mapping>> {
        let parent = parent.to_owned();
        match self {
            Self::Parties => {
                let request = BatchDeclinePartySuggestionsRequest { parent, rows, request_id };
                Ok(call!(session, PartyMappingServiceClient, batch_decline_party_suggestions, request).await?.mappings)
            }
            Self::Projects => {
                let request = BatchDeclineProjectSuggestionsRequest { parent, rows, request_id };
                Ok(call!(session, ProjectMappingServiceClient, batch_decline_project_suggestions, request).await?.mappings)
            }
        }
    }

    /// Takes links away, at most 1,000: all of them or none.
    ///
    /// # Errors
    /// The server's status.
    pub(crate) async fn unlink(
        self,
        session: &Session,
        parent: &str,
        rows: Vec<UnlinkRow>,
        request_id: String,
    ) -> Result<Vec<Mapping>> {
        let parent = parent.to_owned();
        match self {
            Self::Parties => {
                let request = BatchUnlinkPartyMappingsRequest { parent, rows, request_id };
                Ok(call!(session, PartyMappingServiceClient, batch_unlink_party_mappings, request).await?.mappings)
            }
            Self::Projects => {
                let request = BatchUnlinkProjectMappingsRequest { parent, rows, request_id };
                Ok(call!(session, ProjectMappingServiceClient, batch_unlink_project_mappings, request).await?.mappings)
            }
        }
    }

    /// Saves drafts, at most 1,000: all of them or none.
    ///
    /// # Errors
    /// The server's status.
    pub(crate) async fn update(
        self,
        session: &Session,
        parent: &str,
        updates: Vec<DraftUpdate>,
        request_id: String,
    ) -> Result<Vec<Mapping>> {
        let parent = parent.to_owned();
        match self {
            Self::Parties => {
                let request = BatchUpdatePartyMappingsRequest { parent, updates, request_id };
                Ok(call!(session, PartyMappingServiceClient, batch_update_party_mappings, request).await?.mappings)
            }
            Self::Projects => {
                let request = BatchUpdateProjectMappingsRequest { parent, updates, request_id };
                Ok(call!(session, ProjectMappingServiceClient, batch_update_project_mappings, request).await?.mappings)
            }
        }
    }

    /// Confirms, or makes only the plan. The answers of both services have the same fields; the parties' stands for both.
    ///
    /// # Errors
    /// The server's status.
    pub(crate) async fn confirm(
        self,
        session: &Session,
        parent: &str,
        selection: &Selection,
        request_id: String,
        validate_only: bool,
    ) -> Result<ConfirmPartyMappingsResponse> {
        let (parent, selection) = (parent.to_owned(), selection.clone());
        match self {
            Self::Parties => {
                use v1::confirm_party_mappings_request::Selection as Wire;
                let selection = Some(match selection {
                    Selection::Rows(rows) => Wire::Rows(rows),
                    Selection::Filter(filter) => Wire::Filter(filter),
                    Selection::Group(group) => Wire::Group(group),
                });
                let request = ConfirmPartyMappingsRequest { parent, selection, request_id, validate_only };
                call!(session, PartyMappingServiceClient, confirm_party_mappings, request).await
            }
            Self::Projects => {
                use v1::confirm_project_mappings_request::Selection as Wire;
                let selection = Some(match selection {
                    Selection::Rows(rows) => Wire::Rows(rows),
                    Selection::Filter(filter) => Wire::Filter(filter),
                    Selection::Group(group) => Wire::Group(group),
                });
                let request = ConfirmProjectMappingsRequest { parent, selection, request_id, validate_only };
                let answer = call!(session, ProjectMappingServiceClient, confirm_project_mappings, request).await?;
                Ok(ConfirmPartyMappingsResponse { plan: answer.plan, job: answer.job })
            }
        }
    }

    /// The mapping as a decision file; `write` takes its pieces.
    ///
    /// # Errors
    /// The server's status; what `write` ends with.
    pub(crate) async fn export(
        self,
        session: &Session,
        parent: &str,
        filter: &MappingFilter,
        byte_order_mark: bool,
        mut write: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let (parent, filter) = (parent.to_owned(), Some(filter.clone()));
        let explain = |status| session.explain(status);
        match self {
            Self::Parties => {
                let request = session.request(v1::ExportPartyMappingsRequest { parent, filter, byte_order_mark });
                let answer = PartyMappingServiceClient::new(session.channel()).export_party_mappings(request).await;
                let mut pieces = answer.map_err(explain)?.into_inner();
                while let Some(piece) = pieces.message().await.map_err(explain)? {
                    write(&piece.csv)?;
                }
            }
            Self::Projects => {
                let request = session.request(v1::ExportProjectMappingsRequest { parent, filter, byte_order_mark });
                let answer = ProjectMappingServiceClient::new(session.channel()).export_project_mappings(request).await;
                let mut pieces = answer.map_err(explain)?.into_inner();
                while let Some(piece) = pieces.message().await.map_err(explain)? {
                    write(&piece.csv)?;
                }
            }
        }
        Ok(())
    }

    /// Sends a decision file; the job or the preview. The answers of both services have the same fields; the parties' stands for both.
    ///
    /// # Errors
    /// The server's status.
    pub(crate) async fn import(
        self,
        session: &Session,
        start: DecisionImport,
        file: Arc<[u8]>,
    ) -> Result<v1::ImportPartyDecisionsResponse> {
        use v1::import_party_decisions_request::Part as PartyPart;
        use v1::import_project_decisions_request::Part as ProjectPart;
        match self {
            Self::Parties => {
                let message = |part| v1::ImportPartyDecisionsRequest { part: Some(part) };
                let sent = session.call((start, file), |channel, request| async move {
                    let request = pieces(request, PartyPart::Start, PartyPart::Csv, message);
                    PartyMappingServiceClient::new(channel).import_party_decisions(request).await
                });
                sent.await
            }
            Self::Projects => {
                let message = |part| v1::ImportProjectDecisionsRequest { part: Some(part) };
                let sent = session.call((start, file), |channel, request| async move {
                    let request = pieces(request, ProjectPart::Start, ProjectPart::Csv, message);
                    ProjectMappingServiceClient::new(channel).import_project_decisions(request).await
                });
                let answer = sent.await?;
                Ok(v1::ImportPartyDecisionsResponse { job: answer.job, preview: answer.preview })
            }
        }
    }
}

/// Bytes of a file in one message.
const PIECE: usize = 256 * 1024;

/// A request whose messages are the beginning of an import and the pieces of its file.
fn pieces<P, M>(
    request: Request<(DecisionImport, Arc<[u8]>)>,
    start: fn(DecisionImport) -> P,
    piece: fn(Vec<u8>) -> P,
    message: fn(P) -> M,
) -> Request<impl Stream<Item = M>> {
    request.map(|(first, file)| {
        let number = file.len().div_ceil(PIECE);
        let rest = (0..number).map(move |index| piece(file[index * PIECE..file.len().min((index + 1) * PIECE)].to_vec()));
        tokio_stream::iter(std::iter::once(start(first)).chain(rest).map(message))
    })
}
