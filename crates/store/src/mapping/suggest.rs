//! Suggestions: candidates for records without a decision, computed by equal keys.
//!
//! The rows are taken in windows, each a transaction of its own, so that nobody waits long for the gate; within a window what is new
//! is compared with what is stored, and only differences are written. Computing it twice writes nothing the second time.

use crate::directory::{ID, Id, List};
use crate::gate;
use crate::ledger::fence_and_checkpoint;
use crate::row::{get, word};
use crate::sql::{Column, all, batch, commit, execute, rows};
use crate::{Store, provider, statistics};
use linkyard_core::Result;
use linkyard_core::id::{ProviderId, RecordId, TargetId};
use linkyard_core::job::{Checkpoint, Fence};
use linkyard_core::mapping::{MappingState, Subject};
use sea_orm::ConnectionTrait;
use serde::Serialize;
use std::collections::{HashMap, HashSet};

/// Records of one window.
const WINDOW: i64 = 10_000;

/// Records that take a decision and may want a candidate; a person looks at held and failed rows too.
const UNDECIDED: &str = "('unmapped', 'suggested', 'held', 'failed')";

impl Store {
    /// Computes the suggestions of every undecided record of a provider (UNMAPPED, SUGGESTED, HELD, FAILED) anew, at most five each, and
    /// sets UNMAPPED and SUGGESTED accordingly. A name that is equal but for case scores 1.0, one that is equal after normalising 0.9;
    /// among equals the older target comes first. A target that several records want, or that has a link of this provider already, is
    /// contested. Suggestions of decided records go. A row's revision rises only when its state or its best candidate changes. Answers
    /// (undecided records with a suggestion, without one).
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `NotFound` for a provider that is not the job's tenant's.
    pub async fn suggestions_compute(
        &self,
        fence: &Fence,
        provider: ProviderId,
        subject: Subject,
        checkpoint: &Checkpoint,
    ) -> Result<(u64, u64)> {
        let list = List { organization: fence.organization, provider, subject };
        let (mut with, mut without) = (0, 0);
        let mut after = RecordId(i64::MIN);
        loop {
            let tx = self.begin().await?;
            fence_and_checkpoint(&tx, fence, None).await?;
            provider::require(&tx, fence.organization, provider).await?;
            gate::lock(&tx, fence.organization).await?;
            if after.0 == i64::MIN {
                forget_decided(&tx, &list).await?;
            }
            let window = window(&tx, &list, after).await?;
            let candidates = candidates(&tx, &list, &window).await?;
            let stored = stored(&tx, &list, &window, after).await?;
            write(&tx, &list, &window, &candidates, &stored).await?;
            let found = window.iter().filter(|row| candidates.contains_key(&row.record)).count() as u64;
            with += found;
            without += window.len() as u64 - found;
            let done = (window.len() as i64) < WINDOW;
            if done {
                fence_and_checkpoint(&tx, fence, Some(checkpoint)).await?;
            }
            commit(tx).await?;
            statistics::refresh(self).await;
            match window.last() {
                Some(last) if !done => after = last.record,
                Some(_) | None => return Ok((with, without)),
            }
        }
    }
}

/// An undecided record.
#[derive(Debug)]
struct Undecided {
    record: RecordId,
    state: MappingState,
    /// Empty when nothing may be suggested: no name, or gone from the directory.
    key: String,
    name: String,
}

/// A suggestion, as it is or as it should be.
#[derive(Clone, Debug, PartialEq)]
struct Candidate {
    target: TargetId,
    /// Whether the names are equal but for case.
    same_name: bool,
    contested: bool,
}

/// The score and the reasons of a candidate.
fn verdict(same_name: bool) -> (f64, &'static str) {
    if same_name {
        (1.0, r#"["names are equal"]"#)
    } else {
        (0.9, r#"["names are equal after normalising case, punctuation and legal form"]"#)
    }
}

async fn forget_decided(connection: &impl ConnectionTrait, list: &List) -> Result<()> {
    let sql = format!(
        "delete from suggestion where provider_id = $1 and subject = $2 and organization_id = $3 and coalesce((
            select m.state from mapping m where m.provider_id = $1 and m.subject = $2 and m.record_id = suggestion.record_id
         ), '') not in {UNDECIDED}"
    );
    execute(connection, &sql, list.values([])).await.map(|_| ())
}

async fn window(connection: &impl ConnectionTrait, list: &List, after: RecordId) -> Result<Vec<Undecided>> {
    let sql = format!(
        "select m.record_id, m.state, case when r.gone_at_ms is null then r.name_key else '' end as name_key, r.name_search
         from mapping m
         join directory_record r on r.provider_id = m.provider_id and r.subject = m.subject and r.record_id = m.record_id
         where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id > $4 and m.state in {UNDECIDED}
         order by m.record_id limit $5"
    );
    let found = all(connection, &sql, list.values([after.0.into(), WINDOW.into()])).await?;
    let rows = found.iter().map(|row| {
        Ok(Undecided {
            record: RecordId(get(row, "record_id")?),
            state: word(row, "state", MappingState::parse)?,
            key: get(row, "name_key")?,
            name: get(row, "name_search")?,
        })
    });
    rows.collect()
}

