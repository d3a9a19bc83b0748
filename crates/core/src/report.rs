//! The accounted-for report: every record of a directory in exactly one bucket, so that nothing can be lost unseen.

use crate::mapping::{Decision, MappingState};
use serde::{Deserialize, Serialize};

/// How many records stand in which bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buckets {
    /// Records that count: all of the directory without the excluded ones.
    pub fetched: u64,
    /// The customer's own company, templates and demo projects; not part of `fetched`.
    pub excluded: u64,
    /// Linked to a record that was there.
    pub matched: u64,
    /// Linked to a record that the integration created.
    pub created: u64,
    /// Decided `DO_NOT_ADD`.
    pub ignored: u64,
    /// Kept back by the gate, with a reason.
    pub held: u64,
    /// Not decided, or decided and not linked yet.
    pub unmapped: u64,
    /// Linking failed, with a reason.
    pub failed: u64,
    /// Missing from two complete walks.
    pub gone: u64,
}

impl Buckets {
    /// Counts `count` mappings that are in `state` after `decision`.
    pub fn add(&mut self, state: MappingState, decision: Option<Decision>, count: u64) {
        self.fetched += count;
        let bucket = match state {
            MappingState::Linked => match decision {
                Some(Decision::Create) => &mut self.created,
                Some(Decision::Match | Decision::DoNotAdd) | None => &mut self.matched,
            },
            MappingState::Ignored => &mut self.ignored,
            MappingState::Held => &mut self.held,
            MappingState::Failed => &mut self.failed,
            MappingState::Orphaned => &mut self.gone,
            MappingState::Unmapped
            | MappingState::Suggested
            | MappingState::Confirmed
            | MappingState::Linking
            | MappingState::Unlinked => &mut self.unmapped,
        };
        *bucket += count;
    }

    /// Whether every fetched record is in exactly one bucket.
    #[must_use]
    pub fn adds_up(&self) -> bool {
        self.fetched == self.matched + self.created + self.ignored + self.held + self.unmapped + self.failed + self.gone
    }
}
