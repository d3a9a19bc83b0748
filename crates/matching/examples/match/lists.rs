//! Lists from CSV files: records by column name, and truth files with `a_id` and `b_id`.
//!
//! Files come from anywhere: a byte-order mark, any line ending, `;` or tabs instead of commas, other encodings, short and long rows are
//! read; what cannot be used is told on standard error, and what makes a measurement impossible is an error.

use anyhow::{Context, Result, ensure};
use csv::{ByteRecord, Reader, ReaderBuilder};
use linkyard_matching::Record;
use std::collections::{HashMap, HashSet};
use std::io::Cursor;
use std::path::Path;

/// Which records of the first list are which of the second.
pub(crate) type Truth = HashMap<String, HashSet<String>>;

/// A file's rows, unread so far.
type Rows = Reader<Cursor<Vec<u8>>>;

/// The columns that are used, beside the id.
const COLUMNS: &str =
    "name, other_names, address, city, state, zip, phone, email, website, tax_id, number, owner, start_date, end_date, vendors";

/// Reads a list. The id is the column `id`, or else the first that ends in `_id`; unknown columns are left out. `only` names the columns to
/// use beside the id; all of them when it is empty.
pub(crate) fn read(path: &Path, only: &[String]) -> Result<Vec<Record>> {
    let (mut reader, headers) = open(path)?;
    let id =
        headers.iter().position(|header| header == "id").or_else(|| headers.iter().position(|header| header.ends_with("_id")));
    let id = id.with_context(|| format!("{} has no column `id` but: {}", path.display(), headers.join(", ")))?;
    let only: Vec<String> = only.iter().map(|column| plain(column)).collect();
    let used = |header: &str| only.is_empty() || only.iter().any(|column| column == header);
    let known = headers.iter().any(|header| used(header) && set(&mut Record::default(), header, ""));
    ensure!(known, "{} has none of the columns {COLUMNS} but: {}", path.display(), headers.join(", "));
    let mut records: Vec<Record> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let (mut without, mut repeated) = (0, 0);
    for row in reader.byte_records() {
        let row = row.with_context(|| format!("{} has a row that cannot be read", path.display()))?;
        let mut record = Record { id: cell(&row, id), ..Record::default() };
        for (at, header) in headers.iter().enumerate().filter(|(_, header)| used(header)) {
            set(&mut record, header, &cell(&row, at));
        }
        if record.id.is_empty() {
            without += 1;
        } else if let Some(place) = places.get(&record.id) {
            repeated += 1;
            records[*place] = record;
        } else {
            places.insert(record.id.clone(), records.len());
            records.push(record);
        }
    }
    note(path, without, "without an id left out");
    note(path, repeated, "with an id that stood before: the last one counts");
    ensure!(!records.is_empty(), "{} has no rows", path.display());
    Ok(records)
}

fn note(path: &Path, rows: usize, what: &str) {
    if rows > 0 {
        eprintln!("{}: {rows} rows {what}", path.display());
    }
}

/// The rows of a file behind its header, and the header's names in one spelling.
fn open(path: &Path) -> Result<(Rows, Vec<String>)> {
    let bytes = std::fs::read(path).with_context(|| format!("{} could not be read", path.display()))?;
    let first = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    let count = |delimiter: u8| first.iter().filter(|byte| **byte == delimiter).count();
    let delimiter = [b',', b';', b'\t'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',');
    let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(Cursor::new(bytes));
    let headers = reader.byte_headers().with_context(|| format!("{} has no header", path.display()))?.clone();
    let headers: Vec<String> = (0..headers.len()).map(|at| plain(&cell(&headers, at))).collect();
    Ok((reader, headers))
}

fn cell(row: &ByteRecord, at: usize) -> String {
    String::from_utf8_lossy(row.get(at).unwrap_or_default()).trim().to_owned()
}

/// A column's name in one spelling: " Tax ID" is `tax_id`.
fn plain(header: &str) -> String {
    header.trim_matches(['\u{feff}', ' ', '"']).to_lowercase().replace([' ', '-', '.'], "_")
}

/// Puts a value into the field of its column; answers whether there is one.
fn set(record: &mut Record, header: &str, value: &str) -> bool {
    let several = || value.split('|').map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned);
    let field = match header {
        "name" => &mut record.name,
        "address" | "street" | "addr" => &mut record.address,
        "city" | "town" => &mut record.city,
        "state" => &mut record.state,
        "zip" | "postcode" | "postal_code" | "zip_code" | "zipcode" => &mut record.postcode,
        "phone" | "telephone" => &mut record.phone,
        "email" | "e_mail" => &mut record.email,
        "website" | "url" => &mut record.website,
        "tax_id" | "ein" | "abn" => &mut record.tax_id,
        "number" => &mut record.number,
        "owner" => &mut record.owner,
        "starts" | "start_date" => &mut record.starts,
        "finishes" | "end_date" => &mut record.finishes,
        "other_names" | "dba" => {
            record.other_names.extend(several());
            return true;
        }
        "vendors" => {
            record.vendors.extend(several());
            return true;
        }
        _ => return false,
    };
    value.clone_into(field);
    true
}

/// Reads a truth file; several `b_id` for one `a_id` are several right answers. In one list (no `b`) a pair counts in both directions.
pub(crate) fn truth(path: &Path, a: &[Record], b: Option<&[Record]>) -> Result<Truth> {
    let (mut reader, headers) = open(path)?;
    let column = |name: &str| {
        let at = headers.iter().position(|header| header == name);
        at.with_context(|| format!("{} has no column `{name}` but: {}", path.display(), headers.join(", ")))
    };
    let (left, right) = (column("a_id")?, column("b_id")?);
    let ids = |records: &[Record]| records.iter().map(|record| record.id.clone()).collect::<HashSet<String>>();
    let (in_a, in_b) = (ids(a), ids(b.unwrap_or(a)));
    let mut truth = Truth::new();
    let mut foreign = 0;
    for row in reader.byte_records() {
        let row = row.with_context(|| format!("{} has a row that cannot be read", path.display()))?;
        let (one, other) = (cell(&row, left), cell(&row, right));
        if !in_a.contains(&one) || !in_b.contains(&other) {
            foreign += 1;
            continue;
        }
        if b.is_none() {
            truth.entry(other.clone()).or_default().insert(one.clone());
        }
        truth.entry(one).or_default().insert(other);
    }
    note(path, foreign, "with ids that are not in the lists left out");
    ensure!(!truth.is_empty(), "{} names no pair of records that are in the lists", path.display());
    Ok(truth)
}
