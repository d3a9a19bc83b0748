//! The least that would import a directory: its pages read and parsed by the product's client and dropped, and its rows written by
//! hand-written SQL that takes every row for new, asks nobody for leave and would not find its way back after a crash.

use crate::place::{Kind, Place};
use anyhow::{Result, ensure};
use linkyard_core::directory::Record;
use linkyard_core::id::JobId;
use linkyard_core::mapping::Subject;
use linkyard_procore::Company;
use std::time::{Duration, Instant};

/// Rows of one statement.
const CHUNK: usize = 500;

/// Every vendor, and how long reading and parsing them took.
pub(crate) async fn read(company: &Company) -> Result<(Vec<Record>, Duration)> {
    let began = Instant::now();
    let (mut records, mut page) = (Vec::new(), Some(1));
    while let Some(number) = page {
        let read = company.page(Subject::Vendor, number, None).await?;
        records.extend(read.records);
        page = read.next;
    }
    Ok((records, began.elapsed()))
}

/// How long writing them takes, in transactions of one chunk each. What a row says is made ready before.
pub(crate) async fn stored(kind: Kind, records: &[Record]) -> Result<Duration> {
    let place = Place::new(kind).await?;
    let job = JobId::generate();
    let chunks = records.chunks(CHUNK).map(|chunk| statements(&place, job, chunk)).collect::<Result<Vec<_>>>()?;
    let began = Instant::now();
    for statements in &chunks {
        place.execute("begin").await;
        for statement in statements {
            place.execute(statement).await;
        }
        place.execute("commit").await;
    }
    let took = began.elapsed();
    let stored = place.number("select count(*) from directory_record r join mapping m on m.record_id = r.record_id").await;
    ensure!(usize::try_from(stored) == Ok(records.len()), "{stored} rows came of {}", records.len());
    place.leave().await;
    Ok(took)
}

/// The rows of a chunk: the record, its mapping, that this walk saw it, and on which projects it is.
fn statements(place: &Place, job: JobId, records: &[Record]) -> Result<Vec<String>> {
    let (provider, organization, now) = (place.id(place.provider.0), place.id(place.scope.organization.0), place.now());
    let (mut rows, mut pairs) = (Vec::new(), Vec::new());
    for record in records {
        let (id, lower) = (record.id.0, record.name.to_lowercase());
        let details = serde_json::to_string(&record.details)?;
        let address = &record.address;
        let address = [&address.street, &address.city, &address.region, &address.postal_code, &address.country]
            .map(|part| text(part.as_deref()));
        rows.push(format!(
            "({provider}, 'vendor', {organization}, {id}, {name}, {lower}, {key}, {address}, {details}, {active}, {hash}, {now}, {now})",
            name = text(Some(&record.name)),
            lower = text(Some(&lower)),
            key = text(Some(&linkyard_matching::name_key(&record.name))),
            address = address.join(", "),
            details = text(Some(&details)),
            active = record.active,
            hash = id.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed()),
        ));
        let projects = record.project_ids.iter().flatten();
        pairs.extend(projects.map(|project| format!("({provider}, {organization}, {id}, {})", project.0)));
    }
    let (first, last) = (records.first().map_or(0, |record| record.id.0), records.last().map_or(0, |record| record.id.0));
    let chunk = format!(
        "from directory_record where provider_id = {provider} and subject = 'vendor' and record_id between {first} and {last}"
    );
    let job = place.id(job.0);
    let mut statements = vec![
        format!(
            "insert into directory_record (provider_id, subject, organization_id, record_id, name, name_search, name_key, street, city,
                region, postal_code, country, details, active, content_hash, first_seen_at_ms, changed_at_ms) values {}",
            rows.join(", ")
        ),
        format!(
            "insert into mapping (provider_id, subject, organization_id, record_id, state, changed_at_ms)
             select provider_id, subject, organization_id, record_id, 'unmapped', {now} {chunk}"
        ),
        format!("insert into walk_seen (job_id, subject, record_id) select {job}, 'vendor', record_id {chunk}"),
    ];
    if !pairs.is_empty() {
        let columns = "provider_id, organization_id, vendor_record_id, project_record_id";
        statements.push(format!("insert into directory_association ({columns}) values {}", pairs.join(", ")));
    }
    Ok(statements)
}

/// A text as a literal.
fn text(text: Option<&str>) -> String {
    text.map_or_else(|| "null".to_owned(), |text| format!("'{}'", text.replace('\'', "''")))
}
