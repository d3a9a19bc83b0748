//! Suspected duplicates on the wire.

use super::{address, count, mapping_state};
use crate::names::{self, DUPLICATE_GROUPS, PROVIDERS};
use linkyard_core::duplicate::{DuplicateGroup, DuplicateMember, MemberId, Searched};
use linkyard_core::mapping::Subject;
use linkyard_proto::v1;

/// A group.
pub(crate) fn duplicate_group(group: &DuplicateGroup) -> v1::DuplicateGroup {
    v1::DuplicateGroup {
        name: DUPLICATE_GROUPS.name(group.id),
        list: list(group.searched).into(),
        provider: group.searched.provider.map(|provider| PROVIDERS.name(provider)).unwrap_or_default(),
        probability: group.probability,
        reasons: group.reasons.clone(),
        dismissed: group.dismissed,
        member_count: count(group.member_count),
        members: group.members.iter().map(|one| member(group.searched, one)).collect(),
    }
}

fn list(searched: Searched) -> v1::SearchedList {
    match (searched.provider, searched.subject) {
        (Some(_), Subject::Vendor) => v1::SearchedList::Vendors,
        (Some(_), Subject::Project) => v1::SearchedList::DirectoryProjects,
        (None, Subject::Vendor) => v1::SearchedList::Parties,
        (None, Subject::Project) => v1::SearchedList::Projects,
    }
}

fn member(searched: Searched, member: &DuplicateMember) -> v1::DuplicateMember {
    let targets = names::targets(searched.subject);
    let name = match (member.id, searched.provider) {
        (MemberId::Record(record), Some(provider)) => names::mapping(searched.subject, provider, record),
        (MemberId::Record(record), None) => record.to_string(),
        (MemberId::Target(target), _) => targets.name(target),
    };
    v1::DuplicateMember {
        name,
        display_name: member.name.clone(),
        address: Some(address(&member.address)),
        phone: member.phone.clone().unwrap_or_default(),
        state: member.state.map_or(v1::MappingState::Unspecified, mapping_state).into(),
        target: member.target.map(|target| targets.name(target)).unwrap_or_default(),
    }
}
