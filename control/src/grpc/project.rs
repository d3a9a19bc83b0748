//! `ProjectService`: projects of the registry and who is on them.

use super::registry::{self, Place};
use super::{Api, Reply};
use crate::etag;
use crate::names::PROJECTS;
use crate::request::{Caller, open};
use crate::status::{respelled, to_status};
use crate::wire;
use linkyard_core::mapping::OnLookalike;
use linkyard_core::{Error, Result};
use linkyard_proto::v1;
use linkyard_proto::v1::project_service_server::ProjectService;
use linkyard_store::RequestKey;
use tonic::{Request, Response};

#[tonic::async_trait]
impl ProjectService for Api {
    async fn create_project(&self, request: Request<v1::CreateProjectRequest>) -> Reply<v1::Project> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let rule = registry::on_lookalike(message.on_lookalike).map_err(to_status)?;
        let form = message.project.unwrap_or_default();
        let created =
            self.projects_create(&caller, &[form], (Place::One("project"), rule), key.as_ref()).await.map_err(to_status)?;
        created.into_iter().next().map(Response::new).ok_or_else(|| to_status(Error::broken("one project gave none")))
    }

    async fn batch_create_projects(
        &self,
        request: Request<v1::BatchCreateProjectsRequest>,
    ) -> Reply<v1::BatchCreateProjectsResponse> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let place = (Place::Many("projects"), registry::on_lookalike(message.on_lookalike).map_err(to_status)?);
        let projects = self.projects_create(&caller, &message.projects, place, key.as_ref()).await.map_err(to_status)?;
        Ok(Response::new(v1::BatchCreateProjectsResponse { projects }))
    }

    async fn get_project(&self, request: Request<v1::GetProjectRequest>) -> Reply<v1::Project> {
        let (caller, message) = open(request)?;
        let id = PROJECTS.parse("name", &message.name).map_err(to_status)?;
        let project = self.service.project_get(&caller.scope, id).await.map_err(to_status)?;
        Ok(Response::new(wire::project(&project)))
    }

    async fn list_projects(&self, request: Request<v1::ListProjectsRequest>) -> Reply<v1::ListProjectsResponse> {
        let (caller, mut message) = open(request)?;
        let listing = self.pages.open(&caller, &mut message).map_err(to_status)?;
        let filter = registry::filter(message.filter.as_ref()).map_err(to_status)?;
        let page = self.service.project_list(&caller.scope, &filter, &listing.page).await.map_err(to_status)?;
        let next_page_token = listing.token(page.next.as_deref());
        let projects = page.rows.iter().map(wire::project).collect();
        Ok(Response::new(v1::ListProjectsResponse { projects, next_page_token }))
    }

    async fn update_project(&self, request: Request<v1::UpdateProjectRequest>) -> Reply<v1::Project> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let form = message.project.unwrap_or_default();
        let id = PROJECTS.parse("project.name", &form.name).map_err(to_status)?;
        let (change, expected) = registry::project_change(&form, message.update_mask.as_ref()).map_err(to_status)?;
        let updated = self.service.project_update(&caller.scope, id, &change, expected, key.as_ref()).await;
        let spelled = |field: &str| if field == "name" { "project.display_name".to_owned() } else { format!("project.{field}") };
        let project = updated.map_err(|error| to_status(respelled(error, spelled)))?;
        Ok(Response::new(wire::project(&project)))
    }

    async fn add_project_parties(&self, request: Request<v1::AddProjectPartiesRequest>) -> Reply<v1::Project> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let id = PROJECTS.parse("name", &message.name).map_err(to_status)?;
        let parties = registry::parties(&message.parties).map_err(to_status)?;
        let project = self.service.project_parties_add(&caller.scope, id, &parties, key.as_ref()).await.map_err(to_status)?;
        Ok(Response::new(wire::project(&project)))
    }

    async fn remove_project_parties(&self, request: Request<v1::RemoveProjectPartiesRequest>) -> Reply<v1::Project> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let id = PROJECTS.parse("name", &message.name).map_err(to_status)?;
        let parties = registry::parties(&message.parties).map_err(to_status)?;
        let removed = self.service.project_parties_remove(&caller.scope, id, &parties, key.as_ref()).await;
        Ok(Response::new(wire::project(&removed.map_err(to_status)?)))
    }

    async fn delete_project(&self, request: Request<v1::DeleteProjectRequest>) -> Reply<()> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let id = PROJECTS.parse("name", &message.name).map_err(to_status)?;
        let expected = etag::read("etag", &message.etag).map_err(to_status)?;
        self.service.project_delete(&caller.scope, id, expected, key.as_ref()).await.map_err(to_status)?;
        Ok(Response::new(()))
    }

    async fn list_project_parties(
        &self,
        request: Request<v1::ListProjectPartiesRequest>,
    ) -> Reply<v1::ListProjectPartiesResponse> {
        let (caller, mut message) = open(request)?;
        let listing = self.pages.open(&caller, &mut message).map_err(to_status)?;
        let id = PROJECTS.parse("parent", &message.parent).map_err(to_status)?;
        let page = self.service.project_parties(&caller.scope, id, &listing.page).await.map_err(to_status)?;
        let next_page_token = listing.token(page.next.as_deref());
        let parties = page.rows.iter().map(wire::party_on_project).collect();
        Ok(Response::new(v1::ListProjectPartiesResponse { parties, next_page_token }))
    }
}

impl Api {
    async fn projects_create(
        &self,
        caller: &Caller,
        forms: &[v1::Project],
        (place, rule): (Place, OnLookalike),
        request: Option<&RequestKey>,
    ) -> Result<Vec<v1::Project>> {
        let new = registry::new_projects(forms, place)?;
        let created = self.service.projects_create(&caller.scope, &new, rule, request).await;
        let projects = created.map_err(|error| respelled(error, |field| place.spelled("projects", field)))?;
        Ok(projects.iter().map(wire::project).collect())
    }
}
