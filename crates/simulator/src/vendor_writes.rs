//! Writes of directory companies over HTTP: create, update, sync, reactivate, business register, joining and leaving
//! projects. `name` is required on every update of one vendor, as Procore's reference marks it; a sync update is not asked for it.
//!
//! An `origin_id` is unique among the company's vendors. Nothing deletes a vendor.

use std::collections::HashMap;

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use crate::api::{Caller, Request};
use crate::directory::{Company, VendorState};
use crate::event::{Event, VendorWrite};
use crate::insurance_draft::UNKNOWN_ID;
use crate::insurance_form::{Problems, problem};
use crate::projects;
use crate::render;
use crate::reply::{Reply, Shape};
use crate::route::CompanyIn;
use crate::sync;
use crate::transaction::{Transaction, moment};
use crate::vendor_form;
use crate::vendor_view::{VendorShape, VendorView};
use crate::vendors;

/// `POST /vendors`, and `POST /projects/{id}/vendors`, which makes it in the company and adds it to the project.
pub(crate) fn create(transaction: &mut Transaction<'_>, caller: Caller<'_>, project_id: Option<u64>) -> Result<Reply, Reply> {
    let request = caller.over(transaction.world());
    let company = request.company()?;
    if project_id.is_some_and(|id| projects::visible(company, id).is_none()) {
        return Err(Reply::not_found());
    }
    let sent = sent(&request)?;
    let mut fields = vendor_form::read(company, None, sent).map_err(|problems| Reply::invalid(&problems))?;
    named(sent)?;
    origin_is_free(company, sent, None)?;
    vendor_form::blank(&mut fields);
    let write = VendorWrite { id: None, fields, joins: project_id, leaves: None };
    commit_one(transaction, caller, write, StatusCode::CREATED)
}

/// `PATCH /vendors/{id}`.
pub(crate) fn update(transaction: &mut Transaction<'_>, caller: Caller<'_>) -> Result<Reply, Reply> {
    update_vendor(transaction, caller, caller.route.ids[0])
}

/// `PATCH /projects/{id}/vendors/{id}`.
pub(crate) fn update_in_project(transaction: &mut Transaction<'_>, caller: Caller<'_>) -> Result<Reply, Reply> {
    let request = caller.over(transaction.world());
    member(&request, request.company()?)?;
    update_vendor(transaction, caller, caller.route.ids[1])
}

fn update_vendor(transaction: &mut Transaction<'_>, caller: Caller<'_>, id: u64) -> Result<Reply, Reply> {
    let request = caller.over(transaction.world());
    let company = request.company()?;
    company.existing_vendor(id).ok_or_else(Reply::not_found)?;
    let sent = sent(&request)?;
    let fields = vendor_form::read(company, Some(id), sent).map_err(|problems| Reply::invalid(&problems))?;
    named(sent)?;
    origin_is_free(company, sent, Some(id))?;
    commit_one(transaction, caller, VendorWrite { id: Some(id), fields, ..VendorWrite::default() }, StatusCode::OK)
}

/// `PATCH /companies/{id}/vendors/inactive/{id}` and the same in a project: the vendor is active again. The body is not
/// looked at.
pub(crate) fn reactivate(transaction: &mut Transaction<'_>, caller: Caller<'_>) -> Result<Reply, Reply> {
    let request = caller.over(transaction.world());
    let company = request.company()?;
    if request.route.company == CompanyIn::ProjectPath {
        member(&request, company)?;
    }
    let id = request.route.ids[1];
    let position = company.existing_vendor(id).ok_or_else(Reply::not_found)?;
    if company.vendor(position).state != VendorState::Inactive {
        return Err(Reply::not_found());
    }
    let fields = [("is_active".to_owned(), Value::Bool(true))].into();
    commit_one(transaction, caller, VendorWrite { id: Some(id), fields, ..VendorWrite::default() }, StatusCode::OK)
}

