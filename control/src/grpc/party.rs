//! `PartyService`: parties, party types, compliance profiles; contacts are in `contact.rs`.

use super::registry::{self, Defaults, Place};
use super::{Api, Reply, contact};
use crate::etag;
use crate::names::{COMPLIANCE_PROFILES, PARTIES, PARTY_TYPES};
use crate::request::{Caller, open};
use crate::status::{respelled, to_status, within};
use crate::wire;
use linkyard_core::mapping::OnLookalike;
use linkyard_core::{Error, Result};
use linkyard_proto::v1;
use linkyard_proto::v1::party_service_server::PartyService;
use linkyard_store::{Merge, RequestKey};
use tonic::{Request, Response, Status};

#[tonic::async_trait]
impl PartyService for Api {
    async fn create_party(&self, request: Request<v1::CreatePartyRequest>) -> Reply<v1::Party> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let rule = registry::on_lookalike(message.on_lookalike).map_err(to_status)?;
        let form = message.party.unwrap_or_default();
        let created =
            self.parties_create(&caller, &[form], (Place::One("party"), rule), key.as_ref()).await.map_err(to_status)?;
        created.into_iter().next().map(Response::new).ok_or_else(|| to_status(Error::broken("one party gave none")))
    }

    async fn batch_create_parties(
        &self,
        request: Request<v1::BatchCreatePartiesRequest>,
    ) -> Reply<v1::BatchCreatePartiesResponse> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let place = (Place::Many("parties"), registry::on_lookalike(message.on_lookalike).map_err(to_status)?);
        let parties = self.parties_create(&caller, &message.parties, place, key.as_ref()).await.map_err(to_status)?;
        Ok(Response::new(v1::BatchCreatePartiesResponse { parties }))
    }

    async fn get_party(&self, request: Request<v1::GetPartyRequest>) -> Reply<v1::Party> {
        let (caller, message) = open(request)?;
        let id = PARTIES.parse("name", &message.name).map_err(to_status)?;
        let party = self.service.party_get(&caller.scope, id).await.map_err(to_status)?;
        Ok(Response::new(wire::party(&party)))
    }

    async fn list_parties(&self, request: Request<v1::ListPartiesRequest>) -> Reply<v1::ListPartiesResponse> {
        let (caller, mut message) = open(request)?;
        let listing = self.pages.open(&caller, &mut message).map_err(to_status)?;
        let filter = registry::filter(message.filter.as_ref()).map_err(to_status)?;
        let page = self.service.party_list(&caller.scope, &filter, &listing.page).await.map_err(to_status)?;
        let next_page_token = listing.token(page.next.as_deref());
        Ok(Response::new(v1::ListPartiesResponse { parties: page.rows.iter().map(wire::party).collect(), next_page_token }))
    }

    async fn update_party(&self, request: Request<v1::UpdatePartyRequest>) -> Reply<v1::Party> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let form = message.party.unwrap_or_default();
        let id = PARTIES.parse("party.name", &form.name).map_err(to_status)?;
        let (change, expected) = registry::party_change(&form, message.update_mask.as_ref()).map_err(to_status)?;
        let updated = self.service.party_update(&caller.scope, id, &change, expected, key.as_ref()).await;
        let spelled = |field: &str| if field == "name" { "party.display_name".to_owned() } else { format!("party.{field}") };
        let party = updated.map_err(|error| to_status(respelled(error, spelled)))?;
        Ok(Response::new(wire::party(&party)))
    }

    async fn delete_party(&self, request: Request<v1::DeletePartyRequest>) -> Reply<()> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let id = PARTIES.parse("name", &message.name).map_err(to_status)?;
        let expected = etag::read("etag", &message.etag).map_err(to_status)?;
        self.service.party_delete(&caller.scope, id, expected, key.as_ref()).await.map_err(to_status)?;
        Ok(Response::new(()))
    }

    async fn merge_parties(&self, request: Request<v1::MergePartiesRequest>) -> Reply<v1::Party> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let merge = Merge {
            target: PARTIES.parse("name", &message.name).map_err(to_status)?,
            source: PARTIES.parse("source", &message.source).map_err(to_status)?,
            target_revision: etag::read("etag", &message.etag).map_err(to_status)?,
            source_revision: etag::read("source_etag", &message.source_etag).map_err(to_status)?,
        };
        let party = self.service.parties_merge(&caller.scope, &merge, key.as_ref()).await.map_err(to_status)?;
        Ok(Response::new(wire::party(&party)))
    }

    async fn create_party_type(&self, request: Request<v1::CreatePartyTypeRequest>) -> Reply<v1::PartyType> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let name = message.party_type.unwrap_or_default().display_name;
        named(&name, "party_type")?;
        let created = self.service.party_type_create(&caller.scope, name.trim(), key.as_ref()).await.map_err(to_status)?;
        Ok(Response::new(wire::party_type(&created)))
    }

    async fn list_party_types(&self, request: Request<v1::ListPartyTypesRequest>) -> Reply<v1::ListPartyTypesResponse> {
        let (caller, _) = open(request)?;
        let listed = self.service.party_types(&caller.scope).await.map_err(to_status)?;
        Ok(Response::new(v1::ListPartyTypesResponse { party_types: listed.iter().map(wire::party_type).collect() }))
    }

    async fn create_compliance_profile(
        &self,
        request: Request<v1::CreateComplianceProfileRequest>,
    ) -> Reply<v1::ComplianceProfile> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let name = message.compliance_profile.unwrap_or_default().display_name;
        named(&name, "compliance_profile")?;
        let created =
            self.service.compliance_profile_create(&caller.scope, name.trim(), key.as_ref()).await.map_err(to_status)?;
        Ok(Response::new(wire::compliance_profile(&created)))
    }

    async fn list_compliance_profiles(
        &self,
        request: Request<v1::ListComplianceProfilesRequest>,
    ) -> Reply<v1::ListComplianceProfilesResponse> {
        let (caller, _) = open(request)?;
        let listed = self.service.compliance_profiles(&caller.scope).await.map_err(to_status)?;
        let compliance_profiles = listed.iter().map(wire::compliance_profile).collect();
        Ok(Response::new(v1::ListComplianceProfilesResponse { compliance_profiles }))
    }

    async fn update_party_type(&self, request: Request<v1::UpdatePartyTypeRequest>) -> Reply<v1::PartyType> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let form = message.party_type.unwrap_or_default();
        let id = PARTY_TYPES.parse("party_type.name", &form.name).map_err(to_status)?;
        named(&form.display_name, "party_type")?;
        let renamed = self.service.party_type_rename(&caller.scope, id, form.display_name.trim(), key.as_ref()).await;
        Ok(Response::new(wire::party_type(&renamed.map_err(to_status)?)))
    }

    async fn delete_party_type(&self, request: Request<v1::DeletePartyTypeRequest>) -> Reply<()> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let id = PARTY_TYPES.parse("name", &message.name).map_err(to_status)?;
        self.service.party_type_delete(&caller.scope, id, key.as_ref()).await.map_err(to_status)?;
        Ok(Response::new(()))
    }

    async fn update_compliance_profile(
        &self,
        request: Request<v1::UpdateComplianceProfileRequest>,
    ) -> Reply<v1::ComplianceProfile> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let form = message.compliance_profile.unwrap_or_default();
        let id = COMPLIANCE_PROFILES.parse("compliance_profile.name", &form.name).map_err(to_status)?;
        named(&form.display_name, "compliance_profile")?;
        let renamed = self.service.compliance_profile_rename(&caller.scope, id, form.display_name.trim(), key.as_ref()).await;
        Ok(Response::new(wire::compliance_profile(&renamed.map_err(to_status)?)))
    }

    async fn delete_compliance_profile(&self, request: Request<v1::DeleteComplianceProfileRequest>) -> Reply<()> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let id = COMPLIANCE_PROFILES.parse("name", &message.name).map_err(to_status)?;
        self.service.compliance_profile_delete(&caller.scope, id, key.as_ref()).await.map_err(to_status)?;
        Ok(Response::new(()))
    }

    async fn list_contacts(&self, request: Request<v1::ListContactsRequest>) -> Reply<v1::ListContactsResponse> {
        contact::list(self, request).await
    }

    async fn create_contact(&self, request: Request<v1::CreateContactRequest>) -> Reply<v1::Contact> {
        contact::create(self, request).await
    }

    async fn update_contact(&self, request: Request<v1::UpdateContactRequest>) -> Reply<v1::Contact> {
        contact::update(self, request).await
    }

    async fn delete_contact(&self, request: Request<v1::DeleteContactRequest>) -> Reply<()> {
        contact::delete(self, request).await
    }
}

impl Api {
    async fn parties_create(
        &self,
        caller: &Caller,
        forms: &[v1::Party],
        (place, rule): (Place, OnLookalike),
        request: Option<&RequestKey>,
    ) -> Result<Vec<v1::Party>> {
        let defaults = match registry::incomplete(forms) {
            true => {
                let (party_type, profile) = self.service.party_defaults(&caller.scope).await?;
                Defaults { party_type, profile }
            }
            false => Defaults::default(),
        };
        let new = registry::new_parties(forms, place, defaults)?;
        let created = self.service.parties_create(&caller.scope, &new, rule, request).await;
        let parties = created.map_err(|error| respelled(error, |field| place.spelled("parties", field)))?;
        Ok(parties.iter().map(wire::party).collect())
    }
}

/// The longest name of a party type or a compliance profile, in characters.
const LONGEST_NAME: usize = 200;

fn named(name: &str, of: &str) -> std::result::Result<(), Status> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME {
        let error = Error::invalid("display_name", format!("must have 1 to {LONGEST_NAME} characters"));
        return Err(to_status(within(of, error)));
    }
    Ok(())
}
