//! The people of a directory as fetched: pages are stored set-based, unchanged ones are not rewritten; who is missing from one complete
//! walk is *missing*, who is missing from the next one as well is *gone*. What becomes of contacts is not decided here.

use crate::directory::{ID, ids};
use crate::ledger::fence_and_checkpoint;
use crate::row::get;
use crate::sql::{Column, all, batch, commit, execute, one, rows};
use crate::walk::{self, Walked};
use crate::{PageStored, Store, WalkSummary, provider, statistics, text};
use linkyard_core::contact::Person;
use linkyard_core::id::{ProviderId, RecordId};
use linkyard_core::job::{Checkpoint, Fence};
use linkyard_core::{Error, Result};
use sea_orm::ConnectionTrait;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// The longest part of a person that is kept, in characters.
const LONGEST_PART: usize = 1_000;

/// A person as it goes into its row.
#[derive(Debug, Serialize)]
struct Row {
    record_id: RecordId,
    vendor_record_id: Option<RecordId>,
    first_name: Option<String>,
    last_name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    job_title: Option<String>,
    active: bool,
    content_hash: i64,
}

const ROW: [(&str, Column); 9] = [
    ("record_id", Column::Bigint),
    ("vendor_record_id", Column::Bigint),
    ("first_name", Column::Text),
    ("last_name", Column::Text),
    ("email", Column::Text),
    ("phone", Column::Text),
    ("job_title", Column::Text),
    ("active", Column::Boolean),
    ("content_hash", Column::Bigint),
];

impl Row {
    fn of(person: &Person) -> Result<Self> {
        let part = |part: &Option<String>| part.as_deref().map(|part| text::kept(text::clipped(part, LONGEST_PART)).into_owned());
        let mut row = Self {
            record_id: person.id,
            vendor_record_id: person.vendor,
            first_name: part(&person.first_name),
            last_name: part(&person.last_name),
            email: part(&person.email),
            phone: part(&person.phone),
            job_title: part(&person.job_title),
            active: person.active,
            content_hash: 0,
        };
        let content =
            serde_json::to_vec(&row).map_err(|error| Error::internal("a person could not be written as JSON", error))?;
        row.content_hash = text::stable_hash(&content);
        Ok(row)
    }
}

fn walked(fence: &Fence, provider: ProviderId) -> Walked {
    Walked { organization: fence.organization, provider, word: "person" }
}

impl Store {
    /// Begins (or goes on with) this job's walk over the people, as [`Store::walk_begin`].
    ///
    /// # Errors
    /// As [`Store::walk_begin`].
    pub async fn person_walk_begin(&self, fence: &Fence, provider: ProviderId) -> Result<i64> {
        walk::begin(self, fence, walked(fence, provider)).await
    }

    /// Stores one page of people and the note that this walk saw them, together with the checkpoint, in one transaction. A person that
    /// appears twice counts once (the last one wins); unchanged ones are not rewritten. A person whose vendor a page does not tell stays
    /// with the one that was told last. Outside a walk nothing is noted as seen.
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `NotFound` for a provider that is not the job's tenant's.
    pub async fn person_page_store(
        &self,
        fence: &Fence,
        provider: ProviderId,
        people: &[Person],
        checkpoint: &Checkpoint,
    ) -> Result<PageStored> {
        // In the order of their ids: locks are taken in one order.
        let page: BTreeMap<RecordId, &Person> = people.iter().map(|person| (person.id, person)).collect();
        let page = page.into_values().map(Row::of).collect::<Result<Vec<Row>>>()?;
        let list = walked(fence, provider);
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, Some(checkpoint)).await?;
        provider::require(&tx, fence.organization, provider).await?;
        let known = known_hashes(&tx, &list, &page).await?;
        let rewritten: Vec<&Row> = page.iter().filter(|row| known.get(&row.record_id) != Some(&row.content_hash)).collect();
        let changed = rewritten.iter().filter(|row| known.contains_key(&row.record_id)).count() as u64;
        if !rewritten.is_empty() {
            write(&tx, &list, &rewritten).await?;
        }
        let begun =
            "select 1 as begun from walk where job_id = $4 and subject = $2 and provider_id = $1 and organization_id = $3";
        if one(&tx, begun, list.values([fence.job.0.into()])).await?.is_some() {
            walk::note_seen(&tx, fence, list.word, page.iter().map(|row| row.record_id)).await?;
        }
        commit(tx).await?;
        if !rewritten.is_empty() {
            statistics::refresh(self).await;
        }
        let (total, rewritten) = (page.len() as u64, rewritten.len() as u64);
        Ok(PageStored { inserted: rewritten - changed, changed, unchanged: total - rewritten })
    }

    /// Ends the walk over the people by the same rules as [`Store::walk_finish`]: only a complete walk makes anybody missing, and only the
    /// second one in a row gone. Nobody is deleted.
    ///
    /// # Errors
    /// As [`Store::walk_finish`].
    pub async fn person_walk_finish(
        &self,
        fence: &Fence,
        provider: ProviderId,
        total: Option<u64>,
        pages_agree: bool,
        checkpoint: &Checkpoint,
    ) -> Result<WalkSummary> {
        let list = walked(fence, provider);
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, Some(checkpoint)).await?;
        provider::require(&tx, fence.organization, provider).await?;
        let started_ms = walk::started_ms(&tx, &list, fence).await?;
        let mut summary = walk::counted(&tx, &list, fence, total.into(), pages_agree).await?;
        summary.back = welcome_back(&tx, &list, fence).await?;
        if summary.complete {
            summary.gone = miss(&tx, &list, fence, started_ms).await?;
        }
        walk::finish(&tx, &list, fence, total, &summary, started_ms).await?;
        commit(tx).await?;
        Ok(summary)
    }
}

