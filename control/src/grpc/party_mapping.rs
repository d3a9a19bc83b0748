//! `PartyMappingService`: which vendor is which party. The work is in the common part.

use super::decision::Wanted;
use super::decision_file::{Part, Pieces};
use super::mapping::Confirm;
use super::{Api, Reply};
use crate::request::open;
use crate::status::to_status;
use futures_util::StreamExt;
use linkyard_core::mapping::Subject;
use linkyard_proto::v1;
use linkyard_proto::v1::party_mapping_service_server::PartyMappingService;
use tonic::{Request, Response, Streaming};

const SUBJECT: Subject = Subject::Vendor;

#[tonic::async_trait]
impl PartyMappingService for Api {
    type ExportPartyMappingsStream = Pieces<v1::ExportPartyMappingsResponse>;

    async fn get_party_mapping(&self, request: Request<v1::GetPartyMappingRequest>) -> Reply<v1::Mapping> {
        let (caller, message) = open(request)?;
        let mapping = self.mapping_get(&caller, SUBJECT, &message.name).await.map_err(to_status)?;
        Ok(Response::new(mapping))
    }

    async fn list_party_mappings(&self, request: Request<v1::ListPartyMappingsRequest>) -> Reply<v1::ListPartyMappingsResponse> {
        let (caller, mut message) = open(request)?;
        let listing = self.pages.open(&caller, &mut message).map_err(to_status)?;
        let filter = message.filter.as_ref();
        let listed =
            self.mapping_list(&caller, SUBJECT, &message.parent, filter, (message.view, &message.order_by), &listing).await;
        let (mappings, next_page_token) = listed.map_err(to_status)?;
        Ok(Response::new(v1::ListPartyMappingsResponse { mappings, next_page_token }))
    }

    async fn count_party_mappings(
        &self,
        request: Request<v1::CountPartyMappingsRequest>,
    ) -> Reply<v1::CountPartyMappingsResponse> {
        let (caller, message) = open(request)?;
        let (counts, bands) = self.mapping_counts(&caller, SUBJECT, &message.parent).await.map_err(to_status)?;
        Ok(Response::new(v1::CountPartyMappingsResponse { counts, bands }))
    }

    async fn batch_update_party_mappings(
        &self,
        request: Request<v1::BatchUpdatePartyMappingsRequest>,
    ) -> Reply<v1::BatchUpdatePartyMappingsResponse> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let saved = self.mapping_drafts(&caller, SUBJECT, &message.parent, &message.updates, key.as_ref()).await;
        Ok(Response::new(v1::BatchUpdatePartyMappingsResponse { mappings: saved.map_err(to_status)? }))
    }

    async fn confirm_party_mappings(
        &self,
        request: Request<v1::ConfirmPartyMappingsRequest>,
    ) -> Reply<v1::ConfirmPartyMappingsResponse> {
        use v1::confirm_party_mappings_request::Selection;
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let wanted = message.selection.map(|selection| match selection {
            Selection::Rows(rows) => Wanted::Rows(rows),
            Selection::Filter(filter) => Wanted::Filter(filter),
            Selection::Group(group) => Wanted::Group(group),
        });
        let plan_only = message.validate_only;
        let confirm = Confirm { parent: message.parent, wanted, plan_only, request: key.filter(|_| !plan_only) };
        let (plan, job) = self.mapping_confirm(&caller, SUBJECT, confirm).await.map_err(to_status)?;
        Ok(Response::new(v1::ConfirmPartyMappingsResponse { plan: Some(plan), job }))
    }
    async fn batch_decline_party_suggestions(
        &self,
        request: Request<v1::BatchDeclinePartySuggestionsRequest>,
    ) -> Reply<v1::BatchDeclinePartySuggestionsResponse> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let declined = self.mapping_decline(&caller, SUBJECT, &message.parent, &message.rows, key.as_ref()).await;
        Ok(Response::new(v1::BatchDeclinePartySuggestionsResponse { mappings: declined.map_err(to_status)? }))
    }

    async fn batch_unlink_party_mappings(
        &self,
        request: Request<v1::BatchUnlinkPartyMappingsRequest>,
    ) -> Reply<v1::BatchUnlinkPartyMappingsResponse> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let unlinked = self.mapping_unlink(&caller, SUBJECT, &message.parent, &message.rows, key.as_ref()).await;
        Ok(Response::new(v1::BatchUnlinkPartyMappingsResponse { mappings: unlinked.map_err(to_status)? }))
    }

    async fn export_party_mappings(
        &self,
        request: Request<v1::ExportPartyMappingsRequest>,
    ) -> Reply<Self::ExportPartyMappingsStream> {
        let (caller, message) = open(request)?;
        let asked = (message.parent, message.filter, message.byte_order_mark);
        let piece = |csv| v1::ExportPartyMappingsResponse { csv };
        let pieces = self.mapping_export(caller, SUBJECT, asked, piece).await.map_err(to_status)?;
        Ok(Response::new(pieces))
    }

    async fn import_party_decisions(
        &self,
        request: Request<Streaming<v1::ImportPartyDecisionsRequest>>,
    ) -> Reply<v1::ImportPartyDecisionsResponse> {
        use v1::import_party_decisions_request::Part as Wire;
        let (caller, messages) = open(request)?;
        let parts = messages.map(|message| {
            message.map(|message| match message.part {
                Some(Wire::Start(start)) => Part::Start(start),
                Some(Wire::Csv(piece)) => Part::Piece(piece),
                None => Part::Nothing,
            })
        });
        let (job, preview) = self.decisions_import(&caller, SUBJECT, parts).await?;
        Ok(Response::new(v1::ImportPartyDecisionsResponse { job, preview }))
    }
}
