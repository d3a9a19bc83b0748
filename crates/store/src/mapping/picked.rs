//! The rows that a confirm is about, as one table expression: planning and carrying out read the same rows, a thousand or a hundred
//! thousand, without moving them.

use super::choice::{CHOICE_ROW, ChoiceRow};
use super::filter::{self, FROM};
use crate::directory::List;
use crate::sql::{batch, rows};
use linkyard_core::Result;
use linkyard_core::id::{DuplicateGroupId, TargetId};
use linkyard_core::mapping::{MappingFilter, MappingState, OnLookalike};
use linkyard_core::plan::BulkAction;
use linkyard_core::suggestion::Band;
use sea_orm::{ConnectionTrait, Value};

/// `with picked as (..)`: record id, revision, decision, target, rule for look-alikes and name key of every row to be changed.
#[derive(Debug)]
pub(super) struct Picked {
    with: String,
    values: Vec<Value>,
}

impl Picked {
    /// Rows that a person decided one by one, already checked.
    pub(super) fn by_rows(connection: &impl ConnectionTrait, list: &List, decided: &[ChoiceRow]) -> Result<Self> {
        let with = format!(
            "with picked as materialized (
                select m.record_id, m.revision, b.decision, b.target_id, b.on_lookalike, r.name_key
                from {} cross join mapping m cross join directory_record r
                where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id = b.record_id
                    and r.provider_id = $1 and r.subject = $2 and r.record_id = b.record_id
            )",
            rows(connection, "b", "$4", &CHOICE_ROW)
        );
        Ok(Self { with, values: list.values([batch(decided)?]) })
    }

    /// Rows of a group of suspected duplicates that take a decision, are not settled and are still in the directory: all are matched to
    /// `target`.
    pub(super) fn by_group(list: &List, group: DuplicateGroupId, target: TargetId) -> Self {
        let with = format!(
            "with picked as materialized (
                select m.record_id, m.revision, 'match' as decision, t.id as target_id, 'hold' as on_lookalike, r.name_key
                from duplicate_member d
                join mapping m on m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.record_id = d.record_id
                join directory_record r on r.provider_id = $1 and r.subject = $2 and r.record_id = d.record_id
                join {} t on t.id = $5 and t.organization_id = $3
                where d.group_id = $4 and r.gone_at_ms is null and m.state in ('unmapped', 'suggested', 'held', 'failed')
            )",
            list.subject.target()
        );
        Self { with, values: list.values([group.0.into(), target.0.into()]) }
    }

    /// Rows that a filter selects, as far as `action` has something to do with them: they take a decision, and the directory still has
    /// them. What a person left out or unlinked is decided anew in bulk only where the filter names that state.
    pub(super) fn by_filter(list: &List, filter: &MappingFilter, action: BulkAction) -> Result<Self> {
        let (condition, more) = filter::condition(filter, list.subject, 4)?;
        let states: Vec<String> = MappingState::ALL
            .into_iter()
            .filter(|state| taken(*state, filter, action))
            .map(|state| format!("'{}'", state.as_str()))
            .collect();
        let (decision, target, rule, join) = match action {
            BulkAction::Drafts => {
                ("m.draft_decision", "m.draft_target_id", "coalesce(m.draft_on_lookalike, 'hold')", String::new())
            }
            BulkAction::AcceptSuggestions(least) => ("'match'", "s.target_id", "'hold'", accepted(least)),
            BulkAction::Create(OnLookalike::Hold) => ("'create'", "cast(null as uuid)", "'hold'", String::new()),
            BulkAction::Create(OnLookalike::Create) => ("'create'", "cast(null as uuid)", "'create'", String::new()),
            BulkAction::DoNotAdd => ("'do_not_add'", "cast(null as uuid)", "'hold'", String::new()),
        };
        let drafted = if action == BulkAction::Drafts { "and m.draft_decision is not null" } else { "" };
        let with = format!(
            "with picked as materialized (
                select m.record_id, m.revision, {decision} as decision, {target} as target_id, {rule} as on_lookalike, r.name_key
                from {FROM} {join}
                where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and r.gone_at_ms is null
                    and m.state in ({}) {drafted} {condition}
            )",
            states.join(", ")
        );
        Ok(Self { with, values: list.values(more) })
    }

    /// Rows that nobody has begun on, of records that are there and were first seen after `since_ms` (milliseconds since 1970).
    pub(super) fn new_since(list: &List, since_ms: i64) -> Self {
        let with = "with picked as materialized (
                select m.record_id, m.revision, 'create' as decision, cast(null as uuid) as target_id, 'hold' as on_lookalike, r.name_key
                from mapping m
                join directory_record r on r.provider_id = m.provider_id and r.subject = m.subject and r.record_id = m.record_id
                where m.provider_id = $1 and m.subject = $2 and m.organization_id = $3 and m.state = 'unmapped'
                    and m.draft_decision is null and r.gone_at_ms is null and r.active and r.exclusion is null and r.first_seen_at_ms > $4
            )";
        Self { with: with.to_owned(), values: list.values([since_ms.into()]) }
    }

    /// `rest`, written over `picked`, as a statement. `$1` is the provider, `$2` the subject, `$3` the organization.
    pub(super) fn statement(&self, rest: &str) -> String {
        format!("{} {rest}", self.with)
    }

    /// The statement's parameters and one more, whose place is [`Picked::next`].
    pub(super) fn values(&self, more: impl IntoIterator<Item = Value>) -> Vec<Value> {
        self.values.iter().cloned().chain(more).collect()
    }

    /// The number of the first parameter that is free.
    pub(super) fn next(&self) -> usize {
        self.values.len() + 1
    }
}

/// The bands from `least` on, as SQL lists them.
pub(super) fn bands(least: Band) -> String {
    let bands = Band::ALL.into_iter().filter(|band| *band >= least).map(|band| format!("'{}'", band.as_str()));
    bands.collect::<Vec<String>>().join(", ")
}

/// The best suggestion of a row, where it is not contested and at least in the band `least`.
fn accepted(least: Band) -> String {
    format!(
        "join suggestion s on s.provider_id = m.provider_id and s.subject = m.subject and s.record_id = m.record_id
            and s.rank = 1 and not s.contested and s.band in ({})",
        bands(least)
    )
}

fn taken(state: MappingState, filter: &MappingFilter, action: BulkAction) -> bool {
    let settled = matches!(state, MappingState::Ignored | MappingState::Unlinked);
    match action {
        BulkAction::Drafts => state.decidable(),
        BulkAction::AcceptSuggestions(_) | BulkAction::Create(_) => {
            state.decidable() && (!settled || filter.states.contains(&state))
        }
        BulkAction::DoNotAdd => {
            state.decidable() && state != MappingState::Ignored && (!settled || filter.states.contains(&state))
        }
    }
}
