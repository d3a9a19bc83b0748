//! Companies: creating, listing, installation, and the full truth of their directories.

use std::sync::Arc;

use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::{Answer, body, insurances, number, ok, rows, unknown};
use crate::call::Call;
use crate::config::{Access, CompanySpec, Installation};
use crate::directory::{Company, VendorState};
use crate::error::Error;
use crate::event::Event;
use crate::insurance_view::InsuranceTruth;
use crate::locks::read;
use crate::people_view::{Person, PersonShape, PersonView};
use crate::project_view::{ProjectShape, ProjectView};
use crate::render;
use crate::reply::Reply;
use crate::shared::Shared;
use crate::ticket::{self, Body, Cut};
use crate::vendor_view::{VendorShape, VendorView};

/// Positions rendered under one lock: streaming a large directory does not stop the API.
const ROWS_PER_PIECE: usize = 1_000;

pub(super) fn answer(shared: &Shared, call: &Call, parts: &[&str]) -> Answer {
    match (&call.method, parts) {
        (&Method::GET, []) => Ok(list(shared)),
        (&Method::POST, []) => create(shared, body(call)?),
        (&Method::PUT, [id, "installation"]) => change(shared, number(id)?, &body(call)?),
        (_, [id, "insurances", rest @ ..]) => insurances::answer(shared, call, number(id)?, rest),
        (&Method::POST, [id, "vendors", master, "merge"]) => merge(shared, number(id)?, number(master)?, body(call)?),
        (_, [id, kind, rest @ ..]) => rows::answer(shared, call, number(id)?, kind, rest),
        _ => Err(unknown(call)),
    }
}

fn list(shared: &Shared) -> Reply {
    let world = read(&shared.world);
    let rows = world.companies.iter().map(|company| {
        let vendors = |state: VendorState| company.vendors.iter().filter(|vendor| vendor.state == state).count();
        json!({
            "id": company.id,
            "name": company.name,
            "installation": company.installation,
            "view_vendors": company.view_vendors,
            "insurance_access": company.insurance_access,
            "insurances": company.insurances.slots().iter().filter(|slot| !slot.gone).count(),
            "own_vendor_id": company.vendor(company.own_vendor()).id,
            "active_vendors": vendors(VendorState::Active),
            "inactive_vendors": vendors(VendorState::Inactive),
            "projects": company.projects_in_order(false).len(),
            "associations": company.vendors.iter().map(|vendor| vendor.projects.len()).sum::<usize>(),
        })
    });
    Reply::json(StatusCode::OK, render::array(rows))
}

fn create(shared: &Shared, spec: CompanySpec) -> Answer {
    let id = spec.id;
    shared.commit(Event::CompanyCreated { spec: Box::new(spec) })?;
    Ok(Reply::value(StatusCode::CREATED, &json!({"id": id})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    installation: Option<Installation>,
    view_vendors: Option<bool>,
    insurances: Option<Access>,
}

fn change(shared: &Shared, company: u64, change: &Change) -> Answer {
    let Change { installation, view_vendors, insurances } = *change;
    shared.commit(Event::CompanyChanged { company, installation, view_vendors, insurances })?;
    ok(&json!({}))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Merge {
    sources: Vec<u64>,
}

fn merge(shared: &Shared, company: u64, master: u64, merge: Merge) -> Answer {
    let at_s = shared.clock.now_s();
    shared.commit(Event::VendorsMerged { company, master, sources: merge.sources, at_s })?;
    ok(&json!({"id": master}))
}

/// Which rows the truth is asked of.
#[derive(Clone, Copy, Debug)]
enum Resource {
    Vendors,
    Projects,
    Associations,
    People,
    Insurances,
}

/// Streams every row that ever was, one JSON object per line.
pub(super) fn directory(shared: &Arc<Shared>, call: &Call, id: &str) -> Result<Response<Body>, Error> {
    let company_id = number(id)?;
    let resource = match call.query.get("resource").unwrap_or("vendors") {
        "vendors" => Resource::Vendors,
        "projects" => Resource::Projects,
        "associations" => Resource::Associations,
        "people" => Resource::People,
        "insurances" => Resource::Insurances,
        other => return Err(Error::Invalid(format!("{other} is not vendors, projects, associations, people or insurances"))),
    };
    if read(&shared.world).company(company_id).is_none() {
        return Err(Error::Missing(format!("company {company_id}")));
    }
    let pieces = stream::unfold((Arc::clone(shared), 0), move |(shared, from)| async move {
        let piece = {
            let world = read(&shared.world);
            world.company(company_id).and_then(|company| piece(company, resource, from))
        };
        piece.map(|piece| (Ok::<_, Cut>(Frame::data(piece)), (shared, from + ROWS_PER_PIECE)))
    });
    let head = Reply { content_type: "application/x-ndjson", ..Reply::json(StatusCode::OK, "\n".into()) };
    Ok(ticket::respond(shared, &head, StreamBody::new(pieces).boxed_unsync()))
}

/// The rows of the next positions, or `None` after the last.
fn piece(company: &Company, resource: Resource, from: usize) -> Option<bytes::Bytes> {
    let count = match resource {
        Resource::Projects => company.projects.len(),
        Resource::Insurances => company.insurances.slots().len(),
        Resource::Vendors | Resource::Associations | Resource::People => company.vendors.len(),
    };
    if from >= count {
        return None;
    }
    let to = count.min(from + ROWS_PER_PIECE);
    let positions = (from..to).filter_map(|position| u32::try_from(position).ok());
    Some(match resource {
        Resource::Vendors => render::lines(positions.map(|position| VendorView::now(company, position, VendorShape::Truth))),
        Resource::Projects => {
            render::lines(positions.map(|position| ProjectView { company, position, shape: ProjectShape::Truth }))
        }
        Resource::Associations => render::lines(positions.flat_map(|position| {
            let vendor = company.vendor(position);
            let project_ids = company.project_ids_of(vendor).into_iter();
            project_ids.map(|project_id| json!({"project_id": project_id, "vendor_id": vendor.id}))
        })),
        Resource::Insurances => render::lines(company.insurances.slots()[from..to].iter().map(InsuranceTruth)),
        Resource::People => render::lines(positions.filter(|position| company.vendor(*position).exists()).flat_map(|vendor| {
            let numbers = company.people_of(vendor);
            numbers.map(move |number| PersonView { person: Person::now(company, vendor, number), shape: PersonShape::Truth })
        })),
    })
}
