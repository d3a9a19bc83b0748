//! `DuplicateService`: suspected duplicates of the directory and of the registry.

use super::{Api, Reply};
use crate::names::{DUPLICATE_GROUPS, PROVIDERS};
use crate::request::{Caller, open};
use crate::status::to_status;
use crate::wire;
use linkyard_core::duplicate::Searched;
use linkyard_core::mapping::Subject;
use linkyard_core::{Error, Result};
use linkyard_proto::v1;
use linkyard_proto::v1::duplicate_service_server::DuplicateService;
use prost::Message;
use tonic::{Request, Response};

#[tonic::async_trait]
impl DuplicateService for Api {
    async fn list_duplicate_groups(
        &self,
        request: Request<v1::ListDuplicateGroupsRequest>,
    ) -> Reply<v1::ListDuplicateGroupsResponse> {
        let (caller, mut message) = open(request)?;
        let listing = self.pages.open(&caller, &mut message).map_err(to_status)?;
        let searched = searched(&message).map_err(to_status)?;
        let page = self.service.duplicate_list(&caller.scope, searched, message.dismissed, &listing.page).await;
        let page = page.map_err(to_status)?;
        let next_page_token = listing.token(page.next.as_deref());
        let duplicate_groups = page.rows.iter().map(wire::duplicate_group).collect();
        Ok(Response::new(v1::ListDuplicateGroupsResponse { duplicate_groups, next_page_token }))
    }

    async fn get_duplicate_group(&self, request: Request<v1::GetDuplicateGroupRequest>) -> Reply<v1::DuplicateGroup> {
        let (caller, message) = open(request)?;
        let id = DUPLICATE_GROUPS.parse("name", &message.name).map_err(to_status)?;
        let group = self.service.duplicate_get(&caller.scope, id).await.map_err(to_status)?;
        Ok(Response::new(wire::duplicate_group(&group)))
    }

    async fn dismiss_duplicate_group(&self, request: Request<v1::DismissDuplicateGroupRequest>) -> Reply<v1::DuplicateGroup> {
        let (caller, message) = open(request)?;
        self.dismiss(&caller, &message.name, &message.request_id, &message, true).await
    }

    async fn restore_duplicate_group(&self, request: Request<v1::RestoreDuplicateGroupRequest>) -> Reply<v1::DuplicateGroup> {
        let (caller, message) = open(request)?;
        self.dismiss(&caller, &message.name, &message.request_id, &message, false).await
    }
}

impl Api {
    async fn dismiss(
        &self,
        caller: &Caller,
        name: &str,
        request_id: &str,
        message: &impl Message,
        dismissed: bool,
    ) -> Reply<v1::DuplicateGroup> {
        let key = caller.request_key(request_id, message).map_err(to_status)?;
        let id = DUPLICATE_GROUPS.parse("name", name).map_err(to_status)?;
        let group = self.service.duplicate_dismiss(&caller.scope, id, dismissed, key.as_ref()).await.map_err(to_status)?;
        Ok(Response::new(wire::duplicate_group(&group)))
    }
}

/// The list that is asked for.
fn searched(message: &v1::ListDuplicateGroupsRequest) -> Result<Searched> {
    let (subject, of_directory) = match v1::SearchedList::try_from(message.list) {
        Ok(v1::SearchedList::Vendors) => (Subject::Vendor, true),
        Ok(v1::SearchedList::DirectoryProjects) => (Subject::Project, true),
        Ok(v1::SearchedList::Parties) => (Subject::Vendor, false),
        Ok(v1::SearchedList::Projects) => (Subject::Project, false),
        Ok(v1::SearchedList::Unspecified) | Err(_) => {
            return Err(Error::invalid("list", "must be VENDORS, DIRECTORY_PROJECTS, PARTIES or PROJECTS"));
        }
    };
    match (of_directory, message.provider.as_str()) {
        (true, name) => Ok(Searched { provider: Some(PROVIDERS.parse("provider", name)?), subject }),
        (false, "") => Ok(Searched { provider: None, subject }),
        (false, _) => Err(Error::invalid("provider", "must be empty: this list is the registry's")),
    }
}
