//! Lists from CSV files: records by column name, and truth files with `a_id` and `b_id`.

use anyhow::{Context, Result, bail};
use linkyard_matching::Record;
use std::collections::{HashMap, HashSet};
use std::path::Path;

/// Which records of the first list are which of the second.
pub(crate) type Truth = HashMap<String, HashSet<String>>;

/// Reads a list. The id is the column `id`, or else the first that ends in `_id`; unknown columns are left out. `only` names the columns to
/// use beside the id; all of them when it is empty.
pub(crate) fn read(path: &Path, only: &[String]) -> Result<Vec<Record>> {
    let mut reader = csv::Reader::from_path(path).with_context(|| format!("{} could not be read", path.display()))?;
    let headers: Vec<String> = reader.headers()?.iter().map(|header| header.trim().to_lowercase()).collect();
    let id =
        headers.iter().position(|header| header == "id").or_else(|| headers.iter().position(|header| header.ends_with("_id")));
    let Some(id) = id else { bail!("{} has no column `id`", path.display()) };
    let mut records = Vec::new();
    for row in reader.records() {
        let row = row.with_context(|| format!("{} has a bad row", path.display()))?;
        let mut record = Record { id: row.get(id).unwrap_or_default().to_owned(), ..Record::default() };
        for (header, value) in headers.iter().zip(row.iter()) {
            if only.is_empty() || only.contains(header) {
                set(&mut record, header, value);
            }
        }
        records.push(record);
    }
    Ok(records)
}

fn set(record: &mut Record, header: &str, value: &str) {
    let value = value.trim();
    let field = match header {
        "name" => &mut record.name,
        "address" | "street" => &mut record.address,
        "city" => &mut record.city,
        "state" => &mut record.state,
        "zip" | "postcode" | "postal_code" => &mut record.postcode,
        "phone" => &mut record.phone,
        "email" => &mut record.email,
        "website" => &mut record.website,
        "tax_id" | "ein" | "abn" => &mut record.tax_id,
        "number" => &mut record.number,
        "owner" => &mut record.owner,
        "starts" | "start_date" => &mut record.starts,
        "finishes" | "end_date" => &mut record.finishes,
        "other_names" | "dba" => {
            record.other_names.extend(value.split('|').filter(|name| !name.is_empty()).map(str::to_owned));
            return;
        }
        "vendors" => {
            record.vendors.extend(value.split('|').filter(|vendor| !vendor.is_empty()).map(str::to_owned));
            return;
        }
        _ => return,
    };
    value.clone_into(field);
}

/// Reads a truth file; several `b_id` for one `a_id` are several right answers.
pub(crate) fn truth(path: &Path) -> Result<Truth> {
    let mut reader = csv::Reader::from_path(path).with_context(|| format!("{} could not be read", path.display()))?;
    let headers = reader.headers()?.clone();
    let column = |name: &str| {
        headers.iter().position(|header| header.trim() == name).with_context(|| format!("the truth has no column `{name}`"))
    };
    let (a, b) = (column("a_id")?, column("b_id")?);
    let mut truth = Truth::new();
    for row in reader.records() {
        let row = row?;
        let (Some(a), Some(b)) = (row.get(a), row.get(b)) else { continue };
        truth.entry(a.to_owned()).or_default().insert(b.to_owned());
    }
    Ok(truth)
}
