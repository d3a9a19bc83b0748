//! Insurances as people and other systems make, edit and delete them in Procore. They are checked like those of the API, are
//! seen in lists at once, and are not counted as written by the API.

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Answer, body, number, ok, unknown};
use crate::call::Call;
use crate::change::World;
use crate::directory::Company;
use crate::error::Error;
use crate::event::Event;
use crate::insurance::{Holder, Insurance, Moment};
use crate::insurance_draft::{Draft, Refusal};
use crate::locks::read;
use crate::reply::Reply;
use crate::shared::Shared;

pub(super) fn answer(shared: &Shared, call: &Call, company: u64, rest: &[&str]) -> Answer {
    match (&call.method, rest) {
        (&Method::POST, []) => add(shared, company, body(call)?),
        (&Method::PATCH, [id]) => change(shared, company, number(id)?, &body(call)?),
        (&Method::DELETE, [id]) => remove(shared, company, number(id)?),
        _ => Err(unknown(call)),
    }
}

/// Rows to add: given ones in the fields of the API plus `project_id`, or a number of made-up ones.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct New {
    rows: Vec<Map<String, Value>>,
    count: u32,
}

fn add(shared: &Shared, company: u64, new: New) -> Answer {
    let mut ids = Vec::new();
    for sent in &new.rows {
        let holder = match sent.get("project_id").and_then(Value::as_u64) {
            Some(project_id) => Holder::Project(project_id),
            None => Holder::Company,
        };
        ids.extend(write(shared, company, holder, |draft| draft.create(sent))?);
    }
    if new.count > 0 {
        ids.extend(shared.commit(Event::InsurancesMadeUp { company, count: new.count })?);
    }
    Ok(Reply::value(StatusCode::CREATED, &json!({"ids": ids})))
}

fn change(shared: &Shared, company: u64, id: u64, sent: &Map<String, Value>) -> Answer {
    let holder = {
        let world = read(&shared.world);
        let row = known(&world, company)?.insurances.get(id).ok_or_else(|| missing(id))?;
        row.project_id.map_or(Holder::Company, Holder::Project)
    };
    write(shared, company, holder, |draft| draft.update(id, sent, false))?;
    ok(&json!({"id": id}))
}

fn remove(shared: &Shared, company: u64, id: u64) -> Answer {
    known(&read(&shared.world), company)?.insurances.get(id).ok_or_else(|| missing(id))?;
    let at_ms = shared.clock.now_ms();
    shared.commit(Event::InsurancesRemoved { company, ids: vec![id], at_ms, listed_from_ms: None })?;
    ok(&json!({"id": id}))
}

/// Writes one row, decided and made under one lock.
fn write(
    shared: &Shared,
    company: u64,
    holder: Holder,
    draw: impl for<'d> FnOnce(&'d mut Draft<'_>) -> Result<&'d Insurance, Refusal>,
) -> Result<Vec<u64>, Error> {
    let moment = Moment { at_ms: shared.clock.now_ms(), listed_from_ms: None };
    shared.commit_decided(|world| {
        let company = known(world, company)?;
        if holder.project_id().is_some_and(|id| company.project_position(id).is_none()) {
            return Err(Error::Missing("the project".to_owned()));
        }
        let mut draft = Draft::new(company, holder);
        draw(&mut draft).map_err(refused)?;
        let (company, rows) = (company.id, draft.into_rows());
        Ok(Event::InsurancesWritten { company, rows, by_api: false, at_ms: moment.at_ms, listed_from_ms: None })
    })
}

fn known(world: &World, company: u64) -> Result<&Company, Error> {
    world.company(company).ok_or_else(|| Error::Missing(format!("company {company}")))
}

fn missing(id: u64) -> Error {
    Error::Missing(format!("insurance {id}"))
}

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Missing(field) => Error::Missing(format!("the row of {field}")),
        Refusal::Invalid(problems) => {
            let texts: Vec<String> = problems.iter().map(|(field, texts)| format!("{field} {}", texts.join(", "))).collect();
            Error::Invalid(texts.join("; "))
        }
    }
}
