//! The directory as fetched: pages are stored set-based, unchanged rows are not rewritten.
//!
//! Whether a record changed is decided by a hash over everything that the page said of it, so a second fetch of the same directory
//! reads hashes and writes nothing but what the walk saw. A record that is excluded gets no mapping: whatever counts, lists or decides
//! mappings need not know about exclusion.

use crate::ledger::fence_and_checkpoint;
use crate::row::get;
use crate::sql::{Column, all, batch, commit, execute, one, rows};
use crate::{Store, association, gate, provider, statistics, text, walk};
use linkyard_core::directory::Record;
use linkyard_core::id::{OrganizationId, ProviderId, RecordId};
use linkyard_core::job::{Checkpoint, Fence};
use linkyard_core::mapping::Subject;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, Value};
use serde::Serialize;
use std::collections::HashMap;

/// What storing one page did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageStored {
    /// Records that are new; each has an UNMAPPED mapping now, unless it is excluded.
    pub inserted: u64,
    /// Records that differ from what was stored.
    pub changed: u64,
    /// Records that are as they were.
    pub unchanged: u64,
}

/// One list of one provider's directory: the key of nearly every row that this half of the store touches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    pub(crate) organization: OrganizationId,
    pub(crate) provider: ProviderId,
    pub(crate) subject: Subject,
}

impl List {
    /// Parameters `$1` provider, `$2` subject, `$3` organization, and what follows them.
    pub(crate) fn values(&self, more: impl IntoIterator<Item = Value>) -> Vec<Value> {
        let mut values = vec![self.provider.0.into(), self.subject.as_str().into(), self.organization.0.into()];
        values.extend(more);
        values
    }
}

/// A record in a batch.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Id {
    pub(crate) record_id: RecordId,
}

/// The columns of [`Id`].
pub(crate) const ID: [(&str, Column); 1] = [("record_id", Column::Bigint)];

/// `ids` as a batch.
pub(crate) fn ids(ids: impl IntoIterator<Item = RecordId>) -> Vec<Id> {
    ids.into_iter().map(|record_id| Id { record_id }).collect()
}

/// A record as it goes into its row.
#[derive(Debug, Serialize)]
struct Row {
    record_id: RecordId,
    name: String,
    name_search: String,
    name_key: String,
    street: Option<String>,
    city: Option<String>,
    region: Option<String>,
    postal_code: Option<String>,
    country: Option<String>,
    details: String,
    active: bool,
    exclusion: Option<&'static str>,
    content_hash: i64,
    updated_at_ms: Option<i64>,
    #[serde(skip)]
    project_ids: Option<Vec<RecordId>>,
}

const ROW: [(&str, Column); 14] = [
    ("record_id", Column::Bigint),
    ("name", Column::Text),
    ("name_search", Column::Text),
    ("name_key", Column::Text),
    ("street", Column::Text),
    ("city", Column::Text),
    ("region", Column::Text),
    ("postal_code", Column::Text),
    ("country", Column::Text),
    ("details", Column::Text),
    ("active", Column::Boolean),
    ("exclusion", Column::Text),
    ("content_hash", Column::Bigint),
    ("updated_at_ms", Column::Bigint),
];

impl Row {
    fn of(record: &Record, name_key: &str) -> Result<Self> {
        let record = cleaned(record)?;
        let content_hash = text::stable_hash(json(&record)?.as_bytes());
        Ok(Self {
            record_id: record.id,
            name_search: text::searched(&record.name),
            name_key: text::key(name_key).into_owned(),
            details: json(&record.details)?,
            active: record.active,
            exclusion: record.exclusion.map(linkyard_core::directory::Exclusion::as_str),
            content_hash,
            updated_at_ms: record.updated_at_ms,
            project_ids: record.project_ids,
            name: record.name,
            street: record.address.street,
            city: record.address.city,
            region: record.address.region,
            postal_code: record.address.postal_code,
            country: record.address.country,
        })
    }
}

/// `record` without what a database refuses, with an endless name cut, and with its projects in an order of their own: the directory's
/// order means nothing, and must not make a record look changed.
fn cleaned(record: &Record) -> Result<Record> {
    let mut record = record.clone();
    record.name = text::clipped(&record.name, text::LONGEST_KEPT_NAME).to_owned();
    if let Some(projects) = &mut record.project_ids {
        projects.sort_unstable();
        projects.dedup();
    }
    if !json(&record)?.contains("\\u0000") {
        return Ok(record);
    }
    let unreadable = |error| Error::internal("a record could not be read back from JSON", error);
    let mut value = serde_json::to_value(&record).map_err(unreadable)?;
    without_nul(&mut value);
    serde_json::from_value(value).map_err(unreadable)
}

