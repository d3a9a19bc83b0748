//! Typed ids: a vendor's id can not be passed where a party's is meant.
//!
//! Our own records have UUIDs of version 7 (they sort by creation time, so indexes grow at one end). Records of the directory keep
//! the directory's 64-bit integers.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id; later ids sort after earlier ones.
            #[must_use]
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )+};
}

macro_rules! external_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

uuid_id! {
    /// A tenant.
    OrganizationId,
    /// A key with which a program calls the API for one organization.
    ApiKeyId,
    /// A configured integration.
    ProviderId,
    /// A firm in the registry.
    PartyId,
    /// A project in the registry (the directory's side is a [`RecordId`]).
    ProjectId,
    /// What kind of firm a party is.
    PartyTypeId,
    /// Which insurance a party must show.
    ComplianceProfileId,
    /// A row of the ledger.
    JobId,
    /// One linking of a directory record to a registry record; a new linking of the same pair has a new id.
    LinkId,
    /// A person to write to, in the registry.
    ContactId,
    /// Evidence of one insurance line of a party.
    CoverageId,
    /// A group of suspected duplicates.
    DuplicateGroupId,
    /// A decision file that was sent.
    ImportId,
    /// A worker process, from its start to its end; also the owner of its leases.
    WorkerId,
    /// A party or a project of the registry, where code treats both alike (see [`crate::mapping::Subject`]).
    TargetId,
}

external_id! {
    /// A Procore company id, from the URL of the customer's Procore. Not a secret.
    CompanyId,
    /// The directory's id of a vendor or of a project. 64 bits: real ids passed 2^32 long ago.
    RecordId,
    /// The directory's id of an insurance.
    InsuranceId,
}

impl From<PartyId> for TargetId {
    fn from(id: PartyId) -> Self {
        Self(id.0)
    }
}

impl From<ProjectId> for TargetId {
    fn from(id: ProjectId) -> Self {
        Self(id.0)
    }
}

impl From<TargetId> for PartyId {
    fn from(id: TargetId) -> Self {
        Self(id.0)
    }
}

impl From<TargetId> for ProjectId {
    fn from(id: TargetId) -> Self {
        Self(id.0)
    }
}
