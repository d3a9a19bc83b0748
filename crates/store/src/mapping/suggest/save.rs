//! Saving what a pass found: a window of records in one transaction, compared with what is stored, so that only differences are written.

use super::{UNDECIDED, declined};
use crate::directory::{ID, Id, List};
use crate::gate;
use crate::ledger::fence_and_checkpoint;
use crate::mapping::choice::{TARGET_ROW, TargetRow, known_targets};
use crate::row::{get, word};
use crate::sql::{Column, all, batch, commit, execute, rows};
use crate::{Store, provider, statistics};
use linkyard_core::id::{ProviderId, RecordId, TargetId};
use linkyard_core::job::Fence;
use linkyard_core::mapping::{MappingState, Subject};
use linkyard_core::suggestion::{Band, Candidate, MOST_CANDIDATES};
use linkyard_core::{Error, Result};
use sea_orm::ConnectionTrait;
use serde::Serialize;
use std::collections::{HashMap, HashSet};

/// A probability that moved less than this did not move: every probability depends a little on how long the lists are.
const PROBABILITY_STEP: f64 = 0.02;

/// What saving a window changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SuggestionsSaved {
    /// Records whose suggestions were written anew or went.
    pub rewritten: u64,
    /// Rows whose state or best suggestion changed; their revision rose.
    pub changed: u64,
}

impl Store {
    /// Saves the candidates of all undecided records after `after` up to and including `through` (`None`: to the end); those that `found` does
    /// not name have none. Candidates that were declined or deleted meanwhile are left out; one that a record of this provider has
    /// already is contested. A row is SUGGESTED where a candidate counts, UNMAPPED where none does.
    ///
    /// # Errors
    /// `Conflict(Fenced)`; `NotFound` for a provider that is not the job's tenant's.
    pub async fn suggestions_save(
        &self,
        fence: &Fence,
        provider: ProviderId,
        subject: Subject,
        (after, through): (Option<RecordId>, Option<RecordId>),
        found: &[(RecordId, Vec<Candidate>)],
    ) -> Result<SuggestionsSaved> {
        let list = List { organization: fence.organization, provider, subject };
        let range =
            Range { after: after.map_or(i64::MIN, |record| record.0), through: through.map_or(i64::MAX, |record| record.0) };
        let tx = self.begin().await?;
        fence_and_checkpoint(&tx, fence, None).await?;
        provider::require(&tx, fence.organization, provider).await?;
        gate::lock(&tx, fence.organization).await?;
        let window = window(&tx, &list, range).await?;
        let fresh = fresh(&tx, &list, range, found).await?;
        let stored = stored(&tx, &list, range).await?;
        let changes = Changes::of(&window, &fresh, &stored);
        changes.write(&tx, &list).await?;
        commit(tx).await?;
        statistics::refresh(self).await;
        Ok(SuggestionsSaved { rewritten: changes.rewritten.len() as u64, changed: changes.states.len() as u64 })
    }
}

/// Records after one, up to and including another.
#[derive(Clone, Copy, Debug)]
struct Range {
    after: i64,
    through: i64,
}

/// An undecided record.
#[derive(Debug)]
struct Row {
    record: RecordId,
    state: MappingState,
}

async fn window(connection: &impl ConnectionTrait, list: &List, range: Range) -> Result<Vec<Row>> {
    let sql = format!(
        "select m.record_id, m.state from mapping m
         where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id > $4 and m.record_id <= $5
            and m.state in {UNDECIDED} order by m.record_id"
    );
    let found = all(connection, &sql, list.values([range.after.into(), range.through.into()])).await?;
    let rows = found
        .iter()
        .map(|row| Ok(Row { record: RecordId(get(row, "record_id")?), state: word(row, "state", MappingState::parse)? }));
    rows.collect()
}

/// A suggestion as it is stored or as it should be.
#[derive(Clone, Debug, Serialize)]
struct Kept {
    record_id: RecordId,
    rank: usize,
    target_id: TargetId,
    score: f64,
    band: &'static str,
    reasons: String,
    contested: bool,
    holds: bool,
}

const KEPT: [(&str, Column); 8] = [
    ("record_id", Column::Bigint),
    ("rank", Column::Bigint),
    ("target_id", Column::Uuid),
    ("score", Column::Double),
    ("band", Column::Text),
    ("reasons", Column::Text),
    ("contested", Column::Boolean),
    ("holds", Column::Boolean),
];

impl Kept {
    /// What a person would notice on the mapping list.
    fn shows_as(&self, other: &Self) -> bool {
        (self.target_id, self.band, self.contested, self.holds) == (other.target_id, other.band, other.contested, other.holds)
    }

    fn same(&self, other: &Self) -> bool {
        self.shows_as(other) && self.reasons == other.reasons && (self.score - other.score).abs() < PROBABILITY_STEP
    }

    fn counts(&self) -> bool {
        self.holds || self.band != Band::Weak.as_str()
    }
}

