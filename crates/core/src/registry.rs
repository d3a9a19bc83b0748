//! The registry: parties and projects that the compliance platform keeps, and the marks of their integration.

use crate::directory::Address;
use crate::id::{ComplianceProfileId, PartyId, PartyTypeId, ProjectId, ProviderId, RecordId};

/// Says that a registry record follows a directory record (the article's "integration symbol").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntegrationMark {
    /// The provider.
    pub provider: ProviderId,
    /// The directory's id.
    pub record: RecordId,
    /// When the link was made, milliseconds since 1970.
    pub linked_at_ms: i64,
    /// When it was last brought in step.
    pub last_synced_at_ms: Option<i64>,
    /// The record is missing from the directory since two complete walks.
    pub orphaned: bool,
}

/// A firm.
#[derive(Clone, Debug)]
pub struct Party {
    /// Id.
    pub id: PartyId,
    /// Name.
    pub name: String,
    /// What kind of firm.
    pub party_type: PartyTypeId,
    /// Which insurance it must show.
    pub compliance_profile: ComplianceProfileId,
    /// Where it is.
    pub address: Address,
    /// Telephone.
    pub phone: Option<String>,
    /// E-mail.
    pub email: Option<String>,
    /// Links to directories; empty for a party that no integration knows.
    pub marks: Vec<IntegrationMark>,
    /// Projects it is on.
    pub project_count: u64,
    /// Changes with every write; the etag.
    pub revision: i64,
    /// Created, milliseconds since 1970.
    pub created_at_ms: i64,
    /// Last changed.
    pub updated_at_ms: i64,
}

/// What a new party is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewParty {
    /// Name, `1..=1000` characters.
    pub name: String,
    /// What kind of firm.
    pub party_type: PartyTypeId,
    /// Which insurance it must show.
    pub compliance_profile: ComplianceProfileId,
    /// Where it is.
    pub address: Address,
    /// Telephone.
    pub phone: Option<String>,
    /// E-mail.
    pub email: Option<String>,
}

/// What a person changes about a party; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartyChange {
    /// Name, `1..=1000` characters.
    pub name: Option<String>,
    /// What kind of firm.
    pub party_type: Option<PartyTypeId>,
    /// Which insurance it must show.
    pub compliance_profile: Option<ComplianceProfileId>,
    /// Where it is: all parts of it.
    pub address: Option<Address>,
    /// Telephone; `Some(None)` takes it away.
    pub phone: Option<Option<String>>,
    /// E-mail; `Some(None)` takes it away.
    pub email: Option<Option<String>>,
}

/// A project of the registry.
#[derive(Clone, Debug)]
pub struct Project {
    /// Id.
    pub id: ProjectId,
    /// Name.
    pub name: String,
    /// Number, where it has one.
    pub number: Option<String>,
    /// Where it is.
    pub address: Address,
    /// Links to directories.
    pub marks: Vec<IntegrationMark>,
    /// Parties on it.
    pub party_count: u64,
    /// Changes with every write; the etag.
    pub revision: i64,
    /// Created, milliseconds since 1970.
    pub created_at_ms: i64,
    /// Last changed.
    pub updated_at_ms: i64,
}

/// What a new project is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewProject {
    /// Name, `1..=1000` characters.
    pub name: String,
    /// Number.
    pub number: Option<String>,
    /// Where it is.
    pub address: Address,
}

/// What a person changes about a project; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectChange {
    /// Name, `1..=1000` characters.
    pub name: Option<String>,
    /// Number; `Some(None)` takes it away.
    pub number: Option<Option<String>>,
    /// Where it is: all parts of it.
    pub address: Option<Address>,
}

/// A named choice of an organization: a party type or a compliance profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named<Id> {
    /// Id.
    pub id: Id,
    /// Name.
    pub name: String,
}
