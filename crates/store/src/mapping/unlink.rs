//! Taking links away: the registry record stays, what only this link gave it goes, and the directory's insurances of it are retired.
//!
//! An unlinked row forgets its target and its link (the audit log keeps them); the decision stays readable until there is a new one.

use super::choice::conflict;
use super::{list, suggest, verdict};
use crate::compliance::lines;
use crate::directory::{ID, List, ids};
use crate::registry::marks::{ID_ROW, id_rows};
use crate::row::{get, word};
use crate::sql::{all, batch, end, execute, one, rows};
use crate::{RequestKey, Store, association, audit, gate, ledger, provider, request};
use linkyard_core::error::{ConflictReason, Violations};
use linkyard_core::id::{OrganizationId, ProviderId, RecordId, TargetId};
use linkyard_core::job::Lane;
use linkyard_core::mapping::{Mapping, MappingState, Subject};
use linkyard_core::plan::MOST_ROWS;
use linkyard_core::scope::Scope;
use linkyard_core::{Error, Result};
use sea_orm::{ConnectionTrait, DatabaseTransaction};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// How many rows a conflict or an audit entry names.
const MOST_NAMED: usize = 20;

/// A row to be unlinked: the record and the revision that the person saw.
pub type UnlinkRow = (RecordId, Option<i64>);

impl Store {
    /// Takes the links of these rows away, all or none, at most 1,000; answers them in full, in the order of their record ids.
    ///
    /// # Errors
    /// `Invalid` with every violation (unknown record, a record named twice); `Conflict(Version)`; `Conflict(State)` for rows that are
    /// neither LINKED nor ORPHANED; `NotFound` for the provider.
    pub async fn mapping_unlink(
        &self,
        scope: &Scope,
        provider: ProviderId,
        subject: Subject,
        asked: &[UnlinkRow],
        request: Option<&RequestKey>,
    ) -> Result<Vec<Mapping>> {
        let list = List { organization: scope.organization, provider, subject };
        let tx = self.begin().await?;
        let result = unlink(&tx, scope, &list, asked, request).await;
        end(tx, result).await
    }
}

async fn unlink(
    tx: &DatabaseTransaction,
    scope: &Scope,
    list: &List,
    asked: &[UnlinkRow],
    request: Option<&RequestKey>,
) -> Result<Vec<Mapping>> {
    let records: Vec<RecordId> = asked.iter().map(|(record, _)| *record).collect();
    if request::replay(tx, scope.organization, request).await?.is_some() {
        return list::of_records(tx, list, &records).await;
    }
    provider::require_approved(tx, scope.organization, list.provider).await?;
    gate::lock(tx, scope.organization).await?;
    check(tx, list, asked).await?;
    verdict::take_back(tx, list, &records).await?;
    suggest::decline(tx, list, &linked_to(tx, list, &records).await?).await?;
    end_links(tx, list, Some(&records)).await?;
    ask_for_push(tx, scope, list).await?;
    let named: Vec<String> = records.iter().take(MOST_NAMED).map(ToString::to_string).collect();
    let more = if records.len() > MOST_NAMED { ", .." } else { "" };
    let detail = format!("{}: {} unlinked: {}{more}", list.subject.as_str(), records.len(), named.join(", "));
    let id = list.provider.to_string();
    audit::note(tx, scope.organization, &scope.actor, "mapping.unlink", "provider", &id, &detail).await?;
    request::remember(tx, scope.organization, request, b"unlinked").await?;
    list::of_records(tx, list, &records).await
}

async fn check(connection: &impl ConnectionTrait, list: &List, asked: &[UnlinkRow]) -> Result<()> {
    if asked.is_empty() || asked.len() > MOST_ROWS {
        return Err(Error::invalid("rows", format!("must name between 1 and {MOST_ROWS} rows, not {}", asked.len())));
    }
    let sql = format!(
        "select m.record_id, m.state, m.revision from {} cross join mapping m
         where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id = b.record_id",
        rows(connection, "b", "$4", &ID)
    );
    let wanted = batch(&ids(asked.iter().map(|(record, _)| *record)))?;
    let found = all(connection, &sql, list.values([wanted])).await?;
    let stored = found.iter().map(|row| {
        let state = word(row, "state", MappingState::parse)?;
        Ok((RecordId(get(row, "record_id")?), (state, get::<i64>(row, "revision")?)))
    });
    let stored = stored.collect::<Result<HashMap<RecordId, (MappingState, i64)>>>()?;
    let (mut violations, mut named) = (Violations::default(), HashSet::new());
    for (index, (record, _)) in asked.iter().enumerate() {
        let field = format!("rows[{index}].record");
        if !named.insert(*record) {
            violations.add(field, format!("record {record} is named twice"));
        } else if !stored.contains_key(record) {
            violations.add(field, format!("the directory has no record {record} to map"));
        }
    }
    violations.finish(())?;
    let changed = asked.iter().filter_map(|(record, expected)| {
        let (_, revision) = stored.get(record)?;
        expected.is_some_and(|expected| expected != *revision).then(|| format!("{record} (now at revision {revision})"))
    });
    refuse(list, ConflictReason::Version, "changed since they were read", changed.collect())?;
    let refused = asked.iter().filter_map(|(record, _)| {
        let (state, _) = stored.get(record)?;
        let linked = matches!(state, MappingState::Linked | MappingState::Orphaned);
        (!linked).then(|| format!("{record} is {}", state.as_str()))
    });
    refuse(list, ConflictReason::State, "are not linked", refused.collect())
}

