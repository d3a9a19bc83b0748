//! Linking: confirmed rows become links, set-based, one chunk and its checkpoint in one transaction.

use super::choice::{TARGET_ROW, TargetRow, known_targets};
use super::decided;
use super::list::choice;
use super::outcome::{Outcome, Registry, Waiting, decide};
use super::registry_copy::{self, Copy};
use super::suggest;
use crate::compliance::lines;
use crate::contact::follow;
use crate::directory::{ID, List, ids};
use crate::features::{self, OF_RECORD, of_record};
use crate::gate::{self, Lookalike, TargetKey};
use crate::ledger::fence_and_checkpoint;
use crate::row::{count, get};
use crate::sql::{Column, all, batch, commit, execute, one, rows};
use crate::{Gate, Store, association, provider, statistics};
use linkyard_core::id::{JobId, LinkId, ProviderId, RecordId, TargetId};
use linkyard_core::job::{Checkpoint, Fence, RowCounts};
use linkyard_core::mapping::{Decision, RowReason, Subject};
use linkyard_core::suggestion::Features;
use linkyard_core::{Error, Result};
use sea_orm::ConnectionTrait;
use serde::Serialize;
use std::collections::{HashMap, HashSet};

/// What one chunk did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkedChunk {
    /// What happened to its rows; also added to the job by the same transaction. `total` stays 0: the job counts its rows once.
    pub counts: RowCounts,
    /// Associations that came to be.
    pub associations: u64,
    /// The last record of the chunk; `None` when no confirmed row of this job is left.
    pub last: Option<RecordId>,
}

impl Store {
    /// How many rows of this link job are still to be linked.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn mapping_link_remaining(&self, fence: &Fence) -> Result<u64> {
        let sql = "select count(*) as n from mapping where job_id = $1 and organization_id = $2 and state = 'confirmed'";
        let found = one(&self.reader, sql, [fence.job.0.into(), fence.organization.0.into()]).await?;
        found.map_or(Ok(0), |row| count(&row, "n"))
    }

    /// Whether a creation of this link job may be held, so that its gate has to know the registry.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn mapping_link_may_hold(&self, fence: &Fence) -> Result<bool> {
        let sql = "select 1 as may_hold from mapping where job_id = $1 and organization_id = $2 and state = 'confirmed'
            and decision = 'create' and on_lookalike = 'hold' limit 1";
        Ok(one(&self.reader, sql, [fence.job.0.into(), fence.organization.0.into()]).await?.is_some())
    }

    /// Links the next `limit` confirmed rows of this job in the order of their record ids: MATCH links to the target; CREATE goes through
    /// the gate and makes a party (with the provider's default type and profile) or a project, or holds the row; address, phone and
    /// e-mail are taken over where the directory knows them; associations appear where both sides are linked. Rows that can not be linked
    /// are HELD or FAILED with their reason. The first link of a party is its leading one. The checkpoint (position
    /// `{"subject": .., "last": record}`, phase `linking`, counts of this chunk) is written with it; when nothing is left, nothing is
    /// written.
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `NotFound` for a provider that is not the job's tenant's; `Conflict(State)` for one that is being deleted.
    pub async fn mapping_link_chunk(
        &self,
        fence: &Fence,
        provider: ProviderId,
        subject: Subject,
        limit: u32,
        gate: &Gate,
    ) -> Result<LinkedChunk> {
        let list = List { organization: fence.organization, provider, subject };
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, None).await?;
        provider::require_approved(&tx, fence.organization, provider).await?;
        gate::lock(&tx, fence.organization).await?;
        let chunk = chunk(&tx, &list, fence, limit).await?;
        let Some(last) = chunk.waiting.last().map(|row| row.record) else {
            return Ok(LinkedChunk::default());
        };
        let (chunk, outcomes) = ask(&tx, &list, fence.job, chunk, gate).await?;
        let links = make_links(&tx, &list, &chunk, &outcomes).await?;
        let counts = keep_back(&tx, &list, &chunk.waiting, &outcomes, links.len()).await?;
        let records: Vec<RecordId> = links.iter().map(|link| link.record_id).collect();
        let associations = association::appear(&tx, &list, &records).await?;
        match subject {
            Subject::Vendor => {
                lines::appear_for_links(&tx, &list, &records).await?;
                follow::follow(&tx, &list, links.iter().map(|link| link.target_id.into()).collect()).await?;
            }
            Subject::Project => {}
        }
        fence_and_checkpoint(&tx, fence, Some(&progress(&list, "linking", last, counts))).await?;
        commit(tx).await?;
        statistics::refresh(self).await;
        Ok(LinkedChunk { counts, associations, last: Some(last) })
    }
}