/// `POST` and `PATCH /vendors/{id}/business_register`. A second `POST` is a 409.
pub(crate) fn register(transaction: &mut Transaction<'_>, caller: Caller<'_>, create: bool) -> Result<Reply, Reply> {
    let request = caller.over(transaction.world());
    let company = request.company()?;
    let id = request.route.ids[0];
    let position = company.existing_vendor(id).ok_or_else(Reply::not_found)?;
    let fields = company.vendor(position).fields.as_ref();
    let registered = fields.and_then(|fields| fields.get("business_register")).is_some_and(|register| !register.is_null());
    if create && registered {
        let text = "A business register already exists for this vendor.";
        return Err(Reply::shaped(StatusCode::CONFLICT, Shape::Message, text));
    }
    if !create && !registered {
        return Err(Reply::not_found());
    }
    let given = request.body()?.get("business_register").ok_or_else(|| Reply::bad_field("business_register", "is required"))?;
    let entry = vendor_form::register(id, given).map_err(|problems| Reply::invalid(&problems))?;
    let reply = Reply::value(if create { StatusCode::CREATED } else { StatusCode::OK }, &entry);
    let fields = [("business_register".to_owned(), entry)].into();
    commit(transaction, caller, vec![VendorWrite { id: Some(id), fields, ..VendorWrite::default() }])?;
    Ok(reply)
}

/// `POST /projects/{id}/vendors/{id}/actions/add`.
pub(crate) fn join(transaction: &mut Transaction<'_>, caller: Caller<'_>) -> Result<Reply, Reply> {
    let request = caller.over(transaction.world());
    let company = request.company()?;
    let [project_id, id, _] = request.route.ids;
    projects::visible(company, project_id).ok_or_else(Reply::not_found)?;
    company.existing_vendor(id).ok_or_else(Reply::not_found)?;
    let write = VendorWrite { id: Some(id), joins: Some(project_id), ..VendorWrite::default() };
    commit_one(transaction, caller, write, StatusCode::CREATED)
}

/// `DELETE /projects/{id}/vendors/{id}/actions/remove`.
pub(crate) fn leave(transaction: &mut Transaction<'_>, caller: Caller<'_>) -> Result<Reply, Reply> {
    let request = caller.over(transaction.world());
    member(&request, request.company()?)?;
    let [project_id, id, _] = request.route.ids;
    commit(transaction, caller, vec![VendorWrite { id: Some(id), leaves: Some(project_id), ..VendorWrite::default() }])?;
    Ok(Reply::json(StatusCode::NO_CONTENT, bytes::Bytes::new()))
}

/// `PATCH /vendors/sync`.
pub(crate) fn sync(transaction: &mut Transaction<'_>, caller: Caller<'_>) -> Result<Reply, Reply> {
    let request = caller.over(transaction.world());
    let company = request.company()?;
    let company_id = company.id;
    let mut batch = Batch::new(company);
    let (mut places, mut errors) = (Vec::new(), Vec::new());
    for update in sync::updates(request.body()?)? {
        match update.as_object().ok_or_else(|| problem("base", "is not an object")).and_then(|sent| batch.take(sent)) {
            Ok(place) => places.push(place),
            Err(problems) => errors.push(sync::error_row(update, &problems)),
        }
    }
    let ids = commit(transaction, caller, batch.writes)?;
    let company = transaction.world().company(company_id).ok_or_else(Reply::not_found)?;
    let shape = if company.view_vendors { VendorShape::Extended } else { VendorShape::Minimal };
    let rows = places.into_iter().filter_map(|place| company.existing_vendor(ids[place]));
    let entities = rows.map(|position| render::json(&VendorView::now(company, position, shape))).collect();
    Ok(sync::answer(caller.settings, entities, &errors))
}

/// The vendors of one sync. A new one that a later row names by its `origin_id` is written once.
struct Batch<'a> {
    company: &'a Company,
    writes: Vec<VendorWrite>,
    /// Vendors that exist, by `origin_id`: made once, because vendors have no index of it.
    origins: HashMap<String, Owner>,
}

/// Who has an `origin_id`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Vendor(u64),
    /// A new one: the place of its write.
    New(usize),
}

impl<'a> Batch<'a> {
    fn new(company: &'a Company) -> Self {
        let origins = company.vendors.iter().filter(|vendor| vendor.exists()).filter_map(|vendor| {
            let origin_id = vendor.fields.as_ref()?.get("origin_id")?.as_str()?;
            Some((origin_id.to_owned(), Owner::Vendor(vendor.id)))
        });
        Self { company, writes: Vec::new(), origins: origins.collect() }
    }