/// What was found, without what was declined or deleted meanwhile.
async fn fresh(
    connection: &impl ConnectionTrait,
    list: &List,
    range: Range,
    found: &[(RecordId, Vec<Candidate>)],
) -> Result<HashMap<RecordId, Vec<Kept>>> {
    let targets: HashSet<TargetId> = found.iter().flat_map(|(_, candidates)| candidates.iter().map(|one| one.target)).collect();
    if targets.is_empty() {
        return Ok(HashMap::new());
    }
    let known = known_targets(connection, list, targets.iter().copied()).await?;
    let taken = taken(connection, list, &known).await?;
    let declined = declined::between(connection, list, RecordId(range.after), RecordId(range.through)).await?;
    let mut fresh = HashMap::with_capacity(found.len());
    for (record, candidates) in found {
        let refused = declined.get(record).map_or(&[][..], Vec::as_slice);
        let valid = candidates.iter().filter(|one| known.contains(&one.target) && !refused.contains(&one.target));
        let kept = valid.take(MOST_CANDIDATES).enumerate().map(|(at, one)| {
            let reasons = serde_json::to_string(&one.reasons)
                .map_err(|error| Error::internal("reasons could not be written as JSON", error))?;
            Ok(Kept {
                record_id: *record,
                rank: at + 1,
                target_id: one.target,
                score: one.probability,
                band: one.band.as_str(),
                reasons,
                contested: one.contested || taken.contains(&one.target),
                holds: one.holds,
            })
        });
        fresh.insert(*record, kept.collect::<Result<Vec<Kept>>>()?);
    }
    Ok(fresh)
}

/// Those of `targets` that a record of this provider is linked to, or that a decision has taken which a link job has not carried out yet.
async fn taken(connection: &impl ConnectionTrait, list: &List, targets: &HashSet<TargetId>) -> Result<HashSet<TargetId>> {
    let sql = format!(
        "select m.target_id from {} cross join mapping m
         where m.target_id = b.target_id and m.provider_id = $1 and m.subject = $2 and m.state in ('linked', 'orphaned')
         union
         select m.decision_target_id from mapping m
         where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.state = 'confirmed'
            and m.decision_target_id is not null",
        rows(connection, "b", "$4", &TARGET_ROW)
    );
    let targets: Vec<TargetRow> = targets.iter().copied().map(TargetRow::of).collect();
    let found = all(connection, &sql, list.values([batch(&targets)?])).await?;
    found.iter().map(|row| get(row, "target_id").map(TargetId)).collect()
}

async fn stored(connection: &impl ConnectionTrait, list: &List, range: Range) -> Result<HashMap<RecordId, Vec<Kept>>> {
    let sql = "select record_id, target_id, score, band, reasons, contested, holds from suggestion
        where provider_id = $1 and subject = $2 and organization_id = $3 and record_id > $4 and record_id <= $5
        order by record_id, rank";
    let mut stored: HashMap<RecordId, Vec<Kept>> = HashMap::new();
    for row in all(connection, sql, list.values([range.after.into(), range.through.into()])).await? {
        let record = RecordId(get(&row, "record_id")?);
        let of_record = stored.entry(record).or_default();
        of_record.push(Kept {
            record_id: record,
            rank: of_record.len() + 1,
            target_id: TargetId(get(&row, "target_id")?),
            score: get(&row, "score")?,
            band: word(&row, "band", Band::parse)?.as_str(),
            reasons: get(&row, "reasons")?,
            contested: get(&row, "contested")?,
            holds: get(&row, "holds")?,
        });
    }
    Ok(stored)
}

#[derive(Debug, Serialize)]
struct StateRow {
    record_id: RecordId,
    state: &'static str,
}

const STATE_ROW: [(&str, Column); 2] = [("record_id", Column::Bigint), ("state", Column::Text)];

/// The differences between what is stored and what was found.
#[derive(Debug, Default)]
struct Changes {
    rewritten: Vec<Id>,
    kept: Vec<Kept>,
    states: Vec<StateRow>,
}

impl Changes {
    fn of(window: &[Row], fresh: &HashMap<RecordId, Vec<Kept>>, stored: &HashMap<RecordId, Vec<Kept>>) -> Self {
        let mut changes = Self::default();
        for row in window {
            let new = fresh.get(&row.record).map_or(&[][..], Vec::as_slice);
            let old = stored.get(&row.record).map_or(&[][..], Vec::as_slice);
            let state = state(row.state, new.iter().any(Kept::counts));
            let shows_as_before = match (new.first(), old.first()) {
                (Some(new), Some(old)) => new.shows_as(old),
                (new, old) => new.is_none() && old.is_none(),
            };
            if state != row.state || !shows_as_before {
                changes.states.push(StateRow { record_id: row.record, state: state.as_str() });
            }
            if new.len() != old.len() || new.iter().zip(old).any(|(new, old)| !new.same(old)) {
                changes.rewritten.push(Id { record_id: row.record });
                changes.kept.extend(new.iter().cloned());
            }
        }
        changes
    }

    async fn write(&self, connection: &impl ConnectionTrait, list: &List) -> Result<()> {
        if !self.rewritten.is_empty() {
            let sql = format!(
                "delete from suggestion where provider_id = $1 and subject = $2 and organization_id = $3
                    and record_id in (select b.record_id from {})",
                rows(connection, "b", "$4", &ID)
            );
            execute(connection, &sql, list.values([batch(&self.rewritten)?])).await?;
        }
        if !self.kept.is_empty() {
            let columns: Vec<&str> = KEPT.iter().map(|(name, _)| *name).collect();
            let sql = format!(
                "insert into suggestion (provider_id, subject, organization_id, {}) select $1, $2, $3, b.{} from {}",
                columns.join(", "),
                columns.join(", b."),
                rows(connection, "b", "$4", &KEPT)
            );
            execute(connection, &sql, list.values([batch(&self.kept)?])).await?;
        }
        if !self.states.is_empty() {
            // A retry may have taken a failed row up meanwhile: only the two states that are ours to set are set.
            let sql = format!(
                "update mapping as m set state = case when m.state in ('unmapped', 'suggested') then b.state else m.state end,
                    revision = m.revision + 1, changed_at_ms = {{now}}
                 from {} where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id = b.record_id",
                rows(connection, "b", "$4", &STATE_ROW)
            );
            execute(connection, &sql, list.values([batch(&self.states)?])).await?;
        }
        Ok(())
    }
}

/// The state of an undecided record with or without a candidate that counts.
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
