//! Insurances over HTTP in their four scopes. Company level and projects do not see each other's rows, but an `origin_id` is
//! unique over both. There are no filters, and nothing tells when a row changed. A write that is not valid is a 422 with the
//! fields, or a row of `errors` in a sync; `DELETE` is a 200 with nothing in it.

use hyper::StatusCode;
use serde_json::{Map, Value};

use crate::api::{Caller, Request};
use crate::config::Access;
use crate::directory::Company;
use crate::event::Event;
use crate::insurance::{Holder, Insurance};
use crate::insurance_draft::{Draft, Refusal};
use crate::insurance_form::problem;
use crate::insurance_view::InsuranceView;
use crate::page;
use crate::projects;
use crate::render;
use crate::reply::{Reply, Shape};
use crate::route::{Change, Scope};
use crate::sync;
use crate::transaction::{Transaction, moment};

/// A page of a scope's insurances.
pub(crate) fn list(request: &Request<'_>, company: &Company, scope: Scope) -> Result<Reply, Reply> {
    let holder = holder(request, company, scope)?;
    let page = request.page(page::DIRECTORY);
    let (total, rows) = company.insurances.listed(holder, request.now_ms, |total| page.rows(total));
    Ok(request.paged(page, total, render::array(rows.into_iter().map(InsuranceView))))
}

/// One insurance of a scope.
pub(crate) fn show(request: &Request<'_>, company: &Company, scope: Scope) -> Result<Reply, Reply> {
    let holder = holder(request, company, scope)?;
    let row = company.insurances.get(row_id(request, scope)).filter(|row| holder.holds(row)).ok_or_else(Reply::not_found)?;
    Ok(Reply::json(StatusCode::OK, render::json(&InsuranceView(row))))
}

/// Creates, updates, deletes or syncs.
pub(crate) fn write(transaction: &mut Transaction<'_>, caller: Caller<'_>, scope: Scope, change: Change) -> Result<Reply, Reply> {
    let request = caller.over(transaction.world());
    let company = request.company()?;
    let company_id = company.id;
    let holder = holder(&request, company, scope)?;
    match company.insurance_access {
        Access::None => return Err(Reply::not_found()),
        Access::Read => {
            let text = "You do not have permission to manage insurances.";
            return Err(Reply::shaped(StatusCode::FORBIDDEN, Shape::ErrorsArray, text));
        }
        Access::Write => {}
    }
    let moment = moment(caller.settings, caller.now_ms);
    let mut draft = Draft::new(company, holder);
    let reply = match change {
        Change::Create => {
            let row = draft.create(sent(request.body()?)?).map_err(refusal)?;
            Reply::json(StatusCode::CREATED, render::json(&InsuranceView(row)))
        }
        Change::Update => {
            let row = draft.update(row_id(&request, scope), sent(request.body()?)?, true).map_err(refusal)?;
            Reply::json(StatusCode::OK, render::json(&InsuranceView(row)))
        }
        Change::Delete => {
            let id = row_id(&request, scope);
            company.insurances.get(id).filter(|row| holder.holds(row)).ok_or_else(Reply::not_found)?;
            let ids = vec![id];
            let (at_ms, listed_from_ms) = (moment.at_ms, moment.listed_from_ms);
            transaction.commit(&Event::InsurancesRemoved { company: company_id, ids, at_ms, listed_from_ms })?;
            return Ok(Reply::json(StatusCode::OK, bytes::Bytes::new()));
        }
        Change::Sync => sync_rows(&mut draft, company_id, request.body()?, caller)?,
    };
    let rows: Vec<Insurance> = draft.into_rows();
    if !rows.is_empty() {
        let (at_ms, listed_from_ms) = (moment.at_ms, moment.listed_from_ms);
        let event = Event::InsurancesWritten { company: company_id, rows, by_api: true, at_ms, listed_from_ms };
        transaction.commit(&event)?;
    }
    Ok(reply)
}

fn sync_rows(draft: &mut Draft<'_>, company_id: u64, body: &Map<String, Value>, caller: Caller<'_>) -> Result<Reply, Reply> {
    let (mut entities, mut errors) = (Vec::new(), Vec::new());
    for update in sync::updates(body)? {
        let foreign = update.get("company_id").is_some_and(|id| id.as_u64() != Some(company_id));
        let outcome = match update.as_object() {
            None => Err(problem("base", "is not an object")),
            Some(_) if foreign => Err(problem("company_id", "is not the company of this call")),
            Some(sent) => draft.sync(sent),
        };
        match outcome {
            Ok(row) => entities.push(render::json(&InsuranceView(row))),
            Err(problems) => errors.push(sync::error_row(update, &problems)),
        }
    }
    Ok(sync::answer(caller.settings, entities, &errors))
}

/// The object under `insurance`.
fn sent(body: &Map<String, Value>) -> Result<&Map<String, Value>, Reply> {
    body.get("insurance").and_then(Value::as_object).ok_or_else(|| Reply::bad_field("insurance", "is required"))
}

fn refusal(refusal: Refusal) -> Reply {
    match refusal {
        Refusal::Missing(_) => Reply::not_found(),
        Refusal::Invalid(problems) => Reply::invalid(&problems),
    }
}

/// Whose insurances the path means; a vendor or project that cannot be seen is a 404, as are all without the permission.
fn holder(request: &Request<'_>, company: &Company, scope: Scope) -> Result<Holder, Reply> {
    if company.insurance_access == Access::None {
        return Err(Reply::not_found());
    }
    let [first, second, _] = request.route.ids;
    let vendor = |id: u64| company.existing_vendor(id).map(|_| id).ok_or_else(Reply::not_found);
    let project = |id: u64| projects::visible(company, id).map(|_| id).ok_or_else(Reply::not_found);
    match scope {
        Scope::Company => Ok(Holder::Company),
        Scope::Vendor => Ok(Holder::Vendor(vendor(second)?)),
        Scope::Project => Ok(Holder::Project(project(first)?)),
        Scope::ProjectVendor => Ok(Holder::ProjectVendor { project_id: project(first)?, vendor_id: vendor(second)? }),
    }
}

/// The insurance that the path means: its last id.
fn row_id(request: &Request<'_>, scope: Scope) -> u64 {
    match scope {
        Scope::Company | Scope::Project => request.route.ids[1],
        Scope::Vendor | Scope::ProjectVendor => request.route.ids[2],
    }
}
