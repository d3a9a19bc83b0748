//! Projects over HTTP. The service user sees the projects it was added to and nothing else; lists show active ones unless
//! asked otherwise. `companies/{id}/projects` has another shape and no pages.

use hyper::StatusCode;
use serde_json::json;

use crate::api::Request;
use crate::directory::{Company, Project, ProjectKind};
use crate::ids;
use crate::page;
use crate::project_view::{ProjectShape, ProjectView};
use crate::query::{BadFilter, Query};
use crate::render;
use crate::reply::Reply;

/// The position of a project that the service user may see.
pub(crate) fn visible(company: &Company, id: u64) -> Option<u32> {
    company.project_position(id).filter(|position| {
        let project = company.project(*position);
        project.permitted && !project.gone
    })
}

/// `GET /projects`, both versions.
pub(crate) fn list(request: &Request<'_>, company: &Company) -> Reply {
    let query = &request.call.query;
    let view = query.get("view").or_else(|| query.get("serializer_view")).unwrap_or("normal");
    let shape = match view {
        "ids" | "compact" => ProjectShape::Compact,
        "normal" if request.route.normalized.starts_with("/rest/v1.0") => ProjectShape::Older,
        "normal" => ProjectShape::Normal,
        "extended" => ProjectShape::Extended,
        _ => return Reply::bad_field("view", "is not one of the views"),
    };
    let filter = match Filter::parse(query, company) {
        Ok(filter) => filter,
        Err(BadFilter(field)) => return Reply::bad_field(&field, "is not valid"),
    };
    let descending = query.sort_by_name();
    let mut positions: Vec<u32> = company
        .projects_in_order(descending.is_some())
        .iter()
        .copied()
        .filter(|position| company.project(*position).permitted && filter.matches(company.project(*position)))
        .collect();
    if descending == Some(true) {
        positions.reverse();
    }
    let page = request.page(if view == "ids" { page::PROJECT_IDS } else { page::PROJECTS });
    let rows = positions[page.rows(positions.len())].iter();
    let body = if view == "ids" {
        render::array(rows.map(|position| company.project(*position).id))
    } else {
        render::array(rows.map(|position| ProjectView { company, position: *position, shape }))
    };
    request.paged(page, positions.len(), body)
}

/// `GET /projects/{id}`.
pub(crate) fn show(request: &Request<'_>, company: &Company) -> Reply {
    let shape = match request.call.query.get("view") {
        Some("minimal") => ProjectShape::Compact,
        Some(_) | None => ProjectShape::Extended,
    };
    match visible(company, request.route.ids[0]) {
        Some(position) => Reply::json(StatusCode::OK, render::json(&ProjectView { company, position, shape })),
        None => Reply::not_found(),
    }
}

/// `GET /companies/{id}/projects`: all at once, no paging headers.
pub(crate) fn of_company(request: &Request<'_>, company: &Company) -> Reply {
    let positions = company.projects_in_order(false).iter().copied();
    let seen = positions.filter(|position| company.project(*position).permitted && company.project(*position).active);
    let seen: Vec<u32> = seen.collect();
    let shape = ProjectShape::OfCompany;
    request.unpaged(seen.len(), || render::array(seen.iter().map(|position| ProjectView { company, position: *position, shape })))
}

/// `GET /companies/{id}/users/{user_id}/project_assignments`: only the service user has any.
pub(crate) fn assignments(request: &Request<'_>, company: &Company) -> Reply {
    if request.route.ids[1] != ids::service_user() {
        return Reply::not_found();
    }
    let positions = company.projects_in_order(false).iter().copied();
    let seen: Vec<&Project> = positions.map(|position| company.project(position)).filter(|project| project.permitted).collect();
    let page = request.page(page::DIRECTORY);
    let rows = seen[page.rows(seen.len())].iter().map(|project| {
        json!({
            "project_id": project.id, "name": project.name, "project_number": project.number, "address": null,
            "stage": null, "is_assigned": true, "active": project.active, "roles": [],
            "permission_template_name": null, "region": null, "program": null, "project_type": null,
        })
    });
    request.paged(page, seen.len(), render::array(rows))
}

/// The filters that the simulator knows of those that Procore lists; others are ignored.
#[derive(Debug)]
struct Filter {
    active: Option<bool>,
    ids: Option<Vec<u64>>,
    /// Positions of the vendor's projects.
    of_vendor: Option<Vec<u64>>,
    name: Option<String>,
    number: Option<String>,
    demo: Option<bool>,
    template: Option<bool>,
    created: Option<(i64, i64)>,
    updated: Option<(i64, i64)>,
}

impl Filter {
    fn parse(query: &Query, company: &Company) -> Result<Self, BadFilter> {
        let active = match query.filter("by_status") {
            None | Some("Active") => Some(true),
            Some("Inactive") => Some(false),
            Some("All") => None,
            Some(_) => return Err(BadFilter("by_status".to_owned())),
        };
        let of_vendor = query.ids("vendor_id").map(|ids| {
            let vendors = ids.iter().filter_map(|id| company.vendor_position(*id));
            vendors.flat_map(|position| company.project_ids_of(company.vendor(position))).collect()
        });
        Ok(Self {
            active,
            ids: query.ids("id"),
            of_vendor,
            name: query.filter("name").map(str::to_lowercase),
            number: query.filter("project_number").map(str::to_owned),
            demo: query.flag("is_demo"),
            template: query.flag("template"),
            created: query.range("created_at")?,
            updated: query.range("updated_at")?,
        })
    }

    fn matches(&self, project: &Project) -> bool {
        let within = |range: Option<(i64, i64)>, at: i64| range.is_none_or(|(from, to)| from <= at && at <= to);
        let is = |wanted: Option<bool>, kind: ProjectKind| wanted.is_none_or(|wanted| wanted == (project.kind == kind));
        self.active.is_none_or(|active| active == project.active)
            && within(self.updated, project.updated_s)
            && within(self.created, project.created_s)
            && is(self.demo, ProjectKind::Demo)
            && is(self.template, ProjectKind::Template)
            && self.ids.as_ref().is_none_or(|ids| ids.contains(&project.id))
            && self.of_vendor.as_ref().is_none_or(|ids| ids.contains(&project.id))
            && self.name.as_ref().is_none_or(|name| project.name.to_lowercase().contains(name))
            && self.number.as_ref().is_none_or(|number| *project.number == **number)
    }
}
