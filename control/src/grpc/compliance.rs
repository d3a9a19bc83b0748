//! `ComplianceService`: coverages of parties and the insurances that show them.

use super::{Api, Reply};
use crate::etag;
use crate::names::{COVERAGES, PARTIES, PROVIDERS};
use crate::request::open;
use crate::status::to_status;
use crate::wire;
use chrono::NaiveDate;
use linkyard_core::compliance::{CoverageStatus, NewCoverage};
use linkyard_core::error::Violations;
use linkyard_core::id::{CoverageId, PartyId, RecordId};
use linkyard_core::{Error, Result};
use linkyard_proto::v1;
use linkyard_proto::v1::compliance_service_server::ComplianceService;
use linkyard_store::{CoverageFilter, InsuranceFilter, LineState};
use tonic::{Request, Response};

#[tonic::async_trait]
impl ComplianceService for Api {
    async fn batch_create_coverages(
        &self,
        request: Request<v1::BatchCreateCoveragesRequest>,
    ) -> Reply<v1::BatchCreateCoveragesResponse> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let new = new_coverages(&message.coverages).map_err(to_status)?;
        let created = self.service.coverages_create(&caller.scope, &new, key.as_ref()).await.map_err(to_status)?;
        Ok(Response::new(v1::BatchCreateCoveragesResponse { coverages: created.iter().map(wire::coverage).collect() }))
    }

    async fn get_coverage(&self, request: Request<v1::GetCoverageRequest>) -> Reply<v1::Coverage> {
        let (caller, message) = open(request)?;
        let id = COVERAGES.parse("name", &message.name).map_err(to_status)?;
        let coverage = self.service.coverage_get(&caller.scope, id).await.map_err(to_status)?;
        Ok(Response::new(wire::coverage(&coverage)))
    }

    async fn list_coverages(&self, request: Request<v1::ListCoveragesRequest>) -> Reply<v1::ListCoveragesResponse> {
        let (caller, mut message) = open(request)?;
        let listing = self.pages.open(&caller, &mut message).map_err(to_status)?;
        let filter = coverage_filter(&message).map_err(to_status)?;
        let page = self.service.coverage_list(&caller.scope, &filter, &listing.page).await.map_err(to_status)?;
        let next_page_token = listing.token(page.next.as_deref());
        Ok(Response::new(v1::ListCoveragesResponse {
            coverages: page.rows.iter().map(wire::coverage).collect(),
            next_page_token,
        }))
    }

    async fn batch_update_coverages(
        &self,
        request: Request<v1::BatchUpdateCoveragesRequest>,
    ) -> Reply<v1::BatchUpdateCoveragesResponse> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let changes = changes(&message.coverages).map_err(to_status)?;
        let changed = self.service.coverages_update(&caller.scope, &changes, key.as_ref()).await.map_err(to_status)?;
        Ok(Response::new(v1::BatchUpdateCoveragesResponse { coverages: changed.iter().map(wire::coverage).collect() }))
    }

    async fn delete_coverage(&self, request: Request<v1::DeleteCoverageRequest>) -> Reply<()> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let id = COVERAGES.parse("name", &message.name).map_err(to_status)?;
        let mut violations = Violations::default();
        let expected = etag::parse("etag", &message.etag, &mut violations);
        violations.finish(()).map_err(to_status)?;
        self.service.coverage_delete(&caller.scope, id, expected, key.as_ref()).await.map_err(to_status)?;
        Ok(Response::new(()))
    }

    async fn list_insurances(&self, request: Request<v1::ListInsurancesRequest>) -> Reply<v1::ListInsurancesResponse> {
        let (caller, mut message) = open(request)?;
        let listing = self.pages.open(&caller, &mut message).map_err(to_status)?;
        let provider = PROVIDERS.parse("parent", &message.parent).map_err(to_status)?;
        let filter = insurance_filter(&message).map_err(to_status)?;
        let page = self.service.insurance_list(&caller.scope, provider, &filter, &listing.page).await.map_err(to_status)?;
        let next_page_token = listing.token(page.next.as_deref());
        let insurances = page.rows.iter().map(wire::insurance).collect();
        Ok(Response::new(v1::ListInsurancesResponse { insurances, next_page_token }))
    }

    async fn count_insurances(&self, request: Request<v1::CountInsurancesRequest>) -> Reply<v1::InsuranceCounts> {
        let (caller, message) = open(request)?;
        let provider = PROVIDERS.parse("parent", &message.parent).map_err(to_status)?;
        let counts = self.service.insurance_counts(&caller.scope, provider).await.map_err(to_status)?;
        Ok(Response::new(wire::insurance_counts(&counts)))
    }

    async fn push_compliance(&self, request: Request<v1::PushComplianceRequest>) -> Reply<v1::Job> {
        let (caller, message) = open(request)?;
        let key = caller.request_key(&message.request_id, &message).map_err(to_status)?;
        let provider = PROVIDERS.parse("name", &message.name).map_err(to_status)?;
        let job = self.service.compliance_push(&caller.scope, provider, message.compare, key.as_ref()).await;
        Ok(Response::new(wire::job(&job.map_err(to_status)?)))
    }
}

