//! Directory companies over HTTP: the main list, the inactive list, one vendor, and the vendors of a project.
//!
//! Without the permission to view vendors every view silently becomes `minimal`. An unknown view is a 400 here, because
//! what Procore does with it is not known and a client should not rely on it.

use hyper::StatusCode;

use crate::api::Request;
use crate::directory::{Company, Vendor, VendorState};
use crate::ids;
use crate::page;
use crate::projects;
use crate::query::{BadFilter, Query};
use crate::render;
use crate::reply::Reply;
use crate::route::CompanyIn;
use crate::vendor_view::{VendorShape, VendorView, trades_of};

/// What a list writes: objects or bare ids.
#[derive(Clone, Copy, Debug)]
enum Listed {
    Rows(VendorShape),
    Ids,
}

/// `GET /vendors`: active ones.
pub(crate) fn list(request: &Request<'_>, company: &Company) -> Reply {
    let newer = request.route.normalized.starts_with("/rest/v1.1");
    listing(request, company, company_view(request, company, newer), |vendor| vendor.state == VendorState::Active)
}

/// `GET /companies/{id}/vendors/inactive`.
pub(crate) fn inactive(request: &Request<'_>, company: &Company) -> Reply {
    listing(request, company, company_view(request, company, false), |vendor| vendor.state == VendorState::Inactive)
}

/// `GET /vendors/{id}`: active or inactive, 404 once merged away.
pub(crate) fn show(request: &Request<'_>, company: &Company) -> Reply {
    one(company, request.route.ids[0], company_view(request, company, false))
}

/// `GET /companies/{id}/vendors/{id}/comments`: nobody has written any.
pub(crate) fn comments(request: &Request<'_>, company: &Company) -> Result<Reply, Reply> {
    company.existing_vendor(request.route.ids[1]).ok_or_else(Reply::not_found)?;
    Ok(request.paged(request.page(page::DIRECTORY), 0, render::array(std::iter::empty::<()>())))
}

/// `GET /projects/{id}/vendors`, and the inactive ones among them.
pub(crate) fn of_project(request: &Request<'_>, company: &Company, active: bool) -> Reply {
    let Some(project) = projects::visible(company, request.route.ids[0]) else { return Reply::not_found() };
    let state = if active { VendorState::Active } else { VendorState::Inactive };
    let view = project_view(request, company);
    listing(request, company, view, |vendor| vendor.state == state && vendor.projects.binary_search(&project).is_ok())
}

/// `GET /projects/{id}/vendors/{id}`.
pub(crate) fn show_in_project(request: &Request<'_>, company: &Company) -> Reply {
    let [project_id, vendor_id, _] = request.route.ids;
    let Some(project) = projects::visible(company, project_id) else { return Reply::not_found() };
    let member = company.vendor_position(vendor_id).map(|position| company.vendor(position));
    match member.filter(|vendor| vendor.projects.binary_search(&project).is_ok()) {
        Some(vendor) => one(company, vendor.id, project_view(request, company)),
        None => Reply::not_found(),
    }
}

/// The view in which a write of a vendor answers: extended at company level, normal in projects, unless asked otherwise.
pub(crate) fn written_shape(request: &Request<'_>) -> Result<VendorShape, Reply> {
    let company = request.company()?;
    let in_project = request.route.company == CompanyIn::ProjectPath;
    match if in_project { project_view(request, company) } else { company_view(request, company, false) }? {
        Listed::Rows(shape) => Ok(shape),
        Listed::Ids => Ok(VendorShape::Minimal),
    }
}

fn company_view(request: &Request<'_>, company: &Company, newer: bool) -> Result<Listed, Reply> {
    let shape = match request.call.query.get("view").unwrap_or("extended") {
        "compact" => VendorShape::Compact,
        "normal" => VendorShape::Normal,
        "erp" => VendorShape::Erp,
        "extended" => VendorShape::Extended,
        "directory" | "summary" => VendorShape::Directory,
        "minimal" if newer => VendorShape::Minimal,
        _ => return Err(Reply::bad_field("view", "is not one of the views")),
    };
    Ok(Listed::Rows(if company.view_vendors { shape } else { VendorShape::Minimal }))
}

fn project_view(request: &Request<'_>, company: &Company) -> Result<Listed, Reply> {
    let newer = request.route.normalized.starts_with("/rest/v1.1");
    let listed = match request.call.query.get("view").unwrap_or("normal") {
        "normal" => Listed::Rows(VendorShape::Normal),
        "extended" => Listed::Rows(VendorShape::Extended),
        "ids_only" if newer => Listed::Ids,
        "list" if newer => Listed::Rows(VendorShape::Compact),
        "name" if newer => Listed::Rows(VendorShape::Name),
        "minimal" if newer => Listed::Rows(VendorShape::Minimal),
        _ => return Err(Reply::bad_field("view", "is not one of the views")),
    };
    match listed {
        Listed::Rows(_) if !company.view_vendors => Ok(Listed::Rows(VendorShape::Minimal)),
        Listed::Rows(_) | Listed::Ids => Ok(listed),
    }
}