/// The checkpoint after `last`.
pub(super) fn progress(list: &List, phase: &str, last: RecordId, done: RowCounts) -> Checkpoint {
    let position = serde_json::json!({ "subject": list.subject, "last": last });
    Checkpoint { position, phase: phase.to_owned(), done }
}

/// Rows of one chunk, and what is taken over from them.
struct Chunk {
    waiting: Vec<Waiting>,
    /// The details (JSON) and the content hash of `waiting[i]`.
    content: Vec<(String, i64)>,
}

async fn chunk(connection: &impl ConnectionTrait, list: &List, fence: &Fence, limit: u32) -> Result<Chunk> {
    // One character more than can be linked is enough to see that a name is too long.
    let sql = &format!(
        "select {OF_RECORD}, m.decision, m.decision_target_id, m.on_lookalike, r.name_key, r.gone_at_ms, r.content_hash
        from mapping m
        join directory_record r on r.provider_id = m.provider_id and r.subject = m.subject and r.record_id = m.record_id
        where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.job_id = $4 and m.state = 'confirmed'
        order by m.record_id limit $5"
    );
    let found = all(connection, sql, list.values([fence.job.0.into(), i64::from(limit).into()])).await?;
    let mut chunk = Chunk { waiting: Vec::with_capacity(found.len()), content: Vec::with_capacity(found.len()) };
    for row in &found {
        let record = RecordId(get(row, "record_id")?);
        let choice = choice(row, "decision", "decision_target_id", "on_lookalike")?
            .ok_or_else(|| Error::broken(format!("record {record} is confirmed without a decision")))?;
        let gone = get::<Option<i64>>(row, "gone_at_ms")?.is_some();
        chunk.waiting.push(Waiting {
            record,
            choice,
            name: get(row, "name")?,
            key: get(row, "name_key")?,
            gone,
            features: Features::default(),
            match_keys: Vec::new(),
            alike: Vec::new(),
        });
        chunk.content.push((get(row, "details")?, get(row, "content_hash")?));
    }
    if chunk.waiting.iter().any(Waiting::may_be_held) {
        for (waiting, row) in
            chunk.waiting.iter_mut().zip(&found).filter(|(waiting, _)| waiting.choice.decision == Decision::Create)
        {
            waiting.features = of_record(row)?.1;
        }
    }
    Ok(chunk)
}

/// Decides what becomes of the chunk: what is there is read, and compared away from the runtime's threads.
async fn ask(
    connection: &impl ConnectionTrait,
    list: &List,
    job: JobId,
    mut chunk: Chunk,
    gate: &Gate,
) -> Result<(Chunk, Vec<Outcome>)> {
    if !chunk.waiting.iter().any(Waiting::may_be_held) {
        let registry = registry(connection, list, &chunk.waiting).await?;
        let outcomes = decide(&chunk.waiting, &registry, &**gate);
        return Ok((chunk, outcomes));
    }
    while gate::key_missing(connection, list.organization, list.subject, gate).await? > 0 {}
    add_parties(connection, list, &mut chunk.waiting).await?;
    let asked = gate.clone();
    let mut chunk = gate::blocking(move || {
        for row in chunk.waiting.iter_mut().filter(|row| row.choice.decision == Decision::Create) {
            row.match_keys = asked.keys(&row.features);
        }
        chunk
    })
    .await?;
    gate::tell(connection, list.organization, list.subject, gate, 0).await?;
    decided::tell(connection, list, job, gate).await?;
    let untold = untold(connection, list, &chunk.waiting, gate).await?;
    let asked = gate.clone();
    chunk = gate::blocking(move || {
        untold.iter().for_each(|(target, features)| asked.know(*target, features));
        for row in chunk.waiting.iter_mut().filter(|row| row.may_be_held()) {
            row.alike = asked.alike(&row.features);
        }
        chunk
    })
    .await?;
    let mut registry = registry(connection, list, &chunk.waiting).await?;
    let near = chunk.waiting.iter().flat_map(|row| &row.alike).map(|alike| alike.target);
    registry.decided = decided::still(connection, list, job, gate, near).await?;
    let asked = gate.clone();
    gate::blocking(move || {
        let outcomes = decide(&chunk.waiting, &registry, &*asked);
        (chunk, outcomes)
    })
    .await
}

/// What shares a key with a row that may be held and was never told to the gatekeeper, as happens when the database's clock is set back.
async fn untold(
    connection: &impl ConnectionTrait,
    list: &List,
    waiting: &[Waiting],
    gate: &Gate,
) -> Result<HashMap<TargetId, Features>> {
    let held = waiting.iter().filter(|row| row.may_be_held());
    let keys: HashSet<&str> = held.flat_map(|row| row.match_keys.iter().map(String::as_str)).collect();
    let sharing = gate::sharing(connection, list.organization, list.subject, keys).await?;
    let near: HashSet<TargetId> = sharing.into_values().flatten().filter(|target| !gate.knows(*target)).collect();
    gate::described(connection, list.organization, list.subject, &near).await
}

