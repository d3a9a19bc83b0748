//! What each line of a chunk would do to its row as it is now: the same for the preview and for the job.

use super::super::choice::known_targets;
use super::super::list::choice;
use crate::directory::{ID, List, ids};
use crate::row::{get, word};
use crate::sql::{all, batch, rows};
use linkyard_core::Result;
use linkyard_core::decision_file::{Ask, AskedLine, ImportOptions, ImportedRow, LineReason, Refusal, RowOutcome};
use linkyard_core::id::{RecordId, TargetId};
use linkyard_core::mapping::{Choice, Decision, MappingState};
use sea_orm::ConnectionTrait;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// A line, what becomes of it, and the choice to be written for it.
#[derive(Clone, Debug)]
pub(super) struct Judged {
    pub(super) row: ImportedRow,
    /// There where the outcome is APPLIED.
    pub(super) choice: Option<Choice>,
}

/// A row as it is.
struct Stored {
    state: MappingState,
    revision: i64,
    draft: Option<Choice>,
    decision: Option<Choice>,
    target: Option<(TargetId, String)>,
    gone: bool,
}

/// Judges `lines` in their order. `seen` says which line named a record first, in earlier chunks; this chunk's are added.
pub(super) async fn judge(
    connection: &impl ConnectionTrait,
    list: &List,
    options: &ImportOptions,
    lines: &[AskedLine],
    seen: &mut HashMap<RecordId, u64>,
) -> Result<Vec<Judged>> {
    let asks = || lines.iter().filter_map(|line| line.asked.as_ref().ok().copied().flatten());
    let stored = stored(connection, list, asks().map(|ask| ask.record)).await?;
    let targets = known_targets(connection, list, asks().filter_map(|ask| ask.choice.target)).await?;
    let judged = lines.iter().map(|line| {
        let verdict = match &line.asked {
            Err(refusal) => Err(refusal.clone()),
            Ok(None) => Ok(None),
            Ok(Some(ask)) => match first(seen, ask.record, line.line) {
                Err(refusal) => Err(refusal),
                Ok(()) if ask.choice.target.is_some_and(|target| !targets.contains(&target)) => {
                    let wanted = ask.choice.target.map(|target| format!("{}/{target}", options.subject.targets()));
                    Err(Refusal::new(LineReason::TargetUnknown, wanted.unwrap_or_default()))
                }
                Ok(()) => match stored.get(&ask.record) {
                    None => Err(Refusal::new(LineReason::MappingUnknown, ask.record.to_string())),
                    Some(stored) => stored.verdict(ask, options),
                },
            },
        };
        let record = line.asked.as_ref().ok().copied().flatten().map(|ask| ask.record);
        let (outcome, choice, refusal) = match verdict {
            Ok(Some(choice)) => (RowOutcome::Applied, Some(choice), None),
            Ok(None) => (RowOutcome::Unchanged, None, None),
            Err(refusal) => (RowOutcome::Refused, None, Some(refusal)),
        };
        let (reason, detail) = refusal.map(|refusal| (refusal.reason, refusal.detail)).unzip();
        Judged { row: ImportedRow { line: line.line, record, outcome, reason, detail: detail.unwrap_or_default() }, choice }
    });
    Ok(judged.collect())
}

/// Notes that `line` is the first about `record`, or tells which one was.
fn first(seen: &mut HashMap<RecordId, u64>, record: RecordId, line: u64) -> std::result::Result<(), Refusal> {
    match seen.entry(record) {
        Entry::Vacant(free) => {
            free.insert(line);
            Ok(())
        }
        Entry::Occupied(earlier) => {
            Err(Refusal::new(LineReason::MappingTwice, format!("record {record} is in line {}", earlier.get())))
        }
    }
}

