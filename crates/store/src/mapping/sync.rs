//! Staying in step: what changed in the directory reaches the linked registry records.

use super::link::progress;
use super::registry_copy::{self, Copy};
use crate::directory::List;
use crate::gate;
use crate::ledger::fence_and_checkpoint;
use crate::row::get;
use crate::sql::{Column, all, batch, commit, execute, rows};
use crate::{Store, association, provider};
use linkyard_core::Result;
use linkyard_core::id::{ProviderId, RecordId, TargetId};
use linkyard_core::job::{Fence, RowCounts};
use linkyard_core::mapping::Subject;
use sea_orm::ConnectionTrait;
use serde::Serialize;

impl Store {
    /// Brings the next `limit` linked records after `after` in step whose directory record changed since their last sync: address, phone
    /// and e-mail of the party, address and number of the project (only from the leading link, never a blank over something), and the
    /// associations that are possible now. (What the directory dropped is removed by the end of the walk that found it out,
    /// [`Store::walk_finish`].) Answers (rows brought in step, last record; `None` = done). The checkpoint (position
    /// `{"subject": .., "last": record}`, phase `syncing`) is written with it; when nothing is left, nothing is written.
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `NotFound` for a provider that is not the job's tenant's.
    pub async fn mapping_sync_chunk(
        &self,
        fence: &Fence,
        provider: ProviderId,
        subject: Subject,
        after: Option<RecordId>,
        limit: u32,
    ) -> Result<(u64, Option<RecordId>)> {
        let list = List { organization: fence.organization, provider, subject };
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, None).await?;
        provider::require_approved(&tx, fence.organization, provider).await?;
        gate::lock(&tx, fence.organization).await?;
        let changed = changed(&tx, &list, after, limit).await?;
        let Some(last) = changed.synced.last().map(|row| row.record_id) else { return Ok((0, None)) };
        registry_copy::refresh(&tx, &list, &changed.copies).await?;
        let records: Vec<RecordId> = changed.synced.iter().map(|row| row.record_id).collect();
        association::appear(&tx, &list, &records).await?;
        let sql = format!(
            "update mapping as m set synced_hash = b.synced_hash, last_synced_at_ms = {{now}}, revision = m.revision + 1,
                changed_at_ms = {{now}}
             from {} where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id = b.record_id",
            rows(&tx, "b", "$4", &SYNCED)
        );
        execute(&tx, &sql, list.values([batch(&changed.synced)?])).await?;
        let number = records.len();
        let done = RowCounts { succeeded: i64::try_from(number).unwrap_or(i64::MAX), ..RowCounts::default() };
        fence_and_checkpoint(&tx, fence, Some(&progress(&list, "syncing", last, done))).await?;
        commit(tx).await?;
        Ok((number as u64, Some(last)))
    }
}

#[derive(Debug, Serialize)]
struct Synced {
    record_id: RecordId,
    synced_hash: i64,
}

const SYNCED: [(&str, Column); 2] = [("record_id", Column::Bigint), ("synced_hash", Column::Bigint)];

/// Linked records that changed, and what leading ones hand over.
struct Changed {
    synced: Vec<Synced>,
    copies: Vec<Copy>,
}

async fn changed(connection: &impl ConnectionTrait, list: &List, after: Option<RecordId>, limit: u32) -> Result<Changed> {
    let sql = "select m.record_id, m.target_id, m.is_leading, r.details, r.content_hash
        from mapping m
        join directory_record r on r.provider_id = m.provider_id and r.subject = m.subject and r.record_id = m.record_id
        where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.state = 'linked' and m.record_id > $4
            and m.synced_hash is distinct from r.content_hash
        order by m.record_id limit $5";
    let after = after.map_or(i64::MIN, |record| record.0);
    let mut changed = Changed { synced: Vec::new(), copies: Vec::new() };
    for row in all(connection, sql, list.values([after.into(), i64::from(limit).into()])).await? {
        let record = RecordId(get(&row, "record_id")?);
        changed.synced.push(Synced { record_id: record, synced_hash: get(&row, "content_hash")? });
        if get(&row, "is_leading")? {
            let details: String = get(&row, "details")?;
            changed.copies.push(Copy::of(record, TargetId(get(&row, "target_id")?), &details)?);
        }
    }
    Ok(changed)
}
