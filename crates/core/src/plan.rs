//! What a confirm is asked to do and what it would do.

use crate::id::{DuplicateGroupId, RecordId, TargetId};
use crate::mapping::{Choice, MappingFilter, OnLookalike};
use crate::suggestion::Band;
use serde::{Deserialize, Serialize};

/// The most rows one request may name; a CLI or a file sends pages.
pub const MOST_ROWS: usize = 1_000;

/// One row that a person decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowDecision {
    /// The record.
    pub record: RecordId,
    /// What to do with it; `None` = what its draft says.
    pub choice: Option<Choice>,
    /// The revision that the person saw; `None` = whatever it is now.
    pub expected_revision: Option<i64>,
}

/// What to do with every row that a filter selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkAction {
    /// Confirm the drafts; rows without one are left alone.
    Drafts,
    /// Match every row to its best suggestion where that is uncontested and at least in this band; other rows are left alone.
    AcceptSuggestions(Band),
    /// Create every row.
    Create(OnLookalike),
    /// Leave every row out.
    DoNotAdd,
}

/// Which rows a confirm is about.
#[derive(Clone, Debug)]
pub enum Selection {
    /// These rows, at most [`MOST_ROWS`].
    Rows(Vec<RowDecision>),
    /// Every vendor of a group of suspected duplicates that takes a decision: all are matched to one party. Projects likewise.
    Group {
        /// The group.
        group: DuplicateGroupId,
        /// The party; `None` = the one that a record of the group is linked to already.
        target: Option<TargetId>,
        /// The token of the plan that the person saw; `None` = whatever it is now.
        plan_token: Option<String>,
    },
    /// Every decidable row that the filter selects.
    Filter {
        /// Which rows.
        filter: MappingFilter,
        /// What to do with them.
        action: BulkAction,
        /// The token of the plan that the person saw; required unless only the plan is asked for.
        plan_token: Option<String>,
    },
}

/// One thing a person should look at before confirming.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanConflict {
    /// The records that are in each other's way.
    pub records: Vec<RecordId>,
    /// The target they all want, if that is it.
    pub target: Option<TargetId>,
    /// What the matter is, as a sentence.
    pub problem: String,
}

/// What a confirm would do. Making it never calls Procore.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Rows that would be linked to an existing record.
    pub links: u64,
    /// Rows from which a record would be created.
    pub creates: u64,
    /// Of `creates`, rows that the gate would hold as the registry stands now.
    pub lookalikes: u64,
    /// Rows that would be left out.
    pub ignores: u64,
    /// Rows of the selection that would not change (no draft, no suggestion, a state that takes no decision).
    pub unchanged: u64,
    /// The first conflicts, at most 100.
    pub conflicts: Vec<PlanConflict>,
    /// How many calls to Procore the linking needs: none, linking works on what was fetched.
    pub calls_needed: u64,
    /// How long those calls take under the budget, seconds.
    pub seconds_under_budget: u64,
    /// Names this selection in its present versions; a confirm by filter must carry it.
    pub token: String,
}