fn without_nul(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(string) => string.retain(|character| character != '\0'),
        serde_json::Value::Array(values) => values.iter_mut().for_each(without_nul),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(without_nul),
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {}
    }
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::internal("a record could not be written as JSON", error))
}

impl Store {
    /// Stores one page of a walk: records, their mappings (UNMAPPED when new), the associations of vendors, and the note that this walk
    /// saw them, together with the checkpoint, in one transaction. `name_keys[i]` is the normalised name of `records[i]` (matching is
    /// not this crate's business). A record that appears twice in a page counts once (the last one wins). Unchanged records are not
    /// rewritten. Excluded records get no mapping; one that becomes excluded loses its mapping while nothing is linked, on its way or
    /// left out by a person. Outside a walk ([`Store::walk_begin`]) nothing is noted as seen.
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `NotFound` for a provider that is not the job's tenant's.
    pub async fn directory_page_store(
        &self,
        fence: &Fence,
        provider: ProviderId,
        subject: Subject,
        records: &[Record],
        name_keys: &[String],
        checkpoint: &Checkpoint,
    ) -> Result<PageStored> {
        let list = List { organization: fence.organization, provider, subject };
        self.page_store(fence, &list, subject.as_str(), page(records, name_keys)?, checkpoint).await
    }

    /// Stores one page of the vendors that were deactivated: they are seen by the walk over vendors, so that they are neither missing nor
    /// gone, and counted apart, because the main list's total does not count them.
    ///
    /// # Errors
    /// As [`Store::directory_page_store`].
    pub async fn inactive_vendors_store(
        &self,
        fence: &Fence,
        provider: ProviderId,
        records: &[Record],
        name_keys: &[String],
        checkpoint: &Checkpoint,
    ) -> Result<PageStored> {
        let list = List { organization: fence.organization, provider, subject: Subject::Vendor };
        self.page_store(fence, &list, walk::INACTIVE_VENDOR, page(records, name_keys)?, checkpoint).await
    }

    async fn page_store(
        &self,
        fence: &Fence,
        list: &List,
        seen_as: &str,
        page: Vec<Row>,
        checkpoint: &Checkpoint,
    ) -> Result<PageStored> {
        let (provider, subject) = (list.provider, list.subject);
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, Some(checkpoint)).await?;
        provider::require(&tx, fence.organization, provider).await?;
        let walk_started_ms = walk_started_ms(&tx, list, fence).await?;
        let known = known_hashes(&tx, list, &page).await?;
        let fresh = |row: &&Row| known.get(&row.record_id) != Some(&row.content_hash);
        let rewritten: Vec<&Row> = page.iter().filter(fresh).collect();
        let changed: Vec<&Row> = rewritten.iter().filter(|row| known.contains_key(&row.record_id)).copied().collect();
        if !rewritten.is_empty() {
            write_records(&tx, list, &rewritten).await?;
            write_mappings(&tx, list, &rewritten).await?;
            hide_mappings(&tx, list, &changed).await?;
            if subject == Subject::Vendor {
                write_associations(&tx, list, &rewritten, &known, walk_started_ms).await?;
            }
        }
        if walk_started_ms.is_some() {
            walk::note_seen(&tx, fence, seen_as, page.iter().map(|row| row.record_id)).await?;
        }
        commit(tx).await?;
        if !rewritten.is_empty() {
            statistics::refresh(self).await;
        }
        let (total, rewritten, changed) = (page.len() as u64, rewritten.len() as u64, changed.len() as u64);
        Ok(PageStored { inserted: rewritten - changed, changed, unchanged: total - rewritten })
    }
}

/// The rows of a page, each record once, in the order of their ids (indexes like that, and locks are taken in one order).
fn page(records: &[Record], name_keys: &[String]) -> Result<Vec<Row>> {
    if records.len() != name_keys.len() {
        return Err(Error::broken("a page has another number of records than of keys"));
    }
    let mut last: HashMap<RecordId, usize> = HashMap::with_capacity(records.len());
    for (index, record) in records.iter().enumerate() {
        last.insert(record.id, index);
    }
    let mut indexes: Vec<usize> = last.into_values().collect();
    indexes.sort_unstable_by_key(|index| records[*index].id);
    indexes.into_iter().map(|index| Row::of(&records[index], &name_keys[index])).collect()
}

