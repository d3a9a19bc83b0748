//! Parties, projects, party types and compliance profiles on the wire.

use super::{address, count, timestamp};
use crate::etag;
use crate::names::{COMPLIANCE_PROFILES, PARTIES, PARTY_TYPES, PROJECTS, PROVIDERS};
use linkyard_core::id::{ComplianceProfileId, PartyId, PartyTypeId};
use linkyard_core::registry::{IntegrationMark, Named, Party, Project};
use linkyard_proto::v1;

/// A party.
pub(crate) fn party(party: &Party) -> v1::Party {
    v1::Party {
        name: PARTIES.name(party.id),
        display_name: party.name.clone(),
        party_type: PARTY_TYPES.name(party.party_type),
        compliance_profile: COMPLIANCE_PROFILES.name(party.compliance_profile),
        address: Some(address(&party.address)),
        phone: party.phone.clone().unwrap_or_default(),
        email: party.email.clone().unwrap_or_default(),
        integration_marks: party.marks.iter().map(mark).collect(),
        project_count: count(party.project_count),
        etag: etag::of(party.revision),
        create_time: Some(timestamp(party.created_at_ms)),
        update_time: Some(timestamp(party.updated_at_ms)),
    }
}

/// A party where only its name is known.
pub(crate) fn party_on_project(party: &Named<PartyId>) -> v1::Party {
    v1::Party { name: PARTIES.name(party.id), display_name: party.name.clone(), ..Default::default() }
}

/// A project.
pub(crate) fn project(project: &Project) -> v1::Project {
    v1::Project {
        name: PROJECTS.name(project.id),
        display_name: project.name.clone(),
        number: project.number.clone().unwrap_or_default(),
        address: Some(address(&project.address)),
        integration_marks: project.marks.iter().map(mark).collect(),
        party_count: count(project.party_count),
        etag: etag::of(project.revision),
        create_time: Some(timestamp(project.created_at_ms)),
        update_time: Some(timestamp(project.updated_at_ms)),
    }
}

fn mark(mark: &IntegrationMark) -> v1::IntegrationMark {
    v1::IntegrationMark {
        provider: PROVIDERS.name(mark.provider),
        external_id: mark.record.0,
        link_time: Some(timestamp(mark.linked_at_ms)),
        sync_time: mark.last_synced_at_ms.map(timestamp),
        orphaned: mark.orphaned,
    }
}

/// A party type.
pub(crate) fn party_type(named: &Named<PartyTypeId>) -> v1::PartyType {
    v1::PartyType { name: PARTY_TYPES.name(named.id), display_name: named.name.clone() }
}

/// A compliance profile.
pub(crate) fn compliance_profile(named: &Named<ComplianceProfileId>) -> v1::ComplianceProfile {
    v1::ComplianceProfile { name: COMPLIANCE_PROFILES.name(named.id), display_name: named.name.clone() }
}