async fn add_parties(connection: &impl ConnectionTrait, list: &List, waiting: &mut [Waiting]) -> Result<()> {
    let creating = waiting.iter_mut().filter(|row| row.choice.decision == Decision::Create);
    let mut creating: Vec<&mut Waiting> = creating.collect();
    let mut records: Vec<(RecordId, Features)> =
        creating.iter_mut().map(|row| (row.record, std::mem::take(&mut row.features))).collect();
    features::add_parties_of_records(connection, list, &mut records).await?;
    creating.into_iter().zip(records).for_each(|(row, (_, features))| row.features = features);
    Ok(())
}

async fn registry(connection: &impl ConnectionTrait, list: &List, waiting: &[Waiting]) -> Result<Registry> {
    let targets = known_targets(connection, list, waiting.iter().filter_map(|row| row.choice.target)).await?;
    let held: Vec<&Waiting> = waiting.iter().filter(|row| row.may_be_held()).collect();
    let (Some(first), Some(last)) = (held.first(), held.last()) else {
        return Ok(Registry { targets, ..Registry::default() });
    };
    let near: HashSet<TargetId> = held.iter().flat_map(|row| &row.alike).map(|alike| alike.target).collect();
    let described = gate::described(connection, list.organization, list.subject, &near).await?;
    let suggested = suggested(connection, list, &held).await?;
    let declined = suggest::declined_between(connection, list, first.record, last.record).await?;
    let keys: HashSet<&str> = held.iter().map(|row| row.key.as_str()).collect();
    let keys: Vec<&str> = keys.into_iter().collect();
    let lookalikes = gate::lookalikes(connection, list.organization, list.subject, &keys).await?;
    let found: HashSet<TargetId> = lookalikes.values().map(|lookalike| lookalike.target).chain(near).collect();
    let made_from = made_from(connection, list, found.into_iter()).await?;
    Ok(Registry { targets, lookalikes, made_from, described, suggested, declined, decided: HashMap::new() })
}

/// The best suggestion of these rows that counts and waits for a person, unless it came from this directory itself.
async fn suggested(connection: &impl ConnectionTrait, list: &List, held: &[&Waiting]) -> Result<HashMap<RecordId, Lookalike>> {
    let sql = format!(
        "select s.record_id, s.target_id, t.name from {} cross join suggestion s join {} t on t.id = s.target_id
         where s.provider_id = $1 and s.subject = $2 and s.organization_id = $3 and s.record_id = b.record_id and {}
            and t.created_by_provider_id is distinct from $1 and not exists (select 1 from declined_candidate d
                where d.provider_id = $1 and d.subject = $2 and d.record_id = s.record_id and d.target_id = s.target_id)
         order by s.record_id, s.rank desc",
        rows(connection, "b", "$4", &ID),
        list.subject.target(),
        suggest::COUNTS
    );
    let wanted = batch(&ids(held.iter().map(|row| row.record)))?;
    let found = all(connection, &sql, list.values([wanted])).await?;
    // In this order the best one comes last, and stays.
    let suggested = found.iter().map(|row| {
        let lookalike = Lookalike { target: TargetId(get(row, "target_id")?), name: get(row, "name")? };
        Ok((RecordId(get(row, "record_id")?), lookalike))
    });
    suggested.collect()
}

/// From which record of this provider each of `targets` was created, where it was.
async fn made_from(
    connection: &impl ConnectionTrait,
    list: &List,
    targets: impl Iterator<Item = TargetId>,
) -> Result<HashMap<TargetId, RecordId>> {
    let targets: Vec<TargetRow> = targets.map(TargetRow::of).collect();
    if targets.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "select m.target_id, m.record_id from {} cross join mapping m
         where m.target_id = b.target_id and m.provider_id = $1 and m.subject = $2 and m.organization_id = $3
            and m.decision = 'create' and m.state in ('linked', 'orphaned')",
        rows(connection, "b", "$4", &TARGET_ROW)
    );
    let found = all(connection, &sql, list.values([batch(&targets)?])).await?;
    found.iter().map(|row| Ok((TargetId(get(row, "target_id")?), RecordId(get(row, "record_id")?)))).collect()
}

/// A link in a batch.
#[derive(Debug, Serialize)]
struct LinkRow {
    record_id: RecordId,
    target_id: TargetId,
    link_id: LinkId,
    is_leading: bool,
    synced_hash: i64,
}

const LINK_ROW: [(&str, Column); 5] = [
    ("record_id", Column::Bigint),
    ("target_id", Column::Uuid),
    ("link_id", Column::Uuid),
    ("is_leading", Column::Boolean),
    ("synced_hash", Column::Bigint),
];