    /// Takes one row; answers with the place of its write.
    fn take(&mut self, sent: &Map<String, Value>) -> Result<usize, Problems> {
        let origin_id = sent.get("origin_id").and_then(Value::as_str).filter(|origin_id| !origin_id.is_empty());
        let owner = origin_id.and_then(|origin_id| self.origins.get(origin_id).copied());
        let target = match sent.get("id").filter(|id| !id.is_null()) {
            Some(id) => {
                let id = id.as_u64().filter(|id| self.company.existing_vendor(*id).is_some());
                Some(Owner::Vendor(id.ok_or_else(|| problem("id", UNKNOWN_ID))?))
            }
            None => owner,
        };
        if owner.is_some() && owner != target {
            return Err(problem("origin_id", "has already been taken"));
        }
        let id = match target {
            Some(Owner::Vendor(id)) => Some(id),
            Some(Owner::New(_)) | None => None,
        };
        let mut fields = vendor_form::read(self.company, id, sent)?;
        if target.is_none() && !fields.contains_key("name") {
            return Err(problem("name", "can't be blank"));
        }
        if let Some(Owner::New(place)) = target {
            self.writes[place].fields.extend(fields);
            return Ok(place);
        }
        if id.is_none() {
            vendor_form::blank(&mut fields);
        }
        let place = self.writes.len();
        self.writes.push(VendorWrite { id, fields, ..VendorWrite::default() });
        self.own(origin_id, id.map_or(Owner::New(place), Owner::Vendor));
        Ok(place)
    }

    fn own(&mut self, origin_id: Option<&str>, owner: Owner) {
        let Some(origin_id) = origin_id else { return };
        if let Owner::Vendor(id) = owner
            && let Some(position) = self.company.existing_vendor(id)
            && let Some(fields) = &self.company.vendor(position).fields
            && let Some(former) = fields.get("origin_id").and_then(Value::as_str)
        {
            self.origins.remove(former);
        }
        self.origins.insert(origin_id.to_owned(), owner);
    }
}

fn commit(transaction: &mut Transaction<'_>, caller: Caller<'_>, writes: Vec<VendorWrite>) -> Result<Vec<u64>, Reply> {
    if writes.is_empty() {
        return Ok(Vec::new());
    }
    let company = caller.over(transaction.world()).company()?.id;
    let moment = moment(caller.settings, caller.now_ms);
    let (at_ms, listed_from_ms) = (moment.at_ms, moment.listed_from_ms);
    transaction.commit(&Event::VendorsWritten { company, writes, at_ms, listed_from_ms })
}

/// Writes one vendor and answers with it in the view that was asked for.
fn commit_one(
    transaction: &mut Transaction<'_>,
    caller: Caller<'_>,
    write: VendorWrite,
    status: StatusCode,
) -> Result<Reply, Reply> {
    let shape = vendors::written_shape(&caller.over(transaction.world()))?;
    let ids = commit(transaction, caller, vec![write])?;
    let company = caller.over(transaction.world()).company()?;
    let position = ids.first().and_then(|id| company.existing_vendor(*id)).ok_or_else(Reply::not_found)?;
    Ok(Reply::json(status, render::json(&VendorView::now(company, position, shape))))
}

/// The object under `vendor`.
fn sent<'a>(request: &Request<'a>) -> Result<&'a Map<String, Value>, Reply> {
    let vendor = request.body()?.get("vendor").and_then(Value::as_object);
    vendor.ok_or_else(|| Reply::bad_field("vendor", "is required"))
}

fn named(sent: &Map<String, Value>) -> Result<(), Reply> {
    if sent.contains_key("name") { Ok(()) } else { Err(Reply::invalid(&problem("name", "can't be blank"))) }
}

fn origin_is_free(company: &Company, sent: &Map<String, Value>, id: Option<u64>) -> Result<(), Reply> {
    let Some(origin_id) = sent.get("origin_id").filter(|value| value.as_str().is_some_and(|text| !text.is_empty())) else {
        return Ok(());
    };
    let has = |fields: &crate::directory::Fields| fields.get("origin_id") == Some(origin_id);
    let taken = company.vendors.iter().filter(|vendor| vendor.exists() && Some(vendor.id) != id);
    if taken.filter_map(|vendor| vendor.fields.as_deref()).any(has) {
        return Err(Reply::value(
            StatusCode::UNPROCESSABLE_ENTITY,
            &json!({"errors": {"origin_id": ["has already been taken"]}}),
        ));
    }
    Ok(())
}

/// A vendor of a project that the path names.
fn member(request: &Request<'_>, company: &Company) -> Result<(), Reply> {
    let [project_id, id, _] = request.route.ids;
    let project = projects::visible(company, project_id).ok_or_else(Reply::not_found)?;
    let position = company.existing_vendor(id).ok_or_else(Reply::not_found)?;
    let is_member = company.vendor(position).projects.binary_search(&project).is_ok();
    if is_member { Ok(()) } else { Err(Reply::not_found()) }
}
