//! `OrganizationService`: the caller's tenant and its API keys.

use super::{Api, Reply};
use crate::names::API_KEYS;
use crate::request::open;
use crate::status::{to_status, within};
use crate::wire;
use linkyard_core::error::Violations;
use linkyard_core::scope::Access;
use linkyard_core::{Error, Result};
use linkyard_proto::v1;
use linkyard_proto::v1::organization_service_server::OrganizationService;
use linkyard_store::AuditFilter;
use secrecy::ExposeSecret;
use tonic::{Request, Response};

/// The longest name of an organization or a key, in characters.
const LONGEST_NAME: usize = 200;

#[tonic::async_trait]
impl OrganizationService for Api {
    async fn get_organization(&self, request: Request<v1::GetOrganizationRequest>) -> Reply<v1::Organization> {
        let (caller, _) = open(request)?;
        let organization = self.service.organization_get(&caller.scope).await.map_err(to_status)?;
        Ok(Response::new(wire::organization(&organization, Some(caller.access))))
    }

    async fn create_organization(
        &self,
        request: Request<v1::CreateOrganizationRequest>,
    ) -> Reply<v1::CreateOrganizationResponse> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let form = message.organization.unwrap_or_default();
        let name = named(&form.display_name).map_err(|error| to_status(within("organization", error)))?;
        let created = self.service.organization_create(&caller.scope, name, &form.time_zone, key.as_ref()).await;
        let (organization, secret) = created.map_err(|error| to_status(within("organization", error)))?;
        Ok(Response::new(v1::CreateOrganizationResponse {
            organization: Some(wire::organization(&organization, None)),
            api_key_secret: secret.expose_secret().to_owned(),
        }))
    }

    async fn create_api_key(&self, request: Request<v1::CreateApiKeyRequest>) -> Reply<v1::CreateApiKeyResponse> {
        let (caller, message) = open(request)?;
        let request = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let form = message.api_key.unwrap_or_default();
        let (name, access, expires) = key_form(&form).map_err(|error| to_status(within("api_key", error)))?;
        let created = self.service.api_key_create(&caller.scope, caller.access, &name, access, expires, request.as_ref()).await;
        let (key, secret) = created.map_err(to_status)?;
        let secret = secret.expose_secret().to_owned();
        Ok(Response::new(v1::CreateApiKeyResponse { api_key: Some(wire::api_key(&key)), secret }))
    }

    async fn list_api_keys(&self, request: Request<v1::ListApiKeysRequest>) -> Reply<v1::ListApiKeysResponse> {
        let (caller, mut message) = open(request)?;
        let listing = self.pages.open(&caller, &mut message).map_err(to_status)?;
        let page = self.service.api_key_list(&caller.scope, &listing.page).await.map_err(to_status)?;
        let next_page_token = listing.token(page.next.as_deref());
        Ok(Response::new(v1::ListApiKeysResponse { api_keys: page.rows.iter().map(wire::api_key).collect(), next_page_token }))
    }

    async fn revoke_api_key(&self, request: Request<v1::RevokeApiKeyRequest>) -> Reply<()> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let id = API_KEYS.parse("name", &message.name).map_err(to_status)?;
        self.service.api_key_revoke(&caller.scope, id, key.as_ref()).await.map_err(to_status)?;
        // Here at once; other control processes forget it within the time for which they trust a key.
        self.keys.forget();
        Ok(Response::new(()))
    }

    async fn list_audit_entries(&self, request: Request<v1::ListAuditEntriesRequest>) -> Reply<v1::ListAuditEntriesResponse> {
        let (caller, mut message) = open(request)?;
        let listing = self.pages.open(&caller, &mut message).map_err(to_status)?;
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let filter = AuditFilter { resource: given(&message.resource), resource_id: given(&message.resource_id) };
        if filter.resource_id.is_some() && filter.resource.is_none() {
            return Err(to_status(Error::invalid("resource", "is missing: an id is one of a kind of thing")));
        }
        let page = self.service.audit_list(&caller.scope, &filter, &listing.page).await.map_err(to_status)?;
        let next_page_token = listing.token(page.next.as_deref());
        let entries = page.rows.iter().map(wire::audit_entry).collect();
        Ok(Response::new(v1::ListAuditEntriesResponse { entries, next_page_token }))
    }
}

fn named(display_name: &str) -> Result<&str> {
    let name = display_name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME {
        return Err(Error::invalid("display_name", format!("must have 1 to {LONGEST_NAME} characters")));
    }
    Ok(name)
}

fn key_form(form: &v1::ApiKey) -> Result<(String, Access, Option<i64>)> {
    let mut violations = Violations::default();
    if named(&form.display_name).is_err() {
        violations.add("display_name", format!("must have 1 to {LONGEST_NAME} characters"));
    }
    let access = Access::ALL.into_iter().find(|access| i32::from(wire::access(*access)) == form.access);
    if access.is_none() {
        violations.add("access", "must be READ, WRITE or OPERATOR");
    }
    let expires = form.expire_time.as_ref().map(wire::from_timestamp);
    if expires == Some(None) {
        violations.add("expire_time", "is not a time");
    }
    violations.finish(())?;
    let access = access.ok_or_else(|| Error::broken("a key without violations has no access"))?;
    Ok((form.display_name.trim().to_owned(), access, expires.flatten()))
}
