//! Procore's rows as they come over the wire, and what they mean. A page is read as a whole or refused as a whole.
//!
//! Rows are read straight into typed structs, texts borrowed from the body where JSON allows it: a page of 2,000 vendors is some
//! megabytes, of which most is skipped. Unknown fields are ignored. A field of an unexpected type counts as not said, except the id
//! and the name, without which nothing about a row can be trusted.

mod insurance;
mod lenient;
mod person;
mod project;
mod vendor;

pub(crate) use insurance::{Retirements, Synced, Updates};
pub(crate) use lenient::{Flag, Id, Ids, List, Name, Number, Object, Row, Text};

use linkyard_core::compliance::FoundInsurance;
use linkyard_core::contact::Person;
use linkyard_core::directory::Record;
use linkyard_core::mapping::Subject;
use serde::Deserialize;

/// The rows of a page of `subject`.
///
/// # Errors
/// What is wrong, as words that name no value of the body.
pub(crate) fn records(subject: Subject, body: &[u8]) -> Result<Vec<Record>, String> {
    match subject {
        Subject::Vendor => Ok(rows::<vendor::Vendor<'_>>(body)?.into_iter().map(|row| row.0.record()).collect()),
        Subject::Project => Ok(rows::<project::Project<'_>>(body)?.into_iter().map(|row| row.0.record()).collect()),
    }
}

/// The rows of a page of people.
///
/// # Errors
/// What is wrong, as words that name no value of the body.
pub(crate) fn people(body: &[u8]) -> Result<Vec<Person>, String> {
    Ok(rows::<person::PersonRow<'_>>(body)?.into_iter().map(|row| row.0.person()).collect())
}

/// The rows of a page of insurances.
///
/// # Errors
/// What is wrong, as words that name no value of the body.
pub(crate) fn insurances(body: &[u8]) -> Result<Vec<FoundInsurance>, String> {
    Ok(rows::<insurance::InsuranceRow<'_>>(body)?.into_iter().map(|row| row.0.found()).collect())
}

/// What a sync says of its rows.
///
/// # Errors
/// What is wrong, as words that name no value of the body.
pub(crate) fn synced(body: &[u8]) -> Result<Synced<'_>, String> {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => Err("an empty body".to_owned()),
        Some(b'{') => serde_json::from_slice(body).map_err(|error| wrong("an answer", &error)),
        Some(b'<') => Err("an HTML page".to_owned()),
        Some(_) => Err("something that is not an object".to_owned()),
    }
}

/// A row of `/companies`, as far as it is used.
#[derive(Debug, Deserialize)]
pub(crate) struct CompanyRow<'a> {
    pub(crate) id: Id,
    #[serde(borrow, default)]
    pub(crate) name: Text<'a>,
}

/// What shows whether a vendor list came in a view that its caller may read in full.
#[derive(Debug, Deserialize)]
pub(crate) struct ViewProbe {
    #[serde(default)]
    pub(crate) project_ids: Ids,
}

/// A JSON array of rows.
///
/// # Errors
/// What is wrong, as words that name no value of the body.
pub(crate) fn rows<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<Vec<Row<T>>, String> {
    let Some(first) = body.iter().find(|byte| !byte.is_ascii_whitespace()) else { return Err("an empty body".to_owned()) };
    match first {
        b'[' => {}
        b'<' => return Err("an HTML page".to_owned()),
        _ => return Err("something that is not a list".to_owned()),
    }
    serde_json::from_slice(body).map_err(|error| wrong("a list", &error))
}

fn wrong(it: &str, error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Eof => format!("{it} that breaks off"),
        serde_json::error::Category::Data => "a row that can not be right".to_owned(),
        serde_json::error::Category::Io | serde_json::error::Category::Syntax => format!("{it} that is not JSON"),
    };
    format!("{what} (at line {}, column {})", error.line(), error.column())
}
