//! Procore's rows as they come over the wire, and what they mean. A page is read as a whole or refused as a whole.
//!
//! Rows are read straight into typed structs, texts borrowed from the body where JSON allows it: a page of 2,000 vendors is some
//! megabytes, of which most is skipped. Unknown fields are ignored. A field of an unexpected type counts as not said, except the id
//! and the name, without which nothing about a row can be trusted.

mod lenient;
mod project;
mod vendor;

pub(crate) use lenient::{Flag, Id, Ids, List, Name, Number, Object, Row, Text};

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
    serde_json::from_slice(body).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Eof => "a list that breaks off",
            serde_json::error::Category::Data => "a row that can not be right",
            serde_json::error::Category::Io | serde_json::error::Category::Syntax => "a list that is not JSON",
        };
        format!("{what} (at line {}, column {})", error.line(), error.column())
    })
}
