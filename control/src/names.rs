//! Resource names (AIP-122): `providers/{provider}` and the like, parsed where they come in and formatted where they go out.
//!
//! A name that has not the right form is a violation of the field it stands in; one that has it may still name nothing.

use linkyard_core::error::Violations;
use linkyard_core::id::{ContactId, PartyId, ProviderId, RecordId};
use linkyard_core::mapping::Subject;
use linkyard_core::{Error, Result};
use std::fmt::Display;
use std::str::FromStr;

/// A kind of name: the collection's word and what stands for the id in messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Collection {
    plural: &'static str,
    singular: &'static str,
}

pub(crate) const AUDIT_ENTRIES: Collection = Collection { plural: "auditEntries", singular: "audit_entry" };
pub(crate) const API_KEYS: Collection = Collection { plural: "apiKeys", singular: "api_key" };
pub(crate) const COMPLIANCE_PROFILES: Collection = Collection { plural: "complianceProfiles", singular: "compliance_profile" };
pub(crate) const COVERAGES: Collection = Collection { plural: "coverages", singular: "coverage" };
pub(crate) const DUPLICATE_GROUPS: Collection = Collection { plural: "duplicateGroups", singular: "duplicate_group" };
pub(crate) const JOBS: Collection = Collection { plural: "jobs", singular: "job" };
pub(crate) const ORGANIZATIONS: Collection = Collection { plural: "organizations", singular: "organization" };
pub(crate) const PARTIES: Collection = Collection { plural: "parties", singular: "party" };
pub(crate) const PARTY_TYPES: Collection = Collection { plural: "partyTypes", singular: "party_type" };
pub(crate) const PROJECTS: Collection = Collection { plural: "projects", singular: "project" };
pub(crate) const PROVIDERS: Collection = Collection { plural: "providers", singular: "provider" };
pub(crate) const WORKERS: Collection = Collection { plural: "workers", singular: "worker" };

impl Collection {
    /// The name of the one with this id.
    pub(crate) fn name(self, id: impl Display) -> String {
        format!("{}/{id}", self.plural)
    }

    /// The id in `name`.
    ///
    /// # Errors
    /// `Invalid` for `field` when it has not the form of such a name.
    pub(crate) fn parse<Id: FromStr + Display>(self, field: &str, name: &str) -> Result<Id> {
        let id = name.strip_prefix(self.plural).and_then(|rest| rest.strip_prefix('/')).and_then(canonical);
        id.ok_or_else(|| Error::invalid(field, format!("must have the form {}/{{{}}}", self.plural, self.singular)))
    }

    /// The id in `name`, or a note about what is wrong.
    pub(crate) fn note<Id: FromStr + Display>(self, field: &str, name: &str, violations: &mut Violations) -> Option<Id> {
        match self.parse(field, name) {
            Ok(id) => Some(id),
            Err(_) => {
                violations.add(field, format!("must have the form {}/{{{}}}", self.plural, self.singular));
                None
            }
        }
    }
}

/// Reads an id only in the form in which it is written: one record has one name.
fn canonical<Id: FromStr + Display>(text: &str) -> Option<Id> {
    text.parse::<Id>().ok().filter(|id| id.to_string() == text)
}

/// The collection to which records of a subject are mapped.
pub(crate) fn targets(subject: Subject) -> Collection {
    match subject {
        Subject::Vendor => PARTIES,
        Subject::Project => PROJECTS,
    }
}

/// The name of a mapping.
pub(crate) fn mapping(subject: Subject, provider: ProviderId, record: RecordId) -> String {
    format!("{}/{}/{record}", PROVIDERS.name(provider), subject.mappings())
}

/// The provider and record in the name of a mapping.
///
/// # Errors
/// `Invalid` for `field`.
pub(crate) fn parse_mapping(subject: Subject, field: &str, name: &str) -> Result<(ProviderId, RecordId)> {
    let word = subject.mappings();
    let mut parts = name.split('/');
    let parsed = match (parts.next(), parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("providers"), Some(provider), Some(found), Some(record), None) if found == word => {
            canonical(provider).zip(canonical(record))
        }
        _ => None,
    };
    parsed.ok_or_else(|| Error::invalid(field, format!("must have the form providers/{{provider}}/{word}/{{record}}")))
}

/// The name of a contact.
pub(crate) fn contact(party: PartyId, contact: ContactId) -> String {
    format!("{}/contacts/{contact}", PARTIES.name(party))
}

/// The party and contact in the name of a contact.
///
/// # Errors
/// `Invalid` for `field`.
pub(crate) fn parse_contact(field: &str, name: &str) -> Result<(PartyId, ContactId)> {
    let parsed = name.strip_prefix("parties/").and_then(|rest| rest.split_once("/contacts/"));
    let parsed = parsed.and_then(|(party, contact)| canonical(party).zip(canonical(contact)));
    parsed.ok_or_else(|| Error::invalid(field, "must have the form parties/{party}/contacts/{contact}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use linkyard_core::id::JobId;

    #[test]
    fn a_name_reads_back_as_its_id() {
        let job = JobId::generate();
        assert_eq!(JOBS.parse::<JobId>("name", &JOBS.name(job)).expect("name"), job);
        let (provider, record) = (ProviderId::generate(), RecordId(562_949_953_425_831));
        for subject in Subject::ALL {
            let name = mapping(subject, provider, record);
            assert_eq!(parse_mapping(subject, "name", &name).expect("name"), (provider, record));
        }
    }

    #[test]
    fn a_contact_is_named_within_its_party() {
        let (party, id) = (PartyId::generate(), ContactId::generate());
        assert_eq!(parse_contact("name", &contact(party, id)).expect("name"), (party, id));
        for wrong in
            [format!("contacts/{id}"), format!("parties/{party}"), format!("parties/{party}/contacts/{id}/x"), String::new()]
        {
            assert!(parse_contact("name", &wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn anything_else_is_a_violation() {
        let id = JobId::generate();
        let spellings = [
            "",
            "jobs/",
            "jobs/x",
            "job/1",
            &format!("jobs/{id}/x"),
            &format!("jobs/{}", id.0.simple()),
            &format!("parties/{id}"),
        ];
        for name in spellings {
            assert!(JOBS.parse::<JobId>("name", name).is_err(), "{name}");
        }
        let provider = ProviderId::generate();
        for tail in
            ["partyMappings/+5", "partyMappings/05", "partyMappings/x", "projectMappings/5", "partyMappings", "partyMappings/5/6"]
        {
            assert!(parse_mapping(Subject::Vendor, "name", &format!("providers/{provider}/{tail}")).is_err(), "{tail}");
        }
    }
}