impl Stored {
    /// The choice to be written; `None` when the row is so already.
    fn verdict(&self, ask: &Ask, options: &ImportOptions) -> std::result::Result<Option<Choice>, Refusal> {
        let drafted = self.draft.is_some_and(|draft| same(draft, ask.choice));
        if self.is_so(ask.choice, drafted, options.confirm) {
            return Ok(None);
        }
        match self.state {
            MappingState::Linked | MappingState::Orphaned => {
                let target = self.target.as_ref();
                let named = target.map(|(id, name)| format!("to {name} ({}/{id})", options.subject.targets()));
                return Err(Refusal::new(LineReason::Linked, named.unwrap_or_default()));
            }
            MappingState::Confirmed | MappingState::Linking => return Err(Refusal::new(LineReason::InProgress, "")),
            MappingState::Unmapped
            | MappingState::Suggested
            | MappingState::Held
            | MappingState::Ignored
            | MappingState::Failed
            | MappingState::Unlinked => {}
        }
        // A draft that says the same is no reason to ask the person again: nobody wants anything else.
        if let Some(expected) = ask.expected_revision.filter(|expected| *expected != self.revision && !drafted) {
            let state = self.state.as_str().to_ascii_uppercase();
            let detail = format!("version {expected} in the file, {} now; the row is {state}", self.revision);
            return Err(Refusal::new(LineReason::Changed, detail));
        }
        if self.gone && ask.choice.decision != Decision::DoNotAdd {
            return Err(Refusal::new(LineReason::RecordGone, ""));
        }
        Ok(Some(ask.choice))
    }

    /// Whether the row is as the line wants it.
    fn is_so(&self, choice: Choice, drafted: bool, confirm: bool) -> bool {
        let decided = self.decision.is_some_and(|decision| same(decision, choice));
        match self.state {
            MappingState::Confirmed | MappingState::Linking => decided,
            // A merge moves a link to another target than the one that was decided.
            MappingState::Linked | MappingState::Orphaned => match choice.decision {
                Decision::Match => self.target.as_ref().map(|(id, _)| *id) == choice.target,
                Decision::Create => self.decision.is_some_and(|decision| decision.decision == Decision::Create),
                Decision::DoNotAdd => false,
            },
            MappingState::Ignored if decided && self.draft.is_none() => true,
            MappingState::Unmapped
            | MappingState::Suggested
            | MappingState::Held
            | MappingState::Ignored
            | MappingState::Failed
            | MappingState::Unlinked => drafted && !confirm,
        }
    }
}

/// Whether two choices mean the same: only a creation has look-alikes.
fn same(left: Choice, right: Choice) -> bool {
    let rules = left.decision != Decision::Create || left.on_lookalike == right.on_lookalike;
    left.decision == right.decision && left.target == right.target && rules
}

async fn stored(
    connection: &impl ConnectionTrait,
    list: &List,
    records: impl Iterator<Item = RecordId>,
) -> Result<HashMap<RecordId, Stored>> {
    let sql = format!(
        "select m.record_id, m.state, m.revision, m.draft_decision, m.draft_target_id, m.draft_on_lookalike, m.decision,
            m.decision_target_id, m.on_lookalike, m.target_id, t.name as target_name, r.gone_at_ms
         from {} cross join mapping m cross join directory_record r
         left join {} t on t.id = m.target_id and t.organization_id = m.organization_id
         where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id = b.record_id
            and r.provider_id = $1 and r.subject = $2 and r.record_id = b.record_id",
        rows(connection, "b", "$4", &ID),
        list.subject.target()
    );
    let wanted = batch(&ids(records))?;
    let found = all(connection, &sql, list.values([wanted])).await?;
    let stored = found.iter().map(|row| {
        let target: Option<uuid::Uuid> = get(row, "target_id")?;
        let target_name: Option<String> = get(row, "target_name")?;
        let stored = Stored {
            state: word(row, "state", MappingState::parse)?,
            revision: get(row, "revision")?,
            draft: choice(row, "draft_decision", "draft_target_id", "draft_on_lookalike")?,
            decision: choice(row, "decision", "decision_target_id", "on_lookalike")?,
            target: target.map(|id| (TargetId(id), target_name.unwrap_or_default())),
            gone: get::<Option<i64>>(row, "gone_at_ms")?.is_some(),
        };
        Ok((RecordId(get(row, "record_id")?), stored))
    });
    stored.collect()
}