/// The new coverages of a request: what each states is checked by the domain, names and words here.
fn new_coverages(forms: &[v1::Coverage]) -> Result<Vec<(PartyId, NewCoverage)>> {
    let mut violations = Violations::default();
    let mut new = Vec::with_capacity(forms.len());
    for (index, form) in forms.iter().enumerate() {
        let place = format!("coverages[{index}]");
        let party = PARTIES.note(&format!("{place}.party"), &form.party, &mut violations);
        let stated = stated(&place, form, &mut violations);
        new.extend(party.zip(stated));
    }
    violations.finish(new)
}

/// The changes of a request.
fn changes(forms: &[v1::Coverage]) -> Result<Vec<(CoverageId, Option<i64>, NewCoverage)>> {
    let mut violations = Violations::default();
    let mut changes = Vec::with_capacity(forms.len());
    for (index, form) in forms.iter().enumerate() {
        let place = format!("coverages[{index}]");
        let id = COVERAGES.note(&format!("{place}.name"), &form.name, &mut violations);
        let expected = etag::parse(&format!("{place}.etag"), &form.etag, &mut violations);
        let stated = stated(&place, form, &mut violations);
        changes.extend(id.zip(stated).map(|(id, stated)| (id, expected, stated)));
    }
    violations.finish(changes)
}

fn stated(place: &str, form: &v1::Coverage, violations: &mut Violations) -> Option<NewCoverage> {
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let status = CoverageStatus::ALL.into_iter().find(|status| i32::from(wire::coverage_status(*status)) == form.status);
    if status.is_none() {
        violations.add(format!("{place}.status"), "must be one of the coverage statuses");
    }
    let effective_date = day(&format!("{place}.effective_date"), &form.effective_date, violations);
    let expiration_date = day(&format!("{place}.expiration_date"), &form.expiration_date, violations);
    let stated = NewCoverage {
        insurance_type: form.insurance_type.trim().to_owned(),
        insurer: given(&form.insurer),
        policy_number: given(&form.policy_number),
        limit: given(&form.limit),
        effective_date,
        expiration_date,
        status: status.unwrap_or(CoverageStatus::NotTracked),
        waived: form.waived,
        notes: given(&form.notes),
    };
    for wrong in stated.violations(&format!("{place}.")) {
        violations.add(wrong.field, wrong.problem);
    }
    status.map(|_| stated)
}

/// The day in a field; nothing when it is empty or wrong, which is noted.
fn day(field: &str, text: &str, violations: &mut Violations) -> Option<NaiveDate> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|day| day.to_string() == text);
    if day.is_none() {
        violations.add(field, "must be a day in the form YYYY-MM-DD");
    }
    day
}

fn coverage_filter(message: &v1::ListCoveragesRequest) -> Result<CoverageFilter> {
    let party = match message.party.as_str() {
        "" => None,
        name => Some(PARTIES.parse("party", name)?),
    };
    let mut violations = Violations::default();
    let expires_by = day("expires_by", &message.expires_by, &mut violations);
    violations.finish(CoverageFilter { party, expires_by })
}

fn insurance_filter(message: &v1::ListInsurancesRequest) -> Result<InsuranceFilter> {
    let party = match message.party.as_str() {
        "" => None,
        name => Some(PARTIES.parse("party", name)?),
    };
    let state = LineState::ALL.into_iter().find(|state| i32::from(wire::line_state(*state)) == message.state);
    if state.is_none() && message.state != i32::from(v1::insurance::State::Unspecified) {
        return Err(Error::invalid("state", "is none of the states of an insurance"));
    }
    let vendor = (message.vendor_id != 0).then_some(RecordId(message.vendor_id));
    Ok(InsuranceFilter { vendor, party, state })
}