async fn known_hashes(connection: &impl ConnectionTrait, list: &Walked, page: &[Row]) -> Result<HashMap<RecordId, i64>> {
    let sql = format!(
        "select p.record_id, p.content_hash from {} cross join directory_person p
         where p.provider_id = $1 and p.organization_id = $2 and p.record_id = b.record_id",
        rows(connection, "b", "$3", &ID)
    );
    let page = batch(&ids(page.iter().map(|row| row.record_id)))?;
    let found = all(connection, &sql, [list.provider.0.into(), list.organization.0.into(), page]).await?;
    found.iter().map(|row| Ok((RecordId(get(row, "record_id")?), get(row, "content_hash")?))).collect()
}

async fn write(connection: &impl ConnectionTrait, list: &Walked, page: &[&Row]) -> Result<()> {
    let columns: Vec<&str> = ROW.iter().map(|(name, _)| *name).collect();
    let change = |name: &&str| match *name {
        "vendor_record_id" => {
            "vendor_record_id = coalesce(excluded.vendor_record_id, directory_person.vendor_record_id)".to_owned()
        }
        name => format!("{name} = excluded.{name}"),
    };
    let changes: Vec<String> = columns.iter().filter(|name| **name != "record_id").map(change).collect();
    let sql = format!(
        "insert into directory_person (provider_id, organization_id, {}) select $1, $2, b.{} from {} where true
         on conflict (provider_id, record_id) do update set {}",
        columns.join(", "),
        columns.join(", b."),
        rows(connection, "b", "$3", &ROW),
        changes.join(", ")
    );
    execute(connection, &sql, [list.provider.0.into(), list.organization.0.into(), batch(page)?]).await.map(|_| ())
}

/// Whether a walk (`$3`) saw a person, by a look-up for each row.
const SEEN: &str = "(select s.record_id from walk_seen s where s.job_id = $3 and s.subject = 'person'
    and s.record_id = directory_person.record_id) is not null";

/// Who was seen is not missing, however the walk ended.
async fn welcome_back(connection: &impl ConnectionTrait, list: &Walked, fence: &Fence) -> Result<u64> {
    let sql = format!(
        "update directory_person set missing_since_ms = null, gone_at_ms = null
         where provider_id = $1 and organization_id = $2 and missing_since_ms is not null and {SEEN}"
    );
    execute(connection, &sql, [list.provider.0.into(), list.organization.0.into(), fence.job.0.into()]).await
}

/// Whom this complete walk did not see is missing, and gone where the complete walk before it had missed it already.
async fn miss(connection: &impl ConnectionTrait, list: &Walked, fence: &Fence, started_ms: i64) -> Result<u64> {
    let sql = "update directory_person set gone_at_ms = {now}
        where provider_id = $1 and organization_id = $2 and missing_since_ms is not null and missing_since_ms < $3
            and gone_at_ms is null";
    let gone = execute(connection, sql, [list.provider.0.into(), list.organization.0.into(), started_ms.into()]).await?;
    let sql = format!(
        "update directory_person set missing_since_ms = $4
         where provider_id = $1 and organization_id = $2 and missing_since_ms is null and not ({SEEN})"
    );
    let values = [list.provider.0.into(), list.organization.0.into(), fence.job.0.into(), started_ms.into()];
    execute(connection, &sql, values).await?;
    Ok(gone)
}