async fn walk_started_ms(connection: &impl ConnectionTrait, list: &List, fence: &Fence) -> Result<Option<i64>> {
    let sql = "select started_at_ms from walk where job_id = $4 and subject = $2 and provider_id = $1 and organization_id = $3";
    let found = one(connection, sql, list.values([fence.job.0.into()])).await?;
    found.map(|row| get(&row, "started_at_ms")).transpose()
}

async fn known_hashes(connection: &impl ConnectionTrait, list: &List, page: &[Row]) -> Result<HashMap<RecordId, i64>> {
    let sql = format!(
        "select r.record_id, r.content_hash from {} cross join directory_record r
         where r.provider_id = $1 and r.subject = $2 and r.organization_id = $3 and r.record_id = b.record_id",
        rows(connection, "b", "$4", &ID)
    );
    let found = all(connection, &sql, list.values([batch(&ids(page.iter().map(|row| row.record_id)))?])).await?;
    found.iter().map(|row| Ok((RecordId(get(row, "record_id")?), get(row, "content_hash")?))).collect()
}

async fn write_records(connection: &impl ConnectionTrait, list: &List, page: &[&Row]) -> Result<()> {
    let columns: Vec<&str> = ROW.iter().map(|(name, _)| *name).collect();
    let selected: Vec<String> = columns.iter().map(|name| format!("b.{name}")).collect();
    let changes: Vec<String> =
        columns.iter().filter(|name| **name != "record_id").map(|name| format!("{name} = excluded.{name}")).collect();
    let sql = format!(
        "insert into directory_record (provider_id, subject, organization_id, {}, first_seen_at_ms, changed_at_ms)
         select $1, $2, $3, {}, {{now}}, {{now}} from {} where true
         on conflict (provider_id, subject, record_id) do update set {}, changed_at_ms = excluded.changed_at_ms",
        columns.join(", "),
        selected.join(", "),
        rows(connection, "b", "$4", &ROW),
        changes.join(", ")
    );
    execute(connection, &sql, list.values([batch(page)?])).await.map(|_| ())
}

/// A mapping for every record that may be mapped and has none.
async fn write_mappings(connection: &impl ConnectionTrait, list: &List, page: &[&Row]) -> Result<()> {
    let mapped = ids(page.iter().filter(|row| row.exclusion.is_none()).map(|row| row.record_id));
    let sql = format!(
        "insert into mapping (provider_id, subject, organization_id, record_id, state, changed_at_ms)
         select $1, $2, $3, b.record_id, 'unmapped', {{now}} from {} where true
         on conflict (provider_id, subject, record_id) do nothing",
        rows(connection, "b", "$4", &ID)
    );
    execute(connection, &sql, list.values([batch(&mapped)?])).await.map(|_| ())
}

/// What became excluded is not to be mapped any more, unless a person's decision or a link stands already.
async fn hide_mappings(connection: &impl ConnectionTrait, list: &List, changed: &[&Row]) -> Result<()> {
    let excluded = ids(changed.iter().filter(|row| row.exclusion.is_some()).map(|row| row.record_id));
    if excluded.is_empty() {
        return Ok(());
    }
    gate::lock(connection, list.organization).await?;
    let of_page = format!(
        "provider_id = $1 and subject = $2 and organization_id = $3 and record_id in (select b.record_id from {})",
        rows(connection, "b", "$4", &ID)
    );
    let undecided = "state in ('unmapped', 'suggested', 'held', 'failed')";
    let hidden = format!("delete from mapping where {of_page} and {undecided} returning record_id");
    let hidden = all(connection, &hidden, list.values([batch(&excluded)?])).await?;
    let hidden = hidden.iter().map(|row| get(row, "record_id").map(RecordId)).collect::<Result<Vec<RecordId>>>()?;
    let suggestions = format!("delete from suggestion where {of_page}");
    execute(connection, &suggestions, list.values([batch(&ids(hidden))?])).await.map(|_| ())
}

async fn write_associations(
    connection: &impl ConnectionTrait,
    list: &List,
    page: &[&Row],
    known: &HashMap<RecordId, i64>,
    walk_started_ms: Option<i64>,
) -> Result<()> {
    let said = page.iter().filter_map(|row| {
        let projects = row.project_ids.as_deref()?;
        Some(association::Said { vendor: row.record_id, known: known.contains_key(&row.record_id), projects })
    });
    association::store(connection, list, &said.collect::<Vec<_>>(), walk_started_ms).await
}