/// Writes what is linked, and answers it.
async fn make_links(connection: &impl ConnectionTrait, list: &List, chunk: &Chunk, outcomes: &[Outcome]) -> Result<Vec<LinkRow>> {
    let matched = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Match(target) => Some(*target),
        Outcome::Create(_) | Outcome::Held(..) | Outcome::Failed(..) => None,
    });
    let mut led = led_targets(connection, list, matched).await?;
    let (mut links, mut created, mut matched, mut keys) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for ((row, (details, hash)), outcome) in chunk.waiting.iter().zip(&chunk.content).zip(outcomes) {
        let (target, leading) = match outcome {
            Outcome::Create(target) => {
                created.push(Copy::of(row.record, *target, details)?);
                keys.push(TargetKey { key: row.key.clone(), target: *target });
                (*target, true)
            }
            Outcome::Match(target) => {
                let leading = led.insert(*target);
                if leading {
                    matched.push(Copy::of(row.record, *target, details)?);
                }
                (*target, leading)
            }
            Outcome::Held(..) | Outcome::Failed(..) => continue,
        };
        let link_id = LinkId::generate();
        links.push(LinkRow { record_id: row.record, target_id: target, link_id, is_leading: leading, synced_hash: *hash });
    }
    registry_copy::create(connection, list, &created).await?;
    if !keys.is_empty() {
        gate::insert_keys(connection, list.organization, list.subject, &keys).await?;
    }
    registry_copy::refresh(connection, list, &matched).await?;
    write_links(connection, list, &links).await?;
    Ok(links)
}

/// Those of `targets` that have a leading link already, of whatever provider.
async fn led_targets(
    connection: &impl ConnectionTrait,
    list: &List,
    targets: impl Iterator<Item = TargetId>,
) -> Result<HashSet<TargetId>> {
    let targets: Vec<TargetRow> = targets.map(TargetRow::of).collect();
    if targets.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = format!(
        "select m.target_id from {} cross join mapping m
         where m.target_id = b.target_id and m.organization_id = $2 and m.is_leading and m.state in ('linked', 'orphaned')",
        rows(connection, "b", "$1", &TARGET_ROW)
    );
    let found = all(connection, &sql, [batch(&targets)?, list.organization.0.into()]).await?;
    found.iter().map(|row| get(row, "target_id").map(TargetId)).collect()
}

async fn write_links(connection: &impl ConnectionTrait, list: &List, links: &[LinkRow]) -> Result<()> {
    if links.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "update mapping as m set state = 'linked', target_id = b.target_id, link_id = b.link_id, is_leading = b.is_leading,
            synced_hash = b.synced_hash, linked_at_ms = {{now}}, last_synced_at_ms = {{now}}, reason = null, reason_detail = '',
            revision = m.revision + 1, changed_at_ms = {{now}}
         from {} where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id = b.record_id",
        rows(connection, "b", "$4", &LINK_ROW)
    );
    execute(connection, &sql, list.values([batch(links)?])).await.map(|_| ())
}

/// A row that is not linked, in a batch.
#[derive(Debug, Serialize)]
struct KeptBack<'a> {
    record_id: RecordId,
    state: &'static str,
    reason: &'static str,
    detail: &'a str,
}

const KEPT_BACK: [(&str, Column); 4] =
    [("record_id", Column::Bigint), ("state", Column::Text), ("reason", Column::Text), ("detail", Column::Text)];

/// Writes why rows were not linked, and counts the chunk.
async fn keep_back(
    connection: &impl ConnectionTrait,
    list: &List,
    waiting: &[Waiting],
    outcomes: &[Outcome],
    linked: usize,
) -> Result<RowCounts> {
    let mut counts = RowCounts { succeeded: i64::try_from(linked).unwrap_or(i64::MAX), ..RowCounts::default() };
    let mut kept = Vec::new();
    for (row, outcome) in waiting.iter().zip(outcomes) {
        let (state, reason, detail): (_, &RowReason, &str) = match outcome {
            Outcome::Held(reason, detail) => {
                counts.held += 1;
                ("held", reason, detail)
            }
            Outcome::Failed(reason, detail) => {
                counts.failed += 1;
                ("failed", reason, detail)
            }
            Outcome::Match(_) | Outcome::Create(_) => continue,
        };
        kept.push(KeptBack { record_id: row.record, state, reason: reason.as_str(), detail });
    }
    if kept.is_empty() {
        return Ok(counts);
    }
    let sql = format!(
        "update mapping as m set state = b.state, reason = b.reason, reason_detail = b.detail, revision = m.revision + 1,
            changed_at_ms = {{now}}
         from {} where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id = b.record_id",
        rows(connection, "b", "$4", &KEPT_BACK)
    );
    execute(connection, &sql, list.values([batch(&kept)?])).await?;
    Ok(counts)
}
