//! People and users of a company over HTTP. `people` are users plus reference users (contacts that cannot log in);
//! `users` are those who can, active and inactive ones apart. Rendering is in `people_view.rs`.

use hyper::StatusCode;

use serde_json::json;

use crate::api::Request;
use crate::clock::timestamp;
use crate::directory::Company;
use crate::names;
use crate::page;
use crate::people_view::{Person, PersonShape, PersonView};
use crate::projects;
use crate::query::BadFilter;
use crate::render;
use crate::reply::Reply;

/// `GET /companies/{id}/people`.
pub(crate) fn list(request: &Request<'_>, company: &Company) -> Reply {
    let query = &request.call.query;
    let shape = match query.get("view").unwrap_or("normal") {
        "normal" => PersonShape::Normal,
        "extended" => PersonShape::Extended,
        _ => return Reply::bad_field("view", "is not one of the views"),
    };
    let search = query.filter("search").map(str::to_lowercase);
    let (employee, reference) = (query.flag("is_employee"), query.flag("reference_users_only") == Some(true));
    let users = query.flag("without_reference_users") == Some(true);
    let people: Vec<Person<'_>> = everybody(company, query.ids("vendor_id"))
        .filter(|person| employee.is_none_or(|wanted| wanted == company.vendor(person.vendor).own))
        .filter(|person| !(reference && person.user_id().is_some() || users && person.user_id().is_none()))
        .filter(|person| search.as_ref().is_none_or(|needle| person.matches(needle)))
        .collect();
    let page = request.page(page::DIRECTORY);
    let rows = people[page.rows(people.len())].iter().map(|person| PersonView { person: *person, shape });
    request.paged(page, people.len(), render::array(rows))
}

/// `GET /projects/{id}/people`: those of the vendors on the project.
pub(crate) fn of_project(request: &Request<'_>, company: &Company) -> Result<Reply, Reply> {
    let project = projects::visible(company, request.route.ids[0]).ok_or_else(Reply::not_found)?;
    let query = &request.call.query;
    let shape = match query.get("view").unwrap_or("normal") {
        "normal" => PersonShape::Normal,
        "extended" | "web" => PersonShape::Extended,
        _ => return Err(Reply::bad_field("view", "is not one of the views")),
    };
    let wanted = query.ids("vendor_id");
    let search = query.filter("search").map(str::to_lowercase);
    let people: Vec<Person<'_>> = on_project(company, project)
        .filter(|person| wanted.as_ref().is_none_or(|ids| ids.contains(&company.vendor(person.vendor).id)))
        .filter(|person| search.as_ref().is_none_or(|needle| person.matches(needle)))
        .collect();
    let page = request.page(page::DIRECTORY);
    let rows = people[page.rows(people.len())].iter().map(|person| PersonView { person: *person, shape });
    Ok(request.paged(page, people.len(), render::array(rows)))
}

/// `GET /project_roles`: who has which role on a project. The users of its first vendors have one each.
pub(crate) fn roles(request: &Request<'_>, company: &Company) -> Result<Reply, Reply> {
    let id = request.call.query.number("project_id").unwrap_or_default();
    let project = projects::visible(company, id).ok_or_else(Reply::not_found)?;
    let users = on_project(company, project).filter(|person| person.user_id().is_some());
    let named: Vec<(Person<'_>, &str)> = users.zip(names::PROJECT_ROLES.iter().copied()).collect();
    let page = request.page(page::DIRECTORY);
    let rows = named[page.rows(named.len())].iter().map(|(person, role)| {
        json!({
            "id": person.id() - person.id() % 16 + 7, "name": person.name(), "role": role, "user_id": person.user_id(),
            "contact_id": person.id(), "is_active": person.is_active(),
            "created_at": timestamp(company.vendor(person.vendor).created_s),
        })
    });
    Ok(request.paged(page, named.len(), render::array(rows)))
}

fn on_project(company: &Company, project: u32) -> impl Iterator<Item = Person<'_>> {
    let vendors = company.project(project).vendors.iter().copied().filter(|vendor| company.vendor(*vendor).exists());
    vendors.flat_map(move |vendor| company.people_of(vendor).map(move |number| Person::now(company, vendor, number)))
}

/// `GET /companies/{id}/users` and `/users/inactive`.
pub(crate) fn users(request: &Request<'_>, company: &Company, active: bool) -> Reply {
    let query = &request.call.query;
    let shape = match query.get("view").unwrap_or("normal") {
        "normal" => Some(PersonShape::User),
        "extended" => Some(PersonShape::UserExtended),
        "ids_only" => None,
        _ => return Reply::bad_field("view", "is not one of the views"),
    };
    let (created, updated) = match (query.range("created_at"), query.range("updated_at")) {
        (Ok(created), Ok(updated)) => (created, updated),
        (Err(BadFilter(field)), _) | (_, Err(BadFilter(field))) => {
            return Reply::bad_field(&field, "is not a range like 2026-01-01...2026-01-31");
        }
    };
    let within = |range: Option<(i64, i64)>, at: i64| range.is_none_or(|(from, to)| (from..=to).contains(&at));
    let search = query.filter("search").map(str::to_lowercase);
    let origin_id = query.filter("origin_id");
    let people: Vec<Person<'_>> = everybody(company, query.ids("vendor_id"))
        .filter(|person| person.user_id().is_some() && person.is_active() == active)
        .filter(|person| within(updated, person.updated_s()) && within(created, company.vendor(person.vendor).created_s))
        .filter(|person| origin_id.is_none_or(|wanted| person.text("origin_id") == Some(wanted)))
        .filter(|person| search.as_ref().is_none_or(|needle| person.matches(needle)))
        .collect();
    let page = request.page(page::DIRECTORY);
    let rows = people[page.rows(people.len())].iter();
    let body = match shape {
        Some(shape) => render::array(rows.map(|person| PersonView { person: *person, shape })),
        None => render::array(rows.filter_map(Person::user_id)),
    };
    request.paged(page, people.len(), body)
}

/// `GET /companies/{id}/users/{id}`.
pub(crate) fn user(request: &Request<'_>, company: &Company) -> Reply {
    match everybody(company, None).find(|person| person.user_id() == Some(request.route.ids[1])) {
        Some(person) => {
            let view = PersonView { person, shape: PersonShape::OneUser };
            Reply::json(StatusCode::OK, render::json(&view))
        }
        None => Reply::not_found(),
    }
}

/// All people of the given vendors, of every vendor that was not merged away if none are given.
pub(crate) fn everybody(company: &Company, vendors: Option<Vec<u64>>) -> impl Iterator<Item = Person<'_>> {
    let positions: Vec<u32> = match vendors {
        Some(ids) => ids.iter().filter_map(|id| company.vendor_position(*id)).collect(),
        None => company.vendors_in_order(false).to_vec(),
    };
    let existing = positions.into_iter().filter(|position| company.vendor(*position).exists());
    existing.flat_map(move |vendor| company.people_of(vendor).map(move |number| Person::now(company, vendor, number)))
}
