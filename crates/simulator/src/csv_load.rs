//! Reads directories from CSV files: vendors, projects and who works where. Columns are found by their header, others are
//! ignored, rows with an empty name are kept. Turning rows into a company is `build.rs`.

use std::path::Path;

use csv::StringRecord;

use crate::error::{Error, Result};

/// A row of the vendors file.
#[derive(Debug)]
pub(crate) struct VendorRow {
    pub(crate) key: Box<str>,
    pub(crate) name: Box<str>,
    pub(crate) phone: Box<str>,
}

/// A row of the projects file.
#[derive(Debug)]
pub(crate) struct ProjectRow {
    pub(crate) key: Box<str>,
    pub(crate) address: Box<str>,
    pub(crate) issue_date: Box<str>,
    pub(crate) permit_type: Box<str>,
    pub(crate) status: Box<str>,
    pub(crate) reported_cost: Box<str>,
    pub(crate) description: Box<str>,
}

/// Reads `vendor_id,name,phone`; `phone` may be missing.
pub(crate) fn vendors(path: &Path) -> Result<Vec<VendorRow>> {
    rows(path, ["vendor_id", "name", "phone"], 2, |[key, name, phone]| VendorRow { key, name, phone })
}

/// Reads `project_id,address,issue_date,permit_type,status,reported_cost,description`; all but the first may be missing.
pub(crate) fn projects(path: &Path) -> Result<Vec<ProjectRow>> {
    let columns = ["project_id", "address", "issue_date", "permit_type", "status", "reported_cost", "description"];
    rows(path, columns, 1, |[key, address, issue_date, permit_type, status, reported_cost, description]| ProjectRow {
        key,
        address,
        issue_date,
        permit_type,
        status,
        reported_cost,
        description,
    })
}

/// Reads `project_id,vendor_id`.
pub(crate) fn project_vendors(path: &Path) -> Result<Vec<(Box<str>, Box<str>)>> {
    rows(path, ["project_id", "vendor_id"], 2, |[project, vendor]| (project, vendor))
}

/// Reads the named columns of every row; the first `required` of them must be there.
fn rows<const N: usize, T>(
    path: &Path,
    columns: [&str; N],
    required: usize,
    make: impl Fn([Box<str>; N]) -> T,
) -> Result<Vec<T>> {
    let csv_error = |source| Error::Csv { path: path.to_owned(), source };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path).map_err(csv_error)?;
    let headers = reader.headers().map_err(csv_error)?.clone();
    let positions = columns.map(|column| headers.iter().position(|header| header.trim() == column));
    if let Some(missing) = (0..required).find(|number| positions[*number].is_none()) {
        return Err(Error::Invalid(format!("{} has no column {}", path.display(), columns[missing])));
    }
    let mut rows = Vec::new();
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).map_err(csv_error)? {
        rows.push(make(positions.map(|position| position.and_then(|at| record.get(at)).unwrap_or_default().into())));
    }
    Ok(rows)
}
