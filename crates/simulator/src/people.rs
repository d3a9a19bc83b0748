//! People and users of a company over HTTP. `people` are users plus reference users (contacts that cannot log in);
//! `users` are those who can, active ones only. Rendering is in `people_view.rs`.

use hyper::StatusCode;

use crate::api::Request;
use crate::directory::Company;
use crate::page;
use crate::people_view::{Person, PersonShape, PersonView};
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

/// `GET /companies/{id}/users`.
pub(crate) fn users(request: &Request<'_>, company: &Company) -> Reply {
    let query = &request.call.query;
    let shape = match query.get("view").unwrap_or("normal") {
        "normal" => Some(PersonShape::User),
        "extended" => Some(PersonShape::UserExtended),
        "ids_only" => None,
        _ => return Reply::bad_field("view", "is not one of the views"),
    };
    let updated = match query.range("updated_at") {
        Ok(range) => range,
        Err(BadFilter(field)) => return Reply::bad_field(&field, "is not a range like 2026-01-01...2026-01-31"),
    };
    let search = query.filter("search").map(str::to_lowercase);
    let people: Vec<Person<'_>> = everybody(company, query.ids("vendor_id"))
        .filter(|person| person.user_id().is_some() && person.is_active())
        .filter(|person| updated.is_none_or(|(from, to)| (from..=to).contains(&person.updated_s())))
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
            let view = PersonView { person, shape: PersonShape::UserExtended };
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
    existing.flat_map(move |vendor| company.people_of(vendor).map(move |number| Person { company, vendor, number }))
}