fn refuse(list: &List, reason: ConflictReason, why: &str, records: Vec<String>) -> Result<()> {
    let Some(first) = records.first() else { return Ok(()) };
    let named = records.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join(", ");
    Err(conflict(list, reason, first, format!("{} rows {why}: {named}", records.len())))
}

/// What these records are linked to.
async fn linked_to(connection: &impl ConnectionTrait, list: &List, records: &[RecordId]) -> Result<Vec<(RecordId, TargetId)>> {
    let sql = format!(
        "select m.record_id, m.target_id from {} cross join mapping m
         where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id = b.record_id
            and m.target_id is not null",
        rows(connection, "b", "$4", &ID)
    );
    let found = all(connection, &sql, list.values([batch(&ids(records.iter().copied()))?])).await?;
    found.iter().map(|row| Ok((RecordId(get(row, "record_id")?), TargetId(get(row, "target_id")?)))).collect()
}

/// Ends the links of `records` (`None`: of the whole list) that there are: the rows are UNLINKED, associations that nothing else gives go,
/// insurance lines are to be retired, and targets that lost their leading link get another one. The gate must be locked. Answers how
/// many links ended.
pub(crate) async fn end_links(connection: &impl ConnectionTrait, list: &List, records: Option<&[RecordId]>) -> Result<u64> {
    let (from, more) = match records {
        Some(records) => (
            format!("and m.record_id in (select b.record_id from {})", rows(connection, "b", "$4", &ID)),
            vec![batch(&ids(records.iter().copied()))?],
        ),
        None => (String::new(), Vec::new()),
    };
    let sql = format!(
        "select m.link_id, m.target_id from mapping m
         where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.state in ('linked', 'orphaned') {from}"
    );
    let found = all(connection, &sql, list.values(more)).await?;
    let links = found.iter().map(|row| get(row, "link_id")).collect::<Result<Vec<Uuid>>>()?;
    let targets = found.iter().map(|row| get(row, "target_id")).collect::<Result<HashSet<Uuid>>>()?;
    let targets: Vec<Uuid> = targets.into_iter().collect();
    if links.is_empty() {
        return Ok(0);
    }
    let sql = format!(
        "update mapping set state = 'unlinked', target_id = null, link_id = null, is_leading = false, job_id = null, linked_at_ms = null,
            last_synced_at_ms = null, synced_hash = null, reason = null, reason_detail = '', revision = revision + 1,
            changed_at_ms = {{now}}
         where link_id in (select b.id from {})",
        rows(connection, "b", "$1", &ID_ROW)
    );
    execute(connection, &sql, [id_rows(&links)?]).await?;
    match list.subject {
        Subject::Vendor => lines::retire_for_links(connection, &links).await?,
        Subject::Project => 0,
    };
    association::part(connection, list, &targets).await?;
    lead(connection, list.organization, &targets).await?;
    Ok(links.len() as u64)
}

/// Gives each of `targets` that is linked and has no leading link its oldest one; the next sync takes over what it says.
pub(crate) async fn lead(connection: &impl ConnectionTrait, organization: OrganizationId, targets: &[Uuid]) -> Result<()> {
    let live = "m.target_id = b.id and m.organization_id = $2 and m.state in ('linked', 'orphaned')";
    let sql = format!(
        "update mapping set is_leading = true, synced_hash = null, revision = revision + 1, changed_at_ms = {{now}} where link_id in (
            select (select m.link_id from mapping m where {live}
                order by case m.state when 'linked' then 0 else 1 end, m.linked_at_ms, m.link_id limit 1)
            from {} where not exists (select 1 from mapping m where {live} and m.is_leading))",
        rows(connection, "b", "$1", &ID_ROW)
    );
    execute(connection, &sql, [id_rows(targets)?, organization.0.into()]).await.map(|_| ())
}

/// Asks for a push of what is to be retired, where the provider pushes.
async fn ask_for_push(connection: &impl ConnectionTrait, scope: &Scope, list: &List) -> Result<()> {
    let sql = "select 1 as pushes from provider where id = $1 and organization_id = $2 and pushes and state = 'active'
        and exists (select 1 from insurance where provider_id = $1 and due > 0)";
    if one(connection, sql, [list.provider.0.into(), scope.organization.0.into()]).await?.is_some() {
        ledger::insert_job(connection, scope, &lines::push_job(list.provider, Lane::Push)).await?;
    }
    Ok(())
}
