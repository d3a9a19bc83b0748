//! Declining suggestions: a person says that a record is not what was suggested for it, without deciding what it is instead.
//!
//! Remembered like every other no: it is not suggested again and does not hold the record's creation, until somebody matches the two.

use super::choice::known_targets;
use super::{list, suggest, verdict};
use crate::directory::{ID, List, ids};
use crate::row::get;
use crate::sql::{all, batch, end, execute, rows};
use crate::{RequestKey, Store, audit, gate, provider, request};
use linkyard_core::error::Violations;
use linkyard_core::id::{ProviderId, RecordId, TargetId};
use linkyard_core::mapping::{Mapping, Subject};
use linkyard_core::plan::MOST_ROWS;
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, DatabaseTransaction, Value};
use std::collections::HashSet;

/// A record, and what it is not; nothing named means everything that is suggested for it now.
pub type DeclineRow = (RecordId, Vec<TargetId>);

impl Store {
    /// Notes that these records, at most 1,000 and each once, are not what is named; answers them in full, in the order of their record
    /// ids. A row whose last suggestion that counts is declined is UNMAPPED again; whatever else its state is, it stays.
    ///
    /// # Errors
    /// `Invalid` with every violation (unknown record, unknown party or project); `NotFound` for the provider.
    pub async fn mapping_decline(
        &self,
        scope: &Scope,
        provider: ProviderId,
        subject: Subject,
        asked: &[DeclineRow],
        request: Option<&RequestKey>,
    ) -> Result<Vec<Mapping>> {
        let list = List { organization: scope.organization, provider, subject };
        let tx = self.begin().await?;
        let result = decline(&tx, scope, &list, asked, request).await;
        end(tx, result).await
    }
}

async fn decline(
    tx: &DatabaseTransaction,
    scope: &Scope,
    list: &List,
    asked: &[DeclineRow],
    request: Option<&RequestKey>,
) -> Result<Vec<Mapping>> {
    let records: Vec<RecordId> = asked.iter().map(|(record, _)| *record).collect();
    if request::replay(tx, scope.organization, request).await?.is_some() {
        return list::of_records(tx, list, &records).await;
    }
    provider::require_approved(tx, scope.organization, list.provider).await?;
    gate::lock(tx, scope.organization).await?;
    check(tx, list, asked).await?;
    let mut pairs: Vec<(RecordId, TargetId)> =
        asked.iter().flat_map(|(record, targets)| targets.iter().map(|target| (*record, *target))).collect();
    let whole: Vec<RecordId> = asked.iter().filter(|(_, targets)| targets.is_empty()).map(|(record, _)| *record).collect();
    pairs.extend(suggested(tx, list, &whole).await?);
    suggest::decline(tx, list, &pairs).await?;
    verdict::refuse(tx, list, &pairs).await?;
    forget(tx, list, &records).await?;
    let detail = format!("{}: {} suggestions of {} records declined", list.subject.as_str(), pairs.len(), records.len());
    let id = list.provider.to_string();
    audit::note(tx, scope.organization, &scope.actor, "mapping.decline", "provider", &id, &detail).await?;
    request::remember(tx, scope.organization, request, b"declined").await?;
    list::of_records(tx, list, &records).await
}

async fn check(connection: &impl ConnectionTrait, list: &List, asked: &[DeclineRow]) -> Result<()> {
    if asked.is_empty() || asked.len() > MOST_ROWS {
        return Err(Error::invalid("rows", format!("must name between 1 and {MOST_ROWS} rows, not {}", asked.len())));
    }
    let sql = format!(
        "select m.record_id from {} cross join mapping m
         where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id = b.record_id",
        rows(connection, "b", "$4", &ID)
    );
    let found = all(connection, &sql, list.values([batch(&ids(asked.iter().map(|(record, _)| *record)))?])).await?;
    let known = found.iter().map(|row| get(row, "record_id").map(RecordId)).collect::<Result<HashSet<RecordId>>>()?;
    let targets = known_targets(connection, list, asked.iter().flat_map(|(_, targets)| targets.iter().copied())).await?;
    let mut violations = Violations::default();
    for (index, (record, named)) in asked.iter().enumerate() {
        if !known.contains(record) {
            violations.add(format!("rows[{index}].record"), format!("the directory has no record {record} to map"));
        }
        for (place, target) in named.iter().enumerate().filter(|(_, target)| !targets.contains(target)) {
            let problem = format!("there is no {} {target}", list.subject.target());
            violations.add(format!("rows[{index}].targets[{place}]"), problem);
        }
    }
    violations.finish(())
}

/// Everything that is suggested for these records.
async fn suggested(connection: &impl ConnectionTrait, list: &List, records: &[RecordId]) -> Result<Vec<(RecordId, TargetId)>> {
    let sql = format!(
        "select s.record_id, s.target_id from {} cross join suggestion s
         where s.provider_id = $1 and s.subject = $2 and s.organization_id = $3 and s.record_id = b.record_id",
        rows(connection, "b", "$4", &ID)
    );
    let found = all(connection, &sql, list.values([batch(&ids(records.iter().copied()))?])).await?;
    found.iter().map(|row| Ok((RecordId(get(row, "record_id")?), TargetId(get(row, "target_id")?)))).collect()
}

/// Takes the declined pairs out of the suggestions of these records, so that the next one is the first; rows that nothing is left for are
/// UNMAPPED again.
async fn forget(connection: &impl ConnectionTrait, list: &List, records: &[RecordId]) -> Result<()> {
    let wanted = || batch(&ids(records.iter().copied()));
    let sql = format!(
        "delete from suggestion where provider_id = $1 and subject = $2 and organization_id = $3
            and record_id in (select b.record_id from {})
            and exists (select 1 from declined_candidate d where d.provider_id = $1 and d.subject = $2
                and d.record_id = suggestion.record_id and d.target_id = suggestion.target_id)",
        rows(connection, "b", "$4", &ID)
    );
    execute(connection, &sql, list.values([wanted()?])).await?;
    close_ranks(connection, list, wanted()?).await?;
    let sql = format!(
        "update mapping as m set state = 'unmapped', revision = m.revision + 1, changed_at_ms = {{now}}
         from {} where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id = b.record_id
            and m.state = 'suggested' and not exists (select 1 from suggestion s
                where s.provider_id = $1 and s.subject = $2 and s.record_id = m.record_id and {})",
        rows(connection, "b", "$4", &ID),
        suggest::COUNTS
    );
    execute(connection, &sql, list.values([wanted()?])).await.map(|_| ())
}

/// Numbers what is left of the suggestions of these records from one again. By way of negative ranks, because a rank is given once and
/// neither database waits for the end of a statement before it minds.
async fn close_ranks(connection: &impl ConnectionTrait, list: &List, wanted: Value) -> Result<()> {
    let own = "provider_id = $1 and subject = $2 and organization_id = $3";
    let sql = format!(
        "update suggestion set rank = -(select count(*) from suggestion o where o.provider_id = $1 and o.subject = $2
            and o.record_id = suggestion.record_id and abs(o.rank) <= abs(suggestion.rank))
         where {own} and record_id in (select b.record_id from {})",
        rows(connection, "b", "$4", &ID)
    );
    execute(connection, &sql, list.values([wanted.clone()])).await?;
    let sql = format!(
        "update suggestion set rank = -rank where {own} and rank < 0 and record_id in (select b.record_id from {})",
        rows(connection, "b", "$4", &ID)
    );
    execute(connection, &sql, list.values([wanted])).await.map(|_| ())
}
