//! Checking what a person chose, row by row, before anything is written: every violation at once, then versions, then states.

use super::list::choice;
use crate::directory::{ID, List, ids};
use crate::row::{get, word};
use crate::sql::{Column, all, batch, rows};
use linkyard_core::error::{ConflictReason, Violations};
use linkyard_core::id::{RecordId, TargetId};
use linkyard_core::mapping::{Choice, Decision, MappingState};
use linkyard_core::plan::MOST_ROWS;
use linkyard_core::{Error, Result};
use sea_orm::ConnectionTrait;
use serde::Serialize;
use std::collections::{HashMap, HashSet};

/// How many rows a conflict names.
const MOST_NAMED: usize = 20;

/// One row of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) record: RecordId,
    /// What was chosen; `None` where nothing was (a draft is cleared, or stands for the decision).
    pub(super) choice: Option<Choice>,
    pub(super) expected_revision: Option<i64>,
}

/// What is stored of a row that is asked about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stored {
    state: MappingState,
    revision: i64,
    pub(super) draft: Option<Choice>,
}

/// What an absent choice means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Absent {
    /// The draft is cleared.
    Clears,
    /// The draft is the decision; a row without one is a violation.
    TakesDraft,
}

/// A choice in a batch.
#[derive(Debug, Serialize)]
pub(super) struct ChoiceRow {
    record_id: RecordId,
    decision: Option<&'static str>,
    target_id: Option<TargetId>,
    on_lookalike: Option<&'static str>,
}

/// The columns of [`ChoiceRow`].
pub(super) const CHOICE_ROW: [(&str, Column); 4] =
    [("record_id", Column::Bigint), ("decision", Column::Text), ("target_id", Column::Uuid), ("on_lookalike", Column::Text)];

impl ChoiceRow {
    pub(super) fn of(record: RecordId, choice: Option<Choice>) -> Self {
        Self {
            record_id: record,
            decision: choice.map(|choice| choice.decision.as_str()),
            target_id: choice.and_then(|choice| choice.target),
            on_lookalike: choice.map(|choice| choice.on_lookalike.as_str()),
        }
    }
}

/// Checks `asked` against the rows as they are, and answers those.
///
/// # Errors
/// `Invalid` with every violation, named after `field` (`decisions[3].target`); `Conflict(Version)` and `Conflict(State)` naming up to 20
/// rows.
pub(super) async fn check(
    connection: &impl ConnectionTrait,
    list: &List,
    asked: &[Asked],
    field: &str,
    absent: Absent,
) -> Result<HashMap<RecordId, Stored>> {
    if asked.is_empty() || asked.len() > MOST_ROWS {
        return Err(Error::invalid(field, format!("must name between 1 and {MOST_ROWS} rows, not {}", asked.len())));
    }
    let stored = stored(connection, list, asked).await?;
    let decided = |row: &Asked| match absent {
        Absent::Clears => row.choice,
        Absent::TakesDraft => row.choice.or_else(|| stored.get(&row.record).and_then(|stored| stored.draft)),
    };
    let targets = known_targets(connection, list, asked.iter().filter_map(|row| decided(row)?.target)).await?;
    let mut violations = Violations::default();
    let mut named = HashSet::new();
    for (index, row) in asked.iter().enumerate() {
        let at = |part: &str| format!("{field}[{index}].{part}");
        if !named.insert(row.record) {
            violations.add(at("record"), format!("record {} is named twice", row.record));
        }
        if !stored.contains_key(&row.record) {
            violations.add(at("record"), format!("the directory has no record {} to map", row.record));
            continue;
        }
        let target = list.subject.target();
        match decided(row) {
            None if absent == Absent::TakesDraft => {
                violations.add(at("decision"), "is missing, and the row has no draft: say what to do with it");
            }
            None => {}
            Some(Choice { decision: Decision::Match, target: None, .. }) => {
                violations.add(at("target"), format!("is missing: MATCH needs the {target} to link to"));
            }
            Some(Choice { decision: Decision::Match, target: Some(id), .. }) if !targets.contains(&id) => {
                violations.add(at("target"), format!("there is no {target} {id}"));
            }
            Some(Choice { decision: Decision::Match, target: Some(_), .. }) => {}
            Some(Choice { decision: Decision::Create | Decision::DoNotAdd, target: Some(_), .. }) => {
                violations.add(at("target"), "must be empty: only MATCH has a target");
            }
            Some(Choice { decision: Decision::Create | Decision::DoNotAdd, target: None, .. }) => {}
        }
    }
    violations.finish(())?;
    versions(list, asked, &stored)?;
    states(list, asked, &stored)?;
    Ok(stored)
}