#[derive(Debug, Serialize)]
struct KeyRow<'a> {
    name_key: &'a str,
}

const KEY_ROW: [(&str, Column); 1] = [("name_key", Column::Text)];

/// A registry record that keys of a window lead to.
#[derive(Debug)]
struct Target {
    id: TargetId,
    name: String,
    taken: bool,
}

/// The candidates of every record of the window that has any, best first.
async fn candidates(
    connection: &impl ConnectionTrait,
    list: &List,
    window: &[Undecided],
) -> Result<HashMap<RecordId, Vec<Candidate>>> {
    let keys: HashSet<&str> = window.iter().map(|row| row.key.as_str()).filter(|key| !key.is_empty()).collect();
    let targets = targets(connection, list, keys).await?;
    let shared = shared_keys(connection, list, targets.keys().map(String::as_str)).await?;
    let mut candidates = HashMap::new();
    for row in window {
        let Some(targets) = targets.get(&row.key) else { continue };
        let contested = shared.contains(&row.key);
        let mut found: Vec<Candidate> = targets
            .iter()
            .map(|target| Candidate {
                target: target.id,
                same_name: target.name == row.name,
                contested: contested || target.taken,
            })
            .collect();
        // The sort is stable: among equals the older target stays first.
        found.sort_by_key(|candidate| !candidate.same_name);
        candidates.insert(row.record, found);
    }
    Ok(candidates)
}

/// The five oldest registry records of each key.
async fn targets(connection: &impl ConnectionTrait, list: &List, keys: HashSet<&str>) -> Result<HashMap<String, Vec<Target>>> {
    let mut targets: HashMap<String, Vec<Target>> = HashMap::new();
    if keys.is_empty() {
        return Ok(targets);
    }
    let sql = format!(
        "select f.key, f.target_id, t.name_search, exists (
            select 1 from mapping m where m.target_id = f.target_id and m.provider_id = $1 and m.subject = $2
                and m.state in ('linked', 'orphaned')) as taken
         from (
            select k.key, k.target_id, row_number() over (partition by k.key order by k.target_id) as place
            from {} cross join match_key k where k.organization_id = $3 and k.subject = $2 and k.key = b.name_key
         ) f join {} t on t.id = f.target_id
         where f.place <= 5 order by f.key, f.target_id",
        rows(connection, "b", "$4", &KEY_ROW),
        list.subject.target()
    );
    let keys: Vec<KeyRow<'_>> = keys.into_iter().map(|name_key| KeyRow { name_key }).collect();
    let found = all(connection, &sql, list.values([batch(&keys)?])).await?;
    if found.is_empty() {
        return Ok(targets);
    }
    let confirmed = confirmed_targets(connection, list).await?;
    for row in &found {
        let id = TargetId(get(row, "target_id")?);
        let taken = get(row, "taken")? || confirmed.contains(&id);
        targets.entry(get(row, "key")?).or_default().push(Target { id, name: get(row, "name_search")?, taken });
    }
    Ok(targets)
}

/// Targets that a decision has taken which a link job has not carried out yet.
async fn confirmed_targets(connection: &impl ConnectionTrait, list: &List) -> Result<HashSet<TargetId>> {
    let sql = "select decision_target_id from mapping
        where provider_id = $1 and subject = $2 and organization_id = $3 and state = 'confirmed' and decision_target_id is not null";
    let found = all(connection, sql, list.values([])).await?;
    found.iter().map(|row| get(row, "decision_target_id").map(TargetId)).collect()
}

/// Those of `keys` that more than one undecided record of the provider has.
async fn shared_keys(
    connection: &impl ConnectionTrait,
    list: &List,
    keys: impl Iterator<Item = &str>,
) -> Result<HashSet<String>> {
    let keys: Vec<KeyRow<'_>> = keys.map(|name_key| KeyRow { name_key }).collect();
    if keys.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = format!(
        "select r.name_key from {} cross join directory_record r cross join mapping m
         where m.provider_id = r.provider_id and m.subject = r.subject and m.record_id = r.record_id and r.provider_id = $1 and r.subject = $2 and r.organization_id = $3 and r.name_key = b.name_key
            and r.gone_at_ms is null and m.state in {UNDECIDED}
         group by r.name_key having count(*) > 1",
        rows(connection, "b", "$4", &KEY_ROW)
    );
    all(connection, &sql, list.values([batch(&keys)?])).await?.iter().map(|row| get(row, "name_key")).collect()
}

