//! Records that other link jobs are about to link: decided on, not yet in the registry. What is like one of them waits for a person too.
//!
//! Whoever goes first is held for the others, and the last one of them creates: one party comes to be, whatever the order of the jobs.

use crate::Gate;
use crate::directory::List;
use crate::features::{OF_RECORD, of_record};
use crate::gate::blocking;
use crate::ledger::LIVE;
use crate::row::get;
use crate::sql::{Column, all, batch, rows};
use linkyard_core::Result;
use linkyard_core::id::{JobId, ProviderId, RecordId, TargetId};
use sea_orm::ConnectionTrait;
use serde::Serialize;
use std::collections::HashMap;
use uuid::Uuid;

/// A record that another job is about to link.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Decided {
    /// Whose directory it is in.
    pub(super) provider: ProviderId,
    /// The record.
    pub(super) record: RecordId,
    /// Its name.
    pub(super) name: String,
    /// Whether it is of the same directory as what is compared with it.
    pub(super) of_directory: bool,
}

/// What the gate calls a record that has no target yet.
fn stand_in(provider: ProviderId, record: RecordId) -> TargetId {
    // Half of a provider's id is random, so no two records of any directories have one.
    let (high, low) = provider.0.as_u64_pair();
    TargetId(Uuid::from_u64_pair(high ^ record.0.cast_unsigned(), low))
}

fn of_other_jobs(parameter: &str) -> String {
    format!(
        "m.organization_id = $1 and m.subject = $2 and m.state = 'confirmed' and m.job_id in (
            select j.id from job j where j.organization_id = $1 and j.{LIVE} and j.id <> {parameter}
                and j.kind in ('link_parties', 'link_projects'))"
    )
}

/// Tells the gate what other jobs were given to link since it was told last. The gate must be locked.
pub(super) async fn tell(connection: &impl ConnectionTrait, list: &List, job: JobId, gate: &Gate) -> Result<()> {
    let sql = format!(
        "select m.provider_id, m.changed_at_ms, {OF_RECORD} from mapping m
         join directory_record r on r.provider_id = m.provider_id and r.subject = m.subject and r.record_id = m.record_id
         where {} and m.changed_at_ms >= $4",
        of_other_jobs("$3")
    );
    let since = gate.decided().until_ms;
    let values = [list.organization.0.into(), list.subject.as_str().into(), job.0.into(), since.into()];
    let found = all(connection, &sql, values).await?;
    let (mut until, mut told) = (since, Vec::with_capacity(found.len()));
    for row in &found {
        let (record, features) = of_record(row)?;
        let provider = ProviderId(get(row, "provider_id")?);
        until = until.max(get(row, "changed_at_ms")?);
        told.push(((provider, record), features));
    }
    let asked = gate.clone();
    blocking(move || {
        for ((provider, record), features) in told {
            let target = stand_in(provider, record);
            asked.know(target, &features);
            asked.decided().records.insert(target, (provider, record));
        }
        asked.decided().until_ms = until;
    })
    .await
}

/// A record in a batch.
#[derive(Debug, Serialize)]
struct RecordRow {
    provider_id: ProviderId,
    record_id: RecordId,
}

/// Those of `targets` that stand for a record which still waits for another job. What is decided otherwise by now is forgotten.
pub(super) async fn still(
    connection: &impl ConnectionTrait,
    list: &List,
    job: JobId,
    gate: &Gate,
    targets: impl Iterator<Item = TargetId>,
) -> Result<HashMap<TargetId, Decided>> {
    let known: HashMap<TargetId, (ProviderId, RecordId)> = {
        let decided = gate.decided();
        targets.filter_map(|target| Some((target, *decided.records.get(&target)?))).collect()
    };
    if known.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "select m.provider_id, m.record_id, r.name from {} cross join mapping m
         join directory_record r on r.provider_id = m.provider_id and r.subject = m.subject and r.record_id = m.record_id
         where m.provider_id = b.provider_id and m.record_id = b.record_id and {}",
        rows(connection, "b", "$4", &[("provider_id", Column::Uuid), ("record_id", Column::Bigint)]),
        of_other_jobs("$3")
    );
    let wanted: Vec<RecordRow> =
        known.values().map(|(provider_id, record_id)| RecordRow { provider_id: *provider_id, record_id: *record_id }).collect();
    let values = [list.organization.0.into(), list.subject.as_str().into(), job.0.into(), batch(&wanted)?];
    let mut still = HashMap::new();
    for row in all(connection, &sql, values).await? {
        let (provider, record) = (ProviderId(get(&row, "provider_id")?), RecordId(get(&row, "record_id")?));
        let decided = Decided { provider, record, name: get(&row, "name")?, of_directory: provider == list.provider };
        still.insert(stand_in(provider, record), decided);
    }
    for gone in known.keys().filter(|target| !still.contains_key(target)) {
        gate.forget(*gone);
        gate.decided().records.remove(gone);
    }
    Ok(still)
}
