//! Adding, changing and ending rows of a company, as people in Procore would.

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::{Answer, body, number, ok, unknown};
use crate::call::Call;
use crate::directory::Fields;
use crate::error::Error;
use crate::event::{Event, RowKind};
use crate::reply::Reply;
use crate::shared::Shared;

pub(super) fn answer(shared: &Shared, call: &Call, company: u64, kind: &str, rest: &[&str]) -> Answer {
    if kind == "associations" && rest.is_empty() {
        return associations(shared, call, company);
    }
    let kind = match kind {
        "vendors" => RowKind::Vendor,
        "projects" => RowKind::Project,
        "people" => RowKind::Person,
        _ => return Err(unknown(call)),
    };
    let at_s = shared.clock.now_s();
    match (&call.method, rest) {
        (&Method::POST, []) => add(shared, company, kind, body(call)?),
        (&Method::PATCH, [id]) => {
            let (id, fields) = (number(id)?, body(call)?);
            shared.commit(Event::RowChanged { company, kind, id, fields, at_s })?;
            ok(&json!({"id": id}))
        }
        (&Method::DELETE, [id]) => {
            let id = number(id)?;
            shared.commit(Event::RowRemoved { company, kind, id, at_s })?;
            ok(&json!({"id": id}))
        }
        _ => Err(unknown(call)),
    }
}

/// Rows to add: given ones, or a number of made-up ones.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct New {
    rows: Vec<Fields>,
    count: u32,
    /// Ids before all others, so that they come first in every list.
    early: bool,
}

fn add(shared: &Shared, company: u64, kind: RowKind, new: New) -> Answer {
    let New { rows, count, early } = new;
    let at_s = shared.clock.now_s();
    let mut ids = Vec::new();
    if !rows.is_empty() {
        ids.extend(shared.commit(Event::RowsAdded { company, kind, rows, early, at_s })?);
    }
    if count > 0 {
        ids.extend(shared.commit(Event::RowsMadeUp { company, kind, count, early, at_s })?);
    }
    Ok(Reply::value(StatusCode::CREATED, &json!({"ids": ids})))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pairs {
    /// `[project id, vendor id]`.
    pairs: Vec<(u64, u64)>,
}

fn associations(shared: &Shared, call: &Call, company: u64) -> Answer {
    let joined = match call.method {
        Method::POST => true,
        Method::DELETE => false,
        _ => return Err(Error::Missing(format!("{} {}", call.method, call.path))),
    };
    let Pairs { pairs } = body(call)?;
    shared.commit(Event::Associated { company, pairs, joined })?;
    ok(&json!({}))
}
