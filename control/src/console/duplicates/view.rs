//! Groups of suspected duplicates as they are shown.

use crate::console::registry::{Names, one_line};
use crate::console::words::{Badge, mapping_state, number};
use linkyard_core::duplicate::{DuplicateGroup, DuplicateMember, MemberId};
use linkyard_core::mapping::Subject;

/// A group.
#[derive(Clone, Debug)]
pub(crate) struct GroupCard {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) probability: String,
    pub(crate) reasons: Vec<String>,
    pub(crate) members: Vec<MemberRow>,
    /// How many more there are than shown.
    pub(crate) more: u64,
    pub(crate) dismissed: bool,
}

/// A record of a group.
#[derive(Clone, Debug)]
pub(crate) struct MemberRow {
    pub(crate) name: String,
    /// Its page, or that of what it is linked to; empty where there is none.
    pub(crate) address: String,
    pub(crate) about: String,
    pub(crate) state: Option<Badge>,
}

impl MemberRow {
    fn new(member: &DuplicateMember, subject: Subject) -> Self {
        let path = if subject == Subject::Vendor { "/parties" } else { "/projects" };
        let (id, target) = match member.id {
            MemberId::Record(id) => (format!("Procore id {id}"), member.target),
            MemberId::Target(id) => (String::new(), Some(id)),
        };
        let parts = [id, one_line(&member.address), member.phone.clone().unwrap_or_default()];
        Self {
            name: if member.name.trim().is_empty() { "(without a name)".to_owned() } else { member.name.clone() },
            address: target.map(|target| format!("{path}/{target}")).unwrap_or_default(),
            about: parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" - "),
            state: member.state.map(mapping_state),
        }
    }
}

impl GroupCard {
    pub(crate) fn new(group: &DuplicateGroup, names: &Names) -> Self {
        let what = match (group.searched.provider.is_some(), group.searched.subject) {
            (true, Subject::Vendor) => "vendors of",
            (true, Subject::Project) => "projects of",
            (false, Subject::Vendor) => "parties",
            (false, Subject::Project) => "projects",
        };
        let provider = group.searched.provider.and_then(|id| names.get(&id)).map_or("", String::as_str);
        let shown = group.members.len() as u64;
        Self {
            id: group.id.to_string(),
            title: format!("{} {what} {provider}", number(group.member_count)).trim_end().to_owned(),
            probability: format!("{:.0} %", group.probability * 100.0),
            reasons: group.reasons.clone(),
            members: group.members.iter().map(|member| MemberRow::new(member, group.searched.subject)).collect(),
            more: group.member_count.saturating_sub(shown),
            dismissed: group.dismissed,
        }
    }
}

/// These groups.
pub(crate) fn cards(groups: &[DuplicateGroup], names: &Names) -> Vec<GroupCard> {
    groups.iter().map(|group| GroupCard::new(group, names)).collect()
}
