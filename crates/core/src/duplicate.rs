//! Suspected duplicates: records of one list that look like one firm or one project entered more than once.
//!
//! Which records are suspected is computed by `linkyard_matching`; here is what a group of them is, and when one of them is new.

use crate::directory::Address;
use crate::id::{DuplicateGroupId, ProviderId, RecordId, TargetId};
use crate::mapping::{MappingState, Subject};
use crate::suggestion::Features;
use std::collections::HashSet;

/// A list that is searched for duplicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Searched {
    /// The provider of a directory; `None` for the registry.
    pub provider: Option<ProviderId>,
    /// Vendors or the directory's projects; parties or the registry's projects.
    pub subject: Subject,
}

/// A record of a searched list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberId {
    /// Of a directory.
    Record(RecordId),
    /// Of the registry.
    Target(TargetId),
}

/// What a searched list tells of a record.
#[derive(Clone, Debug)]
pub struct SearchedRecord {
    /// Which one.
    pub id: MemberId,
    /// What of it is compared.
    pub features: Features,
}

/// A group as a search found it.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundGroup {
    /// The records, two or more, in order, each once.
    pub members: Vec<MemberId>,
    /// How probable the weakest link between them is, `0.0..=1.0`.
    pub probability: f64,
    /// What that link rests on, as sentences.
    pub reasons: Vec<String>,
}

/// A record in a group.
#[derive(Clone, Debug)]
pub struct DuplicateMember {
    /// Which one.
    pub id: MemberId,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// Telephone, where it has one.
    pub phone: Option<String>,
    /// How far a directory record has come; `None` in the registry.
    pub state: Option<MappingState>,
    /// The party or project that a directory record is linked to or confirmed to be matched to.
    pub target: Option<TargetId>,
}

/// A group as it is kept.
#[derive(Clone, Debug)]
pub struct DuplicateGroup {
    /// Id; a group that gains or loses a record is another one.
    pub id: DuplicateGroupId,
    /// Whose list.
    pub searched: Searched,
    /// How probable the weakest link is.
    pub probability: f64,
    /// What it rests on.
    pub reasons: Vec<String>,
    /// A person said that these are different.
    pub dismissed: bool,
    /// How many records it has.
    pub member_count: u64,
    /// The first of them, in order.
    pub members: Vec<DuplicateMember>,
}

/// Groups that a person dismissed: what was looked at is not shown again, in whatever smaller company it comes back.
#[derive(Debug, Default)]
pub struct Dismissed(Vec<HashSet<MemberId>>);

impl Dismissed {
    /// Remembers a group.
    pub fn add(&mut self, members: impl IntoIterator<Item = MemberId>) {
        self.0.push(members.into_iter().collect());
    }

    /// Whether all of these records were called different together.
    #[must_use]
    pub fn covers(&self, members: &[MemberId]) -> bool {
        self.0.iter().any(|dismissed| members.iter().all(|member| dismissed.contains(member)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_record_that_was_not_looked_at_brings_a_dismissed_group_back() {
        let members = |ids: &[i64]| ids.iter().map(|id| MemberId::Record(RecordId(*id))).collect::<Vec<_>>();
        let mut dismissed = Dismissed::default();
        dismissed.add(members(&[1, 2, 3]));
        dismissed.add(members(&[7, 8]));
        assert!(dismissed.covers(&members(&[1, 2, 3])) && dismissed.covers(&members(&[1, 3])));
        assert!(!dismissed.covers(&members(&[1, 2, 3, 4])) && !dismissed.covers(&members(&[3, 7])));
    }
}