fn one(company: &Company, id: u64, view: Result<Listed, Reply>) -> Reply {
    let shape = match view {
        Ok(Listed::Rows(shape)) => shape,
        Ok(Listed::Ids) => VendorShape::Minimal,
        Err(reply) => return reply,
    };
    match company.vendor_position(id).filter(|position| company.vendor(*position).exists()) {
        Some(position) => Reply::json(StatusCode::OK, render::json(&VendorView::now(company, position, shape))),
        None => Reply::not_found(),
    }
}

fn listing(request: &Request<'_>, company: &Company, view: Result<Listed, Reply>, belongs: impl Fn(&Vendor) -> bool) -> Reply {
    let query = &request.call.query;
    let (listed, filter) = match (view, Filter::parse(query)) {
        (Err(reply), _) => return reply,
        (_, Err(BadFilter(field))) => return Reply::bad_field(&field, "is not a range like 2026-01-01...2026-01-31"),
        (Ok(listed), Ok(filter)) => (listed, filter),
    };
    let descending = query.sort_by_name();
    let in_order = company.vendors_in_order(descending.is_some()).iter().copied();
    let seen = in_order.filter_map(|position| Some((position, company.listed_vendor(position, request.now_ms)?)));
    let mut found: Vec<(u32, &Vendor)> = seen.filter(|(_, vendor)| belongs(vendor) && filter.matches(company, vendor)).collect();
    if descending == Some(true) {
        found.reverse();
    }
    let page = request.page(page::DIRECTORY);
    let rows = found[page.rows(found.len())].iter();
    let body = match listed {
        Listed::Rows(shape) => {
            render::array(rows.map(|(position, vendor)| VendorView { company, position: *position, vendor, shape }))
        }
        Listed::Ids => render::array(rows.map(|(_, vendor)| vendor.id)),
    };
    request.paged(page, found.len(), body)
}

/// The filters that Procore lists for vendors; others are ignored, as some of its endpoints do.
#[derive(Debug)]
struct Filter {
    ids: Option<Vec<u64>>,
    parents: Option<Vec<u64>>,
    trades: Option<Vec<u64>>,
    search: Option<String>,
    origin_id: Option<String>,
    created: Option<(i64, i64)>,
    updated: Option<(i64, i64)>,
}

impl Filter {
    fn parse(query: &Query) -> Result<Self, BadFilter> {
        Ok(Self {
            ids: query.ids("id"),
            parents: query.ids("parent_id"),
            trades: query.ids("trade_id"),
            search: query.filter("search").map(str::to_lowercase),
            origin_id: query.filter("origin_id").map(str::to_owned),
            created: query.range("created_at")?,
            updated: query.range("updated_at")?,
        })
    }

    fn matches(&self, company: &Company, vendor: &Vendor) -> bool {
        let within = |range: Option<(i64, i64)>, at: i64| range.is_none_or(|(from, to)| from <= at && at <= to);
        let parent = || vendor.parent.map(|parent| company.vendor(parent).id);
        let trade = |ids: &Vec<u64>| trades_of(vendor).any(|number| ids.contains(&ids::trade(company.ordinal, number)));
        let set = |key: &str| vendor.fields.as_ref().and_then(|fields| fields.get(key)).and_then(|value| value.as_str());
        within(self.updated, vendor.updated_s)
            && within(self.created, vendor.created_s)
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&vendor.id))
            && self.parents.as_ref().is_none_or(|ids| parent().is_some_and(|parent| ids.contains(&parent)))
            && self.trades.as_ref().is_none_or(trade)
            && self.search.as_ref().is_none_or(|needle| found(vendor, needle))
            && self.origin_id.as_ref().is_none_or(|wanted| set("origin_id") == Some(wanted))
    }
}

/// Whether name, `origin_code` or business register has a search word.
fn found(vendor: &Vendor, needle: &str) -> bool {
    let field = |key: &str| vendor.fields.as_ref().and_then(|fields| fields.get(key));
    let has = |value: Option<&serde_json::Value>| {
        value.and_then(|value| value.as_str()).is_some_and(|text| text.to_lowercase().contains(needle))
    };
    vendor.name.to_lowercase().contains(needle)
        || has(field("origin_code"))
        || has(field("business_register").and_then(|register| register.get("identifier")))
}