/// What is stored for the records of the window.
async fn stored(
    connection: &impl ConnectionTrait,
    list: &List,
    window: &[Undecided],
    after: RecordId,
) -> Result<HashMap<RecordId, Vec<Candidate>>> {
    let mut stored: HashMap<RecordId, Vec<Candidate>> = HashMap::new();
    let Some(last) = window.last() else { return Ok(stored) };
    let sql = "select record_id, target_id, score, contested from suggestion
        where provider_id = $1 and subject = $2 and organization_id = $3 and record_id > $4 and record_id <= $5
        order by record_id, rank";
    for row in all(connection, sql, list.values([after.0.into(), last.record.0.into()])).await? {
        let score: f64 = get(&row, "score")?;
        let candidate =
            Candidate { target: TargetId(get(&row, "target_id")?), same_name: score >= 1.0, contested: get(&row, "contested")? };
        stored.entry(RecordId(get(&row, "record_id")?)).or_default().push(candidate);
    }
    Ok(stored)
}

#[derive(Debug, Serialize)]
struct SuggestionRow {
    record_id: RecordId,
    rank: usize,
    target_id: TargetId,
    score: f64,
    reasons: &'static str,
    contested: bool,
}

const SUGGESTION_ROW: [(&str, Column); 6] = [
    ("record_id", Column::Bigint),
    ("rank", Column::Bigint),
    ("target_id", Column::Uuid),
    ("score", Column::Double),
    ("reasons", Column::Text),
    ("contested", Column::Boolean),
];

#[derive(Debug, Serialize)]
struct StateRow {
    record_id: RecordId,
    state: &'static str,
}

const STATE_ROW: [(&str, Column); 2] = [("record_id", Column::Bigint), ("state", Column::Text)];

/// Writes where candidates and stored suggestions differ.
async fn write(
    connection: &impl ConnectionTrait,
    list: &List,
    window: &[Undecided],
    candidates: &HashMap<RecordId, Vec<Candidate>>,
    stored: &HashMap<RecordId, Vec<Candidate>>,
) -> Result<()> {
    let (mut stale, mut fresh, mut states) = (Vec::new(), Vec::new(), Vec::new());
    for row in window {
        let new = candidates.get(&row.record).map_or(&[][..], Vec::as_slice);
        let old = stored.get(&row.record).map_or(&[][..], Vec::as_slice);
        let state = state(row.state, !new.is_empty());
        if state != row.state || new.first() != old.first() {
            states.push(StateRow { record_id: row.record, state: state.as_str() });
        }
        if new == old {
            continue;
        }
        if !old.is_empty() {
            stale.push(Id { record_id: row.record });
        }
        for (index, candidate) in new.iter().enumerate() {
            let (score, reasons) = verdict(candidate.same_name);
            let Candidate { target, contested, .. } = *candidate;
            fresh.push(SuggestionRow { record_id: row.record, rank: index + 1, target_id: target, score, reasons, contested });
        }
    }
    if !stale.is_empty() {
        let sql = format!(
            "delete from suggestion where provider_id = $1 and subject = $2 and organization_id = $3
                and record_id in (select b.record_id from {})",
            rows(connection, "b", "$4", &ID)
        );
        execute(connection, &sql, list.values([batch(&stale)?])).await?;
    }
    if !fresh.is_empty() {
        let sql = format!(
            "insert into suggestion (provider_id, subject, organization_id, record_id, rank, target_id, score, reasons, contested)
             select $1, $2, $3, b.record_id, b.rank, b.target_id, b.score, b.reasons, b.contested from {}",
            rows(connection, "b", "$4", &SUGGESTION_ROW)
        );
        execute(connection, &sql, list.values([batch(&fresh)?])).await?;
    }
    if !states.is_empty() {
        // A retry may have taken a failed row up meanwhile: only the two states that are ours to set are set.
        let sql = format!(
            "update mapping as m set state = case when m.state in ('unmapped', 'suggested') then b.state else m.state end,
                revision = m.revision + 1, changed_at_ms = {{now}}
             from {} where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id = b.record_id",
            rows(connection, "b", "$4", &STATE_ROW)
        );
        execute(connection, &sql, list.values([batch(&states)?])).await?;
    }
    Ok(())
}

/// The state of an undecided record with or without candidates.
fn state(state: MappingState, suggested: bool) -> MappingState {
    match state {
        MappingState::Unmapped | MappingState::Suggested => {
            if suggested {
                MappingState::Suggested
            } else {
                MappingState::Unmapped
            }
        }
        MappingState::Held
        | MappingState::Confirmed
        | MappingState::Linking
        | MappingState::Linked
        | MappingState::Ignored
        | MappingState::Failed
        | MappingState::Orphaned
        | MappingState::Unlinked => state,
    }
}