async fn stored(connection: &impl ConnectionTrait, list: &List, asked: &[Asked]) -> Result<HashMap<RecordId, Stored>> {
    let sql = format!(
        "select m.record_id, m.state, m.revision, m.draft_decision, m.draft_target_id, m.draft_on_lookalike
         from {} cross join mapping m
         where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id = b.record_id",
        rows(connection, "b", "$4", &ID)
    );
    let wanted = batch(&ids(asked.iter().map(|row| row.record)))?;
    let found = all(connection, &sql, list.values([wanted])).await?;
    let stored = found.iter().map(|row| {
        let stored = Stored {
            state: word(row, "state", MappingState::parse)?,
            revision: get(row, "revision")?,
            draft: choice(row, "draft_decision", "draft_target_id", "draft_on_lookalike")?,
        };
        Ok((RecordId(get(row, "record_id")?), stored))
    });
    stored.collect()
}

/// A party or project in a batch.
#[derive(Debug, Serialize)]
pub(super) struct TargetRow {
    target_id: TargetId,
}

impl TargetRow {
    pub(super) fn of(target_id: TargetId) -> Self {
        Self { target_id }
    }
}

/// The columns of [`TargetRow`].
pub(super) const TARGET_ROW: [(&str, Column); 1] = [("target_id", Column::Uuid)];

/// Those of `targets` that are parties (or projects) of the organization.
pub(super) async fn known_targets(
    connection: &impl ConnectionTrait,
    list: &List,
    targets: impl IntoIterator<Item = TargetId>,
) -> Result<HashSet<TargetId>> {
    let wanted: HashSet<TargetId> = targets.into_iter().collect();
    if wanted.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = format!(
        "select t.id from {} cross join {} t where t.id = b.target_id and t.organization_id = $2",
        rows(connection, "b", "$1", &TARGET_ROW),
        list.subject.target()
    );
    let wanted: Vec<TargetRow> = wanted.into_iter().map(TargetRow::of).collect();
    let found = all(connection, &sql, [batch(&wanted)?, list.organization.0.into()]).await?;
    found.iter().map(|row| get(row, "id").map(TargetId)).collect()
}

fn versions(list: &List, asked: &[Asked], stored: &HashMap<RecordId, Stored>) -> Result<()> {
    let changed = asked.iter().filter_map(|row| {
        let current = stored.get(&row.record)?.revision;
        (row.expected_revision.is_some_and(|expected| expected != current)).then_some((row.record, current))
    });
    let changed: Vec<(RecordId, i64)> = changed.collect();
    if changed.is_empty() {
        return Ok(());
    }
    let named: Vec<String> =
        changed.iter().take(MOST_NAMED).map(|(record, revision)| format!("{record} (now at revision {revision})")).collect();
    let message = format!(
        "{} changed since they were read: {}; read them again and decide again",
        rows_of(changed.len()),
        named.join(", ")
    );
    Err(conflict(list, ConflictReason::Version, changed[0].0, message))
}

fn states(list: &List, asked: &[Asked], stored: &HashMap<RecordId, Stored>) -> Result<()> {
    let refused = asked.iter().filter_map(|row| {
        let state = stored.get(&row.record)?.state;
        (!state.decidable()).then_some((row.record, state))
    });
    let refused: Vec<(RecordId, MappingState)> = refused.collect();
    if refused.is_empty() {
        return Ok(());
    }
    let named: Vec<String> =
        refused.iter().take(MOST_NAMED).map(|(record, state)| format!("{record} is {}", state.as_str())).collect();
    let message = format!("{} take no decision now: {}", rows_of(refused.len()), named.join(", "));
    Err(conflict(list, ConflictReason::State, refused[0].0, message))
}

fn rows_of(number: usize) -> String {
    if number == 1 { "1 row".to_owned() } else { format!("{number} rows") }
}

/// A conflict about the mappings of a list.
pub(super) fn conflict(list: &List, reason: ConflictReason, id: impl ToString, message: String) -> Error {
    Error::Conflict { reason, resource: list.subject.mapping(), id: id.to_string(), message }
}
